"""Projects: the list of them, the bin, drafts and budgets."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from kontext_ui.edits import clean
from kontext_ui.history.ledger import Guard, Ledger, allow_all
from kontext_ui.history.part import PROJECT_SQL, Part
from kontext_ui.history.rows import (
    Row,
    clip,
    insert_rows,
    new_id,
    owned,
    select_rows,
    to_project,
    write_time,
)
from kontext_ui.projects import Project

MAX_TITLE_CHARS = 120
UNTITLED = "Untitled"


class ProjectStore(Part):
    """Methods on whole projects. Those that change something return the project's new state.

    A project in the bin can be read, so that the bin can show it, and its draft is still saved;
    anything else on it raises :class:`ProjectNotFound` until it is restored.
    """

    def create(self, owner: str, title: str = UNTITLED, guard: Guard = allow_all) -> Project:
        """``guard`` raises what limits have against one more, here and where one is copied or restored."""
        now = self._now()
        with self._connections.writing() as db:
            guard(Ledger(db, self._clock()))
            project_id = new_id()
            _insert_project(db, {"id": project_id, "owner": owner, "title": _title(title)}, now)
            return self._project(db, project_id, owner)

    def get(self, owner: str, project_id: str) -> Project:
        with self._connections.reading() as db:
            return self._project(db, project_id, owner)

    def all(self, owner: str, *, deleted: bool = False) -> list[Project]:
        """The owner's projects, the most recently changed first; with ``deleted`` those in the bin instead."""
        state = "IS NOT NULL" if deleted else "IS NULL"
        with self._connections.reading() as db:
            rows = select_rows(
                db,
                f"{PROJECT_SQL} WHERE p.owner = ? AND p.deleted_at {state} ORDER BY p.updated_at DESC, p.seq DESC",
                owner,
            )
        return [to_project(row) for row in rows]

    def rename(self, owner: str, project_id: str, title: str) -> Project:
        """The title is cut to ``MAX_TITLE_CHARS``; an empty one becomes ``Untitled``."""
        now = self._now()
        with self._connections.writing() as db:
            owned(db, owner, project_id, in_bin=False)
            db.execute("UPDATE projects SET title = ?, updated_at = ? WHERE id = ?", (_title(title), now, project_id))
            return self._project(db, project_id, owner)

    def duplicate(self, owner: str, project_id: str, guard: Guard = allow_all) -> Project:
        """A second project with the same tree, head, redo, names, stars and pruned branches.

        Versions get new ids and keep their digests, so no image is copied. Jobs stay with the
        original, so the copy has spent nothing and its versions name no job.
        """
        now = self._now()
        with self._connections.writing() as db:
            original = owned(db, owner, project_id, in_bin=False)
            guard(Ledger(db, self._clock()))
            rows = select_rows(db, "SELECT * FROM versions WHERE project_id = ? ORDER BY seq", project_id)
            new_ids = {row["id"]: new_id() for row in rows}
            copy_id = new_id()
            copied = {key: original[key] for key in ("owner", "draft", "budget_usd")}
            title = _title(f"Copy of {original['title']}")
            head = new_ids.get(original["head"])
            _insert_project(db, {**copied, "id": copy_id, "title": title, "head": head}, now)
            _copy_versions(db, rows, new_ids, copy_id)
            db.execute(
                """
                INSERT INTO images (project_id, digest, kind, width, height, media_type, icc, own, created_at)
                SELECT ?, digest, kind, width, height, media_type, icc, own, created_at FROM images WHERE project_id = ?
                """,
                (copy_id, project_id),
            )
            return self._project(db, copy_id, owner)

    def delete(self, owner: str, project_id: str) -> Project:
        """Move it to the bin. Its jobs keep running and may still be closed."""
        now = self._now()
        with self._connections.writing() as db:
            owned(db, owner, project_id)
            db.execute("UPDATE projects SET deleted_at = coalesce(deleted_at, ?) WHERE id = ?", (now, project_id))
            return self._project(db, project_id, owner)

    def restore(self, owner: str, project_id: str, guard: Guard = allow_all) -> Project:
        with self._connections.writing() as db:
            if owned(db, owner, project_id)["deleted_at"] is not None:
                guard(Ledger(db, self._clock()))
            db.execute("UPDATE projects SET deleted_at = NULL WHERE id = ?", (project_id,))
            return self._project(db, project_id, owner)

    def expire(self, before: datetime) -> int:
        """Move to the bin what nobody has changed since then, but for projects with an open job; how many."""
        with self._connections.writing() as db:
            return db.execute(
                """
                UPDATE projects AS p SET deleted_at = ? WHERE deleted_at IS NULL AND updated_at < ? AND NOT EXISTS
                (SELECT 1 FROM jobs j WHERE j.project_id = p.id AND j.state IN ('queued', 'submitted', 'running'))
                """,
                (self._now(), write_time(before)),
            ).rowcount

    def purge_deleted(self, before: datetime) -> list[str]:
        """Remove for good what was put into the bin before this moment, and return the ids.

        A project with an open job waits for the next purge. Image files stay until a sweep.
        """
        with self._connections.writing() as db:
            rows = select_rows(
                db,
                """
                SELECT id FROM projects p WHERE deleted_at IS NOT NULL AND deleted_at < ? AND NOT EXISTS
                (SELECT 1 FROM jobs j WHERE j.project_id = p.id AND j.state IN ('queued', 'submitted', 'running'))
                """,
                write_time(before),
            )
            purged = [str(row["id"]) for row in rows]
            db.conn.executemany("DELETE FROM projects WHERE id = ?", [(project_id,) for project_id in purged])
        return purged

    def save_draft(self, owner: str, project_id: str, text: str) -> None:
        """Keep the half-typed prompt. Does not count as a change to the project."""
        with self._connections.writing() as db:
            owned(db, owner, project_id)
            db.execute("UPDATE projects SET draft = ? WHERE id = ?", (clean(text), project_id))

    def set_budget(self, owner: str, project_id: str, usd: float | None) -> Project:
        """``None`` removes the budget."""
        with self._connections.writing() as db:
            owned(db, owner, project_id, in_bin=False)
            db.execute("UPDATE projects SET budget_usd = ? WHERE id = ?", (usd, project_id))
            return self._project(db, project_id, owner)


def _title(text: str) -> str:
    return clip(text, MAX_TITLE_CHARS) or UNTITLED


def _insert_project(db: Database, values: Row, now: str) -> None:
    insert_rows(db, "projects", [{**values, "created_at": now, "updated_at": now}])


def _copy_versions(db: Database, rows: list[Row], new_ids: dict[str, str], project_id: str) -> None:
    """``rows`` come parents first, as they were inserted."""
    copies = [
        {
            **{key: value for key, value in row.items() if key != "seq"},
            "id": new_ids[row["id"]],
            "project_id": project_id,
            "job_id": None,
            **{key: new_ids.get(row[key]) for key in ("parent", "redo_child", "pruned_by")},
        }
        for row in rows
    ]
    insert_rows(db, "versions", copies)
