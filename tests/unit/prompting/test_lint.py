"""Hints on instructions: which are given, what one click makes of them, and when there is silence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontext_ui.edits import Tier
from kontext_ui.prompting import LintContext, Look, Thing, lint
from kontext_ui.prompting.lint import changes

STREET = Look((Thing("car"), Thing("person")), sky=True, subject=True, words=("OPEN",))


def first(instruction, **context):
    hints = lint(instruction, LintContext(**{"preserving": True, "look": STREET, **context}))
    return hints[0] if hints else None


@pytest.mark.parametrize(
    ("instruction", "id", "replacement"),
    [
        ("transform into a viking", "identity", "Change the person's clothes to those of a viking, while preserving"),
        ("Turn him into a pirate", "identity", "Change his clothes to those of a pirate, while preserving"),
        ("make the woman an astronaut", "identity", "Change the woman's clothes to those of an astronaut"),
        ("make it better", "vague", "Brighten the light"),
        ("enhance this photo", "vague", "Brighten the light"),
        ("make it red", "pronoun", "make the car red"),
        ("remove it", "pronoun", "remove the car"),
        ("no glasses", "negative", "Remove the glasses"),
        ("change the sign to closed today", "quotes", 'change the sign to "closed today"'),
        ("replace open with closed", "quotes", 'Replace "OPEN" with "closed"'),
        ("change the text from open to closed", "quotes", 'Replace "OPEN" with "closed"'),
        ("make the sign say hello world", "quotes", 'make the sign say "hello world"'),
        ("write hello on the wall", "quotes", 'write "hello" on the wall'),
    ],
)
def test_one_click_makes_a_better_instruction(instruction, id, replacement):
    hint = first(instruction)

    assert hint.id == id
    assert hint.replacement.startswith(replacement)
    assert hint.label


@pytest.mark.parametrize(
    "instruction",
    [
        "Make the car red",
        "turn the car into a truck",
        "turn the man into an old man",
        "transform this into a watercolour painting",
        'Replace "OPEN" with "CLOSED"',
        "make the sign red",
        "make it black and white",
        "make it warmer",
        "remove the background",
        "change the clothes to viking style, preserve the facial features",
        "",
        "   ",
    ],
)
def test_nothing_is_said_about_a_good_instruction(instruction):
    assert first(instruction) is None


@pytest.mark.parametrize(
    "instruction",
    [
        "transform into a viking",
        "make it better",
        "make it red",
        "no glasses",
        "write hello on the wall",
        "make her a knight",
    ],
)
def test_what_a_click_writes_is_not_complained_about_again(instruction):
    hint = first(instruction)

    assert first(hint.replacement) is None or first(hint.replacement).id != hint.id


def test_a_new_style_is_asked_to_keep_the_composition_and_a_new_background_the_place():
    style = first("in the style of van gogh", preserving=False)
    background = first("put her on a beach", preserving=False)

    assert style.replacement.endswith("while preserving the original composition")
    assert "same position, scale and pose" in background.replacement
    assert first(style.replacement, preserving=False) is None


def test_several_changes_go_to_max_when_it_is_ready():
    text = "Make the car red, add a bicycle and put leaves on the trees"

    ready, missing = first(text, max_ready=True), first(text)

    assert ready.text.startswith("Three changes")
    assert ready.settings["tier"] == "max"
    assert (missing.id, missing.settings) == ("several", {})
    assert first(text, max_ready=True, tier=Tier.MAX) is None


@pytest.mark.parametrize(
    ("instruction", "count"),
    [
        ("Make the car red", 1),
        ("Make the car red and open the door", 2),
        ("a man with a hat and a coat", 0),
        ("give him a red hat and a blue coat", 1),
        ('write "add, remove, and change" on the wall', 1),
        ("Now brighten it. Then also blur the background; finally crop to 16:9", 3),
    ],
)
def test_changes_are_counted_by_their_verbs(instruction, count):
    assert changes(instruction) == count


def test_a_scene_is_no_change():
    scene = "a man in a park with a dog under tall trees in golden light"

    assert first(scene).id == "description"
    assert first(scene, has_picture=False) is None


def test_a_style_has_no_composition_to_keep_where_there_is_no_picture():
    assert first("Make it a watercolor painting", preserving=False).id == "style"
    found = first("Make it a watercolor painting", preserving=False, has_picture=False)
    assert found is None or found.id != "style"


def test_short_prompts_may_be_expanded_and_long_ones_need_not():
    long = "Change " + "the very old wooden door of the small house " * 4 + "to green"

    short = first("add a hat", upsampling=False)

    assert short.settings == {"parameters": {"prompt_upsampling": True}}
    assert first("add a hat", upsampling=True) is None
    assert first("add a hat", upsampling=None) is None
    assert first(long, upsampling=True).settings == {"parameters": {"prompt_upsampling": False}}


def test_keeping_the_rest_is_offered_only_when_there_is_nothing_more_important():
    assert first("add a hat", preserving=False).settings == {"preserve": True}
    assert [hint.id for hint in lint("turn him into a pirate", LintContext())] == ["identity"]
    assert first("add a hat", preserving=False, has_mask=True) is None


def test_a_mask_bounds_what_is_said_of_everything():
    assert first("make it winter", has_mask=True).settings == {"mask": None}
    assert first("make the car red", has_mask=True) is None


def test_what_the_engine_here_cannot_read_names_who_can():
    refused = {"refusal": "I do not know what to do with “dragon” here.", "nearest": "make it darker", "redraws": False}

    elsewhere = first("add a dragon", **refused, capable=Tier.PRO)
    here = first("add a dragon", **refused)

    assert elsewhere.text == refused["refusal"]
    assert elsewhere.settings["tier"] == "pro"
    assert here.replacement == "make it darker"


def test_the_engine_here_is_not_told_to_preserve():
    assert first("turn it into a watercolour", redraws=False, preserving=False) is None
    assert first("add grain", redraws=False, upsampling=False, preserving=False) is None


def test_a_text_as_long_as_a_letter_is_left_alone():
    assert first("make it red " * 2000) is None


@settings(deadline=None)
@given(st.text(), st.booleans(), st.sampled_from(["", "OPEN", "(", "\\"]))
def test_any_text_may_be_written(text, redraws, seen):
    hints = lint(text, LintContext(redraws=redraws, look=Look((Thing("car"),), words=(seen,))))

    assert all(hint.text.endswith(".") for hint in hints)
    assert all(hint.label for hint in hints if hint.replacement or hint.settings)
