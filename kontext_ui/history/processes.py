"""Which process looks after which job, and taking over from one that has died."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlite_utils import Database

from kontext_ui.history.connections import Connections
from kontext_ui.history.names import surely_dead
from kontext_ui.history.part import Part
from kontext_ui.history.rows import OPEN_SQL, select_rows, to_job, write_time
from kontext_ui.projects import Job


class OfProcess(Part):
    """A part that knows which process it works for."""

    def __init__(self, connections: Connections, clock: Callable[[], datetime], process_token: str) -> None:
        super().__init__(connections, clock)
        self._process_token = process_token


class ClaimStore(OfProcess):
    """Which process looks after which open job."""

    def take_over(self, stale_after_s: float) -> list[Job]:
        """Take over the open jobs that no living process looks after, and return them.

        A process lives while its last call of this is at most ``stale_after_s`` old. Jobs
        that this process holds already are not returned, so this may be called again and again
        to collect from a process that died meanwhile.
        """
        moment = self._clock()
        limit = write_time(moment - timedelta(seconds=stale_after_s))
        with self._connections.writing() as db:
            beat(db, self._process_token, write_time(moment))
            tokens = [row["token"] for row in select_rows(db, "SELECT token FROM processes")]
            dead = [(token,) for token in tokens if surely_dead(token, self._process_token)]
            db.conn.executemany("DELETE FROM processes WHERE token = ?", dead)
            rows = select_rows(
                db,
                f"""
                SELECT * FROM jobs WHERE {OPEN_SQL} AND (claimed_by IS NULL OR claimed_by NOT IN
                (SELECT token FROM processes WHERE beat_at >= ?)) ORDER BY seq
                """,
                limit,
            )
            db.conn.executemany(
                "UPDATE jobs SET claimed_by = ? WHERE id = ?", [(self._process_token, row["id"]) for row in rows]
            )
            db.execute("DELETE FROM processes WHERE beat_at < ?", (limit,))
        return [to_job(row) for row in rows]

    def release(self) -> None:
        """On an orderly end: the next process need not wait until this one counts as dead."""
        with self._connections.writing() as db:
            db.execute("DELETE FROM processes WHERE token = ?", (self._process_token,))


def beat(db: Database, token: str, now: str) -> None:
    db.execute(
        """
        INSERT INTO processes (token, beat_at) VALUES (?, ?)
        ON CONFLICT (token) DO UPDATE SET beat_at = excluded.beat_at
        """,
        (token, now),
    )
