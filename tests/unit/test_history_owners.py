"""Nobody reaches another's project: every method that takes an owner is tried as a stranger."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kontext_ui.errors import JobNotFound, ProjectNotFound
from kontext_ui.history.store import HistoryStore
from tests.unit.history_kit import OWNER, SIZE, STRANGER, chain, digest, failure, new_job, outcome

OF_NO_PROJECT = {
    "create_project",
    "list_projects",
    "spent_today_usd",
    "spent_by_day",
    "get_preference",
    "set_preference",
    "running_jobs",
}
"""These answer about the owner alone; each has its own test."""


@dataclass(frozen=True)
class Shelf:
    store: HistoryStore
    project: str
    version: str
    failed_job: str


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with HistoryStore(tmp_path / "history.sqlite3") as store:
        project = store.create_project(OWNER, "secret").id
        _, version = chain(store, project, "secret words")
        job = store.create_job(new_job(project, version.id))
        store.mark_submitted(job.id, "r-1")
        store.close_failed(job.id, failure())
        store.create_project(STRANGER, "their own")
        yield Shelf(store, project, version.id, job.id)


def methods_with_owner() -> list[str]:
    return sorted(
        name
        for name, method in inspect.getmembers(HistoryStore, inspect.isfunction)
        if not name.startswith("_") and "owner" in inspect.signature(method).parameters
    )


def arguments(name: str, shelf: Shelf) -> dict[str, object]:
    values: dict[str, object] = {
        "project_id": shelf.project,
        "version_id": shelf.version,
        "job_id": shelf.failed_job,
        "digest": digest("secret words"),
        "size": SIZE,
        "has_alpha": False,
        "source": {},
        "text": "secret",
        "title": "mine now",
        "name": "mine now",
        "usd": 1.0,
        "versions": [],
        "outcome": outcome(),
    }
    parameters = inspect.signature(getattr(HistoryStore, name)).parameters.values()
    return {p.name: values[p.name] for p in parameters if p.name in values and p.default is inspect.Parameter.empty}


def state(shelf: Shelf) -> list[object]:
    store = shelf.store
    return [
        store.project(OWNER, shelf.project),
        store.versions(OWNER, shelf.project),
        store.job(OWNER, shelf.failed_job),
        store.list_projects(OWNER),
        store.list_projects(STRANGER),
    ]


@pytest.mark.parametrize("name", [name for name in methods_with_owner() if name not in OF_NO_PROJECT])
def test_a_strangers_call_fails_and_changes_nothing(shelf: Shelf, name: str) -> None:
    before = state(shelf)
    given = arguments(name, shelf)
    with pytest.raises((ProjectNotFound, JobNotFound)) as for_stranger:
        getattr(shelf.store, name)(STRANGER, **given)
    assert state(shelf) == before
    missing = {**given, **{key: "missing" for key in ("project_id", "job_id") if key in given}}
    with pytest.raises(type(for_stranger.value)) as for_missing:
        getattr(shelf.store, name)(OWNER, **missing)
    assert str(for_missing.value) == str(for_stranger.value), "the answer gives away that the project exists"


@pytest.mark.parametrize("name", [name for name in methods_with_owner() if name not in OF_NO_PROJECT])
def test_the_same_call_by_the_owner_succeeds(shelf: Shelf, name: str) -> None:
    getattr(shelf.store, name)(OWNER, **arguments(name, shelf))


def test_a_stranger_cannot_start_a_job_in_anothers_project(shelf: Shelf) -> None:
    with pytest.raises(ProjectNotFound):
        shelf.store.create_job(new_job(shelf.project, shelf.version, owner=STRANGER))
    assert shelf.store.open_jobs() == []


def test_lists_hold_only_ones_own(shelf: Shelf) -> None:
    assert [project.title for project in shelf.store.list_projects(STRANGER)] == ["their own"]
    shelf.store.delete_project(OWNER, shelf.project)
    assert shelf.store.list_projects(STRANGER, deleted=True) == []
    assert shelf.store.running_jobs(STRANGER) == []


def test_a_stranger_asking_for_an_image_by_its_exact_digest_is_refused(shelf: Shelf) -> None:
    own = shelf.store.list_projects(STRANGER)[0].id
    secret = digest("secret words")
    assert shelf.store.project_image(OWNER, shelf.project, secret).digest == secret
    with pytest.raises(ProjectNotFound):
        shelf.store.project_image(STRANGER, shelf.project, secret)
    assert secret not in [image.digest for image in shelf.store.project_images(STRANGER, own)]
