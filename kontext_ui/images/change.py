"""Which pixels an edit changed, as opposed to what the model's own rendering does to every pixel.

The difference between sent picture and answer is judged against what is normal for this pair:
blur, noise and block artefacts leave residues that depend on how busy a place is, so the expected
residue is learned per level of local contrast, and a pixel counts as changed when it exceeds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.edits import Pixels

_Plane = NDArray[np.float32]
_Bool = NDArray[np.bool_]

_BINS = 24
_LOW, _NEAR = 0.6, 0.8
"""Scores that belong to a change when they touch a strong one, or lie close to one."""
_CHROMA = 0.02
_MASS_LEAST, _MASS_MOST, _MASS_SHARE = 12.0, 60.0, 0.02
"""Sum of scores (at half the resolution) that a part needs, and that sum as a share of the largest part's."""


@dataclass(frozen=True)
class _Scale:
    """One resolution of the comparison; units are ΔE (CIE 76)."""

    step: int
    """Pixels of the picture per pixel of this scale."""
    blur: float
    floor: float
    """Residues below this are never a change."""
    cap: float
    """Residues above this (plus the contrast's share) always are."""
    slope_cap: float
    """How much of the local contrast the cap may grow by."""
    tolerant: bool
    """Compare with the neighbours' range, so that half a pixel of shift does not count."""


_SCALES = (
    _Scale(1, 0.8, 7.0, 16.0, 0.45, tolerant=True),
    _Scale(2, 0.9, 4.0, 10.0, 0.35, tolerant=True),
    _Scale(4, 0.7, 2.6, 6.0, 0.25, tolerant=False),
)


@dataclass(frozen=True, eq=False)
class Change:
    """``mask`` marks changed pixels before any growing; both shares are 0..1."""

    mask: _Bool
    fraction: float
    spread: float
    """Share of the picture's blocks that hold a change: near 1 for edits of the whole frame."""
    score: _Plane
    """How many times the threshold each pixel reaches, at half the resolution."""


def find_change(sent: Pixels, answer: Pixels, valid: _Bool) -> Change:
    """Compare two registered, colour-matched pictures of the same size."""
    height, width = valid.shape
    sent = _as_soft(sent, answer)
    half = ((width + 1) // 2, (height + 1) // 2)
    score = np.zeros((half[1], half[0]), np.float32)
    for scale in _SCALES:
        score = cv2.max(score, cv2.resize(_score(sent, answer, valid, scale), half, interpolation=cv2.INTER_LINEAR))
    score[cv2.resize(valid.view(np.uint8), half, interpolation=cv2.INTER_NEAREST) == 0] = 0.0
    small = _hysteresis(score)
    mask = cv2.resize(small.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)
    blocks = cv2.resize(
        small.astype(np.float32), (max(1, half[0] // 12), max(1, half[1] // 12)), interpolation=cv2.INTER_AREA
    )
    return Change(mask, float(small.mean()), float((blocks > 0.02).mean()), score)


def joined(mask: _Bool, reach_px: int) -> _Bool:
    """Merge parts that lie close together and fill small holes."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach_px + 1, 2 * reach_px + 1))
    padded = np.pad(mask.view(np.uint8), reach_px)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)[reach_px:-reach_px, reach_px:-reach_px]
    count, labels, stats, _ = cv2.connectedComponentsWithStats((closed == 0).astype(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < max(0.01 * mask.size, (6 * reach_px) ** 2)
    small[0] = False
    return cast(_Bool, closed.astype(bool) | small[labels]) if count > 1 else cast(_Bool, closed.astype(bool))


def _as_soft(sent: Pixels, answer: Pixels) -> Pixels:
    """The sent picture, blurred as much as the model blurs (its autoencoder loses fine detail)."""
    step = (slice(None, None, 2), slice(None, None, 2))
    sharp = cv2.cvtColor(sent, cv2.COLOR_RGB2GRAY)
    other = cv2.cvtColor(answer, cv2.COLOR_RGB2GRAY)[step]
    best, best_sigma = float("inf"), 0.0
    for sigma in (0.0, 0.6, 0.9, 1.3, 1.8):
        tried = cv2.GaussianBlur(sharp, (0, 0), sigma) if sigma else sharp
        error = float(
            np.minimum(cv2.absdiff(np.ascontiguousarray(tried[step]), np.ascontiguousarray(other)), 24).mean()
        )
        if error < best:
            best, best_sigma = error, sigma
    return cast(Pixels, cv2.GaussianBlur(sent, (0, 0), best_sigma)) if best_sigma else sent


def _score(sent: Pixels, answer: Pixels, valid: _Bool, scale: _Scale) -> _Plane:
    first, second = _lab(sent, scale), _lab(answer, scale)
    near = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(first, near), cv2.dilate(first, near)
    contrast = _largest(high - low)
    if scale.tolerant:
        here = np.maximum(low - second, second - high)
        there = np.maximum(cv2.erode(second, near) - first, first - cv2.dilate(second, near))
        apart = np.maximum(np.maximum(here, there), 0.0)
    else:
        apart = cv2.absdiff(first, second)
    residue = np.sqrt(cv2.transform(apart * apart, np.ones((1, 3), np.float32)))
    seen = cv2.resize(valid.view(np.uint8), residue.shape[::-1], interpolation=cv2.INTER_AREA).astype(bool)
    return cast(_Plane, residue / _expected(residue, contrast, seen, scale))


def _largest(planes: _Plane) -> _Plane:
    """Maximum over the channels; numpy is slow along such a short axis."""
    first, second, third = cv2.split(planes)
    return cast(_Plane, np.maximum(np.maximum(first, second), third))


def _lab(pixels: Pixels, scale: _Scale) -> _Plane:
    size = (max(1, pixels.shape[1] // scale.step), max(1, pixels.shape[0] // scale.step))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale.step > 1 else pixels
    lab = cv2.GaussianBlur(cv2.cvtColor(small.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB), (0, 0), scale.blur)
    light, first, second = cv2.split(lab)
    # The eye, like CIE 94, forgives more in strong colours; models and JPEG err most there.
    strength = _CHROMA * cv2.magnitude(first, second) + 1e-4
    factor = np.log1p(strength) / strength
    return cast(_Plane, cv2.merge([light, first * factor, second * factor]))


def _expected(residue: _Plane, contrast: _Plane, seen: _Bool, scale: _Scale) -> _Plane:
    """Each pixel's threshold: the usual residue at its level of contrast, plus a margin."""
    level = np.minimum((np.sqrt(contrast) * (_BINS / 10.0)).astype(np.int32), _BINS - 1)
    thin = (slice(None, None, 2), slice(None, None, 2)) if residue.size > 200_000 else (slice(None), slice(None))
    levels, residues = level[thin][seen[thin]], residue[thin][seen[thin]]
    centre = (np.arange(_BINS) + 0.5) ** 2 * (10.0 / _BINS) ** 2
    limit = np.full(_BINS, scale.floor, np.float64)
    order = np.argsort(levels, kind="stable")
    edges = np.searchsorted(levels[order], np.arange(_BINS + 1))
    for index in range(_BINS):
        inside = residues[order[edges[index] : edges[index + 1]]]
        if len(inside) >= 40:
            middle, upper = np.quantile(inside, (0.4, 0.6))
            limit[index] = max(scale.floor, 3.0 * upper + 3.0 * (upper - middle))
        elif index:
            limit[index] = limit[index - 1]
    limit = np.minimum(limit, scale.cap + scale.slope_cap * centre)
    smooth = np.convolve(np.pad(limit, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    return smooth.astype(np.float32)[level]


def _hysteresis(score: _Plane) -> _Bool:
    """Pixels near the threshold that are connected to some clearly above it, and weak ones close to those.

    A part needs a minimum mass, which grows with the largest part's: next to a repainted door a lone
    speck is the model's noise, while in a picture where nothing else changed it may be the edit.
    """
    low = (score > _LOW).astype(np.uint8)
    count, labels = cv2.connectedComponents(low, connectivity=8)
    at, where = score[low > 0], labels[low > 0]
    mass = np.bincount(where, at, count)
    strong = np.bincount(where, at > 1.0, count)
    needed = min(_MASS_MOST, max(_MASS_LEAST, _MASS_SHARE * float(np.where(strong >= 2, mass, 0.0).max(initial=0.0))))
    keep = (strong >= 2) & (mass >= needed)
    keep[0] = False
    sure = keep[labels]
    if not sure.any():
        return cast(_Bool, sure)
    reach = max(3, round(0.012 * min(score.shape)))
    near = cv2.dilate(sure.view(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    beside = np.bincount(where, (at > _NEAR) & (near[low > 0] > 0), count) >= 1
    beside[0] = False
    return cast(_Bool, (keep | beside)[labels])
