"""The real program with one more backend, the gated one, so that tests can stop the time."""

import sys

import app
from kontext_ui.backends import BACKENDS
from kontext_ui.bootstrap import build_editor

if __name__ == "__main__":
    registry = {**{key: BACKENDS[key] for key in ("builtin",)}, "gated": "tests.browser.gated:build"}
    sys.exit(app.main(lambda settings: build_editor(settings, registry)))
