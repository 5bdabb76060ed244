"""Instructions that suit a picture: for the engine that edits what is there, and for models that redraw it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kontext_ui.prompting.seen import Look, Thing, said

MOST = 6
REMOVABLE = 0.15
"""Things that take up more of the picture leave a hole too large to fill believably without a model."""
PAINTED = {
    "car": "red", "bus": "green", "truck": "blue", "boat": "white", "bicycle": "yellow", "motorcycle": "black",
    "train": "blue", "umbrella": "yellow", "handbag": "red", "backpack": "green", "suitcase": "orange", "tie": "navy",
    "chair": "teal", "couch": "green", "bed": "blue", "vase": "blue", "cup": "blue", "bowl": "red", "bottle": "green",
    "kite": "red", "surfboard": "yellow", "bench": "blue", "fire hydrant": "yellow", "refrigerator": "red",
    "sports ball": "orange", "skateboard": "red", "airplane": "red", "apple": "green", "clock": "red",
}  # fmt: skip
"""Things that come in many colours, each with one that shows well."""
SWAPS = {
    "car": "a vintage convertible", "cup": "a teapot", "laptop": "an old typewriter", "chair": "a leather armchair",
    "couch": "a garden bench", "bicycle": "a red scooter", "cake": "a chocolate birthday cake", "pizza": "an apple pie",
    "vase": "a bunch of sunflowers", "book": "an old map", "bottle": "a jug of lemonade", "boat": "a sailing ship",
    "truck": "a fire engine", "bus": "a London double-decker", "potted plant": "a small lemon tree", "tv": "a painting",
    "apple": "a pear", "bowl": "a basket of fruit", "umbrella": "a bunch of balloons",
}  # fmt: skip
ANIMALS = frozenset("bird cat dog horse sheep cow elephant bear zebra giraffe".split())


@dataclass(frozen=True)
class Suggestion:
    """``text`` is the instruction; ``label`` is how it is shown when that is shorter."""

    label: str
    text: str


def for_reader(look: Look) -> tuple[Suggestion, ...]:
    """For the engine that changes what is there. Some may be impossible: ask the engine before showing them."""
    return _mixed([_recolour(look), _words(look), _sky(look), _behind(look), _removals(look), _tones()])


def for_model(look: Look) -> tuple[Suggestion, ...]:
    """For models that redraw the picture: each says what to preserve where that matters."""
    return _mixed(
        [_person(look), _words(look), _animals(look), _swaps(look), _elsewhere(look), _recolour(look), _moods(look)]
    )


def _mixed(sources: list[Iterator[Suggestion]]) -> tuple[Suggestion, ...]:
    """One of each kind in turn, so that a street full of cars does not fill the row."""
    found: dict[str, Suggestion] = {}
    while sources:
        remaining = []
        for source in sources:
            one = next(source, None)
            if one is not None:
                found.setdefault(one.text, one)
                remaining.append(source)
        sources = remaining
    return tuple(found.values())


def _same(text: str) -> Suggestion:
    return Suggestion(text, text)


def _recolour(look: Look) -> Iterator[Suggestion]:
    for thing in look.things:
        if colour := PAINTED.get(thing.name):
            yield _same(f"Make {said(thing)} {colour}")


def _words(look: Look) -> Iterator[Suggestion]:
    for text in look.words[:2]:
        yield _same(f'Replace "{text}" with "…"')


def _sky(look: Look) -> Iterator[Suggestion]:
    if look.sky:
        yield _same("Make the sky stormy")
        yield _same("Make the sky a sunset")


def _behind(look: Look) -> Iterator[Suggestion]:
    if look.subject:
        yield _same("Blur the background")
        if look.things:
            yield _same(f"Make everything black and white except {_main(look)}")
        yield _same("Remove the background")


def _removals(look: Look) -> Iterator[Suggestion]:
    for thing in look.things:
        if thing.count == 1 and thing.share < REMOVABLE:
            yield _same(f"Remove {said(thing)}")


def _tones() -> Iterator[Suggestion]:
    for text in ("Turn it into a watercolour", "Make it a bit warmer", "Turn it black and white", "Add film grain"):
        yield _same(text)


def _person(look: Look) -> Iterator[Suggestion]:
    if not look.has("person"):
        return
    one = next(thing for thing in look.things if thing.name == "person")
    who, whose = ("the person", "the person's") if one.count == 1 else ("the people", "the people's")
    yield Suggestion(
        "Change the clothes",
        f"Change {whose} clothes to 1920s evening wear, while preserving facial features, hairstyle and expression",
    )
    yield Suggestion(
        "Put them on a beach",
        f"Change the background to a sunny beach, while keeping {who} in the exact same position, scale and pose",
    )


def _animals(look: Look) -> Iterator[Suggestion]:
    for thing in look.things:
        if thing.name in ANIMALS:
            yield Suggestion(
                f"Give {said(thing)} a knitted scarf",
                f"Add a red knitted scarf to {said(thing)}, while preserving its pose, its fur and the lighting",
            )


def _swaps(look: Look) -> Iterator[Suggestion]:
    for thing in look.things:
        if thing.count == 1 and (other := SWAPS.get(thing.name)):
            text = f"Replace {said(thing)} with {other}"
            yield Suggestion(text, f"{text}, while keeping the background and lighting the same")


def _elsewhere(look: Look) -> Iterator[Suggestion]:
    if look.sky:
        yield Suggestion(
            "A dramatic stormy sky",
            "Change the sky to a dramatic stormy evening sky, while keeping everything below it exactly the same",
        )
    if look.subject and not look.has("person"):
        yield Suggestion(
            "Another background",
            f"Change the background to a sunlit forest, while keeping {_main(look)} in the exact same position, "
            "scale and pose",
        )


def _main(look: Look) -> str:
    return said(_largest(look.things)) if look.things else "the main subject"


def _largest(things: tuple[Thing, ...]) -> Thing:
    return max(things, key=lambda thing: thing.share)


def _moods(look: Look) -> Iterator[Suggestion]:
    yield Suggestion(
        "As a watercolour",
        "Restyle the picture as a watercolour painting with soft washes, while preserving the original composition",
    )
    yield Suggestion(
        "Make it winter", "It is winter now: everything is covered in fresh snow, while the composition stays the same"
    )
    yield Suggestion(
        "Golden hour",
        "Change the lighting to warm golden hour light from the left, while keeping everything else the same",
    )
