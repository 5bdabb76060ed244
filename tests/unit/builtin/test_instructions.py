"""What people type, and what it is understood as."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontext_ui.backends.builtin.engine import EXAMPLES, make_plan
from kontext_ui.errors import NotUnderstood
from kontext_ui.ui.examples import EXAMPLES as OFFERED

UNDERSTOOD = {
    "make it a bit warmer": [("warmth", 0.125)],
    "brighten by 20%": [("brightness", 0.2)],
    "make it darker by 20 percent": [("brightness", -0.2)],
    "turn it black & white": [("greyscale", 1.0)],
    "Black and white, please!": [("greyscale", 1.0)],
    "black and white and more contrast": [("greyscale", 1.0), ("contrast", 0.25)],
    "turn it black and white with more contrast": [("greyscale", 1.0), ("contrast", 0.25)],
    "darker with a vignette": [("brightness", -0.2), ("vignette", 0.45)],
    "less saturated": [("saturation", -0.3)],
    "less warm": [("warmth", -0.25)],
    "more vivid colors": [("saturation", 0.3)],
    "cool it down": [("warmth", -0.25)],
    "warm up the colours": [("warmth", 0.25)],
    "lift the shadows": [("shadows", 0.25)],
    "recover the highlights": [("highlights", -0.2)],
    "darken the highlights": [("highlights", -0.2)],
    "increase brightness and contrast": [("brightness", 0.2), ("contrast", 0.25)],
    "reduce saturation a lot": [("saturation", -0.54)],
    "can you make this image look colder?": [("warmth", -0.25)],
    "make it sepia": [("sepia", 1.0)],
    "invert the colours": [("invert", 1.0)],
    "make it 20% darker while keeping the sky": [("brightness", -0.2)],
    "blur it slightly": [("blur", 0.25)],
    "sharpen": [("sharpen", 0.6)],
    "make it darker, add grain and a vignette": [("brightness", -0.2), ("grain", 0.35), ("vignette", 0.45)],
    "make it warmer and a bit brighter, then flip it": [("warmth", 0.25), ("brightness", 0.1), ("flip", "horizontal")],
    "rotate 90 degrees clockwise": [("rotate", 90)],
    "rotate by 15.5° counter-clockwise": [("rotate", -15.5)],
    "turn the picture left": [("rotate", -90)],
    "turn it upside down": [("rotate", 180)],
    "straighten by 2 degrees": [("straighten", 2)],
    "flip it vertically": [("flip", "vertical")],
    "mirror it": [("flip", "horizontal")],
    "crop to 16:9": [("crop_ratio", 16)],
    "crop to a square": [("crop_ratio", 1)],
    "crop 10% off the left": [("crop_edge", "left")],
    "trim 40 px from the top": [("crop_edge", "top")],
    "resize to 1600 px wide": [("resize", 1600)],
    "scale to 800x600": [("resize", 800)],
    "resize to 50%": [("resize", 0.5)],
}
REFUSED = (
    "add a dragon",
    "make it brighter and add a dragon",
    "give her a bowler hat",
    "make him smile",
    "change the season to winter",
    "rotate the car to face left",
    "don't make it darker",
    "not darker",
    "what is this?",
    "👍",
    "-",
    "make it",
    "remove the object from her face",
    "brighter dragon",
)


@pytest.mark.parametrize(("instruction", "expected"), UNDERSTOOD.items(), ids=UNDERSTOOD)
def test_what_is_understood(instruction, expected):
    plan = make_plan(instruction)

    found = [(step.operation, next(iter(step.arguments.values()))) for step in plan.steps]
    assert [operation for operation, _ in found] == [operation for operation, _ in expected]
    for (_, value), (_, wanted) in zip(found, expected, strict=True):
        assert value == (wanted if isinstance(wanted, str) else pytest.approx(wanted))


@pytest.mark.parametrize("instruction", REFUSED)
def test_what_is_refused_offers_three_things_that_work(instruction):
    with pytest.raises(NotUnderstood) as caught:
        make_plan(instruction)

    assert caught.value.message.endswith((".", "here."))
    assert caught.value.capable_tier in ("pro", "max")
    assert len(caught.value.suggestions) == 3
    for suggestion in caught.value.suggestions:
        assert make_plan(suggestion).steps


def test_a_refusal_names_the_words_that_were_not_understood():
    with pytest.raises(NotUnderstood, match="“dragon”"):
        make_plan("make it brighter and add a dragon")


@pytest.mark.parametrize("instruction", [*EXAMPLES, *(example.instruction for example in OFFERED)])
def test_every_example_that_is_offered_works(instruction):
    assert make_plan(instruction).steps


def test_strength_words_really_scale():
    amounts = [make_plan(f"make it {how} brighter").steps[0].number("amount") for how in ("a little", "", "much")]

    assert amounts == sorted(amounts)
    assert len(set(amounts)) == 3


@given(st.text(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_plan_or_a_refusal(text):
    try:
        plan = make_plan(text)
    except NotUnderstood:
        return
    assert plan.steps


@given(
    st.lists(
        st.sampled_from("make it brighter warmer and , then rotate 90 % degrees crop 16:9 by a lot 1e9 -5 half".split())
    )
)
@settings(max_examples=300, deadline=None)
def test_any_mixture_of_our_words_is_a_plan_or_a_refusal(words):
    try:
        plan = make_plan(" ".join(words))
    except NotUnderstood:
        return
    assert plan.steps
