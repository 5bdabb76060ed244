"""Where the files lie that come with the program: scripts, styles, pictures, networks, typefaces."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
ASSETS = _PACKAGE / "assets" if (_PACKAGE / "assets").is_dir() else _PACKAGE.parent / "assets"
"""Inside the package where it was installed from a wheel, next to it in a checkout."""
