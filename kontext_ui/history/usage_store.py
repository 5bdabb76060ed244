"""What was used of what is limited: counted when it happens, forgotten when no limit asks for it any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from kontext_ui.errors import ImageMissing
from kontext_ui.history.ledger import Guard, Ledger
from kontext_ui.history.part import Part
from kontext_ui.history.rows import OPEN_SQL, scalar, write_time

T = TypeVar("T")
KEPT = timedelta(days=1)
"""How long it is known who did what from where; the longest limit is one of a day."""


class UsageStore(Part):
    """Guards that stand alone, and the sizes of what is stored."""

    def look(self, ask: Callable[[Ledger], T]) -> T:
        """What ``ask`` reads from the ledger; it may note nothing."""
        with self._connections.reading() as db:
            return ask(Ledger(db, self._clock()))

    def take(self, guard: Guard) -> None:
        """Record what a guard allows and notes, or raise what it raises."""
        with self._connections.writing() as db:
            guard(Ledger(db, self._clock()))

    def forget_old(self) -> None:
        """Remove what counts no more, and from where edits were sent that ended more than a day ago."""
        limit = write_time(self._clock() - KEPT)
        with self._connections.writing() as db:
            db.execute("DELETE FROM counted WHERE at < ?", (limit,))
            db.execute("UPDATE spend SET address = '' WHERE address <> '' AND spent_at < ?", (limit,))
            ended = f"address <> '' AND updated_at < ? AND NOT {OPEN_SQL}"
            db.execute(f"UPDATE jobs SET address = '' WHERE {ended}", (limit,))

    def stored_bytes(self, owner: str | None, bytes_of: Callable[[str], int]) -> int:
        """The size of all full pictures of an owner's projects, or of everybody's, each counted once.

        ``bytes_of`` gives a file's size by its digest or raises ``ImageMissing``; each picture is measured once. Takes
        time that grows with the number of pictures.
        """
        sql = "SELECT DISTINCT digest FROM images WHERE bytes IS NULL"
        with self._connections.reading() as db:
            unknown = [str(row[0]) for row in db.execute(sql)]
        if unknown:
            sizes = [(_size(digest, bytes_of), digest) for digest in unknown]
            with self._connections.writing() as db:
                db.conn.executemany("UPDATE images SET bytes = ? WHERE digest = ? AND bytes IS NULL", sizes)
        whose = "" if owner is None else "WHERE project_id IN (SELECT id FROM projects WHERE owner = ?)"
        sql = f"SELECT sum(bytes) FROM (SELECT DISTINCT digest, bytes FROM images {whose})"
        with self._connections.reading() as db:
            return int(scalar(db, sql, *([] if owner is None else [owner])) or 0)


def _size(digest: str, bytes_of: Callable[[str], int]) -> int:
    try:
        return bytes_of(digest)
    except ImageMissing:
        return 0
