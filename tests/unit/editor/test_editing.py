"""One edit from request to version, whatever the backend does."""

import asyncio
import io
import os
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageCms

from kontext_ui.editor import EditDraft
from kontext_ui.editor.jobs import pipeline
from kontext_ui.edits import Done, EditResult, Mode, Parameter, Parameters, Reference, Size, SizeRule, Tier
from kontext_ui.errors import (
    BackendUnavailable,
    Billed,
    BudgetExceeded,
    ContentModerated,
    EditCancelled,
    ImageMissing,
    InvalidImage,
    InvalidRequest,
    JobNotFound,
    MissingCredentials,
    NotUnderstood,
    OutOfCredit,
    ProjectNotFound,
)
from kontext_ui.projects import JobState
from tests.unit.editor.conftest import OWNER, picture
from tests.unit.editor.scripted import (
    WAIT,
    HostedBackend,
    ScriptedBackend,
    StoppableBackend,
    done,
    inverted,
    running,
    submitted,
)


async def test_an_edit_becomes_a_child_of_the_head_and_the_new_head(make_desk):
    desk = await make_desk()

    turn = await desk.edit("invert it")

    assert turn.job.state is JobState.DONE
    assert turn.version.parent == desk.root
    assert turn.version.instruction == "invert it"
    assert turn.version.outcome.changed_fraction > 0.9
    assert (await desk.project_now()).head == turn.version.id
    assert await desk.editor.upkeep.verify() == []


async def test_the_stored_result_is_exactly_what_the_backend_made(make_desk):
    desk = await make_desk()

    turn = await desk.edit()

    before = desk.pixels((await desk.editor.versions.get(OWNER, desk.project, desk.root)).digest)
    after = desk.pixels(turn.version.digest)
    assert (after == 255 - before).all()


async def test_the_job_is_written_before_the_backend_is_called_and_the_id_before_the_first_poll(make_desk):
    seen = []
    backend = HostedBackend()
    desk = await make_desk(backend)

    def look(event):
        def step(task):
            job = desk.store.jobs.get(OWNER, task.job_id)
            seen.append((job.state, job.sending_at is not None, job.remote_id))
            return event(task) if callable(event) else event

        return step

    backend.enqueue(look(submitted("r1")), look(running()), look(done))
    await desk.edit()

    assert seen == [
        (JobState.QUEUED, True, None),
        (JobState.SUBMITTED, True, "r1"),
        (JobState.RUNNING, True, "r1"),
    ]


async def test_the_head_stays_where_the_user_moved_it_while_an_edit_ran(make_desk):
    backend = ScriptedBackend().enqueue(done).enqueue(WAIT, done)
    desk = await make_desk(backend)
    first = (await desk.edit("one")).version
    job = await desk.send("two")
    await desk.editor.versions.undo(OWNER, desk.project)
    backend.release()

    turn = await desk.editor.edits.wait(OWNER, job)

    assert turn.version.parent == first.id
    assert (await desk.project_now()).head == desk.root


async def test_several_edits_run_at_once_on_one_version_and_become_branches(make_desk):
    backend = ScriptedBackend()
    for _ in range(3):
        backend.enqueue(WAIT, done)
    desk = await make_desk(backend)
    jobs = [await desk.send(f"edit {number}") for number in range(3)]
    backend.release()

    turns = await asyncio.gather(*(desk.editor.edits.wait(OWNER, job) for job in jobs))

    assert {turn.version.parent for turn in turns} == {desk.root}
    assert len({turn.version.id for turn in turns}) == 3


@pytest.mark.parametrize(
    "error",
    [
        ContentModerated("Refused.", backend="scripted", stage="output", reasons=("violence",)),
        NotUnderstood("No.", backend="scripted", suggestions=("make it brighter",), capable_tier="pro"),
        BackendUnavailable("Down.", backend="scripted", billed=Billed.MAYBE, request_id="r9"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_failed_edit_keeps_its_instruction_and_says_what_happened(make_desk, error):
    desk = await make_desk(ScriptedBackend().enqueue(error))

    turn = await desk.edit("a long and careful prompt")

    assert turn.version is None
    assert turn.job.state is JobState.FAILED
    assert turn.job.request.instruction == "a long and careful prompt"
    assert (turn.job.failure.kind, turn.job.failure.message) == (type(error).__name__, error.message)
    assert turn.job.failure.billed is error.billed
    assert turn.job.failure.suggestions == getattr(error, "suggestions", ())
    assert (await desk.project_now()).head == desk.root


async def test_a_bug_in_a_backend_becomes_a_card_without_its_text(make_desk, caplog):
    desk = await make_desk(ScriptedBackend().enqueue(ZeroDivisionError("secret detail")))

    turn = await desk.edit()

    assert turn.job.failure.kind == "UnexpectedAnswer"
    assert "secret detail" not in turn.job.failure.message + turn.job.failure.hint
    assert "secret detail" in caplog.text


async def test_a_backend_that_ends_without_a_picture_is_a_failure(make_desk):
    desk = await make_desk(ScriptedBackend().enqueue(running()))

    assert (await desk.edit()).job.failure.kind == "UnexpectedAnswer"


async def test_an_answer_without_a_usable_picture_is_a_failure_of_the_backend_that_gave_it(make_desk):
    sizes = SizeRule("list", sizes=(Size(64, 48),))
    backend = ScriptedBackend(size_rule=sizes).enqueue(Done(EditResult(np.zeros((4, 4, 3), np.uint8))))
    desk = await make_desk(backend)

    failure = (await desk.edit()).job.failure

    assert (failure.kind, failure.backend) == ("UnexpectedAnswer", backend.id)


async def test_cancelling_an_edit_on_this_machine_costs_nothing(make_desk):
    backend = ScriptedBackend(runs_here=True, price_usd=0).enqueue(running(), WAIT, done)
    desk = await make_desk(backend)
    job = await desk.send()
    await desk.until(job, lambda job: job.state is JobState.RUNNING)

    await desk.editor.edits.cancel(OWNER, job)
    backend.release()
    turn = await desk.editor.edits.wait(OWNER, job)

    assert (turn.job.state, turn.job.failure.billed) == (JobState.CANCELLED, Billed.NO)


@pytest.mark.parametrize("answer", list(Billed))
async def test_a_provider_that_can_stop_is_told_to_and_its_word_on_the_bill_is_kept(make_desk, answer):
    backend = StoppableBackend().enqueue(submitted("r1"), running(), WAIT, done)
    backend.cancel_answer = answer
    desk = await make_desk(backend)
    job = await desk.send()
    await desk.until(job, lambda job: job.state is JobState.RUNNING)

    cancelled = await desk.editor.edits.cancel(OWNER, job)
    turn = await desk.editor.edits.wait(OWNER, job)

    assert backend.cancelled.remote_id == "r1"
    assert (turn.job.state, turn.job.failure.billed) == (JobState.CANCELLED, answer)
    assert cancelled.id == job


@pytest.mark.parametrize("answer", [Billed.YES, Billed.MAYBE])
async def test_what_may_be_paid_for_is_kept_although_the_provider_was_told_to_stop(make_desk, answer):
    backend = StoppableBackend().enqueue(submitted("r1"), running(), WAIT, done)
    backend.cancel_answer = answer
    desk = await make_desk(backend)
    job = await desk.send()
    await desk.until(job, lambda job: job.state is JobState.RUNNING)
    await desk.editor.edits.cancel(OWNER, job)

    with desk.editor.projects.subscribe(desk.project) as changes:
        backend.release()
        while not (change := await changes.next(5)).versions:
            pass
    assert change.versions[0].parent == desk.root
    assert (await desk.project_now()).head == desk.root


async def test_an_edit_that_ends_while_the_provider_is_told_to_stop_is_closed_all_the_same(make_desk):
    class Quick(StoppableBackend):
        async def cancel(self, task):
            self.release()
            await desk.editor.edits.wait(OWNER, job)
            return Billed.NO

    cancelled = EditCancelled("It was cancelled there.", billed=Billed.MAYBE)
    desk = await make_desk(Quick().enqueue(submitted("r1"), running(), WAIT, cancelled))
    job = await desk.send()
    await desk.until(job, lambda job: job.state is JobState.RUNNING)

    await desk.editor.edits.cancel(OWNER, job)

    assert (await desk.editor.edits.wait(OWNER, job)).job.state is JobState.CANCELLED


async def test_a_provider_that_cannot_stop_may_bill_and_a_late_result_is_kept_beside_the_head(make_desk):
    backend = HostedBackend().enqueue(submitted(), running(), WAIT, done)
    desk = await make_desk(backend)
    job = await desk.send()
    await desk.until(job, lambda job: job.state is JobState.RUNNING)

    cancelled = await desk.editor.edits.cancel(OWNER, job)
    assert (cancelled.state, cancelled.failure.billed) == (JobState.CANCELLED, Billed.MAYBE)

    with desk.editor.projects.subscribe(desk.project) as changes:
        backend.release()
        while not (change := await changes.next(5)).versions:
            pass
    assert change.versions[0].parent == desk.root
    assert (await desk.project_now()).head == desk.root


async def test_an_edit_that_was_cancelled_at_the_provider_is_closed(make_desk):
    cancelled = EditCancelled("It was cancelled there.", billed=Billed.MAYBE)
    desk = await make_desk(HostedBackend().enqueue(submitted(), cancelled))

    turn = await desk.edit()

    assert (turn.job.state, turn.job.failure.billed) == (JobState.CANCELLED, Billed.MAYBE)


async def test_a_failure_that_cost_nothing_goes_on_with_the_next_backend_of_the_tier(make_desk):
    cheap = ScriptedBackend("cheap", price_usd=0.01).enqueue(OutOfCredit("Empty.", backend="cheap"))
    dear = ScriptedBackend("dear", price_usd=0.05)
    desk = await make_desk(dear, cheap)

    turn = await desk.edit()

    assert turn.version.outcome.backend == "dear"
    assert turn.version.outcome.price_usd == 0.05
    assert turn.job.fallback_from == "cheap"


async def test_a_dearer_backend_steps_in_only_within_the_budget(make_desk):
    cheap = ScriptedBackend("cheap", price_usd=0.01).enqueue(OutOfCredit("Empty.", backend="cheap"))
    dear = ScriptedBackend("dear", price_usd=0.05)
    desk = await make_desk(cheap, dear, project_usd=0.03)

    turn = await desk.edit()

    assert turn.job.state is JobState.FAILED
    assert turn.job.failure.message == "Empty."
    assert dear.submits == []


async def test_when_all_fail_for_the_same_reason_the_first_is_named_and_the_others_with_it(make_desk):
    empty = [
        ScriptedBackend(name, price_usd=0.01 * number).enqueue(
            OutOfCredit(f"{name} is empty.", backend=name, hint="Pay.")
        )
        for number, name in enumerate(("first", "second", "third"), start=1)
    ]
    desk = await make_desk(*empty)

    failure = (await desk.edit()).job.failure

    assert (failure.message, failure.backend) == ("first is empty.", "first")
    assert failure.hint == "After First, Second and Third could not do it either, for the same reason. Pay."


async def test_another_reason_at_the_end_says_why_it_was_asked_there(make_desk):
    cheap = ScriptedBackend("cheap", price_usd=0.01).enqueue(OutOfCredit("Empty.", backend="cheap"))
    refused = ContentModerated("Refused.", backend="dear", stage="input", hint="Say it otherwise.")
    desk = await make_desk(cheap, ScriptedBackend("dear", price_usd=0.05).enqueue(refused))

    failure = (await desk.edit()).job.failure

    assert (failure.kind, failure.message, failure.backend) == ("ContentModerated", "Refused.", "dear")
    assert failure.hint == "It went on to Dear because of this: Empty. Say it otherwise."


async def test_the_seconds_of_an_edit_are_those_that_one_waits(make_desk, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("kontext_ui.editor.jobs.runner.time", SimpleNamespace(monotonic=lambda: clock[0]))
    whole = pipeline.bring_back

    def slowly(*arguments):
        clock[0] += 7
        return whole(*arguments)

    monkeypatch.setattr(pipeline, "bring_back", slowly)
    desk = await make_desk(ScriptedBackend())

    assert (await desk.edit()).version.outcome.seconds == 7


async def test_settings_that_the_one_that_steps_in_lacks_are_named(make_desk):
    steps = Parameter("num_inference_steps", "Steps", "int", default=20, minimum=1, maximum=50)
    cheap = ScriptedBackend("cheap", price_usd=0.01, parameters=(steps,)).enqueue(
        OutOfCredit("Empty.", backend="cheap")
    )
    desk = await make_desk(cheap, ScriptedBackend("dear", price_usd=0.05))

    turn = await desk.edit(parameters=Parameters(num_inference_steps=30))

    assert turn.version.outcome.backend == "dear"
    assert any("num inference steps is left out" in warning for warning in turn.version.outcome.warnings)


@pytest.mark.parametrize(
    "error",
    [
        BackendUnavailable("Broke.", backend="cheap", billed=Billed.MAYBE),
        ContentModerated("Refused.", backend="cheap", stage="input"),
    ],
    ids=["may have been billed", "moderated"],
)
async def test_what_may_have_cost_or_was_refused_is_never_sent_elsewhere(make_desk, error):
    dear = ScriptedBackend("dear", price_usd=0.05)
    desk = await make_desk(ScriptedBackend("cheap", price_usd=0.01).enqueue(error), dear)

    assert (await desk.edit()).job.state is JobState.FAILED
    assert dear.submits == []


async def test_a_pinned_backend_and_a_switched_off_fallback_do_not_move_on(make_desk):
    error = OutOfCredit("Empty.", backend="cheap")
    cheap, dear = ScriptedBackend("cheap", price_usd=0.01), ScriptedBackend("dear", price_usd=0.05)
    desk = await make_desk(cheap.enqueue(error), dear)
    assert (await desk.edit(backend="cheap")).job.state is JobState.FAILED

    cheap.enqueue(error)
    desk = await make_desk(cheap, dear, fallback=False)
    assert (await desk.edit()).job.state is JobState.FAILED
    assert dear.submits == []


async def test_nobody_else_can_reach_a_project_or_a_job(make_desk):
    desk = await make_desk()
    turn = await desk.edit()
    editor, draft = desk.editor, EditDraft("steal it", Tier.PRO)

    for call in (
        editor.projects.open("eve", desk.project),
        editor.edits.submit("eve", desk.project, draft),
        editor.edits.check("eve", desk.project, draft),
        editor.pictures.open("eve", desk.project, picture()),
        editor.versions.undo("eve", desk.project),
        editor.pictures.path("eve", desk.project, turn.version.digest),
        editor.edits.cancel("eve", turn.job.id),
        editor.edits.wait("eve", turn.job.id),
    ):
        with pytest.raises((ProjectNotFound, JobNotFound)):
            await call


async def test_a_picture_of_another_project_cannot_be_named_as_reference_or_mask(make_desk):
    desk = await make_desk(ScriptedBackend(max_reference_images=2))
    other = await desk.editor.projects.create(OWNER)
    foreign = await desk.editor.pictures.add_reference(OWNER, other.id, picture(seed=5))

    for fields in ({"references": (Reference(foreign),)}, {"mask": foreign}):
        with pytest.raises(ImageMissing):
            await desk.send(**fields)


async def test_a_broken_upload_stores_nothing(make_desk):
    desk = await make_desk()
    files = sorted(desk.blobs._root.rglob("*"))

    with pytest.raises(InvalidImage):
        await desk.editor.pictures.open(OWNER, desk.project, picture()[:200], "half.png")

    assert sorted(desk.blobs._root.rglob("*")) == files
    assert (await desk.project_now()).version_count == 1


async def test_an_empty_instruction_and_a_value_out_of_range_are_refused_before_sending(make_desk):
    steps = Parameter("num_inference_steps", "Steps", "int", 28, 1, 50)
    backend = ScriptedBackend(parameters=(steps,))
    desk = await make_desk(backend)

    with pytest.raises(InvalidRequest, match="no instruction"):
        await desk.send("   ")
    with pytest.raises(InvalidRequest, match="Steps is 99"):
        await desk.send(parameters=Parameters(num_inference_steps=99))
    assert backend.submits == []


async def test_a_parameter_the_backend_cannot_take_is_said_before_sending_and_not_sent(make_desk):
    backend = ScriptedBackend(unsupported={"seed": "This engine draws nothing at random."})
    desk = await make_desk(backend)
    draft = EditDraft("go", Tier.PRO, parameters=Parameters(seed=7))

    receipt = await desk.editor.edits.check(OWNER, desk.project, draft)
    await desk.edit("go", parameters=Parameters(seed=7))

    assert receipt.warnings == ("seed is left out: This engine draws nothing at random.",)
    assert backend.submits[0][0].parameters.given() == {}


async def test_a_tier_without_a_ready_backend_says_what_would_make_it_ready(make_desk):
    desk = await make_desk(ScriptedBackend("bfl", ready=False))

    with pytest.raises(MissingCredentials) as caught:
        await desk.send()
    assert caught.value.hint == "Set BFL_KEY."

    desk.editor.accounts.set_key(OWNER, "bfl", "k-123")
    assert (await desk.edit()).version is not None
    assert "k-123" not in repr(vars(desk.editor.accounts))


async def test_a_picture_from_text_alone_is_a_new_root_where_the_backend_can(make_desk):
    both = frozenset({Mode.EDIT, Mode.GENERATE})
    desk = await make_desk(ScriptedBackend(modes=both))

    turn = await desk.edit("a lighthouse", from_text=True)

    assert turn.version.parent is None
    with pytest.raises(InvalidRequest, match="from text alone"):
        await (await make_desk(ScriptedBackend())).send("a lighthouse", from_text=True)


async def test_a_budget_stops_before_it_is_passed_and_counts_what_is_running(make_desk):
    backend = ScriptedBackend(price_usd=0.04).enqueue(WAIT, done).enqueue(done)
    desk = await make_desk(backend, project_usd=0.10)
    running_job = await desk.send()
    await desk.edit()

    with pytest.raises(BudgetExceeded) as caught:
        await desk.send()
    assert caught.value.budget == "project"
    assert len(backend.submits) == 2

    await desk.editor.projects.set_budget(OWNER, desk.project, 0.20)
    backend.release()
    await desk.editor.edits.wait(OWNER, running_job)
    assert (await desk.edit()).version is not None


async def test_spending_is_told_for_the_project_its_branch_and_the_day(make_desk):
    desk = await make_desk(ScriptedBackend(price_usd=0.05))
    await desk.edit()
    other = await desk.edit(parent=desk.root)
    await desk.edit()

    spent = await desk.editor.budgets.spending(OWNER, desk.project)

    assert other.version.parent == desk.root
    assert spent.branch_usd == pytest.approx(0.10)
    for rows in (spent.projects, spent.models, spent.days):
        assert [(row.paid_usd, row.unsure_usd, row.edits) for row in rows] == [(pytest.approx(0.15), 0.0, 3)]


@pytest.mark.parametrize("billed", Billed)
async def test_a_project_that_an_edit_without_a_picture_may_have_cost_says_so_at_once(make_desk, billed):
    refused = ContentModerated("Refused.", backend="scripted", billed=billed, stage="output")
    desk = await make_desk(ScriptedBackend(price_usd=0.05).enqueue(WAIT, refused))
    job = await desk.send()
    with desk.editor.projects.subscribe(desk.project) as changes:
        desk.editor._router.backends["scripted"].release()
        while not (change := await changes.next(5)).jobs or change.jobs[0].state.is_open:
            pass
    assert change.jobs[0].id == job
    if billed is Billed.NO:
        assert change.project is None
    else:
        assert change.project.spent_usd == pytest.approx(0.05)
        assert change.project.unsure_usd == pytest.approx(0.05 if billed is Billed.MAYBE else 0.0)


async def test_the_days_budget_counts_over_all_projects(make_desk):
    desk = await make_desk(ScriptedBackend(price_usd=0.04), day_usd=0.05)
    await desk.edit()
    other = await desk.editor.projects.create(OWNER)
    await desk.editor.pictures.open(OWNER, other.id, picture())

    with pytest.raises(BudgetExceeded) as caught:
        await desk.editor.edits.submit(OWNER, other.id, EditDraft("go", Tier.PRO))
    assert caught.value.budget == "day"


async def test_the_change_mask_can_be_narrowed_afterwards_without_another_edit(make_desk):
    def recoloured(task):
        pixels = task.input_image.copy()
        pixels[12:30, 16:40] = (255, 0, 0)
        return Done(EditResult(pixels=pixels))

    sizes = SizeRule("list", sizes=(Size(64, 48),))
    backend = HostedBackend(size_rule=sizes).enqueue(submitted(), recoloured)
    desk = await make_desk(backend)
    made = (await desk.edit()).version

    assert made.outcome.description == f"Changed the middle, {made.outcome.changed_fraction:.0%} of the picture."

    narrowed = await desk.editor.pictures.change_mask(OWNER, desk.project, made.id, -4)

    root = desk.pixels((await desk.editor.versions.get(OWNER, desk.project, desk.root)).digest)
    pixels = desk.pixels(narrowed.digest)
    assert narrowed.parent == made.parent
    assert 0 < narrowed.outcome.changed_fraction < made.outcome.changed_fraction
    assert (pixels[:10] == root[:10]).all()
    assert len(backend.submits) == 1
    assert (await desk.project_now()).head == narrowed.id
    assert await desk.editor.upkeep.verify() == []


async def test_several_adjustments_are_one_version_unless_something_hangs_on_one(make_desk):
    def recoloured(task):
        pixels = task.input_image.copy()
        pixels[12:30, 16:40] = (255, 0, 0)
        return Done(EditResult(pixels=pixels))

    backend = HostedBackend(size_rule=SizeRule("list", sizes=(Size(64, 48),))).enqueue(submitted(), recoloured)
    desk = await make_desk(backend)
    made = (await desk.edit()).version
    adjust = lambda of, how: desk.editor.pictures.change_mask(OWNER, desk.project, of.id, how)  # noqa: E731

    first = await adjust(made, 2)
    with desk.editor.projects.subscribe(desk.project) as changes:
        second = await adjust(first, 2)
        assert (await changes.next(5)).removed == (first.id,)
    starred = await adjust(second, -6)
    await desk.editor.versions.star(OWNER, desk.project, starred.id, True)
    last = await adjust(starred, -1)

    shown = [version.id for version in (await desk.editor.projects.open(OWNER, desk.project)).versions]
    assert shown == [desk.root, made.id, starred.id, last.id]
    said = [version.outcome.description for version in (first, second, starred, last)]
    assert said == [
        f"{how} the change by {px} px."
        for how, px in (("Widened", 2), ("Widened", 4), ("Narrowed", 2), ("Narrowed", 3))
    ]
    assert (await desk.project_now()).head == last.id


async def test_an_answer_without_a_change_stays_within_reach(make_desk):
    """It was paid for: what the lock took for nothing may be the slight new tone that somebody asked for."""

    def warmer(task):
        tone = np.array((2, 0, -2))
        return Done(EditResult(pixels=np.clip(task.input_image.astype(int) + tone, 0, 255).astype(np.uint8)))

    sizes = SizeRule("list", sizes=(Size(64, 48),))
    backend = HostedBackend(size_rule=sizes).enqueue(submitted(), warmer)
    desk = await make_desk(backend)
    made = (await desk.edit("a touch warmer")).version
    root = await desk.editor.versions.get(OWNER, desk.project, desk.root)
    assert (made.outcome.changed_fraction, made.digest) == (0, root.digest)
    assert "Use the whole answer" in made.outcome.warnings[0]

    whole = await desk.editor.pictures.change_mask(OWNER, desk.project, made.id, "whole")

    assert whole.parent == made.parent
    assert whole.outcome.changed_fraction > 0.5
    assert np.abs(desk.pixels(whole.digest).astype(int) - desk.pixels(root.digest)).max() <= 3
    assert len(backend.submits) == 1


async def test_an_export_carries_the_chain_that_made_it_unless_asked_not_to(make_desk):
    desk = await make_desk()
    await desk.edit("first")
    last = (await desk.edit("second", parameters=Parameters())).version

    told = await desk.editor.pictures.export(OWNER, desk.project, last.id, "png")
    silent = await desk.editor.pictures.export(OWNER, desk.project, last.id, "png", with_recipe=False)

    recipe = await desk.editor.pictures.read_recipe(told.data)
    assert [step.instruction for step in recipe.steps] == ["first", "second"]
    assert recipe.steps[-1].digest == last.digest
    assert recipe.project == desk.project
    assert await desk.editor.pictures.read_recipe(silent.data) is None


async def test_an_export_has_the_opened_pictures_colour_profile(make_desk):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 120, 30)).save(file, "PNG", icc_profile=profile)
    desk = await make_desk()
    await desk.editor.pictures.open(OWNER, desk.project, file.getvalue(), "wide.png")
    version = (await desk.edit()).version

    made = await desk.editor.pictures.export(OWNER, desk.project, version.id, "png")

    assert Image.open(io.BytesIO(made.data)).info["icc_profile"] == profile
    assert await desk.editor.upkeep.verify() == []


async def test_what_lay_in_the_bin_for_long_enough_is_gone_with_its_files(make_desk, tmp_path):
    desk = await make_desk(keep_deleted=timedelta(0))
    kept = await desk.editor.projects.create(OWNER, "Kept")
    await desk.editor.projects.delete(OWNER, desk.project)
    for path in (tmp_path / "images").rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))

    files, size = await desk.editor.upkeep.sweep(timedelta(0))

    assert await desk.editor.projects.all(OWNER, deleted=True) == []
    assert [project.id for project in await desk.editor.projects.all(OWNER)] == [kept.id]
    assert files > 0
    assert size > 0


async def test_the_bin_is_kept_for_ever_unless_told_otherwise(make_desk):
    desk = await make_desk()
    await desk.editor.projects.delete(OWNER, desk.project)

    await desk.editor.upkeep.sweep(timedelta(0))

    assert [project.id for project in await desk.editor.projects.all(OWNER, deleted=True)] == [desk.project]


async def test_the_tiers_of_one_account_share_its_places(make_desk):
    backend = ScriptedBackend("one", tiers=(Tier.PRO, Tier.MAX), max_in_flight=1)
    backend.enqueue(WAIT, lambda task: Done(inverted(task)))
    desk = await make_desk(backend)
    first = await desk.send(tier=Tier.PRO)
    await backend.called.wait()

    second = await desk.send(tier=Tier.MAX)
    with desk.editor.projects.subscribe(desk.project) as changes:
        while not await _waits_as_first(desk, second):
            assert await changes.next(5) is not None
    assert len(backend.submits) == 1
    backend.release()
    turns = [await desk.editor.edits.wait(OWNER, job) for job in (first, second)]

    assert [turn.job.state for turn in turns] == [JobState.DONE, JobState.DONE]
    assert len(backend.submits) == 2


async def _waits_as_first(desk, job):
    at = (await desk.editor.projects.open(OWNER, desk.project)).progress.get(job)
    return at is not None and at.queue_position == 1
