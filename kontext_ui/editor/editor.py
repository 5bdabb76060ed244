"""The use cases. Everything the page or the command line does goes through here, and nothing else does.

Every method that reads or changes something of a project takes the owner first and raises
``ProjectNotFound`` for a project of somebody else, exactly as for one that does not exist.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone

from anyio import to_thread

from kontext_ui.editor.drafting import draft_of, make_receipt
from kontext_ui.editor.gallery import Gallery
from kontext_ui.editor.hooks import Hooks
from kontext_ui.editor.keys import KeyCheck, KeyRing, check_key
from kontext_ui.editor.library import Library
from kontext_ui.editor.looking import Looking
from kontext_ui.editor.routing import Router
from kontext_ui.editor.runner import JobRunner, can_resume
from kontext_ui.editor.spending import DAY_BUDGET, Budget, Purse, Spending
from kontext_ui.editor.values import Change, EditDraft, ProjectView, Receipt, TierOffer
from kontext_ui.editor.vault import Vault
from kontext_ui.errors import ImageMissing, InvalidRequest, KontextError
from kontext_ui.history.store import HistoryStore
from kontext_ui.images import codec
from kontext_ui.images.export import RecipeStep
from kontext_ui.projects import Job, JobState, Project, Turn, Version
from kontext_ui.prompting import Hint

log = logging.getLogger(__name__)
_io = to_thread.run_sync
HEARTBEAT_S = 5.0
CLEAN_EVERY_S = 86_400.0
STALE_AFTER_S = 20.0
"""A process that has not shown a sign of life for this long is taken for dead and its jobs are taken over."""


class Editor(Library, Gallery, Looking):
    """One per process. All methods run on one event loop; ``start`` before use, ``aclose`` at the end."""

    def __init__(
        self,
        store: HistoryStore,
        vault: Vault,
        router: Router,
        limits: codec.ImageLimits,
        purse: Purse,
        *,
        fallback: bool = True,
        tell_credit: bool = True,
        public_url: str = "",
        keep_deleted: timedelta | None = None,
    ) -> None:
        super().__init__(store, vault, limits, router)
        self._tell_credit = tell_credit
        self._purse = purse
        self._sending = asyncio.Lock()
        self._router = router
        self._keys = KeyRing()
        self._hooks = Hooks(public_url)
        self._runner = JobRunner(
            store, vault, router, self._feed, self._keys, purse, hooks=self._hooks, fallback=fallback
        )
        self._heart: asyncio.Task[None] | None = None
        self._recovered = asyncio.Event()
        self._keep_deleted = keep_deleted
        self._cleaned = -CLEAN_EVERY_S
        self._closed = False
        self._replays: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Take up what an earlier process left open. Calling it again does nothing."""
        if self._heart is None:
            self._heart = asyncio.create_task(self._beat(), name="heartbeat")

    async def recovered(self) -> None:
        """Return once everything that an earlier process left open is running again or settled."""
        await self._recovered.wait()

    async def aclose(self) -> None:
        """Stop; jobs that are running stay open and are taken up at the next start. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.gather(self._heart, return_exceptions=True)
        for task in self._replays:
            task.cancel()
        self._overviews.close()
        await self._runner.aclose()
        for backend in self._router.backends.values():
            await backend.aclose()
        await _io(self._store.claims.release)
        await _io(self._store.close)

    async def _beat(self) -> None:
        while True:
            try:
                await self._runner.recover(await _io(self._store.claims.take_over, STALE_AFTER_S))
                self._recovered.set()
                await self._empty_bin()
            except Exception:
                # A busy disk must not end the taking over of jobs; it is tried again in a few seconds.
                log.exception("looking for jobs to take over failed")
            await asyncio.sleep(HEARTBEAT_S)

    async def _empty_bin(self) -> None:
        """Once a day: what lay in the bin for long enough is gone for good, with its files."""
        if self._keep_deleted is None or time.monotonic() - self._cleaned < CLEAN_EVERY_S:
            return
        self._cleaned = time.monotonic()
        await self.sweep(timedelta(days=1))

    async def open_project(self, owner: str, project_id: str) -> ProjectView:
        project = await _io(self._store.projects.get, owner, project_id)
        revision = self._feed.revision(project_id)
        versions = await _io(self._store.tree.all, owner, project_id)
        jobs = await _io(self._store.jobs.shown, owner, project_id)
        open_ids = {job.id for job in jobs if job.state.is_open}
        progress = {key: value for key, value in self._runner.progress(project_id).items() if key in open_ids}
        return ProjectView(project, tuple(versions), tuple(jobs), progress, revision)

    def hang_up(self) -> None:
        """End everybody's listening, from any thread: a server cannot stop while streams are open."""
        self._feed.hang_up()

    def label(self, backend_id: str) -> str:
        """The name people see of a backend, or its id when it is no longer there."""
        backend = self._router.backends.get(backend_id)
        return backend_id if backend is None else backend.label

    def can_check(self, job: Job) -> bool:
        """Whether the provider can be asked again about an edit that ended without a picture."""
        backend = self._router.backends.get(job.request.backend)
        return not job.state.is_open and job.remote_id is not None and can_resume(backend)

    async def check_again(self, owner: str, job_id: str) -> Job:
        """Ask the provider once more about an edit that it had taken. Nothing is sent a second time."""
        job = await _io(self._store.jobs.reopen, owner, job_id)
        self._feed.publish(job.project, Change(jobs=(job,)))
        self._runner.start(job, resume=True)
        return job

    def tiers(self, owner: str) -> tuple[TierOffer, ...]:
        return self._router.offers(self._keys.of(owner))

    async def check(self, owner: str, project_id: str, draft: EditDraft) -> Receipt:
        """What would happen if the draft were sent now; raises what ``submit`` would raise."""
        project = await _io(self._store.projects.get, owner, project_id)
        return (await self._receipt(owner, project, draft))[0]

    async def hints(self, owner: str, project_id: str, draft: EditDraft) -> tuple[Hint, ...]:
        """What would make the draft's instruction better. Never looks at the picture, never refuses a draft."""
        return await self._hints(owner, project_id, draft, self.tiers(owner))

    async def submit(self, owner: str, project_id: str, draft: EditDraft) -> Job:
        """Write the job down and start it. Returns at once; the edit goes on whoever is looking.

        Raises what ``check`` raises, and ``BudgetExceeded``; then nothing was sent.
        """
        project = await _io(self._store.projects.get, owner, project_id)
        receipt, parent = await self._receipt(owner, project, draft)
        job = _new_job(owner, project_id, parent, receipt)
        async with self._sending:  # so that two edits cannot both take the last of a budget
            await self._purse.guard(owner, project, receipt.price_usd)
            job = await _io(self._store.jobs.create, job)
        self._feed.publish(project_id, Change(jobs=(job,)))
        self._runner.start(job, pinned=draft.backend is not None)
        return job

    async def _receipt(self, owner: str, project: Project, draft: EditDraft) -> tuple[Receipt, Version | None]:
        for digest in draft.images:
            await _io(self._store.images.get, owner, project.id, digest)
        parent = await self._parent(owner, project, draft)
        mask = None if draft.mask is None else await self._vault.load_mask(draft.mask)
        return make_receipt(self._router, draft, parent, self._keys.of(owner), mask), parent

    async def _parent(self, owner: str, project: Project, draft: EditDraft) -> Version | None:
        if project.deleted_at is not None:
            raise InvalidRequest("This project is in the bin.", hint="Restore it from the bin to go on with it.")
        version_id = draft.parent or project.head
        if draft.from_text or version_id is None:
            return None
        return await _io(self._store.tree.get, owner, project.id, version_id)

    async def replay(
        self, owner: str, project_id: str, version_id: str, steps: Sequence[RecipeStep]
    ) -> asyncio.Task[None]:
        """Carry out a recipe's steps one after the other, beginning at a version. Stops at the first that fails.

        Each step is a turn of its own; closing the page does not stop them, ending the program does.
        The task that is returned ends with the last of them.
        Raises ``InvalidRequest`` when a step looks at a mask or a reference that this project does not have.
        """
        await _io(self._store.tree.get, owner, project_id, version_id)
        for number, step in enumerate(steps, start=1):
            await self._need_images(owner, project_id, number, step)
        task = asyncio.create_task(self._replay(owner, project_id, version_id, steps), name=f"replay {version_id}")
        self._replays.add(task)
        task.add_done_callback(self._replays.discard)
        return task

    async def _need_images(self, owner: str, project_id: str, number: int, step: RecipeStep) -> None:
        try:
            for digest in step.images:
                await _io(self._store.images.get, owner, project_id, digest)
        except ImageMissing:
            raise InvalidRequest(
                f"Step {number} used a mask or a reference image that is not in this project.",
                hint="Nothing was sent. Replay the recipe in the project that it comes from.",
            ) from None

    async def _replay(self, owner: str, project_id: str, version_id: str, steps: Sequence[RecipeStep]) -> None:
        for step in steps:
            try:
                job = await self.submit(owner, project_id, draft_of(step, version_id))
                turn = await self.wait(owner, job.id)
            except KontextError as error:
                log.info("replaying stopped: %s", error)
                return
            if turn.version is None:
                return
            version_id = turn.version.id

    async def called_back(self, backend_id: str, token: str, headers: Mapping[str, str], body: bytes) -> bool:
        """A provider says that an edit is over: look at once. Returns whether the call was genuine."""
        backend = self._router.backends.get(backend_id)
        return backend is not None and await self._hooks.call(backend, token, headers, body)

    async def job(self, owner: str, job_id: str) -> Job:
        return await _io(self._store.jobs.get, owner, job_id)

    async def cancel(self, owner: str, job_id: str) -> Job:
        """Stop an edit; the job's failure says what that means for the bill."""
        await _io(self._store.jobs.get, owner, job_id)
        await self._runner.cancel(job_id)
        return await _io(self._store.jobs.get, owner, job_id)

    async def dismiss(self, owner: str, job_id: str) -> Job:
        """Take a failed or cancelled card out of the conversation; the record stays."""
        job = await _io(self._store.jobs.dismiss, owner, job_id)
        self._feed.publish(job.project, Change(jobs=(job,)))
        return job

    async def wait(self, owner: str, job_id: str) -> Turn:
        """Return once the job is closed."""
        await _io(self._store.jobs.get, owner, job_id)
        await self._runner.wait(job_id)
        job = await _io(self._store.jobs.get, owner, job_id)
        version = None if job.version is None else await _io(self._store.tree.get, owner, job.project, job.version)
        return Turn(job, version)

    # Keys and money

    async def set_key(self, owner: str, backend_id: str, key: str) -> None:
        """Keep a visitor's own key in memory, for this process's life or until it is forgotten."""
        if backend_id not in self._router.backends:
            raise InvalidRequest("There is no such backend.")
        if not key.strip() or not key.isascii() or any(character.isspace() for character in key.strip()):
            raise InvalidRequest("This does not look like a key.", hint="Paste the key alone, in one line.")
        self._keys.put(owner, backend_id, key.strip())

    async def check_key(self, owner: str, backend_id: str) -> KeyCheck:
        """Ask the provider whether it takes the visitor's key, or else the program's own. Costs nothing."""
        backend = self._router.backends.get(backend_id)
        if backend is None:
            raise InvalidRequest("There is no such backend.")
        key = self._keys.get(owner, backend_id)
        if not backend.check(key).ready:
            return KeyCheck("unknown", f"There is no key for {backend.label} yet.")
        return await check_key(backend, key, tell_credit=self._tell_credit or key is not None)

    def forget_key(self, owner: str, backend_id: str) -> None:
        self._keys.forget(owner, backend_id)

    def has_key(self, owner: str, backend_id: str) -> bool:
        return self._keys.get(owner, backend_id) is not None

    async def budgets(self, owner: str, project_id: str) -> tuple[Budget, Budget]:
        """The project's and the day's."""
        return await self._purse.budgets(owner, await _io(self._store.projects.get, owner, project_id))

    async def spending(self, owner: str, project_id: str) -> Spending:
        """What the project, its current branch and the last days cost."""
        return await self._purse.spending(owner, await _io(self._store.projects.get, owner, project_id))

    async def set_budget(self, owner: str, project_id: str, usd: float | None) -> Project:
        return self._tell(await _io(self._store.projects.set_budget, owner, project_id, usd))

    async def set_day_budget(self, owner: str, usd: float | None) -> None:
        await _io(self._store.preferences.set, owner, DAY_BUDGET, usd)

    # Care of the data folder

    async def verify(self) -> list[str]:
        """Sentences on everything that is not as it should be; empty when all is well."""
        return [str(finding) for finding in await _io(self._store.upkeep.verify, self._vault.blobs)]

    async def sweep(self, older_than: timedelta = timedelta(hours=1)) -> tuple[int, int]:
        """Remove what lay in the bin for long enough, and files that nothing refers to; how many, how many bytes."""
        if self._keep_deleted is not None:
            gone = await _io(self._store.projects.purge_deleted, datetime.now(timezone.utc) - self._keep_deleted)
            if gone:
                log.info("%d projects left the bin for good", len(gone))
        swept = await _io(self._store.upkeep.sweep, self._vault.blobs, older_than)
        return swept.files, swept.bytes


def _new_job(owner: str, project_id: str, parent: Version | None, receipt: Receipt) -> Job:
    now = datetime.now(timezone.utc)
    return Job(
        id=secrets.token_urlsafe(16),
        project=project_id,
        owner=owner,
        parent=None if parent is None else parent.id,
        request=receipt.request,
        state=JobState.QUEUED,
        created_at=now,
        updated_at=now,
        price_usd=receipt.price_usd,
    )
