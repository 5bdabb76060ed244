"""Values out of a provider's answer. Its shape is never taken for granted: what is of another kind is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text_of(value: object) -> str | None:
    """``None`` for an empty one as well."""
    return value if isinstance(value, str) and value else None


def whole_of(value: object) -> int | None:
    return value if isinstance(value, int) else None


def number_of(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def fields_of(value: object) -> Mapping[str, Any]:
    """Empty when it is no JSON object."""
    return value if isinstance(value, dict) else {}


def first_of(value: object) -> object:
    """The first of a list; what is no list counts as the only one. ``None`` for an empty list."""
    if isinstance(value, list):
        return value[0] if value else None
    return value
