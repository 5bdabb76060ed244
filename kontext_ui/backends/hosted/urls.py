"""Which addresses out of a provider's answer may be asked for anything."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit


def is_configured(url: str, base_url: str) -> bool:
    """On the host and by the scheme of the configured address: the provider, a gateway before it, or a fake."""
    parts, base = urlsplit(url), urlsplit(base_url)
    same = (parts.scheme, parts.hostname) == (base.scheme, base.hostname)
    return base.scheme in ("http", "https") and same and parts.username is None


def is_own(url: str, domains: tuple[str, ...]) -> bool:
    """https, in one of the provider's domains, and without a user name that could pass for a host."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    known = any(host == domain or host.endswith("." + domain) for domain in domains)
    return parts.scheme == "https" and known and parts.username is None


async def is_public(url: str) -> bool:
    """Whether the host's name leads out of this network."""
    try:
        host = urlsplit(url).hostname
        found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        return True  # it cannot be connected to either; the connection says so in better words
    return all(ipaddress.ip_address(address[4][0]).is_global for address in found)
