"""Carries out jobs, each as a task of this program and not of the browser's request.

What is written when: the job before anything leaves; ``sending`` just before the backend is
called; the provider's id before the first poll; the picture's bytes before the version's row; and
the job is closed by the same transaction that adds the version. So at every instant a crash leaves
a job that can be run again, picked up again, or honestly called uncertain.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import cast

from anyio import to_thread

from kontext_ui.backends.base import Backend, Cancellable, EditTask, Resumable
from kontext_ui.editor.accounts import KeyRing
from kontext_ui.editor.budgets import Budgets
from kontext_ui.editor.drafts import BackendOffer, Route
from kontext_ui.editor.jobs import pipeline
from kontext_ui.editor.jobs.failures import (
    after_others,
    bug,
    cancelled,
    describe,
    outlived,
    raise_if_other_pays,
    say_who_pays,
    uncertain,
)
from kontext_ui.editor.jobs.journal import Journal
from kontext_ui.editor.jobs.limits import Limits
from kontext_ui.editor.jobs.router import Router, fit_parameters, price_of
from kontext_ui.editor.jobs.run import Run
from kontext_ui.editor.jobs.webhooks import Webhooks
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.edits import Done, EditEvent, EditResult, Pixels, Running, Submitted
from kontext_ui.errors import (
    BackendError,
    Billed,
    BudgetExceeded,
    EditCancelled,
    JobClosed,
    KontextError,
    LimitReached,
    UnexpectedAnswer,
)
from kontext_ui.images import meters
from kontext_ui.images.geometry import size_of
from kontext_ui.projects import Failure, Job, JobState

log = logging.getLogger(__name__)
CHAIN = 12
"""How many turns are checked for accumulated loss; limited, so that a long history costs no more."""
PROGRESS_INTERVAL_S = 0.1
"""Progress is published at most this often; ten times a second looks smooth."""


class JobRunner:
    """Use from one event loop. ``aclose`` stops the tasks and leaves their jobs open for the next start."""

    def __init__(
        self,
        journal: Journal,
        pixels: PixelStore,
        router: Router,
        keys: KeyRing,
        budgets: Budgets,
        webhooks: Webhooks,
        *,
        fallback: bool,
    ) -> None:
        self._journal, self._store = journal, journal.store
        self._pixels = pixels
        self._router = router
        self._keys = keys
        self._budgets = budgets
        self._webhooks = webhooks
        self._fallback = fallback
        self.limits = Limits()
        self._finishing = asyncio.Semaphore(max(2, os.cpu_count() or 2))
        """One result after the other: the first is on the screen while the last is still worked on."""
        self._runs: dict[str, Run] = {}

    def start(self, job: Job, route: Route | None = None, *, pinned: bool = False, resume: bool = False) -> None:
        """Carry the job out. ``route`` is what its receipt agreed on; a resumed job is routed again."""
        run = Run(job, route or self._route(job), pinned)
        self._runs[job.id] = run
        run.task = asyncio.create_task(self._run(run, resume), name=f"job {job.id}")

    def _route(self, job: Job) -> Route:
        return Route(self._router.capabilities(job.request), None)

    def preview(self, job_id: str) -> Pixels | None:
        """The last picture that a running job's backend has shown."""
        run = self._runs.get(job_id)
        return None if run is None else run.preview

    def progress(self, project_id: str) -> Mapping[str, Running]:
        return {run.job.id: run.progress for run in self._runs.values() if run.job.project == project_id}

    async def wait(self, job_id: str) -> None:
        """Return once the job is closed, at once if it is not running here."""
        if (run := self._runs.get(job_id)) is not None:
            await run.finished.wait()

    async def recover(self, jobs: list[Job]) -> None:
        """Settle what an earlier process left open: run again, pick up again, or say that it is uncertain."""
        for job in jobs:
            backend = self._router.backends.get(job.request.backend)
            label = job.request.backend if backend is None else backend.label
            if backend is not None and job.remote_id is not None and isinstance(backend, Resumable):
                self.start(job, resume=True)
            elif backend is not None and job.sending_at is None:
                self.start(job)
            elif backend is not None and backend.runs_here:
                await self._again_or_give_up(job)
            else:
                await self._journal.end(self._store.jobs.mark_uncertain, job.id, uncertain(job, label))

    async def _again_or_give_up(self, job: Job) -> None:
        """An edit on this machine costs nothing, so it is run again, but not if it was interrupted twice."""
        if job.starts < 2:
            self.start(job)
        else:
            await self._journal.end(self._store.jobs.close_failed, job.id, outlived(job))

    async def cancel(self, job_id: str) -> None:
        """Stop a running job, and say truthfully whether it is billed. Closed jobs are left alone."""
        run = self._runs.get(job_id)
        if run is None or run.task is None or run.cancelled_as is not None:
            return
        backend = self._router.backends[run.job.request.backend]
        run.stop.set()
        if run.job.sending_at is None or backend.runs_here:
            run.cancelled_as = cancelled(run.job, backend.label, Billed.NO)
            if not backend.runs_here or run.job.sending_at is None:
                run.task.cancel()
        elif run.job.remote_id is not None and isinstance(backend, Cancellable) and run.edit_task is not None:
            task = dataclasses.replace(run.edit_task, remote_id=run.job.remote_id, poll_url=run.job.poll_url)
            task = dataclasses.replace(task, details=run.job.details)
            await self._stop(run, cancelled(run.job, backend.label, await backend.cancel(task)))
        else:
            await self._stop(run, cancelled(run.job, backend.label, Billed.MAYBE))

    async def _stop(self, run: Run, failure: Failure) -> None:
        """Close the job as cancelled. What may be paid for is still waited for, and kept if it comes."""
        run.cancelled_as = failure
        if failure.billed is Billed.NO and run.task is not None and not run.task.done():
            run.task.cancel()
            return
        run.abandoned = True
        with suppress(JobClosed):  # it may have ended while the provider was being informed
            await self._close(run, JobState.CANCELLED, failure)
            run.finished.set()

    async def aclose(self) -> None:
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        for run in self._runs.values():
            run.stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, run: Run, resume: bool) -> None:
        started = time.monotonic()
        try:
            prepared, result = await self._carry_out(run, resume)
            async with self._finishing:
                await self._commit(run, prepared, result, started)
        except asyncio.CancelledError:
            if run.cancelled_as is None:
                raise  # the program is closing: the job stays open and is resumed at the next start
            await self._close(run, JobState.CANCELLED, run.cancelled_as)
        except EditCancelled as error:
            if run.cancelled_as is None and run.stop.is_set():
                return  # an engine noticed the closing program before its task was cancelled
            failure = run.cancelled_as or describe(error)  # someone may have cancelled it at the provider
            await self._close(run, JobState.CANCELLED, dataclasses.replace(failure, billed=error.billed))
        except JobClosed:
            # Another process treated this one as dead and finished the job: its result stands.
            log.warning("job %s was ended by another process", run.job.id)
        except BackendError as error:
            tried = [self._router.labels.get(one.backend, one.backend) for one in (*run.failed, error)]
            await self._close(run, JobState.FAILED, after_others(describe(error), run.failed, tried))
        except KontextError as error:
            await self._close(run, JobState.FAILED, describe(error))
        except Exception:
            # The edge of the task: whatever went wrong inside becomes a card, and the log has the rest.
            log.exception("job %s failed unexpectedly", run.job.id)
            await self._close(run, JobState.FAILED, describe(bug(run.job)))
        finally:
            self._runs.pop(run.job.id, None)
            run.finished.set()

    async def _carry_out(self, run: Run, resume: bool) -> tuple[pipeline.Prepared, EditResult]:
        while True:
            backend = self._router.backends[run.job.request.backend]
            try:
                return await self._attempt(run, backend, resume)
            except BackendError as error:
                following = None
                if self._fallback and not run.pinned and run.job.remote_id is None:
                    following = self._router.next_after(error, run.job, self._keys.that_pay(run.job))
                if following is None or not await self._reroute(run, following):
                    say_who_pays(error, run.job)
                    raise
                run.failed.append(error)
                log.info("job %s: %s failed (%s), continuing with %s", run.job.id, backend.id, error, following.id)

    async def _reroute(self, run: Run, offer: BackendOffer) -> bool:
        """Whether the job continues with that backend; not when its price would exceed a budget."""
        failed = run.job.request.backend
        parameters, left_out = fit_parameters(run.job.request.parameters, offer.capabilities)
        request = dataclasses.replace(run.job.request, backend=offer.id, parameters=parameters)
        capabilities = offer.capabilities.at(parameters)
        price = price_of(request, capabilities)
        try:
            await self._step(
                run, self._store.jobs.reroute, request, failed, price, self._budgets.guard_change(run.job, price)
            )
        except (BudgetExceeded, LimitReached):
            return False
        run.route = Route(capabilities, None)
        run.left_out += tuple(left_out)
        return True

    async def _attempt(self, run: Run, backend: Backend, resume: bool) -> tuple[pipeline.Prepared, EditResult]:
        request, capabilities = run.job.request, run.route.capabilities
        key = self._keys.that_pay(run.job).get(backend.id)
        if not resume and not backend.runs_here:
            raise_if_other_pays(run.job, key is not None, backend.label)
        # The tier's place first: an edit that waits for it must not hold one of the account's.
        tier_line = self.limits.place(
            (backend.id, request.tier, request.model, key),
            capabilities.max_in_flight,
            lambda n: self._queued(run, n),
            run.job.owner,
            run.job.id,
        )
        account_limit = self._router.account_limit(backend, capabilities)
        account_line = self.limits.place(
            (backend.id, key), account_limit, lambda n: self._queued(run, n), run.job.owner, run.job.id
        )
        async with tier_line, account_line:
            prepared = await pipeline.prepare(self._pixels, request, run.route)
            run.edit_task = self._edit_task(run, prepared, key)
            if not resume:
                run.edit_task = dataclasses.replace(run.edit_task, hook=self._webhooks.make(backend, key))
                run.job = await self._journal.job(self._store.jobs.mark_sending, run.job.id, quiet=True)
            if resume and isinstance(backend, Resumable):
                events = backend.resume(request, run.edit_task)
            else:
                events = backend.edit(request, run.edit_task)
            return prepared, await self._follow(run, backend, cast("AsyncGenerator[EditEvent, None]", events))

    def _edit_task(self, run: Run, prepared: pipeline.Prepared, key: str | None) -> EditTask:
        return EditTask(
            job_id=run.job.id,
            owner=run.job.owner,
            input_image=prepared.sent,
            reference_images=prepared.references,
            mask=prepared.sent_mask,
            key=key,
            remote_id=run.job.remote_id,
            poll_url=run.job.poll_url,
            details=run.job.details,
            stop=run.stop,
        )

    async def _follow(self, run: Run, backend: Backend, events: AsyncGenerator[EditEvent, None]) -> EditResult:
        """Journal every event before asking for the next one."""
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Done):
                    return event.result
                if isinstance(event, Submitted):
                    await self._journal_submitted(run, event)
                else:
                    await self._journal_running(run, event)
        raise UnexpectedAnswer(
            f"{backend.label} ended without a picture.", backend=backend.id, billed=Billed.MAYBE, may_retry=True
        )

    async def _journal_submitted(self, run: Run, event: Submitted) -> None:
        price = run.job.price_usd if event.price_usd is None else event.price_usd
        await self._step(run, self._store.jobs.mark_submitted, event.remote_id, event.poll_url, price, event.details)

    async def _journal_running(self, run: Run, event: Running) -> None:
        run.progress = event
        run.preview = run.preview if event.preview is None else event.preview
        if run.job.state is not JobState.RUNNING and not run.abandoned and event.queue_position is None:
            await self._step(run, self._store.jobs.mark_running)
        elif event.preview is not None or time.monotonic() - run.told_at >= PROGRESS_INTERVAL_S:
            self._tell_progress(run)

    async def _step(self, run: Run, change: Callable[..., Job], *arguments: object) -> None:
        """Journal a step of a run. Nothing is published for a job whose user has stopped waiting."""
        run.job = await self._journal.job(change, run.job.id, *arguments, progress=run.progress, quiet=run.abandoned)

    def _queued(self, run: Run, position: int) -> None:
        run.progress = Running(queue_position=position, stage="waiting for a free place")
        self._tell_progress(run)

    def _tell_progress(self, run: Run) -> None:
        run.told_at = time.monotonic()
        if not run.abandoned:
            self._journal.progress(run.job, run.progress)

    async def _commit(self, run: Run, prepared: pipeline.Prepared, result: EditResult, started: float) -> None:
        run.progress = Running(fraction=1.0, stage="saving")
        self._tell_progress(run)
        back = await self._pixels.compute(pipeline.bring_back, prepared, run.job.request, result)
        back = await self._with_drift(run.job, prepared, back)
        digest, mask, answer = await asyncio.gather(
            self._pixels.save(back.pixels),
            self._pixels.save_mask(back.change_mask),
            self._pixels.save_answer(None if back.candidate is None else back.candidate.pixels),
        )
        seconds = time.monotonic() - started  # with our own part, which is what one waited for
        about = (run.job, run.route.capabilities, back, result, seconds)
        outcome = await self._pixels.compute(pipeline.outcome_of, *about)
        warnings = (*run.left_out, *outcome.warnings)
        outcome = dataclasses.replace(outcome, change_mask=mask, answer=answer, warnings=warnings)
        size, has_alpha = size_of(back.pixels), back.pixels.shape[2] == 4
        done = await self._journal.commit(
            lambda: self._store.jobs.commit(run.job.id, digest, size, has_alpha, outcome, late=run.abandoned),
            late=run.abandoned,
        )
        run.job = done.job

    async def _with_drift(
        self, job: Job, prepared: pipeline.Prepared, back: pipeline.BroughtBack
    ) -> pipeline.BroughtBack:
        """Measure what the chain has lost against its first picture; only results that a model redrew lose anything."""
        if prepared.fit is None or job.parent is None:
            return back
        path = await to_thread.run_sync(
            lambda: self._store.tree.path_to_root(job.owner, job.project, job.parent or "", limit=CHAIN)
        )
        before = await self._pixels.load(path[0].digest)
        sharpness = await self._pixels.compute(meters.sharpness_against, back.pixels, before)
        turns = [version.outcome.meters for version in path if version.outcome is not None]
        warning = meters.accumulated([*turns, back.meters], sharpness=sharpness)
        return dataclasses.replace(
            back,
            meters={**back.meters, "sharpness": sharpness},
            warnings=back.warnings if warning is None else (*back.warnings, warning),
        )

    async def _close(self, run: Run, state: JobState, failure: Failure) -> None:
        if run.abandoned and run.job.state is JobState.CANCELLED:
            return
        close = self._store.jobs.close_cancelled if state is JobState.CANCELLED else self._store.jobs.close_failed
        run.job = await self._journal.end(close, run.job.id, failure)
