"""Photos that packages ship, scaled to about a megapixel where a test needs the size."""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np
import skimage
import sklearn

FOLDERS = (Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets" / "images")


@functools.lru_cache(maxsize=16)
def photo(name: str, megapixels: float = 0.4):
    path = next(folder / name for folder in FOLDERS if (folder / name).exists())
    pixels = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    factor = (megapixels * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    pixels = np.ascontiguousarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=how))
    pixels.setflags(write=False)
    return pixels
