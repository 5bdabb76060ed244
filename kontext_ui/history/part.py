"""What every part of the store is built on: the connections, the clock, and reading one project."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlite_utils import Database

from kontext_ui.history.connections import Connections
from kontext_ui.history.rows import first_row, project_not_found, to_project, write_time
from kontext_ui.projects import Project

# The redo child counts only while it is live: pruning it takes it from redo, restoring it brings it back.
PROJECT_SQL = """
    SELECT p.*, h.digest AS cover, r.id AS redo,
        (SELECT count(*) FROM versions v WHERE v.project_id = p.id AND v.pruned_at IS NULL) AS version_count,
        (SELECT count(*) FROM versions v WHERE v.project_id = p.id AND v.pruned_by IS NOT NULL AND v.pruned_by = v.id)
            AS hidden_count,
        (SELECT coalesce(sum(s.usd), 0) FROM spend s WHERE s.project_id = p.id) AS spent_usd,
        (SELECT coalesce(sum(s.usd), 0) FROM spend s WHERE s.project_id = p.id AND NOT s.sure) AS unsure_usd
    FROM projects p
    LEFT JOIN versions h ON h.id = p.head
    LEFT JOIN versions r ON r.id = h.redo_child AND r.pruned_at IS NULL
"""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Part:
    """The connections, the clock, and reading one project."""

    def __init__(self, connections: Connections, clock: Callable[[], datetime]) -> None:
        self._connections = connections
        self._clock = clock

    def _now(self) -> str:
        return write_time(self._clock())

    def _project(self, db: Database, project_id: str, owner: str) -> Project:
        row = first_row(db, f"{PROJECT_SQL} WHERE p.id = ? AND p.owner = ?", project_id, owner)
        if row is None:
            raise project_not_found()
        return to_project(row)
