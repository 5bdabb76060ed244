"""What was paid, by project and by day. Purged projects still count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date

from sqlite_utils import Database

from kontext_ui.history.part import Part
from kontext_ui.history.rows import OPEN_SQL, owned, scalar, select_rows, usd, write_time


@dataclass(frozen=True)
class Standing:
    """What was spent, and what running edits may still cost: they count until the true price is known. US dollars."""

    project_usd: float
    today_usd: float
    reserved_project_usd: float
    reserved_usd: float


class SpendStore(Part):
    """Sums in US dollars. An edit that may have been billed counts in full, so that a budget errs on the safe side."""

    def of_project(self, project_id: str) -> float:
        """What the project's edits cost, pruned ones and billed failures included."""
        with self._connections.reading() as db:
            return self._of_project(db, project_id)

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
        with self._connections.reading() as db:
            return self._today(db, owner)

    def standing(self, owner: str, project_id: str) -> Standing:
        """What counts against the budgets of a project and of the owner's day, in one view."""
        with self._connections.reading() as db:
            owned(db, owner, project_id)
            rows = select_rows(db, f"SELECT project_id, price_usd FROM jobs WHERE {OPEN_SQL} AND owner = ?", owner)
            return Standing(
                project_usd=self._of_project(db, project_id),
                today_usd=self._today(db, owner),
                reserved_project_usd=usd(sum(row["price_usd"] or 0 for row in rows if row["project_id"] == project_id)),
                reserved_usd=usd(sum(row["price_usd"] or 0 for row in rows)),
            )

    def _of_project(self, db: Database, project_id: str) -> float:
        return usd(scalar(db, "SELECT sum(usd) FROM spend WHERE project_id = ?", project_id))

    def _today(self, db: Database, owner: str) -> float:
        midnight = self._clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return usd(
            scalar(db, "SELECT sum(usd) FROM spend WHERE owner = ? AND spent_at >= ?", owner, write_time(midnight))
        )
