"""Fitting a photo to a model's picture sizes, and the way back.

A photo is scaled evenly and padded, never cropped, and never stretched but by the few thousandths that a model needs
which draws the photo's own shape in steps of some pixels. Coordinates here are
continuous: pixel ``i`` covers ``[i, i + 1)``, so that a mapping does not depend on the resolution.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from kontext_ui.edits import Mask, Pixels, Rectangle, Size, SizeRule
from kontext_ui.errors import InvalidRequest

_MIN_CONTENT = 0.5
"""Photos that would fill less than this share of the canvas waste the model's pixels and are refused."""
_SAME_RATIO = 1.03
"""A requested aspect ratio within this factor of the photo's own means "keep the photo's"."""
_TRAINED_AT = 1_048_576
"""Pixels; the size at which image models of this family work best."""
_REFLECT_ONLY = 0.04
"""Padding up to this share of a side is a plain reflection; wider padding is blurred too, so that the
model does not see objects twice."""


class NoPicture(ValueError):
    """An answer that has no picture to read, in words for people."""


@dataclass(frozen=True)
class Fit:
    """How a photo lies on the canvas that is sent.

    ``region`` is the part of the photo that is sent (the whole photo unless the edit is zoomed),
    ``box`` the place it takes on the canvas.
    """

    source: Size
    canvas: Size
    region: Rectangle
    box: Rectangle
    reframed: bool = False
    """The user asked for another aspect ratio: the answer has its own frame and is kept as it comes."""
    shared: bool = False
    """Other pictures lie on the same canvas, so nothing outside ``box`` belongs to the photo."""

    @property
    def scale(self) -> float:
        """Canvas pixels per photo pixel; below 1 the photo is shrunk for the model."""
        return float((self.box.width * self.box.height / (self.region.width * self.region.height)) ** 0.5)

    @property
    def padded(self) -> float:
        """Share of the canvas that is not the photo, 0..1."""
        return 1.0 - self.box.width * self.box.height / (self.canvas.width * self.canvas.height)

    @property
    def untouched(self) -> bool:
        """The region is sent pixel for pixel."""
        return (self.box.width, self.box.height) == self.canvas == (self.region.width, self.region.height)

    @property
    def whole(self) -> bool:
        """The region is the whole photo."""
        return self.region == whole(self.source)

    def to_canvas(self, points: ArrayLike) -> NDArray[np.float64]:
        """Photo coordinates (… × 2) on the canvas."""
        at = np.asarray(points, np.float64)
        per = np.array([self.box.width / self.region.width, self.box.height / self.region.height])
        return cast(
            NDArray[np.float64], (at - (self.region.x, self.region.y)) * per + np.array([self.box.x, self.box.y])
        )

    def to_source(self, points: ArrayLike) -> NDArray[np.float64]:
        """Canvas coordinates (… × 2) in the photo."""
        at = np.asarray(points, np.float64)
        per = np.array([self.region.width / self.box.width, self.region.height / self.box.height])
        return cast(
            NDArray[np.float64], (at - (self.box.x, self.box.y)) * per + np.array([self.region.x, self.region.y])
        )

    def receipt(self) -> str:
        """One line for the user, before sending: how the photo's size changes on the way there and back."""
        if self.reframed:
            return f"{self.source} → sent as {self.canvas}, comes back in the shape you asked for"
        if self.untouched and self.whole:
            return f"{self.source}, sent as it is"
        sent = self.source if self.whole else Size(self.region.width, self.region.height)
        what = f"{sent}" if self.whole else f"the {sent} part of {self.source}"
        return f"{what}, sent at {self.canvas}, returned at {self.source}"


def whole(size: Size) -> Rectangle:
    return Rectangle(0, 0, size.width, size.height)


def size_of(pixels: NDArray[np.uint8]) -> Size:
    """Width and height of an array of pixels or of a mask."""
    return Size(int(pixels.shape[1]), int(pixels.shape[0]))


def plan_fit(source: Size, rule: SizeRule, *, region: Rectangle | None = None, aspect_ratio: str | None = None) -> Fit:
    """Choose the canvas for a photo, or for a ``region`` of it, under a backend's rule.

    ``aspect_ratio`` (``W:H``) only matters where it differs from the photo's: the answer then has
    another frame. Raises InvalidRequest for a region outside the photo, a malformed ratio, and for
    panoramas so long that they would fill less than half of the longest picture the backend takes.
    """
    part = region or whole(source)
    _check_region(part, source)
    size = Size(part.width, part.height)
    canvas = nearest_size(size, rule)
    box = whole(canvas) if rule.fills and _same_shape(size, canvas) else _centred(size, canvas)
    fit = Fit(source, canvas, part, box, reframed=_reframes(aspect_ratio, size))
    if 1.0 - fit.padded < _MIN_CONTENT:
        raise InvalidRequest(
            f"A picture of {size} is too long and narrow for this model: the longest shape it accepts is "
            f"{_shape(canvas)}, and the photo would fill only {1 - fit.padded:.0%} of it.",
            hint="Select a rectangle on the photo and edit only that part; the rest stays as it is.",
        )
    return fit


def _same_shape(one: Size, other: Size) -> bool:
    return bool(abs(np.log(one.ratio / other.ratio)) <= np.log(_SAME_RATIO))


def nearest_size(size: Size, rule: SizeRule) -> Size:
    """The picture size of a rule that shows ``size`` with the least padding, at the most pixels."""
    if rule.kind == "list" and rule.sizes:
        return min(rule.sizes, key=lambda s: abs(np.log(s.ratio / size.ratio)))
    if rule.kind == "range":
        return _nearest_in_range(size, rule)
    return size


def pad_to_fit(pixels: Pixels, fit: Fit) -> Pixels:
    """The RGB canvas that is sent: the region, evenly scaled, the border continued by reflection.

    Transparent parts are shown on white, since models do not know transparency.
    """
    content = resized(flattened(cut(pixels, fit.region)), Size(fit.box.width, fit.box.height))
    box, canvas = fit.box, fit.canvas
    left, top = box.x, box.y
    right, bottom = canvas.width - box.x - box.width, canvas.height - box.y - box.height
    if not (left or top or right or bottom):
        return content
    out = cast(Pixels, cv2.copyMakeBorder(content, top, bottom, left, right, cv2.BORDER_REFLECT))
    if max(left, right) > _REFLECT_ONLY * canvas.width or max(top, bottom) > _REFLECT_ONLY * canvas.height:
        soft = cv2.GaussianBlur(out, (0, 0), max(left, right, top, bottom) / 6)
        soft[top : top + box.height, left : left + box.width] = content
        out = cast(Pixels, soft)
    return out


def restore(answer: Pixels, fit: Fit, *, size: Size | None = None) -> Pixels:
    """The region as the model answered it, without the padding, at its own size in the photo.

    ``size`` asks for another resolution. An answer whose size differs from the canvas's is read as the
    same picture at another scale. Raises ``NoPicture``.
    """
    return resized(content_of(answer, fit), size or Size(fit.region.width, fit.region.height))


def content_of(answer: Pixels, fit: Fit) -> Pixels:
    """The photo's part of an answer, at the canvas's resolution."""
    return cut(on_canvas(answer, fit), fit.box)


def on_canvas(answer: Pixels, fit: Fit) -> Pixels:
    """An answer at the canvas's size.

    A slightly different ratio is a provider's rounding and is undone by scaling each side. With a clearly
    different one the model chose another frame: the answer is scaled evenly and put in the middle, its
    border reflected; :func:`covered` says how much of the canvas it actually fills.
    """
    if answer.ndim != 3 or min(answer.shape[:2]) < 8:
        raise NoPicture("The model did not return a usable picture.")
    if size_of(answer) == fit.canvas:
        return answer
    part, canvas = covered(size_of(answer), fit), fit.canvas
    inner = resized(answer, Size(part.width, part.height))
    if (part.width, part.height) == canvas:
        return inner
    right, bottom = canvas.width - part.x - part.width, canvas.height - part.y - part.height
    return cast(Pixels, cv2.copyMakeBorder(inner, part.y, bottom, part.x, right, cv2.BORDER_REFLECT))


def covered(answer: Size, fit: Fit) -> Rectangle:
    """The part of the canvas that an answer of this size fills: all of it, unless its ratio differs."""
    if _same_shape(answer, fit.canvas):
        return whole(fit.canvas)
    return _centred(answer, fit.canvas)


def zoom_region(wanted: Mask | Rectangle, source: Size, rule: SizeRule) -> Rectangle | None:
    """The crop to send instead of the whole photo, so that a small part gets the model's full detail.

    It holds the mask (or the rectangle) with context around it, lies inside the photo and has the
    shape of one of the backend's sizes, so that nothing is padded. ``None`` when there is nothing to
    gain: an empty mask, a part that needs most of the photo anyway, a photo the model takes whole.
    """
    part = wanted if isinstance(wanted, Rectangle) else bounds(wanted)
    if part is None or rule.kind == "any" or min(part.width, part.height) <= 0:
        return None
    overall = nearest_size(source, rule)
    if min(overall.width / source.width, overall.height / source.height) >= 0.75:
        return None
    shape = nearest_size(Size(max(part.width, part.height // 2), max(part.height, part.width // 2)), rule)
    factor = max(0.5, 2.0 * part.width / shape.width, 2.0 * part.height / shape.height)
    width, height = round(shape.width * factor), round(shape.height * factor)
    if width > source.width or height > source.height or width * height > 0.5 * source.width * source.height:
        return None
    x = min(max(0, part.x + part.width // 2 - width // 2), source.width - width)
    y = min(max(0, part.y + part.height // 2 - height // 2), source.height - height)
    return Rectangle(x, y, width, height)


def bounds(mask: Mask) -> Rectangle | None:
    """The smallest rectangle around a mask's nonzero pixels; ``None`` if there are none."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return None
    return Rectangle(int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1))


def cut(pixels: NDArray[np.uint8], part: Rectangle) -> NDArray[np.uint8]:
    """A view of a rectangle of an image."""
    return pixels[part.y : part.y + part.height, part.x : part.x + part.width]


def flattened(pixels: Pixels) -> Pixels:
    """RGB without transparency, shown on white."""
    if pixels.shape[2] == 3:
        return pixels
    if (pixels[..., 3] == 255).all():
        return np.ascontiguousarray(pixels[..., :3])
    alpha = pixels[..., 3:].astype(np.uint16)
    return ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def resized(pixels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Scaled: averaged over area where it shrinks, so that detail does not turn into jagged noise."""
    got = size_of(pixels)
    if got == size:
        return pixels
    shrinks = size.width * size.height < got.width * got.height
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cast(NDArray[np.uint8], cv2.resize(pixels, (size.width, size.height), interpolation=how))


def _check_region(part: Rectangle, source: Size) -> None:
    inside = part.x >= 0 and part.y >= 0 and part.x + part.width <= source.width
    if not inside or part.y + part.height > source.height or min(part.width, part.height) < 1:
        raise InvalidRequest(
            "The selected part is not inside the picture.", hint=f"The picture is {source}; select the part again."
        )


def _centred(size: Size, canvas: Size) -> Rectangle:
    factor = min(canvas.width / size.width, canvas.height / size.height)
    width = min(canvas.width, max(1, round(size.width * factor)))
    height = min(canvas.height, max(1, round(size.height * factor)))
    return Rectangle((canvas.width - width) // 2, (canvas.height - height) // 2, width, height)


def _reframes(aspect_ratio: str | None, size: Size) -> bool:
    if aspect_ratio is None:
        return False
    width, height = _ratio(aspect_ratio)
    wanted = float(width / height)
    return bool(abs(np.log(wanted / size.ratio)) > np.log(_SAME_RATIO))


def _ratio(text: str) -> tuple[Fraction, Fraction]:
    try:
        width, height = (Fraction(part.strip()) for part in text.split(":"))
        if width > 0 and height > 0:
            return width, height
    except (ValueError, ZeroDivisionError):
        pass
    raise InvalidRequest(f"“{text}” is not an aspect ratio.", hint="Write it as width:height, for example 16:9.")


def asked_size(aspect_ratio: str | None, sent: Size | None, rule: SizeRule) -> Size:
    """The size to ask for where a model draws any: of the picture that is sent, unless another shape is asked for.

    Without either, a square. Raises ``InvalidRequest`` for a malformed ratio.
    """
    if sent is not None and not _reframes(aspect_ratio, sent):
        return sent
    width, height = _ratio(aspect_ratio or "1:1")
    return nearest_size(Size(round(width * 1_000 / height), 1_000), rule)


def _nearest_in_range(size: Size, rule: SizeRule) -> Size:
    choices = list(_sizes_in_range(size, rule))
    if not choices:
        raise InvalidRequest(
            "This service's limits leave no picture size for this photo.", hint="Choose another tier or crop the photo."
        )

    def content(canvas: Size) -> float:
        return min(canvas.width / size.width, canvas.height / size.height) ** 2 * size.width * size.height

    most = max(content(c) for c in choices)
    # An unpadded picture is worth more than a few per cent of detail.
    large = [c for c in choices if content(c) >= 0.85 * most]
    return min(large, key=lambda c: (round(1 - content(c) / (c.width * c.height), 4), -content(c)))


def _sizes_in_range(size: Size, rule: SizeRule) -> Iterable[Size]:
    """Canvases of about the photo's shape, or of the longest shape allowed, as large as is useful."""
    step = max(1, rule.multiple_px)
    low, high = max(1, -(-rule.min_side_px // step)) * step, rule.max_side_px // step * step
    if high < low:
        return
    most = (rule.max_megapixels or float("inf")) * 1_000_000
    # Models are trained near one megapixel, so smaller photos are enlarged to it and larger ones keep their size.
    area = min(most, max(size.width * size.height, _TRAINED_AT))
    ratio = min(max(size.ratio, rule.min_ratio, low / high), rule.max_ratio, high / low)
    longest = min(high, (area * max(ratio, 1 / ratio)) ** 0.5)
    longest = max(longest, low * max(ratio, 1 / ratio))
    reach = -(-int(longest) // step) * step
    if size.width * size.height >= _TRAINED_AT and _allowed(size, rule, low, high, most) and not _off_step(size, step):
        yield size
    for long in range(reach, max(low, round(reach * 0.8)) - 1, -max(step, reach // 400 // step * step)):
        exact = long / max(ratio, 1 / ratio) / step
        for short in {int(exact) * step, int(-(-exact // 1)) * step}:
            canvas = Size(long, short) if ratio >= 1 else Size(short, long)
            if _allowed(canvas, rule, low, high, most):
                yield canvas


def _off_step(size: Size, step: int) -> bool:
    return bool(size.width % step or size.height % step)


def _allowed(canvas: Size, rule: SizeRule, low: int, high: int, most: float) -> bool:
    sides = low <= min(canvas) and max(canvas) <= high and canvas.width * canvas.height <= most
    return bool(sides and rule.min_ratio <= canvas.ratio <= rule.max_ratio)


def _shape(size: Size) -> str:
    return f"{size.ratio:.1f} to 1" if size.ratio >= 1 else f"1 to {1 / size.ratio:.1f}"
