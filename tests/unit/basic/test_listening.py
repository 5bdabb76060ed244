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


@pytest.mark.parametrize(
    "said",
    [
        "make\u200b the sk\u200by stormy",
        "\ufeffmake the sky stormy\u200e",
        "make the sky stor\u00admy",
        "make\u00a0the\u2009sky\u3000stormy",
        "make the sky stormy 🙂",
        "make the sky stormy ⛈️⛈️!",
        "⚡ make the sky stormy 👍🏽 👩‍🎨",
        "make the sky stormy :)",
        "make the sky stormy ;-) <3",
        "make the sky stormy, thanks :D",
        "make the sky stormy ^^",
        "ｍａｋｅ ｔｈｅ ｓｋｙ ｓｔｏｒｍｙ",
    ],
)
def test_what_cannot_be_seen_or_is_no_word_is_not_minded(said):
    assert basic.read(said).steps == basic.read("make the sky stormy").steps


@pytest.mark.parametrize(
    ("instruction", "other"),
    [("rotate it by 90°", "rotate it by 180°"), ("crop it to 16:9", "crop it to 4:3"),
     ("make it 10% brighter", "make it 60% brighter")],
)  # fmt: skip
def test_signs_that_mean_something_are_kept(instruction, other):
    assert (
        basic.read(instruction).as_json()["steps"][0]["arguments"]
        != basic.read(other).as_json()["steps"][0]["arguments"]
    )


def test_signs_between_quotes_are_the_users():
    plan = basic.read('write "Hi 🙂 :)" at the top')

    assert "Hi 🙂 :)" in str(plan)
