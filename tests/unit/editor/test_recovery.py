"""What a new process does with the jobs that an earlier one left open."""

import asyncio

import pytest

from kontext_ui.editor import EditDraft
from kontext_ui.edits import Tier
from kontext_ui.errors import Billed
from kontext_ui.projects import JobState
from tests.unit.editor.conftest import OWNER, picture
from tests.unit.editor.scripted import WAIT, HostedBackend, ScriptedBackend, done, running, submitted


@pytest.fixture
async def life(make_editor):
    """Lives of the program on one data folder; ``end`` is what a kill leaves: nothing is tidied."""
    editors = []

    async def begin(backend):
        editor, store, _ = make_editor(backend)
        editors.append(editor)
        await editor.start()
        return editor, store

    async def end(editor, store):
        editor._heart.cancel()
        for run in list(editor._runner._runs.values()):
            run.task.cancel()
        await asyncio.sleep(0)
        with store._connections.writing() as db:
            db.execute("UPDATE processes SET beat_at = '2000-01-01T00:00:00+00:00'")
        store.close()
        editors.remove(editor)

    begin.end = end
    yield begin
    for editor in editors:
        await editor.aclose()


async def started(editor, backend, script, state):
    """A project with one job that has come as far as ``state``."""
    backend.enqueue(*script)
    project = await editor.projects.create(OWNER)
    await editor.pictures.open(OWNER, project.id, picture())
    with editor.projects.subscribe(project.id) as changes:
        job = await editor.edits.submit(OWNER, project.id, EditDraft("go", Tier.PRO))
        while (await editor.edits.get(OWNER, job.id)).state is not state or not backend.submits:
            await changes.next(0.05)
    return project, job


async def test_a_job_with_a_providers_id_is_picked_up_and_never_sent_again(life):
    first = HostedBackend()
    editor, store = await life(first)
    project, job = await started(editor, first, (submitted("r1"), running(), WAIT), JobState.RUNNING)
    await life.end(editor, store)

    second = HostedBackend().enqueue(running(), done)
    editor, _ = await life(second)
    await editor.recovered()
    turn = await editor.edits.wait(OWNER, job.id)

    assert (len(second.submits), len(second.resumes)) == (0, 1)
    assert second.resumes[0][1].remote_id == "r1"
    assert second.resumes[0][1].poll_url == "https://poll.example/r1"
    assert turn.version is not None
    assert (await editor.projects.open(OWNER, project.id)).project.head == turn.version.id


async def test_a_job_that_was_being_sent_is_uncertain_and_left_to_the_user(life):
    first = HostedBackend()
    editor, store = await life(first)
    _, job = await started(editor, first, (WAIT,), JobState.QUEUED)
    await life.end(editor, store)

    second = HostedBackend()
    editor, _ = await life(second)
    await editor.recovered()
    turn = await editor.edits.wait(OWNER, job.id)

    assert second.submits == second.resumes == []
    assert (turn.job.state, turn.job.failure.billed) == (JobState.UNCERTAIN, Billed.MAYBE)


async def test_an_edit_on_this_machine_is_run_again_but_not_a_third_time(life):
    job, lives = None, 3
    for number in range(lives):
        backend = ScriptedBackend(runs_here=True, price_usd=0).enqueue(running(), WAIT)
        editor, store = await life(backend)
        if number == 0:
            _, job = await started(editor, backend, (), JobState.RUNNING)
        else:
            await editor.recovered()
        if number < 2:
            await backend.called.wait()
            await life.end(editor, store)

    turn = await editor.edits.wait(OWNER, job.id)
    assert backend.submits == []
    assert turn.job.state is JobState.FAILED
    assert turn.job.failure.billed is Billed.NO


async def test_a_job_whose_backend_is_gone_is_uncertain(life):
    first = HostedBackend("gone")
    editor, store = await life(first)
    _, job = await started(editor, first, (submitted(), running(), WAIT), JobState.RUNNING)
    await life.end(editor, store)

    editor, _ = await life(ScriptedBackend("other"))
    await editor.recovered()

    assert (await editor.edits.get(OWNER, job.id)).state is JobState.UNCERTAIN


async def test_a_living_process_keeps_its_jobs(life, make_editor):
    first = HostedBackend()
    editor, _ = await life(first)
    _, job = await started(editor, first, (submitted(), running(), WAIT, done), JobState.RUNNING)

    second = HostedBackend()
    beside, _ = await life(second)
    await beside.recovered()

    assert second.resumes == []
    first.release()
    assert (await editor.edits.wait(OWNER, job.id)).version is not None


async def test_an_orderly_end_leaves_the_job_to_the_next_life(life):
    first = HostedBackend()
    editor, _ = await life(first)
    _, job = await started(editor, first, (submitted("r1"), running(), WAIT), JobState.RUNNING)
    await editor.aclose()

    second = HostedBackend().enqueue(done)
    editor, _ = await life(second)
    await editor.recovered()

    assert (await editor.edits.wait(OWNER, job.id)).version is not None
    assert second.submits == []
