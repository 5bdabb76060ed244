"""What image servers answer: a picture, or one of their shapes of saying no."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any, Literal, NoReturn
from urllib.parse import urljoin, urlsplit

import httpx

from kontext_ui.backends.hosted.http import RESULT_LIMITS, TROUBLES, json_of, retry_after
from kontext_ui.backends.hosted.messages import MAX_MESSAGE_CHARS, message_of
from kontext_ui.edits import Pixels
from kontext_ui.errors import (
    BackendUnavailable,
    Billed,
    ContentModerated,
    CredentialsRejected,
    DeadlineExceeded,
    InvalidImage,
    InvalidRequest,
    KontextError,
    ModelNotInstalled,
    OutOfCredit,
    OutOfMemory,
    RateLimited,
    UnexpectedAnswer,
)
from kontext_ui.images import codec

BACKEND_ID = "imageserver"
LABEL = "Image server"
KEY_NAME = "KONTEXT_UI_IMAGE_SERVER_KEY"
MAX_ANSWER_BYTES = RESULT_LIMITS.max_bytes * 3 // 2
"""A picture at the limit in base64, with room for the JSON around it."""
OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")
"""Headers about how a body travelled, which say nothing about one that was read."""
MODERATED = ("moderation", "content_policy", "contentmoderated", "safety")
MEMORY_WORDS = ("out of memory", "outofmemory", "not enough memory", "alloc")
RAY_IS_FULL = "dropped due to backpressure"
"""Ray Serve says so beside 503, when as many requests wait as it holds."""
WITHOUT_THE_ROUTE = (404, 405, 501)


class NotStarted(Exception):
    """This server surely did not begin the edit, so another one may be asked. ``busy``: it is well, only full."""

    def __init__(self, error: KontextError, *, busy: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.busy = busy


def refusal(response: httpx.Response, billed: Billed) -> KontextError | NotStarted:
    """The error for an unsuccessful answer. ``billed`` applies when the work may have begun."""
    code, told = response.status_code, message_of(response)
    if code == httpx.codes.TOO_MANY_REQUESTS or (code == httpx.codes.SERVICE_UNAVAILABLE and RAY_IS_FULL in told):
        full = f"{LABEL}: the queue is full."
        return NotStarted(RateLimited(full, backend=BACKEND_ID, retry_after_s=retry_after(response)), busy=True)
    if code == httpx.codes.SERVICE_UNAVAILABLE:
        return NotStarted(unavailable(told or "it is not ready"), busy=True)
    if code in (401, 403):
        wrong = f"{LABEL}: the key was refused."
        return NotStarted(CredentialsRejected(wrong, backend=BACKEND_ID, hint=f"Check {KEY_NAME}."))
    if code in WITHOUT_THE_ROUTE or response.is_redirect:
        what = "it redirects elsewhere" if response.is_redirect else told or "it has no route /v1/images/edits"
        return NotStarted(unavailable(what))
    if code == httpx.codes.PAYMENT_REQUIRED:
        return OutOfCredit(f"{LABEL}: the account has no credit left.", backend=BACKEND_ID)
    error = json_of(response).get("error")
    return failure(error if isinstance(error, dict) else {}, told or f"it answered {code}", code, billed)


def failure(error: Mapping[str, Any], told: str, code: int, billed: Billed) -> KontextError:
    """The error for a server's words. ``error`` may be empty; of our own server it has our classes' names."""
    kind = f"{error.get('code') or ''} {error.get('type') or ''}".lower()
    hint = str(error.get("hint") or "")[:MAX_MESSAGE_CHARS]
    told = told.removesuffix(hint).strip()  # our own server repeats it for clients that show nothing else
    about = f"{LABEL} says: {told.rstrip('.')}."
    if any(word in kind for word in MODERATED):
        stage: Literal["input", "output"] = "output" if error.get("stage") == "output" else "input"
        return ContentModerated(
            about, backend=BACKEND_ID, stage=stage, hint=hint or "Change the words or the picture.", billed=billed
        )
    if "modelnotinstalled" in kind:
        return ModelNotInstalled(about, backend=BACKEND_ID, hint=hint)
    if any(word in told.lower() or word in kind for word in MEMORY_WORDS):
        return OutOfMemory(about, backend=BACKEND_ID, hint=hint or "Send it as a draft, or select a part.")
    if code < 500:
        return InvalidRequest(about, hint=hint or "Change the request and send it again.")
    return UnexpectedAnswer(about, backend=BACKEND_ID, hint=hint or "Send it again.", billed=billed, may_retry=True)


def trouble(error: httpx.HTTPError, billed: Billed, timeout_s: float) -> KontextError:
    """The connection failed after the request may have arrived."""
    if isinstance(error, httpx.ReadTimeout):
        return DeadlineExceeded(
            f"{LABEL}: no picture within {timeout_s:.0f} seconds.",
            backend=BACKEND_ID,
            hint="It may be busy still. KONTEXT_UI_IMAGE_SERVER_TIMEOUT_S sets how long it is waited for.",
            billed=billed,
            may_retry=True,
        )
    what = TROUBLES.get(type(error), "network trouble")
    return UnexpectedAnswer(
        f"{LABEL}: {what} while it was at work.",
        backend=BACKEND_ID,
        hint="Send it again.",
        billed=billed,
        may_retry=True,
    )


def unavailable(why: str) -> BackendUnavailable:
    return BackendUnavailable(
        f"{LABEL} cannot be used: {why.rstrip('.')}.",
        backend=BACKEND_ID,
        hint="Nothing was started; try again in a moment.",
        may_retry=True,
    )


def unusable(what: str, billed: Billed) -> NoReturn:
    raise UnexpectedAnswer(
        f"{LABEL} answered something this program cannot use: {what}.",
        backend=BACKEND_ID,
        hint="Is KONTEXT_UI_IMAGE_SERVER_DIALECT right for it?",
        billed=billed,
        may_retry=True,
    )


async def with_body(response: httpx.Response, billed: Billed) -> httpx.Response:
    """A streamed answer with its body, which may have no more than ``MAX_ANSWER_BYTES``."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            unusable(f"it is larger than {MAX_ANSWER_BYTES / 1e6:.0f} MB", billed)
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in OF_THE_WIRE]
    return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=response.request)


def first_of(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry of the first picture; empty when there is none."""
    data = answer.get("data")
    return data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else {}


async def picture_in(
    entry: Mapping[str, Any], client: httpx.AsyncClient, base_url: str, headers: Mapping[str, str], billed: Billed
) -> Pixels:
    """The picture as pixels, so that text chunks which servers write into files are left behind."""
    inline, url = entry.get("b64_json"), entry.get("url")
    if isinstance(url, str) and url.startswith("data:"):
        inline = url.partition(",")[2]
    if isinstance(inline, str) and inline:
        try:
            data = await asyncio.to_thread(base64.b64decode, inline, validate=True)
        except ValueError:
            unusable("its picture cannot be read", billed)
    elif isinstance(url, str) and url:
        data = await _fetched(urljoin(base_url + "/", url), client, base_url, headers, billed)
    else:
        unusable("there is no picture in it", billed)
    try:
        return (await asyncio.to_thread(codec.open_image, data, RESULT_LIMITS)).pixels
    except InvalidImage as error:
        unusable(f"its picture cannot be read ({error.message.rstrip('.').lower()})", billed)


async def _fetched(
    url: str, client: httpx.AsyncClient, base_url: str, headers: Mapping[str, str], billed: Billed
) -> bytes:
    """From the server itself and from nowhere else, whatever address it names."""
    if urlsplit(url)[:2] != urlsplit(base_url)[:2]:
        unusable("it names a picture at another address", billed)
    try:
        async with client.stream("GET", url, headers=headers, follow_redirects=False) as response:
            if response.status_code != httpx.codes.OK:
                unusable(f"its picture could not be fetched ({response.status_code})", billed)
            return (await with_body(response, billed)).content
    except httpx.HTTPError as error:
        unusable(f"its picture could not be fetched ({TROUBLES.get(type(error), 'network trouble')})", billed)
