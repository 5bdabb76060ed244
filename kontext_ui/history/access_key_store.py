"""Keys by which programs act for an owner. Only what a key hashes to is kept."""

from __future__ import annotations

from kontext_ui.edits import clean
from kontext_ui.history.part import Part
from kontext_ui.history.rows import read_time, scalar, select_rows
from kontext_ui.projects import AccessKey


class AccessKeyStore(Part):
    """Digests by owner, newest first."""

    def add(self, owner: str, key_id: str, name: str, digest: str) -> AccessKey:
        now = self._now()
        with self._connections.writing() as db:
            db.execute(
                "INSERT INTO access_keys (digest, id, owner, name, made_at) VALUES (?, ?, ?, ?, ?)",
                (digest, key_id, owner, clean(name), now),
            )
        return AccessKey(key_id, name, read_time(now))

    def all(self, owner: str) -> list[AccessKey]:
        with self._connections.reading() as db:
            rows = select_rows(
                db, "SELECT id, name, made_at FROM access_keys WHERE owner = ? ORDER BY made_at DESC, id", owner
            )
        return [AccessKey(row["id"], row["name"], read_time(row["made_at"])) for row in rows]

    def remove(self, owner: str, key_id: str) -> bool:
        """Whether there was such a key of this owner."""
        with self._connections.writing() as db:
            removed = db.execute("DELETE FROM access_keys WHERE owner = ? AND id = ?", (owner, key_id)).rowcount
        return bool(removed)

    def owner_of(self, digest: str) -> str | None:
        with self._connections.reading() as db:
            owner = scalar(db, "SELECT owner FROM access_keys WHERE digest = ?", digest)
        return None if owner is None else str(owner)
