"""What each of Hugging Face's partners calls a model, asked at the hub: partners rename, and come and go."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from kontext_ui.backends.hosted.http import Provider, json_of
from kontext_ui.backends.hosted.payload import fields_of

TASK = "image-to-image"
FRESH_S, RETRY_S = 3600.0, 300.0
"""How long an answer is believed, and how long the hub is left alone after none."""
TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """``names`` are the partners' own for the model; ``None`` while the hub has said nothing."""

    names: Mapping[str, str] | None = None
    until: float = 0.0


class HubModels:
    """Asks the hub which partners serve ``model``, once an hour. Use from one event loop.

    No token goes along: the answer is the same for everybody.
    """

    def __init__(self, provider: Provider, model: str) -> None:
        self._http = provider
        self._model = model
        self._served = Served()

    async def name_at(self, partner: str, known: str) -> str | None:
        """The partner's name for the model; ``known`` where the hub says nothing, ``None`` where it is not served."""
        if self._http.now() >= self._served.until:
            self._served = await self._ask()
        if self._served.names is None:
            return known
        return self._served.names.get(partner)

    async def _ask(self) -> Served:
        now = self._http.now()
        url = f"{hub_of(self._http.base_url)}/api/models/{self._model}"
        try:
            response = await self._http.client().get(
                url, params={"expand": "inferenceProviderMapping"}, timeout=TIMEOUT_S
            )
        except httpx.HTTPError as error:
            log.info("the hub does not say who serves %s: %s", self._model, type(error).__name__)
            return Served(self._served.names, now + RETRY_S)
        told = json_of(response).get("inferenceProviderMapping") if response.is_success else None
        if not isinstance(told, dict | list):
            return Served(self._served.names, now + RETRY_S)
        return Served(dict(_names(told)), now + FRESH_S)


def hub_of(router: str) -> str:
    """The hub's address; the router answers under a name of its own, everything else of theirs lies at the hub."""
    return router.replace("//router.", "//", 1)


def _names(told: Mapping[str, Any] | list[Any]) -> Iterator[tuple[str, str]]:
    """Partner and its name for the model; the hub writes a mapping to some clients and a list to others."""
    entries = told.items() if isinstance(told, Mapping) else ((fields_of(each).get("provider"), each) for each in told)
    for partner, entry in entries:
        entry = fields_of(entry)
        name = entry.get("providerId")
        if isinstance(partner, str) and isinstance(name, str) and name and entry.get("task") in (TASK, None):
            yield partner, name
