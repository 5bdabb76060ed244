"""Keys that visitors paste for their own session: in memory only, never written, never shown again."""

from __future__ import annotations

from collections.abc import Mapping


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
