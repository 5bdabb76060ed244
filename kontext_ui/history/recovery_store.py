"""Links by which a visitor comes to another browser: as hashes, each good for one use and for a while."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from kontext_ui.errors import InvalidRequest
from kontext_ui.history.part import Part
from kontext_ui.history.rows import OPEN_SQL, first_row, scalar, write_time


class RecoveryStore(Part):
    """One link per owner: a new one ends the one before."""

    def put(self, owner: str, digest: str, until: datetime) -> None:
        with self._connections.writing() as db:
            db.execute("DELETE FROM recovery WHERE owner = ? OR until < ?", (owner, self._now()))
            row = (digest, owner, write_time(until))
            db.execute("INSERT INTO recovery (digest, owner, until) VALUES (?, ?, ?)", row)

    def use(self, digest: str, bring: str | None) -> str | None:
        """Whose link it was, which is used up now; ``None`` for one that is over or never was.

        What the owner ``bring`` has is that owner's from then on. Raises ``InvalidRequest`` while an edit of theirs
        runs; then the link is still good.
        """
        with self._connections.writing() as db:
            row = first_row(db, "SELECT owner FROM recovery WHERE digest = ? AND until >= ?", digest, self._now())
            if row is None:
                return None
            owner = str(row["owner"])
            if bring is not None and bring != owner:
                _take_along(db, bring, owner)
            db.execute("DELETE FROM recovery WHERE digest = ?", (digest,))
        return owner


def _take_along(db: Database, old: str, new: str) -> None:
    """Projects with pictures, with what they cost, and keys; preferences and empty projects stay behind."""
    if scalar(db, f"SELECT count(*) FROM jobs WHERE {OPEN_SQL} AND owner = ?", old):
        raise InvalidRequest("An edit is still running in this browser.", hint="Try again when it has ended.")
    filled = "owner = ? AND EXISTS (SELECT 1 FROM versions v WHERE v.project_id = projects.id)"
    db.execute(f"UPDATE projects SET owner = ? WHERE {filled}", (new, old))
    db.execute("UPDATE jobs SET owner = ?, submission = NULL WHERE owner = ?", (new, old))
    for table in ("spend", "counted", "access_keys"):
        db.execute(f"UPDATE {table} SET owner = ? WHERE owner = ?", (new, old))
