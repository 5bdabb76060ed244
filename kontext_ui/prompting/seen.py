"""What can be seen in a picture, for use in instructions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kontext_ui.edits import Rectangle, Size

LOW, HIGH = 0.4, 0.6
"""A centre between these shares of a side is in the middle of it."""


class Place(StrEnum):
    """Roughly where something is."""

    TOP_LEFT = "top left"
    TOP = "top"
    TOP_RIGHT = "top right"
    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"
    BOTTOM_LEFT = "bottom left"
    BOTTOM = "bottom"
    BOTTOM_RIGHT = "bottom right"


@dataclass(frozen=True)
class Thing:
    """All things of one kind."""

    name: str
    """One of them, for example ``car``."""
    count: int = 1
    place: Place = Place.CENTRE
    """Where the most prominent one is."""
    share: float = 0.0
    """How much of the picture its box takes, 0..1."""


@dataclass(frozen=True)
class Look:
    """``things`` with the most prominent one first."""

    things: tuple[Thing, ...] = ()
    sky: bool = False
    subject: bool = False
    """Whether something stands out clearly from its background."""
    words: tuple[str, ...] = ()
    """Short texts that can be read in the picture, the largest first."""

    def has(self, name: str) -> bool:
        return any(thing.name == name for thing in self.things)


def place_of(box: Rectangle, size: Size) -> Place:
    """The ninth of the picture that the middle of a box lies in; the one in the middle is the smallest."""
    x = (box.x + box.width / 2) / size.width
    y = (box.y + box.height / 2) / size.height
    column = "left" if x < LOW else "right" if x > HIGH else ""
    row = "top" if y < LOW else "bottom" if y > HIGH else ""
    return Place(" ".join(part for part in (row, column) if part) or "centre")


def said(thing: Thing) -> str:
    """A noun phrase for all of them: "the car", "the people"."""
    if thing.count == 1:
        return f"the {thing.name}"
    return "the people" if thing.name == "person" else f"the {plural(thing.name)}"


def plural(name: str) -> str:
    irregular = {"sheep": "sheep", "scissors": "scissors", "skis": "skis", "knife": "knives", "mouse": "mice"}
    if name in irregular:
        return irregular[name]
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "sh", "ch", "x")) else f"{name}s"
