"""What is promised at the editor's edges: owners of a job, money in flight, and settings that reach model and lock."""

import numpy as np
import pytest
from PIL import Image

from kontext_ui.editor import EditDraft
from kontext_ui.editor.jobs.pipeline import REFERENCE_SIDE_PX
from kontext_ui.edits import Done, EditResult, LockMode, Mode, Reference, Size, SizeRule, Tier
from kontext_ui.errors import BackendUnavailable, Billed, BudgetExceeded, InvalidRequest, JobNotFound, ProjectNotFound
from kontext_ui.images import codec
from kontext_ui.images.export import RecipeStep
from kontext_ui.projects import JobState
from tests.unit.editor.conftest import OWNER, picture
from tests.unit.editor.scripted import WAIT, HostedBackend, ScriptedBackend, done, submitted

STRANGER = "eve"
ON_CANVAS = SizeRule("list", sizes=(Size(64, 48),))


def square(x, y, width=64, height=48, side=12):
    """A mask's file: white in a square, black elsewhere."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[y : y + side, x : x + side] = 255
    return codec.encode_png(pixels)


# Whose a job is


async def test_a_stranger_who_knows_a_running_edit_cannot_stop_it(make_desk):
    backend = ScriptedBackend().enqueue(WAIT, done)
    desk = await make_desk(backend)
    job = await desk.send()
    await backend.called.wait()

    with pytest.raises(JobNotFound):
        await desk.editor.edits.cancel(STRANGER, job)

    backend.release()
    assert (await desk.editor.edits.wait(OWNER, job)).job.state is JobState.DONE


async def test_a_stranger_cannot_have_the_provider_asked_again(make_desk):
    backend = HostedBackend().enqueue(submitted(), BackendUnavailable("Gone.", backend="scripted", billed=Billed.MAYBE))
    desk = await make_desk(backend)
    job = (await desk.edit()).job

    with pytest.raises(JobNotFound):
        await desk.editor.edits.check_again(STRANGER, job.id)

    assert (await desk.editor.edits.get(OWNER, job.id)).state is JobState.FAILED
    assert backend.resumes == []


async def test_a_stranger_cannot_dismiss_a_card(make_desk):
    desk = await make_desk(ScriptedBackend().enqueue(BackendUnavailable("Gone.", backend="scripted")))
    job = (await desk.edit()).job

    with pytest.raises(JobNotFound):
        await desk.editor.edits.dismiss(STRANGER, job.id)

    assert (await desk.editor.edits.get(OWNER, job.id)).dismissed_at is None


async def test_a_stranger_cannot_replay_in_a_project(make_desk):
    backend = ScriptedBackend()
    desk = await make_desk(backend)

    with pytest.raises(ProjectNotFound):
        await desk.editor.edits.replay(STRANGER, desk.project, desk.root, [RecipeStep("again", tier=Tier.PRO)])

    assert backend.submits == []


# Money in flight


async def test_the_days_budget_counts_edits_that_still_run_in_other_projects(make_desk):
    backend = ScriptedBackend(price_usd=0.04).enqueue(WAIT, done)
    desk = await make_desk(backend, day_usd=0.06)
    other = await desk.editor.projects.create(OWNER)
    await desk.editor.pictures.open(OWNER, other.id, picture(), "photo.png")
    running = await desk.send()
    await backend.called.wait()

    with pytest.raises(BudgetExceeded) as refused:
        await desk.editor.edits.submit(OWNER, other.id, EditDraft("one more", Tier.PRO))

    assert (refused.value.budget, refused.value.billed) == ("day", Billed.NO)
    backend.release()
    await desk.editor.edits.wait(OWNER, running)


async def test_a_replay_stops_at_the_first_step_that_fails(make_desk):
    backend = ScriptedBackend().enqueue(done).enqueue(BackendUnavailable("Gone.", backend="scripted"))
    desk = await make_desk(backend)
    steps = [RecipeStep(text, tier=Tier.PRO) for text in ("first", "second", "third")]

    await (await desk.editor.edits.replay(OWNER, desk.project, desk.root, steps))

    assert [request.instruction for request, _ in backend.submits] == ["first", "second"]


# Settings that reach the model and the lock


async def test_the_soft_edge_that_was_chosen_is_the_one_that_is_used(make_desk):
    softened = []
    for feather_px in (1, 12):
        backend = ScriptedBackend(size_rule=ON_CANVAS)
        desk = await make_desk(backend)
        mask = await desk.editor.pictures.add_mask(OWNER, desk.project, desk.root, square(20, 16))
        version = (await desk.edit(mask=mask, feather_px=feather_px, lock=LockMode.ALWAYS)).version
        path = await desk.editor.pictures.path(OWNER, desk.project, version.outcome.change_mask)
        change = np.asarray(Image.open(path))
        softened.append(int(((change > 0) & (change < 255)).sum()))

    assert softened[1] > softened[0]


async def test_a_mask_lies_on_the_models_canvas_where_it_lies_on_the_photo(make_desk):
    backend = ScriptedBackend(
        size_rule=SizeRule("list", sizes=(Size(128, 96),)), modes=frozenset({Mode.EDIT, Mode.INPAINT})
    )
    desk = await make_desk(backend)
    mask = await desk.editor.pictures.add_mask(OWNER, desk.project, desk.root, square(8, 8, side=24))

    await desk.edit(mask=mask, native_mask=True)

    task = backend.submits[0][1]
    assert task.mask is not None
    assert task.mask.shape == task.input_image.shape[:2]
    assert task.mask.max() == 255
    assert 0.05 < (task.mask > 127).mean() < 0.9


async def test_references_are_sent_no_larger_than_the_model_looks_at(make_desk):
    backend = ScriptedBackend(size_rule=ON_CANVAS, max_reference_images=1)
    desk = await make_desk(backend)
    large = await desk.editor.pictures.add_reference(OWNER, desk.project, picture(width=2400, height=1200))

    await desk.edit(references=(Reference(large),))

    (sent,) = backend.submits[0][1].reference_images
    assert sent.shape[:2] == (REFERENCE_SIDE_PX // 2, REFERENCE_SIDE_PX)


async def test_a_prompt_too_long_for_the_backend_is_refused_before_sending(make_desk):
    backend = ScriptedBackend(max_prompt_chars=20)
    desk = await make_desk(backend)

    with pytest.raises(InvalidRequest, match="21 characters"):
        await desk.send("x" * 21)
    with pytest.raises(InvalidRequest, match="at most 20"):
        await desk.send("short", prompt="y" * 21)

    assert backend.submits == []
    assert (await desk.edit("x" * 20)).version is not None


@pytest.mark.parametrize(("keep", "asked"), [(None, True), (True, True), (False, False)])
async def test_a_persons_looks_are_asked_for_as_the_user_wants(make_desk, keep, asked):
    backend = ScriptedBackend(size_rule=ON_CANVAS)
    desk = await make_desk(backend)

    await desk.edit("give the woman a hat", keep_character=keep)

    sent = backend.submits[0][0].sent_prompt
    assert ("facial features" in sent) is asked
    assert backend.submits[0][0].instruction == "give the woman a hat"


async def test_a_thing_gets_no_clause_about_looks_unless_it_is_wanted(make_desk):
    backend = ScriptedBackend(size_rule=ON_CANVAS)
    desk = await make_desk(backend)

    await desk.edit("paint the door red")
    await desk.edit("paint the door red", keep_character=True)

    first, second = (request.sent_prompt for request, _ in backend.submits)
    assert first == "paint the door red"
    assert second != first


async def test_a_long_chain_of_redrawn_pictures_is_told_of_what_it_lost(make_desk):
    def fainter(task):
        blurred = np.full_like(task.input_image, int(task.input_image.mean()))
        blended = (task.input_image.astype(np.uint16) + blurred) // 2
        return Done(EditResult(pixels=blended.astype(np.uint8)))

    backend = ScriptedBackend(size_rule=ON_CANVAS)
    desk = await make_desk(backend)
    warnings = ()
    for number in range(6):
        backend.enqueue(fainter)
        turn = await desk.edit(f"once more {number}", lock=LockMode.OFF)
        warnings = turn.version.outcome.warnings

    assert "sharpness" in turn.version.outcome.meters
    assert any("first picture" in warning for warning in warnings), warnings


async def test_which_backend_failed_first_stays_with_the_job(make_desk):
    first = ScriptedBackend("cheap", price_usd=0.01).enqueue(BackendUnavailable("Gone.", backend="cheap"))
    desk = await make_desk(first, ScriptedBackend("dear", price_usd=0.02))

    turn = await desk.edit()

    assert (turn.job.fallback_from, turn.version.outcome.backend) == ("cheap", "dear")
