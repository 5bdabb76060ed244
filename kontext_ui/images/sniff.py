"""Recognising a file by its first bytes, so that a refusal can say what it is."""

from __future__ import annotations

import re
from functools import cache

from PIL import Image

from kontext_ui.errors import InvalidImage

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF")
"""The only decoders that outside bytes ever reach."""

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf\x27\x1c", "an archive"),
    (b"\x1f\x8b", "a compressed file"),
    (b"8BPS", "a Photoshop document"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"ID3", "a sound file"),
    (b"OggS", "a sound or video file"),
    (b"fLaC", "a sound file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3", "a database"),
    (b"II\xbc", "a JPEG XR picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"%!PS", "a PostScript document"),
)
VIDEO_BRANDS = (b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"qt  ", b"M4V ", b"M4A ", b"3gp4", b"3gp5")
MARKUP = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:\?xml|!doctype|html|svg|!--|head|body|script)", re.IGNORECASE)


def check_not_something_else(data: bytes) -> None:
    """Raises ``InvalidImage``, saying what the file is, when it is clearly not a supported picture."""
    kind = _kind(data[:512])
    if kind is not None:
        raise InvalidImage(f"This is {kind}, not a picture.", hint="Use a PNG, JPEG, WebP, TIFF, HEIC or AVIF file.")


def _kind(head: bytes) -> str | None:
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[4:8] == b"ftyp" and head[8:12] in VIDEO_BRANDS:
        return "a video"
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WAVE"):
        return "a sound or video file"
    if MARKUP.match(head):
        return "an SVG drawing" if b"<svg" in head.lower() else "a web page or other markup"
    if _is_text(head):
        return "text"
    return None


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\r\n\t" for character in text)


@cache
def readable_formats() -> tuple[str, ...]:
    """Those of ``FORMATS`` that this installation can read; HEIC only with pillow-heif installed."""
    Image.init()
    try:
        import pillow_heif
    except ImportError:
        pass
    else:
        pillow_heif.register_heif_opener()
    return tuple(format_name for format_name in FORMATS if format_name in Image.OPEN)
