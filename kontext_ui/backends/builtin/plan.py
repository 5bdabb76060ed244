"""What an instruction means, as data: stored with the turn, shown to people, carried out step by step."""

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
class Plan:
    """All steps of an instruction in order, and what it asks to leave alone."""

    steps: tuple[Step, ...]
    keep: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        return {"steps": [step.as_json() for step in self.steps], "keep": list(self.keep)}
