"""Words added to a picture: a caption, a title, or a word in the painted place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.language import colours
from kontext_ui.basic.lettering.check import captioned
from kontext_ui.basic.lettering.faces import EM_PX, NAMES, Drawn, Plane, Style, can_draw, draw
from kontext_ui.basic.operations.work import Made, Work, blend
from kontext_ui.edits import Mask, Pixels, Rectangle

EM_SHARE = 0.075
"""Size of the letters' em, of the geometric mean of the picture's sides."""
WIDEST = 0.9
"""Share of the picture's width that a line may fill."""
MARGIN = 0.05
LEADING = 1.16
MOST_LINES = 4
SMALLEST_EM_PX = 11
SHADOW = 0.55
LIGHT, DARK = "white", "black"


@dataclass(frozen=True, eq=False)
class Block:
    """Lines of text as coverage 0..1, tightly around the ink."""

    plane: Plane
    lines: int


def add(work: Work) -> Made:
    step = work.step
    text, where = step.text("new"), str(step.arguments.get("where", ""))
    if step.arguments.get("needs_mask") and work.painted is None:
        raise ImpossibleError(
            f"Paint over the place on the {step.text('surface')} where “{text}” should stand, "
            "and send the same words again.",
            (f"add the text “{text}” at the bottom",),
        )
    face = _face(str(step.arguments.get("face", "sans-bold")), text)
    height, width = work.rgb.shape[:2]
    frame = _frame(work.painted, width, height)
    size = float(step.arguments.get("size", 1.0))
    block = _fitted(text, face, frame, size, fill=work.painted is not None)
    spot = _spot(block, frame, where, centred=work.painted is not None)
    rows, columns = slice(spot.y, spot.y + spot.height), slice(spot.x, spot.x + spot.width)
    colour = str(step.arguments.get("colour", "")) or _readable(work.rgb[rows, columns])
    pixels, region = _painted(work, block, spot, colour)
    work.check_stop()
    if not captioned(pixels, spot, text):
        raise ImpossibleError(
            f"“{text}” could not be read back from where it was set, so the picture is left as it was. "
            "Say another place or colour.",
            (f"add the text “{text}” at the bottom in white", f"add the text “{text}” at the top in black"),
        )
    said = f"added “{text}” {_at(where, work.painted)}, in {colour}"
    return Made(pixels, region, said)


def _at(where: str, painted: Mask | None) -> str:
    if painted is not None:
        return "in the painted area"
    names = {"": "at the bottom", "centre": "in the middle", "left": "on the left", "right": "on the right"}
    return names.get(where, f"at the {where}")


def _face(wanted: str, text: str) -> str:
    for face in (wanted, "sans-bold", *NAMES):
        if can_draw(face, text):
            return face
    strange = next(letter for letter in text if not any(can_draw(face, letter) for face in NAMES))
    raise ImpossibleError(
        f"None of the typefaces here has the character “{strange}”; they know Latin, Cyrillic and Greek."
    )


def _frame(painted: Mask | None, width: int, height: int) -> Rectangle:
    if painted is not None:
        return Rectangle(*cv2.boundingRect((painted > 127).astype(np.uint8)))
    dx, dy = round(MARGIN * width), round(MARGIN * height)
    return Rectangle(dx, dy, width - 2 * dx, height - 2 * dy)


def _fitted(text: str, face: str, frame: Rectangle, size: float, fill: bool) -> Block:
    """The largest size, up to the usual one, at which the text fits the frame in at most ``MOST_LINES`` lines."""
    usual = EM_SHARE * math.sqrt(frame.width * frame.height) * size
    if fill:
        usual = 0.9 * frame.height * size
    style = Style(face)
    for count in range(1, MOST_LINES + 1):
        lines = _broken(text, style, count)
        planes = [draw(line, style) for line in lines]
        widest = max(_width(plane) for plane in planes) / EM_PX
        em_px = min(usual, WIDEST * frame.width / max(widest, 0.1), 0.92 * frame.height / (LEADING * len(lines)))
        if em_px >= 0.8 * usual or count == MOST_LINES or len(lines) < count or len(text.split()) <= count:
            if em_px < SMALLEST_EM_PX:
                raise ImpossibleError(f"“{text}” is too long for this place.")
            return _stacked(lines, style, max(SMALLEST_EM_PX, round(em_px)))
    raise AssertionError("the last count returns")


def _width(drawn: Drawn) -> int:
    left, _, right, _ = drawn.ink()
    return right - left


def _broken(text: str, style: Style, count: int) -> list[str]:
    """Lines of nearly equal width."""
    words = text.split()
    target = len(text) / count
    lines, line = list[str](), ""
    for word in words:
        longer = f"{line} {word}".strip()
        if line and len(lines) < count - 1 and len(longer) > target + len(word) / 2:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def _stacked(lines: list[str], style: Style, em_px: int) -> Block:
    drawn = [draw(line, style, em_px) for line in lines]
    pad = em_px // 2
    width = max(one.plane.shape[1] for one in drawn)
    step = round(LEADING * em_px)
    plane = np.zeros((drawn[0].plane.shape[0] + step * (len(lines) - 1), width), np.float32)
    for index, one in enumerate(drawn):
        x, y = (width - one.plane.shape[1]) // 2, index * step
        part = plane[y : y + one.plane.shape[0], x : x + one.plane.shape[1]]
        np.maximum(part, one.plane, out=part)
    x, y, w, h = cv2.boundingRect((plane > 0.02).astype(np.uint8))
    soft = max(2, pad // 2)
    framed = cv2.copyMakeBorder(plane[y : y + h, x : x + w], soft, soft, soft, soft, cv2.BORDER_CONSTANT, value=0)
    return Block(np.asarray(framed, np.float32), len(lines))


def _spot(block: Block, frame: Rectangle, where: str, centred: bool) -> Rectangle:
    height, width = block.plane.shape
    words = where.split()
    x = frame.x + (frame.width - width) // 2
    x = frame.x if "left" in words else frame.x + frame.width - width if "right" in words else x
    middle = centred or where in ("centre", "left", "right")
    y = frame.y + (frame.height - height) // 2 if middle else frame.y + frame.height - height
    y = frame.y if "top" in words else frame.y + frame.height - height if "bottom" in words else y
    return Rectangle(max(0, x), max(0, y), width, height)


def _readable(part: Pixels) -> str:
    luma = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY)
    return DARK if float(np.mean(luma)) > 165 else LIGHT


def _painted(work: Work, block: Block, spot: Rectangle, colour: str) -> tuple[Pixels, Mask]:
    """The text over a soft shadow of the opposite lightness, which keeps it legible on any ground."""
    height, width = work.rgb.shape[:2]
    x1, y1 = min(width, spot.x + spot.width), min(height, spot.y + spot.height)
    rows, columns = slice(spot.y, y1), slice(spot.x, x1)
    part = np.ascontiguousarray(work.rgb[rows, columns])
    cover = block.plane[: y1 - spot.y, : x1 - spot.x]
    ink = np.array(colours.srgb(colour), np.float32)
    light = float(ink @ np.array([0.299, 0.587, 0.114], np.float32)) > 120
    sigma = max(1.0, 0.02 * math.sqrt(block.plane.size / block.lines))
    halo = np.clip(1.7 * cv2.GaussianBlur(cover, (0, 0), sigma / 2), 0, 1) * SHADOW
    edge = np.full(part.shape, 12.0 if light else 245.0, np.float32)
    after = part + (edge - part) * halo[..., None]
    after = after + (ink - after) * cover[..., None]
    changed = np.where((cover > 0.004) | (halo > 0.01), 255, 0).astype(np.uint8)
    if work.painted is not None:
        changed = np.asarray(np.minimum(changed, work.painted[rows, columns]), np.uint8)
    result, region = work.rgb.copy(), np.zeros((height, width), np.uint8)
    result[rows, columns] = blend(part, np.rint(np.clip(after, 0, 255)).astype(np.uint8), changed)
    region[rows, columns] = changed
    return result, region
