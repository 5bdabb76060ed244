"""Checking that history and image files agree, and removing files that nothing refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlite_utils import Database

from kontext_ui.errors import ImageMissing
from kontext_ui.history.blobs import BlobStore
from kontext_ui.history.part import Part
from kontext_ui.history.rows import FAILURES, OUTCOMES, REQUESTS, Codec, Row, select_rows

MIN_GRACE = timedelta(minutes=10)
"""A blob is written before its row; a younger file may be about to get its row."""

DIGEST_IN_JSON = re.compile(r'"([0-9a-f]{64})"')


@dataclass(frozen=True)
class Finding:
    """One inconsistency. ``subject`` is the id or digest it is about."""

    kind: str
    subject: str
    message: str
    project: str | None = None

    def __str__(self) -> str:
        return f"{self.message} ({self.kind}: {self.subject or 'whole file'})"


@dataclass(frozen=True)
class Swept:
    """What a sweep removed."""

    files: int
    bytes: int


class Upkeep(Part):
    """Checks over the whole file, for the command line and for a start after a crash."""

    def verify(self, blobs: BlobStore, *, read_images: bool = True) -> list[Finding]:
        """Everything that is wrong, worst first; empty when all is well. Changes nothing.

        ``read_images`` reads and hashes every image file; without it only their presence is checked.
        """
        with self._connections.reading() as db:
            findings = [*_damage(db), *_heads(db), *_trees(db), *_jobs(db), *_texts(db)]
            named = _images_named(db)
        return [*findings, *_files(blobs, named, read_images)]

    def sweep(self, blobs: BlobStore, older_than: timedelta = timedelta(days=1)) -> Swept:
        """Remove image files that no row refers to, with their previews, and leftover temporary files.

        Only files that nothing has stored for ``older_than``, at least ``MIN_GRACE``.
        """
        grace_s = max(older_than, MIN_GRACE).total_seconds()
        candidates = blobs.older_than(grace_s)
        # Read after listing: what got a row meanwhile is kept.
        with self._connections.reading() as db:
            named = _digests_named(db)
        files = size = 0
        for blob in candidates:
            if blob.digest is None or blob.digest not in named:
                removed = blobs.remove(blob, grace_s)
                files += removed is not None
                size += removed or 0
        return Swept(files, size)


def _damage(db: Database) -> Iterator[Finding]:
    for row in db.execute("PRAGMA integrity_check"):
        if row[0] != "ok":
            yield Finding("database_damaged", "", f"The database file is damaged: {row[0]}.")
    for table, rowid, target, _ in db.execute("PRAGMA foreign_key_check"):
        yield Finding("row_without_owner", str(rowid), f"A row of {table} refers to something missing in {target}.")


def _heads(db: Database) -> Iterator[Finding]:
    for row in select_rows(
        db,
        """
        SELECT p.id, p.head FROM projects p LEFT JOIN versions v
        ON v.id = p.head AND v.project_id = p.id AND v.pruned_at IS NULL
        WHERE p.head IS NOT NULL AND v.id IS NULL
        """,
    ):
        yield Finding("head_nowhere", row["head"], "The project's current version does not exist.", row["id"])


def _trees(db: Database) -> Iterator[Finding]:
    for row in select_rows(
        db,
        """
        SELECT v.id, v.project_id FROM versions v LEFT JOIN versions p
        ON p.id = v.parent AND p.project_id = v.project_id
        WHERE v.parent IS NOT NULL AND (p.id IS NULL OR (v.pruned_at IS NULL AND p.pruned_at IS NOT NULL))
        """,
    ):
        yield Finding("version_cut_off", row["id"], "The version's parent is missing or removed.", row["project_id"])


def _jobs(db: Database) -> Iterator[Finding]:
    for row in select_rows(
        db,
        """
        SELECT j.id, j.project_id FROM jobs j LEFT JOIN versions v
        ON v.id = j.version_id AND v.project_id = j.project_id
        WHERE j.state = 'done' AND v.id IS NULL
        """,
    ):
        yield Finding(
            "job_without_version", row["id"], "The edit is done but its version is missing.", row["project_id"]
        )
    for row in select_rows(
        db,
        """
        SELECT v.id, v.project_id FROM versions v LEFT JOIN jobs j ON j.id = v.job_id
        WHERE v.job_id IS NOT NULL AND (j.id IS NULL OR j.state <> 'done' OR j.version_id IS NOT v.id)
        """,
    ):
        yield Finding("version_without_job", row["id"], "The version's edit does not refer to it.", row["project_id"])


def _texts(db: Database) -> Iterator[Finding]:
    tables: dict[str, dict[str, Codec[Any]]] = {
        "versions": {"request": REQUESTS, "outcome": OUTCOMES},
        "jobs": {"request": REQUESTS, "failure": FAILURES},
    }
    for table, columns in tables.items():
        for row in select_rows(db, f"SELECT * FROM {table}"):
            for column, codec in columns.items():
                if row[column] is not None and not codec.readable(row[column]):
                    yield Finding(
                        "partly_unreadable",
                        row["id"],
                        f"The {column} cannot be read completely; unreadable fields take their defaults.",
                        row["project_id"],
                    )


def _images_named(db: Database) -> list[Row]:
    return select_rows(
        db,
        """
        SELECT digest, min(project_id) AS project_id FROM
        (SELECT digest, project_id FROM images UNION ALL SELECT digest, project_id FROM versions
         UNION ALL SELECT icc, project_id FROM images WHERE icc IS NOT NULL
         UNION ALL SELECT own, project_id FROM images WHERE own IS NOT NULL)
        GROUP BY digest ORDER BY digest
        """,
    )


def _files(blobs: BlobStore, named: list[Row], read_images: bool) -> Iterator[Finding]:
    for row in named:
        digest, project = row["digest"], row["project_id"]
        try:
            if read_images:
                blobs.check(digest)
            else:
                blobs.path(digest)
        except ImageMissing as error:
            yield Finding("image_missing", digest, error.message, project)


def _digests_named(db: Database) -> set[str]:
    """From the tables, and wherever the JSON of a request or an outcome mentions one."""
    named = {str(row["digest"]) for row in _images_named(db)}
    for sql in ("SELECT request, outcome FROM versions", "SELECT request, failure FROM jobs"):
        for texts in db.execute(sql):
            for text in texts:
                named.update(DIGEST_IN_JSON.findall(text or ""))
    return named
