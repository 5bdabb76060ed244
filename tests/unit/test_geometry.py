"""A photo goes to the model's size and back without being stretched, cropped or moved."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontext_ui.edits import Rectangle, Size, SizeRule
from kontext_ui.errors import InvalidRequest
from kontext_ui.images.geometry import (
    Fit,
    NoPicture,
    content_of,
    nearest_size,
    pad_to_fit,
    plan_fit,
    restore,
    size_of,
    zoom_region,
)
from kontext_ui.images.references import crop_answer, side_by_side
from kontext_ui.models import kontext

KONTEXT = SizeRule("list", kontext.SIZES)
STEPS = SizeRule("range", min_side_px=512, max_side_px=1040, multiple_px=32)
FREE = SizeRule("range", min_side_px=256, max_side_px=2048, multiple_px=16, max_megapixels=1.05)
BOUNDED = SizeRule("range", min_side_px=64, max_side_px=4096, multiple_px=16, min_ratio=3 / 7, max_ratio=7 / 3)
RULES = (KONTEXT, STEPS, FREE, BOUNDED, SizeRule())

sides = st.integers(16, 6000)
rules = st.sampled_from(RULES)


def fitted(source: Size, rule: SizeRule) -> Fit | None:
    try:
        return plan_fit(source, rule)
    except InvalidRequest:
        return None


def picture(width: int, height: int, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(width * 7 + height)
    coarse = rng.integers(0, 256, (8, 8, channels), dtype=np.uint8)
    return np.ascontiguousarray(np.repeat(np.repeat(coarse, -(-height // 8), 0), -(-width // 8), 1)[:height, :width])


def test_kontext_has_seventeen_sizes_of_about_a_megapixel_in_steps_of_sixteen():
    assert len(set(kontext.SIZES)) == 17
    assert all(s.width % 16 == s.height % 16 == 0 and 0.98 < s.megapixels < 1.07 for s in kontext.SIZES)


@given(sides, sides, rules)
def test_the_photo_keeps_its_ratio_to_the_pixel(width, height, rule):
    fit = fitted(Size(width, height), rule)
    if fit is not None:
        factor = min(fit.canvas.width / width, fit.canvas.height / height)
        assert abs(fit.box.width - width * factor) <= 0.5 or fit.box.width == 1
        assert abs(fit.box.height - height * factor) <= 0.5 or fit.box.height == 1


@given(sides, sides, rules)
def test_the_photo_lies_wholly_on_a_canvas_that_the_rule_allows(width, height, rule):
    fit = fitted(Size(width, height), rule)
    if fit is None:
        return
    box, canvas = fit.box, fit.canvas
    assert box.x >= 0
    assert box.y >= 0
    assert box.x + box.width <= canvas.width
    assert box.y + box.height <= canvas.height
    if rule.kind == "list":
        assert canvas in rule.sizes
    elif rule.kind == "range":
        assert rule.min_side_px <= min(canvas)
        assert max(canvas) <= rule.max_side_px
        assert canvas.width % rule.multiple_px == canvas.height % rule.multiple_px == 0
        assert canvas.megapixels <= (rule.max_megapixels or 1e9)
        assert rule.min_ratio <= canvas.ratio <= rule.max_ratio
    else:
        assert canvas == Size(width, height)


@given(sides, sides, rules, st.floats(0, 1), st.floats(0, 1))
def test_coordinates_come_back_to_where_they_were(width, height, rule, u, v):
    fit = fitted(Size(width, height), rule)
    if fit is not None:
        point = np.array([u * width, v * height])
        assert np.abs(fit.to_source(fit.to_canvas(point)) - point).max() < 1e-6 * max(width, height)
        half = np.round(fit.to_canvas(point) * 2) / 2
        assert np.abs(fit.to_source(half) - point).max() <= 0.5 / fit.scale + 1e-6


@given(sides, sides, rules)
def test_a_fitted_canvas_fits_itself(width, height, rule):
    fit = fitted(Size(width, height), rule)
    if fit is not None:
        again = plan_fit(fit.canvas, rule)
        assert again.canvas == fit.canvas
        assert again.untouched


@pytest.mark.parametrize("source", [Size(640, 427), Size(427, 640), Size(1184, 880), Size(1500, 900), Size(333, 777)])
def test_a_picture_comes_back_in_its_own_size_and_place(source):
    fit = plan_fit(source, KONTEXT)
    before = picture(*source)
    after = restore(pad_to_fit(before, fit), fit)
    assert size_of(after) == source
    inner = np.abs(after.astype(int) - before)[2:-2, 2:-2]
    assert np.median(inner) <= 1


def test_a_picture_that_needs_no_fitting_is_sent_and_restored_byte_for_byte():
    before = picture(1184, 880)
    fit = plan_fit(Size(1184, 880), KONTEXT)
    assert fit.untouched
    assert np.array_equal(pad_to_fit(before, fit), before)
    assert np.array_equal(restore(before, fit), before)


def test_padding_continues_the_picture_without_touching_it():
    source = Size(1000, 400)
    fit = plan_fit(source, KONTEXT)
    canvas = pad_to_fit(np.full((400, 1000, 3), (10, 200, 90), np.uint8), fit)
    assert fit.padded > 0.05
    assert np.abs(canvas.astype(int) - (10, 200, 90)).max() <= 1


def test_transparency_is_sent_as_white():
    before = np.zeros((1024, 1024, 4), np.uint8)
    before[:512, :, 3] = 255
    canvas = pad_to_fit(before, plan_fit(Size(1024, 1024), KONTEXT))
    assert canvas.shape == (1024, 1024, 3)
    assert canvas[0, 0].tolist() == [0, 0, 0]
    assert canvas[-1, 0].tolist() == [255, 255, 255]


def test_an_answer_of_another_scale_is_read_as_the_same_picture():
    source = Size(1184, 880)
    fit = plan_fit(source, KONTEXT)
    half = np.ascontiguousarray(picture(1184, 880)[::2, ::2])
    assert size_of(restore(half, fit)) == source


def test_an_answer_without_a_picture_is_refused():
    with pytest.raises(NoPicture):
        content_of(np.zeros((2, 2, 3), np.uint8), plan_fit(Size(640, 427), KONTEXT))


def test_extreme_panoramas_are_refused_with_the_way_out():
    with pytest.raises(InvalidRequest) as caught:
        plan_fit(Size(8000, 900), KONTEXT)
    assert "too long" in caught.value.message
    assert "rectangle" in caught.value.hint
    assert plan_fit(Size(8000, 900), KONTEXT, region=Rectangle(100, 0, 1200, 900)).padded < 0.05


def test_a_region_outside_the_photo_is_refused():
    with pytest.raises(InvalidRequest):
        plan_fit(Size(100, 100), KONTEXT, region=Rectangle(50, 50, 60, 10))


@pytest.mark.parametrize("text", ["16", "a:b", "0:3", "3:0", "-1:2", ""])
def test_a_malformed_aspect_ratio_is_refused(text):
    with pytest.raises(InvalidRequest):
        plan_fit(Size(100, 100), KONTEXT, aspect_ratio=text)


def test_only_another_aspect_ratio_than_the_photos_own_reframes():
    assert not plan_fit(Size(4032, 3024), KONTEXT, aspect_ratio="4:3").reframed
    assert plan_fit(Size(4032, 3024), KONTEXT, aspect_ratio="1:1").reframed


def test_the_receipt_says_what_becomes_of_the_size():
    assert plan_fit(Size(4032, 3024), KONTEXT).receipt() == "4032×3024, sent at 1184×880, returned at 4032×3024"
    assert plan_fit(Size(1024, 1024), KONTEXT).receipt() == "1024×1024, sent as it is"
    part = plan_fit(Size(4032, 3024), KONTEXT, region=Rectangle(0, 0, 1024, 1024))
    assert part.receipt() == "the 1024×1024 part of 4032×3024, sent at 1024×1024, returned at 4032×3024"


def test_a_small_photo_is_enlarged_to_what_models_are_trained_at_and_no_further():
    assert 0.9 < nearest_size(Size(300, 200), SizeRule("range", max_side_px=4096)).megapixels < 1.1


@settings(max_examples=200)
@given(st.integers(1500, 6000), st.integers(1500, 6000), st.data())
def test_a_zoomed_part_holds_what_is_edited_and_needs_no_padding(width, height, data):
    w, h = data.draw(st.integers(1, width)), data.draw(st.integers(1, height))
    part = Rectangle(data.draw(st.integers(0, width - w)), data.draw(st.integers(0, height - h)), w, h)
    region = zoom_region(part, Size(width, height), KONTEXT)
    if region is not None:
        assert region.x <= part.x
        assert part.x + w <= region.x + region.width <= width
        assert region.y <= part.y
        assert part.y + h <= region.y + region.height <= height
        fit = plan_fit(Size(width, height), KONTEXT, region=region)
        assert fit.padded < 0.005
        overall = fitted(Size(width, height), KONTEXT)
        assert overall is None or fit.scale > overall.scale


def test_a_face_of_200_pixels_in_12_megapixels_gets_a_full_megapixel():
    source = Size(4000, 3000)
    region = zoom_region(Rectangle(2500, 700, 200, 200), source, KONTEXT)
    assert region is not None
    fit = plan_fit(source, KONTEXT, region=region)
    assert fit.canvas.megapixels > 0.98
    assert fit.scale >= 1.0


def test_there_is_nothing_to_zoom_on_a_small_photo_or_for_an_empty_mask():
    assert zoom_region(Rectangle(10, 10, 50, 50), Size(1024, 1024), KONTEXT) is None
    assert zoom_region(np.zeros((3000, 4000), np.uint8), Size(4000, 3000), KONTEXT) is None
    assert zoom_region(Rectangle(10, 10, 3000, 2500), Size(4000, 3000), KONTEXT) is None


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_side_by_side_shows_every_reference_and_gives_the_picture_back(count):
    before = picture(900, 700)
    tones = [np.full((300, 200 + 90 * i, 3), 40 * (i + 1), np.uint8) for i in range(count)]
    canvas, fit = side_by_side(before, tones, KONTEXT)
    assert size_of(canvas) in kontext.SIZES
    assert all((canvas == 40 * (i + 1)).all(axis=2).sum() > 400 for i in range(count))
    back = restore(canvas, fit)
    assert size_of(back) == Size(900, 700)
    assert np.median(np.abs(back.astype(int) - before)) <= 2
    assert size_of(crop_answer(canvas, fit)) == (fit.box.width, fit.box.height)
    assert abs(fit.box.width / fit.box.height - 900 / 700) < 0.01


def test_side_by_side_needs_a_reference():
    with pytest.raises(InvalidRequest):
        side_by_side(picture(100, 100), [], KONTEXT)
