"""Messages of programs, from what a language or a protocol made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from kontext_ui.errors import InvalidRequest

M = TypeVar("M", bound=BaseModel)


def read(message: type[M], values: Mapping[str, Any]) -> M:
    """Raises ``InvalidRequest`` that names what cannot be read."""
    try:
        return message.model_validate(values)
    except ValidationError as error:
        known = ", ".join(message.model_fields) or "none"
        raise InvalidRequest(unreadable(error), hint=f"Nothing was done. The arguments are: {known}.") from None


def unreadable(error: ValidationError) -> str:
    """A sentence on the first thing that could not be read."""
    first = error.errors(include_url=False)[0]
    if first["type"] == "budget":
        return first["msg"]
    where = " ".join(str(part).replace("_", " ") for part in first["loc"])
    return f"{where[:80] or 'It'} cannot be read: {first['msg'].lower()}."
