"""Edits: what would happen, send, watch, stop, ask again, replay."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from anyio import to_thread

from kontext_ui.editor.accounts import KeyRing
from kontext_ui.editor.budgets import Budgets, Expense
from kontext_ui.editor.ceilings import sender
from kontext_ui.editor.drafts import EditDraft, Receipt
from kontext_ui.editor.jobs.following import Following
from kontext_ui.editor.jobs.journal import Journal
from kontext_ui.editor.jobs.leaning import standing_alone
from kontext_ui.editor.jobs.receipt import draft_of, make_receipt
from kontext_ui.editor.jobs.router import Router
from kontext_ui.editor.jobs.runner import JobRunner
from kontext_ui.editor.jobs.webhooks import Webhooks
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.editor.room import Room
from kontext_ui.edits import Running
from kontext_ui.errors import ImageMissing, InvalidRequest, JobClosed, JobNotFound, KontextError
from kontext_ui.images.codec import EncodedImage, make_preview
from kontext_ui.images.export import RecipeStep
from kontext_ui.projects import Job, JobState, Terms, Turn, Version

log = logging.getLogger(__name__)
_io = to_thread.run_sync
PREVIEW_SIDE_PX = 256
"""Longest side of what is shown of a running edit."""


class Edits:
    """Use cases on edits. Each is a job from the moment it is sent, whether or not anyone watches."""

    def __init__(
        self,
        journal: Journal,
        pixels: PixelStore,
        router: Router,
        runner: JobRunner,
        following: Following,
        keys: KeyRing,
        budgets: Budgets,
        webhooks: Webhooks,
        room: Room,
    ) -> None:
        self._journal, self._store = journal, journal.store
        self._pixels = pixels
        self._router = router
        self._runner = runner
        self._following = following
        self._keys = keys
        self._budgets = budgets
        self._webhooks = webhooks
        self._room = room
        self._replays: set[asyncio.Task[None]] = set()

    async def check(self, owner: str, project_id: str, draft: EditDraft) -> Receipt:
        """What would happen if the draft were sent now; raises what ``submit`` would raise."""
        receipt, _ = await self._receipt(owner, project_id, draft)
        await self._budgets.check(sender(owner), project_id, self._expense(receipt))
        if receipt.price_usd is None:
            note = f"counts as ${self._budgets.unknown_usd:.2f} in budgets"
            receipt = dataclasses.replace(receipt, price_note=" · ".join(filter(None, (receipt.price_note, note))))
        return receipt

    async def submit(
        self, owner: str, project_id: str, draft: EditDraft, key: str | None = None, terms: Terms | None = None
    ) -> Job:
        """Record the job and start it. Returns at once; the edit continues whether or not anyone watches.

        Raises what ``check`` raises; then nothing was sent. ``key`` and ``terms`` are as for ``submit_all``.
        """
        return (await self.submit_all(owner, project_id, [draft], key, terms))[0]

    async def submit_all(
        self,
        owner: str,
        project_id: str,
        drafts: Sequence[EditDraft],
        key: str | None = None,
        terms: Terms | None = None,
    ) -> list[Job]:
        """Several edits, for instance of one picture, so that one of the answers can be chosen.

        All or none: budgets and limits are asked about all of them together, and one that is refused refuses all.
        ``key`` is the sender's name for this message: one that arrives again gets the jobs of the first time.
        Raises ``InvalidRequest`` for another message under the same name.
        ``terms`` are those of a program; a person at the page has seen the price and needs none.
        """
        said = _fingerprint(project_id, drafts)
        if known := await self._sent_before(owner, key, said):
            return known
        await self._room.check(owner)
        receipts, jobs = [], []
        for draft in drafts:
            resolved, before = await self._resolve(owner, project_id, draft)
            receipt, parent = await self._receipt(owner, project_id, resolved)
            receipts.append(receipt)
            job = _new_job(owner, project_id, None if before else parent, receipt, before)
            jobs.append(dataclasses.replace(job, assumed_usd=self._budgets.unknown_usd))
        if key is not None:
            jobs = [dataclasses.replace(job, submission=f"{key}.{place}-{said}") for place, job in enumerate(jobs)]
        access_key = None if terms is None else terms.access_key
        if terms is not None:
            each = await self._budgets.agree(owner, terms, [receipt.price_usd for receipt in receipts])
            jobs = [dataclasses.replace(job, terms=own) for job, own in zip(jobs, each, strict=True)]
        expenses = [self._expense(receipt) for receipt in receipts]
        guard = self._budgets.guard(sender(owner), project_id, expenses, access_key)
        try:
            jobs = await self._journal.jobs(self._store.jobs.create_all, jobs, guard)
        except JobClosed:  # it has arrived twice, and the other one was the first to be recorded
            return await self._sent_before(owner, key, said)
        for job, receipt, draft in zip(jobs, receipts, drafts, strict=True):
            if job.waits:
                self._following.add(job, pinned=draft.backend is not None)
            else:
                self._runner.start(job, receipt.route, pinned=draft.backend is not None)
        return jobs

    async def sent(self, owner: str, key: str | None) -> list[Job]:
        """What became of a message whose answer was lost: its jobs, none if it never arrived."""
        return [] if key is None else await _io(self._store.jobs.sent_as, owner, key)

    async def _sent_before(self, owner: str, key: str | None, said: str) -> list[Job]:
        jobs = await self.sent(owner, key)
        if any((job.submission or "").rpartition("-")[2] != said for job in jobs):
            raise InvalidRequest(
                "Another message was sent under this name already, so this one was not sent.",
                hint="Give each message a name of its own, and send this one again.",
            )
        return jobs

    async def _resolve(self, owner: str, project_id: str, draft: EditDraft) -> tuple[EditDraft, Job | None]:
        """The draft on a version, and the job to wait for, if that has not made its version yet.

        Until then the picture that the first of the line edits stands for the one to come: it has its size.
        """
        if draft.after is None:
            return draft, None
        before = first = await _io(self._store.jobs.get, owner, draft.after)
        if before.project != project_id:
            raise JobNotFound("There is no such edit.")
        if before.version is not None:
            return dataclasses.replace(draft, parent=before.version, after=None), None
        while first.waits:
            first = await _io(self._store.jobs.get, owner, first.after or "")
        if not before.state.is_open or first.parent is None:
            raise InvalidRequest("The edit before this one made no picture.", hint="Nothing was sent. Send it again.")
        return dataclasses.replace(draft, parent=first.version or first.parent), before

    async def get(self, owner: str, job_id: str) -> Job:
        return await _io(self._store.jobs.get, owner, job_id)

    def progress(self, job: Job) -> Running | None:
        """How far a job is that this process carries out. The job comes from ``get``, which asked whose it is."""
        return self._runner.progress(job.project).get(job.id)

    async def wait(self, owner: str, job_id: str) -> Turn:
        """Return once the job is closed."""
        await _io(self._store.jobs.get, owner, job_id)
        await self._following.wait(job_id)
        await self._runner.wait(job_id)
        job = await _io(self._store.jobs.get, owner, job_id)
        version = None
        if job.version is not None:
            version = await _io(self._store.tree.get, owner, job.project, job.version)
        return Turn(job, version)

    async def preview(self, owner: str, job_id: str) -> EncodedImage | None:
        """What a running edit looks like now, as a small file; ``None`` when nothing is to be seen yet."""
        await _io(self._store.jobs.get, owner, job_id)
        pixels = self._runner.preview(job_id)
        return None if pixels is None else await self._pixels.compute(make_preview, pixels, PREVIEW_SIDE_PX)

    async def cancel(self, owner: str, job_id: str) -> Job:
        """Stop an edit; the job's failure says whether it is billed."""
        await _io(self._store.jobs.get, owner, job_id)
        if not await self._following.cancel(job_id):
            await self._runner.cancel(job_id)
        return await _io(self._store.jobs.get, owner, job_id)

    async def dismiss(self, owner: str, job_id: str) -> Job:
        """Take a failed or cancelled card out of the conversation; the record stays."""
        return await self._journal.job(self._store.jobs.dismiss, owner, job_id)

    async def check_again(self, owner: str, job_id: str) -> Job:
        """Ask the provider again about an edit that it had accepted. Nothing is sent twice."""
        job = await self._journal.job(self._store.jobs.reopen, owner, job_id)
        self._runner.start(job, resume=True)
        return job

    async def called_back(self, backend_id: str, token: str, headers: Mapping[str, str], body: bytes) -> bool:
        """A provider says that an edit has ended: poll at once. Returns whether the call was genuine."""
        backend = self._router.backends.get(backend_id)
        return backend is not None and await self._webhooks.call(backend, token, headers, body)

    async def replay(
        self,
        owner: str,
        project_id: str,
        version_id: str,
        steps: Sequence[RecipeStep],
        key: str | None = None,
        terms: Terms | None = None,
    ) -> asyncio.Task[None]:
        """Carry out a recipe's steps one after the other, beginning at a version. Stops at the first that fails.

        Each step is a turn of its own; closing the page does not stop them, ending the program does.
        The task that is returned ends with the last of them. ``key`` and ``terms`` are as for ``submit_all``,
        the terms for each step.
        Raises ``InvalidRequest`` when a step uses a mask or a reference that this project does not have.
        """
        for number, step in enumerate(steps, start=1):
            try:
                await _io(self._store.tree.for_edit, owner, project_id, version_id, step.images)
            except ImageMissing:
                raise InvalidRequest(
                    f"Step {number} used a mask or a reference image that is not in this project.",
                    hint="Nothing was sent. Replay the recipe in the project that it comes from.",
                ) from None
        carried_out = self._replay(owner, project_id, version_id, steps, key, terms)
        task = asyncio.create_task(carried_out, name=f"replay {version_id}")
        self._replays.add(task)
        task.add_done_callback(self._replays.discard)
        return task

    async def _replay(
        self,
        owner: str,
        project_id: str,
        version_id: str,
        steps: Sequence[RecipeStep],
        key: str | None,
        terms: Terms | None,
    ) -> None:
        for place, step in enumerate(steps):
            name = None if key is None else f"{key}-{place}"
            try:
                job = await self.submit(owner, project_id, draft_of(step, version_id), name, terms)
                turn = await self.wait(owner, job.id)
            except KontextError as error:
                log.info("replaying stopped: %s", error)
                return
            if turn.version is None:
                return
            version_id = turn.version.id

    def stop_replays(self) -> None:
        for task in self._replays:
            task.cancel()

    def _expense(self, receipt: Receipt) -> Expense:
        return self._budgets.expense(receipt.price_usd, own_key=receipt.own_key)

    async def _receipt(self, owner: str, project_id: str, draft: EditDraft) -> tuple[Receipt, Version | None]:
        project, parent = await _io(
            lambda: self._store.tree.for_edit(owner, project_id, draft.parent, draft.images, from_text=draft.from_text)
        )
        if project.deleted_at is not None:
            raise InvalidRequest("This project is in the bin.", hint="Restore it from the bin to go on with it.")
        keys = self._keys.of(owner)
        if draft.after is None:  # else the turn that it leans on is still to come
            draft, parent = await standing_alone(self._store, self._router, owner, project_id, draft, parent, keys)
        mask = None if draft.mask is None else await self._pixels.load_mask(draft.mask)
        return make_receipt(self._router, draft, parent, keys, mask), parent


def _fingerprint(project_id: str, drafts: Sequence[EditDraft]) -> str:
    """The same for the same message. What it waits for may have ended since it was sent first, so that is left out."""
    said = repr((project_id, [dataclasses.replace(draft, after=None) for draft in drafts]))
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:16]


def _new_job(owner: str, project_id: str, parent: Version | None, receipt: Receipt, before: Job | None = None) -> Job:
    now = datetime.now(UTC)
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
        own_key=receipt.own_key,
        address=sender(owner).address,
        after=None if before is None else before.id,
    )
