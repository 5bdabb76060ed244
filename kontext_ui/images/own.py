"""A photo's own pixels, where 8 bits of sRGB do not hold them: 16 bits, or colours of a wider profile.

Models and the screen get 8-bit sRGB. What nobody edited leaves the program as it came, in the photo's depth and
profile; only the pixels that differ from the opened picture are converted.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from kontext_ui.edits import Pixels
from kontext_ui.errors import ImageMissing
from kontext_ui.images import png

Own: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""RGB or RGBA, upright, of 8 or 16 bits."""
DEPTH_AT = 24
"""Where a PNG keeps its bit depth."""
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
BLACK_IS_ZERO, RGB, UNSIGNED = 1, 2, 1
TURNS = {
    2: lambda own: own[:, ::-1],
    3: lambda own: own[::-1, ::-1],
    4: lambda own: own[::-1],
    5: lambda own: own.swapaxes(0, 1),
    6: lambda own: np.rot90(own, -1),
    7: lambda own: own[::-1, ::-1].swapaxes(0, 1),
    8: lambda own: np.rot90(own),
}
"""What each orientation of Exif asks for."""
SURE = 1.5
"""Two decoders of one file differ by rounding, on average less than this of 255; if not, one has misunderstood it."""
STRIP_ROWS = 64


def deep_pixels(image: Image.Image, data: bytes, orientation: int) -> NDArray[np.uint16] | None:
    """All 16 bits of a PNG, TIFF or HEIC, of which Pillow reads 8; ``None`` for a file that has no more."""
    if image.format == "HEIF":
        raw = _of_heif(data) if image.info.get("bit_depth", 8) > 8 else None
    else:
        deep = (image.format == "PNG" and data[DEPTH_AT] == 16) or _is_deep_tiff(image)
        raw = _decoded(data) if deep else None
    if raw is None or raw.dtype != np.uint16 or raw.shape[:2] != image.size[::-1]:
        return None
    seen = np.asarray(image.convert("RGB" if raw.shape[2] == 3 else "RGBA"), np.float32)
    grey = image.mode.startswith("I")  # 16-bit greys, which Pillow does not scale
    if not grey and np.abs(seen - raw / np.float32(257)).mean() > SURE:
        return None
    return np.ascontiguousarray(TURNS.get(orientation, lambda own: own)(raw))


def eight_bits(own: Own) -> Pixels:
    if own.dtype == np.uint8:
        return np.asarray(own, np.uint8)
    return np.asarray((own.astype(np.uint32) + 128) // 257, np.uint8)


def encode(own: Own) -> bytes:
    """As a PNG of its depth, without a profile."""
    order = cv2.COLOR_RGBA2BGRA if own.shape[2] == 4 else cv2.COLOR_RGB2BGR
    settings = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    done, encoded = cv2.imencode(".png", cv2.cvtColor(own, order), settings)
    assert done
    return encoded.tobytes()


def decode(data: bytes) -> Own:
    """Raises ``ImageMissing`` when the file is damaged."""
    raw = _decoded(data)
    if raw is None:
        raise ImageMissing("A stored picture is damaged.", hint="Run the verify command to see which.")
    return raw


def restored(own: Own, root: Pixels, pixels: Pixels, converted: Pixels) -> Own | None:
    """``own`` where ``pixels`` is still the opened picture ``root``, and elsewhere ``converted``, which is ``pixels``
    in the photo's profile. ``None`` where the shapes differ, as after a crop."""
    if not own.shape == root.shape == pixels.shape:
        return None
    edited = (pixels != root).any(axis=2)
    if not edited.any():
        return own
    made = own.copy()
    made[edited] = converted[edited] if own.dtype == np.uint8 else converted[edited].astype(np.uint16) * 257
    return made


def as_png(own: Own, profile: bytes, texts: dict[str, str]) -> bytes:
    chunks = [png.profile_chunk(profile), *(png.text_chunk(keyword, text) for keyword, text in texts.items())]
    return png.with_chunks(encode(own), *chunks)


def as_tiff(own: NDArray[np.uint16], profile: bytes, xmp: bytes | None) -> bytes:
    """TIFF 6.0 of 16 bits, packed without loss. Pillow cannot write one."""
    height, width, channels = own.shape
    strips = [_packed(own[top : top + STRIP_ROWS]) for top in range(0, height, STRIP_ROWS)]
    starts = np.cumsum([8, *(len(strip) for strip in strips)])
    fields = [
        (256, "I", [width]), (257, "I", [height]), (BITS, "H", [16] * channels), (259, "H", [8]),
        (PHOTOMETRIC, "H", [RGB]), (273, "I", starts[:-1].tolist()), (277, "H", [channels]), (278, "I", [STRIP_ROWS]),
        (279, "I", [len(strip) for strip in strips]), (317, "H", [2]),
    ]  # fmt: skip
    if channels == 4:
        fields.append((338, "H", [2]))  # alpha that is not multiplied into the colours
    blobs = [(700, xmp)] * (xmp is not None) + [(34675, profile)]
    body = b"".join(strips) + bytes(int(starts[-1]) % 2)
    table, beyond = b"", b""
    end = 8 + len(body) + 2 + 12 * (len(fields) + len(blobs)) + 4
    for tag, kind, values in fields:
        raw = struct.pack(f"<{len(values)}{kind}", *values)
        table, beyond = _entry(table, beyond, end, tag, {"H": 3, "I": 4}[kind], len(values), raw)
    for tag, blob in blobs:
        table, beyond = _entry(table, beyond, end, tag, 7, len(blob or b""), blob or b"")
    count = struct.pack("<H", len(fields) + len(blobs))
    return struct.pack("<2sHI", b"II", 42, 8 + len(body)) + body + count + table + bytes(4) + beyond


def _entry(table: bytes, beyond: bytes, end: int, tag: int, kind: int, count: int, raw: bytes) -> tuple[bytes, bytes]:
    """One more field: its value, or where beyond the table it lies."""
    value = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack("<I", end + len(beyond))
    more = b"" if len(raw) <= 4 else raw + bytes(len(raw) % 2)
    return table + struct.pack("<HHI", tag, kind, count) + value, beyond + more


def _packed(rows: NDArray[np.uint16]) -> bytes:
    """Differences to the pixel on the left, which pack better (TIFF 6.0, section 14)."""
    differences = rows.copy()
    differences[:, 1:] -= rows[:, :-1]
    return zlib.compress(differences.astype("<u2").tobytes(), 4)


def _is_deep_tiff(image: Image.Image) -> bool:
    """Only the first page, plain greys and RGB."""
    if not isinstance(image, TiffImageFile) or image.tell() != 0:
        return False
    bits, formats = image.tag_v2.get(BITS, ()), image.tag_v2.get(SAMPLE_FORMAT, UNSIGNED)
    formats = formats if isinstance(formats, tuple) else (formats,)
    return (
        set(bits if isinstance(bits, tuple) else (bits,)) == {16}
        and set(formats) == {UNSIGNED}
        and image.tag_v2.get(PHOTOMETRIC) in (BLACK_IS_ZERO, RGB)
    )


def _decoded(data: bytes) -> Own | None:
    try:
        raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    channels = 0 if raw is None else raw.shape[2] if raw.ndim == 3 else 1
    order = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}.get(channels)
    if raw is None or order is None:
        return None
    if raw.dtype == np.uint8:
        return np.asarray(cv2.cvtColor(raw, order), np.uint8)
    return np.asarray(cv2.cvtColor(raw, order), np.uint16) if raw.dtype == np.uint16 else None


def _of_heif(data: bytes) -> Own | None:
    from pillow_heif import open_heif

    file = open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    raw, depth = np.asarray(file[file.primary_index]), int(file.info["bit_depth"])
    if raw.dtype != np.uint16 or raw.ndim != 3 or raw.shape[2] not in (3, 4):
        return None
    codes, top = (raw >> (16 - depth)).astype(np.uint32), (1 << depth) - 1  # they come in the upper bits
    return np.asarray((codes * 65535 + top // 2) // top, np.uint16)
