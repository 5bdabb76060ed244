"""One edit's pixels on their way out and back: load, fit, send, restore, lock. CPU work, for worker threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from kontext_ui.editor.drafts import Route
from kontext_ui.editor.jobs.whereabouts import told_change
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.edits import Capabilities, EditRequest, EditResult, Mask, Pixels, Size, SizeRule
from kontext_ui.errors import UnexpectedAnswer
from kontext_ui.images import geometry, lock, masks, references
from kontext_ui.projects import Job, Outcome

REFERENCE_SIDE_PX = 1568
"""Longest side of a reference image that is sent: the longest side of the model's own sizes."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """The pictures of one edit, as the backend gets them, and how to undo what was done to them."""

    parent: Pixels | None
    """The version edited, at full resolution; ``None`` when generating."""
    parent_mask: Mask | None
    sent: Pixels | None
    sent_mask: Mask | None
    references: tuple[Pixels, ...]
    fit: geometry.Fit | None
    """``None``: the backend works on the photo's own pixels."""


@dataclass(frozen=True, eq=False)
class BroughtBack:
    """A result as it is stored, of the parent's size unless the edit changed the size."""

    pixels: Pixels
    change_mask: Mask | None
    changed_fraction: float | None
    warnings: tuple[str, ...] = ()
    meters: Mapping[str, float] = field(default_factory=dict)
    candidate: lock.Candidate | None = None
    """What the model answered, placed on the parent; kept where only a part of it was used."""


async def prepare(pixels: PixelStore, request: EditRequest, route: Route) -> Prepared:
    """Load what the request names and fit it to the backend. Raises ``ImageMissing``, ``InvalidRequest``."""
    parent = None if request.input_image is None else await pixels.load(request.input_image)
    parent_mask = None if request.mask is None else await pixels.load_mask(request.mask)
    looked_at = tuple([await pixels.load(reference.image) for reference in request.references])
    return await pixels.compute(_prepare, parent, parent_mask, looked_at, request, route)


def _prepare(
    parent: Pixels | None,
    mask: Mask | None,
    looked_at: tuple[Pixels, ...],
    request: EditRequest,
    route: Route,
) -> Prepared:
    rule = route.capabilities.size_rule
    if parent is None:
        return Prepared(None, None, None, None, _as_references(looked_at, route.capabilities), None)
    if mask is not None:
        mask = masks.normalise(mask, geometry.size_of(parent))
    elif request.region is not None:
        mask = masks.from_rectangle(request.region, geometry.size_of(parent))
    if rule.kind == "any":
        return Prepared(parent, mask, parent, mask, looked_at, None)
    if request.side_by_side and len(looked_at) > route.capabilities.max_reference_images:
        canvas, fit = references.side_by_side(parent, looked_at, rule)
        return Prepared(parent, mask, canvas, None, (), fit)
    fit = route.fit or plan(request, geometry.size_of(parent), route.capabilities, mask)
    sent_mask = None if mask is None else _on_canvas(mask, fit)
    small = _as_references(looked_at, route.capabilities)
    return Prepared(parent, mask, geometry.pad_to_fit(parent, fit), sent_mask, small, fit)


def plan(request: EditRequest, source: Size, capabilities: Capabilities, mask: Mask | None = None) -> geometry.Fit:
    """How a picture of this size will be fitted. A selected rectangle, or else a small mask on a large
    photo, sends only its surroundings at their own resolution. Raises ``InvalidRequest`` for shapes
    that cannot be sent.
    """
    wanted = request.region if request.region is not None else mask
    region = None if wanted is None else geometry.zoom_region(wanted, source, capabilities.size_rule)
    return geometry.plan_fit(
        source, capabilities.size_rule, region=region, aspect_ratio=request.parameters.aspect_ratio
    )


def bring_back(prepared: Prepared, request: EditRequest, result: EditResult) -> BroughtBack:
    """From the backend's picture to the stored version. Raises ``UnexpectedAnswer`` when that is no picture."""
    try:
        return _brought_back(prepared, request, result)
    except geometry.NoPicture as error:
        raise UnexpectedAnswer(str(error), backend=request.backend) from None


def _brought_back(prepared: Prepared, request: EditRequest, result: EditResult) -> BroughtBack:
    if prepared.parent is None:
        return BroughtBack(result.pixels, None, None, result.warnings)
    if prepared.fit is None and prepared.parent_mask is not None and result.pixels.shape == prepared.parent.shape:
        return _within_mask(prepared.parent, prepared.parent_mask, request, result)
    if prepared.fit is None:
        fraction = changed_fraction(prepared.parent, result.pixels)
        return BroughtBack(result.pixels, result.change_mask, fraction, result.warnings)
    locked = lock.bring_back(
        prepared.parent,
        result.pixels,
        prepared.fit,
        mask=prepared.parent_mask,
        mode=request.lock,
        feather_px=request.feather_px,
    )
    return BroughtBack(
        locked.pixels,
        locked.change_mask,
        locked.changed_fraction,
        result.warnings + locked.warnings,
        locked.meters,
        None if locked.kept_whole and prepared.fit.reframed else locked.candidate,
    )


def outcome_of(job: Job, capabilities: Capabilities, back: BroughtBack, result: EditResult, seconds: float) -> Outcome:
    """What is recorded about an edit besides its pictures."""
    told = "" if job.parent is None else told_change(back.change_mask, back.changed_fraction)
    return Outcome(
        backend=job.request.backend,
        tier=job.request.tier.value,
        model=result.model or capabilities.model,
        seconds=seconds,
        price_usd=job.price_usd if result.price_usd is None else result.price_usd,
        seed=result.seed if result.seed is not None else job.request.parameters.seed,
        request_id=result.request_id or job.remote_id,
        description=result.description or told,
        plan=result.plan,
        changed_fraction=back.changed_fraction,
        warnings=back.warnings,
        alternatives=result.alternatives,
        placement={} if back.candidate is None else back.candidate.placement(),
        meters=back.meters,
    )


def _within_mask(parent: Pixels, mask: Mask, request: EditRequest, result: EditResult) -> BroughtBack:
    """The engine worked on the photo's own pixels: what lies outside the mask and its soft edge is the photo's."""
    fit = geometry.plan_fit(geometry.size_of(parent), SizeRule("any"))
    locked = lock.bring_back(parent, result.pixels, fit, mask=mask, feather_px=request.feather_px, exact=True)
    return BroughtBack(locked.pixels, locked.change_mask, locked.changed_fraction, result.warnings + locked.warnings)


def changed_fraction(before: Pixels, after: Pixels) -> float | None:
    """Share of pixels that differ at all, 0..1; ``None`` when the sizes differ."""
    if before.shape != after.shape:
        return None
    zero = (0,) * before.shape[2]
    same = cv2.inRange(cv2.absdiff(before, after), zero, zero)
    return 1.0 - cv2.countNonZero(same) / same.size


def _on_canvas(mask: Mask, fit: geometry.Fit) -> Mask:
    canvas = np.zeros((fit.canvas.height, fit.canvas.width), np.uint8)
    box = fit.box
    part = geometry.resized(geometry.cut(mask, fit.region), Size(box.width, box.height))
    canvas[box.y : box.y + box.height, box.x : box.x + box.width] = part
    return canvas


def _as_references(looked_at: tuple[Pixels, ...], capabilities: Capabilities) -> tuple[Pixels, ...]:
    return tuple(_as_reference(pixels, capabilities) for pixels in looked_at)


def _as_reference(pixels: Pixels, capabilities: Capabilities) -> Pixels:
    """No larger than is useful or paid for, and no smaller than is taken."""
    size, most = geometry.size_of(pixels), capabilities.max_reference_megapixels
    factor = min(1.0, REFERENCE_SIDE_PX / max(size))
    if most is not None:
        factor = min(factor, (most / size.megapixels) ** 0.5)
    factor = max(factor, capabilities.min_reference_side_px / min(size))
    sides = [max(1, int(side * factor + 1e-6)) for side in size]
    return geometry.resized(geometry.flattened(pixels), Size(*sides))
