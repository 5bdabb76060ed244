"""Every change is stored first and published afterwards, in this one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from anyio import to_thread

from kontext_ui.editor.drafts import Change, Facts
from kontext_ui.editor.feed import Feed
from kontext_ui.editor.jobs.router import Router
from kontext_ui.edits import Running
from kontext_ui.errors import Billed
from kontext_ui.history.job_store import Committed
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import Job, Project, Version


class Journal:
    """Carries out a change of the store on a worker thread, then publishes what it returned."""

    def __init__(self, store: HistoryStore, feed: Feed, router: Router) -> None:
        self.store = store
        self.feed = feed
        self._router = router
        self.ended: list[Callable[[Job, float], None]] = []
        """Told of each job that ends in this process, and what it cost in US dollars as far as is known."""

    def facts(self, jobs: Iterable[Job] = ()) -> Facts:
        """What rows of versions and of these jobs say about backends."""
        return Facts(self._router.labels, frozenset(job.id for job in jobs if self._router.can_check(job)))

    async def project(self, change: Callable[..., Project], *arguments: object) -> Project:
        project = await to_thread.run_sync(change, *arguments)
        self.tell(project.id, Change(project=project))
        return project

    async def version(self, change: Callable[..., Version], *arguments: object) -> Version:
        version = await to_thread.run_sync(change, *arguments)
        self.tell(version.project, Change(versions=(version,), facts=self.facts()))
        return version

    async def job(
        self, change: Callable[..., Job], *arguments: object, progress: Running | None = None, quiet: bool = False
    ) -> Job:
        """A step of a job. ``quiet`` stores it without publishing."""
        job = await to_thread.run_sync(change, *arguments)
        if not quiet:
            running = {} if progress is None else {job.id: progress}
            project = await self._spent(job)
            self.tell(job.project, Change(project=project, jobs=(job,), progress=running, facts=self.facts([job])))
            self.feed.pass_on(job.owner, job.project)
        return job

    async def end(self, change: Callable[..., Job], *arguments: object) -> Job:
        """The last step of a job without a picture."""
        job = await self.job(change, *arguments)
        billed = job.failure is not None and job.failure.billed is not Billed.NO
        self._tell_ended(job, job.counted_usd if billed else 0.0)
        return job

    def _tell_ended(self, job: Job, cost_usd: float) -> None:
        for listener in self.ended:
            listener(job, cost_usd)

    async def _spent(self, job: Job) -> Project | None:
        """The project, where the job's end without a picture was or may have been paid for."""
        if job.failure is None or job.failure.billed is Billed.NO:
            return None
        return await to_thread.run_sync(self.store.projects.get, job.owner, job.project)

    async def jobs(self, change: Callable[..., list[Job]], *arguments: object) -> list[Job]:
        """A step that several jobs of one project take together."""
        jobs = await to_thread.run_sync(change, *arguments)
        self.tell(jobs[0].project, Change(jobs=tuple(jobs), facts=self.facts(jobs)))
        self.feed.pass_on(jobs[0].owner, jobs[0].project)
        return jobs

    async def commit(self, change: Callable[[], Committed], *, late: bool = False) -> Committed:
        """The last step of a job: its version, the job and its project are published together.

        A ``late`` one had ended before, when nobody waited for it any more.
        """
        done = await to_thread.run_sync(change)
        if not late:
            self._tell_ended(done.job, done.job.counted_usd)
        versions, jobs = (done.version,), (done.job,)
        self.tell(done.project.id, Change(0, done.project, versions, jobs, facts=self.facts(jobs)))
        self.feed.pass_on(done.job.owner, done.project.id)
        return done

    def progress(self, job: Job, progress: Running) -> None:
        """How far a job is; nothing of it is stored."""
        self.tell(job.project, Change(progress={job.id: progress}))

    def tell(self, project_id: str, change: Change) -> None:
        self.feed.publish(project_id, change)
