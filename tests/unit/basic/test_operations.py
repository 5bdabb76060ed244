"""What the operations do to pixels."""

import numpy as np
import pytest

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.basic import BasicBackend
from kontext_ui.edits import Done, EditRequest, Tier
from kontext_ui.errors import EditCancelled, InvalidRequest, NotUnderstood


@pytest.fixture
def photo():
    """A 120 × 80 colour ramp with texture."""
    random = np.random.default_rng(4)
    y, x = np.mgrid[0:80, 0:120]
    base = np.stack((40 + x, 60 + y, 150 - x // 2), axis=2)
    return np.clip(base + random.integers(-12, 12, base.shape), 1, 250).astype(np.uint8)


async def edit(pixels, instruction, mask=None):
    request = EditRequest(instruction, Tier.LOCAL, "builtin")
    pixels.setflags(write=False)
    events = [event async for event in BasicBackend().edit(request, EditTask("job", input_image=pixels, mask=mask))]
    assert isinstance(events[-1], Done)
    return events[-1].result


def saturation(pixels):
    return (pixels.max(axis=2).astype(int) - pixels.min(axis=2)).mean()


async def test_brighter_and_darker(photo):
    means = [
        (await edit(photo, how)).pixels.mean()
        for how in ("much darker", "darker", "a bit darker", "a bit brighter", "brighter", "much brighter")
    ]

    assert means == sorted(means)
    assert means[2] < photo.mean() < means[3]


async def test_twenty_percent_brightens_the_middle_by_twenty_percent():
    grey = np.full((32, 32, 3), 128, np.uint8)

    assert (await edit(grey, "brighten by 20%")).pixels.mean() == pytest.approx(128 * 1.2, abs=2)


async def test_black_and_white_stay_black_and_white_when_brightened():
    ends = np.zeros((32, 32, 3), np.uint8)
    ends[:, 8:16], ends[:, 16:] = 255, 120

    result = (await edit(ends, "brighter")).pixels

    assert result[0, 0, 0] == 0
    assert result[0, 8, 0] == 255


async def test_contrast_and_saturation(photo):
    assert (await edit(photo, "more contrast")).pixels.std() > photo.std()
    assert (await edit(photo, "less contrast")).pixels.std() < photo.std()
    assert saturation((await edit(photo, "more colourful")).pixels) > saturation(photo)
    assert saturation((await edit(photo, "black and white")).pixels) == 0


async def test_warmer_is_redder_and_cooler_is_bluer(photo):
    warm, cool = (await edit(photo, "warmer")).pixels, (await edit(photo, "cooler")).pixels

    def warmth(pixels):
        return pixels[..., 0].mean() - pixels[..., 2].mean()

    assert warmth(warm) > warmth(photo) > warmth(cool)


async def test_invert_is_exact_and_its_own_inverse(photo):
    once = (await edit(photo, "invert")).pixels

    assert np.array_equal(once, 255 - photo)


async def test_geometry_is_exact(photo):
    assert np.array_equal((await edit(photo, "rotate right")).pixels, np.rot90(photo, -1))
    assert np.array_equal((await edit(photo, "flip it horizontally")).pixels, photo[:, ::-1])
    assert np.array_equal((await edit(photo, "crop 10% off the left")).pixels, photo[:, 12:])
    assert (await edit(photo, "crop to a square")).pixels.shape == (80, 80, 3)
    assert (await edit(photo, "resize to 60 px wide")).pixels.shape == (40, 60, 3)
    assert (await edit(photo, "rotate by 45 degrees")).pixels.shape[2] == 4
    assert (await edit(photo, "straighten by 3 degrees")).pixels.shape[2] == 3


async def test_alpha_is_carried_through(photo):
    alpha = np.random.default_rng(5).integers(0, 255, photo.shape[:2], np.uint8)

    result = (await edit(np.dstack((photo, alpha)), "warmer, then flip it")).pixels

    assert np.array_equal(result[..., 3], alpha[:, ::-1])


async def test_outside_a_mask_nothing_changes(photo):
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[20:50, 30:70] = 255
    mask[18:20, 30:70] = 100

    result = (await edit(photo, "much darker", mask)).pixels

    assert np.array_equal(result[mask == 0], photo[mask == 0])
    assert (result[mask == 255] < photo[mask == 255]).mean() > 0.9


async def test_a_mask_and_a_crop_do_not_go_together(photo):
    with pytest.raises(InvalidRequest, match="whole picture"):
        await edit(photo, "crop to a square", np.full(photo.shape[:2], 255, np.uint8))


async def test_an_edit_that_would_change_nothing_is_refused(photo):
    with pytest.raises(NotUnderstood, match="next to nothing"):
        await edit(np.zeros((32, 32, 3), np.uint8), "brighter")


@pytest.mark.parametrize("instruction", ["crop 49% off the left, crop 99% off the top", "resize to 90000 px wide"])
async def test_an_impossible_size_is_refused_in_words(photo, instruction):
    with pytest.raises(InvalidRequest):
        await edit(photo, instruction)


async def test_the_same_instruction_gives_the_same_picture(photo):
    first, second = [(await edit(photo, "add strong grain")).pixels for _ in range(2)]

    assert np.array_equal(first, second)


async def test_a_stopped_edit_ends_between_steps(photo):
    task = EditTask("job", input_image=photo)
    events = BasicBackend().edit(EditRequest("warmer, darker", Tier.LOCAL, "builtin"), task)
    await anext(events)
    task.stop.set()

    with pytest.raises(EditCancelled):
        await anext(events)


async def test_the_answer_says_what_was_done_and_keeps_the_plan(photo):
    result = await edit(photo, "make it 20% darker and add a vignette")

    assert result.description == "Darkened by 20% and vignette added."
    assert [step["operation"] for step in result.plan["steps"]] == ["brightness", "vignette"]


async def test_less_noise_is_less_noise_and_edges_stay():
    random = np.random.default_rng(3)
    clean = np.full((120, 160, 3), 90, np.uint8)
    clean[:, 80:] = 190
    noisy = np.clip(clean + random.normal(0, 9, clean.shape), 0, 255).astype(np.uint8)

    result = (await edit(noisy, "reduce the noise a lot")).pixels.astype(int)

    assert result[20:100, 10:70].std() < 0.5 * noisy[20:100, 10:70].astype(int).std()
    assert result[60, 84:].mean() - result[60, :76].mean() > 90


async def test_a_colour_cast_goes(photo):
    cast = np.clip(photo * np.array([1.25, 1.0, 0.7]), 0, 255).astype(np.uint8)

    result = (await edit(cast, "fix the white balance")).pixels

    def spread(pixels):
        return np.ptp(np.percentile(pixels.reshape(-1, 3), 95, axis=0))

    assert spread(result) < 0.5 * spread(cast)


async def test_a_border_goes_around(photo):
    result = (await edit(photo, "add a 10 px black border")).pixels

    assert result.shape == (100, 140, 3)
    assert np.array_equal(result[10:-10, 10:-10], photo)
    assert result[:10].max() < 40
