"""Turning, flipping, straightening, cropping, resizing. Works on RGB and RGBA alike."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.language import colours
from kontext_ui.basic.language.grammar import everywhere
from kontext_ui.basic.language.plan import Step, Value
from kontext_ui.basic.operations.family import Family, whole
from kontext_ui.edits import Pixels

MAX_SIDE_PX = 12_000
MAX_PIXELS = 100_000_000
"""An enlargement beyond this is refused: it would not fit in memory twice."""
MIN_SIDE_PX = 16
DROPPED = frozenset(
    """please can could you would i'd i want like the a an it this that picture photo image whole by to of make about
    around my so is be its sides side edge edges pieces""".split()
)
RESIZE = r"(?:resize|scale|enlarge|shrink|downscale|upscale)(?: down| up)?"
NUMBER = r"([+-]?\d+(?:\.\d+)?)"
BORDER = r"thin|thick|wide|narrow|small|big|\d{1,4} ?px"
QUARTERS = {"left": -90.0, "right": 90.0, "clockwise": 90.0, "counterclockwise": -90.0}

Maker = Callable[[Sequence[str]], dict[str, Value]]


def _turn(found: Sequence[str]) -> dict[str, Value]:
    degrees, way = float(found[1]), found[2] or ""
    return {"degrees": -degrees if way in ("left", "counterclockwise") else degrees}


def _straighten(found: Sequence[str]) -> dict[str, Value]:
    return _turn(found)


def _crop_edge(found: Sequence[str]) -> dict[str, Value]:
    amount, unit, edge = float(found[1]), found[2], found[3] or "all"
    return {"edge": edge, "px" if unit == "px" else "share": amount if unit == "px" else amount / 100}


def _resize_side(found: Sequence[str]) -> dict[str, Value]:
    return {"height" if found[2] in ("high", "tall", "height") else "width": float(found[1])}


def _resize_by(found: Sequence[str]) -> dict[str, Value]:
    by = abs(float(found[1])) / 100
    return {"share": max(0.0, 1 - by) if found[2] == "smaller" else 1 + by}


def _ratio(found: Sequence[str]) -> dict[str, Value]:
    width, height = re.split(r"[:x×/]", found[1])
    return {"width": float(width), "height": float(height)}


def _border(found: Sequence[str]) -> dict[str, Value]:
    width = found[1] or ""
    share = {"thin": 0.01, "narrow": 0.01, "small": 0.015, "thick": 0.07, "wide": 0.07, "big": 0.07}.get(width, 0.035)
    pixels = re.match(r"\d+", width)
    size: dict[str, Value] = {"px": float(pixels[0])} if pixels else {"share": share}
    return {"colour": found[2] or "white", **size}


PATTERNS: tuple[tuple[str, str, Maker], ...] = (
    (rf"(?:rotate|turn|spin) {NUMBER} ?(?:degrees|°)?(?: (clockwise|counterclockwise|left|right))?", "rotate", _turn),
    (rf"(?:rotate|turn|spin) (?P<w>clockwise|counterclockwise|left|right) {NUMBER}(?: ?degrees| ?°)?", "rotate",
     lambda found: {"degrees": math.copysign(float(found[2]), QUARTERS[found[1]])}),
    (r"(?:rotate|turn|spin) (left|right|clockwise|counterclockwise)", "rotate",
     lambda found: {"degrees": QUARTERS[found[1]]}),
    (r"(?:rotate|turn|spin|flip)? ?upside-down", "rotate", lambda found: {"degrees": 180.0}),
    (rf"(?:straighten|level|tilt) {NUMBER} ?(?:degrees|°)?(?: (clockwise|counterclockwise|left|right))?", "straighten",
     _straighten),
    (r"(?:flip|mirror|reverse)(?: horizontally| horizontal| left right)?", "flip",
     lambda found: {"axis": "horizontal"}),
    (r"(?:flip|mirror|reverse) (?:vertically|vertical)", "flip", lambda found: {"axis": "vertical"}),
    (r"(?:crop|cut|trim)?(?: into| down)? ?(\d+(?:\.\d+)?[:x×/]\d+(?:\.\d+)?)(?: ratio| aspect| format| aspect ratio)?",
     "crop_ratio", _ratio),
    (r"(?:crop|cut|trim)?(?: into| down)? ?square(?: format| crop)?", "crop_ratio",
     lambda found: {"width": 1.0, "height": 1.0}),
    (rf"(?:crop|cut|trim|remove) {NUMBER} ?(%|px)(?: (?:off|from|on|at))*(?: (left|right|top|bottom|all|every|each))?",
     "crop_edge", _crop_edge),
    (rf"(?:add|put|give)(?: ({BORDER}))? ?({'|'.join(sorted(colours.WORDS))})? ?(?:border|frame)", "border", _border),
    (rf"(?:crop|cut|trim)(?: off)?(?: from)? (?P<e>left|right|top|bottom) {NUMBER} ?(%|px)", "crop_edge",
     lambda found: _crop_edge(("", found[2], found[3], found[1]))),
    (rf"{RESIZE} {NUMBER} ?(?:px)? ?(wide|high|tall|width|height)",
     "resize", _resize_side),
    (rf"{RESIZE} (\d+)[x×](\d+)(?: ?px)?", "resize",
     lambda found: {"width": float(found[1]), "height": float(found[2])}),
    (rf"{RESIZE} {NUMBER} ?%", "resize",
     lambda found: {"share": abs(float(found[1])) / 100}),
    (rf"(?:{RESIZE} )?{NUMBER} ?% (smaller|larger|bigger)", "resize", _resize_by),
    (r"(?:(?:resize|scale|shrink|downscale)(?: down)? )?(?:half|half size)", "resize", lambda found: {"share": 0.5}),
    (r"(?:resize|scale|enlarge|upscale)(?: up)? (?:twice|double)(?: size)?", "resize", lambda found: {"share": 2.0}),
)  # fmt: skip
COMPILED = tuple((re.compile(pattern), operation, make) for pattern, operation, make in PATTERNS)


OPERATIONS = frozenset("rotate straighten flip crop_ratio crop_edge resize border".split())


def read(tokens: list[str], clause: str) -> Step | None:
    text = " ".join(token for token in tokens if token not in DROPPED)
    for pattern, operation, make in COMPILED:
        match = pattern.fullmatch(text)
        if match:
            return Step(operation, make((match[0], *match.groups())), clause)
    return None


def describe(step: Step) -> str:
    match step.operation:
        case "rotate":
            degrees = step.number("degrees")
            return f"rotated by {abs(degrees):g}° {'clockwise' if degrees >= 0 else 'counterclockwise'}"
        case "straighten":
            return f"straightened by {step.number('degrees'):g}°"
        case "flip":
            return "flipped left to right" if step.text("axis") == "horizontal" else "flipped top to bottom"
        case "border":
            return f"{step.text('colour')} border added"
        case "crop_ratio":
            return f"cropped to {step.number('width'):g}:{step.number('height'):g}"
        case "crop_edge":
            by = f"{step.number('px'):g} px" if "px" in step.arguments else f"{step.number('share'):.0%}"
            edge = step.text("edge")
            return f"cropped by {by} {'at the ' + edge if edge in ('left', 'right', 'top', 'bottom') else 'all round'}"
        case _:
            return "resized"


def apply(pixels: Pixels, step: Step) -> Pixels:
    """Raises ``ImpossibleError`` for a result that would be empty or too large."""
    match step.operation:
        case "rotate":
            return _rotate(pixels, step.number("degrees"))
        case "straighten":
            return _straightened(pixels, step.number("degrees"))
        case "flip":
            return np.ascontiguousarray(pixels[:, ::-1] if step.text("axis") == "horizontal" else pixels[::-1])
        case "border":
            return _bordered(pixels, step)
        case "crop_ratio":
            return _crop_ratio(pixels, step.number("width") / max(step.number("height"), 1e-6))
        case "crop_edge":
            return _crop_edge_of(pixels, step)
        case _:
            return _resize(pixels, step)


def _rotate(pixels: Pixels, degrees: float) -> Pixels:
    quarters = degrees / 90
    if quarters == int(quarters):
        return np.ascontiguousarray(np.rot90(pixels, -int(quarters) % 4))
    height, width = pixels.shape[:2]
    angle = math.radians(degrees)
    out_width = round(abs(width * math.cos(angle)) + abs(height * math.sin(angle)))
    out_height = round(abs(width * math.sin(angle)) + abs(height * math.cos(angle)))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    matrix[:, 2] += (out_width - width) / 2, (out_height - height) / 2
    with_alpha = pixels if pixels.shape[2] == 4 else np.dstack((pixels, np.full((height, width), 255, np.uint8)))
    turned = cv2.warpAffine(with_alpha, matrix, (out_width, out_height), flags=cv2.INTER_CUBIC)
    return np.asarray(turned, np.uint8)


def _straightened(pixels: Pixels, degrees: float) -> Pixels:
    """Turned, and cropped to the largest upright rectangle of the same shape without empty corners."""
    if abs(degrees) > 45:
        raise ImpossibleError("Straightening goes up to 45 degrees; rotate the picture for more.")
    height, width = pixels.shape[:2]
    angle = abs(math.radians(degrees))
    cos, sin = math.cos(angle), math.sin(angle)
    scale = 1 / max(cos + sin * height / width, cos + sin * width / height)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    turned = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return _centre(np.asarray(turned, np.uint8), int(width * scale), int(height * scale))


def _crop_ratio(pixels: Pixels, ratio: float) -> Pixels:
    height, width = pixels.shape[:2]
    if width / height > ratio:
        return _centre(pixels, round(height * ratio), height)
    return _centre(pixels, width, round(width / max(ratio, 1e-6)))


def _crop_edge_of(pixels: Pixels, step: Step) -> Pixels:
    height, width = pixels.shape[:2]
    edge = step.text("edge")

    def amount(side: int) -> int:
        return round(abs(step.number("px")) if "px" in step.arguments else abs(step.number("share")) * side)

    everywhere = edge not in ("left", "right", "top", "bottom")
    left = amount(width) if everywhere or edge == "left" else 0
    right = amount(width) if everywhere or edge == "right" else 0
    top = amount(height) if everywhere or edge == "top" else 0
    bottom = amount(height) if everywhere or edge == "bottom" else 0
    if width - left - right < MIN_SIDE_PX or height - top - bottom < MIN_SIDE_PX:
        raise ImpossibleError("Nothing would be left of the picture after this crop.")
    return np.ascontiguousarray(pixels[top : height - bottom, left : width - right])


def _bordered(pixels: Pixels, step: Step) -> Pixels:
    share = step.number("share") if "share" in step.arguments else 0.0
    width = round(step.number("px")) if "px" in step.arguments else round(share * max(pixels.shape[:2]))
    if not 0 < width <= max(pixels.shape[:2]):
        raise ImpossibleError("A border is at least one pixel wide and at most as wide as the picture.")
    colour = [*colours.flat(step.text("colour")), 255][: pixels.shape[2]]
    return np.asarray(cv2.copyMakeBorder(pixels, *(width,) * 4, cv2.BORDER_CONSTANT, value=colour), np.uint8)


def _centre(pixels: Pixels, width: int, height: int) -> Pixels:
    if width < MIN_SIDE_PX or height < MIN_SIDE_PX:
        raise ImpossibleError("Hardly anything would be left of the picture after this crop.")
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _resize(pixels: Pixels, step: Step) -> Pixels:
    height, width = pixels.shape[:2]
    share = step.number("share") if "share" in step.arguments else None
    if share is not None:
        new_width, new_height = width * share, height * share
    else:
        new_width = step.number("width") if "width" in step.arguments else 0
        new_height = step.number("height") if "height" in step.arguments else new_width * height / width
        new_width = new_width or new_height * width / height
    target = (round(new_width), round(new_height))
    if min(target) < MIN_SIDE_PX or max(target) > MAX_SIDE_PX or target[0] * target[1] > MAX_PIXELS:
        raise ImpossibleError(f"A picture of {target[0]}×{target[1]} pixels cannot be made here.")
    method = cv2.INTER_AREA if target[0] < width else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(pixels, target, interpolation=method), np.uint8)


FAMILY = Family(OPERATIONS, everywhere(read), whole(apply, describe), describe, keeps_size=False)
