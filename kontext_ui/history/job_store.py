"""The journal of edits: what was asked, how far it got, how it ended, which process looks after it.

Every change is one short transaction that checks the state it starts from, so a job ends once,
whatever several threads or processes try.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlite_utils import Database

from kontext_ui.edits import EditRequest, Size
from kontext_ui.errors import Billed, JobClosed, JobNotFound
from kontext_ui.history.image_store import note_image
from kontext_ui.history.ledger import Guard, Ledger, allow_all
from kontext_ui.history.processes import OfProcess, beat
from kontext_ui.history.rows import (
    FAILURES,
    OPEN_SQL,
    OPEN_STATES,
    OUTCOMES,
    REQUESTS,
    Row,
    bindable,
    first_row,
    insert_rows,
    job_row,
    new_id,
    owned,
    select_rows,
    to_job,
    to_version,
    version_row,
    write_json,
)
from kontext_ui.history.spend_store import note_spend
from kontext_ui.history.tree_store import insert_version
from kontext_ui.projects import Failure, ImageKind, Job, JobState, Outcome, Project, Version

RESULT_MEDIA_TYPE = "image/png"


class Committed(NamedTuple):
    """What a commit made and changed, in its state afterwards."""

    version: Version
    job: Job
    project: Project


class JobStore(OfProcess):
    """Methods that take a job id raise :class:`JobNotFound`, and :class:`JobClosed` when the job has ended."""

    def create(self, job: Job) -> Job:
        """Record the job before its request leaves. It belongs to this process from then on.

        Raises ``JobClosed`` when its owner has one of the same submission.
        """
        return self.create_all([job])[0]

    def create_all(self, jobs: Sequence[Job], guard: Guard = allow_all) -> list[Job]:
        """The same for several: all of them or none. ``guard`` raises what budgets and limits have against them."""
        with self._connections.writing() as db:
            self._refuse_second(db, jobs)
            guard(Ledger(db, self._clock()))
            return [self._record(db, job) for job in jobs]

    @staticmethod
    def _refuse_second(db: Database, jobs: Sequence[Job]) -> None:
        """A message that was recorded is no matter of budgets any more, nor is another one under its name."""
        for job in jobs:
            if job.submission is not None and _sent_as(db, job.owner, job.submission.partition(".")[0]):
                raise JobClosed("This edit was sent already.")

    def _record(self, db: Database, job: Job) -> Job:
        project = owned(db, job.owner, job.project, in_bin=False)
        if job.parent is not None:
            version_row(db, job.project, job.parent, live=True)
        if job.after is not None and _owned_job(db, job.owner, job.after)["project_id"] != job.project:
            raise JobNotFound("There is no such edit.")
        beat(db, self._process_token, self._now())
        row = {**job_row(job), "claimed_by": self._process_token}
        row["base_head"] = project["head"]
        insert_rows(db, "jobs", [row])
        return to_job(_open_row(db, job.id))

    def release(
        self,
        job_id: str,
        made: str,
        parent: str,
        request: EditRequest,
        price_usd: float | None,
        guard: Guard = allow_all,
    ) -> Job:
        """The job before it has made a version: from now on this one is like any other.

        ``parent`` is what it edits: ``made``, or what that was made from, where this one replaces it.
        """
        with self._connections.writing() as db:
            row = _open_row(db, job_id)
            guard(Ledger(db, self._clock()))
            version_row(db, row["project_id"], parent)
            values = {"parent": parent, "request": REQUESTS.write(request), "price_usd": price_usd, "base_head": made}
            return _update(db, row, {**values, "updated_at": self._now()})

    def mark_sending(self, job_id: str) -> Job:
        """Before the first byte leaves: a crash from here on leaves a job that may have been billed.

        Called again when a job is run again; ``starts`` counts. Not for one that a provider has accepted.
        """
        with self._connections.writing() as db:
            row = _open_row(db, job_id)
            if row["remote_id"] is not None:
                raise JobClosed("This edit was sent already.")
            now = self._now()
            return _update(db, row, {"sending_at": now, "starts": row["starts"] + 1, "updated_at": now})

    def reroute(
        self,
        job_id: str,
        request: EditRequest,
        fallback_from: str,
        price_usd: float | None,
        guard: Guard = allow_all,
    ) -> Job:
        """Hand a job that no provider has accepted to another backend; ``fallback_from`` is the one that failed."""
        values = {
            "request": REQUESTS.write(request),
            "state": JobState.QUEUED.value,
            "sending_at": None,
            "price_usd": price_usd,
            "fallback_from": fallback_from,
        }
        with self._connections.writing() as db:
            row = _open_row(db, job_id)
            if JobState(row["state"]) not in (JobState.QUEUED, JobState.RUNNING):
                raise JobClosed("This edit was sent already.")
            guard(Ledger(db, self._clock()))
            return _update(db, row, {**values, "updated_at": self._now()})

    def reopen(self, owner: str, job_id: str) -> Job:
        """Resume a job that ended without a picture although a provider had accepted it."""
        with self._connections.writing() as db:
            row = _owned_job(db, owner, job_id)
            if row["state"] in OPEN_STATES or row["version_id"] is not None or row["remote_id"] is None:
                raise JobClosed("There is nothing to ask the provider about.")
            beat(db, self._process_token, self._now())
            values = {"state": "submitted", "failure": None, "dismissed_at": None, "claimed_by": self._process_token}
            return _update(db, row, {**values, "updated_at": self._now()})

    def mark_submitted(
        self,
        job_id: str,
        remote_id: str,
        poll_url: str | None = None,
        price_usd: float | None = None,
        details: Mapping[str, str] | None = None,
    ) -> Job:
        """The provider's id, before the first poll. From any open state: an id is never refused.

        A job that was cancelled while it was being sent stays cancelled and keeps the id, so that
        its picture can still be asked for.
        """
        with self._connections.writing() as db:
            row = _open_row(db, job_id, or_cancelled=True)
            values: Row = {"remote_id": remote_id, "poll_url": poll_url, "updated_at": self._now()}
            if row["state"] in OPEN_STATES:
                values["state"] = JobState.SUBMITTED.value
            if price_usd is not None:
                values["price_usd"] = price_usd
            if details is not None:
                values["details"] = write_json(dict(details))
            return _update(db, row, values)

    def mark_running(self, job_id: str) -> Job:
        with self._connections.writing() as db:
            return _update(db, _open_row(db, job_id), {"state": "running", "updated_at": self._now()})

    def close_failed(self, job_id: str, failure: Failure) -> Job:
        return self._end(job_id, JobState.FAILED, failure)

    def close_cancelled(self, job_id: str, failure: Failure | None = None) -> Job:
        """``failure`` says what the cancel could not prevent, for example that it is still billed."""
        return self._end(job_id, JobState.CANCELLED, failure)

    def mark_uncertain(self, job_id: str, failure: Failure) -> Job:
        """The end of a job when it is unknown whether the provider accepted it."""
        return self._end(job_id, JobState.UNCERTAIN, failure)

    def dismiss(self, owner: str, job_id: str) -> Job:
        """Take the card of a job that did not succeed out of the conversation. The row stays."""
        with self._connections.writing() as db:
            row = _owned_job(db, owner, job_id)
            if row["state"] in OPEN_STATES:
                raise JobClosed("This edit is still running.", hint="Stop it first.")
            row["dismissed_at"] = row["dismissed_at"] or self._now()
            db.execute("UPDATE jobs SET dismissed_at = :dismissed_at WHERE id = :id", row)
            return to_job(row)

    def commit(
        self,
        job_id: str,
        digest: str,
        size: Size,
        has_alpha: bool,
        outcome: Outcome,
        *,
        media_type: str = RESULT_MEDIA_TYPE,
        icc: str | None = None,
        source: Mapping[str, str] | None = None,
        version_id: str | None = None,
        late: bool = False,
    ) -> Committed:
        """The result becomes a version and the job is done, in one transaction. Blobs come first.

        The head moves if it is still where the user stood when asking, or where the job started; a
        user who has gone elsewhere stays there. The parent forgets its redo child either way. A
        change mask named by the outcome is recorded as an image of the version's size. ``late``
        takes the result of a job whose user stopped waiting, and leaves head and redo alone.
        """
        now = self._now()
        with self._connections.writing() as db:
            job = _open_row(db, job_id, or_cancelled=late)
            parent = None if job["parent"] is None else version_row(db, job["project_id"], job["parent"])
            price_usd = job["price_usd"] if outcome.price_usd is None else outcome.price_usd
            cost_usd = job["assumed_usd"] if price_usd is None else price_usd
            made_id = version_id or new_id()
            picture = {"digest": digest, "width": size.width, "height": size.height, "has_alpha": has_alpha}
            about = {"source": write_json(dict(source or {})), "cost_usd": cost_usd, "created_at": now}
            insert_version(db, {**_result_row(job, parent, outcome), **picture, **about, "id": made_id})
            note_image(db, job["project_id"], digest, ImageKind.VERSION, size, media_type, icc, now)
            _note_used(db, job, outcome, size, now)
            note_spend(db, job, cost_usd, now, sure=price_usd is not None)
            done = {"state": JobState.DONE.value, "version_id": made_id, "price_usd": price_usd}
            ended = _update(db, job, {**done, "updated_at": now})
            if not late:
                _advance_head(db, job, made_id, now, hidden=parent is not None and parent["pruned_at"] is not None)
            made = to_version(version_row(db, job["project_id"], made_id))
            return Committed(made, ended, self._project(db, job["project_id"], job["owner"]))

    def get(self, owner: str, job_id: str) -> Job:
        with self._connections.reading() as db:
            return to_job(_owned_job(db, owner, job_id))

    def sent_as(self, owner: str, key: str) -> list[Job]:
        """The owner's jobs whose submission is ``key``, a dot and anything, in the order of recording."""
        with self._connections.reading() as db:
            return [to_job(row) for row in _sent_as(db, owner, key)]

    def find(self, job_id: str) -> Job:
        """A job for the program itself, whoever owns it."""
        with self._connections.reading() as db:
            row = first_row(db, "SELECT * FROM jobs WHERE id = ?", job_id)
        if row is None:
            raise JobNotFound("There is no such edit.")
        return to_job(row)

    def shown(self, owner: str, project_id: str) -> list[Job]:
        """Those with a place in the conversation: open ones, and ended ones without a version
        that were not dismissed. Oldest first.
        """
        with self._connections.reading() as db:
            owned(db, owner, project_id)
            rows = select_rows(
                db,
                "SELECT * FROM jobs WHERE project_id = ? AND state <> 'done' AND dismissed_at IS NULL ORDER BY seq",
                project_id,
            )
        return [to_job(row) for row in rows]

    def running(self, owner: str) -> list[Job]:
        """The owner's open jobs in all projects, oldest first."""
        with self._connections.reading() as db:
            rows = select_rows(db, f"SELECT * FROM jobs WHERE {OPEN_SQL} AND owner = ? ORDER BY seq", owner)
        return [to_job(row) for row in rows]

    def open_by_state(self) -> dict[JobState, int]:
        """How many jobs are open, whoever owns them."""
        with self._connections.reading() as db:
            rows = select_rows(db, f"SELECT state, count(*) AS count FROM jobs WHERE {OPEN_SQL} GROUP BY state")
        return {JobState(row["state"]): row["count"] for row in rows}

    def running_with_titles(self, owner: str) -> list[tuple[Job, str]]:
        """The same, each with its project's title."""
        with self._connections.reading() as db:
            sql = f"""
                SELECT j.*, p.title FROM jobs j JOIN projects p ON p.id = j.project_id
                WHERE j.{OPEN_SQL} AND j.owner = ? ORDER BY j.seq
            """
            return [(to_job(row), row["title"]) for row in select_rows(db, sql, owner)]

    def _end(self, job_id: str, state: JobState, failure: Failure | None) -> Job:
        now = self._now()
        with self._connections.writing() as db:
            row = _open_row(db, job_id)
            billed = failure is not None and failure.billed is not Billed.NO
            expected_usd = row["assumed_usd"] if row["price_usd"] is None else row["price_usd"]
            sure = row["price_usd"] is not None and (failure is None or failure.billed is not Billed.MAYBE)
            note_spend(db, row, expected_usd if billed else 0.0, now, sure=sure)
            written = None if failure is None else FAILURES.write(failure)
            return _update(db, row, {"state": state.value, "failure": written, "updated_at": now})


def _sent_as(db: Database, owner: str, key: str) -> list[Row]:
    sql = "SELECT * FROM jobs WHERE owner = ? AND submission >= ? AND submission < ? ORDER BY seq"
    after_the_dot = chr(ord(".") + 1)
    return select_rows(db, sql, owner, f"{key}.", f"{key}{after_the_dot}")


def _result_row(job: Row, parent: Row | None, outcome: Outcome) -> Row:
    """What a version takes from its job; under a parent that was pruned meanwhile it is hidden too."""
    return {
        "project_id": job["project_id"],
        "parent": job["parent"],
        "instruction": REQUESTS.read(job["request"]).instruction,
        "request": job["request"],
        "outcome": OUTCOMES.write(outcome),
        "job_id": job["id"],
        "pruned_at": parent and parent["pruned_at"],
        "pruned_by": parent and parent["pruned_by"],
    }


def _open_row(db: Database, job_id: str, *, or_cancelled: bool = False) -> Row:
    row = first_row(db, "SELECT * FROM jobs WHERE id = ?", job_id)
    if row is None:
        raise JobNotFound("There is no such edit.")
    if row["state"] not in OPEN_STATES and not (or_cancelled and row["state"] == JobState.CANCELLED.value):
        raise JobClosed(f"This edit has ended already: {row['state']}.")
    return row


def _owned_job(db: Database, owner: str, job_id: str) -> Row:
    row = first_row(db, "SELECT * FROM jobs WHERE id = ? AND owner = ?", job_id, owner)
    if row is None:
        raise JobNotFound("There is no such edit.")
    return row


def _update(db: Database, row: Row, values: Row) -> Job:
    """Columns come from this module, never from outside."""
    values = bindable(values)
    places = ", ".join(f"{column} = :{column}" for column in values)
    db.execute(f"UPDATE jobs SET {places} WHERE id = :id", {**values, "id": row["id"]})
    return to_job({**row, **values})


def _note_used(db: Database, job: Row, outcome: Outcome, size: Size, now: str) -> None:
    """The project may show the change mask and the model's own picture."""
    for used, kind in ((outcome.change_mask, ImageKind.CHANGE_MASK), (outcome.answer, ImageKind.ANSWER)):
        if used is not None:
            note_image(db, job["project_id"], used, kind, size, RESULT_MEDIA_TYPE, None, now)


def _advance_head(db: Database, job: Row, version_id: str, now: str, *, hidden: bool) -> None:
    db.execute("UPDATE versions SET redo_child = NULL WHERE id = ?", (job["parent"],))
    project = first_row(db, "SELECT head FROM projects WHERE id = ?", job["project_id"])
    head = None if project is None else project["head"]
    if not hidden and head in (job["base_head"], job["parent"]):
        head = version_id
    db.execute("UPDATE projects SET head = ?, updated_at = ? WHERE id = ?", (head, now, job["project_id"]))
