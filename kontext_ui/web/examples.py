"""The pictures and instructions that a first visitor can start from with one click."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    file: str
    alt: str
    instruction: str


EXAMPLES = (
    Example("coffee.jpg", "A cup of coffee on a wooden table", "Make the cup blue"),
    Example("cat.jpg", "A cat looking at the camera", "Make everything black and white except the cat"),
    Example("rocket.jpg", "A rocket on its launch pad at dusk", "Make the sky a sunset"),
)
