"""All families of operations, in the order in which they are asked to read a clause."""

from __future__ import annotations

from kontext_ui.basic.language.plan import Step
from kontext_ui.basic.lettering import texts
from kontext_ui.basic.operations import (
    background,
    effects,
    geometry,
    recolour,
    removal,
    skies,
    styles,
    tone,
    weather,
)
from kontext_ui.basic.operations.family import Family

FAMILIES: tuple[Family, ...] = tuple(
    module.FAMILY for module in (texts, geometry, background, skies, removal, recolour, effects, tone, weather, styles)
)
READERS = tuple(family.read for family in FAMILIES)


def of(step: Step) -> Family:
    return next(family for family in FAMILIES if step.operation in family.operations)
