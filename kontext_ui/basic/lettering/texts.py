"""Quoted text: replaced in place, removed, or added; what was written is read back before it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.language import colours
from kontext_ui.basic.language.grammar import Clause
from kontext_ui.basic.language.plan import Step
from kontext_ui.basic.lettering import caption, drawing, wording
from kontext_ui.basic.lettering.check import cleared, replaced
from kontext_ui.basic.lettering.faces import draw
from kontext_ui.basic.lettering.finding import Match, chosen, distance, find, folded, one_place, place, within
from kontext_ui.basic.lettering.fit import Fit, candidates
from kontext_ui.basic.lettering.layout import alignment, placed, room
from kontext_ui.basic.lettering.strip import HEIGHT_PX, Strip, flatten, split
from kontext_ui.basic.operations.family import Family, always
from kontext_ui.basic.operations.work import Made, Work, blend
from kontext_ui.basic.vision import reader
from kontext_ui.basic.vision.reader import READER, Line, Quad
from kontext_ui.edits import Mask, Pixels

OPERATIONS = frozenset(("replace_text", "remove_text", "add_text"))
INSTALL = "Reading text needs a package that is not installed. Run: pip install rapidocr onnxruntime"
LEAST_FIT = 0.55
"""Overlap of the drawn old word with what is in the photo below which its letters were not understood."""
LEAST_REMOVAL_FIT = 0.4
SMALLEST_PX = 9.0
"""Lines lower than this have no letters left to follow."""
LEAST_SURE, LEAST_SURE_ALONE = 0.75, 0.93
"""How sure the reader must be of a line that the instruction does not quote, and of a single letter."""
MOST_LISTED = 6


def available() -> bool:
    return reader.available()


def read(clause: Clause) -> Step | None:
    """A step for a clause whose quoted strings are the tokens ``q0``, ``q1`` …; ``None`` when a word is left over."""
    return wording.read(list(clause.tokens), clause.quotes, clause.text, clause.has_mask)


def apply(work: Work) -> Made:
    """Raises ``ImpossibleError``; the picture is then untouched."""
    if not available():
        raise ImpossibleError(INSTALL)
    if work.step.operation == "add_text":
        return caption.add(work)
    lines = READER.read(work.rgb)
    work.check_stop()
    return _replace(work, lines) if work.step.operation == "replace_text" else _remove(work, lines)


def _size(rgb: Pixels) -> tuple[int, int]:
    return rgb.shape[1], rgb.shape[0]


def _wanted(work: Work, lines: Sequence[Line]) -> tuple[list[Match], list[Match]]:
    """The places that the step means, and every place that it could have meant."""
    old, which = work.step.text("old"), work.step.text("which")
    seen = within(lines, work.painted)
    if old:
        matches = find(seen, old) or ([] if work.painted is None else find(lines, old))
        if not matches:
            raise _not_found(old, seen or lines)
        return chosen(matches, which, _size(work.rgb)), matches
    whole = [Match(line, 0, len(line.text), 3) for line in seen if _surely_text(line)]
    if not whole:
        raise _not_found("", lines)
    if which not in ("best", "all"):
        return chosen(whole, which, _size(work.rgb)), whole
    return whole, whole


def _surely_text(line: Line) -> bool:
    """Whether a line that the user did not name is text at all: an eye is sometimes read as "0"."""
    letters = sum(letter.isalnum() for letter in line.text)
    return line.score >= LEAST_SURE and (letters > 1 or line.score >= LEAST_SURE_ALONE)


def _not_found(old: str, lines: Sequence[Line]) -> ImpossibleError:
    words = [line.text for line in sorted(lines, key=lambda line: -line.height_px * line.score) if _surely_text(line)]
    shown = list(dict.fromkeys(words))[:MOST_LISTED]
    what = f"I do not find “{old}” in this picture." if old else "I find no text there."
    if not shown:
        return ImpossibleError(f"{what} I can read no text in it at all.", ("add the text “Hello” at the bottom",))
    listed = ", ".join(f"“{word}”" for word in shown)
    return ImpossibleError(f"{what} I can read: {listed}.", tuple(f"replace “{word}” with “…”" for word in shown[:3]))


def _replace(work: Work, lines: Sequence[Line]) -> Made:
    new = work.step.text("new")
    matches, every = _wanted(work, lines)
    if not work.step.text("old") and len(matches) > 1:
        listed = ", ".join(f"“{match.text}”" for match in matches[:MOST_LISTED])
        raise ImpossibleError(
            f"There is more than one text here: {listed}. Say which one, or paint over it.",
            tuple(f"replace “{match.text}” with “{new}”" for match in matches[:3]),
        )
    pixels, region = work.rgb, np.zeros(work.rgb.shape[:2], np.uint8)
    for match in matches:
        work.check_stop()
        written = _write(work, pixels, match, new, lines)
        pixels, region = written.pixels, np.asarray(np.maximum(region, written.region), np.uint8)
    said = f"replaced {_named(matches, every, work)} by “{new}”"
    return Made(pixels, region, said, _others(matches, every, work))


def _named(matches: list[Match], every: list[Match], work: Work) -> str:
    first = matches[0]
    if len(matches) > 1:
        return f"“{first.text}” in {len(matches)} places"
    count = f" (1 of {len(every)})" if len(every) > 1 and work.step.text("old") else ""
    return f"“{first.text}”{count}, {place(first.centre, _size(work.rgb))},"


def _others(matches: list[Match], every: list[Match], work: Work) -> tuple[str, ...]:
    if not work.step.text("old") or len(matches) == len(every):
        return ()
    rest = [one for one in every if not any(one is match for match in matches)]
    named = [f"the “{one.text}” {place(one.centre, _size(work.rgb))}" for one in rest[:3]]
    return tuple(dict.fromkeys((*named, f"all “{matches[0].text}”")))


@dataclass(frozen=True, eq=False)
class Written:
    pixels: Pixels
    region: Mask


def _write(work: Work, rgb: Pixels, match: Match, new: str, lines: Sequence[Line]) -> Written:
    """One word in another's place, read back. Raises ``ImpossibleError``."""
    if match.line.height_px < SMALLEST_PX:
        raise ImpossibleError(f"“{match.text}” is only {match.line.height_px:.0f} pixels high: too small to follow.")
    if not reader.can_read(new):
        raise ImpossibleError(
            f"I could write “{new}”, but not read it back to check it: the reader knows Latin letters only."
        )
    strip = flatten(rgb, match.line, match.start, match.end)
    texts = _spellings(match, work.step.text("old"))
    tried = 0
    for fit in candidates(split(strip), texts, new):
        work.check_stop()
        if fit.score < LEAST_FIT:
            continue
        tried += 1
        written, quad = _drawn(work, rgb, strip, fit, match, new, lines)
        if replaced(written.pixels, match, quad, new):
            return written
    if not tried:
        raise ImpossibleError(
            f"I can read “{match.text}”, but cannot tell its letters from what is behind them well enough "
            "to replace them."
        )
    raise ImpossibleError(
        f"I wrote “{new}” over “{match.text}”, but could not read it back clearly, so the picture is left as it was."
    )


def _spellings(match: Match, old: str) -> list[str]:
    """What the letters may be: as they were read, and as the user spells them."""
    if match.quality >= 2 or not old or distance(folded(match.text), folded(old)) > 1:
        return [match.text]
    return [match.text, old]


def _drawn(
    work: Work, rgb: Pixels, strip: Strip, fit: Fit, match: Match, new: str, lines: Sequence[Line]
) -> tuple[Written, Quad]:
    free = room(rgb, strip.to_photo, fit, work.painted, strip.ends)
    layout = placed(fit, new, free, alignment(match, lines))
    if layout is None:
        raise ImpossibleError(
            f"“{new}” is too long for the place of “{match.text}”.",
            (f"replace “{match.text}” with “{new.split()[0]}”",),
        )
    to_strip = fit.to_strip @ layout
    left, top, right, bottom = draw(new, fit.style).ink()
    corners = np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]], np.float32)
    inked = cv2.perspectiveTransform(corners, to_strip)[0]
    x0, y0, x1, y1 = fit.letters.box()
    low, high = np.minimum(inked.min(axis=0), (x0, y0)), np.maximum(inked.max(axis=0), (x1, y1))
    where = drawing.spot(rgb, strip.to_photo, (*low.tolist(), *high.tolist()), 0.6 * HEIGHT_PX)
    gap = drawing.hole(where, fit.letters.cover)
    stranger = drawing.stranger(where, fit.letters)
    ground = drawing.erase(where.rgb, gap, stranger)
    cover = drawing.coverage(where, new, fit.style, to_strip, drawing.edge_blur(where, fit))
    colour = str(work.step.arguments.get("colour", ""))
    ink = np.array(colours.srgb(colour), np.float32) if colour else drawing.ink_colour(where, fit.letters)
    painted = drawing.paint(ground, cover, ink, drawing.beside(gap, stranger))
    changed = np.where((gap > 0) | (cover > 0.004), 255, 0).astype(np.uint8)
    quad = cv2.perspectiveTransform(inked[None].astype(np.float32), strip.to_photo)[0]
    return put(work, rgb, where, painted, changed), np.asarray(quad, np.float32)


def put(work: Work, rgb: Pixels, where: drawing.Spot, painted: Pixels, changed: Mask) -> Written:
    """A changed part put back; where the user painted a mask, only inside of it."""
    rows = slice(where.area.y, where.area.y + where.area.height)
    columns = slice(where.area.x, where.area.x + where.area.width)
    if work.painted is not None:
        changed = np.asarray(np.minimum(changed, work.painted[rows, columns]), np.uint8)
    result, region = rgb.copy(), np.zeros(rgb.shape[:2], np.uint8)
    result[rows, columns] = blend(where.rgb, painted, changed)
    region[rows, columns] = changed
    return Written(result, region)


def _remove(work: Work, lines: Sequence[Line]) -> Made:
    matches, every = _wanted(work, lines)
    surface = str(work.step.arguments.get("surface", ""))
    if surface and work.painted is None and not one_place([match.line for match in matches]):
        listed = ", ".join(f"“{match.text}”" for match in matches[:MOST_LISTED])
        raise ImpossibleError(
            f"There is text in several places: {listed}. Paint over what stands on the {surface}, or name the words.",
            ("remove all text",),
        )
    pixels, region = work.rgb, np.zeros(work.rgb.shape[:2], np.uint8)
    for match in matches:
        work.check_stop()
        taken = _taken_out(work, pixels, match)
        pixels, region = taken.pixels, np.asarray(np.maximum(region, taken.region), np.uint8)
    if work.step.text("old"):
        said = f"removed {_named(matches, every, work).rstrip(',')}"
    else:
        listed = ", ".join(f"“{match.text}”" for match in matches[:MOST_LISTED])
        said = f"removed all text that I can read: {listed}{' …' if len(matches) > MOST_LISTED else ''}"
    return Made(pixels, region, said, _others(matches, every, work))


def _taken_out(work: Work, rgb: Pixels, match: Match) -> Written:
    """Only the letters, when they differ from the ground; otherwise, or if they stay legible, their whole place."""
    strip = flatten(rgb, match.line, match.start, match.end)
    letters = next(candidates(split(strip), [match.text], ""), None)
    margin = 0.6 * HEIGHT_PX
    where = drawing.spot(rgb, strip.to_photo, strip.box, margin)
    gaps: list[Mask] = []
    stranger = None
    if letters is not None and letters.score >= LEAST_REMOVAL_FIT:
        gaps.append(drawing.hole(where, letters.letters.cover))
        stranger = drawing.stranger(where, letters.letters)
    block = np.zeros(strip.rgb.shape[:2], np.float32)
    left, top, right, bottom = (round(v) for v in strip.box)
    block[top:bottom, left:right] = 1
    gaps.append(drawing.hole(where, block))
    for gap in gaps:
        clear = drawing.patch(where.rgb, gap) if gap is gaps[-1] else drawing.erase(where.rgb, gap, stranger)
        taken = put(work, rgb, where, clear, gap)
        if cleared(taken.pixels, match):
            return taken
    raise ImpossibleError(
        f"I tried to take out “{match.text}”, but it could still be read, so the picture is left as it was."
    )


FAMILY = Family(OPERATIONS, read, apply, always("reading and lettering"), finds_region=True)
