"""What was paid, by project and by day. Purged projects still count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any, Literal

from sqlite_utils import Database

from kontext_ui.history.part import Part
from kontext_ui.history.rows import REQUESTS, Row, insert_rows, scalar, select_rows, usd, write_time


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


def note_spend(db: Database, job: Row, amount_usd: float, now: str, *, sure: bool) -> None:
    """What the job costs as far as is known; a job that ends twice, late or reopened, counts once.

    Not ``sure``: it may have been billed and nobody could tell, or nobody told at what price.
    """
    db.execute("DELETE FROM spend WHERE job_id = ?", (job["id"],))
    if amount_usd:
        request = REQUESTS.read(job["request"])
        about = {"usd": amount_usd, "spent_at": now, "model": request.model or request.backend, "sure": sure}
        of_job = {name: job[name] for name in ("project_id", "owner", "own_key", "address", "access_key")}
        insert_rows(db, "spend", [{"job_id": job["id"], **of_job, **about}])
