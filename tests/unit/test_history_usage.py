"""What limits are counted from: within an hour, within a day, and forgotten afterwards."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from kontext_ui.editor.ceilings import Ceilings
from kontext_ui.errors import Billed, LimitReached
from kontext_ui.history.ledger import Scope, Sender
from kontext_ui.history.store import HistoryStore
from tests.unit.history_kit import OWNER, SIZE, Clock, add_root, digest, failure, new_job, outcome

ANN = Sender(OWNER, "here")
UPLOADS = Ceilings.of({"uploads_per_hour": {"visitor": 2, "server": 3}})


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    with HistoryStore(tmp_path / "history.sqlite3", clock=clock) as store:
        yield store


def spend(store, usd=0.04, **who):
    project = store.projects.create(OWNER).id
    job = store.jobs.create(new_job(project, add_root(store, project).id, price_usd=usd, **who))
    return store.jobs.commit(job.id, digest(f"made {job.id}"), SIZE, False, outcome()).job


def today(store, scope=Scope.SERVER, sender=ANN, **which):
    return store.usage.look(lambda ledger: ledger.today_usd(scope, sender, **which))


def test_an_hour_slides_and_the_refusal_names_the_minute(store, clock):
    store.usage.take(UPLOADS.uploads(ANN))
    clock.advance(minutes=20)
    store.usage.take(UPLOADS.uploads(ANN))
    clock.advance(minutes=10)

    with pytest.raises(LimitReached) as refused:
        store.usage.take(UPLOADS.uploads(ANN))

    assert refused.value.message == "You may bring 2 pictures an hour, and have brought 2."
    assert refused.value.hint == "Nothing was kept. There is room again at 13:00 UTC, in 30 minutes."
    clock.now = refused.value.free_at - timedelta(seconds=1)
    with pytest.raises(LimitReached):
        store.usage.take(UPLOADS.uploads(ANN))
    clock.now = refused.value.free_at
    store.usage.take(UPLOADS.uploads(ANN))


def test_the_widest_limit_is_asked_first(store):
    for number in range(3):
        store.usage.take(UPLOADS.uploads(Sender(f"visitor {number}")))

    with pytest.raises(LimitReached, match="All visitors together may bring 3 pictures an hour, and have brought 3"):
        store.usage.take(UPLOADS.uploads(ANN))


def test_who_is_refused_is_not_counted(store, clock):
    for _ in range(2):
        store.usage.take(UPLOADS.uploads(ANN))
    for _ in range(5):
        with pytest.raises(LimitReached):
            store.usage.take(UPLOADS.uploads(ANN))

    store.usage.take(UPLOADS.uploads(Sender("bob")))


def test_new_visitors_are_counted_by_where_they_come_from(store):
    ceilings = Ceilings.of({"visitors_per_hour": {"address": 1}})
    store.usage.take(ceilings.visitors(Sender("one", "here")))
    store.usage.take(ceilings.visitors(Sender("two", "there")))

    with pytest.raises(LimitReached, match="1 new visitors came from your address within an hour"):
        store.usage.take(ceilings.visitors(Sender("three", "here")))


def test_a_day_ends_at_midnight_utc(store, clock):
    spend(store)
    clock.now = clock.now.replace(hour=23, minute=59, second=59)
    assert today(store) == 0.04
    clock.advance(seconds=1)
    assert today(store) == 0


def test_money_is_told_apart_by_who_paid_and_from_where(store):
    spend(store, 0.01, address="here")
    spend(store, 0.02, address="there", own_key=True)
    spend(store, 0.04, address="there")

    assert today(store) == 0.07
    assert today(store, servers_only=True) == 0.05
    assert today(store, Scope.ADDRESS, Sender("bob", "there"), servers_only=True) == 0.04
    assert today(store, Scope.VISITOR, Sender("bob")) == 0


@pytest.mark.parametrize(("billed", "usd"), [(Billed.NO, 0), (Billed.MAYBE, 0.1), (Billed.YES, 0.1)])
def test_what_fails_at_an_unknown_price_counts_as_is_assumed_when_it_may_be_billed(store, billed, usd):
    project = store.projects.create(OWNER).id
    job = store.jobs.create(new_job(project, add_root(store, project).id, assumed_usd=0.1))
    assert store.usage.look(lambda ledger: ledger.running_usd(Scope.VISITOR, ANN)) == 0.1

    store.jobs.close_failed(job.id, failure(billed))

    assert today(store) == usd
    assert store.usage.look(lambda ledger: ledger.running_usd(Scope.VISITOR, ANN)) == 0


def test_a_price_that_is_told_takes_the_place_of_the_one_that_was_assumed(store):
    project = store.projects.create(OWNER).id
    job = store.jobs.create(new_job(project, add_root(store, project).id, assumed_usd=0.1))

    done = store.jobs.commit(job.id, digest("made"), SIZE, False, dataclasses.replace(outcome(), price_usd=0.03))

    assert (today(store), done.job.price_usd) == (0.03, 0.03)


def test_an_unknown_price_stays_unknown_on_the_job_and_counts_in_the_project(store):
    done = spend(store, None, assumed_usd=0.1)

    assert done.price_usd is None
    assert store.spend.of_project(done.project) == 0.1


def test_after_a_day_nobody_knows_from_where_anything_was_sent(store, clock):
    done = spend(store, address="here")
    open_job = store.jobs.create(dataclasses.replace(new_job(done.project, None), address="here"))
    store.usage.take(UPLOADS.uploads(ANN))
    clock.advance(hours=23)
    store.usage.forget_old()
    assert store.jobs.find(done.id).address == "here"

    clock.advance(hours=2)
    store.usage.forget_old()

    assert store.jobs.find(done.id).address == ""
    assert store.jobs.find(open_job.id).address == "here"
    with store._connections.reading() as db:
        assert db.execute("SELECT (SELECT count(*) FROM counted), (SELECT max(address) FROM spend)").fetchone() == (
            0,
            "",
        )
