"""Whatever the bytes are: a picture, or a sentence."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from kontext_ui.errors import InvalidImage
from kontext_ui.images import codec

LIMITS = codec.ImageLimits(max_bytes=2_000_000, max_pixels=1_000_000)


def file_of(format, **options):
    noise = np.random.default_rng(3).integers(0, 255, (48, 64, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format, **options)
    return buffer.getvalue()


FILES = {format: file_of(format) for format in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")}


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, body=b"", extra=b""):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def animation():
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "green")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def tiny():
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG")
    return buffer.getvalue()


CASES = {
    "nothing": (b"", "empty"),
    "one by one": (tiny(), "too small"),
    "animation": (animation(), "animation"),
    "enormous dimensions": (png(100_000, 100_000, zlib.compress(b"\0" * 100)), "megapixels"),
    "largest dimensions": (png(2**31 - 1, 2**31 - 1), "megapixels"),
    "bomb": (png(30_000, 30_000, zlib.compress(b"\0" * 1_000_000)), "megapixels"),
    "no dimensions": (png(0, 0), "damaged|cannot be opened|not a picture"),
    "huge text chunk": (
        png(64, 48, b"", chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 90_000_000))),
        "damaged|missing",
    ),
    "wrong checksum": (FILES["PNG"][:40] + b"\xff" + FILES["PNG"][41:], "damaged|missing"),
    "half a picture": (FILES["JPEG"][: len(FILES["JPEG"]) // 2], "missing"),
    "text": (b"dear editor, here is my photo", "text"),
    "web page": (b"<!doctype html><html><body>hi", "web page"),
    "svg": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "pdf": (b"%PDF-1.7 ...", "PDF"),
    "zip": (b"PK\x03\x04aaaaaaaa", "ZIP"),
    "video": (b"\0\0\0\x20ftypisom" + b"\0" * 40, "video"),
    "png in name only": (b"\x89PNG\r\n\x1a\n" + b"garbage" * 20, "missing|damaged|not a picture"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
    "photoshop": (b"8BPS" + b"\0" * 100, "Photoshop"),
    "noise": (bytes(range(128, 256)) * 20, "not a picture"),
}


@pytest.mark.parametrize(("data", "sentence"), CASES.values(), ids=CASES)
def test_every_bad_file_has_its_own_sentence(data, sentence):
    with pytest.raises(InvalidImage, match=sentence) as caught:
        codec.open_image(data, LIMITS)

    assert caught.value.hint
    assert caught.value.message.endswith(".")


def test_a_file_over_the_limit_is_refused_before_it_is_looked_at():
    with pytest.raises(InvalidImage, match="MB"):
        codec.open_image(b"\0" * 2_000_001, LIMITS)


@pytest.mark.parametrize("format", FILES)
@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_truncated_file_is_refused_or_complete(format, tenths):
    data = FILES[format][: len(FILES[format]) * tenths // 10]

    with pytest.raises(InvalidImage):
        codec.open_image(data, LIMITS)


@given(st.binary(max_size=3000))
@settings(max_examples=150, deadline=None)
def test_arbitrary_bytes_are_a_picture_or_a_sentence(data):
    open_or_refuse(data)


@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12),
    st.floats(0.2, 1),
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_files_are_a_picture_or_a_sentence(format, damage, kept):
    data = bytearray(FILES[format])
    for place, value in damage:
        data[int(place * len(data))] = value

    open_or_refuse(bytes(data[: int(len(data) * kept)]))


def open_or_refuse(data):
    try:
        opened = codec.open_image(data, LIMITS)
    except InvalidImage:
        return
    assert opened.pixels.dtype == np.uint8
    assert opened.pixels.shape == (opened.size.height, opened.size.width, 4 if opened.has_alpha else 3)
