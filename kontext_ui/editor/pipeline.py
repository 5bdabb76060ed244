"""One edit's pixels on their way out and back: load, fit, send, restore, lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from kontext_ui.editor.vault import Vault
from kontext_ui.edits import Capabilities, EditRequest, EditResult, Mask, Pixels, Size
from kontext_ui.images import geometry, lock, masks


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


async def prepare(vault: Vault, request: EditRequest, capabilities: Capabilities) -> Prepared:
    """Load what the request names and fit it to the backend. Raises ``ImageMissing``, ``InvalidRequest``."""
    parent = None if request.input_image is None else await vault.load(request.input_image)
    parent_mask = None if request.mask is None else await vault.load_mask(request.mask)
    references = tuple([await vault.load(digest) for digest in request.reference_images])
    return await vault.compute(_fit, parent, parent_mask, references, request, capabilities)


def _fit(
    parent: Pixels | None,
    parent_mask: Mask | None,
    references: tuple[Pixels, ...],
    request: EditRequest,
    capabilities: Capabilities,
) -> Prepared:
    if parent is None:
        return Prepared(None, None, None, None, references, None)
    if parent_mask is not None:
        parent_mask = masks.normalise(parent_mask, size_of(parent))
    if capabilities.size_rule.kind == "any":
        return Prepared(parent, parent_mask, parent, parent_mask, references, None)
    fit = plan(request, size_of(parent), capabilities)
    sent_mask = None if parent_mask is None else geometry.mask_to_fit(parent_mask, fit)
    fitted = tuple(geometry.shrink_to(reference, fit.canvas) for reference in references)
    return Prepared(parent, parent_mask, geometry.pad_to_fit(parent, fit), sent_mask, fitted, fit)


def plan(request: EditRequest, source: Size, capabilities: Capabilities) -> geometry.Fit:
    """How a picture of this size will be fitted. Raises ``InvalidRequest`` for shapes that cannot be."""
    return geometry.plan_fit(
        source, capabilities.size_rule, region=request.region, aspect_ratio=request.parameters.aspect_ratio
    )


def bring_back(prepared: Prepared, request: EditRequest, result: EditResult) -> BroughtBack:
    """From the backend's picture to the stored version. CPU work: call it on a worker thread."""
    if prepared.parent is None:
        return BroughtBack(result.pixels, None, None, result.warnings)
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
        locked.pixels, locked.change_mask, locked.changed_fraction, result.warnings + locked.warnings, locked.meters
    )


def changed_fraction(before: Pixels, after: Pixels) -> float | None:
    """Share of pixels that differ at all, 0..1; ``None`` when the sizes differ."""
    if before.shape != after.shape:
        return None
    same = cv2.inRange(cv2.absdiff(before, after), np.zeros(4), np.zeros(4))
    return 1.0 - cv2.countNonZero(same) / same.size


def size_of(pixels: Pixels | Mask) -> Size:
    return Size(pixels.shape[1], pixels.shape[0])
