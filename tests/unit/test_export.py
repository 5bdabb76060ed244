"""Files to take away: pixels, profile, recipe; and what comes back of them."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from kontext_ui.edits import Parameters, Tier
from kontext_ui.errors import InvalidRequest
from kontext_ui.images.codec import ImageLimits, open_image
from kontext_ui.images.export import FORMATS, Recipe, RecipeStep, export, read_recipe
from kontext_ui.images.profiles import profile_name, srgb_bytes

LIMITS = ImageLimits(10_000_000, 10_000_000)
STEPS = (
    RecipeStep(
        "make it <b>red</b> & “loud” ${x}",
        prompt="full prompt",
        tier=Tier.PRO,
        backend="bfl",
        model="FLUX.1 Kontext [pro]",
        seed=42,
        parameters=Parameters(aspect_ratio="3:2"),
    ),
    RecipeStep("more\ncontrast 😀"),
)
RECIPE = Recipe(STEPS, "r" * 64, "project-1", "version-9")


@pytest.fixture
def pixels():
    """90 × 60 of soft colours, so that lossy formats stay close."""
    y, x = np.mgrid[0:60, 0:90]
    return np.stack((x * 2, y * 3, 200 - x), axis=2).astype(np.uint8)


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_keeps_size_and_recipe(pixels, format_name):
    made = export(pixels, format_name, recipe=RECIPE)

    opened = open_image(made.data, LIMITS)
    assert opened.size == (90, 60)
    assert np.abs(opened.pixels.astype(int) - pixels).mean() < 3
    assert read_recipe(made.data) == RECIPE


@pytest.mark.parametrize("format_name", ["png", "tiff"])
def test_lossless_formats_are_exact_also_with_alpha(pixels, format_name):
    glass = np.dstack((pixels, np.tile(np.arange(90, dtype=np.uint8), (60, 1))))

    for picture in (pixels, glass):
        assert np.array_equal(open_image(export(picture, format_name).data, LIMITS).pixels, picture)


@pytest.mark.parametrize("quality", [1, 75, 90, 92, 94, 95, 100])
def test_grain_that_no_coder_can_shorten_is_a_jpeg_too(quality):
    grain = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)

    made = export(grain, "jpeg", quality=quality, recipe=RECIPE)

    assert open_image(made.data, LIMITS).size == (320, 240)
    assert read_recipe(made.data) == RECIPE


def test_jpeg_shows_transparent_parts_on_white(pixels):
    clear = np.dstack((pixels, np.zeros(pixels.shape[:2], np.uint8)))

    assert open_image(export(clear, "jpeg").data, LIMITS).pixels.min() > 250


@pytest.mark.parametrize("format_name", FORMATS)
def test_nothing_is_told_when_no_recipe_is_wanted(pixels, format_name):
    data = export(pixels, format_name).data

    assert read_recipe(data) is None
    assert b"xmp" not in data.lower()


def test_another_profile_is_restored_and_means_the_same_colours(pixels):
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    made = export(pixels, "png", icc_profile=wide)

    assert Image.open(io.BytesIO(made.data)).info["icc_profile"] == wide
    assert np.abs(open_image(made.data, LIMITS).pixels.astype(int) - pixels).max() <= 2


@pytest.mark.parametrize("profile", [b"nonsense", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()])
def test_a_profile_that_does_not_fit_is_left_out(pixels, profile):
    assert np.array_equal(open_image(export(pixels, "png", icc_profile=profile).data, LIMITS).pixels, pixels)


def test_a_very_long_chain_keeps_its_newest_steps(pixels):
    long = Recipe(tuple(RecipeStep(f"step {number} " + "x" * 500) for number in range(900)))

    read = read_recipe(export(pixels, "png", recipe=long).data)

    assert 0 < len(read.steps) < 900
    assert read.steps[-1] == long.steps[-1]


@pytest.mark.parametrize(("format_name", "quality"), [("bmp", 90), ("exe", 90), ("jpeg", 0), ("jpeg", 101)])
def test_unknown_formats_and_qualities_are_refused(pixels, format_name, quality):
    with pytest.raises(InvalidRequest):
        export(pixels, format_name, quality=quality)


@given(st.binary(max_size=500))
@settings(max_examples=100, deadline=None)
def test_hostile_packets_are_no_recipe(body):
    assert read_recipe(b"....<kx:recipe>" + body + b"</kx:recipe>") is None


@given(st.text(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_instruction_survives_the_way_out_and_back(text):
    safe = text.encode("utf-8", "replace").decode()
    kept = "".join(character for character in safe if character >= " " or character in "\t\n")
    small = np.zeros((8, 8, 3), np.uint8)

    read = read_recipe(export(small, "png", recipe=Recipe((RecipeStep(safe),))).data)

    assert read.steps[0].instruction in (safe, kept)


def test_the_embedded_profile_does_not_tell_the_time():
    """Two exports of one version are the same bytes, whenever they are made."""
    assert srgb_bytes()[24:36] == bytes(12)
    assert profile_name(srgb_bytes()).startswith("sRGB")
