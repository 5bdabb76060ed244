from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kontext_ui.errors import Billed, JobClosed, JobNotFound
from kontext_ui.history.processes import new_token
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import ImageKind, Job, JobState
from tests.unit.history_kit import (
    OWNER,
    SIZE,
    STRANGER,
    Clock,
    add_root,
    chain,
    digest,
    edit,
    failure,
    new_job,
    outcome,
    request,
)

Step = Callable[[HistoryStore, str], object]

ENDINGS: dict[str, Step] = {
    "done": lambda store, job: store.commit_version(job, digest("x"), SIZE, False, outcome()),
    "failed": lambda store, job: store.close_failed(job, failure()),
    "cancelled": lambda store, job: store.close_cancelled(job),
    "uncertain": lambda store, job: store.mark_uncertain(job, failure(Billed.MAYBE)),
}
STEPS: dict[str, Step] = {
    **ENDINGS,
    "sending": lambda store, job: store.mark_sending(job),
    "submitted": lambda store, job: store.mark_submitted(job, "r-2"),
    "running": lambda store, job: store.mark_running(job),
    "rerouted": lambda store, job: store.reroute_job(job, request(), "bfl", None),
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
    return store.create_project(OWNER, "Holiday").id


def test_a_job_is_on_disk_before_anything_leaves(path: Path, store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    job = new_job(project, root.id, "paint it", price_usd=0.04, details={"a": "b"}, fallback_from="fal")
    assert store.create_job(job) == job
    with HistoryStore(path) as other:
        assert other.job(OWNER, job.id) == job
        assert other.open_jobs() == other.jobs(OWNER, project) == [job]


def test_each_step_of_an_edit_is_read_back(store: HistoryStore, project: str, clock: Clock) -> None:
    job = store.create_job(new_job(project, add_root(store, project).id, price_usd=0.04))
    clock.advance(seconds=1)
    sending = store.mark_sending(job.id)
    assert (sending.state, sending.sending_at, sending.starts) == (JobState.QUEUED, clock.now, 1)
    submitted = store.mark_submitted(job.id, "r-1", "https://x/1", 0.05, {"cancel": "https://x/2"})
    assert (submitted.state, submitted.remote_id, submitted.poll_url) == (JobState.SUBMITTED, "r-1", "https://x/1")
    assert (submitted.price_usd, submitted.details) == (0.05, {"cancel": "https://x/2"})
    assert store.mark_submitted(job.id, "r-1").price_usd == 0.05
    running = store.mark_running(job.id)
    assert running.state is JobState.RUNNING
    assert running.updated_at == clock.now
    assert store.job(OWNER, job.id) == running
    version = store.commit_version(job.id, digest("x"), SIZE, True, outcome(price_usd=0.06))
    done = store.job(OWNER, job.id)
    assert (done.state, done.version, done.price_usd) == (JobState.DONE, version.id, 0.06)
    assert store.jobs(OWNER, project) == store.open_jobs() == []


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_has_ended_stays_ended(store: HistoryStore, project: str, ending: str, step: str) -> None:
    job = store.create_job(new_job(project, add_root(store, project).id, price_usd=0.04))
    ENDINGS[ending](store, job.id)
    ended = store.job(OWNER, job.id)
    before = (store.project(OWNER, project), store.versions(OWNER, project))
    if (ending, step) == ("cancelled", "submitted"):  # the one thing that is still news, see below
        STEPS[step](store, job.id)
        assert store.job(OWNER, job.id).state is JobState.CANCELLED
        return
    with pytest.raises(JobClosed, match=ending):
        STEPS[step](store, job.id)
    assert store.job(OWNER, job.id) == ended
    assert (store.project(OWNER, project), store.versions(OWNER, project)) == before


@pytest.mark.parametrize("step", STEPS)
def test_an_unknown_job_is_not_found(store: HistoryStore, step: str) -> None:
    with pytest.raises(JobNotFound):
        STEPS[step](store, "nothing")


def test_a_job_a_provider_has_taken_is_neither_sent_again_nor_rerouted(store: HistoryStore, project: str) -> None:
    job = store.create_job(new_job(project, None))
    store.mark_submitted(job.id, "r-1")
    with pytest.raises(JobClosed):
        store.mark_sending(job.id)
    with pytest.raises(JobClosed):
        store.reroute_job(job.id, request(), "bfl", None)


def test_rerouting_starts_over_with_another_request(store: HistoryStore, project: str) -> None:
    job = store.create_job(new_job(project, None, price_usd=0.04))
    store.mark_sending(job.id)
    elsewhere = dataclasses.replace(job.request, backend="fal")
    moved = store.reroute_job(job.id, elsewhere, "bfl", 0.08)
    assert (moved.request, moved.fallback_from, moved.price_usd) == (elsewhere, "bfl", 0.08)
    assert (moved.state, moved.sending_at) == (JobState.QUEUED, None)
    assert store.mark_sending(job.id).starts == 2
    version = store.commit_version(job.id, digest("x"), SIZE, False, outcome(backend="fal"))
    assert version.request == elsewhere


def test_an_id_that_comes_after_the_cancel_is_kept(store: HistoryStore, project: str) -> None:
    job = store.create_job(new_job(project, None))
    store.mark_sending(job.id)
    store.close_cancelled(job.id, failure(Billed.MAYBE))
    late = store.mark_submitted(job.id, "r-1", "https://x/1")
    assert (late.state, late.remote_id, late.poll_url) == (JobState.CANCELLED, "r-1", "https://x/1")
    assert store.open_jobs() == []


def test_a_late_result_of_a_cancelled_job_is_kept_without_moving_the_head(store: HistoryStore, project: str) -> None:
    root, one = chain(store, project, "one")
    store.undo(OWNER, project)
    job = store.create_job(new_job(project, root.id, price_usd=0.04))
    store.close_cancelled(job.id, failure(Billed.MAYBE))
    version = store.commit_version(job.id, digest("late"), SIZE, False, outcome(price_usd=0.05), late=True)
    now = store.project(OWNER, project)
    assert (now.head, now.redo) == (root.id, one.id)
    assert version.parent == root.id
    assert store.job(OWNER, job.id).state is JobState.DONE
    assert store.spent_usd(project) == 0.05
    with pytest.raises(JobClosed):
        store.commit_version(job.id, digest("again"), SIZE, False, outcome(), late=True)


def test_a_reopened_job_costs_what_it_cost_in_the_end(store: HistoryStore, project: str) -> None:
    job = store.create_job(new_job(project, None, price_usd=0.04))
    with pytest.raises(JobClosed):
        store.reopen_job(OWNER, job.id)
    store.mark_submitted(job.id, "r-1")
    store.close_failed(job.id, failure(Billed.MAYBE))
    assert store.spent_usd(project) == 0.04
    store.dismiss_job(OWNER, job.id)
    again = store.reopen_job(OWNER, job.id)
    assert (again.state, again.failure, again.dismissed_at) == (JobState.SUBMITTED, None, None)
    store.close_failed(job.id, failure(Billed.NO))
    assert store.spent_usd(project) == 0.0


def test_the_head_follows_an_edit_of_the_head(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    job = store.create_job(new_job(project, root.id))
    version = store.commit_version(job.id, digest("x"), SIZE, False, outcome())
    assert store.project(OWNER, project).head == version.id


def test_the_head_stays_where_the_user_went_meanwhile(store: HistoryStore, project: str) -> None:
    root, one = chain(store, project, "one")
    first, second = (store.create_job(new_job(project, one.id)) for _ in range(2))
    store.select(OWNER, project, root.id)
    store.commit_version(first.id, digest("x"), SIZE, False, outcome())
    assert store.project(OWNER, project).head == root.id
    store.select(OWNER, project, one.id)
    version = store.commit_version(second.id, digest("y"), SIZE, False, outcome())
    assert store.project(OWNER, project).head == version.id
    assert len(store.children(OWNER, project, one.id)) == 2


def test_of_two_edits_of_the_head_the_first_to_end_moves_it(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    jobs = [store.create_job(new_job(project, root.id)) for _ in range(2)]
    first, second = (store.commit_version(job.id, digest(job.id), SIZE, False, outcome()) for job in reversed(jobs))
    assert store.project(OWNER, project).head == first.id
    assert second.parent == root.id


def test_a_picture_from_text_becomes_the_head_unless_the_user_moved(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    job = store.create_job(new_job(project, None))
    made = store.commit_version(job.id, digest("x"), SIZE, False, outcome())
    assert (made.parent, store.project(OWNER, project).head) == (None, made.id)
    job = store.create_job(new_job(project, None))
    store.select(OWNER, project, root.id)
    store.commit_version(job.id, digest("y"), SIZE, False, outcome())
    assert store.project(OWNER, project).head == root.id


def test_a_result_under_a_pruned_parent_is_hidden_and_restored_with_it(store: HistoryStore, project: str) -> None:
    root, one, two = chain(store, project, "one", "two")
    job = store.create_job(new_job(project, two.id))
    store.prune(OWNER, project, one.id)
    version = store.commit_version(job.id, digest("x"), SIZE, False, outcome())
    assert version.pruned_at is not None
    assert store.project(OWNER, project).head == root.id
    assert store.restore_pruned(OWNER, project, one.id) == [one.id, two.id, version.id]


def test_a_job_whose_project_is_in_the_bin_may_still_end(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    done, failed = (store.create_job(new_job(project, root.id)) for _ in range(2))
    store.delete_project(OWNER, project)
    version = store.commit_version(done.id, digest("x"), SIZE, False, outcome())
    store.close_failed(failed.id, failure())
    assert store.restore_project(OWNER, project).head == version.id


def test_the_result_and_its_change_mask_are_images_of_the_project(store: HistoryStore, project: str) -> None:
    job = store.create_job(new_job(project, None))
    store.commit_version(job.id, digest("x"), SIZE, False, outcome(change_mask=digest("m")))
    assert store.project_image(OWNER, project, digest("x")).kind is ImageKind.VERSION
    assert store.project_image(OWNER, project, digest("m")).kind is ImageKind.CHANGE_MASK


def test_a_commit_that_fails_leaves_job_tree_and_spend_as_they_were(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    job = store.create_job(new_job(project, root.id, price_usd=0.04))
    before = store.project(OWNER, project)
    with pytest.raises(TypeError):
        store.commit_version(job.id, digest("x"), SIZE, False, outcome(), source={"bad": b"no json"})
    with pytest.raises(Exception, match="UNIQUE"):
        store.commit_version(job.id, digest("x"), SIZE, False, outcome(), version_id=root.id)
    assert store.project(OWNER, project) == before
    assert store.open_jobs() == [job]


def test_cards_stay_until_they_are_dismissed(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    jobs = [store.create_job(new_job(project, root.id)) for _ in range(5)]
    store.close_failed(jobs[0].id, failure(suggestions=("brighter",), capable_tier="pro"))
    store.close_cancelled(jobs[1].id)
    store.mark_uncertain(jobs[2].id, failure(Billed.MAYBE))
    store.commit_version(jobs[3].id, digest("x"), SIZE, False, outcome())
    shown = store.jobs(OWNER, project)
    assert [job.id for job in shown] == [jobs[0].id, jobs[1].id, jobs[2].id, jobs[4].id]
    assert shown[0].failure == failure(suggestions=("brighter",), capable_tier="pro")
    with pytest.raises(JobClosed):
        store.dismiss_job(OWNER, jobs[4].id)
    dismissed = store.dismiss_job(OWNER, jobs[0].id)
    assert dismissed.dismissed_at is not None
    assert store.dismiss_job(OWNER, jobs[0].id) == dismissed
    assert jobs[0].id not in [job.id for job in store.jobs(OWNER, project)]


def test_the_jobs_behind_versions_are_found_together(store: HistoryStore, project: str) -> None:
    versions = chain(store, project, "one", "two")
    found = store.jobs_of_versions(OWNER, project, versions)
    assert {version: job.id for version, job in found.items()} == {v.id: v.job for v in versions[1:]}


def test_running_jobs_are_the_owners_open_ones(store: HistoryStore, project: str) -> None:
    mine = store.create_job(new_job(project, None))
    theirs = store.create_project(STRANGER).id
    store.create_job(new_job(theirs, None, owner=STRANGER))
    edit(store, project, None)
    assert store.running_jobs(OWNER) == [mine]
    assert len(store.open_jobs()) == 2


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
    job = store.create_job(new_job(project, None))
    assert second.claim_open_jobs("second", 20) == []
    for _ in range(5):
        clock.advance(seconds=15)
        store.heartbeat("first")
        assert second.claim_open_jobs("second", 20) == []
    clock.advance(seconds=21)
    assert second.claim_open_jobs("second", 20) == [job]


def test_a_job_is_claimed_once(store: HistoryStore, second: HistoryStore, project: str, clock: Clock) -> None:
    job = store.create_job(new_job(project, None))
    clock.advance(minutes=5)
    assert ids(second.claim_open_jobs("second", 20)) == [job.id]
    assert second.claim_open_jobs("second", 20) == []
    assert store.claim_open_jobs("first", 20) == []
    assert store.claim_open_jobs("third", 20) == []


def test_a_process_that_ended_in_order_need_not_be_waited_for(
    store: HistoryStore, second: HistoryStore, project: str
) -> None:
    job = store.create_job(new_job(project, None))
    store.release_claims("first")
    assert ids(second.claim_open_jobs("second", 20)) == [job.id]


def test_ended_jobs_are_not_claimed(store: HistoryStore, second: HistoryStore, project: str, clock: Clock) -> None:
    for ending in ENDINGS.values():
        ending(store, store.create_job(new_job(project, None)).id)
    clock.advance(minutes=5)
    assert second.claim_open_jobs("second", 20) == []


def test_a_dead_process_of_this_machine_is_noticed_at_once(path: Path, project: str, clock: Clock) -> None:
    host, _, _ = new_token().partition("/")
    with HistoryStore(path, clock=clock, process_token=f"{host}/{2**22 + 1}/dead") as dead:
        job = dead.create_job(new_job(project, None))
    with HistoryStore(path, clock=clock) as alive:
        assert ids(alive.claim_open_jobs(alive.process_token, 3600)) == [job.id]
