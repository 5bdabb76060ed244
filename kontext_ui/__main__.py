"""``python -m kontext_ui``: the command line; alone it starts the page."""

import sys

from kontext_ui.cli import main

if __name__ == "__main__":
    sys.exit(main())
