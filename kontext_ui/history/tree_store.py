"""The version tree and the head that moves in it.

How redo works. Each version remembers the child that undo last left (``redo_child``), so undo three
times and redo three times walks back the same way, even after a restart or a visit
elsewhere: selecting a version changes no redo child. Committing a version under a parent makes the
parent forget its redo child; the child left is still in the tree, but it is no longer "next".
Undo overwrites the redo child of the version it arrives at.

How pruning works. Pruning hides the live versions of one subtree and marks them with the version
that was pruned; restoring that version brings back exactly those. A live version never has a
hidden ancestor: a branch pruned inside a branch that was pruned later waits for it, and a job that
ends under a hidden parent adds its result to what that pruning hides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from sqlite_utils import Database

from kontext_ui.edits import Size, clean
from kontext_ui.history.image_store import need_image, note_image
from kontext_ui.history.part import Part
from kontext_ui.history.project_store import MAX_TITLE_CHARS, UNTITLED
from kontext_ui.history.rows import (
    OPEN_SQL,
    OUTCOMES,
    Row,
    clip,
    first_row,
    fold,
    insert_rows,
    new_id,
    owned,
    scalar,
    select_rows,
    to_version,
    touch,
    usd,
    version_row,
    write_json,
)
from kontext_ui.projects import ImageKind, Outcome, Project, Version

MAX_NAME_CHARS = 80
ROOT_MEDIA_TYPE = "image/png"

BRANCH_SQL = """
    WITH RECURSIVE branch (id) AS (
        SELECT id FROM versions WHERE id = ? AND project_id = ?
        UNION ALL
        SELECT v.id FROM branch JOIN versions v ON v.parent = branch.id WHERE v.pruned_at IS NULL
    )
"""
PATH_SQL = """
    WITH RECURSIVE path (id, parent, depth) AS (
        SELECT id, parent, 0 FROM versions WHERE id = ? AND project_id = ?
        UNION ALL
        SELECT v.id, v.parent, path.depth + 1 FROM path JOIN versions v ON v.id = path.parent
        WHERE path.depth + 1 < ?
    )
"""
NO_LIMIT = 1 << 40


RETIRE_SQL = f"""
    UPDATE versions AS v SET pruned_at = ?, pruned_by = v.id
    WHERE v.id = ? AND json_extract(v.outcome, '$.adjusted_px') IS NOT NULL AND NOT v.starred AND v.name IS NULL
        AND NOT EXISTS (SELECT 1 FROM versions c WHERE c.parent = v.id AND c.pruned_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.parent = v.id AND j.{OPEN_SQL})
"""
"""Hides an adjustment that another one took the place of, unless something hangs on it."""


class TreeStore(Part):
    """Methods that take an owner raise ``ProjectNotFound`` or ``VersionNotFound``."""

    def add_root(
        self,
        owner: str,
        project_id: str,
        digest: str,
        size: Size,
        has_alpha: bool,
        source: Mapping[str, str],
        *,
        media_type: str = ROOT_MEDIA_TYPE,
        icc: str | None = None,
        own: str | None = None,
        version_id: str | None = None,
    ) -> Version:
        """An opened picture becomes a root, and the head. The blobs must be stored already.

        A project that has no name yet takes the file's.
        """
        now = self._now()
        new_version = version_id or new_id()
        with self._connections.writing() as db:
            project = owned(db, owner, project_id, in_bin=False)
            row = {
                "id": new_version,
                "project_id": project_id,
                "digest": digest,
                "width": size.width,
                "height": size.height,
                "has_alpha": has_alpha,
                "source": write_json(dict(source)),
                "created_at": now,
            }
            insert_version(db, row)
            note_image(db, project_id, digest, ImageKind.VERSION, size, media_type, icc, now, own)
            _move_head(db, project_id, new_version, now)
            if project["title"] == UNTITLED and (title := clip(_stem(source), MAX_TITLE_CHARS)):
                db.execute("UPDATE projects SET title = ? WHERE id = ?", (title, project_id))
            return to_version(version_row(db, project_id, new_version))

    def add_variant(self, owner: str, project_id: str, version_id: str, digest: str, outcome: Outcome) -> Version:
        """Another version from the same parent and request as ``version_id``, made without a new edit. It
        becomes the head. The blobs must be stored already. Where ``version_id`` is an adjustment itself, on which
        nothing hangs, it is hidden.
        """
        now = self._now()
        with self._connections.writing() as db:
            owned(db, owner, project_id, in_bin=False)
            row = version_row(db, project_id, version_id, live=True)
            kept = ("project_id", "parent", "width", "height", "has_alpha", "instruction", "request", "source")
            values = {column: row[column] for column in kept}
            made = {"id": new_id(), "digest": digest, "outcome": OUTCOMES.write(outcome), "created_at": now}
            insert_version(db, {**values, **made})
            size = Size(row["width"], row["height"])
            note_image(db, project_id, digest, ImageKind.VERSION, size, ROOT_MEDIA_TYPE, None, now)
            for used, kind in ((outcome.change_mask, ImageKind.CHANGE_MASK), (outcome.answer, ImageKind.ANSWER)):
                if used is not None:
                    note_image(db, project_id, used, kind, size, ROOT_MEDIA_TYPE, None, now)
            db.execute("UPDATE versions SET redo_child = NULL WHERE id = ?", (row["parent"],))
            _move_head(db, project_id, made["id"], now)
            db.execute(RETIRE_SQL, (now, version_id))
            return to_version(version_row(db, project_id, made["id"]))

    def get(self, owner: str, project_id: str, version_id: str) -> Version:
        """Pruned versions too; ``pruned_at`` says so."""
        with self._connections.reading() as db:
            owned(db, owner, project_id)
            return to_version(version_row(db, project_id, version_id))

    def all(self, owner: str, project_id: str) -> list[Version]:
        """All live versions, oldest first; a parent comes before its children."""
        with self._connections.reading() as db:
            owned(db, owner, project_id)
            rows = select_rows(
                db, "SELECT * FROM versions WHERE project_id = ? AND pruned_at IS NULL ORDER BY seq", project_id
            )
        return [to_version(row) for row in rows]

    def for_edit(
        self, owner: str, project_id: str, version_id: str | None, images: Sequence[str], *, from_text: bool = False
    ) -> tuple[Project, Version | None]:
        """Everything that an edit needs to know, in one view: the project and the version that is edited.

        ``version_id`` ``None`` means the head. Raises :class:`ProjectNotFound`, :class:`VersionNotFound`, and
        :class:`ImageMissing` unless all ``images`` are this project's.
        """
        with self._connections.reading() as db:
            project = self._project(db, project_id, owner)
            for digest in images:
                need_image(db, project_id, digest)
            wanted = None if from_text else version_id or project.head
            return project, None if wanted is None else to_version(version_row(db, project_id, wanted))

    def path_to_root(self, owner: str, project_id: str, version_id: str, *, limit: int | None = None) -> list[Version]:
        """From the root to the version itself; with ``limit`` only that many, nearest to the version."""
        with self._connections.reading() as db:
            owned(db, owner, project_id)
            version_row(db, project_id, version_id)
            rows = select_rows(
                db,
                f"{PATH_SQL} SELECT v.* FROM path JOIN versions v ON v.id = path.id ORDER BY path.depth DESC",
                version_id,
                project_id,
                NO_LIMIT if limit is None else limit,
            )
        return [to_version(row) for row in rows]

    def select(self, owner: str, project_id: str, version_id: str) -> Project:
        now = self._now()
        with self._connections.writing() as db:
            owned(db, owner, project_id, in_bin=False)
            version_row(db, project_id, version_id, live=True)
            _move_head(db, project_id, version_id, now)
            return self._project(db, project_id, owner)

    def undo(self, owner: str, project_id: str) -> Project:
        """The head goes to its parent, which remembers where it came from. At a root nothing happens."""
        now = self._now()
        with self._connections.writing() as db:
            head = _head_row(db, owned(db, owner, project_id, in_bin=False))
            if head is not None and head["parent"] is not None:
                db.execute("UPDATE versions SET redo_child = ? WHERE id = ?", (head["id"], head["parent"]))
                _move_head(db, project_id, head["parent"], now)
            return self._project(db, project_id, owner)

    def redo(self, owner: str, project_id: str) -> Project:
        """The head goes to the child that undo last left. Without one nothing happens."""
        now = self._now()
        with self._connections.writing() as db:
            owned(db, owner, project_id, in_bin=False)
            project = self._project(db, project_id, owner)
            if project.redo is None:
                return project
            _move_head(db, project_id, project.redo, now)
            return self._project(db, project_id, owner)

    def star(self, owner: str, project_id: str, version_id: str, starred: bool = True) -> Version:
        return self._change(owner, project_id, version_id, {"starred": starred})

    def name(self, owner: str, project_id: str, version_id: str, name: str | None) -> Version:
        """Cut to ``MAX_NAME_CHARS``; an empty name removes it."""
        return self._change(owner, project_id, version_id, {"name": clip(name or "", MAX_NAME_CHARS) or None})

    def prune(self, owner: str, project_id: str, version_id: str) -> list[str]:
        """Hide the version with its subtree; returns the ids hidden, the version first.

        A head among them goes to the version's parent, or to the newest root left, or nowhere.
        """
        now = self._now()
        with self._connections.writing() as db:
            project = owned(db, owner, project_id, in_bin=False)
            version = version_row(db, project_id, version_id, live=True)
            rows = select_rows(db, f"{BRANCH_SQL} SELECT id FROM branch", version_id, project_id)
            pruned = [str(row["id"]) for row in rows]
            db.conn.executemany(
                "UPDATE versions SET pruned_at = ?, pruned_by = ? WHERE id = ?",
                [(now, version_id, pruned_id) for pruned_id in pruned],
            )
            head = project["head"]
            if head in pruned:
                head = version["parent"] or _newest_root(db, project_id)
            _move_head(db, project_id, head, now)
        return pruned

    def restore(self, owner: str, project_id: str, version_id: str) -> list[str]:
        """Undo one :meth:`prune`; returns the ids that are live again, oldest first.

        Empty when the version was not pruned itself, and when an ancestor was pruned since: then
        restoring that ancestor brings these back too. A project without a head gets this one.
        """
        now = self._now()
        with self._connections.writing() as db:
            project = owned(db, owner, project_id, in_bin=False)
            version = version_row(db, project_id, version_id)
            rows = select_rows(
                db,
                "SELECT id FROM versions WHERE pruned_by = ? AND project_id = ? ORDER BY seq",
                version_id,
                project_id,
            )
            above = first_row(db, "SELECT pruned_at, pruned_by FROM versions WHERE id = ?", version["parent"])
            hidden_at, hidden_by = (above["pruned_at"], above["pruned_by"]) if above else (None, None)
            db.execute(
                "UPDATE versions SET pruned_at = ?, pruned_by = ? WHERE pruned_by = ?",
                (hidden_at, hidden_by, version_id),
            )
            if not rows or hidden_by is not None:
                return []
            _move_head(db, project_id, project["head"] or version_id, now)
        return [str(row["id"]) for row in rows]

    def pruned(self, owner: str, project_id: str) -> list[Version]:
        """The versions that were pruned and can be restored, the most recently pruned first."""
        with self._connections.reading() as db:
            owned(db, owner, project_id)
            rows = select_rows(
                db,
                "SELECT * FROM versions WHERE project_id = ? AND pruned_by = id ORDER BY pruned_at DESC, seq DESC",
                project_id,
            )
        return [to_version(row) for row in rows]

    def search(self, owner: str, project_id: str, text: str, limit: int = 50) -> list[Version]:
        """Live versions whose instruction or name contains the text, newest first.

        Case does not count, in any script, and spaces count as one. A scan over one project's
        folded text instead of a full-text index: an index finds words, people look for parts of
        words, and a thousand rows are scanned in about a millisecond. No character is a wildcard.
        """
        needle = fold(clean(text))
        with self._connections.reading() as db:
            owned(db, owner, project_id)
            if not needle:
                return []
            rows = select_rows(
                db,
                """
                SELECT * FROM versions WHERE project_id = ? AND pruned_at IS NULL AND instr(folded, ?) > 0
                ORDER BY seq DESC LIMIT ?
                """,
                project_id,
                needle,
                max(0, limit),
            )
        return [to_version(row) for row in rows]

    def path_cost_usd(self, owner: str, project_id: str, version_id: str) -> float:
        """What it cost to get from the root to this version."""
        with self._connections.reading() as db:
            owned(db, owner, project_id)
            version_row(db, project_id, version_id)
            sql = f"{PATH_SQL} SELECT sum(v.cost_usd) FROM path JOIN versions v ON v.id = path.id"
            return usd(scalar(db, sql, version_id, project_id, NO_LIMIT))

    def _change(self, owner: str, project_id: str, version_id: str, values: Row) -> Version:
        now = self._now()
        with self._connections.writing() as db:
            owned(db, owner, project_id, in_bin=False)
            row = {**version_row(db, project_id, version_id, live=True), **values}
            row["folded"] = fold(row["instruction"], row["name"] or "")
            db.execute("UPDATE versions SET starred = :starred, name = :name, folded = :folded WHERE id = :id", row)
            touch(db, project_id, now)
            return to_version(row)


def insert_version(db: Database, values: Row) -> None:
    """``values`` by column; those left out are empty. It gets the next number of its project."""
    row = {
        "parent": None,
        "instruction": "",
        "request": None,
        "outcome": None,
        "source": "{}",
        "cost_usd": 0.0,
        "job_id": None,
        "pruned_at": None,
        "pruned_by": None,
        **values,
    }
    row["folded"] = fold(row["instruction"], "")
    row["number"] = scalar(
        db, "SELECT coalesce(max(number), 0) + 1 FROM versions WHERE project_id = ?", row["project_id"]
    )
    insert_rows(db, "versions", [row])


def _stem(source: Mapping[str, str]) -> str:
    """``beach day`` for a file called ``beach_day.JPG``."""
    return PurePath(source.get("filename", "")).stem.replace("_", " ").strip()


def _head_row(db: Database, project: Row) -> Row | None:
    return first_row(db, "SELECT * FROM versions WHERE id = ?", project["head"])


def _move_head(db: Database, project_id: str, head: str | None, now: str) -> None:
    db.execute("UPDATE projects SET head = ?, updated_at = ? WHERE id = ?", (head, now, project_id))


def _newest_root(db: Database, project_id: str) -> str | None:
    root: str | None = scalar(
        db,
        """
        SELECT id FROM versions WHERE project_id = ? AND parent IS NULL AND pruned_at IS NULL
        ORDER BY seq DESC LIMIT 1
        """,
        project_id,
    )
    return root
