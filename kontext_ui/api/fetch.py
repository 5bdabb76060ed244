"""Pictures fetched from addresses that callers give, and never from anywhere but the public internet.

A caller could name a machine that only this server reaches: its own other services, the router, the address where
a cloud hands out credentials. A name is therefore looked up here, once for each connection, every address it has
must be a public one, and it is that very address which is connected to. A name that is pointed elsewhere
between check and use (DNS rebinding), or a redirect, changes nothing: each connection goes through this.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeAlias

import httpcore
import httpx

from kontext_ui.errors import InvalidImage, InvalidRequest

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
PORTS = frozenset({80, 443})
MAX_REDIRECTS = 3
MAX_URL = 4_000
TIMEOUT_S = 20.0
"""For everything: looking up, connecting, redirects, reading."""
CONNECT_TIMEOUT_S = 5.0
REDIRECTS = (301, 302, 303, 307, 308)
HEADERS = (("accept", "image/*"), ("accept-encoding", "identity"), ("user-agent", "kontext_ui"))
TUNNELS = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""Addresses that stand for an IPv4 one somewhere else: NAT64, 6to4, Teredo."""


class NotPublic(Exception):
    """The address is none of the public internet."""


def is_public(text: str) -> bool:
    """Whether a numeric address is one of the public internet."""
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif any(address in tunnel for tunnel in TUNNELS):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, by this machine's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Fetcher:
    """Fetches files up to ``max_bytes``. ``allow``, ``resolve`` and ``ports`` are other ones in tests only."""

    def __init__(
        self,
        max_bytes: int,
        *,
        allow: Callable[[str], bool] = is_public,
        resolve: Resolve = resolve,
        ports: frozenset[int] = PORTS,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._max_bytes = max_bytes
        self._backend = _Guarded(allow, resolve)
        self._ports = ports
        self._timeout_s = timeout_s

    async def fetch(self, url: str) -> bytes:
        """The body of the answer. Raises ``InvalidRequest`` for an address that is not fetched from, ``InvalidImage``
        for an answer that is no file or too large.
        """
        try:
            async with asyncio.timeout(self._timeout_s), self._pool() as pool:
                target = self._checked(url)
                for _ in range(MAX_REDIRECTS + 1):
                    following, body = await self._get(pool, target)
                    if following is None:
                        return body
                    target = self._checked(following)
        except TimeoutError:
            raise InvalidImage(f"The picture did not arrive within {self._timeout_s:.0f} seconds.") from None
        except NotPublic:
            raise InvalidRequest(
                "This address is not on the public internet, so nothing is fetched from it.",
                hint="Upload the picture instead.",
            ) from None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError, ValueError):
            raise InvalidImage("The picture could not be fetched.", hint="Upload it instead.") from None
        raise InvalidImage("The picture's address leads on too often.", hint="Give the last address of all.")

    def _pool(self) -> httpcore.AsyncConnectionPool:
        """One for each picture: what is fetched for one caller says nothing to another."""
        return httpcore.AsyncConnectionPool(ssl_context=httpx.create_ssl_context(), network_backend=self._backend)

    def _checked(self, text: str) -> httpx.URL:
        try:
            url = httpx.URL(text)
        except (httpx.InvalidURL, UnicodeError):
            raise InvalidRequest("This is no address.") from None
        if url.scheme not in ("http", "https") or not url.host or len(text) > MAX_URL:
            raise InvalidRequest("A picture's address begins with https:// and a name.")
        if url.userinfo:
            raise InvalidRequest("Addresses with a user or a password are not fetched from.")
        if (url.port or {"http": 80, "https": 443}[url.scheme]) not in self._ports:
            raise InvalidRequest("Only the usual ports are fetched from.", hint="Upload the picture instead.")
        return url

    async def _get(self, pool: httpcore.AsyncConnectionPool, url: httpx.URL) -> tuple[str | None, bytes]:
        """Where it leads on to, or else the body."""
        asked = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        headers = [("host", url.netloc.decode("ascii")), *HEADERS]
        limits = {"timeout": {"connect": CONNECT_TIMEOUT_S, "read": self._timeout_s, "pool": self._timeout_s}}
        async with pool.stream("GET", asked, headers=headers, extensions=limits) as answer:
            told = {name.lower(): value.decode("latin-1") for name, value in answer.headers}
            if answer.status in REDIRECTS and b"location" in told:
                return str(url.join(told[b"location"])), b""
            if answer.status != 200:
                raise InvalidImage(f"The picture's server answered with {answer.status}.")
            return None, await self._body(answer, told.get(b"content-length", ""))

    async def _body(self, answer: httpcore.Response, declared: str) -> bytes:
        too_large = InvalidImage(f"The picture is larger than the limit of {self._max_bytes / 1e6:.0f} MB.")
        if declared.isdecimal() and int(declared) > self._max_bytes:
            raise too_large
        body = bytearray()
        async for piece in answer.aiter_stream():
            body += piece
            if len(body) > self._max_bytes:
                raise too_large
        return bytes(body)


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only, and to those that it has looked at."""

    def __init__(self, allow: Callable[[str], bool], resolve: Resolve) -> None:
        self._allow = allow
        self._resolve = resolve
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._resolve(host, port)
        if not addresses or not all(map(self._allow, addresses)):
            raise NotPublic(host)
        return await self._plain.connect_tcp(addresses[0], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise NotPublic(path)

    async def sleep(self, seconds: float) -> None:
        await self._plain.sleep(seconds)
