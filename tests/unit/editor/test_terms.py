"""What a program may spend: by the call, by its key, and by whoever steps in for a backend that failed."""

import asyncio

import pytest

from kontext_ui.editor import EditDraft
from kontext_ui.edits import Tier
from kontext_ui.errors import BackendUnavailable, BudgetExceeded, InvalidRequest
from kontext_ui.projects import JobState, Terms
from tests.unit.editor.conftest import OWNER
from tests.unit.editor.scripted import WAIT, HostedBackend, ScriptedBackend, done, submitted

DRAFT = EditDraft("make it so", Tier.PRO)


async def key_with(desk, budget_usd):
    key, _ = await desk.editor.access_keys.make(OWNER, "script", budget_usd)
    return key.id


async def send(desk, terms, drafts=(DRAFT,), key=None):
    return await desk.editor.edits.submit_all(OWNER, desk.project, list(drafts), key, terms)


async def spend(desk, terms, **more):
    return [await desk.editor.edits.wait(OWNER, job.id) for job in await send(desk, terms, **more)]


async def test_what_costs_something_needs_a_limit(make_desk):
    desk = await make_desk()

    with pytest.raises(InvalidRequest, match="sets no limit"):
        await send(desk, Terms())
    with pytest.raises(InvalidRequest, match="sets no limit"):
        await send(desk, Terms(access_key=await key_with(desk, None)))
    assert await desk.project_jobs() == []


async def test_what_is_free_needs_none_and_stays_free(make_desk):
    free, paid = ScriptedBackend("free", price_usd=0.0), ScriptedBackend("paid")
    desk = await make_desk(free, paid, order={Tier.PRO: ("free", "paid")})
    assert (await spend(desk, Terms()))[0].version is not None

    free.enqueue(BackendUnavailable("Away.", backend="free"))
    (turn,) = await spend(desk, Terms())
    assert turn.job.state is JobState.FAILED
    assert paid.submits == []


@pytest.mark.parametrize(("most_usd", "sent"), [(0.039, False), (0.04, True)])
async def test_a_call_costs_no_more_than_it_says(make_desk, most_usd, sent):
    desk = await make_desk()
    if sent:
        assert (await spend(desk, Terms(max_price_usd=most_usd)))[0].job.price_usd == 0.04
    else:
        with pytest.raises(BudgetExceeded, match="max_price_usd"):
            await send(desk, Terms(max_price_usd=most_usd))


async def test_the_limit_of_a_call_is_for_all_its_edits(make_desk):
    desk = await make_desk()
    with pytest.raises(BudgetExceeded):
        await send(desk, Terms(max_price_usd=0.07), [DRAFT, DRAFT])

    jobs = await send(desk, Terms(max_price_usd=0.10), [DRAFT, DRAFT])
    assert [job.terms.max_price_usd for job in jobs] == [pytest.approx(0.05)] * 2


@pytest.mark.parametrize(("most_usd", "steps_in"), [(0.05, False), (0.06, True), (0.04, False)])
async def test_who_steps_in_costs_no_more_than_the_call_says(make_desk, most_usd, steps_in):
    cheap, dear = ScriptedBackend("cheap"), ScriptedBackend("dear", price_usd=0.06)
    desk = await make_desk(cheap, dear, order={Tier.PRO: ("cheap", "dear")})
    cheap.enqueue(BackendUnavailable("Away.", backend="cheap"))

    await spend(desk, Terms(max_price_usd=most_usd))

    assert bool(dear.submits) is steps_in


async def test_a_price_that_nobody_knows_can_be_paid_by_a_key_with_a_budget_only(make_desk):
    desk = await make_desk(ScriptedBackend(price_usd=None))
    for terms in (Terms(), Terms(max_price_usd=5.0), Terms(await key_with(desk, None))):
        with pytest.raises(InvalidRequest, match="only known afterwards"):
            await send(desk, terms)

    assert (await spend(desk, Terms(await key_with(desk, 1.0))))[0].version is not None


async def test_a_keys_budget_is_for_all_that_is_sent_with_it_and_for_nothing_else(make_desk):
    desk = await make_desk()
    key = await key_with(desk, 0.09)
    await desk.edit()
    await spend(desk, Terms(key))
    await spend(desk, Terms(key))

    with pytest.raises(BudgetExceeded, match=r"\$0\.08 of \$0\.09 is spent with this access key"):
        await send(desk, Terms(key, max_price_usd=1.0))
    assert [(each.budget_usd, each.spent_usd) for each in await desk.editor.access_keys.all(OWNER)] == [(0.09, 0.08)]
    assert (await spend(desk, Terms(await key_with(desk, 1.0))))[0].version is not None


async def test_running_edits_count_against_a_keys_budget(make_desk):
    backend = HostedBackend().enqueue(submitted(), WAIT, done)
    desk = await make_desk(backend)
    key = await key_with(desk, 0.05)
    (job,) = await send(desk, Terms(key))

    with pytest.raises(BudgetExceeded):
        await send(desk, Terms(key))
    backend.release()
    await desk.editor.edits.wait(OWNER, job.id)


async def test_two_calls_at_once_cannot_both_take_the_last_of_a_keys_budget(make_desk):
    desk = await make_desk()
    key = await key_with(desk, 0.05)

    answers = await asyncio.gather(*(send(desk, Terms(key)) for _ in range(3)), return_exceptions=True)

    assert sorted(isinstance(answer, BudgetExceeded) for answer in answers) == [False, True, True]


async def test_a_revoked_keys_spending_stays_in_the_owners_sums(make_desk):
    desk = await make_desk()
    key = await key_with(desk, 1.0)
    await spend(desk, Terms(key))
    await desk.editor.access_keys.revoke(OWNER, key)

    assert desk.store.spend.today(OWNER) == 0.04
    assert await desk.editor.access_keys.all(OWNER) == []


async def test_what_is_sent_again_under_its_name_is_not_paid_again(make_desk):
    desk = await make_desk()
    terms = Terms(await key_with(desk, 0.05))
    first = await send(desk, terms, key="a-message")

    again, known = await send(desk, terms, key="a-message"), await desk.editor.edits.sent(OWNER, "a-message")
    assert [job.id for job in again] == [job.id for job in known] == [job.id for job in first]


async def test_terms_outlive_a_restart(make_desk, tmp_path):
    backend = HostedBackend().enqueue(submitted(), WAIT)
    desk = await make_desk(backend)
    (job,) = await send(desk, Terms(max_price_usd=0.05))
    await desk.editor.aclose()

    again = await make_desk(HostedBackend())
    assert (await again.editor.edits.wait(OWNER, job.id)).job.terms == Terms(None, 0.05)
