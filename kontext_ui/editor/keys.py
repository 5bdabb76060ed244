"""Keys that visitors paste for their own session: in memory only, never written, never shown again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kontext_ui.backends.base import Backend, KeyChecking
from kontext_ui.errors import CredentialsRejected, KontextError

CHECK_TIMEOUT_S = 10.0
"""Somebody is looking at the dialog: longer than this is as good as no answer."""


@dataclass(frozen=True)
class KeyCheck:
    """What a provider said about a key, in a sentence."""

    state: Literal["accepted", "refused", "unknown"]
    message: str
    credit_usd: float | None = None
    """What is left on the account, when the provider tells it and this visitor may know it."""


async def check_key(backend: Backend, key: str | None, *, tell_credit: bool) -> KeyCheck:
    """Ask the provider about a visitor's key, or about the program's own when it is ``None``."""
    if not isinstance(backend, KeyChecking):
        return KeyCheck("unknown", f"{backend.label} cannot be asked about a key; the first edit will tell.")
    try:
        credit_usd = await asyncio.wait_for(backend.verify_key(key), CHECK_TIMEOUT_S)
    except CredentialsRejected as error:
        return KeyCheck("refused", error.message)
    except asyncio.TimeoutError:
        return KeyCheck("unknown", f"The key could not be checked: {backend.label} did not answer in time.")
    except KontextError as error:
        return KeyCheck("unknown", f"The key could not be checked. {error.message}")
    if credit_usd is None or not tell_credit:
        return KeyCheck("accepted", f"{backend.label} accepts the key.")
    return KeyCheck("accepted", f"{backend.label} accepts the key; ${credit_usd:.2f} of credit is left.", credit_usd)


class KeyRing:
    """Keys by owner and backend id."""

    def __init__(self) -> None:
        self._keys: dict[str, dict[str, str]] = {}

    def __repr__(self) -> str:
        return f"KeyRing({len(self._keys)} owners)"

    def put(self, owner: str, backend_id: str, key: str) -> None:
        self._keys.setdefault(owner, {})[backend_id] = key

    def forget(self, owner: str, backend_id: str) -> None:
        self._keys.get(owner, {}).pop(backend_id, None)

    def get(self, owner: str, backend_id: str) -> str | None:
        return self._keys.get(owner, {}).get(backend_id)

    def of(self, owner: str) -> Mapping[str, str]:
        return self._keys.get(owner, {})
