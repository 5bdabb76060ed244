"""A message that arrives twice, by a retry, a double click or a proxy, is carried out once."""

import asyncio
import dataclasses

import pytest

from kontext_ui.editor import EditDraft
from kontext_ui.edits import Tier
from kontext_ui.errors import BudgetExceeded, InvalidRequest, JobClosed
from tests.unit.editor.conftest import OWNER
from tests.unit.editor.scripted import ScriptedBackend

DRAFT = EditDraft("make it so", Tier.PRO)
KEY = "a-message"


async def test_the_second_time_answers_with_the_jobs_of_the_first(make_desk):
    backend = ScriptedBackend()
    desk = await make_desk(backend)
    first = await desk.editor.edits.submit_all(OWNER, desk.project, [DRAFT] * 2, KEY)
    for job in first:
        await desk.editor.edits.wait(OWNER, job.id)

    again = await desk.editor.edits.submit_all(OWNER, desk.project, [DRAFT] * 2, KEY)

    assert [job.id for job in again] == [job.id for job in first]
    assert len(backend.submits) == 2


async def test_both_at_the_same_time_are_one_even_when_the_budget_has_room_for_one(make_desk):
    backend = ScriptedBackend(price_usd=0.04)
    desk = await make_desk(backend, project_usd=0.05)

    one, other = await asyncio.gather(
        *(desk.editor.edits.submit(OWNER, desk.project, DRAFT, KEY) for _ in range(2)),
    )

    assert one.id == other.id
    await desk.editor.edits.wait(OWNER, one.id)
    assert len(backend.submits) == 1


@pytest.mark.parametrize(
    "others", [[EditDraft("make it blue", Tier.PRO)], [DRAFT] * 2, [EditDraft("make it so", Tier.MAX)]]
)
async def test_a_key_stands_for_one_message_only(make_desk, others):
    backend = ScriptedBackend(tiers=(Tier.PRO, Tier.MAX))
    desk = await make_desk(backend)
    job = await desk.editor.edits.submit(OWNER, desk.project, DRAFT, KEY)

    with pytest.raises(InvalidRequest, match="not sent"):
        await desk.editor.edits.submit_all(OWNER, desk.project, others, KEY)

    await desk.editor.edits.wait(OWNER, job.id)
    assert len(backend.submits) == 1


async def test_a_message_that_no_longer_waits_is_still_the_same(make_desk):
    desk = await make_desk(ScriptedBackend())
    before = await desk.editor.edits.submit(OWNER, desk.project, DRAFT)
    waiting = dataclasses.replace(DRAFT, after=before.id)

    first = await desk.editor.edits.submit(OWNER, desk.project, waiting, KEY)

    assert (await desk.editor.edits.submit(OWNER, desk.project, DRAFT, KEY)).id == first.id


async def test_a_refused_message_leaves_its_key_free(make_desk):
    desk = await make_desk(ScriptedBackend(price_usd=0.04), project_usd=0.01)
    with pytest.raises(BudgetExceeded):
        await desk.editor.edits.submit(OWNER, desk.project, DRAFT, KEY)
    with pytest.raises(InvalidRequest):
        await desk.editor.edits.submit(OWNER, desk.project, EditDraft(" ", Tier.PRO), KEY)

    assert await desk.editor.edits.sent(OWNER, KEY) == []


async def test_what_became_of_a_message_is_known_to_its_sender_alone(make_desk):
    desk = await make_desk()
    job = await desk.editor.edits.submit(OWNER, desk.project, DRAFT, KEY)

    assert [found.id for found in await desk.editor.edits.sent(OWNER, KEY)] == [job.id]
    for owner, key in (("somebody else", KEY), (OWNER, KEY[:-1]), (OWNER, f"{KEY}.0"), (OWNER, "another")):
        assert await desk.editor.edits.sent(owner, key) == []


async def test_another_process_cannot_record_the_same_message(make_desk):
    desk = await make_desk()
    job = await desk.editor.edits.submit(OWNER, desk.project, DRAFT, KEY)

    with pytest.raises(JobClosed):
        desk.editor.edits._store.jobs.create(job)


async def test_messages_without_a_key_are_all_carried_out(make_desk):
    desk = await make_desk()

    jobs = [await desk.editor.edits.submit(OWNER, desk.project, DRAFT) for _ in range(2)]

    assert jobs[0].id != jobs[1].id
