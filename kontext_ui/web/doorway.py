"""What a request says of the way it came: the name it was sent to, and what proxies add to it.

A page of another site can point its own name at this machine once it is loaded (DNS rebinding); for the browser
it then is of one origin with us, and could spend the keys of whoever sits there. Only the ``Host`` header tells
such a request from ours, so names that are not ours are not answered. And ``X-Forwarded-*`` is anybody's
to send, so it is taken away unless a proxy that we trust has sent it: what is inside may believe what is left.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from kontext_ui.settings import Settings, is_loopback, on_space, split_list, through_tunnel

ADDRESS = "kontext_address"
"""In the scope: the address a request comes from, as text; empty when it is not known."""
ANY = "*"
PRIVATE = "private"
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
FROM_PROXIES = (b"x-forwarded-", b"x-real-ip", b"forwarded")
TUNNEL = ".gradio.live"
"""Where Gradio's share links live; nobody but Gradio says what names there point to."""


@dataclass(frozen=True)
class Names:
    """The names that a server answers to. An ``exact`` one that begins with a dot stands for all names below it."""

    exact: tuple[str, ...]
    loopback_only: bool
    """Listening on a loopback address: of numeric addresses only such are answered. No name can be rebound to
    what is no name, so elsewhere all numeric ones are."""
    any: bool = False

    def has(self, host: str) -> bool:
        """Whether a ``Host`` header names this server, with or without a port."""
        found = HOST.fullmatch(host)
        if found is None:
            return False
        name = found[1].strip("[]").rstrip(".").lower()
        address = _address(name)
        if address is not None:
            return self.any or address.is_loopback or not self.loopback_only
        if self.any or name == "localhost" or name.endswith(".localhost"):
            return True
        return any(name.endswith(own) if own.startswith(".") else name == own for own in self.exact)


@dataclass(frozen=True)
class Proxies:
    """Who may say for whom a request is: addresses, networks, or ``private`` for all that are not on the internet."""

    trusted: tuple[str, ...]

    def trusts(self, address: str) -> bool:
        parsed = _address(address)
        return parsed is not None and any(
            not parsed.is_global if network == PRIVATE else parsed in ip_network(network) for network in self.trusted
        )

    def visitor(self, peer: str, forwarded: str) -> str:
        """The address behind our proxies: the last in the chain that is no proxy of ours.

        Those before it were written by a stranger. Where the chain is broken, the last proxy stands for its visitors.
        """
        address = peer
        for part in reversed(forwarded.split(",")):
            if not self.trusts(address) or _address(part.strip()) is None:
                break
            address = part.strip()
        return address


def our_names(settings: Settings) -> Names:
    """Those of the settings, ``PUBLIC_URL``'s, and beyond this machine its own.

    A Space is asked by any name: its only way in is Hugging Face's proxy, and there is no network around it that
    would protect it, so nothing is won by a rebound name.
    """
    given = split_list(settings.allowed_hosts.lower())
    public = urlsplit(settings.public_url).hostname
    loopback_only = is_loopback(settings.host)
    names = [*given, *filter(None, [public])]
    if not loopback_only:
        names += [settings.host.lower(), *_of_this_machine()]
    if through_tunnel():
        names.append(TUNNEL)
    return Names(tuple(names), loopback_only, any=ANY in given or (on_space() and not given))


def our_proxies(settings: Settings) -> Proxies:
    return Proxies(split_list(settings.trusted_proxies.lower()))


def network_of(address: str) -> str:
    """Who shares an address, for limits: an IPv4 address itself, of IPv6 the 64 bits that one household is given.

    Empty for what is no numeric address.
    """
    parsed = _address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return "" if parsed is None else str(parsed)


class Doorway:
    """ASGI middleware, the outermost: 421 for other names, and no word of a proxy that is not trusted."""

    def __init__(self, app: ASGIApp, names: Names, proxies: Proxies) -> None:
        self._app = app
        self._names = names
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        peer = str(scope["client"][0]) if scope.get("client") else ""
        scope = self._believed(scope, peer) if self._proxies.trusts(peer) else _unforwarded(scope, peer)
        unknown = self._unknown_name(Headers(scope=scope))
        app = self._app if unknown is None else misdirected(unknown)
        await app(scope, receive, send)

    def _unknown_name(self, headers: Headers) -> str | None:
        """A name that is not ours among those a request gives. No browser leaves out ``Host``; old probes do."""
        forwarded = [part.strip() for line in headers.getlist("x-forwarded-host") for part in line.split(",")]
        return next((name for name in (*headers.getlist("host"), *forwarded) if not self._names.has(name)), None)

    def _believed(self, scope: Scope, peer: str) -> Scope:
        headers = Headers(scope=scope)
        address = self._proxies.visitor(peer, ",".join(headers.getlist("x-forwarded-for")))
        scheme = headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
        return {
            **scope,
            ADDRESS: address,
            "scheme": scheme if scheme in ("http", "https") else scope.get("scheme", "http"),
        }


def misdirected(name: str) -> JSONResponse:
    """421 with what to do about it."""
    shown = name[:100].split(":")[0]
    detail = (
        f"This server does not answer to the name {shown!r}. If it is its name, whoever runs it writes it into "
        "PUBLIC_URL or KONTEXT_UI_ALLOWED_HOSTS."
    )
    headers = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
    return JSONResponse({"detail": detail}, 421, headers)


def _unforwarded(scope: Scope, peer: str) -> Scope:
    kept = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(FROM_PROXIES)]
    return {**scope, ADDRESS: peer, "headers": kept}


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """``None`` for what is no numeric address. One that stands for an IPv4 address is that address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _of_this_machine() -> tuple[str, ...]:
    name = socket.gethostname().lower()
    return (name, f"{name}.local") if name else ()
