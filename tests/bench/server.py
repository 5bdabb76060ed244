"""The real program with the stub as its only engine."""

import sys

import app
from kontext_ui.bootstrap import build_editor

if __name__ == "__main__":
    sys.exit(app.main(lambda settings: build_editor(settings, {"stub": "tests.bench.stub:build"})))
