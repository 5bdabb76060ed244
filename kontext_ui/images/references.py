"""References for backends that take a single picture: everything side by side on one canvas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kontext_ui.edits import Pixels, Rectangle, Size, SizeRule
from kontext_ui.errors import InvalidRequest
from kontext_ui.images.geometry import Fit, content_of, cut, flattened, nearest_size, resized, size_of, whole

_GAP = 0.015
"""Share of the canvas's width: white space that keeps the pictures apart."""


def side_by_side(picture: Pixels, references: Sequence[Pixels], rule: SizeRule) -> tuple[Pixels, Fit]:
    """One canvas with the picture on the left and its references next to it, and where the picture lies.

    The answer is read with the returned fit: by :func:`crop_answer`, or by the pixel lock. The
    picture gets half of the width, the references share the rest.
    """
    if not references:
        raise InvalidRequest("There are no reference pictures to put next to the picture.")
    source = size_of(picture)
    column = Size(source.width, source.height)
    rows = _rows(len(references))
    columns = -(-len(references) // rows)
    gap = max(2, round(_GAP * 2 * source.width))
    beside = round(columns * source.height / rows * 0.9)
    wanted = Size(column.width + gap + beside, source.height)
    canvas = nearest_size(wanted, rule) if rule.kind != "any" else wanted
    box = _left_box(source, canvas, gap, beside)
    out = np.full((canvas.height, canvas.width, 3), 255, np.uint8)
    cut(out, box)[:] = resized(flattened(picture), Size(box.width, box.height))
    left = box.x + box.width + max(2, round(gap * box.width / source.width))
    _put_references(out, references, Rectangle(left, box.y, canvas.width - left - box.x, box.height), rows, columns)
    return out, Fit(source, canvas, whole(source), box, shared=True)


def crop_answer(answer: Pixels, fit: Fit) -> Pixels:
    """The picture's part of the answer, at the canvas's resolution."""
    return content_of(answer, fit)


def _rows(count: int) -> int:
    return 1 if count == 1 else 2 if count <= 4 else 3


def _left_box(source: Size, canvas: Size, gap: int, beside: int) -> Rectangle:
    total = source.width + gap + beside
    factor = min(canvas.width / total, canvas.height / source.height)
    width, height = max(1, round(source.width * factor)), max(1, round(source.height * factor))
    left = max(0, (canvas.width - round(total * factor)) // 2)
    return Rectangle(left, max(0, (canvas.height - height) // 2), width, min(height, canvas.height))


def _put_references(out: Pixels, references: Sequence[Pixels], area: Rectangle, rows: int, columns: int) -> None:
    pad = max(2, area.width // 60)
    for index, reference in enumerate(references):
        row, column = index % rows, index // rows
        cell = Size(max(1, area.width // columns - pad), max(1, area.height // rows - pad))
        factor = min(cell.width / reference.shape[1], cell.height / reference.shape[0])
        size = Size(max(1, round(reference.shape[1] * factor)), max(1, round(reference.shape[0] * factor)))
        x = area.x + column * (area.width // columns) + (cell.width - size.width) // 2
        y = area.y + row * (area.height // rows) + (cell.height - size.height) // 2
        cut(out, Rectangle(x, y, size.width, size.height))[:] = resized(flattened(reference), size)
