"""What people type, and what it is understood as."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontext_ui.backends.basic import EXAMPLES
from kontext_ui.basic import read as make_plan
from kontext_ui.errors import NotUnderstood
from kontext_ui.web.examples import EXAMPLES as OFFERED
from tests.unit.basic.instructions import PLACES, REFUSED, UNDERSTOOD


def told(step):
    """A step as one line: what, where, to what."""
    arguments = step.arguments
    if step.operation == "recolour":
        return f"recolour {arguments['target']} {arguments['name']} {arguments['colour']}"
    if step.operation == "remove":
        return f"remove {arguments['target']} {arguments['name']}"
    if step.operation.endswith("_text"):
        return " ".join([step.operation, *(arguments[name] for name in ("old", "new") if arguments.get(name))])
    if step.operation == "flip":
        return "flip"
    detail = next((arguments[name] for name in ("how", "kind", "style", "target") if name in arguments), "")
    return f"{step.operation} {detail}".strip()


@pytest.mark.parametrize(("instruction", "expected"), PLACES.items(), ids=PLACES)
def test_what_is_done_where(instruction, expected):
    assert " + ".join(told(step) for step in make_plan(instruction).steps) == expected


def test_the_table_is_as_long_as_it_should_be():
    assert len(UNDERSTOOD) + len(PLACES) + len(REFUSED) >= 150
    assert len(REFUSED) >= 24


@pytest.mark.parametrize(
    ("instruction", "which"),
    {
        "make the left car red": "left",
        "make the car on the right red": "right",
        "make all cars red": "all",
        "make the cars red": "all",
        "make the biggest car red": "largest",
        "make the other car red": "other",
        "make the second car red": "second",
        "make the third car red": "third",
        "make the car red": "best",
    }.items(),
)
def test_which_of_several_is_meant(instruction, which):
    assert make_plan(instruction).steps[0].arguments["which"] == which


def test_a_painted_mask_explains_a_noun_that_nothing_here_can_find():
    for instruction in ("make the dress green", "make it green", "paint this green"):
        (step,) = make_plan(instruction, has_mask=True).steps
        assert (step.operation, step.arguments["target"]) == ("recolour", "masked")
    assert make_plan("remove this", has_mask=True).steps[0].operation == "remove"
    with pytest.raises(NotUnderstood):
        make_plan("make the dress green")


@pytest.mark.parametrize(
    "instruction",
    [
        "make it darker but keep the cat in colour",
        "darker, without changing the cat",
        "darker while preserving the cat",
    ],
)
def test_what_is_to_be_kept_is_found_when_it_has_a_name(instruction):
    assert [target.name for target in make_plan(instruction).protect] == ["cat"]


def test_a_colour_can_be_kept():
    (target,) = make_plan("make it black and white but keep the red").protect
    assert (target.kind, target.source) == ("colour", "red")


def test_very_makes_slightly_smaller():
    plain, small, less = (
        make_plan(f"make it {how} brighter").steps[0].number("amount") for how in ("", "slightly", "very slightly")
    )

    assert plain > small > less


@pytest.mark.parametrize(
    ("instruction", "words"),
    {
        "don't make it darker": "“don't”",
        "turn it into a 3d model": "style 3D model",
        "black and white dragon": "“dragon”",
    }.items(),
)
def test_a_refusal_blames_the_right_word(instruction, words):
    with pytest.raises(NotUnderstood, match=words):
        make_plan(instruction)


def test_everything_else_is_what_is_not_painted():
    (step,) = make_plan("blur everything else", has_mask=True).steps
    assert step.arguments["inverted"] is True


def test_a_fragment_is_offered_with_the_verb_that_it_left_out():
    with pytest.raises(NotUnderstood) as caught:
        make_plan("make the car red, the cat blue and a dragon")

    assert make_plan(caught.value.suggestions[0]).steps[1].arguments["name"] == "cat"


def test_a_refused_style_is_named():
    with pytest.raises(NotUnderstood, match="style anime does not come out well"):
        make_plan("turn it into anime")


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


def test_what_was_understood_beside_it_is_offered_alone():
    with pytest.raises(NotUnderstood, match="I understood “make it brighter”") as caught:
        make_plan("make it brighter and add a dragon")

    assert caught.value.suggestions[0] == "make it brighter"


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
