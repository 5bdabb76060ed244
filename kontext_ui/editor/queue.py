"""The queue: what runs and waits for one visitor, on all projects."""

from __future__ import annotations

from dataclasses import dataclass

from anyio import to_thread

from kontext_ui.editor.jobs.runner import JobRunner
from kontext_ui.edits import Running
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import Job


@dataclass(frozen=True)
class Queued:
    """An open edit and where it stands."""

    job: Job
    title: str
    """Its project's."""
    progress: Running | None
    """``None`` while it waits for another edit, or is carried out by another process."""


class Queue:
    """Use cases on all open edits of a visitor together."""

    def __init__(self, store: HistoryStore, runner: JobRunner) -> None:
        self._store = store
        self._runner = runner

    async def all(self, owner: str) -> list[Queued]:
        """Oldest first."""
        titled = await to_thread.run_sync(self._store.jobs.running_with_titles, owner)
        progress: dict[str, Running] = {}
        for project in {job.project for job, _ in titled}:
            progress |= self._runner.progress(project)
        return [Queued(job, title, progress.get(job.id)) for job, title in titled]

    async def sooner(self, owner: str, job_id: str) -> bool:
        """Put a waiting edit before the visitor's others in its line; nobody else waits longer for that.

        ``False`` where it does not wait in a line, or is the visitor's first already.
        """
        await to_thread.run_sync(self._store.jobs.get, owner, job_id)
        return self._runner.limits.sooner(owner, job_id)
