"""What a visitor prefers, kept on the server so that it is the same in every browser of theirs."""

from __future__ import annotations

from anyio import to_thread

from kontext_ui.history.store import HistoryStore


class Preferences:
    """JSON values by owner and key."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store

    async def get(self, owner: str, key: str) -> object:
        return await to_thread.run_sync(self._store.preferences.get, owner, key)

    async def set(self, owner: str, key: str, value: object) -> None:
        """``None`` forgets it."""
        await to_thread.run_sync(self._store.preferences.set, owner, key, value)
