"""Which images a project may show, and small settings kept per owner."""

from __future__ import annotations

from sqlite_utils import Database

from kontext_ui.edits import Size
from kontext_ui.errors import ImageMissing
from kontext_ui.history.part import Part
from kontext_ui.history.rows import first_row, project_not_found, scalar, to_image
from kontext_ui.projects import ImageKind, StoredImage


class ImageStore(Part):
    """An image belongs to every project that has a row for it; the file is stored once."""

    def add(
        self,
        project_id: str,
        digest: str,
        kind: ImageKind | str,
        size: Size,
        media_type: str = "image/png",
        icc: str | None = None,
    ) -> None:
        """Record that the project uses this stored image. Recording it again is harmless.

        Versions and their change masks are recorded when they are committed; this is for masks and
        references. Raises :class:`ProjectNotFound`.
        """
        now = self._now()
        with self._connections.writing() as db:
            if scalar(db, "SELECT 1 FROM projects WHERE id = ?", project_id) is None:
                raise project_not_found()
            note_image(db, project_id, digest, ImageKind(kind), size, media_type, icc, now)

    def get(self, owner: str, project_id: str, digest: str) -> StoredImage:
        """The check before an image is sent: one query over two keys.

        Raises :class:`ProjectNotFound` for another owner's project, :class:`ImageMissing` for an image
        that is not this project's.
        """
        with self._connections.reading() as db:
            row = first_row(
                db,
                """
                SELECT p.id AS owned_id, i.* FROM projects p
                LEFT JOIN images i ON i.project_id = p.id AND i.digest = ?
                WHERE p.id = ? AND p.owner = ?
                """,
                digest,
                project_id,
                owner,
            )
        if row is None:
            raise project_not_found()
        if row["digest"] is None:
            raise ImageMissing("This project has no such image.")
        return to_image(row)


def need_image(db: Database, project_id: str, digest: str) -> None:
    """Raises :class:`ImageMissing` for an image that is not this project's."""
    if scalar(db, "SELECT 1 FROM images WHERE project_id = ? AND digest = ?", project_id, digest) is None:
        raise ImageMissing("This project has no such image.")


def note_image(
    db: Database,
    project_id: str,
    digest: str,
    kind: ImageKind,
    size: Size,
    media_type: str,
    icc: str | None,
    now: str,
    own: str | None = None,
) -> None:
    """One row per image; an image that is a version stays one, whatever else it is used for."""
    db.execute(
        """
        INSERT INTO images (project_id, digest, kind, width, height, media_type, icc, own, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (project_id, digest) DO UPDATE SET
            kind = CASE WHEN excluded.kind = 'version' THEN 'version' ELSE kind END,
            icc = coalesce(icc, excluded.icc),
            own = coalesce(excluded.own, own)
        """,
        (project_id, digest, kind.value, size.width, size.height, media_type, icc, own, now),
    )
