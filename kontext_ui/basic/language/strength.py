"""How much: "a little", "much", "20 %", "twice"."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

WORDS = {
    "little": 0.5,
    "slightly": 0.5,
    "slight": 0.5,
    "somewhat": 0.6,
    "subtly": 0.4,
    "subtle": 0.4,
    "gently": 0.5,
    "gentle": 0.5,
    "soft": 0.6,
    "moderately": 0.8,
    "fairly": 0.9,
    "quite": 1.2,
    "rather": 1.2,
    "really": 1.7,
    "much": 1.8,
    "lot": 1.8,
    "very": 1.8,
    "strong": 1.8,
    "strongly": 1.8,
    "heavy": 1.8,
    "heavily": 1.8,
    "far": 1.8,
    "way": 1.8,
    "significantly": 1.8,
    "considerably": 1.8,
    "dramatically": 2.2,
    "super": 2.2,
    "extremely": 2.5,
    "completely": 2.5,
    "twice": 2.0,
    "double": 2.0,
}


BOOSTS = frozenset(("very", "really", "extremely", "super", "quite", "rather"))
"""Before a diminishing word they diminish further: "very slightly"."""


@dataclass(frozen=True)
class Strength:
    """``factor`` scales the operation's usual amount; ``fraction`` (20 % = 0.2) replaces it."""

    factor: float = 1.0
    fraction: float | None = None
    said: str = ""

    def of(self, usual: float, largest: float) -> float:
        """The amount, at most ``largest``."""
        amount = usual * self.factor if self.fraction is None else self.fraction
        return min(amount, largest)


def take(words: Iterable[str]) -> tuple[Strength, list[str]]:
    """The strength that a clause names, and the remaining words."""
    rest: list[str] = []
    strength = Strength()
    items = list(words)
    index = 0
    while index < len(items):
        word = items[index]
        following = items[index + 1] if index + 1 < len(items) else ""
        if word in BOOSTS and WORDS.get(following, 1.0) < 1:
            strength = Strength(strength.factor * 0.8, strength.fraction, f"{strength.said} {word}".strip())
        elif word in WORDS:
            strength = Strength(strength.factor * WORDS[word], strength.fraction, f"{strength.said} {word}".strip())
        elif word == "half" and "by" in items[:index]:
            strength = Strength(strength.factor, 0.5, "by half")
        elif following == "%" and _is_number(word) and not word.startswith("-"):
            strength = Strength(1.0, abs(float(word)) / 100, f"by {word.lstrip('+-')} %")
            index += 1
        elif word != "by":
            rest.append(word)
        index += 1
    return strength, rest


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
