"""Projects: create, open, rename, bin, follow."""

from __future__ import annotations

from contextlib import AbstractContextManager

from anyio import to_thread

from kontext_ui.editor.ceilings import Ceilings, sender
from kontext_ui.editor.drafts import ProjectView
from kontext_ui.editor.feed import Subscription
from kontext_ui.editor.jobs.journal import Journal
from kontext_ui.editor.jobs.runner import JobRunner
from kontext_ui.history.ledger import Guard
from kontext_ui.projects import Project

_io = to_thread.run_sync


class Projects:
    """Use cases on whole projects."""

    def __init__(self, journal: Journal, runner: JobRunner, ceilings: Ceilings) -> None:
        self._journal, self._store = journal, journal.store
        self._runner = runner
        self._ceilings = ceilings

    async def create(self, owner: str, title: str = "") -> Project:
        """Raises ``LimitReached`` when there are as many as one may have."""
        return await _io(self._store.projects.create, owner, title, self._one_more(owner))

    def _one_more(self, owner: str) -> Guard:
        return self._ceilings.projects(sender(owner))

    async def get(self, owner: str, project_id: str) -> Project:
        return await _io(self._store.projects.get, owner, project_id)

    async def all(self, owner: str, *, deleted: bool = False) -> list[Project]:
        return await _io(lambda: self._store.projects.all(owner, deleted=deleted))

    async def open(self, owner: str, project_id: str) -> ProjectView:
        """A whole project as it stands. Later changes go to subscribers."""
        revision = self._journal.feed.revision(project_id)  # first: what changes meanwhile is told again, never missed
        project = await _io(self._store.projects.get, owner, project_id)
        versions = await _io(self._store.tree.all, owner, project_id)
        jobs = await _io(self._store.jobs.shown, owner, project_id)
        running = self._runner.progress(project_id)
        progress = {job.id: running[job.id] for job in jobs if job.state.is_open and job.id in running}
        return ProjectView(project, tuple(versions), tuple(jobs), progress, revision, self._journal.facts(jobs))

    def subscribe(self, project_id: str, owner: str | None = None) -> AbstractContextManager[Subscription]:
        """Listen to a project whose owner has been checked by opening it.

        With the owner one hears also that something began or ended in another of their projects.
        """
        return self._journal.feed.subscribe(project_id, owner)

    async def rename(self, owner: str, project_id: str, title: str) -> Project:
        return await self._journal.project(self._store.projects.rename, owner, project_id, title)

    async def duplicate(self, owner: str, project_id: str) -> Project:
        return await _io(self._store.projects.duplicate, owner, project_id, self._one_more(owner))

    async def delete(self, owner: str, project_id: str) -> Project:
        """Move it to the bin; running edits continue and their results are kept."""
        return await self._journal.project(self._store.projects.delete, owner, project_id)

    async def restore(self, owner: str, project_id: str) -> Project:
        return await self._journal.project(self._store.projects.restore, owner, project_id, self._one_more(owner))

    async def set_budget(self, owner: str, project_id: str, usd: float | None) -> Project:
        """``None`` removes the project's budget."""
        return await self._journal.project(self._store.projects.set_budget, owner, project_id, usd)

    async def save_draft(self, owner: str, project_id: str, text: str) -> None:
        await _io(self._store.projects.save_draft, owner, project_id, text)
