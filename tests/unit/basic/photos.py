"""Photos from scikit-image and from tests/data, scaled to about a megapixel where a test needs the size."""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np
import skimage

FOLDERS = (Path(skimage.__file__).parent / "data", Path(__file__).resolve().parents[2] / "data" / "photos")


@functools.lru_cache(maxsize=16)
def photo(name: str, megapixels: float = 0.4):
    path = next(folder / name for folder in FOLDERS if (folder / name).exists())
    pixels = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    factor = (megapixels * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    pixels = np.ascontiguousarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=how))
    pixels.setflags(write=False)
    return pixels


@functools.lru_cache(maxsize=4)
def sign(megapixels: float = 0.4, text: str = "OPEN"):
    """A shop sign on a wall, a little turned, with the noise of a camera."""
    from PIL import Image, ImageDraw, ImageFont

    width = round((megapixels * 1.5e6) ** 0.5)
    height = round(width / 1.5)
    random = np.random.default_rng(1)
    wall = cv2.resize(random.normal(150, 22, (40, 60, 1)).astype(np.float32), (width, height))
    scene = np.dstack((wall * 1.05, wall * 0.95, wall * 0.85)).clip(0, 255).astype(np.uint8)
    board = Image.new("RGB", (900, 360), (24, 60, 110))
    draw = ImageDraw.Draw(board)
    draw.rectangle((14, 14, 885, 345), outline=(235, 235, 225), width=8)
    face = ImageFont.truetype(str(next(iter(sorted(FONTS.glob("sans-bold*"))))), 220)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=face)
    draw.text((450 - (left + right) / 2, 180 - (top + bottom) / 2), text, font=face, fill=(240, 238, 228))
    corners = np.float32([[0.22, 0.3], [0.8, 0.24], [0.79, 0.66], [0.21, 0.7]]) * (width, height)
    turn = cv2.getPerspectiveTransform(np.float32([[0, 0], [900, 0], [900, 360], [0, 360]]), np.float32(corners))
    flat = cv2.warpPerspective(np.asarray(board), turn, (width, height), flags=cv2.INTER_AREA)
    cover = cv2.warpPerspective(np.full((360, 900), 255, np.uint8), turn, (width, height))[..., None] / 255
    mixed = scene * (1 - cover) + flat * cover + random.normal(0, 3, scene.shape)
    pixels = np.ascontiguousarray(mixed.clip(0, 255).astype(np.uint8))
    pixels.setflags(write=False)
    return pixels


FONTS = Path(__file__).resolve().parents[3] / "assets" / "fonts"
