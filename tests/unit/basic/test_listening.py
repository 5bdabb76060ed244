"""Slips of the pen, politeness, and other words for the same."""

import pytest

from kontext_ui import basic
from kontext_ui.errors import NotUnderstood


@pytest.mark.parametrize(
    ("typed", "meant"),
    {
        "make it brigther": "make it brighter",
        "remvoe the backround": "remove the background",
        "mak the sky stormy": "make the sky stormy",
        "blurr the backgroud pls": "blur the background",
    }.items(),
)
def test_a_slip_of_the_pen_is_asked_back(typed, meant):
    with pytest.raises(NotUnderstood) as refused:
        basic.read(typed)

    assert refused.value.message == f"Did you mean “{meant}”?"
    assert refused.value.suggestions[0] == meant
    basic.read(meant)


@pytest.mark.parametrize("instruction", ["make her hair darker", "make the grass greener", "remove the yellow cast"])
def test_another_word_is_no_slip_of_the_pen(instruction):
    with pytest.raises(NotUnderstood) as refused:
        basic.read(instruction)

    assert "Did you mean" not in refused.value.message


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("Hi! Make it brighter", "make it brighter"),
        ("perfect, thanks! now make it warmer", "make it warmer"),
        ("get rid of the dog pls", "get rid of the dog"),
        ("Extract the backpack from the image.", "cut out the backpack"),
        ("Restyle to Van Gogh", "turn it into van gogh"),
        ("remove the tourist, thanks in advance!", "remove the person"),
    ],
)
def test_politeness_and_other_words_for_the_same_change_nothing(said, plain):
    def meaning(instruction):
        return [(s.operation, s.arguments.get("name")) for s in basic.read(instruction).steps]

    assert meaning(said) == meaning(plain)
