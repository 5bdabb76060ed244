"""A result is looked at before it is shown, and nothing counts as understood that no one looked for."""

import cv2
import numpy as np
import pytest

from kontext_ui import basic
from kontext_ui.basic.vision import checking, detector
from kontext_ui.basic.vision.networks import DETECTOR
from kontext_ui.basic.vision.shape import reduced
from kontext_ui.errors import NotUnderstood
from tests.unit.basic.photos import photo

NEEDS_EYES = pytest.mark.skipif(not DETECTOR.available, reason="onnxruntime is not installed")


def edited(pixels, instruction):
    edit = basic.Edit(instruction, pixels)
    for step in edit.plan.steps:
        edit.take(step, lambda: None)
    return edit.result()


@pytest.fixture
def two_cats():
    """Two cats side by side, the picture without the left one, and the mask of what was taken out."""
    one = photo("chelsea.png")
    before = np.ascontiguousarray(np.hstack((one, one[:, ::-1])))
    after, mask = before.copy(), np.zeros(before.shape[:2], np.uint8)
    after[:, : one.shape[1]] = 128
    mask[:, : one.shape[1]] = 255
    return before, after, mask


@NEEDS_EYES
def test_what_vanished_and_was_not_meant_is_noticed(two_cats):
    before, after, mask = two_cats
    meant = [one for one in detector.detect(reduced(before)) if one.centre_x < reduced(before).shape[1] / 2]

    assert [one.name for one in checking.vanished(before, after, mask, ())] == ["cat"]
    assert checking.vanished(before, after, mask, meant) == []
    assert checking.vanished(before, before, mask, ()) == []


@NEEDS_EYES
def test_all_leaves_none_and_one_leaves_the_others(two_cats):
    _, after, mask = two_cats

    assert [one.name for one in checking.left(after, mask, "cat", everywhere=True)] == ["cat"]
    assert checking.left(after, mask, "cat", everywhere=False) == []


@NEEDS_EYES
def test_people_that_a_cut_out_loses_are_counted():
    one = photo("astronaut.png")
    two = np.ascontiguousarray(np.hstack((one, one[:, ::-1])))
    kept = np.zeros(two.shape[:2], np.uint8)
    kept[:, : one.shape[1]] = 255

    assert checking.people_lost(two, kept) == (1, 2)
    assert checking.people_lost(two, np.full_like(kept, 255)) == (0, 2)


@NEEDS_EYES
def test_what_is_to_stay_cannot_be_what_is_to_change():
    with pytest.raises(NotUnderstood, match="the same thing"):
        edited(photo("chelsea.png"), "make the cat blue, keep the cat")


@pytest.mark.parametrize(
    "instruction",
    [
        "remove the yellow cast",
        "remove the white border",
        "remove the red circle",
        "change the brown beanbag to blue",
        "make the green roof red",
    ],
)
def test_a_colour_before_a_noun_does_not_make_it_understood(instruction):
    with pytest.raises(NotUnderstood):
        basic.read(instruction)


@NEEDS_EYES
@pytest.mark.parametrize("instruction", ["make the red car blue", "make the red jacket blue"])
def test_a_thing_that_is_not_seen_is_not_looked_for_by_its_colour(instruction):
    with pytest.raises(NotUnderstood, match="could not make out"):
        edited(photo("flower.jpg"), instruction)


@pytest.mark.parametrize("tone", [(45, 28, 20), (92, 58, 42), (150, 105, 80), (225, 180, 150)])
@pytest.mark.parametrize("style", ["comic", "watercolour"])
def test_no_style_blackens_skin_of_any_tone(style, tone):
    face = np.full((300, 300, 3), 200, np.uint8)
    cv2.ellipse(face, (150, 150), (90, 120), 0, 0, 360, tone, -1, cv2.LINE_AA)

    drawn = edited(face, f"turn it into a {style}").pixels

    cheek = (slice(120, 200), slice(110, 190))
    assert np.median(drawn[cheek].mean(axis=-1)) > 0.6 * np.mean(tone)


def test_a_white_border_is_white_and_a_black_one_black():
    before = np.full((100, 100, 3), 90, np.uint8)

    for colour, value in (("white", 255), ("black", 0)):
        assert (edited(before, f"add a {colour} border").pixels[0] == value).all()


@NEEDS_EYES
def test_a_white_background_is_white():
    assert tuple(edited(photo("chelsea.png"), "make the background white").pixels[2, 2]) == (255, 255, 255)
