"""What all hosted backends share: sending once, polling patiently, downloading safely, user-facing errors.

A submit costs money, so it is repeated only when it certainly was not accepted: the connection was never
made, or the provider said 429. Polls and downloads may be repeated: transport errors, 429 and 5xx,
until the deadline. Keys go only where the caller puts them; a download carries none.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn, TypeAlias, TypeVar

import httpx

from kontext_ui import __version__
from kontext_ui.backends.hosted.messages import message_of
from kontext_ui.backends.hosted.pauses import POLLS_PER_S, Pauses, Sleep
from kontext_ui.backends.hosted.urls import is_configured, is_own, is_public
from kontext_ui.edits import Pixels
from kontext_ui.errors import (
    BackendError,
    BackendUnavailable,
    Billed,
    CredentialsRejected,
    DeadlineExceeded,
    InvalidImage,
    InvalidRequest,
    OutOfCredit,
    RateLimited,
    UnexpectedAnswer,
)
from kontext_ui.images import codec

RESULT_LIMITS = codec.ImageLimits(max_bytes=60_000_000, max_pixels=50_000_000)
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Failures before the first byte of the request could have arrived; a proxy that opens no way lets none through."""
SUBMIT_ATTEMPTS = 4
USER_AGENT = f"kontext-ui/{__version__}"
READ_TIMEOUT_S, CONNECT_TIMEOUT_S = 60.0, 10.0
PICTURE_TIMEOUT_S = 120.0
"""For an answer to a submit that is the picture itself."""
MAX_RETRY_AFTER_S = 30.0
MAX_DOWNLOAD_BYTES = RESULT_LIMITS.max_bytes

Answer = TypeVar("Answer")
NO_CREDIT = re.compile(r"locked|balance|billing|top[ _]?up|credit", re.IGNORECASE)
"""What a 403 says when the account is out of money and the key is right; fal answers so."""
UNSETTLED = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.CONFLICT, httpx.codes.TOO_EARLY)
"""Refusals that say nothing against the request, and nothing about whether it arrived."""

Files: TypeAlias = list[tuple[str, tuple[str, bytes, str]]]
"""Form field, then file name, bytes and content type."""


class Provider:
    """One provider's HTTP. ``hosts`` are the domains its poll and picture addresses may have.

    ``base_url`` is the configured address; when it is plain http (a fake, a proxy on this machine),
    its host may be used over http too. ``transport``, ``sleep`` and ``clock`` are for tests.
    """

    def __init__(
        self,
        backend_id: str,
        label: str,
        base_url: str,
        hosts: tuple[str, ...],
        *,
        deadline_s: float = 180.0,
        models: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        polls_per_s: float = POLLS_PER_S,
    ) -> None:
        self.backend_id = backend_id
        self.label = label
        self.base_url = base_url.rstrip("/")
        self.deadline_s = deadline_s
        self._models = models or {}
        self._hosts = hosts
        self._transport = transport
        self._sleep = sleep
        self.pause = Pauses(sleep, polls_per_s)
        """Between two polls."""
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    def client(self) -> httpx.AsyncClient:
        if self._client is None or self._client.is_closed:
            timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
            limits = httpx.Limits(max_connections=500, max_keepalive_connections=50)
            self._client = httpx.AsyncClient(
                transport=self._transport, timeout=timeout, limits=limits, headers={"user-agent": USER_AGENT}
            )
        return self._client

    def model(self, name: str) -> str:
        """The model, endpoint or kind of job that is asked for where this program knows ``name``."""
        return self._models.get(name, name)

    def model_label(self, name: str, label: str) -> str:
        """What people see: the label, or the successor's own name."""
        return self._models.get(name, label)

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def submit(
        self,
        path: str,
        headers: Mapping[str, str],
        body: Any = None,
        *,
        files: Files | None = None,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> httpx.Response:
        """Send an edit as JSON, or as a form of ``files``.

        ``timeout_s`` bounds the wait for an answer; one that carries the picture itself takes longer.
        Raises a ``BackendError`` that says whether it may have been billed.
        """
        content: dict[str, Any] = {"json": body} if files is None else {"files": files}
        timeout = httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S)
        for attempt in range(SUBMIT_ATTEMPTS):
            last = attempt == SUBMIT_ATTEMPTS - 1
            try:
                response = await self.client().post(self.base_url + path, headers=headers, timeout=timeout, **content)
            except NEVER_SENT as error:
                if last:
                    raise self.unavailable(error, Billed.NO) from None
                await self._sleep(_backoff(attempt))
                continue
            except httpx.HTTPError as error:
                raise self.unavailable(error, Billed.MAYBE) from None
            if response.status_code != httpx.codes.TOO_MANY_REQUESTS or last:
                return response
            waited = retry_after(response)
            await self._sleep(_backoff(attempt) if waited is None else waited)
        raise AssertionError("unreachable")

    async def get(self, url: str, headers: Mapping[str, str], started: float) -> httpx.Response:
        """Ask until there is an answer worth reading, or the deadline since ``started`` has passed.

        A 5xx with a JSON body is such an answer: some providers put a failed task's state there.
        """

        async def ask() -> httpx.Response:
            response = await self.client().get(url, headers=headers)
            _raise_if_passing(response)
            return response

        return await self._patiently(ask, started)

    async def _patiently(self, ask: Callable[[], Awaitable[Answer]], started: float) -> Answer:
        """What ``ask`` returns. Passing trouble is waited out, until the deadline since ``started``."""
        for attempt in itertools.count():
            try:
                return await ask()
            except (httpx.HTTPError, _Passing) as trouble:
                self.check_deadline(started, trouble)
                wait_s = trouble.retry_after_s if isinstance(trouble, _Passing) else None
            await self._sleep(_backoff(attempt) if wait_s is None else wait_s)
        raise AssertionError("unreachable")

    def now(self) -> float:
        return self._clock()

    def check_deadline(self, started: float, cause: Exception | None = None) -> None:
        if self._clock() - started > self.deadline_s:
            raise DeadlineExceeded(
                f"{self.label} did not finish within {self.deadline_s:.0f} seconds.",
                backend=self.backend_id,
                hint="It may still finish and be billed: ask the provider again in a moment.",
                billed=Billed.MAYBE,
                may_retry=True,
            ) from cause

    async def download(self, url: str, started: float) -> bytes:
        """Fetch a result: allowed hosts only, no key, no redirect, no more than ``MAX_DOWNLOAD_BYTES``.

        Raises ``LinkExpired`` for 403, 404 and 410: the link has to be asked for again.
        """
        await self.check_url(url)

        async def fetch() -> bytes:
            async with self.client().stream("GET", url, follow_redirects=False) as response:
                if response.status_code in (403, 404, 410):
                    raise LinkExpired(url)
                if response.status_code == httpx.codes.OK:
                    return await self._read(response)
                _raise_if_passing(response)
                self.unexpected(f"its picture could not be fetched ({response.status_code})")

        return await self._patiently(fetch, started)

    async def inline(self, text: str) -> bytes:
        """The picture that stands in an answer as base64."""
        try:
            return await asyncio.to_thread(base64.b64decode, text, validate=True)
        except ValueError:
            self.unexpected("its picture cannot be read", Billed.YES)

    async def picture(self, data: bytes) -> Pixels:
        """Decode a result as carefully as an upload; the bytes decide the format."""
        try:
            return (await asyncio.to_thread(codec.open_image, data, RESULT_LIMITS)).pixels
        except InvalidImage as error:
            self.unexpected(f"its picture cannot be read ({error.message.rstrip('.').lower()})", Billed.YES)

    async def fetch(self, url: object, started: float, gone: str = "its picture is there no longer") -> Pixels:
        """Download and decode, where the provider makes no fresh link; ``gone`` is the message for an expired one.

        ``url`` may be an object that has the address as ``url``, and the address may hold the picture itself.
        """
        url = url.get("url") if isinstance(url, Mapping) else url
        if not isinstance(url, str):
            self.unexpected("there is no picture in it", Billed.YES)
        if url.startswith("data:"):
            return await self.picture(await self.inline(url.partition(",")[2]))
        try:
            data = await self.download(url, started)
        except LinkExpired:
            self.unexpected(gone, Billed.YES)
        return await self.picture(data)

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MAX_DOWNLOAD_BYTES:
                self.unexpected(f"its picture is larger than {MAX_DOWNLOAD_BYTES / 1e6:.0f} MB")
        return bytes(body)

    async def check_url(self, url: str) -> None:
        """Raises ``UnexpectedAnswer`` for an address that this provider has no business naming."""
        if is_configured(url, self.base_url):
            return
        if not is_own(url, self._hosts):
            self.unexpected("it named an address that is not its own")
        if self._transport is None and not await is_public(url):
            self.unexpected("it named an address inside this network")

    def unexpected(self, what: str, billed: Billed = Billed.MAYBE) -> NoReturn:
        raise UnexpectedAnswer(
            f"{self.label} answered something this program cannot use: {what}.",
            backend=self.backend_id,
            billed=billed,
            may_retry=True,
        )

    def unavailable(self, error: Exception, billed: Billed) -> BackendUnavailable:
        return BackendUnavailable(
            f"{self.label} cannot be reached ({TROUBLES.get(type(error), 'network trouble')}).",
            backend=self.backend_id,
            hint="Nothing was sent; try again in a moment." if billed is Billed.NO else "It may have arrived.",
            billed=billed,
            may_retry=True,
        )

    def refused(
        self, response: httpx.Response, key_name: str, told: str | None = None, hint: str = ""
    ) -> BackendError | InvalidRequest:
        """The error for an unsuccessful answer. ``told`` is its message, where that stands in an unusual place.

        ``hint`` goes in place of the usual one, for a provider whose code means something else as well.
        """
        code, told = response.status_code, message_of(response) if told is None else told
        about = f"{self.label} says: {told.rstrip('.')}." if told else f"{self.label} answered {code}."
        fields: dict[str, Any] = {"backend": self.backend_id}
        if code == 402 or (code == 403 and NO_CREDIT.search(told)):
            return OutOfCredit(
                f"The account at {self.label} has no credit left.",
                hint=hint or "Top it up there, or use another tier.",
                **fields,
            )
        if code in (401, 403) or (code == 422 and "api key" in told.lower()):
            return CredentialsRejected(
                f"{self.label} refused the key." + (f" It says: {told.rstrip('.')}." if code == 403 and told else ""),
                hint=hint or f"Check {key_name}, or paste another key in the settings.",
                **fields,
            )
        if code == 429:
            return RateLimited(
                f"{self.label} is taking no more edits just now.",
                retry_after_s=retry_after(response),
                hint=hint,
                **fields,
            )
        if code >= 500 or code in UNSETTLED:
            return BackendUnavailable(about, billed=Billed.MAYBE, may_retry=True, hint=hint, **fields)
        return InvalidRequest(about, hint=hint or "Nothing was billed. Change the request and send it again.")


class LinkExpired(Exception):
    """The address of a result does not work any more."""


TROUBLES: Mapping[type[Exception], str] = {
    httpx.ConnectError: "no connection",
    httpx.ConnectTimeout: "no connection in time",
    httpx.ReadTimeout: "no answer in time",
    httpx.WriteTimeout: "sending took too long",
    httpx.PoolTimeout: "too many connections",
    httpx.ReadError: "the connection broke",
    httpx.WriteError: "the connection broke",
    httpx.CloseError: "the connection broke",
    httpx.RemoteProtocolError: "its answer broke off",
    httpx.LocalProtocolError: "the request could not be formed",
    httpx.ProxyError: "the proxy refused",
    httpx.UnsupportedProtocol: "its address is not http",
    httpx.DecodingError: "its answer could not be decoded",
    httpx.TooManyRedirects: "it redirected too often",
}


def json_of(response: httpx.Response) -> Mapping[str, Any]:
    """The answer's JSON object; empty when it is none."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that the provider asks to wait, at most ``MAX_RETRY_AFTER_S``."""
    try:
        return min(MAX_RETRY_AFTER_S, max(0.0, float(response.headers.get("retry-after", ""))))
    except ValueError:
        return None


class _Passing(Exception):
    """An answer that says to ask again."""

    def __init__(self, status_code: int, retry_after_s: float | None) -> None:
        super().__init__(status_code)
        self.retry_after_s = retry_after_s


def _raise_if_passing(response: httpx.Response) -> None:
    json_body = "json" in response.headers.get("content-type", "")
    busy = response.status_code == httpx.codes.TOO_MANY_REQUESTS
    if busy or (response.status_code >= 500 and not json_body):
        raise _Passing(response.status_code, retry_after(response))


def _backoff(attempt: int) -> float:
    return min(8.0, 2.0**attempt) * (0.5 + random.random() / 2)  # noqa: S311  jitter, not a secret
