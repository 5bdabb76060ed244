"""A provider's messages, made user-facing: short, and without the keys it was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

MAX_MESSAGE_CHARS = 300
SHORTEST_KEY = 8
"""Shorter words of an authorization header, such as ``Bearer``, are not keys."""


def message_of(response: httpx.Response) -> str:
    """The provider's own words, cut to a readable length; never what we sent."""
    try:
        body = response.json()
    except ValueError:
        return "" if "<" in response.text[:50] else fit_to_tell(response, response.text.strip())
    if not isinstance(body, dict):
        return ""
    for name in ("detail", "message", "error"):
        told = body.get(name)
        if isinstance(told, dict):
            told = told.get("message")
        if isinstance(told, list):
            told = "; ".join(_field_error(item) for item in told[:3] if isinstance(item, dict))
        if isinstance(told, str) and told:
            return fit_to_tell(response, told)
    return ""


def fit_to_tell(response: httpx.Response, told: str) -> str:
    """Some services quote the key that they were sent; what is shown and stored has it removed."""
    for name in ("x-key", "authorization"):
        for word in response.request.headers.get(name, "").split():
            if len(word) >= SHORTEST_KEY:
                told = told.replace(word, "(your key)")
    return told[:MAX_MESSAGE_CHARS]


def _field_error(item: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in item.get("loc", ()) if part != "body")
    return f"{where}: {item.get('msg', 'invalid')}"
