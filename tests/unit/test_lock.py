"""Of an answer only what the edit changed reaches the photo; everything else stays, byte for byte."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from kontext_ui.edits import LockMode, Rectangle, Size, SizeRule
from kontext_ui.errors import InvalidRequest
from kontext_ui.images import masks
from kontext_ui.images.geometry import cut, pad_to_fit, plan_fit, size_of
from kontext_ui.images.lock import Candidate, bring_back, reblend
from kontext_ui.images.meters import accumulated, sharpness_against
from kontext_ui.images.references import side_by_side
from tests import drift

TYPICAL = drift.Drift(
    shift=(3.1, -2.2), zoom=1.008, rotation_deg=0.15, gain=(1.02, 0.98, 1.01), offset=(2, -3, 1), gamma=1.02,
    blur=0.5, noise=1.5, jpeg=88, autoencoder=0.4,
)  # fmt: skip
KINDS = {
    "shift": drift.Drift(shift=(4, -3)),
    "far shift": drift.Drift(shift=(31, 22)),
    "zoom": drift.Drift(zoom=1.012),
    "rotation": drift.Drift(rotation_deg=0.5),
    "gain": drift.Drift(gain=(1.03, 0.97, 1.02), offset=(4, -4, 2)),
    "gamma": drift.Drift(gamma=1.06),
    "blur": drift.Drift(blur=0.9),
    "noise": drift.Drift(noise=2.5),
    "blocks": drift.Drift(jpeg=80),
    "autoencoder": drift.Drift(autoencoder=0.6),
    "uneven": drift.Drift(wobble=0.4),
    "all of it": TYPICAL,
}


@pytest.fixture(scope="module")
def cat():
    return drift.photo("chelsea.png", 1.0)


@pytest.fixture(scope="module")
def edited(cat):
    """A recoloured part, and what the lock made of it."""
    case = drift.simulate(cat, "recolour", 11, TYPICAL)
    return case, bring_back(case.parent, case.answer, case.fit)


def mask_over(case, locked, share=0.03):
    """A mask a person might paint: the edit's own shape, a little wider."""
    shape = cv2.resize(case.shape.astype(np.uint8) * 255, tuple(size_of(case.parent)))
    return masks.grow(np.where(shape > 127, 255, 0).astype(np.uint8), 12)


@pytest.mark.parametrize("kind", drift.LOCAL_EDITS)
@pytest.mark.parametrize("name", ["astronaut.png", "hubble_deep_field.jpg", "china.jpg", "coffee.png"])
def test_local_edits_come_over_whole_and_nothing_leaks(name, kind):
    case = drift.simulate(drift.photo(name, 1.0), kind, 40 + len(name) + len(kind), TYPICAL)
    score = drift.judge(case, bring_back(case.parent, case.answer, case.fit))
    assert not score.whole
    assert score.recall >= 0.97
    assert score.leak <= 0.001
    assert score.exact == 1.0
    assert score.seam <= 1.3


@pytest.mark.parametrize("kind", drift.GLOBAL_EDITS)
@pytest.mark.parametrize("name", ["motorcycle_left.png", "flower.jpg", "rocket.jpg"])
def test_edits_of_the_whole_frame_are_kept_whole_and_said_so(name, kind):
    case = drift.simulate(drift.photo(name, 1.0), kind, 3, TYPICAL)
    locked = bring_back(case.parent, case.answer, case.fit)
    assert locked.kept_whole
    assert size_of(locked.pixels) == size_of(case.parent)
    assert "whole result was kept" in " ".join(locked.warnings)
    assert (locked.change_mask == 255).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_drift_is_undone(cat, kind):
    case = drift.simulate(cat, "insert", 21, KINDS[kind])
    locked = bring_back(case.parent, case.answer, case.fit)
    score = drift.judge(case, locked)
    assert score.recall >= 0.97
    assert score.leak <= 0.001
    assert score.exact == 1.0


def stretched(pixels, across, down, wobble=0.0):
    """A picture with another scale across than down about its centre, as models return when they change its shape."""
    height, width = pixels.shape[:2]
    matrix = np.array([[across, 0, (1 - across) * width / 2], [0, down, (1 - down) * height / 2]])
    out = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return drift.Drift(wobble=wobble, jpeg=90, blur=0.4).apply(out, 5)


@pytest.mark.parametrize("name", ["astronaut.png", "motorcycle_left.png"])
@pytest.mark.parametrize(("across", "down"), [(1.0, 0.965), (1.03, 1.0), (0.985, 1.02)])
def test_another_scale_across_than_down_is_undone(name, across, down):
    case = drift.simulate(drift.photo(name, 1.0), "insert", 21, drift.NONE)
    answer = stretched(case.answer, across, down)
    score = drift.judge(case, bring_back(case.parent, answer, case.fit, exact=False))
    assert not score.whole
    assert score.recall >= 0.97
    assert score.leak <= 0.002


def outlined(pixels, top=0, bottom=0, left=0, right=0, colour=0):
    """A picture whose outermost rows and columns hold nothing, as models leave them after a shift."""
    out = pixels.copy()
    height, width = out.shape[:2]
    out[:top] = out[height - bottom :] = out[:, :left] = out[:, width - right :] = colour
    return out


@pytest.mark.parametrize("colour", [0, 255])
@pytest.mark.parametrize(
    "lines", [{"top": 3}, {"bottom": 3, "right": 2}, {"top": 1, "bottom": 1, "left": 1, "right": 1}]
)
@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png"])
def test_an_edge_line_that_a_model_left_empty_is_no_edit(name, lines, colour):
    shift = (-1.5, -2.2) if "bottom" in lines and "top" not in lines else (0.0, 2.0)
    case = drift.simulate(drift.photo(name), "insert", 21, replace(TYPICAL, shift=shift, zoom=1.0, rotation_deg=0.0))
    locked = bring_back(case.parent, outlined(case.answer, **lines, colour=colour), case.fit)
    score = drift.judge(case, locked)
    assert score.recall >= 0.97
    assert score.leak <= 0.001
    assert score.exact == 1.0


def test_an_edit_up_to_such_a_line_goes_on_to_the_side_and_without_the_line(cat):
    fit = plan_fit(size_of(cat), drift.RULE)
    answer = pad_to_fit(cat, fit)
    answer[:120, 300:500] = (0, 200, 60)
    locked = bring_back(cat, outlined(drift.Drift(noise=1.0).apply(answer, 1), top=3), fit)
    assert (np.abs(locked.pixels[:100, 320:480].astype(int) - (0, 200, 60)).max(axis=2) < 30).all()
    assert np.array_equal(locked.pixels[:100, :200], cat[:100, :200])


def test_a_thin_frame_that_was_asked_for_and_a_dark_edge_of_the_photo_are_kept(cat):
    fit = plan_fit(size_of(cat), drift.RULE)
    asked = drift.Drift(noise=1.0).apply(outlined(pad_to_fit(cat, fit), 14, 14, 14, 14), 1)
    framed = bring_back(cat, asked, fit).pixels
    assert framed[[3, -4]].mean() < 8
    assert framed[:, [3, -4]].mean() < 8
    dark = outlined(cat, top=3)
    answer = pad_to_fit(dark, plan_fit(size_of(dark), drift.RULE))
    answer[300:400, 300:500] = (0, 200, 60)
    locked = bring_back(dark, drift.Drift(noise=1.0).apply(answer, 1), fit)
    assert np.array_equal(locked.pixels[:100], dark[:100])


def test_a_picture_that_was_redrawn_a_few_pixels_off_is_lined_up():
    case = drift.simulate(drift.photo("motorcycle_left.png", 1.0), "insert", 21, drift.NONE)
    answer = stretched(case.answer, 1.0, 0.98, wobble=1.2)
    score = drift.judge(case, bring_back(case.parent, answer, case.fit, exact=False))
    assert not score.whole
    assert score.recall >= 0.95
    assert score.leak <= 0.05


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "china.jpg"])
def test_a_large_edit_is_local_as_long_as_the_rest_is_the_photo(name):
    """Two thirds of the frame are another picture; a person would still call it a replaced subject."""
    parent = drift.photo(name, 1.0)
    other = cv2.resize(drift.photo("flower.jpg", 1.0), parent.shape[1::-1])
    answer = parent.copy()
    width = round(0.66 * parent.shape[1])
    answer[:, :width] = other[:, :width]
    fit = plan_fit(size_of(parent), SizeRule())
    locked = bring_back(parent, TYPICAL.apply(answer, 3), fit, exact=False)
    assert not locked.kept_whole
    kept = (locked.pixels[:, width + 40 :] == parent[:, width + 40 :]).all(axis=2)
    assert kept.mean() > 0.98
    assert (locked.change_mask[:, : width - 20] >= 128).mean() > 0.93


def test_a_change_that_looks_like_a_new_tone_is_local_where_a_plain_bright_ground_kept_its_own():
    parent = np.full((900, 900, 3), (200, 226, 240), np.uint8)
    parent[250:650, 200:700] = cv2.resize(drift.photo("camera.png", 1.0), (500, 400)) // 3
    answer = parent.copy()
    answer[250:650, 200:700] = 150 + parent[250:650, 200:700] // 3
    fit = plan_fit(size_of(parent), SizeRule())
    locked = bring_back(parent, drift.Drift(noise=1.0, jpeg=92).apply(answer, 3), fit, exact=False)
    assert not locked.kept_whole
    assert (locked.pixels[:200] == parent[:200]).all()


def test_twelve_megapixels_stay_twelve_megapixels():
    photo = drift.photo("coffee.png", 12.0)
    case = drift.simulate(photo, "recolour", 5, TYPICAL)
    locked = bring_back(case.parent, case.answer, case.fit)
    score = drift.judge(case, locked)
    assert size_of(locked.pixels) == size_of(photo)
    assert (score.recall >= 0.97, score.leak <= 0.001, score.exact) == (True, True, 1.0)
    assert score.seam <= 1.3


def test_a_photo_smaller_than_the_models_picture_keeps_its_size():
    small = drift.photo("astronaut.png", 0.08)
    case = drift.simulate(small, "insert", 4, TYPICAL)
    locked = bring_back(case.parent, case.answer, case.fit)
    assert locked.pixels.shape == small.shape
    assert not locked.kept_whole
    assert drift.judge(case, locked).exact == 1.0


def test_pixels_that_no_turn_meant_to_change_are_the_first_pictures_after_twenty_turns(cat):
    current, touched = cat, np.zeros(cat.shape[:2], bool)
    for turn in range(20):
        random = drift.random_drift(np.random.default_rng(turn))
        case = drift.simulate(current, drift.LOCAL_EDITS[turn % 4], 100 + turn, random, share=(0.004, 0.015))
        locked = bring_back(case.parent, case.answer, case.fit)
        assert not locked.kept_whole
        current = locked.pixels
        touched |= locked.change_mask > 0
    assert 0.05 < touched.mean() < 0.75
    assert np.array_equal(current[~touched], cat[~touched])


def test_a_second_look_at_an_unchanged_answer_changes_nothing(cat):
    fit = plan_fit(size_of(cat), drift.RULE)
    locked = bring_back(cat, TYPICAL.apply(pad_to_fit(cat, fit)), fit)
    assert np.array_equal(locked.pixels, cat)
    assert locked.changed_fraction == 0
    assert "No change was found" in locked.warnings[0]


def test_the_meters_tell_what_was_undone(cat):
    known = drift.Drift(shift=(6.0, 0.0), zoom=1.01, rotation_deg=-0.4, gain=(1.03, 1.03, 1.03))
    case = drift.simulate(cat, "insert", 8, known)
    meters = bring_back(case.parent, case.answer, case.fit).meters
    assert meters["matched"] == 1.0
    assert meters["shift_px"] == pytest.approx(6.0 / case.fit.scale, abs=0.3)
    assert meters["zoom_percent"] == pytest.approx(1.0, abs=0.05)
    assert meters["rotation_deg"] == pytest.approx(0.4, abs=0.05)
    assert 1.0 < meters["colour_drift"] < 7.0
    assert 0.005 < meters["changed"] < 0.2


@pytest.mark.parametrize("mode", LockMode)
def test_with_a_mask_nothing_outside_it_changes_in_any_mode(edited, mode):
    case, locked = edited
    mask = mask_over(case, locked)
    everywhere = replace(TYPICAL, noise=3.0).apply(case.answer, 2)
    out = bring_back(case.parent, everywhere, case.fit, mask=mask, mode=mode, feather_px=5)
    outside = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))) == 0
    assert np.array_equal(out.pixels[outside], case.parent[outside])
    assert not out.kept_whole
    assert drift.judge(case, out).recall >= 0.97


def test_a_mask_bounds_even_an_edit_of_the_whole_frame(cat):
    case = drift.simulate(cat, "new scene", 2, TYPICAL)
    mask = masks.from_rectangle(Rectangle(300, 200, 400, 300), size_of(cat))
    out = bring_back(case.parent, case.answer, case.fit, mask=mask, feather_px=0)
    assert np.array_equal(out.pixels[mask == 0], cat[mask == 0])
    assert (out.pixels[mask == 255] != cat[mask == 255]).any(axis=1).mean() > 0.95
    assert "outside your mask" in " ".join(out.warnings)


def test_always_locks_and_off_never_does(edited):
    case, locked = edited
    off = bring_back(case.parent, case.answer, case.fit, mode=LockMode.OFF)
    assert off.kept_whole
    assert (off.pixels != case.parent).any(axis=2).mean() > 0.5
    always = bring_back(case.parent, case.answer, case.fit, mode=LockMode.ALWAYS)
    assert np.array_equal(always.pixels, locked.pixels)


def test_the_parents_transparency_is_carried(edited):
    case, _ = edited
    alpha = np.full(case.parent.shape[:2], 255, np.uint8)
    alpha[:50] = 90
    out = bring_back(np.dstack([case.parent, alpha]), case.answer, case.fit)
    assert np.array_equal(out.pixels[..., 3], alpha)
    kept = (out.change_mask == 0) & (alpha == 255)
    assert np.array_equal(out.pixels[kept][:, :3], case.parent[kept])


def test_the_change_mask_can_be_widened_and_emptied_afterwards(edited):
    case, locked = edited
    assert np.array_equal(reblend(case.parent, locked.candidate, locked.change_mask), locked.pixels)
    assert np.array_equal(reblend(case.parent, locked.candidate, np.zeros_like(locked.change_mask)), case.parent)
    wider = masks.feather(masks.grow(locked.change_mask, 30), 4)
    out = reblend(case.parent, locked.candidate, wider)
    assert np.array_equal(out[wider == 0], case.parent[wider == 0])
    # The answer was lined up and colour-matched, so more of it looks like the photo.
    ring = (wider == 255) & (locked.change_mask == 0)
    assert np.abs(out[ring].astype(int) - case.parent[ring]).mean() < 6


def test_a_stored_candidate_is_the_same_candidate(edited):
    case, locked = edited
    again = Candidate.placed(locked.candidate.pixels, locked.candidate.placement())
    assert np.array_equal(reblend(case.parent, again, locked.change_mask), locked.pixels)


def test_a_change_mask_of_another_size_is_refused(edited):
    case, locked = edited
    with pytest.raises(InvalidRequest):
        reblend(case.parent, locked.candidate, np.zeros((3, 3), np.uint8))


def test_a_zoomed_edit_changes_only_its_part_and_brings_more_detail():
    photo = drift.photo("astronaut.png", 12.0)
    part = Rectangle(1300, 300, 1024, 1024)
    fit = plan_fit(size_of(photo), drift.RULE, region=part)
    answer = pad_to_fit(photo, fit).copy()
    cv2.circle(answer, (500, 500), 90, (20, 240, 60), -1)
    locked = bring_back(photo, TYPICAL.apply(answer), fit)
    beyond = np.ones(photo.shape[:2], bool)
    beyond[part.y : part.y + 1024, part.x : part.x + 1024] = False
    assert np.array_equal(locked.pixels[beyond], photo[beyond])
    assert cut(locked.pixels, part)[500, 500, 1] > 200
    assert fit.scale == 1.0


@pytest.mark.parametrize("size", [(1024, 1024), (592, 440), (1184, 896)])
def test_answers_of_another_size_are_lined_up_all_the_same(size):
    photo = drift.photo("motorcycle_left.png", 1.0)
    photo = np.ascontiguousarray(photo[:, : round(photo.shape[0] * 1184 / 880)])
    fit = plan_fit(size_of(photo), drift.RULE)
    answer = pad_to_fit(photo, fit).copy()
    cv2.rectangle(answer, (500, 400), (700, 560), (30, 200, 220), -1)
    width, height = size
    if width == height:
        crop = (fit.canvas.width - fit.canvas.height) // 2
        answer = answer[:, crop : crop + fit.canvas.height]
    locked = bring_back(photo, cv2.resize(answer, size, interpolation=cv2.INTER_AREA), fit)
    assert not locked.kept_whole
    middle = fit.to_source([600, 480]).astype(int)
    assert np.abs(locked.pixels[middle[1], middle[0]].astype(int) - (30, 200, 220)).max() < 25
    assert 0.01 < locked.changed_fraction < 0.09


def test_a_new_picture_in_another_shape_is_kept_as_it_comes(cat):
    fit = plan_fit(size_of(cat), drift.RULE)
    answer = np.ascontiguousarray(drift.photo("brick.png", 1.0)[:900, :900])
    locked = bring_back(cat, answer, fit)
    assert np.array_equal(locked.pixels, answer)
    assert "another shape" in locked.warnings[0]


def test_another_aspect_ratio_keeps_the_answer_as_it_comes(cat):
    fit = plan_fit(size_of(cat), drift.RULE, aspect_ratio="1:1")
    answer = np.full((1024, 1024, 3), 90, np.uint8)
    locked = bring_back(cat, answer, fit)
    assert np.array_equal(locked.pixels, answer)
    assert locked.kept_whole
    assert "aspect ratio" in locked.warnings[0]


def test_engines_that_leave_pixels_alone_are_taken_at_their_word(cat):
    fit = plan_fit(size_of(cat), SizeRule())
    answer = cat.copy()
    answer[100:200, 300:500] = (200, 30, 30)
    locked = bring_back(cat, answer, fit)
    assert np.array_equal(locked.pixels, answer)
    assert masks.bounds(locked.change_mask) == Rectangle(300, 100, 200, 100)
    warmer = np.clip(cat.astype(int) + np.array([3, 0, -3]), 0, 255).astype(np.uint8)
    assert np.array_equal(bring_back(cat, warmer, fit, exact=True).pixels, warmer)


def test_an_exact_engine_may_add_transparency(cat):
    fit = plan_fit(size_of(cat), SizeRule())
    answer = np.dstack([cat, np.full(cat.shape[:2], 255, np.uint8)])
    answer[:100, :, 3] = 0
    locked = bring_back(cat, answer, fit, exact=True)
    assert np.array_equal(locked.pixels, answer)
    assert (locked.change_mask[:100] == 255).all()
    assert (locked.change_mask[100:] == 0).all()


def test_an_edit_on_a_shared_canvas_is_read_from_the_pictures_own_place(cat):
    other = drift.photo("flower.jpg", 1.0)
    canvas, fit = side_by_side(cat, [other], drift.RULE)
    answer = canvas.copy()
    box = fit.box
    cv2.circle(answer, (box.x + box.width // 3, box.y + box.height // 2), 40, (240, 20, 200), -1)
    locked = bring_back(cat, drift.Drift(jpeg=90, noise=1.0).apply(answer), fit)
    assert not locked.kept_whole
    assert 0.005 < locked.changed_fraction < 0.05
    assert locked.pixels[cat.shape[0] // 2, cat.shape[1] // 3, 0] > 200


def test_a_picture_or_mask_of_another_size_than_planned_is_refused(cat):
    fit = plan_fit(Size(100, 100), drift.RULE)
    with pytest.raises(InvalidRequest):
        bring_back(cat, pad_to_fit(cat[:100, :100], fit), fit)
    with pytest.raises(InvalidRequest):
        bring_back(cat[:100, :100], pad_to_fit(cat[:100, :100], fit), fit, mask=np.zeros((9, 9), np.uint8))


@pytest.mark.parametrize("name", ["black", "noise"])
def test_pictures_without_anything_to_hold_on_to_do_not_fail(name):
    parent = np.zeros((600, 800, 3), np.uint8)
    if name == "noise":
        parent = np.random.default_rng(1).integers(0, 255, parent.shape, dtype=np.uint8)
    fit = plan_fit(Size(800, 600), drift.RULE)
    answer = pad_to_fit(parent, fit).copy()
    answer[200:300, 300:500] = (255, 128, 0)
    locked = bring_back(parent, answer, fit)
    assert locked.pixels.shape == parent.shape
    assert np.abs(locked.pixels[170, 270].astype(int) - (255, 128, 0)).max() < 12


def test_sharpness_is_relative_to_the_first_picture(cat):
    soft = cv2.GaussianBlur(cat, (0, 0), 2.0)
    assert sharpness_against(cat, cat) == pytest.approx(1.0)
    assert sharpness_against(soft, cat) < 0.6
    larger = cv2.resize(cat, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    assert 0.7 < sharpness_against(larger, cat) < 1.1


def test_a_chain_that_lost_detail_is_told_with_the_remedy_and_a_locked_one_is_not():
    whole, local = {"changed": 1.0}, {"changed": 0.04}
    assert accumulated([local] * 20, sharpness=0.98) is None
    assert accumulated([whole], sharpness=1.0) is None
    assert "Redo all steps in one edit" in (accumulated([local, whole], sharpness=0.6) or "")
    assert "Redo all steps in one edit" in (accumulated([whole] * 5) or "")
