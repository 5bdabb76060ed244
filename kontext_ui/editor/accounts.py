"""Accounts at providers: keys that visitors paste, in memory only, and what a provider says about them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kontext_ui.backends.base import Backend, KeyChecking
from kontext_ui.editor.drafts import TierOffer
from kontext_ui.editor.jobs.router import Router
from kontext_ui.errors import CredentialsRejected, InvalidRequest, KontextError
from kontext_ui.projects import Job

CHECK_TIMEOUT_S = 10.0
"""Someone is waiting at the dialog: a longer wait is as good as no answer."""


@dataclass(frozen=True)
class KeyCheck:
    """What a provider said about a key, in a sentence."""

    state: Literal["accepted", "refused", "unknown"]
    message: str
    credit_usd: float | None = None
    """What is left on the account, when the provider reports it and this visitor may know it."""


async def check_key(backend: Backend, key: str | None, *, tell_credit: bool) -> KeyCheck:
    """Ask the provider about a visitor's key, or about the program's own when it is ``None``."""
    if not isinstance(backend, KeyChecking):
        return KeyCheck("unknown", f"{backend.label} cannot check a key; the first edit will show whether it works.")
    try:
        credit_usd = await asyncio.wait_for(backend.verify_key(key), CHECK_TIMEOUT_S)
    except CredentialsRejected as error:
        return KeyCheck("refused", error.message)
    except TimeoutError:
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

    def that_pay(self, job: Job) -> Mapping[str, str]:
        """The owner's keys for a job that they pay, none for one of the program's: it is asked for only when sent."""
        return self.of(job.owner) if job.own_key else {}


class Accounts:
    """Use cases on keys. A visitor's own key comes before the program's."""

    def __init__(self, router: Router, keys: KeyRing, *, tell_credit: bool) -> None:
        self._router = router
        self._keys = keys
        self._tell_credit = tell_credit

    def tiers(self, owner: str) -> tuple[TierOffer, ...]:
        """What this visitor may send edits to, by tier."""
        return self._router.offers(self._keys.of(owner))

    def set_key(self, owner: str, backend_id: str, key: str) -> None:
        """Keep a visitor's own key in memory, for this process's life or until it is forgotten."""
        if backend_id not in self._router.backends:
            raise InvalidRequest("There is no such service.")
        if not key.strip() or not key.isascii() or any(character.isspace() for character in key.strip()):
            raise InvalidRequest("This does not look like a key.", hint="Paste the key alone, in one line.")
        self._keys.put(owner, backend_id, key.strip())

    def forget_key(self, owner: str, backend_id: str) -> None:
        self._keys.forget(owner, backend_id)

    async def check_key(self, owner: str, backend_id: str) -> KeyCheck:
        """Ask the provider whether it accepts the visitor's key, or else the program's own. Costs nothing."""
        backend = self._router.backends.get(backend_id)
        if backend is None:
            raise InvalidRequest("There is no such service.")
        key = self._keys.get(owner, backend_id)
        if not backend.check(key).ready:
            return KeyCheck("unknown", f"There is no key for {backend.label} yet.")
        return await check_key(backend, key, tell_credit=self._tell_credit or key is not None)
