"""Blur, sharpness, vignette, grain: pure functions on RGB pixels."""

from __future__ import annotations

import cv2
import numpy as np

from kontext_ui.basic.language.grammar import anywhere, meaningful
from kontext_ui.basic.language.plan import Step
from kontext_ui.basic.language.strength import take
from kontext_ui.basic.operations.family import Family, whole
from kontext_ui.edits import Pixels

NAMES = {
    **dict.fromkeys(("blur", "blurry", "blurred", "blurrier", "soften", "softer", "defocus"), "blur"),
    **dict.fromkeys(
        ("sharpen", "sharper", "sharp", "sharpness", "crisp", "crisper", "clearer", "sharpening"), "sharpen"
    ),
    **dict.fromkeys(("vignette",), "vignette"),
    **dict.fromkeys(("denoise", "denoised", "denoising"), "denoise"),
    **dict.fromkeys(("grain", "grainy", "grainier", "noise", "noisy"), "grain"),
}
BESIDE = frozenset(
    ("add", "more", "film", "increase", "analog", "analogue", "gaussian", "dark", "corners", "edges", "focus")
)
AT_EDGES = frozenset(("dark", "corners", "edges"))
LESS = frozenset(("less", "reduce", "remove", "fewer", "lower", "decrease", "without", "no"))
USUAL = {"denoise": 0.5, "blur": 0.5, "sharpen": 0.6, "vignette": 0.45, "grain": 0.35}
PHRASES = {
    "denoise": "noise reduced",
    "blur": "blurred",
    "sharpen": "sharpened",
    "vignette": "vignette added",
    "grain": "grain added",
}
GRAIN_SIDE_PX = 2000
"""Grain is drawn at this longest side and enlarged, so that it looks alike on a thumbnail and on 12 MP."""


OPERATIONS = frozenset(("blur", "sharpen", "vignette", "grain", "denoise"))


def read(tokens: list[str], clause: str) -> Step | None:
    """An effect step, or ``None`` when the clause speaks of something else too."""
    strength, rest = take(meaningful(tokens))
    named = [NAMES[token] for token in rest if token in NAMES]
    if LESS.intersection(rest):
        # "Less noise", "remove the grain": the other way round, which only noise has.
        rest = [token for token in rest if token not in LESS]
        named = ["denoise"] if set(named) == {"grain"} else []
    if "vignette" not in named and AT_EDGES.intersection(rest):
        return None
    if not named or len(set(named)) != 1 or any(token not in NAMES and token not in BESIDE for token in rest):
        return None
    return Step(named[0], {"amount": round(strength.of(USUAL[named[0]], 1.5), 4)}, clause)


def describe(step: Step) -> str:
    return PHRASES[step.operation]


def apply(pixels: Pixels, step: Step) -> Pixels:
    """RGB in, RGB out, same size. The same picture and step give the same result."""
    amount = step.number("amount")
    if step.operation == "blur":
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), _reach(pixels) * 6 * amount), np.uint8)
    if step.operation == "sharpen":
        soft = cv2.GaussianBlur(pixels, (0, 0), _reach(pixels))
        return np.asarray(cv2.addWeighted(pixels, 1 + 1.5 * amount, soft, -1.5 * amount, 0), np.uint8)
    if step.operation == "denoise":
        return _denoised(pixels, amount)
    return _vignette(pixels, amount) if step.operation == "vignette" else _grain(pixels, amount)


def _reach(pixels: Pixels) -> float:
    """The radius of a fine detail: one pixel at a longest side of 1,000."""
    return max(0.6, float(max(pixels.shape[:2])) / 1000)


def _denoised(pixels: Pixels, amount: float) -> Pixels:
    """Brightness smoothed where it is flat, colour smoothed more: noise is blotchy in colour and details are not."""
    planes = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)
    light = cv2.bilateralFilter(planes[..., 0], 7, 36 * amount, 3)
    tint = cv2.bilateralFilter(np.dstack((planes[..., 1:], planes[..., :1])), 9, 50 * amount, 5)
    return np.asarray(cv2.cvtColor(np.dstack((light, tint[..., :2])), cv2.COLOR_YCrCb2RGB), np.uint8)


def _vignette(pixels: Pixels, amount: float) -> Pixels:
    height, width = pixels.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 2
    light = 1 - min(amount, 1.0) * np.clip((np.sqrt(x + y) - 0.35) / 1.06, 0, 1) ** 2
    shade = np.rint(light * 255).astype(np.uint8)
    return np.asarray(cv2.multiply(pixels, cv2.merge((shade, shade, shade)), scale=1 / 255), np.uint8)


def _grain(pixels: Pixels, amount: float) -> Pixels:
    height, width = pixels.shape[:2]
    factor = min(1.0, GRAIN_SIDE_PX / max(height, width))
    shape = (max(1, round(height * factor)), max(1, round(width * factor)))
    noise = np.random.default_rng(20).standard_normal(shape, np.float32) * 26 * amount
    if factor < 1:
        noise = np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    grain = np.clip(np.rint(noise), -127, 127).astype(np.int16)
    return np.asarray(cv2.add(pixels, cv2.merge((grain, grain, grain)), dtype=cv2.CV_8U), np.uint8)


FAMILY = Family(OPERATIONS, anywhere(read), whole(apply, describe), describe)
