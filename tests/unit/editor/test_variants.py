"""Several answers to one message: each a job of its own, all of them or none."""

import pytest

from kontext_ui.editor import EditDraft
from kontext_ui.edits import Tier
from kontext_ui.errors import BudgetExceeded, InvalidRequest, VersionNotFound
from tests.unit.editor.conftest import OWNER
from tests.unit.editor.scripted import ScriptedBackend

DRAFT = EditDraft("make it so", Tier.PRO)


async def test_each_is_an_answer_to_the_same_picture(make_desk):
    desk = await make_desk()

    jobs = await desk.editor.edits.submit_all(OWNER, desk.project, [DRAFT] * 4)

    turns = [await desk.editor.edits.wait(OWNER, job.id) for job in jobs]
    assert {turn.version.parent for turn in turns} == {desk.root}
    assert len({turn.version.id for turn in turns}) == 4
    assert (await desk.project_now()).head in {turn.version.id for turn in turns}


async def test_their_prices_are_added_before_any_of_them_is_sent(make_desk):
    backend = ScriptedBackend(price_usd=0.04)
    desk = await make_desk(backend, project_usd=0.1)

    with pytest.raises(BudgetExceeded, match=r"\$0\.12"):
        await desk.editor.edits.submit_all(OWNER, desk.project, [DRAFT] * 3)

    assert (backend.submits, await desk.project_jobs()) == ([], [])


async def test_one_that_is_refused_refuses_all(make_desk):
    backend = ScriptedBackend()
    desk = await make_desk(backend)

    with pytest.raises(InvalidRequest):
        await desk.editor.edits.submit_all(OWNER, desk.project, [DRAFT, EditDraft("  ", Tier.PRO)])

    assert (backend.submits, await desk.project_jobs()) == ([], [])


async def test_one_that_cannot_be_recorded_leaves_none_behind(make_desk):
    backend = ScriptedBackend()
    desk = await make_desk(backend)
    lost = await desk.edit("one")
    await desk.editor.versions.prune(OWNER, desk.project, lost.version.id)
    drafts = [EditDraft("two", Tier.PRO, parent=desk.root), EditDraft("three", Tier.PRO, parent=lost.version.id)]

    with pytest.raises(VersionNotFound):
        await desk.editor.edits.submit_all(OWNER, desk.project, drafts)

    assert [request.instruction for request, _ in backend.submits] == ["one"]
    assert await desk.project_jobs() == []


async def test_a_budget_that_would_be_passed_is_said_before_anything_is_sent(make_desk):
    desk = await make_desk(ScriptedBackend(price_usd=0.04), project_usd=0.01)

    with pytest.raises(BudgetExceeded):
        await desk.editor.edits.check(OWNER, desk.project, DRAFT)
