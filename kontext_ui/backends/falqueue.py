"""fal's queue: submitted, asked about, fetched. Hugging Face's router forwards the same queue.

``COMPLETED`` only says that the work is over: an ``error`` may stand beside it, and the result may still
answer with the model's error. fal's own words are the only ones told: its answers can echo the picture.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from kontext_ui.backends.base import Hook
from kontext_ui.backends.hosted import HostedBackend
from kontext_ui.backends.http import LinkExpired, Provider, json_of
from kontext_ui.backends.words import message_of
from kontext_ui.edits import Done, EditEvent, EditResult, Running
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
        for number in range(1_000_000):
            response = await self._http.get(ticket.status_url, headers, started)
            answer = json_of(response)
            status = answer.get("status")
            if status == "COMPLETED":
                self._raise_if_failed(response, answer, ticket.request_id)
                result = await self._result(ticket, headers, started)
                if result is not None:
                    yield Done(result)
                    return
            elif status is None:
                self._raise_if_unknown(response)
            position = answer.get("queue_position") if status == "IN_QUEUE" else None
            yield Running(
                None,
                STAGES.get(str(status), "drawing"),
                queue_position=position + 1 if isinstance(position, int) else None,
            )
            self._http.check_deadline(started)
            await self._http.pause(number, hook)

    async def _result(self, ticket: Ticket, headers: Mapping[str, str], started: float) -> EditResult | None:
        """``None`` when it was asked for too early."""
        response = await self._http.get(ticket.result_url, headers, started)
        if response.status_code == httpx.codes.BAD_REQUEST and "in progress" in message_of(response).lower():
            return None
        answer = json_of(response)
        if response.status_code != httpx.codes.OK:
            raise self._failure(response, answer, ticket.request_id)
        flags = answer.get("has_nsfw_concepts")
        if isinstance(flags, list) and flags[:1] == [True]:  # the picture is there, but black
            raise self._backend.moderated("output", request_id=ticket.request_id)
        seed = answer.get("seed")
        return EditResult(
            await self._http.picture(await self._bytes(answer, started)),
            seed=seed if isinstance(seed, int) else None,
            request_id=ticket.request_id,
        )

    async def _bytes(self, answer: Mapping[str, Any], started: float) -> bytes:
        images = answer.get("images")
        image = images[0] if isinstance(images, list) and images else answer.get("image")
        url = image.get("url") if isinstance(image, dict) else None
        if not isinstance(url, str):
            self._http.unexpected("there is no picture in it", Billed.YES)
        if url.startswith("data:"):
            return await self._http.inline(url.partition(",")[2])
        try:
            return await self._http.download(url, started)
        except LinkExpired:
            self._http.unexpected("its picture is there no longer", Billed.YES)

    def _raise_if_failed(self, response: httpx.Response, answer: Mapping[str, Any], request_id: str) -> None:
        if answer.get("error"):
            raise self._failure(response, answer, request_id)

    def _raise_if_unknown(self, response: httpx.Response) -> None:
        """An answer without a status: the key is wrong, the request is forgotten, or it is passing trouble."""
        if response.status_code == httpx.codes.NOT_FOUND:
            self._http.unexpected("it does not know this edit any more")
        if response.status_code in (401, 402, 403):
            raise self._http.refused(response, self._backend.key_name)

    def _failure(self, response: httpx.Response, answer: Mapping[str, Any], request_id: str) -> KontextError:
        kinds = kinds_of(answer)
        if MODERATED in kinds:
            # A list of fields means that the model's input was refused; a bare word comes from the run.
            at_input = isinstance(answer.get("detail"), list)
            reasons = (message_of(response),) if at_input else ()
            billed = Billed.NO if at_input else Billed.MAYBE
            return self._backend.moderated(
                "input" if at_input else "output", reasons=reasons, billed=billed, request_id=request_id
            )
        if bad := next((kind for kind in kinds if kind in BAD_PICTURE), None):
            return InvalidRequest(
                f"{self._backend.label} says: {BAD_PICTURE[bad]}.", hint="Nothing was billed. Send another picture."
            )
        if response.status_code == httpx.codes.OK or response.status_code >= 500:
            may_retry = response.headers.get("x-fal-retryable", "true").lower() != "false"
            return self._backend.failed(message_of(response), request_id=request_id, may_retry=may_retry)
        return self._http.refused(response, self._backend.key_name)


def kinds_of(answer: Mapping[str, Any]) -> set[str]:
    """The machine-readable names of what went wrong, wherever they stand in the answer."""
    detail = answer.get("detail")
    fields = [item.get("type") for item in detail if isinstance(item, dict)] if isinstance(detail, list) else []
    return {str(kind) for kind in (*fields, answer.get("error_type")) if kind}
