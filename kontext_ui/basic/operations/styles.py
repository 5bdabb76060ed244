"""Styles that come out well without a diffusion model: classical ones in OpenCV, painterly ones by a small network."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.language.grammar import anywhere, meaningful
from kontext_ui.basic.language.plan import Step
from kontext_ui.basic.language.strength import take
from kontext_ui.basic.operations.family import Family
from kontext_ui.basic.operations.work import Made, Work, in_bands
from kontext_ui.basic.vision.networks import PAINTER
from kontext_ui.basic.vision.shape import Plane, reduced
from kontext_ui.edits import Pixels

NEURAL = {"ink wash": 2, "impressionist": 5, "etching": 11, "stained glass": 15, "van gogh": 19}
"""Style → the number of the network's 26 that looks like it."""
NEURAL_PX = 1088
"""Longest side that the network paints: its strokes are of a fixed number of pixels, and its time grows with them."""
WORDS = {
    "pixel art": "pixel-art pixelart pixelated pixelate 8-bit",
    "line art": "line-art lineart line-drawing outline",
    "pencil": "pencil sketch pencil-sketch pencil-drawing sketched charcoal-drawing drawing",
    "comic": "comic comic-book cartoon cartoonish cartoonify graphic-novel pop-art",
    "low poly": "low-poly lowpoly polygonal",
    "watercolour": "watercolour water-colour aquarelle",
    "oil": "oil oil-painting oil-paint painting painted",
    "analog film": "analog-film analogue-film vintage-film retro vintage polaroid old-photo",
    "cinematic": "cinematic movie film-still teal-orange",
    "enhance": "enhance enhanced auto-enhance improve photographic professional hdr auto-levels",
    "ink wash": "ink-wash ink sumi-e ink-painting",
    "impressionist": "impressionist impressionism monet",
    "etching": "etching etched engraving engraved",
    "stained glass": "stained-glass mosaic leaded-glass",
    "van gogh": "van-gogh vangogh starry-night",
}
NAMES = {word: style for style, words in WORDS.items() for word in words.split()}
UNABLE = {
    word: style
    for style, words in {
        "anime": "anime manga ghibli",
        "3D model": "threed threed-model render",
        "isometric": "isometric",
        "clay": "clay claymation craft-clay plasticine",
        "origami": "origami paper",
        "fantasy art": "fantasy fantasy-art",
        "digital art": "digital-art",
        "neon punk": "neon neon-punk neonpunk cyberpunk",
        "tile texture": "tile-texture texture",
    }.items()
    for word in words.split()
}
BESIDE = frozenset(
    """art artwork look picture add painting drawing effect shot render version as by old paper photo from book quality
    colours tones grade grading""".split()
)
SAID = {
    "enhance": "enhanced: contrast, colour and sharpness adjusted",
    "analog film": "given an analog film look",
    "cinematic": "given a cinematic grade",
}
OPERATIONS = frozenset(("style",))


def read(tokens: list[str], clause: str) -> Step | None:
    strength, rest = take(meaningful(tokens))
    named = {NAMES[token] for token in rest if token in NAMES}
    # "A watercolour painting", "a pencil drawing": the plainer word only says what kind of picture it is.
    plain = {style for style in ("oil", "pencil") if style in named} if len(named) > 1 else set()
    named -= plain
    if len(named) != 1 or any(token not in NAMES and token not in BESIDE for token in rest):
        return None
    return Step("style", {"style": named.pop(), "amount": round(strength.of(1.0, 1.0), 4)}, clause)


def unable(tokens: Sequence[str]) -> str:
    """A style that was named and comes out badly here, or ""."""
    return next((UNABLE[token] for token in tokens if token in UNABLE), "")


def describe(step: Step) -> str:
    style = step.text("style")
    return SAID.get(style, f"redrawn in the style of {'Van Gogh' if style == 'van gogh' else style}")


def apply(work: Work) -> Made:
    style, amount = work.step.text("style"), work.step.number("amount")
    drawn = _neural(work.rgb, NEURAL[style]) if style in NEURAL else _CLASSICAL[style](work.rgb)
    if amount < 1:
        drawn = np.asarray(cv2.addWeighted(drawn, amount, work.rgb, 1 - amount, 0), np.uint8)
    return Made(drawn, said=describe(work.step))


def _neural(rgb: Pixels, number: int) -> Pixels:
    if PAINTER.lacks:
        raise ImpossibleError(f"Painterly styles cannot be drawn here. {PAINTER.lacks}")
    small = reduced(rgb, NEURAL_PX)
    height, width = small.shape[:2]
    tall, wide = -height % 4, -width % 4
    padded = cv2.copyMakeBorder(small, 0, tall, 0, wide, cv2.BORDER_REFLECT).astype(np.float32) / 255
    weights = np.zeros(26, np.float32)
    weights[number] = 1
    painted = PAINTER.run(np.ascontiguousarray(padded.transpose(2, 0, 1)[None]), weights)["stylized"][0]
    pixels = (np.clip(painted.transpose(1, 2, 0)[:height, :width], 0, 1) * 255 + 0.5).astype(np.uint8)
    return _enlarged(pixels, rgb)


def _enlarged(small: Pixels, like: Pixels, how: int = cv2.INTER_CUBIC) -> Pixels:
    size = (like.shape[1], like.shape[0])
    return small if small.shape == like.shape else np.asarray(cv2.resize(small, size, interpolation=how), np.uint8)


def _pixel_art(rgb: Pixels) -> Pixels:
    small = reduced(rgb, 128)
    samples = small.reshape(-1, 3).astype(np.float32)
    cv2.setRNGSeed(1)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 1.0)
    _, labels, centres = cv2.kmeans(samples, 24, np.empty((0,), np.int32), criteria, 1, cv2.KMEANS_PP_CENTERS)
    vivid = cv2.cvtColor(centres.reshape(1, -1, 3).astype(np.uint8), cv2.COLOR_RGB2HSV).astype(np.float32)
    vivid[..., 1] = np.minimum(vivid[..., 1] * 1.25, 255)
    palette = cv2.cvtColor(vivid.astype(np.uint8), cv2.COLOR_HSV2RGB)[0]
    return _enlarged(palette[labels.reshape(small.shape[:2])], rgb, cv2.INTER_NEAREST)


def _lines(rgb: Pixels, side_px: int = 1600) -> Plane:
    """Ink lines, 0 paper to 1 ink, by an extended difference of Gaussians (Winnemöller 2012)."""
    small = reduced(rgb, side_px)
    gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY) / 255.0, np.float32)
    gray = np.asarray(cv2.bilateralFilter(gray, 7, 0.12, 4), np.float32)
    width = max(small.shape[:2]) / 900
    narrow, wide = cv2.GaussianBlur(gray, (0, 0), width), cv2.GaussianBlur(gray, (0, 0), 1.6 * width)
    sharp = 18 * narrow - 17 * wide
    # Ink is what is darker than its surroundings: dark skin and a photo of the night are no ink.
    around = cv2.GaussianBlur(gray, (0, 0), 30 * width)
    paper = np.minimum(0.5, 0.75 * around)
    ink = 1 - np.where(sharp > paper, 1.0, 1 + np.tanh(9 * (sharp - paper)))
    return np.asarray(np.clip(ink, 0, 1), np.float32)


def _line_art(rgb: Pixels) -> Pixels:
    small = reduced(rgb, 1600)
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    width = max(small.shape[:2]) / 900
    edge = cv2.GaussianBlur(gray, (0, 0), width) - cv2.GaussianBlur(gray, (0, 0), 1.7 * width)
    ink = np.clip((-edge - 1.1) / 2.4, 0, 1)
    page = (255 - ink * 235).astype(np.uint8)
    return _enlarged(cv2.merge((page, page, page)), rgb)


def _pencil(rgb: Pixels) -> Pixels:
    small = reduced(rgb, 2000)
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    soft = cv2.GaussianBlur(cv2.bitwise_not(gray), (0, 0), max(small.shape[:2]) / 110)
    dodged = cv2.divide(gray, cv2.bitwise_not(soft), scale=250).astype(np.float32)
    shade = 0.75 + 0.25 * np.clip(gray.astype(np.float32) / 150, 0, 1)
    grain = np.random.default_rng(6).standard_normal((small.shape[0], small.shape[1]), np.float32)
    tooth = cv2.GaussianBlur(grain, (0, 0), 0.8) * 9 * (1.1 - dodged / 255)
    page = np.clip(dodged * shade + tooth, 0, 255)
    tinted = np.dstack((page, page * 0.995, page * 0.98)).astype(np.uint8)
    return _enlarged(tinted, rgb)


def _comic(rgb: Pixels) -> Pixels:
    small = reduced(rgb, 1400)
    flat = small
    for _ in range(3):
        flat = np.asarray(cv2.bilateralFilter(flat, 9, 34, 7), np.uint8)
    lab = cv2.cvtColor(flat, cv2.COLOR_RGB2LAB).astype(np.float32)
    steps = 9
    level = lab[..., 0] / 255 * steps
    lab[..., 0] = (np.floor(level) + np.clip((level % 1 - 0.5) * 6 + 0.5, 0, 1)) / steps * 255
    lab[..., 1:] = 128 + (lab[..., 1:] - 128) * 1.35
    inked = cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB).astype(np.float32)
    ink = _lines(rgb, 1400)[..., None]
    return _enlarged((inked * (1 - 0.92 * ink)).astype(np.uint8), rgb)


def _low_poly(rgb: Pixels) -> Pixels:
    small = reduced(rgb, 1000)
    height, width = small.shape[:2]
    gray = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (0, 0), 1.5)
    edges = cv2.Laplacian(gray, cv2.CV_32F, ksize=3)
    weight = cv2.GaussianBlur(np.abs(edges), (0, 0), 2).reshape(-1) + 0.35
    random = np.random.default_rng(2)
    chosen = random.choice(height * width, size=1700, replace=False, p=weight / weight.sum())
    division = cv2.Subdiv2D((0, 0, width, height))
    borders = [(x, y) for x in np.linspace(0, width - 1, 14) for y in (0, height - 1)]
    borders += [(x, y) for y in np.linspace(0, height - 1, 14) for x in (0, width - 1)]
    for x, y in [*((int(i % width), int(i // width)) for i in chosen), *borders]:
        division.insert((float(x), float(y)))
    result = small.copy()
    for triangle in np.asarray(division.getTriangleList(), np.float32).reshape(-1, 3, 2):
        if (triangle < 0).any() or (triangle[:, 0] >= width).any() or (triangle[:, 1] >= height).any():
            continue
        points = triangle.astype(np.int32)
        x, y = np.clip(triangle.mean(axis=0).astype(int), 0, (width - 1, height - 1))
        inner = np.vstack((triangle * 0.6 + triangle.mean(axis=0) * 0.4, [[x, y]])).astype(int)
        colour = small[np.clip(inner[:, 1], 0, height - 1), np.clip(inner[:, 0], 0, width - 1)].mean(axis=0)
        cv2.fillConvexPoly(result, points, colour.tolist(), cv2.LINE_AA)
    return _enlarged(result, rgb)


def _watercolour(rgb: Pixels) -> Pixels:
    small = reduced(rgb, 1200)
    flat = np.asarray(cv2.edgePreservingFilter(small, flags=1, sigma_s=30, sigma_r=0.38), np.float32)
    flat = np.asarray(cv2.medianBlur(flat.astype(np.uint8), 5), np.float32)
    gray = cv2.cvtColor(flat.astype(np.uint8), cv2.COLOR_RGB2GRAY).astype(np.float32)
    # Pigment gathers at the border of each wash, and the paper's tooth shows through thin colour.
    border = np.abs(gray - cv2.GaussianBlur(gray, (0, 0), 2.2))
    random = np.random.default_rng(4)
    tooth = cv2.GaussianBlur(random.standard_normal((small.shape[0], small.shape[1]), np.float32), (0, 0), 1.3) * 14
    bloom = cv2.resize(random.random((24, 24), np.float32), gray.shape[::-1], interpolation=cv2.INTER_CUBIC)
    wash = 255 - (255 - flat) * (0.72 + 0.22 * bloom[..., None])
    wash = wash * (1 - 0.45 * _lines(rgb, 1200)[..., None])
    page = wash - np.clip(border * 2.6, 0, 56)[..., None] + tooth[..., None] * (gray[..., None] / 255)
    return _enlarged(np.clip(page, 0, 255).astype(np.uint8), rgb)


def _oil(rgb: Pixels) -> Pixels:
    """A Kuwahara filter: each pixel takes the mean of its calmest quarter, which looks like brush strokes."""
    small = reduced(rgb, 1200).astype(np.float32)
    radius = max(3, max(small.shape[:2]) // 125)
    best = np.full(small.shape[:2], np.inf, np.float32)
    result = small.copy()
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    size = (radius + 1, radius + 1)
    for anchor in ((0, 0), (radius, 0), (0, radius), (radius, radius)):
        mean = cv2.blur(small, size, anchor=anchor)
        spread = cv2.blur(gray * gray, size, anchor=anchor) - cv2.blur(gray, size, anchor=anchor) ** 2
        better = spread < best
        best = np.where(better, spread, best)
        result[better] = mean[better]
    lab = cv2.cvtColor(np.clip(result, 0, 255).astype(np.uint8), cv2.COLOR_RGB2LAB).astype(np.float32)
    lab[..., 1:] = 128 + (lab[..., 1:] - 128) * 1.2
    painted = cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
    light = cv2.cvtColor(painted, cv2.COLOR_RGB2GRAY).astype(np.float32)
    relief = cv2.filter2D(light, -1, np.array([[-1, -1, 0], [-1, 0, 1], [0, 1, 1]], np.float32))
    return _enlarged(np.clip(painted + np.clip(relief * 0.35, -18, 18)[..., None], 0, 255).astype(np.uint8), rgb)


def _curved(rgb: Pixels, tables: tuple[tuple[float, ...], ...], saturation: float) -> Pixels:
    """One tone curve per channel through five points, then saturation."""
    points = np.linspace(0, 255, 5)
    table = np.stack([np.interp(np.arange(256), points, channel) for channel in tables], axis=1)
    graded = cv2.LUT(rgb, np.clip(table, 0, 255).astype(np.uint8).reshape(1, 256, 3))
    luma = np.tile(np.array([0.2126, 0.7152, 0.0722]), (3, 1))
    matrix = (saturation * np.eye(3) + (1 - saturation) * luma).astype(np.float32)
    return np.asarray(cv2.transform(graded, matrix), np.uint8)


def _analog_film(rgb: Pixels) -> Pixels:
    faded = _curved(rgb, ((22, 78, 140, 200, 246), (18, 72, 133, 192, 238), (30, 78, 126, 178, 222)), 0.82)
    height, width = rgb.shape[:2]
    scale = min(1.0, 1800 / max(height, width))
    noise = np.random.default_rng(12).standard_normal((max(1, round(height * scale)), max(1, round(width * scale))))
    grain = cv2.resize(noise.astype(np.float32) * 8, (width, height), interpolation=cv2.INTER_LINEAR)
    return in_bands(faded, lambda part, rows: np.clip(part + grain[rows][..., None], 0, 255).astype(np.uint8))


def _cinematic(rgb: Pixels) -> Pixels:
    graded = _curved(rgb, ((0, 46, 126, 212, 255), (4, 54, 126, 200, 246), (18, 72, 126, 178, 226)), 0.92)
    height, width = rgb.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 2
    light = 1 - 0.3 * np.clip((x + y) / 2 - 0.2, 0, 1)
    return in_bands(graded, lambda part, rows: (part * light[rows][..., None] + 0.5).astype(np.uint8))


def _enhance(rgb: Pixels) -> Pixels:
    """Tone by the picture's own histogram, a little local contrast, saturation and sharpness."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    light = lab[..., 0]
    low, high = np.quantile(light[::8, ::8], (0.004, 0.996))
    stretch = np.clip((np.arange(256) - low) / max(high - low, 60) * 255, 0, 255)
    table = (0.45 * np.arange(256) + 0.55 * stretch).astype(np.uint8)
    even = cv2.LUT(light, table)
    local = cv2.createCLAHE(1.6, (6, 6)).apply(even)
    lab[..., 0] = cv2.addWeighted(even, 0.6, local, 0.4, 0)
    vivid = np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)
    vivid = _curved(vivid, ((0, 64, 128, 191, 255),) * 3, 1.12)
    soft = cv2.GaussianBlur(vivid, (0, 0), max(0.8, max(rgb.shape[:2]) / 1200))
    return np.asarray(cv2.addWeighted(vivid, 1.4, soft, -0.4, 0), np.uint8)


_CLASSICAL = {
    "pixel art": _pixel_art,
    "line art": _line_art,
    "pencil": _pencil,
    "comic": _comic,
    "low poly": _low_poly,
    "watercolour": _watercolour,
    "oil": _oil,
    "analog film": _analog_film,
    "cinematic": _cinematic,
    "enhance": _enhance,
}


FAMILY = Family(OPERATIONS, anywhere(read), apply, describe)
