"""Pictures in and out of a project."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from anyio import to_thread

from kontext_ui.editor.parts import Parts
from kontext_ui.editor.values import Change
from kontext_ui.images import codec, masks
from kontext_ui.projects import ImageKind, Version

_io = to_thread.run_sync
PNG = "image/png"


class Gallery(Parts):
    """Use cases on pixels that need no backend."""

    async def add_image(self, owner: str, project_id: str, data: bytes, filename: str = "") -> Version:
        """Open a picture as a new root and make it the head. Raises ``InvalidImage``; then nothing is stored."""
        await _io(self._store.project, owner, project_id)
        opened = await self._vault.compute(codec.open_image, data, self._limits)
        digest = await self._vault.save(opened.pixels)
        source = {**opened.source, "filename": _plain_name(filename)}
        version = await _io(self._store.add_root, owner, project_id, digest, opened.size, opened.has_alpha, source)
        project = await _io(self._store.project, owner, project_id)
        self._feed.publish(project_id, Change(project=project, versions=(version,)))
        return version

    async def add_reference(self, owner: str, project_id: str, data: bytes) -> str:
        """Keep a picture that is only looked at; returns its digest."""
        await _io(self._store.project, owner, project_id)
        opened = await self._vault.compute(codec.open_image, data, self._limits)
        digest = await self._vault.save(opened.pixels)
        await _io(self._store.add_image, project_id, digest, ImageKind.REFERENCE, opened.size, PNG)
        return digest

    async def add_mask(self, owner: str, project_id: str, version_id: str, data: bytes) -> str:
        """Keep a black and white mask (white = edit) for a version, scaled to its size; returns the digest."""
        version = await _io(self._store.version, owner, project_id, version_id)
        opened = await self._vault.compute(codec.open_image, data, self._limits)
        mask = await self._vault.compute(masks.normalise, opened.pixels, version.size)
        digest = await self._vault.save_mask(mask)
        assert digest is not None
        await _io(self._store.add_image, project_id, digest, ImageKind.MASK, version.size, PNG)
        return digest

    async def image_path(self, owner: str, project_id: str, digest: str, kind: str = "full") -> Path:
        """The file of a picture that this project refers to; ``kind`` is full, preview or thumb.

        Raises ``ProjectNotFound`` or ``ImageMissing``.
        """
        await _io(self._store.project_image, owner, project_id, digest)
        if kind == "full":
            return await _io(self._vault.blobs.path, digest)
        return await self._vault.derived_path(digest, kind)


def _plain_name(filename: str) -> str:
    """The last part of a path as browsers and people send it, at most 120 characters."""
    return PurePosixPath(filename.replace("\\", "/")).name[:120]
