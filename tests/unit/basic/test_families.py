"""What the families do to real photos: the place they find, the pixels they change and those they leave alone."""

import cv2
import numpy as np
import pytest

from kontext_ui import basic
from kontext_ui.backends.base import EditTask
from kontext_ui.backends.basic import BasicBackend
from kontext_ui.basic.language import colours
from kontext_ui.basic.operations import removal, styles
from kontext_ui.basic.vision import detector, reader
from kontext_ui.basic.vision.networks import Network
from kontext_ui.basic.vision.shape import reduced
from kontext_ui.edits import Done, EditRequest, Tier
from kontext_ui.errors import EditCancelled, NotUnderstood
from tests.unit.basic.photos import photo, sign


async def edit(pixels, instruction, mask=None):
    task = EditTask("job", input_image=pixels, mask=mask)
    request = EditRequest(instruction, Tier.LOCAL, "builtin")
    events = [event async for event in BasicBackend().edit(request, task)]
    assert isinstance(events[-1], Done)
    result = events[-1].result
    if result.change_mask is not None and result.pixels.shape == pixels.shape:
        outside = result.change_mask == 0
        assert np.array_equal(result.pixels[outside], pixels[outside]), "something outside of the region changed"
    return result


def middle_lab(pixels, mask):
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.median(lab[mask > 200], axis=0)


def detail(pixels, where):
    """Mean strength of fine structure where a mask is white."""
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.abs(cv2.Laplacian(gray, cv2.CV_32F))[where > 200].mean())


@pytest.mark.parametrize("colour", ["blue", "green", "purple", "white", "black"])
@pytest.mark.parametrize(
    ("name", "thing"), [("motorcycle_left.png", "motorcycle"), ("flower.jpg", "flower"), ("chelsea.png", "cat")]
)
async def test_a_recoloured_thing_has_the_colour(name, thing, colour):
    result = await edit(photo(name), f"make the {thing} {colour}")

    lightness, a, b = middle_lab(result.pixels, result.change_mask)
    wanted = colours.lab(colour)
    assert 0.01 < (result.change_mask > 200).mean() < 0.75
    if colour in ("white", "black"):
        assert (lightness > 62) if colour == "white" else (lightness < 32)
        assert np.hypot(a, b) < 12
    else:
        apart = np.degrees(np.arctan2(b, a) - np.arctan2(wanted[2], wanted[1]))
        assert abs((apart + 180) % 360 - 180) < 25
    assert f"to {colour}" in result.description
    assert "% of the picture" in result.description


async def test_of_two_things_one_is_taken_and_the_others_are_one_click_away():
    one = photo("chelsea.png")
    two = np.ascontiguousarray(np.hstack((one, one[:, ::-1])))

    result = await edit(two, "make the right cat blue")
    both = await edit(two, result.alternatives[-1])

    half = one.shape[1]
    assert "1 of 2 cats" in result.description
    assert result.alternatives == ("make the left cat blue", "make all cats blue")
    assert (result.change_mask[:, :half] > 0).mean() < 0.02 < (result.change_mask[:, half:] > 0).mean()
    assert (both.change_mask[:, :half] > 0).mean() > 0.02


@pytest.mark.skipif(not reader.available(), reason="rapidocr is not installed")
async def test_of_two_signs_the_other_is_one_click_away():
    two = np.ascontiguousarray(np.hstack((sign(0.25), sign(0.25))))

    first = await edit(two, "replace “OPEN” with “CLOSED”")
    other = await edit(two, first.alternatives[0])

    assert first.alternatives[-1] == "replace all “OPEN” with “CLOSED”"
    assert not ((first.change_mask > 0) & (other.change_mask > 0)).any()


async def test_a_face_stays_out_of_an_orange_suit():
    before = photo("astronaut.png")
    side = before.shape[0]
    face = (slice(round(0.1 * side), round(0.3 * side)), slice(round(0.36 * side), round(0.5 * side)))

    result = await edit(before, "make the orange suit blue")

    assert np.array_equal(result.pixels[face], before[face])
    assert middle_lab(result.pixels, result.change_mask)[2] < -20


async def test_two_things_in_two_colours_and_everything_else_as_it_was():
    result = await edit(photo("chelsea.png"), "make the cat blue, then blur the background")

    assert result.description.startswith("Recoloured the cat, found by name")
    assert "blurred the background" in result.description
    assert result.plan["steps"][1]["operation"] == "background"


async def test_everything_but_one_thing_turns_grey():
    before = photo("flower.jpg")
    result = await edit(before, "make everything black and white except the flower")

    grey = result.change_mask == 255
    assert 0.5 < grey.mean() < 0.95
    assert np.ptp(result.pixels[grey].astype(int), axis=1).max() <= 1
    colourful = np.ptp(result.pixels[result.change_mask == 0].astype(int), axis=1)
    assert colourful.mean() > 60


async def test_except_under_a_mask_is_what_the_mask_leaves_out():
    before = photo("coffee.png")
    mask = np.zeros(before.shape[:2], np.uint8)
    mask[:, : mask.shape[1] // 2] = 255

    result = await edit(before, "make everything black and white except this", mask)

    assert np.array_equal(result.pixels[:, : mask.shape[1] // 2 - 1], before[:, : mask.shape[1] // 2 - 1])
    assert "everything except the painted area, 50% of the picture" in result.description


@pytest.mark.parametrize(
    ("name", "instruction", "words"),
    [
        ("chelsea.png", "make the blue cat red", "1 cat here, but none that is blue"),
        ("astronaut.png", "make the lamp green", "stands out here looks like a person"),
        ("chelsea.png", "make it darker but keep the zebra", "could not make out a zebra in this picture"),
    ],
)
async def test_what_is_not_so_is_refused(name, instruction, words):
    with pytest.raises(NotUnderstood, match=words):
        await edit(photo(name), instruction)


async def test_one_cat_alone_is_cut_out():
    one = photo("chelsea.png")
    two = np.ascontiguousarray(np.hstack((one, one[:, ::-1])))

    result = await edit(two, "cut out the left cat")

    half = one.shape[1]
    assert (result.pixels[:, :half, 3] == 255).mean() > 0.3
    assert (result.pixels[:, half + 40 :, 3] > 0).mean() < 0.05


async def test_a_kept_thing_is_kept():
    before = photo("flower.jpg")
    result = await edit(before, "make it much darker, without changing the flower")

    kept = result.change_mask == 0
    assert 0.1 < kept.mean() < 0.5
    assert "(keeping the flower)" in result.description
    assert result.pixels[result.change_mask == 255].mean() < 0.8 * before[result.change_mask == 255].mean()


async def test_a_blurred_background_is_soft_and_the_subject_sharp():
    before = photo("china.jpg")
    result = await edit(before, "blur the background")

    background, subject = result.change_mask, 255 - result.change_mask
    assert detail(result.pixels, background) < 0.35 * detail(before, background)
    assert detail(result.pixels, subject) == pytest.approx(detail(before, subject), rel=0.05)


async def test_the_background_is_taken_away_and_comes_back_as_alpha():
    result = await edit(photo("flower.jpg"), "remove the background")

    alpha = result.pixels[..., 3]
    assert result.pixels.shape[2] == 4
    assert 0.5 < (alpha == 0).mean() < 0.95
    assert (alpha == 255).mean() > 0.1


async def test_transparency_survives_the_next_edit():
    cut = (await edit(photo("flower.jpg"), "remove the background")).pixels

    darker = (await edit(cut, "make it darker")).pixels

    assert np.array_equal(darker[..., 3], cut[..., 3])


@pytest.mark.parametrize("instruction", ["change the background to light grey", "change the background to a studio"])
async def test_a_new_background_is_behind_the_subject(instruction):
    before = photo("flower.jpg")
    result = await edit(before, instruction)

    corner = result.pixels[:20, :20].reshape(-1, 3).astype(int)
    assert np.ptp(corner, axis=1).max() < 12
    assert np.array_equal(result.pixels[result.change_mask == 0], before[result.change_mask == 0])


async def test_a_drawn_scene_is_said_to_be_drawn():
    assert "drawn scene" in (await edit(photo("flower.jpg"), "change the background to a beach")).description


async def test_a_night_sky_darkens_the_ground_too():
    before = photo("china.jpg")
    result = await edit(before, "make the sky a night sky")

    ground = slice(round(0.8 * before.shape[0]), None)
    assert result.pixels[:40].mean() < 0.4 * before[:40].mean()
    assert result.pixels[ground].mean() < 0.8 * before[ground].mean()
    assert result.description.startswith("Drew a night sky in place of the sky")


async def test_no_sky_is_no_sky():
    with pytest.raises(NotUnderstood, match="could not make out a sky in this picture"):
        await edit(photo("coffee.png"), "make the sky stormy")


@pytest.mark.skipif(not removal.available(), reason="PyPatchMatch is not installed")
async def test_a_removed_thing_is_no_longer_there():
    before = photo("flower.jpg")
    result = await edit(before, "remove the flower")

    orange = colours.where(reduced(np.ascontiguousarray(result.pixels[: round(0.8 * before.shape[0])])), "orange")
    assert float((orange > 0.5).mean()) < 0.01
    assert result.warnings  # it was more than 15% of the picture


async def test_too_much_is_not_removed():
    with pytest.raises(NotUnderstood, match="at most 25%"):
        await edit(photo("chelsea.png"), "remove the cat")


async def test_a_painted_thing_is_removed_without_a_name():
    before = photo("coffee.png")
    mask = np.zeros(before.shape[:2], np.uint8)
    cv2.circle(mask, (before.shape[1] // 12, before.shape[0] // 2), 14, 255, -1)

    result = await edit(before, "remove this", mask)

    assert (result.change_mask > 0).mean() < 0.03


async def test_what_is_not_there_is_not_invented():
    with pytest.raises(NotUnderstood, match="I could not make out an elephant in this picture") as caught:
        await edit(photo("chelsea.png"), "make the elephant blue")

    assert "cat" in caught.value.message
    assert caught.value.capable_tier == "pro"


async def test_no_greenery_no_autumn():
    with pytest.raises(NotUnderstood, match="no greenery"):
        await edit(photo("coffee.png"), "make it autumn")


async def test_autumn_leaves_are_warmer():
    before = photo("china.jpg")
    after = (await edit(before, "make it autumn")).pixels
    leaves = (slice(round(0.75 * before.shape[0]), None), slice(0, round(0.25 * before.shape[1])))

    def redness(pixels):
        part = pixels[leaves].astype(int)
        return (part[..., 0] - part[..., 1]).mean()

    assert redness(after) > redness(before) + 15


@pytest.mark.parametrize("words", ["", "a little", "a lot"])
@pytest.mark.parametrize("instruction", ["add {} fog", "add {} rain"])
async def test_weather_scales(instruction, words):
    before = photo("china.jpg")
    plain = (await edit(before, instruction.format("").replace("  ", " "))).pixels.astype(int)
    scaled = (await edit(before, instruction.format(words).replace("  ", " "))).pixels.astype(int)
    ratio = np.abs(scaled - before).mean() / np.abs(plain - before).mean()

    assert {"": 0.999 < ratio < 1.001, "a little": ratio < 0.85, "a lot": ratio > 1.1}[words]


@pytest.mark.parametrize("style", sorted(styles.WORDS))
async def test_every_style_draws_the_same_picture_anew(style):
    before = photo("china.jpg", 0.15)
    words = {"oil": "an oil painting", "pencil": "a pencil sketch", "comic": "a comic book"}.get(style, style)
    instruction = "enhance it" if style == "enhance" else f"turn it into {words}"
    result = await edit(before, instruction)
    again = await edit(before, instruction)

    assert result.pixels.shape == before.shape
    assert np.array_equal(result.pixels, again.pixels)
    assert np.abs(result.pixels.astype(int) - before).mean() > 3


@pytest.mark.parametrize(
    "instruction",
    ["make the sky stormy", "add falling snow", "make the background a forest", "blur the background"],
)
async def test_the_same_instruction_has_the_same_answer(instruction):
    first, second = [(await edit(photo("china.jpg"), instruction)).pixels for _ in range(2)]

    assert np.array_equal(first, second)


async def test_a_style_can_be_put_on_one_place_only():
    before = photo("flower.jpg")
    result = await edit(before, "turn the background into pixel art")

    assert (result.change_mask == 0).mean() > 0.1


async def test_a_stopped_edit_stops_between_its_parts():
    task = EditTask("job", input_image=photo("flower.jpg"))
    task.stop.set()
    with pytest.raises(EditCancelled):
        [e async for e in BasicBackend().edit(EditRequest("make the flower blue", Tier.LOCAL, "builtin"), task)]


def test_a_missing_network_is_not_available_and_breaks_nothing():
    assert not Network("missing.onnx").available
    assert "missing from this installation" in Network("missing.onnx").lacks
    assert detector.DETECTOR.available
    assert basic.missing() == () or "pip install" in basic.missing()[0]


def test_one_thing_in_two_boxes_is_one_thing():
    cups = [found for found in detector.detect(reduced(photo("coffee.png")), 0.25) if found.name == "cup"]

    assert len(cups) == 1


async def test_twelve_megapixels_are_edited_at_twelve_megapixels():
    before = photo("flower.jpg", 12.0)
    result = await edit(before, "make the flower blue")

    assert result.pixels.shape == before.shape
    assert result.change_mask.shape == before.shape[:2]
