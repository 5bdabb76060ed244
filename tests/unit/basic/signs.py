"""Photographs of signs, made here: a board in perspective on a photo, with a lens's blur and a sensor's noise."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONTS = Path(__file__).resolve().parents[3] / "assets" / "fonts"


def scene(width=900, height=640, seed=3):
    """A soft, textured ground that no reader finds words in."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(70, 190, (6, 8, 3)).astype(np.float32)
    photo = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(photo + random.normal(0, 4, photo.shape), 0, 255).astype(np.uint8)


def hang(photo, lines, corners, ink=(245, 245, 240), board=(20, 80, 60), face=None, em=110, size=(600, 240), noise=3.0):
    """The photo with a sign. ``corners``: top left, top right, bottom right, bottom left in the photo. ``face``: a
    carried typeface, or ``None`` for Pillow's own, which is not among them."""
    image = Image.new("RGB", size, board)
    canvas = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(FONTS / f"{face}.ttf"), em) if face else ImageFont.load_default(em)
    for index, line in enumerate(lines):
        middle = (size[0] / 2, size[1] * (index + 0.5) / len(lines))
        canvas.text(middle, line, fill=ink, font=font, anchor="mm")
    flat = np.asarray(image, np.float32) * (1 - 0.12 * np.linspace(0, 1, size[0], dtype=np.float32)[None, :, None])
    outline = np.array([[0, 0], [size[0], 0], size, [0, size[1]]], np.float32)
    matrix = cv2.getPerspectiveTransform(outline, np.array(corners, np.float32))
    shape = (photo.shape[1], photo.shape[0])
    shrink = size[0] / max(1.0, float(np.linalg.norm(np.subtract(corners[1], corners[0]))))
    flat = cv2.GaussianBlur(flat, (0, 0), max(0.3, 0.5 * shrink))
    seen = cv2.warpPerspective(flat, matrix, shape)
    cover = cv2.warpPerspective(np.ones(size[::-1], np.float32), matrix, shape)[..., None]
    result = cv2.GaussianBlur(photo * (1 - cover) + seen * cover, (0, 0), 0.8)
    result = result + np.random.default_rng(9).normal(0, noise, result.shape)
    return np.where(cover > 0, np.clip(result, 0, 255), photo).astype(np.uint8)


def turned(corners, by):
    """Corners moved by x, y."""
    return [(x + by[0], y + by[1]) for x, y in corners]
