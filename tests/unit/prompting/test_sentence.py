"""Sentences from parts, and the clauses that ask for preservation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_ui.prompting import ACTIONS, Sentence, compose, with_clauses


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        (
            Sentence("colour", "car", "red", ("the background", "the lighting")),
            "Change the colour of the car to red, while preserving the background and the lighting",
        ),
        (Sentence("change", "the sky", "a storm."), "Change the sky to a storm"),
        (Sentence("replace", '"OPEN"', '"CLOSED"'), 'Replace "OPEN" with "CLOSED"'),
        (Sentence("replace", '"OPEN"', "CLOSED"), 'Replace "OPEN" with "CLOSED"'),
        (Sentence("replace", "all cars", "bicycles"), "Replace all cars with bicycles"),
        (Sentence("add", "", "a hat"), "Add a hat"),
        (Sentence("add", "person", "a hat"), "Add a hat to the person"),
        (Sentence("remove", "my dog's leash"), "Remove my dog's leash"),
        (Sentence("restyle", "", "a pencil drawing", ("a", "b", "c")),
         "Restyle the picture as a pencil drawing, while preserving a, b and c"),
    ],
)  # fmt: skip
def test_parts_become_a_sentence(sentence, text):
    assert compose(sentence) == text


@pytest.mark.parametrize(
    "sentence",
    [Sentence("colour", "car"), Sentence("colour", "", "red"), Sentence("remove"), Sentence("fly", "a", "b")],
)
def test_a_sentence_waits_for_its_parts(sentence):
    assert compose(sentence) == ""


@given(st.sampled_from([action.id for action in ACTIONS]), st.text(), st.text())
def test_braces_and_percent_signs_are_only_letters(action, subject, state):
    said = compose(Sentence(action, subject + "{state}{0.__class__}", state + "%s{}"))

    assert "<class" not in said
    assert not said or "{0.__class__}" in said or "%s{}" in said


def test_a_person_named_is_preserved_without_being_asked():
    assert with_clauses("make her hair red.") == (
        "make her hair red, while preserving the person's facial features, hairstyle and expression"
    )
    assert with_clauses("make her hair red", person=False) == "make her hair red"
    assert with_clauses("make the car red") == "make the car red"


@pytest.mark.parametrize(
    ("instruction", "clause"),
    [
        ("make the car red", "while keeping everything else in the picture exactly the same"),
        ("as a watercolour", "while keeping the original composition"),
        ("change the background to a beach", "while keeping the subject in the exact same position, scale and pose"),
        ("make it winter", "while keeping the composition and every object in its place"),
    ],
)
def test_what_is_asked_to_stay_fits_the_kind_of_edit(instruction, clause):
    assert with_clauses(instruction, rest=True) == f"{instruction}, {clause}"


def test_both_clauses_make_one_sentence():
    text = with_clauses("give the man a red hat", rest=True)

    assert text.count("while") == 1
    assert text.endswith("hairstyle and expression and keeping everything else in the picture exactly the same")


@pytest.mark.parametrize("said", ["make the car red, keep the rest", "change his hat and preserve his face"])
def test_nobody_is_asked_twice(said):
    assert with_clauses(said, rest=True) == said
