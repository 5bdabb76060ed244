"""A simulator of what image models do to a photo: the edit that was asked for, and the drift that was not.

Edits are applied to the picture as sent, then the whole answer drifts: shift, zoom, rotation, gain, gamma,
blur, noise, block artefacts and the low-pass of an autoencoder. The truth is known to the pixel.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from kontext_ui.edits import Size, SizeRule
from kontext_ui.images.geometry import Fit, cut, pad_to_fit, plan_fit, size_of
from kontext_ui.models import kontext

RULE = SizeRule("list", kontext.SIZES)
PHOTOS = (
    "astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "hubble_deep_field.jpg", "retina.jpg", "ihc.png",
    "motorcycle_left.png", "camera.png", "coins.png", "brick.png", "china.jpg", "flower.jpg",
)  # fmt: skip
LOCAL_EDITS = ("recolour", "remove", "insert", "text", "relight")
GLOBAL_EDITS = ("greyscale", "night", "painting", "season", "new scene", "sketch")


@functools.lru_cache(maxsize=16)
def photo(name: str, megapixels: float = 1.0):
    """A photo from scikit-image or from tests/data, scaled to a number of megapixels."""
    import skimage

    folders = (Path(skimage.__file__).parent / "data", Path(__file__).resolve().parent / "data" / "photos")
    path = next(folder / name for folder in folders if (folder / name).exists())
    pixels = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    factor = (megapixels * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    how = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=how)
    # Enlarging leaves no grain; real photos of this size have some.
    grain = np.random.default_rng(5).normal(0, 1.2, pixels.shape[:2]).astype(np.float32)[..., None]
    return np.clip(np.rint(pixels + grain), 0, 255).astype(np.uint8) if factor > 1 else pixels


@dataclass(frozen=True)
class Drift:
    """``shift`` in canvas pixels, ``zoom`` as a factor, ``autoencoder`` 0..1 is the share of lost fine detail."""

    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    rotation_deg: float = 0.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gamma: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None
    autoencoder: float = 0.0
    wobble: float = 0.0
    """Uneven displacement in canvas pixels (standard deviation), smooth over about a tenth of the frame."""

    def apply(self, pixels, seed: int = 0):
        out = _wobbled(self._moved(pixels), self.wobble, seed).astype(np.float32)
        if self.autoencoder:
            out = _autoencoded(out, self.autoencoder, seed)
        if self.blur:
            out = cv2.GaussianBlur(out, (0, 0), self.blur)
        out = 255 * np.power(np.clip(out / 255, 0, 1), self.gamma)
        out = out * np.array(self.gain, np.float32) + np.array(self.offset, np.float32)
        if self.noise:
            out = out + np.random.default_rng(seed).normal(0, self.noise, out.shape)
        out = np.clip(np.rint(out), 0, 255).astype(np.uint8)
        if self.jpeg:
            code = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg])[1]
            out = cv2.imdecode(code, cv2.IMREAD_COLOR)
        return out

    def _moved(self, pixels):
        height, width = pixels.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), self.rotation_deg, self.zoom)
        matrix[:, 2] += self.shift
        if np.allclose(matrix, [[1, 0, 0], [0, 1, 0]]):
            return pixels
        return cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


NONE = Drift()


def _wobbled(pixels, amount: float, seed: int):
    if not amount:
        return pixels
    height, width = pixels.shape[:2]
    rough = np.random.default_rng(seed + 2).normal(0, amount, (2, 11, 11)).astype(np.float32)
    u, v = (cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) for plane in rough)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(pixels, x + u, y + v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def _autoencoded(pixels, share: float, seed: int):
    """Fine detail is partly lost and partly made up anew, the more the busier the place (about 31 dB at 0.5)."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    low = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    detail = pixels - low
    activity = cv2.GaussianBlur(np.abs(detail).mean(axis=2), (0, 0), 2.0)[..., None]
    invented = cv2.GaussianBlur(
        np.random.default_rng(seed + 1).normal(0, 2.2, pixels.shape).astype(np.float32), (0, 0), 0.8
    )
    return low + (1 - share) * detail + share * activity * invented


def random_drift(rng: np.random.Generator) -> Drift:
    """As hosted models were seen to drift: the ranges of the issue, a random subset of the kinds."""
    some = lambda value, neutral: value if rng.random() < 0.75 else neutral  # noqa: E731
    return Drift(
        shift=some(tuple(rng.uniform(-4, 4, 2)), (0.0, 0.0)),
        zoom=some(1 + rng.uniform(-0.012, 0.012), 1.0),
        rotation_deg=some(rng.uniform(-0.3, 0.3), 0.0),
        gain=some(tuple(rng.uniform(0.97, 1.03, 3)), (1.0, 1.0, 1.0)),
        offset=some(tuple(rng.uniform(-4, 4, 3)), (0.0, 0.0, 0.0)),
        gamma=some(rng.uniform(0.95, 1.05), 1.0),
        blur=some(rng.uniform(0.3, 0.8), 0.0),
        noise=some(rng.uniform(0.5, 2.5), 0.0),
        jpeg=some(int(rng.integers(82, 94)), None),
        autoencoder=some(rng.uniform(0.2, 0.6), 0.0),
    )


@dataclass(frozen=True, eq=False)
class Case:
    """``shape`` is where the edit was allowed to act, ``truth`` where one sees it (ΔE ≥ 5); on its grid as sent."""

    parent: np.ndarray
    fit: Fit
    answer: np.ndarray
    shape: np.ndarray
    truth: np.ndarray
    drift: Drift


def simulate(
    parent,
    kind: str,
    seed: int,
    drift: Drift | None = None,
    rule: SizeRule = RULE,
    share: tuple[float, float] = (0.01, 0.08),
) -> Case:
    """An answer to an edit of ``kind`` (of LOCAL_EDITS or GLOBAL_EDITS) with known truth."""
    rng = np.random.default_rng(seed)
    fit = plan_fit(size_of(parent), rule)
    canvas = pad_to_fit(parent, fit)
    content = cut(canvas, fit.box).copy()
    shape = blob(size_of(content), rng, share)
    edited, shape = EDITS[kind](content, shape, rng)
    answer = canvas.copy()
    cut(answer, fit.box)[:] = edited
    drift = random_drift(rng) if drift is None else drift
    return Case(parent, fit, drift.apply(answer, seed), shape, visible(content, edited), drift)


def visible(before, after):
    """Where a person sees a difference: ΔE (CIE 76) of at least 5 after a slight blur."""
    first, second = (cv2.cvtColor(p.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for p in (before, after))
    return np.linalg.norm(cv2.GaussianBlur(first - second, (0, 0), 0.8), axis=2) >= 5


def blob(size: Size, rng: np.random.Generator, share: tuple[float, float] = (0.01, 0.08)):
    """An irregular closed shape that covers a share of the frame between the two given."""
    radius = (rng.uniform(*share) * size.width * size.height / np.pi) ** 0.5
    x = rng.uniform(min(radius, size.width / 2), max(size.width - radius, size.width / 2))
    y = rng.uniform(min(radius, size.height / 2), max(size.height - radius, size.height / 2))
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    wave = 1 + sum(rng.uniform(0, 0.12) * np.sin(n * angles + rng.uniform(0, 6.28)) for n in (2, 3, 5, 7))
    points = np.stack([x + radius * wave * np.cos(angles), y + radius * wave * np.sin(angles)], axis=1)
    out = np.zeros((size.height, size.width), np.uint8)
    cv2.fillPoly(out, [np.rint(points).astype(np.int32)], 255)
    return out > 0


def _composite(content, other, shape, softness: float = 1.0):
    weight = cv2.GaussianBlur(shape.astype(np.float32), (0, 0), softness)[..., None]
    return np.clip(np.rint(content * (1 - weight) + other * weight), 0, 255).astype(np.uint8)


def _recolour(content, shape, rng):
    hsv = cv2.cvtColor(content, cv2.COLOR_RGB2HSV)
    hue = int(rng.integers(0, 180))
    hsv[..., 0], hsv[..., 1] = hue, np.maximum(hsv[..., 1], 120)
    return _composite(content, cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32), shape), shape


def _remove(content, shape, rng):
    small = cv2.resize(content, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    hole = cv2.resize(shape.astype(np.uint8) * 255, small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    filled = cv2.inpaint(small, cv2.dilate(hole, np.ones((3, 3), np.uint8)), 5, cv2.INPAINT_TELEA)
    filled = cv2.resize(filled, content.shape[1::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    return _composite(content, filled + rng.normal(0, 1.5, content.shape), shape), shape


def _insert(content, shape, rng):
    other = photo(PHOTOS[int(rng.integers(len(PHOTOS)))], 1.0)
    other = cv2.resize(np.rot90(other, int(rng.integers(4))), content.shape[1::-1]).astype(np.float32)
    return _composite(content, other, shape), shape


def _text(content, shape, rng):
    out = content.copy()
    scale = content.shape[0] / 1000 * rng.uniform(1.5, 3.5)
    rows, columns = np.nonzero(shape)
    x, y = int(max(5, columns.mean() - 60 * scale)), int(rows.mean())
    tone = tuple(int(v) for v in rng.choice([0, 255], 3))
    ink = np.zeros(content.shape[:2], np.uint8)
    thick = max(2, round(2.5 * scale))
    cv2.putText(ink, "OPEN 24h", (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
    weight = (ink / 255.0)[..., None]
    out = np.clip(np.rint(out * (1 - weight) + np.array(tone) * weight), 0, 255).astype(np.uint8)
    return out, ink > 0


def _relight(content, shape, rng):
    soft = cv2.GaussianBlur(shape.astype(np.float32), (0, 0), 0.02 * content.shape[0])[..., None]
    lit = content * np.array([1.5, 1.35, 1.1], np.float32) + 25 if rng.random() < 0.5 else content * np.float32(0.5)
    out = np.clip(np.rint(content * (1 - soft) + lit * soft), 0, 255).astype(np.uint8)
    return out, soft[..., 0] > 0.02


def _everywhere(function):
    def edit(content, shape, rng):
        out = np.clip(np.rint(function(content.astype(np.float32), rng)), 0, 255).astype(np.uint8)
        return out, np.ones(content.shape[:2], bool)

    return edit


def _greyscale(pixels, rng):
    return np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2) * 0.9 + 5


def _night(pixels, rng):
    return pixels * np.array([0.3, 0.38, 0.6], np.float32)


def _painting(pixels, rng):
    small = cv2.resize(pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA).astype(np.uint8)
    for _ in range(3):
        small = cv2.medianBlur(cv2.bilateralFilter(small, 9, 60, 9), 5)
    big = cv2.resize(small, pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    strokes = cv2.GaussianBlur(rng.normal(0, 90, pixels.shape[:2]).astype(np.float32), (0, 0), 5, sigmaY=1.5)
    return (np.round(big / 32) * 32 - 128) * 1.25 + 140 + strokes[..., None]


def _season(pixels, rng):
    snow = cv2.GaussianBlur(rng.random(pixels.shape[:2]).astype(np.float32), (0, 0), 4)
    snow = np.clip((snow - snow.mean()) / snow.std() * 0.35 + 0.45, 0, 1)[..., None]
    grey = pixels.mean(axis=2, keepdims=True)
    return (pixels * 0.5 + grey * 0.5) * (1 - snow) + np.array([235, 240, 250], np.float32) * snow


def _new_scene(pixels, rng):
    other = photo(PHOTOS[int(rng.integers(len(PHOTOS)))], 1.0)
    return cv2.resize(np.ascontiguousarray(other[::-1, ::-1]), pixels.shape[1::-1]).astype(np.float32)


def _sketch(pixels, rng):
    grey = pixels.mean(axis=2)
    return np.repeat(np.clip(255 * grey / (cv2.GaussianBlur(grey, (0, 0), 6) + 4), 0, 255)[..., None], 3, axis=2)


EDITS = {
    "recolour": _recolour,
    "remove": _remove,
    "insert": _insert,
    "text": _text,
    "relight": _relight,
    "greyscale": _everywhere(_greyscale),
    "night": _everywhere(_night),
    "painting": _everywhere(_painting),
    "season": _everywhere(_season),
    "new scene": _everywhere(_new_scene),
    "sketch": _everywhere(_sketch),
}


@dataclass(frozen=True)
class Score:
    """``recall``: share of the visibly changed pixels that were brought over. ``leak``: share of the pixels well away
    from the edit that differ from the parent. ``exact``: share of the pixels with weight 0 that equal the parent.
    ``seam``: mean gradient along the soft edge against the photo's own at the same place."""

    recall: float
    leak: float
    exact: float
    seam: float
    whole: bool
    visible: float
    """Share of the frame in which one sees a difference at all: taking colour out of a grey photo shows nothing."""


def judge(case: Case, locked) -> Score:
    size = size_of(case.parent)
    truth = _at(case.truth, size)
    away = ~_at(_near(case.shape | case.truth, 0.02), size)
    differs = (locked.pixels[..., :3] != case.parent[..., :3]).any(axis=2)
    kept = locked.change_mask == 0
    recall = float((locked.change_mask[truth] >= 128).mean()) if truth.mean() > 0.0005 else 1.0
    leak = float(differs[away].mean()) if away.any() else 0.0
    exact = float((~differs[kept]).mean()) if kept.any() else 1.0
    seam = _seam(case, locked, _at(_near(case.truth, 0.004), size))
    return Score(recall, leak, exact, seam, locked.kept_whole, float(truth.mean()))


def _seam(case: Case, locked, near_edit) -> float:
    soft = (locked.change_mask > 0) & (locked.change_mask < 255) & ~near_edit
    if soft.sum() < 50:
        return 1.0
    out, own = (
        cv2.cvtColor(np.ascontiguousarray(p[..., :3]), cv2.COLOR_RGB2GRAY) for p in (locked.pixels, case.parent)
    )
    return float((_gradient(out)[soft].mean() + 0.5) / (_gradient(own)[soft].mean() + 0.5))


def _gradient(gray):
    return np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)) / 8


def _near(shape, share: float):
    px = max(1, share * min(shape.shape))
    if not shape.any():
        return shape
    return cv2.distanceTransform((~shape).astype(np.uint8), cv2.DIST_L2, 5) <= px


def _at(shape, size: Size):
    return cv2.resize(shape.astype(np.uint8), tuple(size), interpolation=cv2.INTER_NEAREST).astype(bool)


def stronger(drift: Drift, factor: float) -> Drift:
    """The same drift, with its movement and colours multiplied."""
    return replace(
        drift,
        shift=(drift.shift[0] * factor, drift.shift[1] * factor),
        zoom=1 + (drift.zoom - 1) * factor,
        rotation_deg=drift.rotation_deg * factor,
        gamma=1 + (drift.gamma - 1) * factor,
    )
