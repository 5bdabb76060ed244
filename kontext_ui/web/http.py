"""What routes share: whose a request is, its body, and answers."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import AsyncGenerator, Mapping
from typing import Literal
from urllib.parse import quote

from pydantic_core import to_json, to_jsonable_python
from starlette.datastructures import FormData, Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from kontext_ui.errors import (
    HistoryError,
    ImageMissing,
    InvalidImage,
    InvalidRequest,
    KontextError,
    LimitReached,
    ProjectNotFound,
    VersionNotFound,
)
from kontext_ui.web.identity import OWNER_KEY, REFUSED_KEY
from kontext_ui.web.rows import error_row

FORM_BYTES = 100_000
"""What a message may hold besides its pictures."""
MAX_NAME_CHARS = 60
NOT_FOUND = (ProjectNotFound, VersionNotFound, ImageMissing)


def owner_of(request: Request) -> str:
    """Raises a 401 for a request without an identity, and a 429 when it was given none for the sake of a limit."""
    owner = request.scope.get(OWNER_KEY)
    refused = request.scope.get(REFUSED_KEY)
    if isinstance(refused, LimitReached):
        raise HTTPException(429, f"{refused.message} {refused.hint}", retry_after(refused))
    if not isinstance(owner, str) or not owner:
        raise HTTPException(401, "This browser has no identity here. Allow cookies and reload the page.")
    return owner


async def read_body(request: Request, max_bytes: int, what: Literal["file", "message"] = "file") -> bytes:
    """The request's body, read only as far as the limit. Raises ``InvalidImage``, for messages ``InvalidRequest``."""
    too_large: InvalidRequest = InvalidImage(
        f"The file is larger than the limit of {max_bytes / 1e6:.0f} MB.", hint="Save a smaller copy, or a JPEG."
    )
    if what == "message":
        too_large = InvalidRequest("This is longer than anything that can be sent.", hint="Send a part of it.")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise too_large
    except ClientDisconnect:
        raise InvalidRequest("The connection broke off before everything had arrived.") from None
    return bytes(body)


async def read_form(request: Request, max_bytes: int, max_files: int) -> FormData:
    """A form with files. Raises ``InvalidImage`` when it is too large, ``InvalidRequest`` when it cannot be read."""
    body = await read_body(request, max_bytes)
    try:
        return await MultiPartParser(Headers(scope=request.scope), _once(body), max_files=max_files).parse()
    except MultiPartException as error:
        raise InvalidRequest(f"The form cannot be read: {error.message}") from None


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def failed(error: KontextError) -> Response:
    if isinstance(error, LimitReached):
        return as_json({"error": error_row(error)}, 429, retry_after(error))
    status = 404 if isinstance(error, NOT_FOUND) else 507 if isinstance(error, HistoryError) else 200
    return as_json({"error": error_row(error)}, status)


def attachment(name: str) -> str:
    """The header that gives a download its name, in any script (RFC 6266); old programs read the first one."""
    plain = "".join(character if character.isascii() else "-" for character in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def file_name(title: str) -> str:
    """Letters and digits of any script, with one hyphen for anything between them."""
    kept = "".join(each if unicodedata.category(each)[0] in "LMN" else "-" for each in title)
    return "-".join(part for part in kept.split("-") if part)[:MAX_NAME_CHARS].rstrip("-") or "picture"


def retry_after(error: LimitReached) -> dict[str, str]:
    """The header that programs wait by; none where no time brings room."""
    return {} if error.retry_after_s is None else {"retry-after": str(math.ceil(error.retry_after_s))}


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Rows and everything else that is plain data, as JSON that no cache keeps."""
    return Response(written(value), status, {"cache-control": "no-store", **(headers or {})}, "application/json")


def written(value: object) -> bytes:
    """As JSON that every browser reads, whatever providers and people put into its texts and numbers."""
    try:
        return to_json(value, inf_nan_mode="null")
    except ValueError:  # half of a character, which UTF-8 cannot hold
        return json.dumps(to_jsonable_python(value, inf_nan_mode="null")).encode()


def address_of(request: Request, public_url: str = "") -> str:
    """This server's address as the caller knows it, without a slash at the end.

    ``doorway.py`` has looked at the names, and taken away what no trusted proxy has said.
    """
    if public_url:
        return public_url.rstrip("/")
    host = request.headers.get("x-forwarded-host", request.headers.get("host", "")).split(",")[0].strip()
    root: str = request.scope.get("root_path", "")
    return f"{request.url.scheme}://{host}{root.rstrip('/')}"
