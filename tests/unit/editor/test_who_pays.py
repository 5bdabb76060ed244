"""Who pays is settled when an edit is sent: a visitor's key is never replaced by the server's, nor the other way."""

import pytest

from kontext_ui.editor import EditDraft
from kontext_ui.edits import Tier
from kontext_ui.errors import BackendUnavailable, CredentialsRejected, OutOfCredit
from kontext_ui.projects import JobState
from tests.unit.editor.conftest import OWNER
from tests.unit.editor.scripted import WAIT, HostedBackend, ScriptedBackend, done, submitted

OWN = "my-own-key"


async def with_own_key(make_desk, *backends, at):
    desk = await make_desk(*backends)
    desk.editor.accounts.set_key(OWNER, at, OWN)
    return desk


@pytest.mark.parametrize(
    "error", [CredentialsRejected("Refused.", backend="cheap", hint="Look."), OutOfCredit("Empty.", backend="cheap")]
)
async def test_a_visitors_refused_key_stops_the_edit_and_says_so(make_desk, error):
    cheap = ScriptedBackend("cheap", price_usd=0.01).enqueue(error)
    servers = ScriptedBackend("servers", price_usd=0.05)
    desk = await with_own_key(make_desk, cheap, servers, at="cheap")

    turn = await desk.edit()

    assert turn.job.state is JobState.FAILED
    assert turn.job.failure.hint.endswith("It was your own key, and no other one pays in its place.")
    assert servers.submits == []


async def test_an_outage_sends_it_on_only_where_the_visitor_pays_too(make_desk):
    cheap = ScriptedBackend("cheap", price_usd=0.01).enqueue(BackendUnavailable("Down.", backend="cheap"))
    servers, own = ScriptedBackend("servers", price_usd=0.02), ScriptedBackend("own", price_usd=0.05)
    desk = await with_own_key(make_desk, cheap, servers, own, at="cheap")
    desk.editor.accounts.set_key(OWNER, "own", "another")

    turn = await desk.edit()

    assert (turn.version.outcome.backend, turn.job.own_key) == ("own", True)
    assert [task.key for _, task in own.submits] == ["another"]


async def test_what_the_server_pays_never_goes_on_at_the_visitors_expense(make_desk):
    cheap = ScriptedBackend("cheap", price_usd=0.01).enqueue(BackendUnavailable("Down.", backend="cheap"))
    own, servers = ScriptedBackend("own", price_usd=0.05, ready=False), ScriptedBackend("servers", price_usd=0.06)
    desk = await with_own_key(make_desk, cheap, own, servers, at="own")

    turn = await desk.edit()

    assert (turn.version.outcome.backend, turn.job.own_key) == ("servers", False)
    assert own.submits == []


async def test_what_costs_nothing_steps_in_for_anybody(make_desk):
    cheap = ScriptedBackend("cheap", price_usd=0.0).enqueue(BackendUnavailable("Down.", backend="cheap"))
    here = ScriptedBackend("here", price_usd=0.0, runs_here=True)
    desk = await with_own_key(make_desk, cheap, here, at="cheap")

    assert (await desk.edit()).version.outcome.backend == "here"


async def test_a_follow_up_whose_key_was_removed_meanwhile_is_not_sent_on_the_servers(make_desk):
    backend = HostedBackend().enqueue(submitted(), WAIT, done)
    desk = await with_own_key(make_desk, backend, at="scripted")
    first = await desk.send()
    second = await desk.editor.edits.submit(OWNER, desk.project, EditDraft("then this", Tier.PRO, after=first))
    await backend.called.wait()
    desk.editor.accounts.forget_key(OWNER, "scripted")
    backend.release()

    turn = await desk.editor.edits.wait(OWNER, second.id)

    assert (turn.job.failure.kind, turn.job.failure.billed.value) == ("MissingCredentials", "no")
    assert "no longer here" in turn.job.failure.message
    assert len(backend.submits) == 1


async def test_an_edit_that_a_restart_found_unsent_is_not_sent_on_the_servers_key(make_desk, make_editor):
    """Keys live in memory, so after a restart the visitor's is gone."""
    desk = await with_own_key(make_desk, HostedBackend(), at="scripted")
    desk.editor.edits._runner.start = lambda *job, **how: None
    job = await desk.send()
    await desk.editor.aclose()

    again, _, _ = make_editor(backend := HostedBackend())
    await again.start()
    await again.recovered()
    turn = await again.edits.wait(OWNER, job)
    await again.aclose()

    assert turn.job.failure.kind == "MissingCredentials"
    assert backend.submits == []


async def test_a_key_pasted_after_sending_is_not_charged(make_desk):
    backend = HostedBackend(max_in_flight=1).enqueue(submitted(), WAIT, done).enqueue(submitted(), done)
    desk = await make_desk(backend)
    first, second = await desk.send(), await desk.send()
    await backend.called.wait()
    desk.editor.accounts.set_key(OWNER, "scripted", OWN)
    backend.release()
    for job in (first, second):
        await desk.editor.edits.wait(OWNER, job)

    assert [task.key for _, task in backend.submits] == [None, None]
