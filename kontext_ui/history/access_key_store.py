"""Keys by which programs act for an owner. Only what a key hashes to is kept."""

from __future__ import annotations

from kontext_ui.edits import clean
from kontext_ui.history.part import Part
from kontext_ui.history.rows import Row, first_row, read_time, select_rows, usd
from kontext_ui.projects import AccessKey, KeyHolder


class AccessKeyStore(Part):
    """Digests by owner, newest first."""

    def add(self, owner: str, key_id: str, name: str, digest: str, budget_usd: float | None = None) -> AccessKey:
        now = self._now()
        with self._connections.writing() as db:
            db.execute(
                "INSERT INTO access_keys (digest, id, owner, name, made_at, budget_usd) VALUES (?, ?, ?, ?, ?, ?)",
                (digest, key_id, owner, clean(name), now, budget_usd),
            )
        return AccessKey(key_id, name, read_time(now), budget_usd)

    def all(self, owner: str) -> list[AccessKey]:
        with self._connections.reading() as db:
            rows = select_rows(
                db,
                """
                SELECT id, name, made_at, budget_usd,
                    (SELECT sum(usd) FROM spend WHERE access_key = access_keys.id) AS spent_usd
                FROM access_keys WHERE owner = ? ORDER BY made_at DESC, id
                """,
                owner,
            )
        return [_to_key(row) for row in rows]

    def remove(self, owner: str, key_id: str) -> bool:
        """Whether there was such a key of this owner."""
        with self._connections.writing() as db:
            removed = db.execute("DELETE FROM access_keys WHERE owner = ? AND id = ?", (owner, key_id)).rowcount
        return bool(removed)

    def holder_of(self, digest: str) -> KeyHolder | None:
        with self._connections.reading() as db:
            row = first_row(db, "SELECT owner, id FROM access_keys WHERE digest = ?", digest)
        return None if row is None else KeyHolder(row["owner"], row["id"])


def _to_key(row: Row) -> AccessKey:
    return AccessKey(row["id"], row["name"], read_time(row["made_at"]), row["budget_usd"], usd(row["spent_usd"]))
