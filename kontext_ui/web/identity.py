"""Who a visitor is: a random id in a signed cookie that scripts cannot read.

Also the page's armour: security headers, and a closed door before those of Gradio's own endpoints
that would hand out files or run functions without knowing whose they are.
"""

from __future__ import annotations

import os
import re
import secrets
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

from itsdangerous import BadSignature, Signer
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "kontext_visitor"
COOKIE_MAX_AGE_S = 400 * 24 * 3600
"""Four hundred days, the longest that browsers keep a cookie."""
ISSUING_PATHS = ("/", "/kontext/state")
"""Only here a visitor without an identity is given one; everywhere else it is refused."""
OWNER_KEY = "kontext_owner"
OWNER = re.compile(r"[A-Za-z0-9_-]{20,64}")
GRADIO_API = "/gradio_api/"
GRADIO_NEEDED = ("startup-events", "app_id", "info")
"""What Gradio's page asks for by itself. The rest (files, uploads, queue, functions) is not used here; the
heartbeat least of all: browsers open six connections to a host, and it would hold one per tab for nothing."""
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors {ancestors}"
)
"""Gradio builds its page with inline scripts and ``new Function``, which is why both are allowed."""


def load_secret(folder: Path) -> str:
    """The key that cookies are signed with, made once per data folder and readable by this user only."""
    path = folder / "cookie.key"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        key = secrets.token_urlsafe(32)
        file.write(key)
    return key


class Identity:
    """ASGI middleware: puts the visitor's id, or ``None``, into the scope under ``OWNER_KEY``.

    It has to be the outermost one, so that what others add for foreign origins is taken off again.
    """

    def __init__(self, app: ASGIApp, *, secret: str, embedded: bool) -> None:
        self._app = app
        self._signer = Signer(secret, salt=COOKIE)
        self._embedded = embedded
        """Shown inside another site's frame (a Space): the cookie has to be a partitioned one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path.startswith(GRADIO_API) and not path[len(GRADIO_API) :].startswith(GRADIO_NEEDED):
            await JSONResponse({"detail": "Not found"}, 404)(scope, receive, send)
            return
        headers = Headers(scope=scope)
        owner = self._owner(headers)
        fresh = None
        if owner is None and path in ISSUING_PATHS and is_same_origin(headers):
            owner = secrets.token_urlsafe(24)
            fresh = self._cookie(owner)
        scope[OWNER_KEY] = owner

        async def armoured(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message), fresh)
            await send(message)

        await self._app(scope, receive, armoured)

    def _owner(self, headers: Headers) -> str | None:
        if not is_same_origin(headers):
            return None
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
            owner = None if cookie is None else self._signer.unsign(cookie.value).decode("ascii")
        except (BadSignature, CookieError, UnicodeDecodeError):
            return None
        return owner if owner is not None and OWNER.fullmatch(owner) else None

    def _cookie(self, owner: str) -> str:
        value = self._signer.sign(owner).decode("ascii")
        where = "SameSite=None; Secure; Partitioned" if self._embedded else "SameSite=Lax"
        return f"{COOKIE}={value}; Path=/; Max-Age={COOKIE_MAX_AGE_S}; HttpOnly; {where}"

    def _add_headers(self, headers: MutableHeaders, cookie: str | None) -> None:
        ancestors = "'self' https://huggingface.co https://*.hf.space" if self._embedded else "'self'"
        headers.setdefault("content-security-policy", CONTENT_SECURITY_POLICY.format(ancestors=ancestors))
        headers["x-content-type-options"] = "nosniff"
        headers["referrer-policy"] = "same-origin"
        headers["cross-origin-resource-policy"] = "same-origin"
        # A page of another site may not read our answers, nor send headers of its own, whatever origin it claims.
        for name in [name for name in headers if name.startswith("access-control-")]:
            del headers[name]
        if cookie is not None:
            headers.append("set-cookie", cookie)
            headers["cache-control"] = "no-store"


def is_same_origin(headers: Headers) -> bool:
    """Whether the request was sent by our own page, or by no page at all.

    ``X-Forwarded-Host`` is believed: only a proxy can send it, since pages of others get no preflight granted.
    """
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("x-forwarded-host", headers.get("host", ""))
