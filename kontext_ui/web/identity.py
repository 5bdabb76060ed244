"""Who sends a request: a visitor by a signed cookie that scripts cannot read, or a program by an access key.

Also the server's armour: security headers, and a closed door before everything of Gradio's that is not
needed, since it would hand out files or run functions without knowing whose they are.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from itsdangerous import BadSignature, Signer
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kontext_ui.editor.access_keys import PREFIX
from kontext_ui.editor.ceilings import SENT_FROM
from kontext_ui.errors import HistoryError, LimitReached
from kontext_ui.projects import KeyHolder
from kontext_ui.web.doorway import ADDRESS, network_of
from kontext_ui.web.page import content_security_policy

COOKIE = "kontext_visitor"
"""How the cookie is called, before a mark of the data folder: browsers send it to every port of a host."""
FIRM = "__Host-"
"""Before the name where it goes over https: no other program of this host or domain can put another in its place."""
COOKIE_MAX_AGE_S = 400 * 24 * 3600
"""Four hundred days, the longest that browsers keep a cookie; each visit of the page begins them anew."""
ISSUING_PATHS = ("/", "/kontext/state")
"""Only here a visitor without an identity is given one; everywhere else it is refused."""
PAGE_HEADER = "x-kontext-page"
"""Sent by our own scripts. A page of another origin would have to ask leave to send it, and never gets it."""
OWNER_KEY = "kontext_owner"
ACCESS_KEY = "kontext_access_key"
"""In the scope: the id of the access key that the owner was known by, if it was one."""
SENT_FROM_KEY = "kontext_sent_from"
"""In the scope: the tag of the address, as limits know it."""
BECOME_KEY = "kontext_become"
"""In the scope: the owner whose cookie is answered with; set by the route that a moving link leads to."""
REFUSED_KEY = "kontext_refused"
"""In the scope: why a visitor without an identity was given none."""
OWNER = re.compile(r"[A-Za-z0-9_-]{20,64}")
ACCESS_KEY_HEADER = "x-kontext-key"
API_PAGE = "/api"
GUIDE = "/agents.md"
METRICS = "/metrics"
"""Has a token of its own, and is not there without one."""
OPEN = ("/kontext/", "/favicon.ico", "/robots.txt", "/gradio_api/startup-events")
"""Beginnings of paths that are answered without a key; Gradio asks the last one of itself while it starts."""
DESCRIPTION = "/gradio_api/openapi.json"
"""What Gradio says of the named endpoints, for those who list Spaces. Nothing of anybody is in it."""
WITH_KEY = (
    "/config",
    "/gradio_api/info",
    "/gradio_api/upload",
    "/gradio_api/queue/join",
    "/gradio_api/queue/data",
    "/mcp",
)
"""What programs need to call a named endpoint, and agents their tools. All else that Gradio serves stays closed."""
BELOW_WITH_KEY = ("/gradio_api/call/", "/gradio_api/file=")
"""The same, as beginnings of paths."""
HolderOfKey: TypeAlias = Callable[[str], Awaitable[KeyHolder | None]]
Arrive: TypeAlias = Callable[[str], Awaitable[None]]
"""Told of a new visitor; raises ``LimitReached`` when none may come."""


def load_secret(folder: Path) -> str:
    """The key that cookies are signed with, made once per data folder and readable by this user only.

    Raises ``HistoryError`` when it cannot be read or written.
    """
    path = folder / "cookie.key"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _made(path) or path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        raise HistoryError(
            f"{path} cannot be used: {getattr(error, 'strerror', None) or 'it is no key of this program'}.",
            hint="Look at its rights and its disk, or name another data folder with KONTEXT_UI_DATA_DIR.",
        ) from error


def _made(path: Path) -> str | None:
    """A new key; ``None`` when there is one."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return None
    with os.fdopen(handle, "w") as file:
        key = secrets.token_urlsafe(32)
        file.write(key)
    return key


class Identity:
    """ASGI middleware: puts the owner's id, or ``None``, into the scope under ``OWNER_KEY``.

    It stands outside of all that is Gradio's, so that what others add for foreign origins is removed again.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        secret: str,
        embedded: bool,
        holder_of_key: HolderOfKey,
        arrive: Arrive | None = None,
        root_path: str = "",
    ) -> None:
        self._app = app
        self._signer = Signer(secret, salt=COOKIE)
        name = f"{COOKIE}_{hashlib.sha256(b'name' + secret.encode()).hexdigest()[:8]}"
        self._names = (FIRM + name, name, COOKIE)
        """Those that are read, the one to be believed first; the last is what they were called once."""
        self._secret = secret.encode()
        self._arrive = arrive
        self._embedded = embedded
        """Shown inside another site's frame (a Space): the cookie has to be a partitioned one."""
        self._holder_of_key = holder_of_key
        self._root_path = root_path.rstrip("/")
        self._policy = content_security_policy(embedded=embedded)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), self._path(scope)
        scope[SENT_FROM_KEY] = self._tag(scope)
        SENT_FROM.set(scope[SENT_FROM_KEY])  # each request is answered in a context of its own
        key = access_key(headers)
        holder = None if key is None else await self._holder_of_key(key)
        owner = self._owner(headers) if key is None else holder and holder.owner
        fresh = None
        issuing = path in ISSUING_PATHS and scope["method"] == "GET"  # a probe by HEAD is no visitor
        if key is None and issuing and is_same_origin(headers):
            try:
                owner = owner or await self._new_owner()
                fresh = self._cookie(owner, scope)
            except LimitReached as refused:
                scope[REFUSED_KEY] = refused
        scope[OWNER_KEY], scope[ACCESS_KEY] = owner, holder and holder.key

        async def armoured(message: Message) -> None:
            if message["type"] == "http.response.start":
                become = scope.get(BECOME_KEY)
                cookie = fresh if become is None else self._cookie(become, scope)
                self._add_headers(MutableHeaders(scope=message), cookie)
            await send(message)

        closed = self._refusal(path, by_key=holder is not None)
        await (closed or self._app)(scope, receive, armoured)

    async def _new_owner(self) -> str:
        owner = secrets.token_urlsafe(24)
        if self._arrive is not None:
            await self._arrive(owner)
        return owner

    def _tag(self, scope: Scope) -> str:
        """What limits know of an address: whose it is cannot be read from it."""
        network = network_of(str(scope.get(ADDRESS, "")))
        return hmac.new(self._secret, f"address {network}".encode(), "sha256").hexdigest()[:24] if network else ""

    def _path(self, scope: Scope) -> str:
        """As the routes see it: without the prefix under which a proxy serves us."""
        path: str = scope["path"]
        inner = path.removeprefix(self._root_path)
        return inner if inner.startswith("/") else path

    @staticmethod
    def _refusal(path: str, *, by_key: bool) -> ASGIApp | None:
        if path in ("/", API_PAGE, GUIDE, DESCRIPTION, METRICS) or path.startswith(OPEN):
            return None
        if path not in WITH_KEY and not path.startswith(BELOW_WITH_KEY):
            return JSONResponse({"detail": "Not found"}, 404)
        if by_key:
            return None
        hint = "Make an access key for yourself and send it as the header X-Kontext-Key."
        return JSONResponse({"detail": f"This needs a valid access key. {hint}"}, 401)

    def _owner(self, headers: Headers) -> str | None:
        if not is_same_origin(headers):
            return None
        sent = list(_cookies(headers))
        for wanted in self._names:
            for name, value in sent:
                owner = self._signed(value) if name == wanted else None
                if owner is not None:
                    return owner
        return None

    def _signed(self, value: str) -> str | None:
        try:
            owner = self._signer.unsign(value).decode("ascii")
        except (BadSignature, UnicodeError):
            return None
        return owner if OWNER.fullmatch(owner) else None

    def _cookie(self, owner: str, scope: Scope) -> str:
        secure = self._embedded or scope.get("scheme") == "https"
        firm, plain, _ = self._names
        value = self._signer.sign(owner).decode("ascii")
        where = "SameSite=None; Secure; Partitioned" if self._embedded else "SameSite=Lax"
        where += "; Secure" if secure and not self._embedded else ""
        return f"{firm if secure else plain}={value}; Path=/; Max-Age={COOKIE_MAX_AGE_S}; HttpOnly; {where}"

    def _add_headers(self, headers: MutableHeaders, cookie: str | None) -> None:
        headers.setdefault("content-security-policy", self._policy)
        headers["x-content-type-options"] = "nosniff"
        headers["referrer-policy"] = "same-origin"
        headers["cross-origin-resource-policy"] = "same-origin"
        # A page of another site may not read our answers, nor send headers of its own, whatever origin it claims.
        for name in [name for name in headers if name.startswith("access-control-")]:
            del headers[name]
        if cookie is not None:
            headers.append("set-cookie", cookie)
            headers["cache-control"] = "no-store"


def remember_sender(scope: Scope) -> None:
    """For calls that are carried out by a worker, outside of the context of their request: limits know the address."""
    SENT_FROM.set(scope.get(SENT_FROM_KEY, ""))


def access_key(headers: Headers) -> str | None:
    """The key that a program sends, in our own header or as a bearer token.

    A private Space keeps ``Authorization`` for itself, and a bearer that is no key of ours may be meant for it.
    """
    own = headers.get(ACCESS_KEY_HEADER)
    if own is not None:
        return own.strip()
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.startswith(PREFIX) else None


def is_same_origin(headers: Headers) -> bool:
    """Whether the request was sent by our own page, or by no page at all.

    What browsers say themselves is believed; over plain http they say nothing, and a proxy may have changed the
    ``Host`` that the page's origin would be compared with. Then what only our own page can send decides.
    ``X-Forwarded-Host`` is believed: where no trusted proxy has sent it, ``doorway.py`` has taken it away.
    """
    said = headers.get("sec-fetch-site")
    if said is not None:
        return said in ("same-origin", "none")
    origin = headers.get("origin")
    host = headers.get("x-forwarded-host", headers.get("host", ""))
    return origin is None or urlsplit(origin).netloc == host or PAGE_HEADER in headers


def _cookies(headers: Headers) -> Iterator[tuple[str, str]]:
    """Names and values as they were sent. What other programs of this host put among them may be anything, so
    nothing is taken for damage: what cannot be ours is passed over."""
    for line in headers.getlist("cookie"):
        for part in line.split(";"):
            name, _, value = part.partition("=")
            yield name.strip(), value.strip().strip('"')
