"""What runs and waits on all projects of a visitor, and that pages hear of it."""

import pytest

from kontext_ui.editor import EditDraft
from kontext_ui.edits import Tier
from kontext_ui.errors import JobNotFound
from tests.unit.editor.conftest import OWNER, picture
from tests.unit.editor.scripted import WAIT, ScriptedBackend, done, running


async def open_another(desk, title):
    project = await desk.editor.projects.create(OWNER, title)
    root = await desk.editor.pictures.open(OWNER, project.id, picture(seed=2), "other.png")
    return project.id, root.id


async def stands(desk, job, place):
    """Wait until the job has this place in its line."""
    while not any(
        queued.job.id == job and queued.progress and queued.progress.queue_position == place
        for queued in await desk.editor.queue.all(OWNER)
    ):
        pass


async def test_the_queue_holds_what_is_open_in_every_project_and_where_it_stands(make_desk):
    backend = ScriptedBackend(max_in_flight=1).enqueue(running(0.25), WAIT, done)
    desk = await make_desk(backend)
    mine = await desk.send("make the door red")
    await backend.called.wait()
    project, root = await open_another(desk, "Boats")
    other = await desk.editor.edits.submit(OWNER, project, EditDraft("make the boat blue", Tier.PRO, parent=root))
    last = await desk.editor.edits.submit(OWNER, project, EditDraft("and a sail", Tier.PRO, after=other.id))
    await desk.until(mine, lambda job: job.state.value == "running")
    await stands(desk, other.id, 1)
    found = {queued.job.id: queued for queued in await desk.editor.queue.all(OWNER)}

    assert [*found] == [mine, other.id, last.id]
    assert (found[mine].title, found[mine].progress.fraction) == ("Test", 0.25)
    assert (found[other.id].title, found[other.id].progress.queue_position) == ("Boats", 1)
    assert (found[last.id].job.waits, found[last.id].progress) == (True, None)
    assert await desk.editor.queue.all("a stranger") == []

    backend.release()
    await desk.editor.edits.wait(OWNER, last.id)
    assert await desk.editor.queue.all(OWNER) == []


async def test_what_waits_in_a_line_can_go_sooner_but_not_for_a_stranger(make_desk):
    backend = ScriptedBackend(max_in_flight=1).enqueue(WAIT, done)
    desk = await make_desk(backend)
    jobs = [await desk.send(words) for words in ("one", "two", "three")]
    await backend.called.wait()
    await stands(desk, jobs[1], 1)
    await stands(desk, jobs[2], 2)

    with pytest.raises(JobNotFound):
        await desk.editor.queue.sooner("a stranger", jobs[2])
    assert await desk.editor.queue.sooner(OWNER, jobs[2])
    assert not await desk.editor.queue.sooner(OWNER, jobs[0])
    backend.release()
    for job in jobs:
        await desk.editor.edits.wait(OWNER, job)

    assert [request.instruction for request, _ in backend.submits] == ["one", "three", "two"]


async def test_a_page_on_another_project_hears_that_something_began_or_ended(make_desk):
    desk = await make_desk(ScriptedBackend())
    project, _ = await open_another(desk, "Boats")
    with (
        desk.editor.projects.subscribe(project, OWNER) as elsewhere,
        desk.editor.projects.subscribe(project, "a stranger") as stranger,
        desk.editor.projects.subscribe(desk.project, OWNER) as here,
    ):
        await desk.edit()
        heard = [await elsewhere.next(5), await elsewhere.next(5)]
        assert all(change.elsewhere and not change.jobs and not change.versions for change in heard)
        assert await stranger.next(0.01) is None
        told = await here.next(5)
        assert told.jobs
        assert not told.elsewhere
    assert not desk.editor._feed._by_owner
