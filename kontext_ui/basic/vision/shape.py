"""From a rough place to a clean shape: the main subject, a box's object, edges at full resolution."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.basic.vision.networks import SUBJECT
from kontext_ui.edits import Mask, Pixels, Rectangle

Plane = NDArray[np.float32]

SIDE_PX = 320
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
"""The network's training statistics, red, green, blue."""
WORK_PX = 640
"""Longest side at which shapes are worked out, before their edges are refined at the photo's own size."""
CUT_PX = 280
MARGIN = 0.15
AGREEMENT = 0.6
BAND_ROWS = 512


def reduced(rgb: Pixels, side_px: int = WORK_PX) -> Pixels:
    """A copy whose longest side is at most ``side_px``."""
    height, width = rgb.shape[:2]
    scale = min(1.0, side_px / max(height, width))
    if scale == 1.0:
        return np.ascontiguousarray(rgb)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def saliency(rgb: Pixels) -> Plane:
    """How much each pixel belongs to the main subject, 0..1, of the picture's size."""
    height, width = rgb.shape[:2]
    small = cv2.resize(rgb, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    small = (small / max(1.0, float(small.max())) - MEAN) / DEVIATION
    outputs = SUBJECT.run(np.ascontiguousarray(small.transpose(2, 0, 1)[None]))
    plane = next(iter(outputs.values())).reshape(SIDE_PX, SIDE_PX)
    low, high = float(plane.min()), float(plane.max())
    plane = (plane - low) / max(high - low, 1e-6)
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def object_in(small: Pixels, box: Rectangle, whole: Plane) -> Plane:
    """The shape of the object in a box, 0..1, of the size of ``small``.

    ``whole`` is the picture's own saliency: where a part of it hangs together with the object, an arm
    that sticks out of the box is not cut off.
    """
    height, width = small.shape[:2]
    dx, dy = round(box.width * MARGIN), round(box.height * MARGIN)
    left, top = max(0, box.x - dx), max(0, box.y - dy)
    right, bottom = min(width, box.x + box.width + dx), min(height, box.y + box.height + dy)
    crop = np.ascontiguousarray(small[top:bottom, left:right])
    plane = saliency(crop)
    inner = Rectangle(box.x - left, box.y - top, box.width, box.height)
    plane = _agreed(crop, plane, inner)
    allowed = np.zeros(plane.shape, np.float32)
    allowed[max(0, inner.y - dy // 4) : inner.y + inner.height + dy // 4 + 1,
            max(0, inner.x - dx // 4) : inner.x + inner.width + dx // 4 + 1] = 1  # fmt: skip
    shape = np.zeros((height, width), np.float32)
    shape[top:bottom, left:right] = plane * allowed
    return _grown(shape, whole, box)


def _agreed(crop: Pixels, plane: Plane, inner: Rectangle) -> Plane:
    """``_with_colours`` on at most ``CUT_PX``, since its time grows with the pixels and its use does not."""
    small = reduced(crop, CUT_PX)
    scale = small.shape[1] / crop.shape[1]
    size = (small.shape[1], small.shape[0])
    rectangle = Rectangle(*(round(v * scale) for v in (inner.x, inner.y, inner.width, inner.height)))
    rough = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)
    cut = _with_colours(small, rough, rectangle)
    if cut is rough:
        return plane
    return np.asarray(cv2.resize(cut, (crop.shape[1], crop.shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def _with_colours(crop: Pixels, plane: Plane, inner: Rectangle) -> Plane:
    """Blend in what colours say about inside and outside, but only when both agree in the main."""
    labels = np.full(plane.shape, cv2.GC_PR_BGD, np.uint8)
    labels[plane > 0.4] = cv2.GC_PR_FGD
    labels[plane > 0.95] = cv2.GC_FGD
    outside = np.ones(plane.shape, bool)
    outside[inner.y : inner.y + inner.height, inner.x : inner.x + inner.width] = False
    labels[outside & (plane < 0.5)] = cv2.GC_BGD
    if not (labels == cv2.GC_BGD).any() or not ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).any():
        return plane
    cv2.setRNGSeed(1)
    cv2.grabCut(crop, labels, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    cut = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    rough = plane > 0.5
    union = float((cut | rough).sum())
    if not union or float((cut & rough).sum()) / union < AGREEMENT:
        return plane
    return np.asarray((plane + cv2.GaussianBlur(cut.astype(np.float32), (0, 0), 1.0)) / 2, np.float32)


def _grown(shape: Plane, whole: Plane, box: Rectangle) -> Plane:
    inside = shape > 0.5
    if not inside.any():
        return shape
    count, labels = cv2.connectedComponents((whole > 0.6).astype(np.uint8))
    for label in range(1, count):
        part = labels == label
        shared = float((part & inside).sum())
        # One component that is mostly this object: a bigger one holds its neighbours too.
        if shared / float(part.sum()) > 0.6 and shared / float(inside.sum()) > 0.5:
            return np.asarray(np.maximum(shape, np.where(part, whole, 0)), np.float32)
    return shape


def refined(rgb: Pixels, rough: Plane, radius: int = 8, epsilon: float = 2e-4) -> Mask:
    """A rough 0..1 plane of any size as a mask of the picture's size whose edges follow the picture's.

    The linear model of the guided filter (He, Sun, Tang 2010) is fitted on a reduced copy; only its two
    coefficient planes are enlarged, so 12 MP costs little more than 1 MP.
    """
    guide = np.asarray(cv2.cvtColor(reduced(rgb), cv2.COLOR_RGB2GRAY) / 255.0, np.float32)
    size = (guide.shape[1], guide.shape[0])
    plane = np.asarray(cv2.resize(rough, size, interpolation=cv2.INTER_LINEAR), np.float32)
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(values: Plane) -> Plane:
        return np.asarray(cv2.blur(values, window), np.float32)

    mean_guide, mean_plane = mean(guide), mean(plane)
    covariance = mean(guide * plane) - mean_guide * mean_plane
    slope = np.asarray(covariance / (mean(guide * guide) - mean_guide**2 + epsilon), np.float32)
    offset = mean(np.asarray(mean_plane - slope * mean_guide, np.float32))
    slope = mean(slope)
    height, width = rgb.shape[:2]
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    mask = np.empty((height, width), np.uint8)
    large_slope = cv2.resize(slope, (width, height), interpolation=cv2.INTER_LINEAR)
    large_offset = cv2.resize(offset, (width, height), interpolation=cv2.INTER_LINEAR)
    for top in range(0, height, BAND_ROWS):
        rows = slice(top, top + BAND_ROWS)
        value = large_slope[rows] * (gray[rows].astype(np.float32) / 255) + large_offset[rows]
        # Half-tones far from an edge are the model's doubt, not the object's softness.
        mask[rows] = np.clip((value - 0.15) / 0.7 * 255 + 0.5, 0, 255).astype(np.uint8)
    return mask
