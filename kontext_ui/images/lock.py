"""The pixel lock: only what the edit changed in a model's answer reaches the photo.

The answer is registered to what was sent, its colour drift is undone, the change is found and
only that is blended into the parent at the parent's own resolution. Everything beyond the soft
edge stays the parent's, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.edits import LockMode, Mask, Pixels, Rectangle, Size
from kontext_ui.errors import InvalidRequest
from kontext_ui.images import masks
from kontext_ui.images.bend import Field, unbent
from kontext_ui.images.blend import Candidate, reblend, with_channels
from kontext_ui.images.change import Change, find_change, joined
from kontext_ui.images.colour import ColourFit, fit_colour
from kontext_ui.images.edges import Lines, lines_in
from kontext_ui.images.extent import Extent, find_extent, find_rest
from kontext_ui.images.geometry import Fit, covered, cut, flattened, on_canvas, resized, size_of, whole
from kontext_ui.images.register import Matrix, Registration, identity, inside, register, warp

__all__ = ["Candidate", "Locked", "bring_back", "reblend"]

_WORK_PIXELS = 1_200_000
_GLOBAL_FRACTION = 0.6
_GLOBAL_SPREAD = 0.8
_SCATTERED_SPREAD = 0.55
"""Shares of the frame (pixels, blocks with a change in them) beyond which an edit counts as one of the whole frame.
For scattered changes fewer blocks are enough: an object fills most of the blocks that it touches, a style does not."""
_PART = (0.02, 0.9)
"""Changed shares of the frame between which colours are fitted once more, on what did not change."""
_REFIT_STEPS = 1.0
"""Mean difference of the two fits, in 8-bit steps, from which the change is looked for once more."""
_REFIT_REACH = 0.01
"""Share of the short side around a found change that may belong to it."""
_BESIDE = 4
"""Rows beside a made-up line in which smoothing hides a change."""
_CLIPPED = (5, 246)
"""Values of an answer that may have been cut off at black or white, so that what they were is unknown."""
_LOW_IN_MASK = 0.5
_MOST_OF_MASK = 0.6
_TONE_DRIFT = 6.0
"""Mean change of colour in 8-bit steps that is treated as the edit when nothing else changed."""
_NOTHING = 0.0002
"""Changed share of the frame below which the model visibly did nothing."""


@dataclass(frozen=True, eq=False)
class Locked:
    """What becomes a version, and what was measured on the way."""

    pixels: Pixels
    """The parent's size, and its alpha channel if it has one."""
    change_mask: Mask
    """The weight of the answer in ``pixels``, of the same size: 0 means the parent's own bytes."""
    changed_fraction: float
    """Share of the frame that the edit changed, 0..1, before the soft edge."""
    kept_whole: bool
    """The whole answer was kept: most of the frame changed, or the lock was off."""
    candidate: Candidate
    meters: Mapping[str, float] = field(default_factory=dict)
    """``shift_px`` (of the parent, at the picture's centre), ``zoom_percent``, ``rotation_deg``,
    ``colour_drift`` (mean correction in 8-bit steps), ``changed`` (0..1), ``matched`` (1 when the answer
    could be registered)."""
    warnings: tuple[str, ...] = ()


def bring_back(
    parent: Pixels,
    answer: Pixels,
    fit: Fit,
    *,
    mask: Mask | None = None,
    mode: LockMode = LockMode.AUTO,
    feather_px: int | None = None,
    exact: bool | None = None,
) -> Locked:
    """Bring a model's answer back onto the photo it was made from.

    ``mask`` (of the photo's size) bounds the edit in every mode: nothing changes further than
    ``feather_px`` outside it. ``exact`` says that the engine leaves untouched pixels as they are, so that
    nothing needs registering; ``None`` detects it. Takes about 0.3 s; call it on a worker thread.
    """
    _check(parent, fit, mask)
    feather = masks.default_feather_px(fit.source) if feather_px is None else max(0, feather_px)
    if fit.reframed:
        return _reframed(answer)
    if fit.untouched and _is_exact(parent, answer, fit, exact):
        return _exactly(parent, answer, fit, mask, feather)
    if mode is LockMode.OFF and mask is None:
        return _whole(parent, _place(answer, fit, identity(), None, None), {}, ())
    return _drifted(parent, answer, fit, mask, mode, feather)


def _check(parent: Pixels, fit: Fit, mask: Mask | None) -> None:
    if size_of(parent) != fit.source:
        raise InvalidRequest(f"The picture is {size_of(parent)}, but {fit.source} was planned.")
    if mask is not None and size_of(mask) != fit.source:
        raise InvalidRequest(f"The mask is {size_of(mask)}, but the picture is {fit.source}.")


def _is_exact(parent: Pixels, answer: Pixels, fit: Fit, exact: bool | None) -> bool:
    """Whether the engine returned the photo's own bytes: judged where a photo is not flat."""
    if size_of(answer) != fit.canvas:
        return False
    if exact is not None:
        return exact
    ours = cut(parent, fit.region)[..., 1]
    busy = np.abs(np.diff(ours.astype(np.int16), axis=1)) >= 4
    same = (cut(parent, fit.region)[..., :3] == answer[..., :3]).all(axis=2)[:, 1:]
    return bool(busy.any()) and float(same[busy].mean()) >= 0.25


def _exactly(parent: Pixels, answer: Pixels, fit: Fit, mask: Mask | None, feather: int) -> Locked:
    """Engines that leave untouched pixels alone: the difference itself is the change."""
    full = _pasted(parent, answer, fit.region)
    before = with_channels(parent, full.shape[2])
    change = np.where((full != before).any(axis=2), np.uint8(255), np.uint8(0))
    fraction = masks.coverage(change)
    if mask is not None:
        change = np.minimum(change, masks.feather(mask, feather))
    candidate = Candidate(full, identity(), fit.source, whole(fit.source))
    meters = {"shift_px": 0.0, "zoom_percent": 0.0, "rotation_deg": 0.0, "colour_drift": 0.0}
    pixels = full if mask is None else reblend(before, candidate, change)
    warnings = () if fraction > 0 else (_UNCHANGED,)
    return Locked(
        pixels, change, masks.coverage(change), fraction > _GLOBAL_FRACTION and mask is None, candidate,
        {**meters, "changed": masks.coverage(change), "matched": 1.0}, warnings,
    )  # fmt: skip


_UNCHANGED = (
    "No change was found in the result, so the picture stays as it was. Use the whole answer if you only wanted a "
    "slight change of tone; else describe the change more precisely, or try another seed."
)
_TONE = "Only the colours of the whole picture changed, so the whole result was kept."
_WHOLE = "Most of the picture changed, so the whole result was kept; only its framing was restored."
_REFRAMED = "You asked for another aspect ratio, so the whole result was kept as it came."
_OTHER_FRAME = "The model returned another shape than the photo's, so the whole result was kept as it came."
_LOST = "The result could not be lined up with the photo, so the whole result was kept."


def _reframed(answer: Pixels, note: str = _REFRAMED) -> Locked:
    size = size_of(answer)
    full = np.full(answer.shape[:2], 255, np.uint8)
    candidate = Candidate(answer, identity(), size, whole(size))
    return Locked(answer, full, 1.0, True, candidate, {"changed": 1.0, "matched": 0.0}, (note,))


@dataclass(frozen=True, eq=False)
class _Comparison:
    registration: Registration
    colour: ColourFit
    change: Change
    whole_frame: bool
    """The edit is one of the whole frame."""
    work: Size


def _compare(parent: Pixels, answer: Pixels, fit: Fit, lines: Lines) -> _Comparison:
    """Compare sent picture and answer at about a megapixel, on the sent picture's grid.

    What the answer has in ``lines`` is made up, so there the change is that of what lies beside them.
    """
    work = _work_size(fit)
    sent = resized(flattened(cut(parent, fit.region)), work)
    got = resized(cut(on_canvas(answer, fit), fit.box)[..., :3], work)
    found = register(sent, got)
    if found.field is not None:
        got = unbent(got, found.field, _unit(found.matrix, work))
    moved = got if found.identity else warp(got, found.matrix, work.width, work.height)
    valid = inside(found.matrix, work.width, work.height, *_borders(answer, fit, work))
    valid &= lines.beside(work.height, work.width)
    colour = fit_colour(sent, moved, valid)
    change = find_change(sent, _comparable(sent, moved, colour.apply_smoothly(moved), valid), valid)
    if _PART[0] < change.fraction < _PART[1]:
        again = fit_colour(sent, moved, valid & ~_near(change.mask, _REFIT_REACH))
        if again.trusted and again.apart(colour) > _REFIT_STEPS:
            change = find_change(sent, _comparable(sent, moved, again.apply_smoothly(moved), valid), valid)
        colour = again if again.trusted else colour
    extent = find_extent(sent, moved, valid)
    everywhere = _looks_global(change, extent)
    if everywhere:
        rest = find_rest(sent, moved, colour.apply_smoothly(moved), valid & ~_near(change.mask, _REFIT_REACH))
        everywhere = not rest.is_photo(extent.toned)
    change = replace(
        change, mask=lines.filled(change.mask, more=_BESIDE), score=lines.filled(change.score, more=_BESIDE)
    )
    return _Comparison(found, colour, change, everywhere, work)


def _near(mask: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """A mask with what lies within a share of the short side around it."""
    reach = max(3, round(share * min(mask.shape)))
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return cast(NDArray[np.bool_], cv2.dilate(mask.view(np.uint8), square) != 0)


def _looks_global(change: Change, extent: Extent) -> bool:
    """Whether so much or so scattered a change was found that the edit may be one of the whole frame."""
    many = change.fraction > _GLOBAL_FRACTION or change.spread > _GLOBAL_SPREAD
    scattered = change.spread > _SCATTERED_SPREAD and change.spread > 1.6 * change.fraction
    return many or scattered or extent.whole_frame


def _borders(answer: Pixels, fit: Fit, work: Size) -> tuple[float, float, float, float]:
    """Left, top, right and bottom edge of the part of the photo that the answer covers, in work pixels."""
    part, box = covered(size_of(answer), fit), fit.box
    across, down = work.width / box.width, work.height / box.height
    left, top = max(0, part.x - box.x), max(0, part.y - box.y)
    right, bottom = min(box.width, part.x + part.width - box.x), min(box.height, part.y + part.height - box.y)
    return left * across, top * down, right * across, bottom * down


def _comparable(sent: Pixels, raw: Pixels, corrected: Pixels, valid: NDArray[np.bool_]) -> Pixels:
    """The corrected answer, without differences that mean nothing: clipped values and what the answer lacks."""
    out = np.where(raw >= _CLIPPED[1], np.maximum(sent, corrected), corrected)
    out = np.where(raw <= _CLIPPED[0], np.minimum(sent, corrected), out)
    covered = cv2.erode(valid.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) != 0
    out[~covered] = sent[~covered]
    return out


def _work_size(fit: Fit) -> Size:
    width, height = min((fit.box.width, fit.box.height), (fit.region.width, fit.region.height))
    factor = min(1.0, (_WORK_PIXELS / (width * height)) ** 0.5)
    return Size(max(8, round(width * factor)), max(8, round(height * factor)))


def _place(answer: Pixels, fit: Fit, on_region: Matrix, field: Field | None, colour: ColourFit | None) -> Candidate:
    """``on_region`` maps the sent region, scaled to 0..1, to where it drifted."""
    content = np.ascontiguousarray(cut(on_canvas(answer, fit), fit.box)[..., :3])
    region = fit.region
    if content.shape[1] > region.width:
        content = resized(content, Size(region.width, region.height))
    if field is not None:
        content = unbent(content, field, on_region)
    size = size_of(content)
    to_unit = np.array(
        [[1 / region.width, 0, -region.x / region.width], [0, 1 / region.height, -region.y / region.height], [0, 0, 1]]
    )
    from_unit = np.diag([size.width, size.height, 1.0])
    matrix = (from_unit @ np.vstack([on_region, [0, 0, 1]]) @ to_unit)[:2]
    return Candidate(colour.apply(content) if colour else content, matrix, fit.source, region)


def _unit(matrix: Matrix, work: Size) -> Matrix:
    scale = np.diag([work.width, work.height, 1.0])
    return cast(Matrix, (np.linalg.inv(scale) @ np.vstack([matrix, [0, 0, 1]]) @ scale)[:2])


def _drifted(parent: Pixels, answer: Pixels, fit: Fit, mask: Mask | None, mode: LockMode, feather: int) -> Locked:
    lines = lines_in(answer, cut(parent, fit.region))
    answer = lines.filled(answer)
    seen = _compare(parent, answer, fit, lines)
    meters = _meters(seen, fit)
    on_region = _unit(seen.registration.matrix, seen.work)
    if mask is None and mode is LockMode.AUTO:
        if seen.whole_frame and covered(size_of(answer), fit) != whole(fit.canvas):
            return _reframed(answer, _OTHER_FRAME)
        if seen.whole_frame:
            note = _WHOLE if seen.registration.found else _LOST
            return _whole(parent, _place(answer, fit, on_region, None, None), meters, (note,))
        if seen.change.fraction < _NOTHING and seen.colour.drift > _TONE_DRIFT:
            return _whole(parent, _place(answer, fit, on_region, None, None), meters, (_TONE,))
    core = _core(seen, fit, mask) if mode is not LockMode.OFF or mask is None else mask
    # Where nothing is found, a change of tone may have been intended: the kept answer must still show it.
    candidate = _place(answer, fit, on_region, seen.registration.field, seen.colour if core.any() else None)
    change = masks.feather(core, feather)
    warnings: tuple[str, ...] = () if core.any() else (_UNCHANGED,)
    if mask is not None:
        change = np.minimum(change, masks.feather(mask, feather))
        warnings += _outside(seen, fit, mask)
    fraction = masks.coverage(core)
    pixels = reblend(parent, candidate, change)
    return Locked(pixels, change, fraction, False, candidate, {**meters, "changed": fraction}, warnings)


def _core(seen: _Comparison, fit: Fit, mask: Mask | None) -> Mask:
    """The changed part at the parent's size, joined and grown, before its soft edge.

    Inside a mask the slightest change counts, since the user said that something changes there; when
    most of the mask changed, all of it is used.
    """
    found = seen.change.mask
    if mask is not None:
        found = cv2.resize(seen.change.score, tuple(seen.work), interpolation=cv2.INTER_LINEAR) > _LOW_IN_MASK
    short = min(seen.work)
    solid = joined(found, max(2, round(0.006 * short))) if found.any() else found
    small = masks.grow(solid.view(np.uint8) * np.uint8(255), max(2, round(0.003 * short)))
    out = masks.empty(fit.source)
    part = fit.region
    cut(out, part)[:] = masks.resize(small, Size(part.width, part.height))
    if mask is None:
        return out
    inside_mask = np.minimum(out, mask)
    return mask if masks.coverage(inside_mask) > _MOST_OF_MASK * masks.coverage(mask) else inside_mask


def _outside(seen: _Comparison, fit: Fit, mask: Mask) -> tuple[str, ...]:
    """A warning when the model changed more than was asked; that is left out, but the user may wonder."""
    allowed = masks.resize(cut(mask, fit.region), seen.work) >= 128
    reach = max(3, round(0.03 * min(seen.work)))
    near = cv2.dilate(allowed.view(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    share = float((seen.change.mask & ~near).mean())
    return (f"The model also changed {share:.0%} of the picture outside your mask; that was left out.",) * (
        share > 0.01
    )


def _whole(parent: Pixels, candidate: Candidate, meters: Mapping[str, float], warnings: tuple[str, ...]) -> Locked:
    """All of the answer, in the parent's frame and size."""
    pixels = _pasted(parent, candidate.render(), candidate.region)
    change = masks.from_rectangle(candidate.region, size_of(parent))
    fraction = masks.coverage(change)
    return Locked(pixels, change, fraction, True, candidate, {**meters, "changed": fraction}, warnings)


def _pasted(parent: Pixels, part: Pixels, region: Rectangle) -> Pixels:
    """The parent with a rectangle replaced; alpha is the parent's unless the part brings its own."""
    out = with_channels(parent, max(parent.shape[2], part.shape[2])).copy()
    cut(out, region)[..., : part.shape[2]] = part
    return out


def _meters(seen: _Comparison, fit: Fit) -> dict[str, float]:
    found, work = seen.registration, seen.work
    per_work_pixel = fit.region.width / work.width
    return {
        "shift_px": found.shift_at(work.width / 2, work.height / 2) * per_work_pixel,
        "zoom_percent": found.zoom_percent,
        "rotation_deg": found.rotation_deg,
        "colour_drift": seen.colour.drift,
        "matched": float(found.found),
    }
