"""Named boxes: NanoDet on 416 × 416, the 80 names of COCO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.basic.language.names import NAMES
from kontext_ui.basic.vision.networks import DETECTOR, Tensor
from kontext_ui.edits import Pixels, Rectangle

SIDE_PX = 416
MEAN = np.array([103.53, 116.28, 123.675], np.float32)
DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)
"""The network's training statistics, blue, green, red."""
STRIDES = (8, 16, 32)
BINS = 11
LEAST_SCORE = 0.35
OVERLAP = 0.5
WITHIN = 0.9


@dataclass(frozen=True)
class Found:
    """One object: a name of ``NAMES``, a score 0..1, its box in pixels of the picture."""

    name: str
    score: float
    box: Rectangle

    @property
    def centre_x(self) -> float:
        return self.box.x + self.box.width / 2

    @property
    def area(self) -> int:
        return self.box.width * self.box.height


def detect(rgb: Pixels, least_score: float = LEAST_SCORE) -> list[Found]:
    """Everything with a name, the surest first."""
    height, width = rgb.shape[:2]
    scale = SIDE_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = np.zeros((SIDE_PX, SIDE_PX, 3), np.float32)
    canvas[: size[1], : size[0]] = (small[..., ::-1] - MEAN) / DEVIATION
    outputs = DETECTOR.run(np.ascontiguousarray(canvas.transpose(2, 0, 1)[None]))
    scores, boxes = _decode(outputs)
    boxes = np.clip(boxes / scale, 0, [width, height, width, height])
    return _without_doubles(scores, boxes, least_score)


def _decode(outputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Scores (cells × 80) and corners (cells × 4: left, top, right, bottom) in pixels of the square."""
    flat = {name: value.reshape(-1, value.shape[-1]) for name, value in outputs.items()}
    scores, corners = [], []
    for stride in STRIDES:
        side = -(-SIDE_PX // stride)
        cells = side * side
        names = [v for v in flat.values() if v.shape == (cells, len(NAMES))]
        sides = [v for v in flat.values() if v.shape == (cells, 4 * BINS)]
        scores.append(names[0])
        bins = sides[0].reshape(cells, 4, BINS)
        weight = np.exp(bins - bins.max(axis=2, keepdims=True))
        reach = (weight * np.arange(BINS)).sum(axis=2) / weight.sum(axis=2) * stride
        y, x = np.mgrid[0:side, 0:side].reshape(2, -1) + 0.5
        centre = np.stack((x, y, x, y), axis=1) * stride
        corners.append(centre + reach * np.array([-1, -1, 1, 1]))
    return np.concatenate(scores), np.concatenate(corners).astype(np.float32)


def _without_doubles(scores: Tensor, boxes: NDArray[np.floating], least_score: float) -> list[Found]:
    found: list[Found] = []
    for index in np.unique(np.argmax(scores, axis=1)):
        own = scores[:, index]
        where = np.flatnonzero(own >= least_score)
        if not len(where):
            continue
        rectangles = [(x, y, r - x, b - y) for x, y, r, b in boxes[where].tolist()]
        for kept in np.asarray(cv2.dnn.NMSBoxes(rectangles, own[where].tolist(), least_score, OVERLAP)).reshape(-1):
            x, y, w, h = (round(v) for v in rectangles[int(kept)])
            if w >= 4 and h >= 4:
                found.append(Found(NAMES[int(index)], float(own[where[int(kept)]]), Rectangle(x, y, w, h)))
    return _without_parts(sorted(found, key=lambda one: -one.score))


def _without_parts(found: list[Found]) -> list[Found]:
    """A cup and the same cup with its saucer are one cup: the surer one."""
    kept: list[Found] = []
    for one in found:
        if not any(one.name == other.name and shared(one, other) > WITHIN for other in kept):
            kept.append(one)
    return kept


def shared(one: Found, other: Found) -> float:
    """How much of the smaller box lies in the larger one."""
    a, b = one.box, other.box
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    return max(0, width) * max(0, height) / min(one.area, other.area)


SAME_THING = 0.6
"""Two names for boxes that overlap more than this are two names for one thing."""


def distinct(found: Sequence[Found]) -> list[Found]:
    """Of two names for nearly the same box, only the surer one: a cat is not also a dog. The surest come first."""
    kept: list[Found] = []
    for one in found:
        if all(other.name == one.name or overlap(one.box, other.box) < SAME_THING for other in kept):
            kept.append(one)
    return kept


def overlap(a: Rectangle, b: Rectangle) -> float:
    """Intersection over union, 0..1."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    both = max(0, width) * max(0, height)
    return both / max(1, a.width * a.height + b.width * b.height - both)
