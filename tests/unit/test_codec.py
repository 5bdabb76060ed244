"""Pictures in every form that people have them in."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from kontext_ui.errors import InvalidImage
from kontext_ui.images import codec

LIMITS = codec.ImageLimits(max_bytes=5_000_000, max_pixels=4_000_000)


def file_of(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.fixture
def photo():
    """60 × 40, each quadrant of its own colour."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:20, :30], pixels[:20, 30:] = (200, 30, 30), (30, 200, 30)
    pixels[20:, :30], pixels[20:, 30:] = (30, 30, 200), (220, 220, 60)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "GIF"])
def test_lossless_formats_come_in_exactly(photo, format):
    opened = codec.open_image(file_of(photo, format), LIMITS)

    assert np.array_equal(opened.pixels, np.asarray(photo))
    assert opened.source["format"] == format


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF", "HEIF"])
def test_lossy_formats_come_in_about_right(photo, format):
    if format == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()

    opened = codec.open_image(file_of(photo, format, quality=95), LIMITS)

    assert np.abs(opened.pixels.astype(int) - np.asarray(photo)).mean() < 6
    assert not opened.has_alpha


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_exactly_once(photo, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turns = {3: 180, 6: 270, 8: 90}

    opened = codec.open_image(file_of(photo, "PNG", exif=exif), LIMITS)

    assert opened.size == ((40, 60) if orientation >= 5 else (60, 40))
    assert ("turned" in opened.source) is (orientation != 1)
    if orientation in turns:
        expected = photo.rotate(turns[orientation], expand=True)
        assert np.array_equal(opened.pixels, np.asarray(expected))


def test_an_embedded_profile_is_converted_to_srgb_and_its_name_kept(photo):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

    opened = codec.open_image(file_of(photo, "PNG", icc_profile=profile.tobytes()), LIMITS)

    assert "sRGB" in opened.source["profile"]
    assert opened.icc_profile == profile.tobytes()
    assert np.abs(opened.pixels.astype(int) - np.asarray(photo)).max() <= 2


def test_another_colour_space_really_changes_the_numbers():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    rgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    photo = Image.new("RGB", (32, 32), (200, 60, 40))
    in_lab = ImageCms.profileToProfile(photo, rgb, lab, outputMode="LAB")

    opened = codec.open_image(file_of(in_lab, "TIFF", icc_profile=lab.tobytes()), LIMITS)

    assert np.abs(opened.pixels[0, 0].astype(int) - (200, 60, 40)).max() <= 4


def test_a_broken_profile_is_ignored(photo):
    opened = codec.open_image(file_of(photo, "PNG", icc_profile=b"not a profile at all"), LIMITS)

    assert np.array_equal(opened.pixels, np.asarray(photo))
    assert opened.source["profile"] == "unreadable"


def test_transparency_is_kept_and_an_opaque_alpha_channel_is_dropped(photo):
    glass = photo.convert("RGBA")
    opaque = codec.open_image(file_of(glass, "PNG"), LIMITS)
    glass.putpixel((5, 5), (1, 2, 3, 40))
    clear = codec.open_image(file_of(glass, "PNG"), LIMITS)

    assert (opaque.has_alpha, opaque.pixels.shape[2]) == (False, 3)
    assert (clear.has_alpha, tuple(clear.pixels[5, 5])) == (True, (1, 2, 3, 40))


def test_a_palette_with_a_transparent_colour_keeps_it(photo):
    palette = photo.convert("P", palette=Image.Palette.ADAPTIVE)
    palette.info["transparency"] = palette.getpixel((0, 0))

    opened = codec.open_image(file_of(palette, "PNG", transparency=palette.getpixel((0, 0))), LIMITS)

    assert opened.has_alpha
    assert opened.pixels[0, 0, 3] == 0
    assert opened.pixels[39, 59, 3] == 255


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "RGBA", "YCbCr"])
def test_every_mode_becomes_rgb(photo, mode):
    format = {"CMYK": "TIFF", "YCbCr": "JPEG"}.get(mode, "PNG")

    opened = codec.open_image(file_of(photo.convert(mode), format), LIMITS)

    assert opened.pixels.dtype == np.uint8
    assert opened.pixels.shape == (40, 60, 3)
    assert opened.pixels.std() > 20


def test_cmyk_jpeg_is_not_inverted():
    red = Image.new("CMYK", (32, 32), (0, 255, 255, 0))

    opened = codec.open_image(file_of(red, "JPEG", quality=95), LIMITS)

    assert opened.pixels[16, 16, 0] > 180
    assert opened.pixels[16, 16, 1] < 80


def test_sixteen_bits_keep_their_brightness():
    ramp = np.linspace(0, 65535, 64 * 32).reshape(32, 64).astype(np.uint16)

    opened = codec.open_image(file_of(Image.fromarray(ramp), "PNG"), LIMITS)

    assert opened.pixels[0, 0, 0] == 0
    assert opened.pixels[-1, -1, 0] == 255
    assert abs(int(opened.pixels[16, 0, 0]) - 128) <= 2


def test_stored_pictures_come_back_bit_for_bit():
    random = np.random.default_rng(1)
    for channels in (3, 4):
        pixels = random.integers(0, 256, (37, 53, channels), np.uint8)
        assert np.array_equal(codec.decode(codec.encode_png(pixels)), pixels)
        assert codec.encode_png(pixels) == codec.encode_png(pixels.copy())


def test_masks_come_back_bit_for_bit():
    mask = np.random.default_rng(2).integers(0, 256, (31, 45), np.uint8)

    assert np.array_equal(codec.decode_mask(codec.encode_mask_png(mask)), mask)


def test_previews_are_small_and_never_enlarged():
    wide = np.zeros((300, 4000, 3), np.uint8)

    assert codec.make_preview(wide).size == (2048, 154)
    assert codec.make_thumbnail(wide).size == (320, 24)
    assert codec.make_preview(wide[:, :100]).size == (100, 300)
    assert codec.make_preview(wide).media_type == "image/jpeg"


def test_previews_of_transparent_pictures_stay_transparent():
    glass = np.zeros((64, 64, 4), np.uint8)

    preview = codec.make_preview(glass)

    assert preview.media_type == "image/webp"
    assert Image.open(io.BytesIO(preview.data)).mode == "RGBA"


def test_the_picture_is_opened_by_its_bytes_and_not_by_its_name(photo):
    assert codec.open_image(file_of(photo, "WEBP", lossless=True), LIMITS).source["format"] == "WEBP"


def test_limits_are_inclusive():
    photo = Image.new("RGB", (200, 100))
    data = file_of(photo, "PNG")
    exact = codec.ImageLimits(max_bytes=len(data), max_pixels=20_000)

    assert codec.open_image(data, exact).size == (200, 100)
    with pytest.raises(InvalidImage, match="megapixels"):
        codec.open_image(data, codec.ImageLimits(len(data), 19_999))
    with pytest.raises(InvalidImage, match="MB"):
        codec.open_image(data, codec.ImageLimits(len(data) - 1, 20_000))
