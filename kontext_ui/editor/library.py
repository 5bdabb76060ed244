"""Projects and their trees: create, rename, bin, undo, redo, star, prune, search."""

from __future__ import annotations

from contextlib import AbstractContextManager

from anyio import to_thread

from kontext_ui.editor.changes import Subscription
from kontext_ui.editor.parts import Parts
from kontext_ui.editor.values import Change
from kontext_ui.projects import Project, Version

_io = to_thread.run_sync


class Library(Parts):
    """Use cases that touch neither pixels nor backends."""

    async def create_project(self, owner: str, title: str = "") -> Project:
        return await _io(self._store.projects.create, owner, title)

    async def project(self, owner: str, project_id: str) -> Project:
        return await _io(self._store.projects.get, owner, project_id)

    async def list_projects(self, owner: str, *, deleted: bool = False) -> list[Project]:
        return await _io(lambda: self._store.projects.all(owner, deleted=deleted))

    async def rename_project(self, owner: str, project_id: str, title: str) -> Project:
        return self._tell(await _io(self._store.projects.rename, owner, project_id, title))

    async def duplicate_project(self, owner: str, project_id: str) -> Project:
        return await _io(self._store.projects.duplicate, owner, project_id)

    async def delete_project(self, owner: str, project_id: str) -> Project:
        """To the bin; running edits go on and their results are kept."""
        return self._tell(await _io(self._store.projects.delete, owner, project_id))

    async def restore_project(self, owner: str, project_id: str) -> Project:
        return self._tell(await _io(self._store.projects.restore, owner, project_id))

    async def save_draft(self, owner: str, project_id: str, text: str) -> None:
        await _io(self._store.projects.save_draft, owner, project_id, text)

    async def preference(self, owner: str, key: str) -> object:
        return await _io(self._store.preferences.get, owner, key)

    async def set_preference(self, owner: str, key: str, value: object) -> None:
        await _io(self._store.preferences.set, owner, key, value)

    def subscribe(self, project_id: str) -> AbstractContextManager[Subscription]:
        """Listen to a project whose owner has been checked by opening it."""
        return self._feed.subscribe(project_id)

    async def version(self, owner: str, project_id: str, version_id: str) -> Version:
        return await _io(self._store.tree.get, owner, project_id, version_id)

    async def select(self, owner: str, project_id: str, version_id: str) -> Project:
        return self._tell(await _io(self._store.tree.select, owner, project_id, version_id))

    async def undo(self, owner: str, project_id: str) -> Project:
        return self._tell(await _io(self._store.tree.undo, owner, project_id))

    async def redo(self, owner: str, project_id: str) -> Project:
        return self._tell(await _io(self._store.tree.redo, owner, project_id))

    async def star(self, owner: str, project_id: str, version_id: str, starred: bool) -> Version:
        return self._tell_version(await _io(self._store.tree.star, owner, project_id, version_id, starred))

    async def name_version(self, owner: str, project_id: str, version_id: str, name: str | None) -> Version:
        return self._tell_version(await _io(self._store.tree.name, owner, project_id, version_id, name))

    async def prune(self, owner: str, project_id: str, version_id: str) -> tuple[str, ...]:
        """Hide a version and everything that grew from it; returns the ids hidden."""
        removed = tuple(await _io(self._store.tree.prune, owner, project_id, version_id))
        project = await _io(self._store.projects.get, owner, project_id)
        self._feed.publish(project_id, Change(project=project, removed=removed))
        return removed

    async def pruned(self, owner: str, project_id: str) -> list[Version]:
        """The topmost version of each pruned branch, for bringing it back."""
        return await _io(self._store.tree.pruned, owner, project_id)

    async def restore_version(self, owner: str, project_id: str, version_id: str) -> tuple[Version, ...]:
        """Bring back exactly what the prune of this version hid."""
        ids = set(await _io(self._store.tree.restore, owner, project_id, version_id))
        restored = tuple(v for v in await _io(self._store.tree.all, owner, project_id) if v.id in ids)
        project = await _io(self._store.projects.get, owner, project_id)
        self._feed.publish(project_id, Change(project=project, versions=restored))
        return restored

    async def search(self, owner: str, project_id: str, text: str) -> list[Version]:
        return await _io(self._store.tree.search, owner, project_id, text)
