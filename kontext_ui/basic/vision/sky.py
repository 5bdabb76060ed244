"""Where the sky is, without a network: smooth, joined to the upper edge, and of a colour that skies have."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.basic.vision.shape import Plane, reduced
from kontext_ui.edits import Pixels

WORK_PX = 480
LEAST_SHARE = 0.03
LEAST_TOP = 0.25
"""A sky reaches the upper edge over at least this share of it."""
SMOOTH = 7.0
"""Largest brightness step between neighbours, in 8-bit steps, inside open sky and thin cloud."""


def find_sky(rgb: Pixels) -> Plane | None:
    """The sky as a 0..1 plane of a reduced size, or ``None`` when there is none."""
    small = reduced(rgb, WORK_PX)
    seed = _joined_to_top(_sky_like(small))
    if seed is None:
        return None
    plane = _cut(small, seed)
    height = plane.shape[0]
    rows = plane.mean(axis=1)
    share, top = float(plane.mean()), float((plane[: max(1, height // 50)] > 0.5).mean())
    # What hangs together with the upper edge and fills the lower one as well is a wall or a table.
    if share < LEAST_SHARE or top < LEAST_TOP or float(rows[-max(1, height // 20) :].mean()) > 0.35:
        return None
    return plane


def _sky_like(small: Pixels) -> NDArray[np.bool_]:
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    gradient = cv2.morphologyEx(gray, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).astype(np.float32)
    smooth = cv2.GaussianBlur(gradient, (0, 0), 1.2) < SMOOTH
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    lightness, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    chroma = np.hypot(a, b)
    blue = (b < -4) & (np.abs(a) < 0.6 * np.abs(b) + 3)
    overcast = (lightness > 68) & (chroma < 7) & (b < 3)
    dusk = (lightness > 45) & (a > 4) & (b > 6) & (chroma > 22)
    return np.asarray(smooth & (blue | overcast | (dusk & _gets_brighter_downwards(lightness))), np.bool_)


def _gets_brighter_downwards(lightness: Plane) -> bool:
    """An orange evening sky glows near the horizon; an orange table does not."""
    rows = lightness[: lightness.shape[0] // 2].mean(axis=1)
    return bool(len(rows) > 4 and rows[-len(rows) // 4 :].mean() > rows[: len(rows) // 4].mean() + 6)


def _joined_to_top(candidate: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    height = candidate.shape[0]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(candidate.astype(np.uint8))
    top = np.unique(labels[: max(2, height // 25)])
    kept = [n for n in top if n and stats[n, cv2.CC_STAT_AREA] > 0.004 * labels.size]
    if not kept or count < 2:
        return None
    mask = np.isin(labels, kept)
    # Thin cloud edges and wires leave holes that belong to the sky.
    mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0
    share = float(mask[: max(1, height // 50)].mean())
    return mask if share >= LEAST_TOP and float(mask.mean()) >= LEAST_SHARE else None


def _cut(small: Pixels, seed: NDArray[np.bool_]) -> Plane:
    """The seed grown and trimmed to the colours inside and outside of it."""
    inner = cv2.erode(seed.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    near = cv2.dilate(seed.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    labels = np.full(seed.shape, cv2.GC_BGD, np.uint8)
    labels[near] = cv2.GC_PR_BGD
    labels[seed] = cv2.GC_PR_FGD
    labels[inner] = cv2.GC_FGD
    if (labels == cv2.GC_BGD).any():
        cv2.setRNGSeed(1)
        cv2.grabCut(small, labels, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    sky = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    # Single pixels and crumbs on houses that merely have the sky's colour.
    count, parts, stats, _ = cv2.connectedComponentsWithStats(sky)
    crumbs = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] < 0.0015 * sky.size]
    sky[np.isin(parts, crumbs)] = 0
    return np.asarray(cv2.GaussianBlur(sky.astype(np.float32), (0, 0), 0.7), np.float32)
