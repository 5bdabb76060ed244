"""Jobs that wait for the result of another one, and begin when it is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from anyio import to_thread

from kontext_ui.editor.accounts import KeyRing
from kontext_ui.editor.budgets import Budgets
from kontext_ui.editor.drafts import EditDraft
from kontext_ui.editor.jobs.failures import bug, cancelled, describe, not_sent, over_budget, raise_if_other_pays
from kontext_ui.editor.jobs.journal import Journal
from kontext_ui.editor.jobs.leaning import standing_alone
from kontext_ui.editor.jobs.receipt import make_receipt
from kontext_ui.editor.jobs.router import Router
from kontext_ui.editor.jobs.runner import JobRunner
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.errors import Billed, BudgetExceeded, KontextError
from kontext_ui.projects import Failure, Job

log = logging.getLogger(__name__)
LOOK_S = 1.0
"""How often a job that another process carries out is looked at."""


class Following:
    """Use from one event loop. ``aclose`` leaves the jobs open for the next start."""

    def __init__(
        self,
        journal: Journal,
        pixels: PixelStore,
        router: Router,
        runner: JobRunner,
        keys: KeyRing,
        budgets: Budgets,
    ) -> None:
        self._journal, self._store = journal, journal.store
        self._pixels = pixels
        self._router = router
        self._runner = runner
        self._keys = keys
        self._budgets = budgets
        self._waiting: dict[str, asyncio.Task[None]] = {}

    def add(self, job: Job, *, pinned: bool = True) -> None:
        """``pinned``: no other backend may step in. After a restart nobody knows any more, so then none does."""
        task = asyncio.create_task(self._follow(job, pinned), name=f"waiting {job.id}")
        self._waiting[job.id] = task
        task.add_done_callback(lambda _: self._waiting.pop(job.id, None))

    def recover(self, jobs: Iterable[Job]) -> None:
        """Take up what an earlier process left waiting."""
        for job in jobs:
            if job.id not in self._waiting:
                self.add(job)

    async def wait(self, job_id: str) -> None:
        """Return once the job has begun or was closed without that."""
        if (task := self._waiting.get(job_id)) is not None:
            await asyncio.wait([task])

    async def cancel(self, job_id: str) -> bool:
        """Whether the job was waiting; then it is closed, and nothing was sent."""
        task = self._waiting.get(job_id)
        if task is None:
            return False
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            return False
        job = await to_thread.run_sync(self._store.jobs.find, job_id)
        await self._journal.end(self._store.jobs.close_cancelled, job_id, cancelled(job, "", Billed.NO))
        return True

    async def aclose(self) -> None:
        tasks = [*self._waiting.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, job: Job, pinned: bool) -> None:
        before = await self._ended(job.after or "")
        try:
            if before.version is None:
                await self._close(job, not_sent())
            else:
                await self._begin(job, before.version, pinned)
        except KontextError as error:
            await self._close(job, describe(error))
        except Exception:
            # The edge of the task: whatever went wrong inside becomes a card, and the log has the rest.
            log.exception("job %s could not begin", job.id)
            await self._close(job, describe(bug(job)))

    async def _ended(self, job_id: str) -> Job:
        """The job once it is closed, in whichever process."""
        while True:
            await self.wait(job_id)
            await self._runner.wait(job_id)
            job = await to_thread.run_sync(self._store.jobs.find, job_id)
            if not job.state.is_open:
                return job
            await asyncio.sleep(LOOK_S)

    async def _begin(self, job: Job, parent_id: str, pinned: bool) -> None:
        request = job.request
        draft = EditDraft(**request.options(), tier=request.tier, backend=request.backend, parent=parent_id)
        _, parent = await to_thread.run_sync(
            self._store.tree.for_edit, job.owner, job.project, parent_id, request.images
        )
        keys = self._keys.that_pay(job)
        draft, parent = await standing_alone(self._store, self._router, job.owner, job.project, draft, parent, keys)
        mask = None if draft.mask is None else await self._pixels.load_mask(draft.mask)
        receipt = make_receipt(self._router, draft, parent, keys, mask)
        raise_if_other_pays(job, receipt.own_key, receipt.backend_label)
        guard = self._budgets.guard_change(job, receipt.price_usd)  # the picture may be larger than was thought
        changed = (parent_id, draft.parent or parent_id, receipt.request, receipt.price_usd, guard)
        try:
            job = await self._journal.job(self._store.jobs.release, job.id, *changed)
        except BudgetExceeded:
            await self._close(job, over_budget(receipt.price_usd or 0.0))
            return
        self._runner.start(job, receipt.route, pinned=pinned)

    async def _close(self, job: Job, failure: Failure) -> None:
        await self._journal.end(self._store.jobs.close_failed, job.id, failure)
