"""Nobody reaches another's project: every method that takes an owner is tried as a stranger."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kontext_ui.errors import ImageMissing, JobNotFound, ProjectNotFound
from kontext_ui.history.access_key_store import AccessKeyStore
from kontext_ui.history.image_store import ImageStore
from kontext_ui.history.job_store import JobStore
from kontext_ui.history.part import Part
from kontext_ui.history.preference_store import PreferenceStore
from kontext_ui.history.processes import ClaimStore
from kontext_ui.history.project_store import ProjectStore
from kontext_ui.history.recovery_store import RecoveryStore
from kontext_ui.history.spend_store import SpendStore
from kontext_ui.history.store import HistoryStore
from kontext_ui.history.tree_store import TreeStore
from kontext_ui.history.upkeep import Upkeep
from kontext_ui.history.usage_store import UsageStore
from tests.unit.history_kit import OWNER, SIZE, STRANGER, chain, digest, failure, new_job, outcome

OF_NO_PROJECT = {
    "projects.create",
    "projects.all",
    "spend.today",
    "spend.by",
    "preferences.get",
    "preferences.set",
    "jobs.running",
    "jobs.running_with_titles",
    "jobs.sent_as",
    "access_keys.add",
    "access_keys.all",
    "access_keys.remove",
    "usage.stored_bytes",
    "recovery.put",
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
        project = store.projects.create(OWNER, "secret").id
        _, version = chain(store, project, "secret words")
        job = store.jobs.create(new_job(project, version.id))
        store.jobs.mark_submitted(job.id, "r-1")
        store.jobs.close_failed(job.id, failure())
        store.projects.create(STRANGER, "their own")
        yield Shelf(store, project, version.id, job.id)


PARTS = {
    "access_keys": AccessKeyStore,
    "projects": ProjectStore,
    "tree": TreeStore,
    "jobs": JobStore,
    "claims": ClaimStore,
    "images": ImageStore,
    "spend": SpendStore,
    "preferences": PreferenceStore,
    "upkeep": Upkeep,
    "usage": UsageStore,
    "recovery": RecoveryStore,
}


def method(name: str, store: HistoryStore) -> Callable[..., object]:
    part, _, called = name.partition(".")
    return getattr(getattr(store, part), called)


def methods_with_owner() -> list[str]:
    return sorted(
        f"{part}.{name}"
        for part, kind in PARTS.items()
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and "owner" in inspect.signature(method).parameters
    )


def test_every_part_of_the_store_is_tried(shelf: Shelf) -> None:
    parts = {name: type(part) for name, part in vars(shelf.store).items() if isinstance(part, Part)}
    assert parts == PARTS


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
        "images": (digest("secret words"),),
        "outcome": outcome(),
    }
    parameters = inspect.signature(method(name, shelf.store)).parameters.values()
    return {p.name: values[p.name] for p in parameters if p.name in values and p.default is inspect.Parameter.empty}


def state(shelf: Shelf) -> list[object]:
    store = shelf.store
    return [
        store.projects.get(OWNER, shelf.project),
        store.tree.all(OWNER, shelf.project),
        store.jobs.get(OWNER, shelf.failed_job),
        store.projects.all(OWNER),
        store.projects.all(STRANGER),
    ]


@pytest.mark.parametrize("name", [name for name in methods_with_owner() if name not in OF_NO_PROJECT])
def test_a_strangers_call_fails_and_changes_nothing(shelf: Shelf, name: str) -> None:
    before = state(shelf)
    given = arguments(name, shelf)
    with pytest.raises((ProjectNotFound, JobNotFound)) as for_stranger:
        method(name, shelf.store)(STRANGER, **given)
    assert state(shelf) == before
    missing = {**given, **{key: "missing" for key in ("project_id", "job_id") if key in given}}
    with pytest.raises(type(for_stranger.value)) as for_missing:
        method(name, shelf.store)(OWNER, **missing)
    assert str(for_missing.value) == str(for_stranger.value), "the answer gives away that the project exists"


@pytest.mark.parametrize("name", [name for name in methods_with_owner() if name not in OF_NO_PROJECT])
def test_the_same_call_by_the_owner_succeeds(shelf: Shelf, name: str) -> None:
    method(name, shelf.store)(OWNER, **arguments(name, shelf))


def test_a_stranger_cannot_start_a_job_in_anothers_project(shelf: Shelf) -> None:
    with pytest.raises(ProjectNotFound):
        shelf.store.jobs.create(new_job(shelf.project, shelf.version, owner=STRANGER))
    assert shelf.store.jobs.running(STRANGER) == shelf.store.jobs.running(OWNER) == []


def test_lists_hold_only_ones_own(shelf: Shelf) -> None:
    assert [project.title for project in shelf.store.projects.all(STRANGER)] == ["their own"]
    shelf.store.projects.delete(OWNER, shelf.project)
    assert shelf.store.projects.all(STRANGER, deleted=True) == []
    assert shelf.store.jobs.running(STRANGER) == []


def test_a_stranger_asking_for_an_image_by_its_exact_digest_is_refused(shelf: Shelf) -> None:
    own = shelf.store.projects.all(STRANGER)[0].id
    secret = digest("secret words")
    assert shelf.store.images.get(OWNER, shelf.project, secret).digest == secret
    with pytest.raises(ProjectNotFound):
        shelf.store.images.get(STRANGER, shelf.project, secret)
    with pytest.raises(ImageMissing):
        shelf.store.images.get(STRANGER, own, secret)
