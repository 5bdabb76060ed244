"""Edits: send, follow, stop, repeat. Each is a job of the editor: whoever asked may leave, and nothing is lost."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

from kontext_ui.api import messages as m
from kontext_ui.api import results as r
from kontext_ui.api import telling
from kontext_ui.api.caller import Caller, Services
from kontext_ui.api.pictures_in import mask_of, reference_of
from kontext_ui.api.tree import version_of
from kontext_ui.editor import EditDraft
from kontext_ui.edits import Reference, Running, Tier
from kontext_ui.projects import Job, Terms

LOOK_S = 2.0
"""How often an edit is looked at that another process may be carrying out."""
NAMES = "api-"
"""What the names of calls begin with in the journal, so that they never meet those of the page's messages."""


async def edit(at: Services, who: Caller, asked: m.Edit) -> r.EditState:
    """Apply an instruction to a picture. The answer comes when the edit is over or after wait_s seconds; the edit goes
    on either way, and wait gives its result later. Every result is a new version in the project's tree.
    """
    (job,) = await _sent(at, who, asked, [await _draft(at, who, asked)])
    return await _state(at, who, job, asked.wait_s)


async def variants(at: Services, who: Caller, asked: m.Variants) -> r.Edits:
    """Apply one instruction several times, or by several models, to choose among the answers. All are sent or none."""
    draft = await _draft(at, who, asked)
    chosen = [_at(draft, choice) for choice in asked.models] or [draft] * asked.count
    seed = draft.parameters.seed
    if seed is not None and not asked.models:
        chosen = [_with_seed(draft, seed + place) for place in range(asked.count)]
    jobs = await _sent(at, who, asked, chosen)
    return r.Edits(edits=await asyncio.gather(*(_state(at, who, job, asked.wait_s) for job in jobs)))


async def wait(at: Services, who: Caller, asked: m.Wait) -> r.EditState:
    """How an edit is doing: the answer comes when it is over or after wait_s seconds."""
    return await _state(at, who, await at.editor.edits.get(who.owner, asked.edit), asked.wait_s)


async def cancel(at: Services, who: Caller, asked: m.OnEdit) -> r.EditState:
    """Stop an edit. The answer says whether it is billed all the same; one that is over stays as it is."""
    return await _state(at, who, await at.editor.edits.cancel(who.owner, asked.edit), 0)


async def replay(at: Services, who: Caller, asked: m.Replay) -> r.Replaying:
    """Carry out a recipe's steps one after the other, beginning at a version. It stops at the first that fails."""
    version = await version_of(at, who, asked.project, asked.version)
    terms, name = Terms(who.key, asked.max_price_usd), _name(asked.request_id)
    task = await at.editor.edits.replay(who.owner, asked.project, version.id, asked.steps, name, terms)
    await asyncio.wait([task], timeout=asked.wait_s)
    project = await at.editor.projects.get(who.owner, asked.project)
    return r.Replaying(project=asked.project, steps=len(asked.steps), finished=task.done(), head=project.head)


async def _sent(at: Services, who: Caller, asked: m.Edit, drafts: Sequence[EditDraft]) -> Sequence[Job]:
    """The jobs of a call: those of the first time, where it was made before under this name."""
    terms = Terms(who.key, asked.max_price_usd)
    return await at.editor.edits.submit_all(who.owner, asked.project, drafts, _name(asked.request_id), terms)


def _at(draft: EditDraft, choice: str) -> EditDraft:
    """The same for another model: ``tier`` or ``tier/model``."""
    tier, _, model = choice.partition("/")
    return dataclasses.replace(draft, tier=Tier(tier), model=model, backend=None)


def _with_seed(draft: EditDraft, seed: int) -> EditDraft:
    return dataclasses.replace(draft, parameters=dataclasses.replace(draft.parameters, seed=seed))


def _name(request_id: str) -> str | None:
    return f"{NAMES}{request_id}" if request_id else None


async def _draft(at: Services, who: Caller, asked: m.Edit) -> EditDraft:
    references = [await reference_of(at, who, asked.project, image) for image in asked.references]
    mask = None
    if asked.mask:
        mask = await mask_of(at, who, await version_of(at, who, asked.project, asked.version), asked.mask)
    draft = EditDraft(
        asked.instruction,
        tier=asked.tier,
        backend=asked.backend or None,
        parent=asked.version or None,
        after=asked.after or None,
        from_text=asked.from_text,
        prompt=asked.prompt,
        references=tuple(map(Reference, references)),
        mask=mask,
        region=asked.region,
        lock=asked.lock,
        preserve=asked.preserve,
        model=asked.model,
        parameters=asked.parameters,
    )
    return draft if asked.seed is None else _with_seed(draft, asked.seed)


async def _state(at: Services, who: Caller, job: Job, seconds: float) -> r.EditState:
    """The edit once it is over, or after some seconds."""
    job, running = await _followed(at, who, job, seconds)
    version = None if job.version is None else await at.editor.versions.get(who.owner, job.project, job.version)
    return telling.edit_state(job, version, who, running)


async def _followed(at: Services, who: Caller, job: Job, seconds: float) -> tuple[Job, Running | None]:
    clock, running = asyncio.get_running_loop().time, at.editor.edits.progress(job)
    until = clock() + seconds
    with at.editor.projects.subscribe(job.project) as changes:
        while True:
            job = await at.editor.edits.get(who.owner, job.id)
            left_s = until - clock()
            if not job.state.is_open or left_s <= 0 or changes.overflowed:
                return job, running
            change = await changes.next(min(left_s, LOOK_S))
            while change is not None and not changes.overflowed:
                if (now := change.progress.get(job.id)) is not None:
                    running = now
                    if who.progress is not None:
                        await who.progress(now)
                if any(each.id == job.id for each in change.jobs):
                    break
                change = await changes.next(min(max(until - clock(), 0.0), LOOK_S))
