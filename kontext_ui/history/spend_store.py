"""What was paid, by project and by day. Purged projects still count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any, Literal

from sqlite_utils import Database

from kontext_ui.history.part import Part
from kontext_ui.history.rows import OPEN_SQL, Row, owned, scalar, select_rows, usd, write_time


@dataclass(frozen=True)
class Standing:
    """What was spent, and what running edits may still cost: they count until the true price is known. US dollars."""

    project_usd: float
    today_usd: float
    reserved_project_usd: float
    reserved_usd: float


@dataclass(frozen=True)
class Spent:
    """What one project, model or day cost. US dollars."""

    key: str
    """Id of the project or model, or the day (UTC) as ``2026-03-01``."""
    title: str
    """The project's; empty for one that was purged, and for models and days."""
    paid_usd: float
    unsure_usd: float
    """Of edits that may have been billed: nobody could tell."""
    edits: int


@dataclass(frozen=True)
class Entry(Spent):
    """What one visitor spent on one day with one model in one project."""

    owner: str
    day: str
    model: str


SpentBy = Literal["project", "model", "day"]
_KEYS: dict[SpentBy, tuple[str, str]] = {
    "project": ("s.project_id", "max(s.spent_at) DESC"),
    "model": ("s.model", "sum(s.usd) DESC"),
    "day": ("substr(s.spent_at, 1, 10)", "key DESC"),
}
"""By what is summed, and which come first."""
_SUMS = """
    coalesce(max(p.title), '') AS title,
    coalesce(sum(s.usd) FILTER (WHERE s.sure), 0) AS paid_usd,
    coalesce(sum(s.usd) FILTER (WHERE NOT s.sure), 0) AS unsure_usd,
    count(*) AS edits
"""


class SpendStore(Part):
    """Sums in US dollars. An edit that may have been billed counts in full, so that a budget errs on the safe side."""

    def of_project(self, project_id: str) -> float:
        """What the project's edits cost, pruned ones and billed failures included."""
        with self._connections.reading() as db:
            return self._of_project(db, project_id)

    def by(self, owner: str, what: SpentBy, limit: int) -> list[Spent]:
        """What the owner's projects, models or days cost, at most ``limit`` of them; free ones are left out.

        Projects begin with the one where something was paid last, models with the dearest, days with the newest.
        """
        key, order = _KEYS[what]
        titled = f"CASE WHEN '{what}' = 'project' THEN s.project_id END"
        with self._connections.reading() as db:
            rows = select_rows(
                db,
                f"""
                SELECT {key} AS key, {_SUMS} FROM spend s LEFT JOIN projects p ON p.id = {titled}
                WHERE s.owner = ? AND s.usd > 0 GROUP BY key ORDER BY {order} LIMIT ?
                """,
                owner,
                limit,
            )
        return [Spent(**_sums(row)) for row in rows]

    def ledger(self) -> list[Entry]:
        """Who spent what, by day, project and model, newest first: for whoever runs the program."""
        with self._connections.reading() as db:
            rows = select_rows(
                db,
                f"""
                SELECT s.owner, substr(s.spent_at, 1, 10) AS day, s.project_id AS key, s.model, {_SUMS}
                FROM spend s LEFT JOIN projects p ON p.id = s.project_id
                WHERE s.usd > 0 GROUP BY s.owner, day, key, s.model ORDER BY day DESC, s.owner, title, s.model
                """,
            )
        return [Entry(**_sums(row), owner=row["owner"], day=row["day"], model=row["model"]) for row in rows]

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

    def of_key(self, owner: str, key_id: str) -> tuple[float | None, float]:
        """An access key's budget, if it has one, and what was spent and may still be spent of it, in US dollars."""
        with self._connections.reading() as db:
            limit = scalar(db, "SELECT budget_usd FROM access_keys WHERE owner = ? AND id = ?", owner, key_id)
            spent = scalar(db, "SELECT sum(usd) FROM spend WHERE access_key = ? AND owner = ?", key_id, owner)
            of_open = f"SELECT sum(price_usd) FROM jobs WHERE {OPEN_SQL} AND owner = ? AND access_key = ?"
            reserved = scalar(db, of_open, owner, key_id)
        return limit, usd((spent or 0) + (reserved or 0))

    def _of_project(self, db: Database, project_id: str) -> float:
        return usd(scalar(db, "SELECT sum(usd) FROM spend WHERE project_id = ?", project_id))

    def _today(self, db: Database, owner: str) -> float:
        midnight = self._clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return usd(
            scalar(db, "SELECT sum(usd) FROM spend WHERE owner = ? AND spent_at >= ?", owner, write_time(midnight))
        )


def _sums(row: Row) -> dict[str, Any]:
    amounts = {name: usd(row[name]) for name in ("paid_usd", "unsure_usd")}
    return {"key": row["key"], "title": row["title"], "edits": row["edits"], **amounts}
