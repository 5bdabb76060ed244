"""Reading the words of a picture with RapidOCR: loaded on first use, one reading at a time."""

from __future__ import annotations

import importlib.util
import os
import threading
from dataclasses import dataclass
from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.edits import Pixels

Quad = NDArray[np.float32]
"""Four points x, y in reading direction: top left, top right, bottom right, bottom left."""

MAX_SIDE_PX = 2000
"""Longest side of the copy that is read; letters of 12 px height are still found in it."""
LEAST_SCORE = 0.5
MAX_THREADS = 4


@dataclass(frozen=True, eq=False)
class Line:
    """A run of words on one baseline. ``quad`` is in the photo's own pixels, ``score`` is 0..1."""

    text: str
    score: float
    quad: Quad
    middles: tuple[float, ...]
    """Where the middle of each character of ``text`` lies along the line, 0 = its left end, 1 = its right end."""

    @property
    def height_px(self) -> float:
        return float(np.linalg.norm(self.quad[3] - self.quad[0]) + np.linalg.norm(self.quad[2] - self.quad[1])) / 2

    @property
    def width_px(self) -> float:
        return float(np.linalg.norm(self.quad[1] - self.quad[0]) + np.linalg.norm(self.quad[2] - self.quad[3])) / 2

    @property
    def centre(self) -> tuple[float, float]:
        x, y = self.quad.mean(axis=0).tolist()
        return x, y

    def part(self, start: int, end: int) -> Quad:
        """The quad of the characters from ``start`` to before ``end``."""
        left, right = self.extent(start, end)
        top, bottom = self.quad[1] - self.quad[0], self.quad[2] - self.quad[3]
        return np.array([self.quad[0] + left * top, self.quad[0] + right * top,
                         self.quad[3] + right * bottom, self.quad[3] + left * bottom], np.float32)  # fmt: skip

    def extent(self, start: int, end: int) -> tuple[float, float]:
        """Where those characters begin and end along the line, 0..1: half-way to their neighbours."""
        left = 0.0 if start <= 0 else (self.middles[start - 1] + self.middles[start]) / 2
        right = 1.0 if end >= len(self.text) else (self.middles[end - 1] + self.middles[end]) / 2
        return left, right


class _Found(Protocol):
    """What the library returns; everything is ``None`` where there is no text."""

    boxes: NDArray[np.float32] | None
    txts: tuple[str, ...] | None
    scores: tuple[float, ...] | None
    word_results: tuple[tuple[tuple[str, float, list[list[int]]], ...], ...]


class _Engine(Protocol):
    def __call__(self, img_content: Pixels, use_det: bool | None = None) -> _Found: ...

    def update_params(self, *, use_det: bool) -> None: ...


def available() -> bool:
    """Whether the reader could be loaded; does not load it."""
    return all(importlib.util.find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


def can_read(text: str) -> bool:
    """Whether the network knows these letters; of alphabets it has Latin alone in full."""
    return all(ord(letter) < 0x250 or not letter.isalpha() for letter in text)


class Reader:
    """Safe to call from several threads; they wait for each other, since the networks take all cores anyway."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: _Engine | None = None

    def load(self) -> _Engine:
        """Raises ``ImportError`` without rapidocr."""
        if self._engine is None:
            from rapidocr import RapidOCR

            threads = min(MAX_THREADS, os.cpu_count() or 1)
            engine = RapidOCR(
                params={
                    "Global.log_level": "critical",
                    "Global.use_cls": False,
                    "Global.text_score": 0.0,  # Low scores are dropped here, where words and lines stay in step.
                    "Global.return_word_box": True,
                    "Global.return_single_char_box": True,
                    "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                }
            )
            self._engine = cast(_Engine, engine)
        return self._engine

    def read(self, rgb: Pixels, least_score: float = LEAST_SCORE) -> tuple[Line, ...]:
        """Every line of text, from top to bottom."""
        height, width = rgb.shape[:2]
        scale = min(1.0, MAX_SIDE_PX / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = rgb if scale == 1.0 else cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        bgr = np.asarray(cv2.cvtColor(np.ascontiguousarray(small), cv2.COLOR_RGB2BGR), np.uint8)
        with self._lock:
            found = self.load()(bgr)
        if found.boxes is None or found.txts is None or found.scores is None:
            return ()
        back = np.array([width / size[0], height / size[1]], np.float32)
        words = found.word_results if len(found.word_results) == len(found.txts) else ((),) * len(found.txts)
        quads = np.asarray(found.boxes, np.float32) * back
        lines = [
            Line(
                text,
                float(score),
                quad,
                _middles(text, [np.asarray(part[2], np.float32) * back for part in parts], quad),
            )
            for text, score, quad, parts in zip(found.txts, found.scores, quads, words, strict=True)
            if float(score) >= least_score
        ]
        return tuple(sorted(lines, key=lambda line: line.centre[1]))

    def read_strip(self, rgb: Pixels) -> tuple[str, float]:
        """The text of a picture that is known to be one straight line, and how sure that is."""
        bgr = np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR), np.uint8)
        with self._lock:
            engine = self.load()
            try:
                found = engine(bgr, use_det=False)
            finally:
                engine.update_params(use_det=True)
        if not found.txts or not found.scores:
            return "", 0.0
        return str(found.txts[0]), float(found.scores[0])


def _middles(text: str, boxes: list[Quad], quad: Quad) -> tuple[float, ...]:
    """From boxes of single characters; evenly spread where they do not fit the text."""
    axis = (quad[1] + quad[2] - quad[0] - quad[3]) / 2
    origin = (quad[0] + quad[3]) / 2
    letters = [index for index, letter in enumerate(text) if not letter.isspace()]
    if len(boxes) != len(letters) or not letters:
        return tuple((index + 0.5) / max(1, len(text)) for index in range(len(text)))
    along = [float(np.dot(box.mean(axis=0) - origin, axis) / max(float(np.dot(axis, axis)), 1e-6)) for box in boxes]
    known = np.interp(np.arange(len(text)), letters, np.maximum.accumulate(along))
    return tuple(float(value) for value in np.clip(known, 0, 1))


READER = Reader()
