from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kontext_ui.errors import Billed, JobClosed, JobNotFound
from kontext_ui.history.names import new_token
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import ImageKind, Job, JobState
from tests.unit.history_kit import (
    OWNER,
    SIZE,
    STRANGER,
    Clock,
    add_root,
    chain,
    children,
    digest,
    edit,
    failure,
    new_job,
    outcome,
    request,
)

Step = Callable[[HistoryStore, str], object]

ENDINGS: dict[str, Step] = {
    "done": lambda store, job: store.jobs.commit(job, digest("x"), SIZE, False, outcome()).version,
    "failed": lambda store, job: store.jobs.close_failed(job, failure()),
    "cancelled": lambda store, job: store.jobs.close_cancelled(job),
    "uncertain": lambda store, job: store.jobs.mark_uncertain(job, failure(Billed.MAYBE)),
}
STEPS: dict[str, Step] = {
    **ENDINGS,
    "sending": lambda store, job: store.jobs.mark_sending(job),
    "submitted": lambda store, job: store.jobs.mark_submitted(job, "r-2"),
    "running": lambda store, job: store.jobs.mark_running(job),
    "rerouted": lambda store, job: store.jobs.reroute(job, request(), "bfl", None),
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite3"


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[HistoryStore]:
    with HistoryStore(path, clock=clock, process_token="first") as store:
        yield store


@pytest.fixture
def project(store: HistoryStore) -> str:
    return store.projects.create(OWNER, "Holiday").id


def test_a_job_is_on_disk_before_anything_leaves(path: Path, store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    job = new_job(project, root.id, "paint it", price_usd=0.04, details={"a": "b"}, fallback_from="fal")
    assert store.jobs.create(job) == job
    with HistoryStore(path) as other:
        assert other.jobs.get(OWNER, job.id) == job
        assert other.jobs.running(OWNER) == other.jobs.shown(OWNER, project) == [job]


def test_each_step_of_an_edit_is_read_back(store: HistoryStore, project: str, clock: Clock) -> None:
    job = store.jobs.create(new_job(project, add_root(store, project).id, price_usd=0.04))
    clock.advance(seconds=1)
    sending = store.jobs.mark_sending(job.id)
    assert (sending.state, sending.sending_at, sending.starts) == (JobState.QUEUED, clock.now, 1)
    submitted = store.jobs.mark_submitted(job.id, "r-1", "https://x/1", 0.05, {"cancel": "https://x/2"})
    assert (submitted.state, submitted.remote_id, submitted.poll_url) == (JobState.SUBMITTED, "r-1", "https://x/1")
    assert (submitted.price_usd, submitted.details) == (0.05, {"cancel": "https://x/2"})
    assert store.jobs.mark_submitted(job.id, "r-1").price_usd == 0.05
    running = store.jobs.mark_running(job.id)
    assert running.state is JobState.RUNNING
    assert running.updated_at == clock.now
    assert store.jobs.get(OWNER, job.id) == running
    version = store.jobs.commit(job.id, digest("x"), SIZE, True, outcome(price_usd=0.06)).version
    done = store.jobs.get(OWNER, job.id)
    assert (done.state, done.version, done.price_usd) == (JobState.DONE, version.id, 0.06)
    assert store.jobs.shown(OWNER, project) == store.jobs.running(OWNER) == []


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_has_ended_stays_ended(store: HistoryStore, project: str, ending: str, step: str) -> None:
    job = store.jobs.create(new_job(project, add_root(store, project).id, price_usd=0.04))
    ENDINGS[ending](store, job.id)
    ended = store.jobs.get(OWNER, job.id)
    before = (store.projects.get(OWNER, project), store.tree.all(OWNER, project))
    if (ending, step) == ("cancelled", "submitted"):  # the one thing that is still news, see below
        STEPS[step](store, job.id)
        assert store.jobs.get(OWNER, job.id).state is JobState.CANCELLED
        return
    with pytest.raises(JobClosed, match=ending):
        STEPS[step](store, job.id)
    assert store.jobs.get(OWNER, job.id) == ended
    assert (store.projects.get(OWNER, project), store.tree.all(OWNER, project)) == before


@pytest.mark.parametrize("step", STEPS)
def test_an_unknown_job_is_not_found(store: HistoryStore, step: str) -> None:
    with pytest.raises(JobNotFound):
        STEPS[step](store, "nothing")


def test_a_job_a_provider_has_taken_is_neither_sent_again_nor_rerouted(store: HistoryStore, project: str) -> None:
    job = store.jobs.create(new_job(project, None))
    store.jobs.mark_submitted(job.id, "r-1")
    with pytest.raises(JobClosed):
        store.jobs.mark_sending(job.id)
    with pytest.raises(JobClosed):
        store.jobs.reroute(job.id, request(), "bfl", None)


def test_rerouting_starts_over_with_another_request(store: HistoryStore, project: str) -> None:
    job = store.jobs.create(new_job(project, None, price_usd=0.04))
    store.jobs.mark_sending(job.id)
    elsewhere = dataclasses.replace(job.request, backend="fal")
    moved = store.jobs.reroute(job.id, elsewhere, "bfl", 0.08)
    assert (moved.request, moved.fallback_from, moved.price_usd) == (elsewhere, "bfl", 0.08)
    assert (moved.state, moved.sending_at) == (JobState.QUEUED, None)
    assert store.jobs.mark_sending(job.id).starts == 2
    version = store.jobs.commit(job.id, digest("x"), SIZE, False, outcome(backend="fal")).version
    assert version.request == elsewhere


def test_an_id_that_comes_after_the_cancel_is_kept(store: HistoryStore, project: str) -> None:
    job = store.jobs.create(new_job(project, None))
    store.jobs.mark_sending(job.id)
    store.jobs.close_cancelled(job.id, failure(Billed.MAYBE))
    late = store.jobs.mark_submitted(job.id, "r-1", "https://x/1")
    assert (late.state, late.remote_id, late.poll_url) == (JobState.CANCELLED, "r-1", "https://x/1")
    assert store.jobs.running(OWNER) == []


def test_a_late_result_of_a_cancelled_job_is_kept_without_moving_the_head(store: HistoryStore, project: str) -> None:
    root, one = chain(store, project, "one")
    store.tree.undo(OWNER, project)
    job = store.jobs.create(new_job(project, root.id, price_usd=0.04))
    store.jobs.close_cancelled(job.id, failure(Billed.MAYBE))
    version = store.jobs.commit(job.id, digest("late"), SIZE, False, outcome(price_usd=0.05), late=True).version
    now = store.projects.get(OWNER, project)
    assert (now.head, now.redo) == (root.id, one.id)
    assert version.parent == root.id
    assert store.jobs.get(OWNER, job.id).state is JobState.DONE
    assert store.spend.of_project(project) == 0.05
    with pytest.raises(JobClosed):
        store.jobs.commit(job.id, digest("again"), SIZE, False, outcome(), late=True)


def test_a_reopened_job_costs_what_it_cost_in_the_end(store: HistoryStore, project: str) -> None:
    job = store.jobs.create(new_job(project, None, price_usd=0.04))
    with pytest.raises(JobClosed):
        store.jobs.reopen(OWNER, job.id)
    store.jobs.mark_submitted(job.id, "r-1")
    store.jobs.close_failed(job.id, failure(Billed.MAYBE))
    assert store.spend.of_project(project) == 0.04
    store.jobs.dismiss(OWNER, job.id)
    again = store.jobs.reopen(OWNER, job.id)
    assert (again.state, again.failure, again.dismissed_at) == (JobState.SUBMITTED, None, None)
    store.jobs.close_failed(job.id, failure(Billed.NO))
    assert store.spend.of_project(project) == 0.0


def test_the_head_follows_an_edit_of_the_head(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    job = store.jobs.create(new_job(project, root.id))
    version = store.jobs.commit(job.id, digest("x"), SIZE, False, outcome()).version
    assert store.projects.get(OWNER, project).head == version.id


def test_the_head_stays_where_the_user_went_meanwhile(store: HistoryStore, project: str) -> None:
    root, one = chain(store, project, "one")
    first, second = (store.jobs.create(new_job(project, one.id)) for _ in range(2))
    store.tree.select(OWNER, project, root.id)
    store.jobs.commit(first.id, digest("x"), SIZE, False, outcome())
    assert store.projects.get(OWNER, project).head == root.id
    store.tree.select(OWNER, project, one.id)
    version = store.jobs.commit(second.id, digest("y"), SIZE, False, outcome()).version
    assert store.projects.get(OWNER, project).head == version.id
    assert len(children(store, project, one.id)) == 2


def test_of_two_edits_of_the_head_the_first_to_end_moves_it(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    jobs = [store.jobs.create(new_job(project, root.id)) for _ in range(2)]
    first, second = (
        store.jobs.commit(job.id, digest(job.id), SIZE, False, outcome()).version for job in reversed(jobs)
    )
    assert store.projects.get(OWNER, project).head == first.id
    assert second.parent == root.id


def test_a_new_answer_becomes_the_head_of_who_still_stands_on_its_sibling(store: HistoryStore, project: str) -> None:
    root, one = chain(store, project, "one")
    job = store.jobs.create(new_job(project, root.id))
    answer = store.jobs.commit(job.id, digest("x"), SIZE, False, outcome()).version
    assert (answer.parent, store.projects.get(OWNER, project).head) == (root.id, answer.id)
    job = store.jobs.create(new_job(project, root.id))
    store.tree.select(OWNER, project, one.id)
    store.jobs.commit(job.id, digest("y"), SIZE, False, outcome())
    assert store.projects.get(OWNER, project).head == one.id


def test_an_answer_that_is_hidden_with_its_parent_is_never_the_head(store: HistoryStore, project: str) -> None:
    _, one, _ = chain(store, project, "one", "two")
    elsewhere = add_root(store, project)
    job = store.jobs.create(new_job(project, one.id))
    store.tree.prune(OWNER, project, one.id)
    store.jobs.commit(job.id, digest("x"), SIZE, False, outcome())
    assert store.projects.get(OWNER, project).head == elsewhere.id


def test_a_picture_from_text_becomes_the_head_unless_the_user_moved(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    job = store.jobs.create(new_job(project, None))
    made = store.jobs.commit(job.id, digest("x"), SIZE, False, outcome()).version
    assert (made.parent, store.projects.get(OWNER, project).head) == (None, made.id)
    job = store.jobs.create(new_job(project, None))
    store.tree.select(OWNER, project, root.id)
    store.jobs.commit(job.id, digest("y"), SIZE, False, outcome())
    assert store.projects.get(OWNER, project).head == root.id


def test_a_result_under_a_pruned_parent_is_hidden_and_restored_with_it(store: HistoryStore, project: str) -> None:
    root, one, two = chain(store, project, "one", "two")
    job = store.jobs.create(new_job(project, two.id))
    store.tree.prune(OWNER, project, one.id)
    version = store.jobs.commit(job.id, digest("x"), SIZE, False, outcome()).version
    assert version.pruned_at is not None
    assert store.projects.get(OWNER, project).head == root.id
    assert store.tree.restore(OWNER, project, one.id) == [one.id, two.id, version.id]


def test_a_job_whose_project_is_in_the_bin_may_still_end(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    done, failed = (store.jobs.create(new_job(project, root.id)) for _ in range(2))
    store.projects.delete(OWNER, project)
    version = store.jobs.commit(done.id, digest("x"), SIZE, False, outcome()).version
    store.jobs.close_failed(failed.id, failure())
    assert store.projects.restore(OWNER, project).head == version.id


def test_the_result_and_its_change_mask_are_images_of_the_project(store: HistoryStore, project: str) -> None:
    job = store.jobs.create(new_job(project, None))
    store.jobs.commit(job.id, digest("x"), SIZE, False, outcome(change_mask=digest("m")))
    assert store.images.get(OWNER, project, digest("x")).kind is ImageKind.VERSION
    assert store.images.get(OWNER, project, digest("m")).kind is ImageKind.CHANGE_MASK


def test_a_commit_that_fails_leaves_job_tree_and_spend_as_they_were(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    job = store.jobs.create(new_job(project, root.id, price_usd=0.04))
    before = store.projects.get(OWNER, project)
    with pytest.raises(TypeError):
        store.jobs.commit(job.id, digest("x"), SIZE, False, outcome(), source={"bad": b"no json"})
    with pytest.raises(Exception, match="UNIQUE"):
        store.jobs.commit(job.id, digest("x"), SIZE, False, outcome(), version_id=root.id)
    assert store.projects.get(OWNER, project) == before
    assert store.jobs.running(OWNER) == [job]


def test_cards_stay_until_they_are_dismissed(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    jobs = [store.jobs.create(new_job(project, root.id)) for _ in range(5)]
    store.jobs.close_failed(jobs[0].id, failure(suggestions=("brighter",), capable_tier="pro"))
    store.jobs.close_cancelled(jobs[1].id)
    store.jobs.mark_uncertain(jobs[2].id, failure(Billed.MAYBE))
    store.jobs.commit(jobs[3].id, digest("x"), SIZE, False, outcome())
    shown = store.jobs.shown(OWNER, project)
    assert [job.id for job in shown] == [jobs[0].id, jobs[1].id, jobs[2].id, jobs[4].id]
    assert shown[0].failure == failure(suggestions=("brighter",), capable_tier="pro")
    with pytest.raises(JobClosed):
        store.jobs.dismiss(OWNER, jobs[4].id)
    dismissed = store.jobs.dismiss(OWNER, jobs[0].id)
    assert dismissed.dismissed_at is not None
    assert store.jobs.dismiss(OWNER, jobs[0].id) == dismissed
    assert jobs[0].id not in [job.id for job in store.jobs.shown(OWNER, project)]


def test_running_jobs_are_the_owners_open_ones(store: HistoryStore, project: str) -> None:
    mine = store.jobs.create(new_job(project, None))
    theirs = store.projects.create(STRANGER).id
    store.jobs.create(new_job(theirs, None, owner=STRANGER))
    edit(store, project, None)
    assert store.jobs.running(OWNER) == [mine]
    assert len(store.jobs.running(STRANGER)) == 1


# Which process looks after a job


@pytest.fixture
def second(path: Path, store: HistoryStore, clock: Clock) -> Iterator[HistoryStore]:
    with HistoryStore(path, clock=clock, process_token="second") as other:
        yield other


def ids(jobs: list[Job]) -> list[str]:
    return [job.id for job in jobs]


def test_jobs_of_a_living_process_are_left_alone(
    store: HistoryStore, second: HistoryStore, project: str, clock: Clock
) -> None:
    job = store.jobs.create(new_job(project, None))
    assert second.claims.take_over(20) == []
    for _ in range(5):
        clock.advance(seconds=15)
        store.claims.take_over(20)
        assert second.claims.take_over(20) == []
    clock.advance(seconds=21)
    assert second.claims.take_over(20) == [job]


def test_a_job_is_claimed_once(store: HistoryStore, second: HistoryStore, project: str, clock: Clock) -> None:
    job = store.jobs.create(new_job(project, None))
    clock.advance(minutes=5)
    assert ids(second.claims.take_over(20)) == [job.id]
    assert second.claims.take_over(20) == []
    assert store.claims.take_over(20) == []
    assert store.claims.take_over(20) == []


def test_a_process_that_ended_in_order_need_not_be_waited_for(
    store: HistoryStore, second: HistoryStore, project: str
) -> None:
    job = store.jobs.create(new_job(project, None))
    store.claims.release()
    assert ids(second.claims.take_over(20)) == [job.id]


def test_ended_jobs_are_not_claimed(store: HistoryStore, second: HistoryStore, project: str, clock: Clock) -> None:
    for ending in ENDINGS.values():
        ending(store, store.jobs.create(new_job(project, None)).id)
    clock.advance(minutes=5)
    assert second.claims.take_over(20) == []


def test_a_dead_process_of_this_machine_is_noticed_at_once(path: Path, project: str, clock: Clock) -> None:
    host, _, _ = new_token().partition("/")
    with HistoryStore(path, clock=clock, process_token=f"{host}/{2**22 + 1}/dead") as dead:
        job = dead.jobs.create(new_job(project, None))
    with HistoryStore(path, clock=clock) as alive:
        assert ids(alive.claims.take_over(3600)) == [job.id]
