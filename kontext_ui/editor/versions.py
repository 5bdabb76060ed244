"""Versions: move the head, undo, redo, star, name, hide and bring back, search."""

from __future__ import annotations

from anyio import to_thread

from kontext_ui.editor.drafts import Change
from kontext_ui.editor.jobs.journal import Journal
from kontext_ui.projects import Project, Version

_io = to_thread.run_sync


class Versions:
    """Use cases on a project's tree. They touch neither pixels nor backends."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._store = journal, journal.store

    async def get(self, owner: str, project_id: str, version_id: str) -> Version:
        return await _io(self._store.tree.get, owner, project_id, version_id)

    async def select(self, owner: str, project_id: str, version_id: str) -> Project:
        return await self._journal.project(self._store.tree.select, owner, project_id, version_id)

    async def undo(self, owner: str, project_id: str) -> Project:
        return await self._journal.project(self._store.tree.undo, owner, project_id)

    async def redo(self, owner: str, project_id: str) -> Project:
        return await self._journal.project(self._store.tree.redo, owner, project_id)

    async def star(self, owner: str, project_id: str, version_id: str, starred: bool) -> Version:
        return await self._journal.version(self._store.tree.star, owner, project_id, version_id, starred)

    async def name(self, owner: str, project_id: str, version_id: str, name: str | None) -> Version:
        """``None`` removes the name."""
        return await self._journal.version(self._store.tree.name, owner, project_id, version_id, name)

    async def prune(self, owner: str, project_id: str, version_id: str) -> tuple[str, ...]:
        """Hide a version and everything that grew from it; returns the ids hidden."""
        removed = tuple(await _io(self._store.tree.prune, owner, project_id, version_id))
        project = await _io(self._store.projects.get, owner, project_id)
        self._journal.tell(project_id, Change(project=project, removed=removed))
        return removed

    async def pruned(self, owner: str, project_id: str) -> list[Version]:
        """The topmost version of each pruned branch, for bringing it back."""
        return await _io(self._store.tree.pruned, owner, project_id)

    async def restore(self, owner: str, project_id: str, version_id: str) -> tuple[Version, ...]:
        """Bring back exactly what the prune of this version hid."""
        ids = set(await _io(self._store.tree.restore, owner, project_id, version_id))
        restored = tuple(v for v in await _io(self._store.tree.all, owner, project_id) if v.id in ids)
        project = await _io(self._store.projects.get, owner, project_id)
        self._journal.tell(project_id, Change(project=project, versions=restored, facts=self._journal.facts()))
        return restored

    async def search(self, owner: str, project_id: str, text: str) -> list[Version]:
        return await _io(self._store.tree.search, owner, project_id, text)
