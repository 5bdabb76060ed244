"""PNG files by their chunks.

What is not needed to show a picture, texts above all, may be as large or as damaged as it likes: viewers open such
files, ComfyUI keeps whole workflows in them, and so they are read here without it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kontext_ui.images.profiles import MAX_PROFILE_BYTES

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEAD = struct.Struct(">I4s")
CRC_BYTES = 4
COLOURS = (b"iCCP", b"cICP", b"sRGB", b"gAMA", b"cHRM")
KEPT = (b"tRNS", b"eXIf")
"""Of the chunks that a reader may leave out, those that change what is seen: transparency and orientation."""
FRAMES = struct.Struct(">II")
ANCILLARY = 0x20
"""A bit of a chunk's first letter (PNG, 5.4): not needed to show the picture."""


class Chunk(NamedTuple):
    kind: bytes
    body: bytes
    whole: bytes
    """With its length, kind and check sum."""
    intact: bool

    @property
    def needed(self) -> bool:
        return not self.kind[0] & ANCILLARY


@dataclass(frozen=True)
class Bare:
    """A PNG with nothing but the picture, and what was said of its colours, by the kind of chunk."""

    data: bytes
    colours: Mapping[bytes, bytes]
    frames: int = 1
    """Of an animation; its frames beyond the first picture are left out."""


def bare(data: bytes) -> Bare:
    """What is cut off or no PNG at all comes back as it is."""
    kept, colours = [data[: len(SIGNATURE)]], {}
    end, frames = len(SIGNATURE), 1
    for chunk in chunks(data):
        end += len(chunk.whole)
        if chunk.needed or (chunk.intact and chunk.kind in KEPT):
            kept.append(chunk.whole)
        elif chunk.intact and chunk.kind in COLOURS:
            colours[chunk.kind] = chunk.body
        elif chunk.intact and chunk.kind == b"acTL" and len(chunk.body) == FRAMES.size:
            frames = FRAMES.unpack(chunk.body)[0]
    return Bare(b"".join((*kept, data[end:])), colours, frames)


def chunks(data: bytes) -> Iterator[Chunk]:
    """Until the last one, or until something is no chunk."""
    at = len(SIGNATURE)
    while data.startswith(SIGNATURE) and at + HEAD.size <= len(data):
        length, kind = HEAD.unpack_from(data, at)
        end = at + HEAD.size + length + CRC_BYTES
        if end > len(data) or not kind.isalpha():
            return
        body = data[at + HEAD.size : end - CRC_BYTES]
        intact = zlib.crc32(body, zlib.crc32(kind)).to_bytes(CRC_BYTES, "big") == data[end - CRC_BYTES : end]
        yield Chunk(kind, body, data[at:end], intact)
        if kind == b"IEND":
            return
        at = end


def chunk(kind: bytes, body: bytes) -> bytes:
    return HEAD.pack(len(body), kind) + body + zlib.crc32(body, zlib.crc32(kind)).to_bytes(CRC_BYTES, "big")


def with_chunks(data: bytes, *added: bytes) -> bytes:
    """Chunks put in behind the header of a PNG."""
    header = next(chunks(data))
    end = len(SIGNATURE) + len(header.whole)
    return b"".join((data[:end], *added, data[end:]))


def profile_of(body: bytes) -> bytes | None:
    """The profile in an ``iCCP`` chunk; ``None`` where it cannot be unpacked or is too large to be one."""
    packed = body.partition(b"\0")[2][1:]
    try:
        profile = zlib.decompressobj().decompress(packed, MAX_PROFILE_BYTES + 1)
    except zlib.error:
        return None
    return profile if 0 < len(profile) <= MAX_PROFILE_BYTES else None


def profile_chunk(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"icc\0\0" + zlib.compress(profile))


def text_chunk(keyword: str, text: str) -> bytes:
    """``iTXt``: UTF-8, and not packed, so that it can be found again without unpacking what a stranger packed."""
    return chunk(b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode())
