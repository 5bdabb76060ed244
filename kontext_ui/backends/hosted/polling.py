"""Edits at a provider that returns an id at once and is then polled until the edit ends."""

from __future__ import annotations

import dataclasses
import itertools
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from kontext_ui.backends.base import EditTask, Hook
from kontext_ui.backends.hosted.backend import HostedBackend
from kontext_ui.backends.hosted.http import LinkExpired, Provider, json_of
from kontext_ui.edits import Done, EditEvent, EditRequest, Running, Submitted
from kontext_ui.errors import Billed

MOST_DEAD_LINKS = 3
"""Of one edit: it has ended by then, and no link to its picture works."""


@dataclass(frozen=True)
class Poll:
    """One answer to the question what became of an edit. ``number`` counts them from 0."""

    remote_id: str
    response: httpx.Response
    number: int
    started: float
    """When the edit was sent, or picked up again, by the provider's clock here."""

    @property
    def answer(self) -> Mapping[str, Any]:
        return json_of(self.response)


async def follow(
    http: Provider,
    remote_id: str,
    url: str,
    headers: Mapping[str, str],
    started: float,
    hook: Hook | None,
    read: Callable[[Poll], Awaitable[Running | Done]],
) -> AsyncIterator[EditEvent]:
    """Ends with ``Done``, with the deadline, or with what ``read`` raises for an edit that came to nothing.

    ``read`` may raise ``LinkExpired`` where asking again gives a fresh link.
    """
    dead_links = 0
    for number in itertools.count():
        poll = Poll(remote_id, await http.get(url, headers, started), number, started)
        try:
            event = await read(poll)
        except LinkExpired:
            dead_links += 1
            if dead_links == MOST_DEAD_LINKS:
                http.unexpected("its picture is there no longer", Billed.YES)
            event = Running(None, "drawing")
        yield event
        if isinstance(event, Done):
            return
        http.check_deadline(started)
        await http.pause(number, hook)


class PolledBackend(HostedBackend, ABC):
    """Has one address for each edit, which reports its state and, in the end, its picture."""

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        started = self._http.now()
        submitted = self._submitted(await self._send(request, task))
        remote_id = submitted.remote_id
        # The id is journalled whatever is thought of the address next to it: the edit is paid for by now.
        url = await self.own(submitted.poll_url, self._poll_url(remote_id))
        yield dataclasses.replace(submitted, poll_url=url)
        async for event in follow(self._http, remote_id, url, self.headers(task), started, task.hook, self._read):
            yield event

    async def resume(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        started, remote_id = self._http.now(), task.remote_id or ""
        url = task.poll_url or self._poll_url(remote_id)
        await self._http.check_url(url)
        async for event in follow(self._http, remote_id, url, self.headers(task), started, task.hook, self._read):
            yield event

    @abstractmethod
    async def _send(self, request: EditRequest, task: EditTask) -> Mapping[str, Any]:
        """The answer to the submit. The body is large; it is freed when this returns."""

    @abstractmethod
    def _submitted(self, answer: Mapping[str, Any]) -> Submitted: ...

    @abstractmethod
    def _poll_url(self, remote_id: str) -> str:
        """Where an edit is asked about when the provider names no address."""

    @abstractmethod
    async def _read(self, poll: Poll) -> Running | Done:
        """Raises for an edit that came to nothing; an unknown word is waited on."""
