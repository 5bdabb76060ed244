"""Taking a named or painted thing out and filling the place from what is around it."""

from __future__ import annotations

import importlib.util
import re

import cv2
import numpy as np

from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.language.grammar import Clause
from kontext_ui.basic.language.plan import Step, Target, of_step
from kontext_ui.basic.language.targets import MARK, plural, with_article
from kontext_ui.basic.operations.family import Family, always
from kontext_ui.basic.operations.work import Made, Work, blend
from kontext_ui.basic.vision import checking
from kontext_ui.basic.vision.networks import DETECTOR
from kontext_ui.basic.vision.regions import Region, find_region
from kontext_ui.edits import Mask, Pixels, Rectangle

OPERATIONS = frozenset(("remove",))
PATTERN = re.compile(
    rf"(?:remove|delete|erase|get rid of|take out|take away|clear|eliminate|hide) {MARK}0"
    r"(?: completely| entirely| out| away| (?:from|in)(?: the| this)? (?:picture|photo|image|scene))*"
)
PAINTED = re.compile(
    r"(?:remove|delete|erase|get rid of|take out|take away|clear|hide|fill)(?: in)?"
    r"(?: (?:this|it|that|selection|selected|painted|masked|marked|the|area|object|thing|part|what|is|out|away"
    r"|everything|here))*"
)
WORK_PX = 640
PATCH_PX = 3
"""Of the patches that are compared; the library's own 15 takes many times as long and blurs."""
WARN_SHARE, MOST_SHARE = 0.15, 0.25
MOST_WITHOUT_PATCHES = 0.02
SEED = 7


def available() -> bool:
    return importlib.util.find_spec("patchmatch") is not None


def read(clause: Clause) -> Step | None:
    text = " ".join(clause.marked)
    if not clause.targets and clause.has_mask and PAINTED.fullmatch(text):
        return Step("remove", Target("masked", "", "the painted area").arguments(), clause.text)
    # "The person on the horse" is one of several, and this engine cannot tell which.
    if len(clause.targets) != 1:
        return None
    target = clause.targets[0]
    if target.kind in ("background", "sky", "colour") or target.inverted or not PATTERN.fullmatch(text):
        return None
    return Step("remove", target.arguments(), clause.text)


def apply(work: Work) -> Made:
    target = of_step(work.step)
    assert target is not None
    region = find_region(work.view, target, work.painted)
    if region.share > MOST_SHARE:
        raise ImpossibleError(
            f"That is {region.share:.0%} of the picture. This engine can fill at most {MOST_SHARE:.0%} convincingly "
            "from what is around it; a Kontext tier can invent the rest."
        )
    if not available() and region.share > MOST_WITHOUT_PATCHES:
        raise ImpossibleError(
            f"Filling {region.share:.0%} of the picture needs a package that is not installed. "
            "Run: pip install PyPatchMatch"
        )
    work.check_stop()
    mask = _wider(region.mask)
    filled = fill(work.rgb, mask)
    pixels = blend(work.rgb, filled, mask)
    if target.kind == "named" and work.painted is None:
        _refuse_another(work.view, pixels, region)
    return Made(pixels, mask, f"removed {region.how}", region.others, _warnings(pixels, target, region))


def _refuse_another(before: Pixels, pixels: Pixels, region: Region) -> None:
    """Raises when something went that no one named: the dog on the bicycle instead of the bicycle."""
    lost = checking.vanished(before, pixels, region.mask, region.meant)
    if lost:
        names = " and ".join(dict.fromkeys(with_article(thing.name) for thing in lost))
        raise ImpossibleError(
            f"I tried, and what looks like {names} would have gone as well. Paint over exactly what should go."
        )


def _warnings(pixels: Pixels, target: Target, region: Region) -> tuple[str, ...]:
    """What the user should check: a large fill, a poor one, a thing that can still be seen."""
    found = []
    if region.share > WARN_SHARE:
        found.append(f"Over {WARN_SHARE:.0%} of the picture was filled in; look at it closely.")
    if not available():
        found.append("The place was filled by smearing; with pip install PyPatchMatch it comes out better.")
    if target.kind == "named" and DETECTOR.available:
        still = checking.left(pixels, region.mask, target.name, everywhere=target.which == "all")
        if still:
            what = with_article(target.name) if len(still) == 1 else f"{len(still)} {plural(target.name)}"
            found.append(f"Something like {what} can still be seen. Paint over the rest and remove it.")
    return tuple(found)


def _wider(mask: Mask) -> Mask:
    """The thing, its soft edge and its contact shadow, with a feather of its own."""
    side = max(mask.shape)
    reach = max(2, side // 100)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    wide = cv2.dilate((mask > 40).astype(np.uint8) * 255, kernel)
    return np.asarray(cv2.GaussianBlur(wide, (0, 0), max(0.8, side / 900)), np.uint8)


def fill(rgb: Pixels, mask: Mask) -> Pixels:
    """The picture with the masked place filled; worked out at a reduced size around the hole only."""
    place = _around(mask)
    rows, columns = slice(place.y, place.y + place.height), slice(place.x, place.x + place.width)
    crop, hole = np.ascontiguousarray(rgb[rows, columns]), np.ascontiguousarray(mask[rows, columns])
    scale = min(1.0, WORK_PX / max(crop.shape[:2]))
    size = (max(16, round(crop.shape[1] * scale)), max(16, round(crop.shape[0] * scale)))
    small = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
    small_hole = (cv2.resize(hole, size, interpolation=cv2.INTER_AREA) > 8).astype(np.uint8) * 255
    patched = _patched(small, small_hole) if available() else _smeared(small, small_hole)
    result = rgb.copy()
    result[rows, columns] = _with_grain(crop, hole, patched) if scale < 1 else patched
    return result


def _around(mask: Mask) -> Rectangle:
    """The hole and enough of its surroundings to take patches from."""
    height, width = mask.shape
    x, y, w, h = cv2.boundingRect(mask)
    dx, dy = max(w, width // 5), max(h, height // 5)
    left, top = max(0, x - dx), max(0, y - dy)
    return Rectangle(left, top, min(width, x + w + dx) - left, min(height, y + h + dy) - top)


def _patched(small: Pixels, hole: Mask) -> Pixels:
    import patchmatch

    patchmatch.set_random_seed(SEED)
    filled = patchmatch.inpaint(np.ascontiguousarray(small), np.ascontiguousarray(hole), patch_size=PATCH_PX)
    return np.asarray(filled, np.uint8)


def _smeared(small: Pixels, hole: Mask) -> Pixels:
    return np.asarray(cv2.inpaint(small, hole, 3, cv2.INPAINT_TELEA), np.uint8)


def _with_grain(crop: Pixels, hole: Mask, patched: Pixels) -> Pixels:
    """The fill enlarged, with the fine structure that its surroundings have at this size."""
    size = (crop.shape[1], crop.shape[0])
    large = np.asarray(cv2.resize(patched, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    soft = cv2.resize(
        cv2.resize(crop, patched.shape[1::-1], interpolation=cv2.INTER_AREA), size, interpolation=cv2.INTER_CUBIC
    )
    detail = crop.astype(np.int16) - soft.astype(np.int16)
    around = (hole == 0) & (cv2.dilate(hole, np.ones((31, 31), np.uint8)) > 0)
    if not around.any():
        return large
    strength = float(np.clip(detail[around].std(), 0, 12))
    noise = np.random.default_rng(SEED).standard_normal(crop.shape[:2], np.float32) * strength
    return np.asarray(np.clip(large + noise[..., None], 0, 255), np.uint8)


FAMILY = Family(OPERATIONS, read, apply, always("removing and filling"), finds_region=True)
