"""The small networks that come with the program: loaded on first use, shared by all edits."""

from __future__ import annotations

import importlib.util
import os
import threading
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kontext_ui.paths import ASSETS

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Tensor = NDArray[np.float32]
FOLDER = ASSETS / "models"
MAX_THREADS = 4
"""These networks gain little from more, and other edits want cores too."""


class Network:
    """One ONNX file. Safe to call from several threads at once."""

    def __init__(self, file: str) -> None:
        self._path = FOLDER / file
        self._lock = threading.Lock()
        self._session: InferenceSession | None = None

    @property
    def available(self) -> bool:
        """Whether it could be loaded; does not load it."""
        return self._path.is_file() and importlib.util.find_spec("onnxruntime") is not None

    @property
    def lacks(self) -> str:
        """What to do so that it can be loaded, as a sentence; empty when it can."""
        if not self._path.is_file():
            return f"{self._path.name} is missing from this installation. Install the program again."
        return "" if self.available else "Run: pip install onnxruntime"

    def load(self) -> InferenceSession:
        """Raises ``ImportError`` without onnxruntime."""
        with self._lock:
            if self._session is None:
                import onnxruntime

                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = min(MAX_THREADS, os.cpu_count() or 1)
                options.log_severity_level = 3
                # An arena keeps the largest picture's memory forever.
                options.enable_cpu_mem_arena = False
                self._session = onnxruntime.InferenceSession(
                    str(self._path), options, providers=["CPUExecutionProvider"]
                )
            return self._session

    def run(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Every output by name; the inputs in the file's order."""
        session = self.load()
        feed = {slot.name: tensor for slot, tensor in zip(session.get_inputs(), inputs, strict=True)}
        names = [slot.name for slot in session.get_outputs()]
        return {
            name: np.asarray(value, np.float32) for name, value in zip(names, session.run(names, feed), strict=True)
        }


DETECTOR = Network("nanodet_w16.onnx")
SUBJECT = Network("u2netp_w16.onnx")
PAINTER = Network("multistyle26.onnx")
