"""Colours that a file names by numbers instead of a profile, and HDR."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from kontext_ui.images import codec, numbered, png
from kontext_ui.images.numbered import BT709, HLG, PQ, Numbered

LIMITS = codec.ImageLimits(max_bytes=5_000_000, max_pixels=4_000_000)
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 60, 40)]


def file_of(format="PNG", colours=COLOURS, **options):
    pixels = np.repeat(np.array([colours], np.uint8), 16, axis=0).repeat(16, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def seen(data):
    """The middle of each patch as it comes in."""
    opened = codec.open_image(data, LIMITS)
    return opened.pixels[8, 8::16].astype(int), opened.source


def cicp(primaries, transfer):
    return png.chunk(b"cICP", bytes((primaries, transfer, 0, 1)))


def gama(gamma, *points):
    return png.chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000))) + (
        png.chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in points))) if points else b""
    )


SRGB_POINTS = tuple(value for point in BT709 for value in point)


@pytest.mark.parametrize(
    "chunks",
    [
        cicp(1, 13),
        cicp(1, 1),
        cicp(2, 2),
        cicp(200, 200),
        gama(1 / 2.2),
        gama(0.45455, *SRGB_POINTS),
        png.chunk(b"sRGB", b"\0") + gama(1.0),
        gama(0),
        gama(1 / 2.2, *[0.5] * 8),
        gama(1 / 2.2, *[0.0] * 8),
        png.chunk(b"gAMA", b"x"),
        png.chunk(b"cICP", b"\x0c"),
    ],
)
def test_numbers_that_mean_srgb_or_nothing_change_nothing(chunks):
    colours, source = seen(png.with_chunks(file_of(), chunks))

    assert np.array_equal(colours, COLOURS)
    assert "profile" not in source


def test_display_p3_by_numbers_is_what_its_profile_says():
    """Grey stays grey; a green of P3 is a stronger one of sRGB (values by the matrices of CSS Color 4)."""
    colours, source = seen(png.with_chunks(file_of(colours=[(128, 128, 128), (100, 180, 100)]), cicp(12, 13)))

    assert np.abs(colours - [(128, 128, 128), (65, 182, 90)]).max() <= 2
    assert source["profile"] == "Display P3"


def test_linear_light_is_not_far_too_dark():
    colours, source = seen(png.with_chunks(file_of(colours=[(55, 55, 55), (0, 0, 0), (255, 255, 255)]), gama(1.0)))

    assert np.abs(colours[:, 0] - (128, 0, 255)).max() <= 1
    assert source["profile"] == "linear"


def test_primaries_of_its_own_count():
    wide = numbered.BT2020
    colours, source = seen(png.with_chunks(file_of(colours=[(100, 180, 100)]), gama(1 / 2.2, *sum(wide, ()))))

    assert colours[0, 1] > 182
    assert colours[0, 0] < 65
    assert "own primaries" in source["profile"]


def test_a_profile_goes_before_numbers():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    colours, source = seen(png.with_chunks(file_of(icc_profile=srgb), cicp(12, 13)))

    assert np.abs(colours - COLOURS).max() <= 1
    assert "sRGB" in source["profile"]


@pytest.mark.parametrize(
    ("format", "options"), [("AVIF", {"quality": 100, "subsampling": "4:4:4"}), ("HEIF", {"quality": -1})]
)
def test_numbers_of_heic_and_avif_count_too(format, options):
    if format == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    data = file_of(format, colours=[(128, 128, 128), (100, 180, 100)], **options)
    at = data.index(b"colrnclx") + 8

    colours, source = seen(data[:at] + struct.pack(">HH", 12, 13) + data[at + 4 :])

    assert np.abs(colours - [(128, 128, 128), (65, 182, 90)]).max() <= 6
    assert source["profile"] == "Display P3"


@pytest.mark.parametrize("primaries", numbered.PRIMARIES)
@pytest.mark.parametrize("gamma", [None, 1.0, 2.2])
def test_the_profile_made_of_numbers_is_one_that_others_read(primaries, gamma):
    name, points = numbered.PRIMARIES[primaries]
    data = Numbered(name, points, gamma).profile()
    if data is None:
        assert (primaries, gamma) == (1, None)
        return
    profile = ImageCms.ImageCmsProfile(io.BytesIO(data))

    assert ImageCms.getProfileDescription(profile).strip() == name
    srgb = ImageCms.createProfile("sRGB")
    white = ImageCms.profileToProfile(Image.new("RGB", (1, 1), (255, 255, 255)), profile, srgb)
    assert min(white.getpixel((0, 0))) >= 254


def hdr(transfer, *codes, primaries=9):
    colours = [(round(code * 255),) * 3 for code in codes]
    return png.with_chunks(file_of(colours=colours), cicp(primaries, transfer))


def test_hdr_is_told_and_brought_to_the_screens_range():
    """PQ: 0.5807 is reference white, 0.7518 are 1,000 nits; shown as they are, all of it would be flat and grey."""
    colours, source = seen(hdr(PQ, 0.0, 0.35, 0.5807, 0.7518))
    black, dark, white, light = colours[:, 1]

    assert source["hdr"] == "PQ, BT.2020"
    assert black == 0
    assert light == 255
    assert dark < 0.35 * 255  # 20 nits of 203 are darker than their code
    assert 190 < white < 254  # room is left for what is brighter
    assert np.abs(colours - colours[:, :1]).max() <= 1  # grey stays grey


def test_hdr_that_holds_nothing_brighter_than_white_is_not_dimmed():
    assert abs(seen(hdr(PQ, 0.0, 0.5807))[0][1, 0] - 255) <= 2


def test_hlg_has_its_white_at_three_quarters():
    colours, source = seen(hdr(HLG, 0.0, 0.5, 0.75))

    assert source["hdr"] == "HLG, BT.2020"
    assert colours[0, 0] == 0
    assert 130 < colours[1, 0] < 160  # 50 nits of 203
    assert colours[2, 0] >= 253


def test_the_lights_of_hdr_keep_their_hue_and_their_order():
    ramp = np.linspace(0, 65535, 256)
    values = np.rint(np.stack([ramp, ramp * 0.97, ramp * 0.94], axis=1)).astype(np.uint16)[None].repeat(300, axis=0)

    mapped = numbered.tone_mapped(values, Numbered("PQ", BT709, hdr=PQ)).astype(int)

    assert (np.diff(mapped, axis=1) >= -1).all()  # of 8 bits, one is rounding
    assert (mapped[0] == mapped[-1]).all()
    assert (mapped[..., 0] >= mapped[..., 1]).all()


def test_an_hdr_picture_keeps_its_alpha():
    glass = np.full((16, 16, 4), 120, np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(glass).save(buffer, "PNG")

    opened = codec.open_image(png.with_chunks(buffer.getvalue(), cicp(9, PQ)), LIMITS)

    assert opened.has_alpha
    assert (opened.pixels[..., 3] == 120).all()
