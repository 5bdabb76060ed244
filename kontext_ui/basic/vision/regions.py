"""From a target to a region of this picture, and a phrase that says how it was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.language import colours
from kontext_ui.basic.language.plan import Target
from kontext_ui.basic.language.targets import CLOTHES, plural, with_article
from kontext_ui.basic.vision import detector, shape
from kontext_ui.basic.vision.detector import Found
from kontext_ui.basic.vision.networks import DETECTOR, SUBJECT
from kontext_ui.basic.vision.shape import Plane
from kontext_ui.basic.vision.sky import find_sky
from kontext_ui.edits import Mask, Pixels, Rectangle

LEAST_SUBJECT, MOST_SUBJECT = 0.01, 0.9
MOST_DOUBT = 0.35
"""Share of half-tones in a subject's mask from which it is a guess, not a subject."""
LEAST_COLOUR = 0.002
SAME_SIZE = 0.3
"""Patches of a colour smaller than this share of the largest must match it better: lips next to an orange suit."""
BESIDE = 0.35
"""How far a smaller patch may lie from the largest, in lengths of it."""
SAME_HUE_LARGE, SAME_HUE_SMALL = 30.0, 14.0
"""Largest distance in the a*b* plane between two patches of one thing."""
SURELY = 0.5
ANYTHING = frozenset(
    (
        "subject",
        "main-subject",
        "main subject",
        "foreground",
        "object",
        "main-object",
        "main object",
        "thing",
        "product",
    )
)
ANIMALS = frozenset(
    ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "teddy bear")
)
WILD = frozenset(("animal", "creature", "squirrel", "rabbit", "fox", "owl", "butterfly", "quokka", "toy", "doll"))
CANNOT_FIND = "Things cannot be found by name here."
NEARLY_ALL = 0.6
OF_COLOUR = 0.08
"""Share of a thing's box that has its colour: windows, wheels and what is behind it have others."""
MOST_PEOPLE = 6
LESS_SURE = 0.25
"""A thing that the user named is accepted at a lower score than one that was not named."""


@dataclass(frozen=True, eq=False)
class Region:
    """A place of this picture; ``mask`` has its size."""

    mask: Mask
    name: str
    """ "The car, found by name"."""
    others: tuple[str, ...] = ()
    """Noun phrases for what could also have been meant."""
    meant: tuple[Found, ...] = ()
    """What the detector saw of it, in pixels of the reduced picture."""

    @property
    def share(self) -> float:
        return float(cv2.mean(self.mask)[0]) / 255

    @property
    def how(self) -> str:
        """Continues after "Recoloured": "the car, found by name, 35% of the picture"."""
        return f"{self.name}, {_percent(self.share)} of the picture"


def find_region(rgb: Pixels, target: Target, painted: Mask | None = None) -> Region:
    """Raises ``ImpossibleError`` when there is no such thing here, with what could be said instead."""
    region = Region(painted, "the painted area") if painted is not None else _found(rgb, target)
    if not target.inverted:
        return region
    rest = np.asarray(cv2.bitwise_not(region.mask), np.uint8)
    return replace(region, mask=rest, name=f"everything except {region.name}")


def _found(rgb: Pixels, target: Target) -> Region:
    finders = {"named": _named, "colour": _coloured, "subject": _subject, "background": _background, "sky": _sky}
    if target.kind not in finders:
        raise ImpossibleError(
            f"This engine cannot find {target.said} by itself. Paint over it, then send the same words again."
        )
    return finders[target.kind](rgb, target)


def protected(rgb: Pixels, targets: Sequence[Target]) -> Mask:
    """What an instruction asked to keep. Raises ``ImpossibleError`` for what is not there."""
    kept = np.zeros(rgb.shape[:2], np.uint8)
    for target in targets:
        kept = np.asarray(cv2.max(kept, find_region(rgb, target).mask), np.uint8)
    return kept


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "under 1%"


def _plain(said: str) -> str:
    words = [word for word in said.split() if word not in ("a", "an", "this", "that", "these", "those", "of")]
    return " ".join(
        words if words[:1] in (["the"], ["all"], ["every"], ["both"], ["his"], ["her"], ["my"]) else ["the", *words]
    )


def _named(rgb: Pixels, target: Target) -> Region:
    if lacks := DETECTOR.lacks or SUBJECT.lacks:
        raise ImpossibleError(f"{CANNOT_FIND} {lacks}")
    small = shape.reduced(rgb)
    found = _all_of(small, target)
    if not found:
        raise ImpossibleError(_not_there(small, target))
    chosen = _choose(found, target.which)
    plane = np.zeros(small.shape[:2], np.float32)
    # A box that nearly fills the picture cuts no arm off, so a second look at all of it is not needed.
    fills = all(one.area > NEARLY_ALL * plane.size for one in chosen)
    whole = np.zeros_like(plane) if fills else shape.saliency(small)
    for one in chosen:
        plane = np.maximum(plane, shape.object_in(small, one.box, whole))
    name = _plain(target.said)
    if len(found) > 1 and len(chosen) == 1:
        name = f"{name} (1 of {len(found)} {plural(target.name)})"
    others = _others(found, chosen, target.name)
    if len(chosen) > 1:
        name = f"{name} ({len(chosen)} {plural(target.name)})"
    plane = _without_neighbours(plane, chosen, [one for one in found if one not in chosen])
    plane = _without_people_before(small, plane, target, chosen, whole)
    mask = shape.refined(rgb, plane)
    if not cv2.countNonZero(mask):
        raise ImpossibleError(f"I see {name}, but cannot tell it from what is around it. Paint over it instead.")
    return Region(mask, f"{name}, found by name", others, tuple(chosen))


def _without_people_before(small: Pixels, plane: Plane, target: Target, chosen: list[Found], whole: Plane) -> Plane:
    """Passers-by who stand in front of a bus keep their clothes."""
    if target.name == "person":
        return plane
    for one in detector.detect(small, LESS_SURE)[:MOST_PEOPLE]:
        area = max(part.area for part in chosen)
        if one.name == "person" and one.area < 0.5 * area and any(_overlap(one.box, part.box) for part in chosen):
            plane = np.asarray(np.minimum(plane, 1 - shape.object_in(small, one.box, np.zeros_like(whole))), np.float32)
    return plane


def _without_neighbours(plane: Plane, chosen: list[Found], others: list[Found]) -> Plane:
    """Of two people side by side each keeps what lies nearer to the middle of their own box."""
    if not others:
        return plane
    y, x = np.mgrid[0 : plane.shape[0], 0 : plane.shape[1]].astype(np.float32)

    def away(one: Found) -> Plane:
        box = one.box
        across = np.abs(x - box.x - box.width / 2) / (box.width / 2)
        return np.asarray(np.maximum(across, np.abs(y - box.y - box.height / 2) / (box.height / 2)), np.float32)

    own = np.minimum.reduce([away(one) for one in chosen])
    for one in others:
        distance = away(one)
        plane = np.asarray(np.where((distance < own) & (distance < 1.1), 0, plane), np.float32)
    return plane


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def _all_of(small: Pixels, target: Target) -> list[Found]:
    found = [one for one in detector.detect(small, LESS_SURE) if one.name == target.name]
    sure = [one for one in found if one.score >= detector.LEAST_SCORE] or found[:1]
    if not target.source or not sure:
        return sure
    fitting = [one for one in sure if _mostly(small, one.box, target.source)]
    if not fitting:
        several = target.name if len(sure) == 1 else plural(target.name)
        raise ImpossibleError(f"I see {len(sure)} {several} here, but none that is {target.source}.")
    return fitting


def _mostly(small: Pixels, box: Rectangle, colour: str) -> bool:
    crop = small[box.y : box.y + box.height, box.x : box.x + box.width]
    return bool(crop.size) and float(colours.where(np.ascontiguousarray(crop), colour).mean()) > OF_COLOUR


def _choose(found: list[Found], which: str) -> list[Found]:
    by_place = sorted(found, key=lambda one: one.centre_x)
    choices = {
        "all": found,
        "left": by_place[:1],
        "right": by_place[-1:],
        "middle": by_place[len(by_place) // 2 : len(by_place) // 2 + 1],
        "largest": sorted(found, key=lambda one: -one.area)[:1],
        "smallest": sorted(found, key=lambda one: one.area)[:1],
        "second": by_place[1:2] or found[:1],
        "third": by_place[2:3] or found[:1],
        "other": found[1:2] or found[:1],
    }
    return choices.get(which, found[:1])


def _others(found: list[Found], chosen: list[Found], name: str) -> tuple[str, ...]:
    """Phrases for the other ones, so that each is one click away."""
    if len(found) < 2 or len(chosen) != 1:
        return ()
    by_place = sorted(found, key=lambda one: one.centre_x)
    phrases = []
    middle = [("middle", by_place[1])] if len(found) == 3 else []
    for words, one in (("left", by_place[0]), *middle, ("right", by_place[-1])):
        if one is not chosen[0]:
            phrases.append(f"the {words} {name}")
    return (*phrases, f"all {plural(name)}")


def _not_there(small: Pixels, target: Target) -> str:
    seen = sorted({one.name for one in detector.detect(small)})
    also = f" What I do find: {', '.join(seen[:5])}." if seen else ""
    what = with_article(target.name)
    return f"I could not make out {what} in this picture.{also} You can also paint over what you mean."


def _subject(rgb: Pixels, target: Target) -> Region:
    plane = subject_plane(rgb)
    said = _plain(target.said)
    _refuse_another(rgb, plane, target)
    name = "the main subject" if target.name in ANYTHING else f"{said} (I took the main subject to be it)"
    return Region(shape.refined(rgb, plane), name)


def _refuse_another(rgb: Pixels, plane: Plane, target: Target) -> None:
    """Raises when what stands out surely has another name than the user's: a woman is not a lamp."""
    if target.name in ANYTHING or not DETECTOR.available:
        return
    small = shape.reduced(rgb)
    for one in detector.detect(small, SURELY):
        box = one.box
        inside = float(plane[box.y : box.y + box.height, box.x : box.x + box.width].sum()) / float(plane.sum())
        related = one.name in ANIMALS and target.name in WILD
        if inside > 0.6 and not related:
            raise ImpossibleError(
                f"What stands out here looks like {with_article(one.name)} to me, and I could not make out "
                f"{_plain(target.said)}. Paint over it instead."
            )


def subject_plane(rgb: Pixels) -> Plane:
    """The main subject at a reduced size. Raises ``ImpossibleError`` when nothing stands out."""
    if lacks := SUBJECT.lacks:
        raise ImpossibleError(f"{CANNOT_FIND} {lacks}")
    plane = shape.saliency(shape.reduced(rgb))
    share = float(plane.mean())
    doubt = float(((plane > 0.2) & (plane < 0.8)).sum()) / max(1.0, float((plane > 0.2).sum()))
    if not LEAST_SUBJECT < share < MOST_SUBJECT or doubt > MOST_DOUBT:
        raise ImpossibleError(
            "Nothing in this picture stands out clearly enough from its background. Paint over what you mean."
        )
    return plane


def _background(rgb: Pixels, target: Target) -> Region:
    mask = cv2.bitwise_not(shape.refined(rgb, subject_plane(rgb)))
    return Region(np.asarray(mask, np.uint8), "the background")


def _sky(rgb: Pixels, target: Target) -> Region:
    plane = find_sky(rgb)
    if plane is None:
        raise ImpossibleError(
            "I could not make out a sky in this picture. Paint over it and send the same words again."
        )
    return Region(shape.refined(rgb, plane, radius=6), "the sky")


def _coloured(rgb: Pixels, target: Target) -> Region:
    small = shape.reduced(rgb)
    fits = colours.where(small, target.source)
    if target.name:
        fits = fits * _likely_place(small, target.name)
    solid = cv2.morphologyEx((fits > 0.4).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    solid = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, found, table, _ = cv2.connectedComponentsWithStats(solid)
    labels, stats = np.asarray(found, np.int32), np.asarray(table, np.int32)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if not len(areas) or areas.max() < LEAST_COLOUR * solid.size:
        raise ImpossibleError(
            f"I could not make out anything {target.source} in this picture. "
            f"Paint over the {target.name or 'part'} instead."
        )
    least = 0.02 * areas.max()
    kept = [1 + n for n in np.flatnonzero(areas >= least).tolist()]
    if target.name and target.which != "all":
        kept = _same_paint(small, labels, kept, stats)
    shown = np.isin(labels, kept)
    near = cv2.dilate(shown.astype(np.uint8), np.ones((5, 5), np.uint8))
    plane = np.where(near > 0, np.maximum(fits, shown), 0).astype(np.float32)
    name = _plain(target.said) if target.name else target.said
    return Region(shape.refined(rgb, plane, radius=4), f"{name}, found by colour")


def _likely_place(small: Pixels, noun: str) -> Plane:
    """Where a thing of that name can be: clothes on people, and nothing but the sky in the sky."""
    place = np.ones(small.shape[:2], np.float32)
    if noun in CLOTHES:
        place[:] = 0
        people = [one.box for one in detector.detect(small) if one.name == "person"] if DETECTOR.available else []
        if not people:
            raise ImpossibleError(f"I could not make out anyone here who wears the {noun}. Paint over it instead.")
        whole = shape.saliency(small)
        for box in people:
            place = np.maximum(place, shape.object_in(small, box, whole))
    sky = find_sky(small)
    if sky is not None:
        place *= 1 - cv2.resize(sky, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_LINEAR)
    return place


def _same_paint(small: Pixels, labels: NDArray[np.int32], parts: list[int], stats: NDArray[np.int32]) -> list[int]:
    """The largest part, those near its size, and smaller ones next to it of the same colour: a sleeve, not a face."""
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    middles = {part: np.median(lab[labels == part], axis=0) for part in parts}
    largest = max(parts, key=lambda part: int(stats[part, cv2.CC_STAT_AREA]))
    size = float(stats[largest, cv2.CC_STAT_AREA])
    boxes = {part: Rectangle(*(int(v) for v in stats[part, :4])) for part in parts}
    main = boxes[largest]
    dx, dy = round(BESIDE * main.width), round(BESIDE * main.height)
    around = Rectangle(main.x - dx, main.y - dy, main.width + 2 * dx, main.height + 2 * dy)

    def belongs(part: int) -> bool:
        apart = float(np.linalg.norm((middles[part] - middles[largest])[1:]))
        if stats[part, cv2.CC_STAT_AREA] > SAME_SIZE * size:
            return apart < SAME_HUE_LARGE
        return apart < SAME_HUE_SMALL and _overlap(boxes[part], around)

    return [part for part in parts if belongs(part)]
