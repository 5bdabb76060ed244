"""What a model would answer: a really edited picture, a little shifted, zoomed and off in colour."""

from __future__ import annotations

import io
import re

import cv2
import numpy as np
from PIL import Image

from kontext_ui.models import kontext

COLOURS = {
    "red": (210, 40, 40),
    "green": (50, 170, 70),
    "blue": (50, 80, 210),
    "yellow": (230, 200, 40),
    "pink": (230, 110, 170),
}


def kontext_size(width, height):
    return min(kontext.SIZES, key=lambda size: abs(np.log(size.ratio * height / width)))


def edited(data, prompt, aspect_ratio=None, *, size=None, drift=True):
    """The edited picture as an array, of the size that the service would answer with, or of the size asked for."""
    if data is None:
        width, height = (float(part) for part in (aspect_ratio or "1:1").split(":"))
        size = size or kontext_size(width, height)
        y, x = np.mgrid[0 : size.height, 0 : size.width]
        pixels = np.stack((x * 255 // size.width, y * 255 // size.height, np.full_like(x, 140)), axis=2).astype(
            np.uint8
        )
    else:
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        ratio = [float(part) for part in aspect_ratio.split(":")] if aspect_ratio else pixels.shape[1::-1]
        size = size or kontext_size(*ratio)
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    changed = changed_in_the_middle(pixels, prompt)
    return drifted(changed) if drift else changed


def encoded(pixels, format_name):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format_name.upper())
    return buffer.getvalue()


def changed_in_the_middle(pixels, prompt):
    """The named colour on an ellipse in the middle, keeping its light; without a colour, the middle inverted."""
    named = next((COLOURS[word] for word in re.findall(r"[a-z]+", prompt.lower()) if word in COLOURS), None)
    height, width = pixels.shape[:2]
    shape = np.zeros((height, width), np.uint8)
    cv2.ellipse(shape, (width // 2, height // 2), (width // 6, height // 6), 0, 0, 360, 255, -1)
    weight = cv2.GaussianBlur(shape, (0, 0), 2)[..., None] / 255
    light = pixels.mean(axis=2, keepdims=True) / 140
    new = 255 - pixels if named is None else np.clip(np.array(named) * light, 0, 255)
    return np.rint(pixels * (1 - weight) + new * weight).astype(np.uint8)


def drifted(pixels):
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 0, 1.006)
    matrix[:, 2] += (2.3, -1.7)
    moved = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.clip(moved * np.array([1.02, 0.99, 1.01]) + 1.5, 0, 255).astype(np.uint8)
