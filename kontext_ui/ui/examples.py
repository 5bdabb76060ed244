"""The pictures and instructions that a first visitor can start from with one click."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    file: str
    alt: str
    instruction: str


EXAMPLES = (
    Example("coffee.jpg", "A cup of coffee on a wooden table", "Make it warmer and add a vignette"),
    Example("cat.jpg", "A cat looking at the camera", "Turn it black and white with more contrast"),
    Example("rocket.jpg", "A rocket on its launch pad at dusk", "Make it much brighter and crop to 16:9"),
)
