"""A message sent while an edit runs is carried out on what that edit makes."""

import asyncio
import dataclasses

import numpy as np
import pytest

from kontext_ui.editor import EditDraft
from kontext_ui.edits import Tier
from kontext_ui.errors import BackendUnavailable, BudgetExceeded, InvalidRequest, JobNotFound
from kontext_ui.projects import JobState
from tests.unit.editor.conftest import OWNER
from tests.unit.editor.scripted import WAIT, ScriptedBackend, done


@pytest.fixture
def slow():
    """A backend whose first edit waits to be released."""
    return ScriptedBackend(runs_here=True).enqueue(WAIT, done)


async def test_it_waits_for_the_edit_before_it_and_edits_its_result(make_desk, slow):
    desk = await make_desk(slow)
    first = await desk.send("one")
    second = await desk.send("two", after=first)
    third = await desk.send("three", after=second)
    await slow.called.wait()
    assert [request.instruction for request, _ in slow.submits] == ["one"]

    slow.release()

    turns = [await desk.editor.edits.wait(OWNER, job) for job in (first, second, third)]
    one, two, three = (turn.version for turn in turns)
    assert (one.parent, two.parent, three.parent) == (desk.root, one.id, two.id)
    assert [turn.job.request.input_image for turn in turns[1:]] == [one.digest, two.digest]
    assert np.array_equal(slow.submits[1][1].input_image, desk.pixels(one.digest))
    assert (await desk.project_now()).head == three.id


async def test_when_the_edit_before_it_fails_it_is_not_sent_and_says_so(make_desk):
    backend = ScriptedBackend(runs_here=True).enqueue(WAIT, BackendUnavailable("Gone.", backend="scripted"))
    desk = await make_desk(backend)
    first = await desk.send("one")
    second = await desk.send("two", after=first)
    third = await desk.send("three", after=second)

    backend.release()

    for job in (second, third):
        turn = await desk.editor.edits.wait(OWNER, job)
        assert (turn.job.state, turn.version) == (JobState.FAILED, None)
        assert "was not sent" in turn.job.failure.message
        assert turn.job.failure.billed.value == "no"
    assert [request.instruction for request, _ in backend.submits] == ["one"]


async def test_it_can_be_stopped_while_it_waits_and_nothing_is_billed(make_desk, slow):
    desk = await make_desk(slow)
    first = await desk.send("one")
    second = await desk.send("two", after=first)

    stopped = await desk.editor.edits.cancel(OWNER, second)

    assert (stopped.state, stopped.failure.billed.value) == (JobState.CANCELLED, "no")
    slow.release()
    assert (await desk.editor.edits.wait(OWNER, first)).version is not None
    assert len(slow.submits) == 1


async def test_one_that_ended_meanwhile_is_simply_gone_on_from(make_desk):
    desk = await make_desk(ScriptedBackend())
    first = await desk.edit("one")

    second = await desk.edit("two", after=first.job.id)

    assert second.version.parent == first.version.id


async def test_nothing_follows_an_edit_that_made_no_picture(make_desk):
    backend = ScriptedBackend().enqueue(BackendUnavailable("Gone.", backend="scripted"))
    desk = await make_desk(backend)
    failed = await desk.edit("one")

    with pytest.raises(InvalidRequest, match="made no picture"):
        await desk.send("two", after=failed.job.id)


async def test_nobody_follows_an_edit_of_somebody_else(make_desk, slow):
    desk = await make_desk(slow)
    first = await desk.send("one")
    theirs = await desk.editor.projects.create("bob")

    with pytest.raises(JobNotFound):
        await desk.editor.edits.get("bob", first)
    job = await desk.editor.edits.get(OWNER, first)
    mine = await desk.editor.projects.create(OWNER)
    for owner, project in (("bob", theirs.id), (OWNER, mine.id)):
        draft = EditDraft("two", Tier.PRO, after=job.id)
        with pytest.raises(JobNotFound):
            await desk.editor.edits.submit(owner, project, draft)
    slow.release()


async def test_all_that_wait_count_against_the_budget(make_desk, slow):
    desk = await make_desk(slow, project_usd=0.1)
    first = await desk.send("one")
    second = await desk.send("two", after=first)

    with pytest.raises(BudgetExceeded):
        await desk.send("three", after=second)
    slow.release()


async def test_it_survives_the_end_of_the_program(make_desk, make_editor, slow):
    desk = await make_desk(slow)
    first = await desk.send("one")
    second = await desk.send("two", after=first)
    await slow.called.wait()
    await desk.editor.aclose()
    assert desk.editor is not None

    again = ScriptedBackend(runs_here=True)
    editor, _, _ = make_editor(again)
    await editor.start()
    await editor.recovered()
    turns = [await asyncio.wait_for(editor.edits.wait(OWNER, job), 20) for job in (first, second)]

    assert turns[1].version.parent == turns[0].version.id
    assert [request.instruction for request, _ in again.submits] == ["one", "two"]
    await editor.aclose()


async def test_one_that_was_meant_for_a_single_backend_goes_to_no_other(make_desk):
    gone = BackendUnavailable("Gone.", backend="scripted")
    first_choice = ScriptedBackend(runs_here=True).enqueue(WAIT, done).enqueue(gone)
    second_choice = ScriptedBackend("other")
    desk = await make_desk(first_choice, second_choice)
    first = await desk.send("one")
    second = await desk.send("two", after=first, backend="scripted")

    first_choice.release()

    assert (await desk.editor.edits.wait(OWNER, second)).job.state is JobState.FAILED
    assert second_choice.submits == []


async def test_one_whose_price_has_grown_past_the_budget_is_not_sent(make_desk, slow):
    desk = await make_desk(slow, project_usd=0.1)
    first = await desk.send("one")
    second = await desk.send("two", after=first)
    slow._caps = dataclasses.replace(slow._caps, price_usd=0.09)

    slow.release()

    job = (await desk.editor.edits.wait(OWNER, second)).job
    assert (job.state, job.failure.kind, job.failure.billed.value) == (JobState.FAILED, "BudgetExceeded", "no")
    assert len(slow.submits) == 1
