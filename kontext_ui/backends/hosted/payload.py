"""What goes into a request and what comes out of an answer.

Pictures are sent as PNG, so that sending one adds no loss. An answer's shape is never taken for granted:
values of the wrong type are treated as missing.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from kontext_ui.edits import Mask, Pixels
from kontext_ui.images import codec


def base64_png(pixels: Pixels) -> str:
    return _text(codec.encode_png(pixels))


def base64_mask(mask: Mask) -> str:
    return _text(codec.encode_mask_png(mask))


def data_uri(pixels: Pixels) -> str:
    """The picture inside an address."""
    return data_uri_of(codec.encode_png(pixels))


def data_uri_of(png: bytes) -> str:
    """The same for a PNG that is there already."""
    return f"data:image/png;base64,{_text(png)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def text_of(value: object) -> str | None:
    """``None`` for an empty one as well."""
    return value if isinstance(value, str) and value else None


def whole_of(value: object) -> int | None:
    return value if isinstance(value, int) else None


def number_of(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def fields_of(value: object) -> Mapping[str, Any]:
    """Empty unless it is a JSON object."""
    return value if isinstance(value, dict) else {}


def first_of(value: object) -> object:
    """The first of a list; anything else counts as the only one. ``None`` for an empty list."""
    if isinstance(value, list):
        return value[0] if value else None
    return value
