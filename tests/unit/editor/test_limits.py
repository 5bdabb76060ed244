"""What a server allows strangers: counted where nobody can pass it, and said in words that help."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from kontext_ui.editor import EditDraft
from kontext_ui.editor.ceilings import SENT_FROM
from kontext_ui.edits import Tier
from kontext_ui.errors import BackendUnavailable, Billed, BudgetExceeded, KontextError, LimitReached, StorageFull
from kontext_ui.projects import JobState
from tests.unit.editor.conftest import OWNER, editor_in, picture
from tests.unit.editor.scripted import WAIT, HostedBackend, ScriptedBackend, done, submitted

DRAFT = EditDraft("make it so", Tier.PRO)


@contextmanager
def coming_from(address):
    token = SENT_FROM.set(address)
    yield
    SENT_FROM.reset(token)


async def moves_in(editor, owner):
    project = await editor.projects.create(owner)
    await editor.pictures.open(owner, project.id, picture(), "photo.png")
    return project.id


async def accepted(*sending):
    """How many of these were not refused for a limit."""
    answers = await asyncio.gather(*sending, return_exceptions=True)
    assert all(not isinstance(answer, BaseException) or isinstance(answer, LimitReached) for answer in answers)
    return sum(not isinstance(answer, LimitReached) for answer in answers)


async def test_no_number_of_visitors_passes_what_the_server_may_spend(make_desk):
    backend = ScriptedBackend(price_usd=0.04)
    desk = await make_desk(backend, limits={"usd_per_day": {"server": 0.2}})
    visitors = [(f"visitor {number}", await moves_in(desk.editor, f"visitor {number}")) for number in range(8)]

    sent = await accepted(*(desk.editor.edits.submit(owner, project, DRAFT) for owner, project in visitors))
    for owner, project in visitors:
        for job in (await desk.editor.projects.open(owner, project)).jobs:
            await desk.editor.edits.wait(owner, job.id)

    assert sent == 5
    assert await accepted(*(desk.editor.edits.submit(owner, project, DRAFT) for owner, project in visitors)) == 0


async def test_processes_on_one_folder_count_together(make_desk, tmp_path):
    """Each has connections of its own; the job is recorded in the transaction that counts."""
    desk = await make_desk(limits={"usd_per_day": {"server": 0.2}})
    desk.editor.edits._runner.start = lambda *job, **how: None
    others = [editor_in(tmp_path, ScriptedBackend(), limits={"usd_per_day": {"server": 0.2}})[0] for _ in range(3)]
    for other in others:
        other.edits._runner.start = lambda *job, **how: None

    def send_four(editor):
        async def send():
            return await accepted(*(editor.edits.submit(OWNER, desk.project, DRAFT) for _ in range(4)))

        return asyncio.run(send())

    with ThreadPoolExecutor(3) as pool:
        sent = sum(pool.map(send_four, others))
    for other in others:
        other._store.close()

    assert sent == 5


@pytest.mark.parametrize(
    ("scope", "who"),
    [("server", "All visitors together"), ("address", "All visitors from your address"), ("visitor", "You")],
)
async def test_a_refusal_says_whose_limit_how_much_and_when_it_is_free(make_desk, scope, who):
    desk = await make_desk(limits={"usd_per_day": {scope: 0.05}})
    with coming_from("here"):
        await desk.edit()
        with pytest.raises(LimitReached) as refused:
            await desk.send()

    assert refused.value.message == (
        f"{who} may spend $0.05 a day on this server's own keys; $0.04 of it is taken, and this costs $0.040."
    )
    assert refused.value.hint.startswith("Nothing was sent. There is room again at 00:00 UTC, in ")
    assert refused.value.hint.endswith("A key of your own is not counted.")
    assert refused.value.billed is Billed.NO


async def test_addresses_are_told_apart_and_an_unknown_one_is_nobodys(make_desk):
    desk = await make_desk(limits={"usd_per_day": {"address": 0.05}})
    sent = []
    for address in ("here", "here", "there", "", ""):
        with coming_from(address):
            sent.append(await accepted(desk.send()))

    assert sent == [1, 0, 1, 1, 1]


async def test_an_edit_dearer_than_a_whole_day_is_not_put_off_to_tomorrow(make_desk):
    desk = await make_desk(limits={"usd_per_day": {"server": 0.01}})

    with pytest.raises(LimitReached) as refused:
        await desk.send()

    assert refused.value.free_at is None
    assert "more than a whole day allows" in refused.value.hint


async def test_a_check_refuses_what_sending_would(make_desk):
    desk = await make_desk(limits={"usd_per_day": {"server": 0.01}})

    with pytest.raises(LimitReached):
        await desk.editor.edits.check(OWNER, desk.project, DRAFT)


async def test_a_visitor_cannot_raise_the_operators_limit_by_raising_the_budget(make_desk):
    desk = await make_desk(day_usd=0.01, limits={"usd_per_day": {"visitor": 0.05}})
    with pytest.raises(BudgetExceeded):
        await desk.send()
    await desk.editor.budgets.set_day(OWNER, 100.0)
    await desk.edit()

    with pytest.raises(LimitReached):
        await desk.send()


async def test_what_an_own_key_pays_is_the_visitors_money_and_not_the_servers(make_desk):
    desk = await make_desk(limits={"usd_per_day": {"server": 0.05}})
    desk.editor.accounts.set_key(OWNER, "scripted", "my-own")

    for _ in range(3):
        assert (await desk.edit()).job.own_key
    desk.editor.accounts.forget_key(OWNER, "scripted")

    assert not (await desk.edit()).job.own_key
    assert await accepted(desk.send()) == 0
    (_, day) = await desk.editor.budgets.of(OWNER, desk.project)
    assert day.spent_usd == pytest.approx(0.16)


async def test_an_edit_whose_price_is_never_told_counts_at_the_price_that_is_assumed(make_desk):
    backend = ScriptedBackend(price_usd=None)
    desk = await make_desk(backend, limits={"usd_per_day": {"server": 0.25}})

    receipt = await desk.editor.edits.check(OWNER, desk.project, DRAFT)
    turns = [await desk.edit(), await desk.edit()]

    assert (receipt.price_usd, receipt.price_note) == (None, "counts as $0.10 in budgets")
    assert [turn.version.outcome.price_usd for turn in turns] == [None, None]
    with pytest.raises(LimitReached, match=r"\$0\.20 of it is taken, and this costs \$0\.100"):
        await desk.send()


async def test_budgets_count_an_unknown_price_too(make_desk):
    desk = await make_desk(ScriptedBackend(price_usd=None), project_usd=0.15)
    await desk.edit()

    with pytest.raises(BudgetExceeded):
        await desk.send()


async def test_so_many_edits_run_at_once_and_no_more(make_desk):
    backend = HostedBackend().enqueue(submitted(), WAIT, done).enqueue(submitted(), WAIT, done)
    desk = await make_desk(backend, limits={"edits_running": {"visitor": 2}})
    running = [await desk.send(), await desk.send()]

    with pytest.raises(LimitReached, match="You may have 2 edits running or waiting at once, and have 2"):
        await desk.send()
    backend.release()
    for job in running:
        await desk.editor.edits.wait(OWNER, job)

    assert await accepted(desk.send()) == 1


async def test_several_at_once_are_sent_whole_or_not_at_all(make_desk):
    desk = await make_desk(limits={"edits_per_hour": {"visitor": 3}})
    await desk.edit()

    with pytest.raises(LimitReached, match="You may send 3 edits an hour, and have sent 1"):
        await desk.editor.edits.submit_all(OWNER, desk.project, [DRAFT] * 3)

    assert len(await desk.editor.edits.submit_all(OWNER, desk.project, [DRAFT] * 2)) == 2


async def test_pictures_and_projects_are_counted_however_they_come(make_desk):
    desk = await make_desk(limits={"uploads_per_hour": {"visitor": 3}, "projects": {"visitor": 2}})
    editor, project, root = desk.editor, desk.project, desk.root
    await editor.pictures.add_reference(OWNER, project, picture())
    await editor.pictures.add_mask(OWNER, project, root, picture())
    await editor.projects.duplicate(OWNER, project)

    for bring in (
        editor.pictures.open(OWNER, project, picture()),
        editor.pictures.add_reference(OWNER, project, picture()),
        editor.pictures.add_mask(OWNER, project, root, picture()),
        editor.pictures.may_bring(OWNER),
    ):
        with pytest.raises(LimitReached, match="You may bring 3 pictures an hour, and have brought 3"):
            await bring
    for begin in (editor.projects.create(OWNER), editor.projects.duplicate(OWNER, project)):
        with pytest.raises(LimitReached, match="You may have 2 projects here, and have 2"):
            await begin


async def test_a_project_in_the_bin_makes_room_and_its_return_needs_some(make_desk):
    desk = await make_desk(limits={"projects": {"visitor": 1}})
    await desk.editor.projects.delete(OWNER, desk.project)
    await desk.editor.projects.create(OWNER)

    with pytest.raises(LimitReached):
        await desk.editor.projects.restore(OWNER, desk.project)


async def test_who_keeps_too_much_brings_nothing_more_and_reads_on(make_desk, make_editor):
    desk = await make_desk()
    strict, _, _ = make_editor(ScriptedBackend(), limits={"stored_mb": {"visitor": 0.000001}})

    with pytest.raises(LimitReached, match="You may keep"):
        await strict.edits.submit(OWNER, desk.project, DRAFT)
    with pytest.raises(LimitReached, match="You may keep"):
        await strict.pictures.open(OWNER, desk.project, picture())

    view = await strict.projects.open(OWNER, desk.project)
    assert (await strict.pictures.path(OWNER, desk.project, view.versions[0].digest)).is_file()
    await strict.aclose()


async def test_a_nearly_full_disk_refuses_before_anything_is_paid_and_reads_on(make_desk, make_editor):
    desk = await make_desk()
    full, _, _ = make_editor(backend := ScriptedBackend(), min_free_bytes=10**18)
    for more in (
        full.edits.submit(OWNER, desk.project, DRAFT),
        full.pictures.open(OWNER, desk.project, picture()),
        full.pictures.may_bring(OWNER),
    ):
        with pytest.raises(StorageFull, match="nearly full"):
            await more

    assert (await full.projects.open(OWNER, desk.project)).versions[0].id == desk.root
    assert backend.submits == []
    full._store.close()


async def test_pictures_of_several_projects_are_kept_once_and_counted_once(make_desk):
    desk = await make_desk()
    usage, blobs = desk.store.usage, desk.blobs
    alone = usage.stored_bytes(OWNER, blobs.size)
    await desk.editor.projects.duplicate(OWNER, desk.project)

    assert alone == sum(path.stat().st_size for path in blobs.root.glob("??/??/*") if "." not in path.stem)
    assert usage.stored_bytes(OWNER, blobs.size) == usage.stored_bytes(None, blobs.size) == alone
    assert usage.stored_bytes("somebody else", blobs.size) == 0


async def test_without_limits_nothing_is_counted(make_desk):
    desk = await make_desk()
    with coming_from("here"):
        await desk.edit()
        await desk.editor.visitors.arrive("somebody")

    with desk.store._connections.reading() as db:
        assert db.execute("SELECT count(*) FROM counted").fetchone() == (0,)


@pytest.mark.parametrize("limit", ["usd_per_day", "edits_per_hour", "edits_running", "uploads_per_hour", "projects"])
async def test_a_limit_of_nothing_lets_nothing_through(make_desk, make_editor, limit):
    desk = await make_desk()
    shut, _, _ = make_editor(ScriptedBackend(), limits={limit: {"visitor": 0}})
    outcomes = []
    for more in (
        shut.edits.submit(OWNER, desk.project, DRAFT),
        shut.pictures.open(OWNER, desk.project, picture()),
        shut.projects.create(OWNER),
    ):
        try:
            await more
        except KontextError as error:
            outcomes.append(getattr(error, "limit", error))
    await shut.aclose()

    assert outcomes == [limit]


async def test_a_failure_that_costs_nothing_gives_the_money_back(make_desk):
    backend = HostedBackend().enqueue(BackendUnavailable("Broke.", backend="scripted"))
    desk = await make_desk(backend, limits={"usd_per_day": {"server": 0.05}})

    assert (await desk.edit()).job.state is JobState.FAILED
    assert await accepted(desk.send()) == 1
