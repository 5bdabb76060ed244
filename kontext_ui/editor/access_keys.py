"""Access keys: a program that sends one acts as the owner who made it, with that owner's projects and budgets."""

from __future__ import annotations

import hashlib
import secrets

from anyio import to_thread

from kontext_ui.errors import InvalidRequest
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import AccessKey, KeyHolder

PREFIX = "kx_"
"""How every access key begins, so that people and secret scanners know one."""
MAX_KEYS = 20
MAX_NAME = 80


class AccessKeys:
    """Use cases on access keys. A key is shown once, when it is made; only its hash is kept.

    256 random bits cannot be guessed, so a plain hash is enough and a look-up by it tells nothing by its time.
    """

    def __init__(self, store: HistoryStore) -> None:
        self._store = store.access_keys

    async def make(self, owner: str, name: str, budget_usd: float | None = None) -> tuple[AccessKey, str]:
        """A new key: what is kept of it, and the key itself. ``budget_usd`` is what its edits may cost together.

        Raises ``InvalidRequest`` for a name that is no name, or when there are too many keys.
        """
        name = name.strip()
        if not name or len(name) > MAX_NAME or not name.isprintable():
            raise InvalidRequest(f"Give the key a name of at most {MAX_NAME} characters.")
        if len(await self.all(owner)) >= MAX_KEYS:
            raise InvalidRequest(f"There are already {MAX_KEYS} access keys.", hint="Revoke one that is not used.")
        key = PREFIX + secrets.token_urlsafe(32)
        made = await to_thread.run_sync(self._store.add, owner, secrets.token_hex(8), name, _digest(key), budget_usd)
        return made, key

    async def all(self, owner: str) -> list[AccessKey]:
        return await to_thread.run_sync(self._store.all, owner)

    async def revoke(self, owner: str, key_id: str) -> None:
        """From now on nobody is let in by it. Raises ``InvalidRequest`` for a key that this owner does not have."""
        if not await to_thread.run_sync(self._store.remove, owner, key_id):
            raise InvalidRequest("There is no such access key.")

    async def holder_of(self, key: str) -> KeyHolder | None:
        """Whose key this is; ``None`` for one that nobody has."""
        if not key.startswith(PREFIX):
            return None
        return await to_thread.run_sync(self._store.holder_of, _digest(key))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
