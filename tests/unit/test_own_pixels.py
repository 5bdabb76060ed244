"""16 bits and wide gamut are kept wherever nothing was edited: an export of what nobody touched is the photo itself."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from kontext_ui.images import codec, numbered, own, png
from kontext_ui.images.export import Opened, Recipe, RecipeStep, export, read_recipe
from kontext_ui.images.numbered import Numbered

LIMITS = codec.ImageLimits(max_bytes=5_000_000, max_pixels=4_000_000)
P3 = Numbered("Display P3", numbered.PRIMARIES[12][1]).profile()
SMOOTH = np.linspace(0, 65535, 40 * 60 * 3).reshape(40, 60, 3).astype(np.uint16)
SATURATED = np.array([[(255, 0, 0), (0, 255, 0), (10, 20, 250), (128, 128, 128)]] * 40, np.uint8).repeat(16, axis=1)


def png16(pixels, profile=None, *chunks):
    return png.with_chunks(own.encode(pixels), *([png.profile_chunk(profile)] if profile else []), *chunks)


def tiff16(pixels, *, compression=5):
    settings = [cv2.IMWRITE_TIFF_COMPRESSION, compression]
    return cv2.imencode(".tiff", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), settings)[1].tobytes()


def file_of(image, format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def exported(opened, format, pixels=None, **options):
    return export(
        opened.pixels if pixels is None else pixels,
        format,
        icc_profile=opened.icc_profile,
        opened=None if opened.own is None else Opened(opened.pixels, opened.own),
        **options,
    ).data


def read16(data):
    raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(raw, cv2.COLOR_BGRA2RGBA if raw.shape[2] == 4 else cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("file", [png16(SMOOTH), tiff16(SMOOTH), tiff16(SMOOTH, compression=8), png16(SMOOTH, P3)])
def test_sixteen_bits_leave_as_they_came(file, format):
    opened = codec.open_image(file, LIMITS)
    data = exported(opened, format)

    assert opened.source["bits"] == "16"
    assert np.array_equal(read16(data), SMOOTH)
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == (opened.icc_profile or image.info["icc_profile"])
        assert np.abs(np.asarray(image.convert("RGB"), int) - SMOOTH // 257).max() <= 1


def test_what_was_edited_is_pasted_into_the_photos_depth_and_gamut():
    opened = codec.open_image(png16(SMOOTH, P3), LIMITS)
    edited = opened.pixels.copy()
    edited[5:10, 20:30] = (200, 60, 40)

    made = read16(exported(opened, "png", edited))
    outside = np.ones((40, 60), bool)
    outside[5:10, 20:30] = False

    assert np.array_equal(made[outside], SMOOTH[outside])
    in_p3 = np.array([185, 71, 50]) * 257  # the same colour by P3's numbers (matrices of CSS Color 4)
    assert np.abs(made[7, 25].astype(int) - in_p3).max() <= 2 * 257


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_saturated_colours_of_a_wide_profile_are_not_clipped(format):
    opened = codec.open_image(file_of(Image.fromarray(SATURATED), icc_profile=P3), LIMITS)
    data = exported(opened, format)

    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image), SATURATED)
        assert image.info["icc_profile"] == P3


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_lossy_formats_start_from_the_photos_own_colours(format):
    opened = codec.open_image(png16(SATURATED.astype(np.uint16) * 257, P3), LIMITS)
    data = exported(opened, format, quality=100)

    with Image.open(io.BytesIO(data)) as image:
        assert np.abs(np.asarray(image.convert("RGB"), int)[8, 8::16] - SATURATED[8, 8::16]).max() <= 8
        assert image.info["icc_profile"] == P3


def test_an_ordinary_photo_keeps_nothing_twice():
    assert codec.open_image(file_of(Image.fromarray(SATURATED)), LIMITS).own is None
    assert codec.open_image(file_of(Image.fromarray(SATURATED), "JPEG"), LIMITS).own is None
    assert codec.open_image(file_of(Image.fromarray(SATURATED).convert("CMYK"), "TIFF"), LIMITS).own is None


def test_transparency_of_sixteen_bits_is_kept():
    glass = np.dstack([SMOOTH, SMOOTH[..., :1]])
    opened = codec.open_image(png16(glass), LIMITS)

    assert np.array_equal(read16(exported(opened, "png")), glass)
    assert np.array_equal(read16(exported(opened, "tiff")), glass)


def test_greys_of_sixteen_bits_are_kept():
    opened = codec.open_image(file_of(Image.fromarray(SMOOTH[..., 0])), LIMITS)

    assert np.array_equal(read16(exported(opened, "png"))[..., 1], SMOOTH[..., 0])
    assert np.array_equal(opened.pixels[..., 0], np.rint(SMOOTH[..., 0] / 257))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_turned_in_all_its_depth(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = codec.open_image(png16(SMOOTH, None, png.chunk(b"eXIf", exif.tobytes()[6:])), LIMITS)
    plain = codec.open_image(file_of(Image.fromarray((SMOOTH // 257).astype(np.uint8)), exif=exif), LIMITS)

    assert opened.own.shape[:2] == opened.pixels.shape[:2] == plain.pixels.shape[:2]
    assert np.abs(opened.own // 257 - plain.pixels.astype(int)).max() <= 1


def test_ten_bits_of_a_heic_are_kept():
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    grey = SMOOTH[..., :1].repeat(3, axis=2).copy()
    pillow_heif.from_bytes(mode="RGB;16", size=(60, 40), data=grey.tobytes()).save(buffer, quality=-1, chroma=444)

    opened = codec.open_image(buffer.getvalue(), LIMITS)

    assert opened.source["bits"] == "16"
    assert opened.own.max() == 65535
    assert len(np.unique(opened.own)) > 300  # of the 1,024 levels
    assert np.abs(opened.own / 257 - opened.pixels).max() <= 1


def test_after_a_crop_there_is_still_a_picture():
    opened = codec.open_image(png16(SMOOTH, P3), LIMITS)
    data = exported(opened, "png", np.ascontiguousarray(opened.pixels[:30, :50]))

    assert Image.open(io.BytesIO(data)).size == (50, 30)


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_the_recipe_travels_in_deep_files_too(format):
    recipe = Recipe((RecipeStep("make the café red ☕"),), "root", "project", "version")
    data = exported(codec.open_image(png16(SMOOTH), LIMITS), format, recipe=recipe)

    assert read_recipe(data) == recipe


@pytest.mark.parametrize(("height", "width", "channels"), [(8, 8, 3), (65, 33, 3), (64, 9, 4), (129, 17, 4)])
def test_our_tiff_is_read_by_others(height, width, channels):
    pixels = np.random.default_rng(1).integers(0, 65535, (height, width, channels), np.uint16, endpoint=True)
    data = own.as_tiff(pixels, P3, b"<x/>")

    assert np.array_equal(read16(data), pixels)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert (image.size, image.mode) == ((width, height), "RGB" if channels == 3 else "RGBA")
        assert image.tag_v2[700] == (b"<x/>",)
