"""What an instruction means, as data: stored with the turn, shown to users, carried out step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Value: TypeAlias = float | int | str | bool


@dataclass(frozen=True)
class Step:
    """One operation. ``words`` is the part of the instruction that it came from."""

    operation: str
    arguments: Mapping[str, Value] = field(default_factory=dict)
    words: str = ""

    def number(self, name: str) -> float:
        return float(self.arguments[name])

    def text(self, name: str) -> str:
        return str(self.arguments[name])

    def as_json(self) -> dict[str, object]:
        return {"operation": self.operation, "arguments": dict(self.arguments), "words": self.words}


@dataclass(frozen=True)
class Target:
    """A place in the picture, as far as the words say.

    ``kind``: ``named`` (the detector knows the name), ``colour`` (found by its colour), ``subject``, ``background``,
    ``sky``, ``masked`` (a noun that only the brush can show). ``which`` picks among several.
    ``inverted`` means everything else.
    """

    kind: str
    name: str
    said: str
    source: str = ""
    which: str = "best"
    inverted: bool = False

    def arguments(self) -> dict[str, Value]:
        """As arguments of a step."""
        found: dict[str, Value] = {"target": self.kind, "name": self.name, "said": self.said, "which": self.which}
        if self.source:
            found["source"] = self.source
        if self.inverted:
            found["inverted"] = True
        return found


def of_step(step: Step) -> Target | None:
    """The target of a step, or ``None`` for the whole picture."""
    if "target" not in step.arguments:
        return None
    text = {name: str(step.arguments.get(name, "")) for name in ("target", "name", "said", "source", "which")}
    inverted = bool(step.arguments.get("inverted", False))
    return Target(text["target"], text["name"], text["said"], text["source"], text["which"], inverted)


@dataclass(frozen=True)
class Plan:
    """All steps of an instruction in order, and what it asks to leave alone."""

    steps: tuple[Step, ...]
    keep: tuple[str, ...] = ()
    protect: tuple[Target, ...] = ()
    """Those of ``keep`` that can be found in a picture; their pixels stay what they are."""

    def as_json(self) -> dict[str, object]:
        return {"steps": [step.as_json() for step in self.steps], "keep": list(self.keep)}
