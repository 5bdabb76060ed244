"""Messages that are commands, and messages that lean on the turns before."""

import contextlib

import pytest

from kontext_ui import basic
from kontext_ui.errors import NotUnderstood
from tests.unit.basic.conversations import CONVERSATIONS, OTHERS

MOST_MISSED = 4
"""Of the messages of these conversations: a rise is a step back, a fall is to be written here."""


def turn(instruction):
    return basic.Turn(instruction, basic.read(instruction).as_json()["steps"], OTHERS.get(instruction, ()))


def understood(message, turns):
    """As in ``conversations.py``."""
    command = basic.command(message)
    if command:
        return command
    follow = basic.follow(message, turns)
    if follow is None:
        return None
    return -follow.undone if follow.undone else (follow.instruction, follow.onto)


def missed():
    """Every message that is understood as something else: message, expected, found."""
    wrong = []
    for conversation in CONVERSATIONS:
        turns = []
        for message, expected in conversation:
            found = understood(message, turns)
            if found != expected:
                wrong.append((message, expected, found))
            said = message if expected is None else expected[0] if isinstance(expected, tuple) else ""
            # What is refused makes no version, and nothing can lean on it.
            with contextlib.suppress(NotUnderstood):
                turns.append(turn(said))
    return wrong


def test_conversations_end_as_a_person_expects():
    wrong = missed()
    assert len(wrong) <= MOST_MISSED, wrong


def test_what_stands_alone_is_never_changed():
    turns = [turn("make the car red")]
    for message in (
        "make the sky blue",
        "remove the dog",
        "crop to a square",
        "turn it into a watercolour",
        "make it warmer",
    ):
        assert basic.command(message) is None
    for message in ("make the sky blue", "remove the dog", "crop to a square", "now make it warmer"):
        assert basic.follow(message, turns) is None


@pytest.mark.parametrize(
    ("message", "name"),
    {
        "Undo": "undo",
        "undo that!": "undo",
        "redo": "redo",
        "back to the original": "original",
        "try again": "again",
        "compare": "compare",
        "Stop!": "stop",
        "perfect, thanks!": "thanks",
        "Thank you very much": "thanks",
        "what did you do?": "explain",
    }.items(),
)
def test_commands_are_whole_messages(message, name):
    assert basic.command(message) == name
    assert basic.command(f"{message} and make the stop sign blue") is None


def test_without_a_turn_nothing_is_leant_on():
    for message in ("a bit more", "no, blue", "the other one", "same for the dog", "bring the dog back"):
        assert basic.follow(message, ()) is None


def test_only_what_a_turn_did_can_be_brought_back():
    assert basic.follow("bring the dog back", [turn("remove the dog"), turn("make it warmer")]).undone == 2
    assert basic.follow("bring the cat back", [turn("remove the dog")]) is None


def test_what_is_said_in_full_is_itself_no_command():
    for conversation in CONVERSATIONS:
        for _, expected in conversation:
            if isinstance(expected, tuple):
                assert basic.command(expected[0]) is None
