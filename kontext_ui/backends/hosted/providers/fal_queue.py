"""fal's queue: an edit is asked about under its id, then fetched. Hugging Face's router forwards the same queue.

``COMPLETED`` only says that the work has ended: an ``error`` may stand next to it, and the result may still answer
with the model's error. Only fal's own messages are shown: its answers can echo the picture.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import httpx

from kontext_ui.backends.base import Hook
from kontext_ui.backends.hosted.backend import HostedBackend
from kontext_ui.backends.hosted.http import Provider, json_of
from kontext_ui.backends.hosted.messages import message_of
from kontext_ui.backends.hosted.payload import first_of, whole_of
from kontext_ui.backends.hosted.polling import Poll, follow
from kontext_ui.edits import Done, EditEvent, EditResult, Pixels, Running
from kontext_ui.errors import Billed, InvalidRequest, KontextError

MODERATED = "content_policy_violation"
BAD_PICTURE: Mapping[str, str] = {
    "image_too_small": "the picture is too small",
    "image_too_large": "the picture is too large",
    "image_load_error": "the picture could not be opened",
    "file_download_error": "the picture could not be fetched",
    "file_too_large": "the picture's file is too large",
    "face_detection_error": "no face was found in the picture",
}
NOT_THERE_YET = (404, 408, 409, 410, 425)
"""Answers for a finished edit's result that its own client asks again after; the picture is paid for."""
STAGES: Mapping[str, str] = {"IN_QUEUE": "waiting for a machine", "IN_PROGRESS": "drawing"}


@dataclass(frozen=True)
class Ticket:
    """One request in the queue, and where to ask about it."""

    request_id: str
    status_url: str
    result_url: str


class FalQueue:
    """Follows tickets on behalf of a backend, whose name the errors carry."""

    def __init__(self, backend: HostedBackend, provider: Provider) -> None:
        self._backend = backend
        self._http = provider

    async def follow(
        self, ticket: Ticket, headers: Mapping[str, str], started: float, hook: Hook | None = None
    ) -> AsyncIterator[EditEvent]:
        """Ends with ``Done`` or raises. Both addresses are checked before a key goes there."""
        await self._http.check_url(ticket.status_url)
        await self._http.check_url(ticket.result_url)
        read = partial(self._read, ticket.result_url, headers)
        async for event in follow(self._http, ticket.request_id, ticket.status_url, headers, started, hook, read):
            yield event

    async def _read(self, result_url: str, headers: Mapping[str, str], poll: Poll) -> Running | Done:
        answer = poll.answer
        status = answer.get("status")
        if status == "COMPLETED":
            if answer.get("error"):
                raise self._failure(poll.response, answer, poll.remote_id)
            result = await self._result(result_url, headers, poll)
            if result is not None:
                return Done(result)
        elif status is None:
            self._raise_if_unknown(poll.response)
        position = whole_of(answer.get("queue_position")) if status == "IN_QUEUE" else None
        return Running(
            None, STAGES.get(str(status), "drawing"), queue_position=None if position is None else position + 1
        )

    async def _result(self, url: str, headers: Mapping[str, str], poll: Poll) -> EditResult | None:
        """``None`` when it is not there yet: asked for too early, or by passing trouble of a finished edit."""
        response = await self._http.get(url, headers, poll.started)
        early = response.status_code == httpx.codes.BAD_REQUEST and "in progress" in message_of(response).lower()
        if early or response.status_code in NOT_THERE_YET:
            return None
        answer = json_of(response)
        if response.status_code != httpx.codes.OK:
            raise self._failure(response, answer, poll.remote_id)
        flags = answer.get("has_nsfw_concepts")
        if isinstance(flags, list) and flags[:1] == [True]:  # the picture is there, but black
            raise self._backend.moderated("output", request_id=poll.remote_id)
        picture = await self._picture(answer, poll.started)
        return EditResult(picture, seed=whole_of(answer.get("seed")), request_id=poll.remote_id)

    async def _picture(self, answer: Mapping[str, Any], started: float) -> Pixels:
        return await self._http.fetch(first_of(answer.get("images")) or answer.get("image"), started)

    def _raise_if_unknown(self, response: httpx.Response) -> None:
        """An answer without a status: the key is wrong, the request is forgotten, or it is passing trouble."""
        if response.status_code == httpx.codes.NOT_FOUND:
            self._http.unexpected("it does not know this edit any more")
        if response.status_code in (401, 402, 403):
            raise self._backend.refused(response)

    def _failure(self, response: httpx.Response, answer: Mapping[str, Any], request_id: str) -> KontextError:
        kinds = kinds_of(response)
        if MODERATED in kinds:
            # A list of fields means that the model's input was refused; a bare word comes from the run.
            at_input = isinstance(answer.get("detail"), list)
            reasons = (message_of(response),) if at_input else ()
            stage: Literal["input", "output"] = "input" if at_input else "output"
            return self._backend.moderated(stage, reasons=reasons, billed=Billed.MAYBE, request_id=request_id)
        if bad := next((kind for kind in kinds if kind in BAD_PICTURE), None):
            return InvalidRequest(
                f"{self._backend.label} says: {BAD_PICTURE[bad]}.",
                hint="It may have been billed. Send another picture.",
                billed=Billed.MAYBE,
            )
        if response.status_code == httpx.codes.OK or response.status_code >= 500:
            may_retry = response.headers.get("x-fal-retryable", "true").lower() != "false"
            # fal charges for no 5xx, and may for a 422 on which a machine has spent time.
            billed = Billed.NO if response.status_code >= 500 else Billed.MAYBE
            told = message_of(response)
            return self._backend.failed(told, billed=billed, request_id=request_id, may_retry=may_retry)
        if response.status_code in (401, 402, 403):
            return self._backend.refused(response)
        told = message_of(response)
        return self._backend.failed(told, request_id=request_id, may_retry=False)


def kinds_of(response: httpx.Response) -> set[str]:
    """The machine-readable names of what went wrong, wherever they stand: some answers have them in a header only."""
    answer = json_of(response)
    detail = answer.get("detail")
    fields = [item.get("type") for item in detail if isinstance(item, dict)] if isinstance(detail, list) else []
    return {str(kind) for kind in (*fields, answer.get("error_type"), response.headers.get("x-fal-error-type")) if kind}
