"""The page: `python app.py` here, and what a Hugging Face Space runs.

The page is served by Gradio in Server mode: our own document and routes, and Gradio's API engine for
the named endpoints, so that `gradio_client` works. Everything that is needed stands in `kontext_ui`.
"""

import sys
from collections.abc import Callable

from kontext_ui.bootstrap import build_editor
from kontext_ui.editor import Editor
from kontext_ui.settings import Settings
from kontext_ui.web.serve import serve


def main(make_editor: Callable[[Settings], Editor] = build_editor) -> int:
    """Runs until it is stopped. ``make_editor`` lets tests bring a backend of their own."""
    return serve(make_editor)


if __name__ == "__main__":
    sys.exit(main())
