from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from kontext_ui.edits import Reference, Size, Tier
from kontext_ui.history.blobs import BlobStore, digest_of
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import ImageKind
from tests.unit.history_kit import (
    OWNER,
    SIZE,
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

DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[HistoryStore]:
    with HistoryStore(path) as store:
        yield store


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "images")


@pytest.fixture
def project(store: HistoryStore, blobs: BlobStore) -> str:
    """A root and two edits, their files in place."""
    project = store.projects.create(OWNER).id
    chain(store, project, "one", "two")
    for name in ("photo", "one", "two"):
        put(blobs, name)
    return project


def put(blobs: BlobStore, name: str, days_old: float = 0) -> Path:
    path = blobs.put(name.encode(), digest(name))
    return age(path, days_old)


def age(path: Path, days: float) -> Path:
    then = path.stat().st_mtime - days * 86_400
    os.utime(path, (then, then))
    return path


def damage(path: Path, sql: str, *parameters: object) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql, parameters)


def kinds(store: HistoryStore, blobs: BlobStore, *, read_images: bool = True) -> list[str]:
    return [finding.kind for finding in store.upkeep.verify(blobs, read_images=read_images)]


def test_all_is_well(store: HistoryStore, blobs: BlobStore, project: str) -> None:
    assert digest_of(b"photo") == digest("photo")
    assert store.upkeep.verify(blobs) == []


def test_a_missing_file_is_found_and_told_with_its_project(store: HistoryStore, blobs: BlobStore, project: str) -> None:
    blobs.path(digest("one")).unlink()
    (finding,) = store.upkeep.verify(blobs, read_images=False)
    assert (finding.kind, finding.subject, finding.project) == ("image_missing", digest("one"), project)
    assert digest("one") in str(finding)


def test_a_damaged_file_is_found_only_when_files_are_read(store: HistoryStore, blobs: BlobStore, project: str) -> None:
    blobs.path(digest("two")).write_bytes(b"TWO")
    assert kinds(store, blobs, read_images=False) == []
    assert kinds(store, blobs) == ["image_missing"]


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("UPDATE projects SET head = 'nowhere'", {"head_nowhere"}),
        ("UPDATE versions SET pruned_at = created_at WHERE instruction = 'two'", {"head_nowhere"}),
        ("UPDATE versions SET pruned_at = created_at WHERE instruction = 'one'", {"version_cut_off"}),
        ("UPDATE versions SET parent = 'nowhere' WHERE instruction = 'two'", {"version_cut_off", "row_without_owner"}),
        ("UPDATE jobs SET version_id = NULL", {"job_without_version", "version_without_job"}),
        ("UPDATE jobs SET state = 'failed'", {"version_without_job"}),
        ("DELETE FROM jobs", {"version_without_job"}),
        ("UPDATE versions SET request = '{broken' WHERE instruction = 'two'", {"partly_unreadable"}),
        ("""UPDATE jobs SET request = json_set(request, '$.tier', 'gone')""", {"partly_unreadable"}),
        ("DELETE FROM projects", {"row_without_owner", "version_cut_off"}),
    ],
)
def test_rows_that_do_not_fit_are_found(
    path: Path, store: HistoryStore, blobs: BlobStore, project: str, sql: str, found: set[str]
) -> None:
    damage(path, sql)
    assert set(kinds(store, blobs)) - {"version_cut_off"} == found - {"version_cut_off"}
    assert all(finding.message.endswith(".") for finding in store.upkeep.verify(blobs))


def test_rows_of_an_older_program_are_read_with_defaults(path: Path, store: HistoryStore, project: str) -> None:
    two = store.tree.all(OWNER, project)[-1]
    damage(
        path,
        "UPDATE versions SET request = ?, outcome = ? WHERE id = ?",
        json.dumps({"instruction": "two", "tier": "max", "backend": "bfl"}),
        json.dumps({"backend": "bfl", "tier": "max"}),
        two.id,
    )
    again = store.tree.get(OWNER, project, two.id)
    assert again.request is not None
    assert again.outcome is not None
    assert (again.request.tier, again.request.references) == (Tier.MAX, ())
    assert (again.outcome.seconds, again.outcome.warnings) == (0.0, ())


@pytest.mark.parametrize(
    "written",
    [
        {"instruction": "two", "tier": "platinum", "backend": "bfl", "parameters": {"seed": 5}, "new_field": [1]},
        {"instruction": "two", "backend": "bfl", "parameters": {"seed": 5}, "lock": {"odd": 1}},
    ],
)
def test_what_a_newer_program_wrote_is_read_as_far_as_it_is_understood(
    path: Path, store: HistoryStore, project: str, written: dict[str, object]
) -> None:
    job = store.jobs.create(new_job(project, None))
    damage(path, "UPDATE jobs SET request = ? WHERE id = ?", json.dumps(written), job.id)
    (again,) = store.jobs.running(OWNER)
    assert (again.request.instruction, again.request.backend, again.request.parameters.seed) == ("two", "bfl", 5)


@pytest.mark.parametrize("text", ["", "null", "[]", "7", "{broken", '"text"'])
def test_an_unreadable_request_does_not_make_the_project_unreadable(
    path: Path, store: HistoryStore, project: str, text: str
) -> None:
    damage(path, "UPDATE versions SET request = ? WHERE parent IS NOT NULL", text)
    versions = store.tree.all(OWNER, project)
    assert [version.instruction for version in versions] == ["", "one", "two"]
    assert all(version.request and version.request.backend == "unknown" for version in versions[1:])


# Sweep


def test_a_sweep_keeps_whatever_a_row_names(store: HistoryStore, blobs: BlobStore, project: str) -> None:
    kept = {name: put(blobs, name, 9) for name in ("photo", "one", "two", "mask", "ref", "icc", "asked", "told", "hid")}
    thumb = age(blobs.put_derived(digest("photo"), "thumb", b"tiny"), 9)
    store.images.add(project, digest("mask"), ImageKind.MASK, SIZE)
    store.images.add(project, digest("ref"), ImageKind.REFERENCE, SIZE, icc=digest("icc"))
    store.jobs.create(new_job(project, None, request=request(references=(Reference(digest("asked")),))))
    job = store.jobs.create(new_job(project, None))
    store.jobs.commit(job.id, digest("one"), SIZE, False, outcome(plan={"mask": digest("told")}))
    store.tree.prune(OWNER, project, edit(store, project, None, "hid").id)
    store.projects.delete(OWNER, project)
    assert store.upkeep.sweep(blobs, DAY).files == 0
    assert all(path.is_file() for path in (*kept.values(), thumb))


def test_a_sweep_removes_what_no_row_names_with_its_derived_images(
    store: HistoryStore, blobs: BlobStore, project: str
) -> None:
    orphan = put(blobs, "orphan", 9)
    thumb = age(blobs.put_derived(digest("orphan"), "thumb", b"tiny"), 9)
    leftover = orphan.with_name(f"{orphan.name}.00.tmp")
    leftover.write_bytes(b"half")
    age(leftover, 9)
    swept = store.upkeep.sweep(blobs, DAY)
    assert (swept.files, swept.bytes) == (3, len("orphan") + len("tiny") + len("half"))
    assert not any(path.exists() for path in (orphan, thumb, leftover))
    assert store.upkeep.verify(blobs) == []
    assert store.upkeep.sweep(blobs, DAY).files == 0


def test_a_sweep_never_takes_a_file_whose_row_may_be_on_its_way(
    store: HistoryStore, blobs: BlobStore, project: str
) -> None:
    fresh = put(blobs, "fresh")
    temporary = fresh.with_name(f"{fresh.name}.00.tmp")
    temporary.write_bytes(b"being written")
    assert store.upkeep.sweep(blobs, timedelta(0)).files == 0
    assert fresh.exists()
    assert temporary.exists()


def test_purge_then_sweep_frees_the_files_of_a_project_but_not_shared_ones(
    store: HistoryStore, blobs: BlobStore, project: str
) -> None:
    for name in ("photo", "one", "two"):
        put(blobs, name, 9)
    other = store.projects.create(OWNER).id
    add_root(store, other, "photo")
    deleted = store.projects.delete(OWNER, project).deleted_at
    assert deleted is not None
    assert store.projects.purge_deleted(deleted + DAY) == [project]
    assert store.upkeep.sweep(blobs, DAY).files == 2
    assert blobs.has(digest("photo"))


# Cost does not grow


def statements(store: HistoryStore, call: Callable[[], object]) -> list[str]:
    """The SQL that one call runs on any connection."""
    seen: list[str] = []
    store.projects.all(OWNER)  # opens the connection that reads
    connections = store._connections
    for db in (connections._writer, *connections._idle):
        db.conn.set_trace_callback(seen.append)
    call()
    for db in (connections._writer, *connections._idle):
        db.conn.set_trace_callback(None)
    return seen


def test_a_turn_runs_as_many_statements_at_version_300_as_at_version_1(store: HistoryStore) -> None:
    project = store.projects.create(OWNER).id
    parent = add_root(store, project).id

    def turn() -> None:
        nonlocal parent
        parent = edit(store, project, parent).id

    first = statements(store, turn)
    for _ in range(300):
        turn()
    assert len(statements(store, turn)) == len(first)
    assert len(first) < 25


@pytest.mark.parametrize(
    "call",
    [
        lambda store, project, version: store.projects.get(OWNER, project),
        lambda store, project, version: store.tree.all(OWNER, project),
        lambda store, project, version: children(store, project, version),
        lambda store, project, version: store.tree.path_to_root(OWNER, project, version),
        lambda store, project, version: store.tree.search(OWNER, project, "two"),
        lambda store, project, version: store.jobs.shown(OWNER, project),
        lambda store, project, version: store.images.get(OWNER, project, digest("one")),
        lambda store, project, version: store.spend.of_project(project),
        lambda store, project, version: store.spend.today(OWNER),
        lambda store, project, version: store.projects.all(OWNER),
        lambda store, project, version: store.tree.select(OWNER, project, version),
        lambda store, project, version: store.tree.undo(OWNER, project),
        lambda store, project, version: store.tree.prune(OWNER, project, version),
        lambda store, project, version: edit(store, project, version),
        lambda store, project, version: store.jobs.close_failed(
            store.jobs.create(new_job(project, version)).id, failure()
        ),
    ],
)
def test_no_everyday_call_reads_a_whole_table(
    store: HistoryStore, project: str, call: Callable[[HistoryStore, str, str], object]
) -> None:
    version = store.tree.all(OWNER, project)[1].id
    seen = statements(store, lambda: call(store, project, version))
    plans = [line for sql in seen for line in plan(store, sql)]
    assert plans, "nothing was traced"
    tables = ("projects", "versions", "jobs", "images", "spend", "p", "v", "h", "r", "j", "i", "s")
    assert [line for line in plans if line in [f"SCAN {table}" for table in tables]] == []


def plan(store: HistoryStore, sql: str) -> list[str]:
    if not sql.lstrip().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
        return []
    with store._connections.reading() as db:
        return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}")]


def test_the_image_check_is_one_query(store: HistoryStore, project: str) -> None:
    seen = statements(store, lambda: store.images.get(OWNER, project, digest("one")))
    assert [sql.split()[0] for sql in seen if sql.split()[0] not in ("BEGIN", "COMMIT")] == ["SELECT"]


def test_sizes_come_back_as_sizes(store: HistoryStore, project: str) -> None:
    version = store.tree.all(OWNER, project)[0]
    assert isinstance(version.size, Size)
    assert isinstance(store.images.get(OWNER, project, version.digest).size, Size)
