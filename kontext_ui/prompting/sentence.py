"""The sentence that models follow best: [action] the [subject] to [new state], while preserving [elements]."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kontext_ui.prompting.english import PRESERVING, Kind, kind_of, names_person, preserves

CHARACTER_CLAUSE = "while preserving the person's facial features, hairstyle and expression"
REST_CLAUSES = {
    Kind.LOCAL: "keeping everything else in the picture exactly the same",
    Kind.STYLE: "keeping the original composition",
    Kind.BACKGROUND: "keeping the subject in the exact same position, scale and pose",
    Kind.SCENE: "keeping the composition and every object in its place",
}
"""What to ask for so that only the intended part changes, by kind of instruction."""
QUOTES = ('"', "“")
TEXT_ACTIONS = ("change", "replace")
"""Actions that replace a quoted text with another."""
MOST_CHARS = 300
"""Longest part of a sentence that is kept, in characters."""


@dataclass(frozen=True)
class Action:
    """One thing to do. ``pattern`` holds ``{subject}`` and ``{state}``; ``bare`` is the pattern without a subject."""

    id: str
    label: str
    pattern: str
    bare: str = ""
    needs_state: bool = True
    state_label: str = "New state"
    example: str = ""
    """A new state, to show what may be written there."""


ACTIONS = (
    Action("colour", "Recolour", "Change the colour of {subject} to {state}", "", True, "New colour",
           "red"),
    Action("change", "Change", "Change {subject} to {state}", "", True, "New state", "a stormy evening sky"),
    Action("replace", "Replace", "Replace {subject} with {state}", "", True, "Replacement", "a wooden bench"),
    Action("add", "Add to", "Add {state} to {subject}", "Add {state}", True, "What to add", "a red scarf"),
    Action("remove", "Remove", "Remove {subject}", needs_state=False),
    Action("restyle", "Restyle", "Restyle {subject} as {state}", "Restyle the picture as {state}", True, "Style",
           "a watercolour painting"),
)  # fmt: skip
PRESERVABLE = (
    "the background",
    "the lighting",
    "the composition",
    "facial features and expression",
    "everything else",
)
"""Elements that are worth naming."""


@dataclass(frozen=True)
class Sentence:
    """What the user has picked so far; every part may be missing."""

    action: str
    """An id of ``ACTIONS``."""
    subject: str = ""
    state: str = ""
    preserve: tuple[str, ...] = ()


def compose(sentence: Sentence) -> str:
    """The instruction, or an empty text while a part that it needs is missing."""
    action = next((one for one in ACTIONS if one.id == sentence.action), None)
    if action is None:
        return ""
    subject, state = _plain(sentence.subject), _plain(sentence.state)
    pattern = action.pattern if subject else action.bare
    if not pattern or (action.needs_state and not state):
        return ""
    if subject.startswith(QUOTES) and action.id in TEXT_ACTIONS and not state.startswith(QUOTES):
        state = f'"{state}"'
    return pattern.format(subject=_with_article(subject), state=state) + _preserving(sentence.preserve)


def _preserving(elements: tuple[str, ...]) -> str:
    named = [part for part in map(_plain, elements) if part]
    if not named:
        return ""
    joined = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return f", while preserving {joined}"


def _plain(part: str) -> str:
    """One line without a full stop at its end; braces have no special meaning."""
    return " ".join(part.split())[:MOST_CHARS].strip(" .,;")


DETERMINED = re.compile(
    r"(?:the|a|an|all|every|each|both|this|that|these|those|my|our|his|her|their|its|everything)\b|[\"“'‘]|\w+['’]s\b",
    re.IGNORECASE,
)


def _with_article(subject: str) -> str:
    return subject if DETERMINED.match(subject) else f"the {subject}"


def with_clauses(instruction: str, *, person: bool | None = None, rest: bool = False) -> str:
    """The instruction with clauses on what to preserve; unchanged when there is nothing to add.

    ``person``: the person's looks; ``None`` adds them when a person is named. ``rest``: everything else.
    An instruction that already says what should stay is left alone.
    """
    said = any(word in instruction.lower() for word in PRESERVING)
    wanted = names_person(instruction) if person is None else person
    clauses = [CHARACTER_CLAUSE] if wanted and not said else []
    if rest and not preserves(instruction):
        clause = REST_CLAUSES[kind_of(instruction)]
        clauses.append(f"and {clause}" if clauses else f"while {clause}")
    if not clauses:
        return instruction
    return f"{instruction.rstrip(' .')}, {' '.join(clauses)}"
