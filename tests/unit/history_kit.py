"""What the tests of the history share: values with short names, a clock that is moved, child processes."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kontext_ui.edits import EditRequest, Parameters, Size, Tier
from kontext_ui.errors import Billed
from kontext_ui.history.blobs import BlobStore
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import Failure, Job, JobState, Outcome, Version

OWNER = "ann"
STRANGER = "bob"
SIZE = Size(40, 30)
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
counter = itertools.count()


class Clock:
    """Time stands still unless it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def request(instruction: str = "make it red", **changes: object) -> EditRequest:
    return dataclasses.replace(
        EditRequest(instruction, Tier.PRO, "bfl", input_image=digest("in"), parameters=Parameters(seed=7)), **changes
    )


def outcome(**changes: object) -> Outcome:
    return dataclasses.replace(Outcome("bfl", "pro", seed=7), **changes)


def failure(billed: Billed = Billed.NO, **changes: object) -> Failure:
    return dataclasses.replace(Failure("BackendUnavailable", "It did not answer.", billed=billed), **changes)


def new_job(project: str, parent: str | None, instruction: str = "make it red", **changes: object) -> Job:
    job = Job(
        id=f"job-{next(counter)}-{os.getpid()}",
        project=project,
        owner=OWNER,
        parent=parent,
        request=request(instruction),
        state=JobState.QUEUED,
        created_at=START,
        updated_at=START,
    )
    return dataclasses.replace(job, **changes)


def add_root(store: HistoryStore, project: str, name: str = "photo", owner: str = OWNER) -> Version:
    return store.tree.add_root(owner, project, digest(name), SIZE, False, {"filename": f"{name}.png"})


def edit(
    store: HistoryStore, project: str, parent: str | None, instruction: str = "make it red", owner: str = OWNER
) -> Version:
    """One edit from start to end."""
    job = store.jobs.create(new_job(project, parent, instruction, owner=owner))
    return store.jobs.commit(job.id, digest(instruction), SIZE, False, outcome()).version


def chain(store: HistoryStore, project: str, *instructions: str) -> list[Version]:
    """A root and one edit after the other under it."""
    versions = [add_root(store, project)]
    for instruction in instructions:
        versions.append(edit(store, project, versions[-1].id, instruction))
    return versions


def write_many(folder: str, project: str, parent: str, name: str, turns: int) -> None:
    """Child process: edits one after the other, each blob before its row."""
    with HistoryStore(Path(folder) / "history.sqlite3") as store:
        for number in range(turns):
            write_turn(store, BlobStore(Path(folder) / "images"), project, parent, f"{name} {number}")


def write_turn(store: HistoryStore, blobs: BlobStore, project: str, parent: str, instruction: str) -> str:
    data = instruction.encode()
    blobs.put(data, digest(instruction))
    job = store.jobs.create(new_job(project, parent, instruction))
    store.jobs.mark_sending(job.id)
    return store.jobs.commit(job.id, digest(instruction), SIZE, False, outcome()).version.id


def write_until_killed(folder: str, project: str, parent: str, name: str) -> None:
    """Child process: tells each version on standard output once it is saved."""
    blobs = BlobStore(Path(folder) / "images")
    with HistoryStore(Path(folder) / "history.sqlite3") as store:
        for number in itertools.count():
            version = write_turn(store, blobs, project, parent, f"{name} {number}")
            sys.stdout.write(f"{version}\n")
            sys.stdout.flush()


def children(store: HistoryStore, project: str, parent: str) -> list[Version]:
    return [version for version in store.tree.all(OWNER, project) if version.parent == parent]
