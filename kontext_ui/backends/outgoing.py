"""Pictures on their way to a provider: as PNG, so that sending one adds no loss."""

from __future__ import annotations

import base64

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
