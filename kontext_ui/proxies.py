"""Proxies that the environment names, as httpx and Gradio should see them."""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from urllib.request import getproxies

import httpx

from kontext_ui.errors import InvalidSetting

KINDS = ("http", "https", "all")
SPARED = re.compile(r"[A-Za-z0-9._-]+(?::[0-9]{1,5})?(?:/[0-9]{1,2})?")
"""Names, addresses and networks of IPv4 that no proxy is asked for."""


def use_proxies(*own_hosts: str) -> None:
    """Keep what a program asks of its own machine from going to a proxy: Gradio asks the page whether it has started.

    Exceptions that httpx would raise on, such as networks of IPv6, are left out: curl and others know them, so people
    have them. Raises ``InvalidSetting`` for a proxy that cannot be used; it is not shown, for it may hold a password.
    """
    found = getproxies()
    named = {kind: found[kind] for kind in KINDS if found.get(kind)}
    spared = [entry.strip() for entry in found.get("no", "").split(",")]
    if not named or "*" in spared:
        return
    readable = (entry.lstrip("*").removeprefix("[").removesuffix("]") for entry in spared)
    kept = (entry for entry in readable if SPARED.fullmatch(entry) or _is_address(entry))
    text = ",".join(dict.fromkeys((*kept, "localhost", "127.0.0.1", "::1", *own_hosts)))
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = text
    for kind, address in named.items():  # those of Windows' registry and of macOS count only while no variable is set
        os.environ.setdefault(f"{kind}_proxy", address)
    try:
        httpx.Client().close()
    except (ValueError, ImportError, httpx.InvalidURL):
        raise InvalidSetting(
            f"The proxy in {' or '.join(f'{kind}_proxy'.upper() for kind in named)} cannot be used.",
            hint="It has to be an address that begins with http://, https:// or socks5://.",
        ) from None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
