"""Pictures that every viewer opens: with large or damaged extras, thumbnails of their own, and texts of any kind."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from kontext_ui.errors import InvalidImage
from kontext_ui.images import codec, png

LIMITS = codec.ImageLimits(max_bytes=20_000_000, max_pixels=1_000_000)
PIXELS = np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8)
PHOTO = Image.fromarray(PIXELS)


def file_of(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def spoilt(chunk):
    """The same chunk with a wrong check sum."""
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


WORKFLOW = b'{"nodes": "' + b"ComfyUI " * 400_000 + b'"}'
EXTRAS = {
    "a workflow of 3 MB": png.chunk(b"zTXt", b"workflow\0\0" + zlib.compress(WORKFLOW)),
    "the same, not packed": png.chunk(b"tEXt", b"workflow\0" + WORKFLOW),
    "the same, as iTXt": png.chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(WORKFLOW)),
    "a text packed in an unknown way": png.chunk(b"zTXt", b"a\0\7xyz"),
    "a text that is no text": png.chunk(b"iTXt", b"\xff\0\1\0\0\0\0"),
    "a text with a wrong check sum": spoilt(png.chunk(b"tEXt", b"Software\0anything")),
    "a date with a wrong check sum": spoilt(png.chunk(b"tIME", b"\x07\xe8\1\1\1\1\1")),
    "a private chunk with a wrong check sum": spoilt(png.chunk(b"cbLP", b"x")),
    "a profile with a wrong check sum": spoilt(png.profile_chunk(b"x" * 200)),
    "a profile that cannot be unpacked": png.chunk(b"iCCP", b"icc\0\0nothing"),
    "a profile packed in an unknown way": png.chunk(b"iCCP", b"icc\0\5nothing"),
    "a profile of 3 MB": png.profile_chunk(b"x" * 3_000_000),
    "a profile of 90 MB": png.profile_chunk(b"x" * 90_000_000),
    "an empty rendering intent": png.chunk(b"sRGB", b""),
    "Exif that cannot be read": png.chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff garbage"),
    "Exif that is cut off": png.chunk(b"eXIf", b"II*\0\x08\0\0\0\x05\0"),
    "Exif with a wrong check sum": spoilt(png.chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0")),
    "half an animation": png.chunk(b"acTL", b"\0"),
}


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
def test_what_is_not_the_picture_may_be_large_or_damaged(extra):
    opened = codec.open_image(png.with_chunks(file_of(PHOTO, "PNG"), extra), LIMITS)

    assert np.array_equal(opened.pixels, PIXELS)
    assert "turned" not in opened.source


def test_a_damaged_picture_is_still_refused():
    data = file_of(PHOTO, "PNG")
    at = data.index(b"IDAT")

    for spoil in (data[: at + 40], data[: at + 20] + b"\0\0\0" + data[at + 23 :]):
        with pytest.raises(InvalidImage, match=r"damaged|incomplete"):
            codec.open_image(spoil, LIMITS)


def test_an_orientation_in_a_png_still_turns_it():
    exif = Image.Exif()
    exif[0x0112] = 6

    opened = codec.open_image(file_of(PHOTO, "PNG", exif=exif), LIMITS)

    assert opened.size == (40, 60)
    assert opened.source["turned"] == "yes"


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_exif_that_cannot_be_read_is_no_damage(format):
    exif = b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 40

    opened = codec.open_image(file_of(PHOTO, format, exif=exif), LIMITS)

    assert opened.size == (60, 40)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"gAMA", b"cHRM", b"cICP",
                                           b"sRGB", b"pHYs", b"tIME", b"bKGD", b"hIST", b"prVt"]),
                          st.binary(max_size=60), st.booleans()), max_size=4))  # fmt: skip
def test_no_extra_whatsoever_makes_a_picture_unreadable(extras):
    added = [png.chunk(kind, body) if intact else spoilt(png.chunk(kind, body)) for kind, body, intact in extras]

    assert codec.open_image(png.with_chunks(file_of(PHOTO, "PNG"), *added), LIMITS).pixels.shape[:2] in (
        (40, 60), (60, 40),
    )  # fmt: skip


def test_an_animated_png_is_refused_as_one():
    file = file_of(PHOTO, "PNG", save_all=True, append_images=[PHOTO.rotate(90), PHOTO.rotate(180)])

    with pytest.raises(InvalidImage, match=r"animation or has several pages \(3\)"):
        codec.open_image(file, LIMITS)


def pages(*pictures):
    """A TIFF of pages, each with the value of its NewSubfileType tag, or none."""
    buffer = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(buffer, new=True) as writer:
        for image, kind in pictures:
            image.save(writer, "TIFF", tiffinfo={} if kind is None else {254: kind})
            writer.newFrame()
    return buffer.getvalue()


SMALL = PHOTO.resize((12, 8))


@pytest.mark.parametrize(
    "file",
    [
        pages((PHOTO, 0), (SMALL, 1)),
        pages((PHOTO, None), (SMALL, 1)),
        pages((SMALL, 1), (PHOTO, 0)),
        pages((SMALL, 1), (PHOTO, None), (SMALL, 1), (SMALL.convert("1"), 4)),
    ],
)
def test_a_tiff_with_a_thumbnail_of_its_own_is_one_picture(file):
    assert np.array_equal(codec.open_image(file, LIMITS).pixels, PIXELS)


@pytest.mark.parametrize("file", [pages((PHOTO, 0), (SMALL, 0)), pages((PHOTO, 2), (PHOTO, 2))])
def test_a_tiff_of_several_pages_is_not(file):
    with pytest.raises(InvalidImage, match=r"several pages \(2\)"):
        codec.open_image(file, LIMITS)


def test_the_page_that_is_taken_is_the_one_that_is_measured():
    file = pages((SMALL, 1), (Image.new("L", (2000, 1000)), 0))

    with pytest.raises(InvalidImage, match="megapixels"):
        codec.open_image(file, LIMITS)
