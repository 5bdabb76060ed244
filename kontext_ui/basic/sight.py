"""Looking at a picture with the small networks that come with the program. Plain functions; call them in threads.

Without onnxruntime, or without the reader of texts, less is seen and nothing fails.
"""

from __future__ import annotations

import numpy as np

from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.language import targets, words
from kontext_ui.basic.vision import detector, reader, regions
from kontext_ui.basic.vision.networks import DETECTOR
from kontext_ui.basic.vision.sky import find_sky
from kontext_ui.edits import FoundRegion, Pixels, Size
from kontext_ui.errors import InvalidRequest
from kontext_ui.images import codec
from kontext_ui.prompting import Look, Thing
from kontext_ui.prompting.seen import place_of

MOST_THINGS = 8
READ_SIDE_PX = 1024
"""Texts are read in a copy of this size: those worth a suggestion are large enough in it."""
READ_SCORE = 0.8
TEXT_CHARS = (2, 28)
MOST_TEXTS = 4
LONGEST_NAME = 80
IRREGULAR = {"knives": "all knife", "mice": "all mouse"}
"""Plurals that the grammar of the engine does not know."""


def look(pixels: Pixels) -> Look:
    """What is seen in a picture; a preview is enough."""
    rgb = _rgb(pixels)
    return Look(_things(rgb), find_sky(rgb) is not None, _has_subject(rgb), _texts(rgb))


def _rgb(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[..., :3])


def _things(rgb: Pixels) -> tuple[Thing, ...]:
    if not DETECTOR.available:
        return ()
    size = Size(rgb.shape[1], rgb.shape[0])
    area = size.width * size.height
    by_name: dict[str, list[detector.Found]] = {}
    for one in detector.distinct(detector.detect(rgb)):
        by_name.setdefault(one.name, []).append(one)
    things = []
    for name, found in by_name.items():
        largest = max(found, key=lambda one: one.area)
        things.append(Thing(name, len(found), place_of(largest.box, size), round(largest.area / area, 3)))
    return tuple(sorted(things, key=lambda thing: -thing.share)[:MOST_THINGS])


def _has_subject(rgb: Pixels) -> bool:
    try:
        regions.subject_plane(rgb)
    except ImpossibleError:
        return False
    return True


def _texts(rgb: Pixels) -> tuple[str, ...]:
    if not reader.available():
        return ()
    lines = reader.READER.read(codec.shrunk(rgb, READ_SIDE_PX), READ_SCORE)
    fitting = [line for line in lines if TEXT_CHARS[0] <= len(line.text.strip()) <= TEXT_CHARS[1]]
    largest = sorted(fitting, key=lambda line: -line.height_px)
    return tuple(dict.fromkeys(line.text.strip().replace('"', "") for line in largest))[:MOST_TEXTS]


def find(pixels: Pixels, name: str) -> FoundRegion:
    """The mask of what a name means in this picture.

    Raises ``InvalidRequest`` saying what to do instead.
    """
    said = " ".join(name.split())[:LONGEST_NAME].lower()
    said = IRREGULAR.get(said.removeprefix("the "), said)
    with_article = said if said.split(" ")[:1] in (["the"], ["all"], ["every"]) else f"the {said}"
    found = targets.find(words.tokens(words.clean(with_article)))[1]
    if not said or not found:
        message = f"I cannot find “{said}” by name." if said else "There is no name to look for."
        raise InvalidRequest(message, hint="Paint over it instead.")
    try:
        region = regions.find_region(_rgb(pixels), found[0])
    except ImpossibleError as error:
        raise InvalidRequest(str(error)) from None
    return FoundRegion(region.mask, region.how, region.others)
