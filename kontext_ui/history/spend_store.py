"""What was paid, by project and by day. Purged projects still count."""

from __future__ import annotations

from datetime import date, timezone

from kontext_ui.history.part import Part
from kontext_ui.history.rows import scalar, select_rows, usd, write_time


class SpendStore(Part):
    """Sums in US dollars. An edit that may have been billed counts in full, so that a budget errs on the safe side."""

    def of_project(self, project_id: str) -> float:
        """What the project's edits cost, pruned ones and billed failures included."""
        with self._connections.reading() as db:
            return usd(scalar(db, "SELECT sum(usd) FROM spend WHERE project_id = ?", project_id))

    def by_day(self, owner: str, limit: int) -> list[tuple[date, float]]:
        """US dollars per day (UTC) over all projects of the owner, newest first; days without spending are left out."""
        with self._connections.reading() as db:
            rows = select_rows(
                db,
                """
                SELECT substr(spent_at, 1, 10) AS day, sum(usd) AS total FROM spend
                WHERE owner = ? AND usd > 0 GROUP BY day ORDER BY day DESC LIMIT ?
                """,
                owner,
                limit,
            )
        return [(date.fromisoformat(row["day"]), usd(row["total"])) for row in rows]

    def today(self, owner: str) -> float:
        """Over all projects of the owner, purged ones included, since midnight UTC."""
        midnight = self._clock().astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        with self._connections.reading() as db:
            total = scalar(
                db, "SELECT sum(usd) FROM spend WHERE owner = ? AND spent_at >= ?", owner, write_time(midnight)
            )
        return usd(total)
