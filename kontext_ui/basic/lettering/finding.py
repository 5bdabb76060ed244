"""Quoted words among those that were read in a picture."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kontext_ui.basic.vision.reader import Line, Quad
from kontext_ui.edits import Mask

ALIKE = str.maketrans("01i|!ı’‘´`“”„–—−", "olllll''''\"\"\"---")
"""Characters that readers, and people, confuse."""
FUZZY_FROM = 4
"""Words of this many characters may differ in one from what was read."""
SHORTEST_PART = 3
"""Shorter strings must be whole words: "at" is not looked for inside "what"."""
SAME_ROW = 0.5
"""Two boxes are on one row when their middles are less than this apart, in heights of them."""
WIDEST_GAP = 2.2
MOST_JOINED = 5


@dataclass(frozen=True, eq=False)
class Match:
    """The characters from ``start`` to before ``end`` of a line. ``quality``: 3 as written, 2 in other case or
    look-alikes, 1 with one character read differently, 0 inside a longer word."""

    line: Line
    start: int
    end: int
    quality: int

    @property
    def text(self) -> str:
        return self.line.text[self.start : self.end]

    @property
    def quad(self) -> Quad:
        return self.line.part(self.start, self.end)

    @property
    def centre(self) -> tuple[float, float]:
        x, y = self.quad.mean(axis=0).tolist()
        return x, y


def folded(text: str) -> str:
    """Without case, accents, spaces and what readers confuse; one character stays one character."""
    plain = (unicodedata.normalize("NFKD", letter)[:1] for letter in text if not letter.isspace())
    return "".join(letter.lower()[:1] for letter in plain).translate(ALIKE)


def find(lines: Sequence[Line], wanted: str) -> list[Match]:
    """Where a string stands, the surest first; boxes on one row count as one line."""
    found: list[Match] = []
    for line in (*lines, *joined(lines)):
        found.extend(match for match in _in_line(line, wanted) if not any(_same_place(match, one) for one in found))
    if not found:
        return []
    best = max(match.quality for match in found)
    # A misread match does not count as a second place when another was read as written.
    kept = [match for match in found if match.quality >= min(best, 2)]
    return sorted(kept, key=lambda match: (-match.quality, -round(match.line.score, 1), -match.line.height_px))


def _in_line(line: Line, wanted: str) -> list[Match]:
    places = [index for index, letter in enumerate(line.text) if not letter.isspace()]
    have, want = folded(line.text), folded(wanted)
    if not want or len(have) != len(places):
        return []
    found: list[Match] = []
    for first in range(len(have)):
        lengths = (len(want),) if len(want) < FUZZY_FROM else (len(want), len(want) - 1, len(want) + 1)
        for length in lengths:
            if first + length > len(have) or any(match.start <= places[first] < match.end for match in found):
                continue
            errors = 0 if have[first : first + length] == want else 2
            if errors and len(want) >= FUZZY_FROM:
                errors = distance(have[first : first + length], want)
            if errors > 1:
                continue
            start, end = places[first], places[first + length - 1] + 1
            whole = _bounded(line.text, start, end)
            if not whole and (errors or len(want) < SHORTEST_PART):
                continue
            as_written = "".join(line.text[start:end].split()) == "".join(wanted.split())
            found.append(Match(line, start, end, 0 if not whole else 1 if errors else 3 if as_written else 2))
    return found


def _bounded(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    return not before.isalnum() and not after.isalnum()


def distance(one: str, other: str) -> int:
    """Edits between two strings; capped at 2, which is all that is needed here."""
    if abs(len(one) - len(other)) > 1:
        return 2
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        previous, row[0] = row[0], index
        for column, against in enumerate(other, 1):
            previous, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, previous + (letter != against)),
            )
    return min(2, row[-1])


def _same_place(one: Match, other: Match) -> bool:
    apart = np.abs(np.subtract(one.centre, other.centre))
    return bool((apart < 0.6 * other.line.height_px).all())


def joined(lines: Sequence[Line]) -> list[Line]:
    """Neighbouring boxes on one row as one line, in every run of two to five of them."""
    runs: list[Line] = []
    for line in lines:
        run = line
        for _ in range(MOST_JOINED - 1):
            following = _next(run, lines)
            if following is None:
                break
            run = _join(run, following)
            runs.append(run)
    return runs


def _next(line: Line, lines: Sequence[Line]) -> Line | None:
    axis = line.quad[1] - line.quad[0]
    axis = axis / max(float(np.linalg.norm(axis)), 1e-6)
    across = np.array([-axis[1], axis[0]], np.float32)
    end = (line.quad[1] + line.quad[2]) / 2
    best, nearest = None, WIDEST_GAP * line.height_px
    for other in lines:
        begin = (other.quad[0] + other.quad[3]) / 2
        gap, off = float((begin - end) @ axis), float((begin - end) @ across)
        alike = 0.6 < other.height_px / max(line.height_px, 1e-6) < 1.6
        if alike and -0.3 * line.height_px < gap < nearest and abs(off) < SAME_ROW * line.height_px:
            best, nearest = other, gap
    return best


def _join(one: Line, other: Line) -> Line:
    quad = np.stack((one.quad[0], other.quad[1], other.quad[2], one.quad[3])).astype(np.float32)
    whole = max(float(np.linalg.norm(quad[1] + quad[2] - quad[0] - quad[3])) / 2, 1e-6)
    first, second = one.width_px / whole, other.width_px / whole
    middles = [middle * first for middle in one.middles]
    after = [1 - second + middle * second for middle in other.middles]
    space = (middles[-1] + after[0]) / 2 if middles and after else first
    return Line(f"{one.text} {other.text}", min(one.score, other.score), quad, (*middles, space, *after))


def chosen(matches: Sequence[Match], which: str, size: tuple[int, int]) -> list[Match]:
    """Those that an instruction speaks of; ``size`` = width and height of the picture. ``which`` is ``best``, ``all``
    or a place such as ``top left``."""
    if which in ("best", "all") or not matches:
        return list(matches[:1] if which == "best" else matches)

    def fits(match: Match) -> float:
        x, y = match.centre[0] / size[0], match.centre[1] / size[1]
        wanted = {"left": 1 - x, "right": x, "top": 1 - y, "bottom": y, "centre": 1 - abs(x - 0.5) - abs(y - 0.5)}
        return sum(wanted[word] for word in which.split())

    return [max(matches, key=fits)]


def within(lines: Sequence[Line], mask: Mask | None) -> list[Line]:
    """Lines whose middle the user painted over; all without a mask."""
    if mask is None:
        return list(lines)
    height, width = mask.shape
    inside = []
    for line in lines:
        x, y = line.centre
        if mask[min(max(0, int(y)), height - 1), min(max(0, int(x)), width - 1)] > 127:
            inside.append(line)
    return inside


def place(centre: tuple[float, float], size: tuple[int, int]) -> str:
    """ "at the top left", "in the middle"."""
    column = ("left", "", "right")[min(2, int(3 * max(0.0, centre[0]) / size[0]))]
    row = ("top", "", "bottom")[min(2, int(3 * max(0.0, centre[1]) / size[1]))]
    if not row and not column:
        return "in the middle"
    return f"at the {row} {column}".replace("  ", " ").strip() if row else f"on the {column}"


def one_place(lines: Sequence[Line]) -> bool:
    """Whether all lines stand together, as on one sign."""
    if not lines:
        return False
    together, rest = [lines[0]], list(lines[1:])
    while True:
        near = [line for line in rest if any(_near(line, one) for one in together)]
        if not near:
            return not rest
        together += near
        rest = [line for line in rest if not any(line is one for one in near)]


def _near(one: Line, other: Line) -> bool:
    reach = 1.5 * max(one.height_px, other.height_px)
    low, high = one.quad.min(axis=0) - reach, one.quad.max(axis=0) + reach
    return bool((other.quad.max(axis=0) > low).all() and (other.quad.min(axis=0) < high).all())
