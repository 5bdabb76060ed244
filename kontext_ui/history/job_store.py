"""The journal of edits: what was asked, how far it came, how it ended, which process looks after it.

Every change is one short transaction that checks the state it starts from, so a job ends once,
whatever several threads or processes try.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlite_utils import Database

from kontext_ui.edits import EditRequest, Size
from kontext_ui.errors import Billed, JobClosed, JobNotFound
from kontext_ui.history.connections import Connections
from kontext_ui.history.image_store import note_image
from kontext_ui.history.processes import surely_dead
from kontext_ui.history.project_store import Store
from kontext_ui.history.rows import (
    FAILURES,
    OUTCOMES,
    REQUESTS,
    Row,
    clean,
    first_row,
    insert_rows,
    new_id,
    owned,
    select_rows,
    to_job,
    to_version,
    version_row,
    write_time,
)
from kontext_ui.history.tree_store import insert_version
from kontext_ui.projects import Failure, ImageKind, Job, JobState, Outcome, Version

RESULT_MEDIA_TYPE = "image/png"
OPEN_STATES = tuple(state.value for state in JobState if state.is_open)
OPEN_SQL = "state IN ('queued', 'submitted', 'running')"


class JobStore(Store):
    """Methods that take a job id raise :class:`JobNotFound`, and :class:`JobClosed` when the job has ended."""

    def __init__(self, connections: Connections, clock: Callable[[], datetime], process_token: str) -> None:
        super().__init__(connections, clock)
        self.process_token = process_token
        """Names this process among those that have the file open; new jobs are claimed by it."""

    def create_job(self, job: Job) -> Job:
        """Write the job down before its request leaves. It belongs to this process from then on."""
        with self._connections.writing() as db:
            project = owned(db, job.owner, job.project, in_bin=False)
            if job.parent is not None:
                version_row(db, job.project, job.parent)
            _beat(db, self.process_token, self._now())
            row = {**_job_row(job), "claimed_by": self.process_token}
            row["base_head"] = project["head"] if job.parent is None else job.parent
            insert_rows(db, "jobs", [row])
            return to_job(_open_row(db, job.id))

    def mark_sending(self, job_id: str) -> Job:
        """Before the first byte leaves: a crash from here on leaves a job that may have been billed.

        Again for a job that is run anew; ``starts`` counts. Not for one that a provider has taken.
        """
        with self._connections.writing() as db:
            row = _open_row(db, job_id)
            if row["remote_id"] is not None:
                raise JobClosed("This edit was sent already.")
            now = self._now()
            return _update(db, row, {"sending_at": now, "starts": row["starts"] + 1, "updated_at": now})

    def reroute_job(self, job_id: str, request: EditRequest, fallback_from: str, price_usd: float | None) -> Job:
        """Hand a job that no provider has taken to another backend; ``fallback_from`` is the one that failed."""
        values = {
            "request": REQUESTS.write(request),
            "state": JobState.QUEUED.value,
            "sending_at": None,
            "price_usd": price_usd,
            "fallback_from": fallback_from,
        }
        return self._advance(job_id, values, only_from=(JobState.QUEUED, JobState.RUNNING))

    def reopen_job(self, owner: str, job_id: str) -> Job:
        """Take up again a job that ended without a picture although a provider had taken it."""
        with self._connections.writing() as db:
            row = _owned_job(db, owner, job_id)
            if row["state"] in OPEN_STATES or row["version_id"] is not None or row["remote_id"] is None:
                raise JobClosed("There is nothing to ask the provider about.")
            _beat(db, self.process_token, self._now())
            values = {"state": "submitted", "failure": None, "dismissed_at": None, "claimed_by": self.process_token}
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
                values["details"] = json.dumps(dict(details))
            return _update(db, row, values)

    def mark_running(self, job_id: str) -> Job:
        return self._advance(job_id, {"state": "running"})

    def close_failed(self, job_id: str, failure: Failure) -> Job:
        return self._end(job_id, JobState.FAILED, failure)

    def close_cancelled(self, job_id: str, failure: Failure | None = None) -> Job:
        """``failure`` tells what a cancel did not save, for example that it is still billed."""
        return self._end(job_id, JobState.CANCELLED, failure)

    def mark_uncertain(self, job_id: str, failure: Failure) -> Job:
        """The end of a job of which nobody knows whether the provider took it."""
        return self._end(job_id, JobState.UNCERTAIN, failure)

    def dismiss_job(self, owner: str, job_id: str) -> Job:
        """Take the card of a job that did not succeed out of the conversation. The row stays."""
        with self._connections.writing() as db:
            row = _owned_job(db, owner, job_id)
            if row["state"] in OPEN_STATES:
                raise JobClosed("This edit is still running.", hint="Stop it first.")
            row["dismissed_at"] = row["dismissed_at"] or self._now()
            db.execute("UPDATE jobs SET dismissed_at = :dismissed_at WHERE id = :id", row)
            return to_job(row)

    def commit_version(
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
    ) -> Version:
        """The result becomes a version and the job is done, in one transaction. Blobs come first.

        The head moves only if it is still where the job started; a user who has gone elsewhere
        stays there. The parent forgets its redo child either way. A change mask named by the
        outcome is noted as an image of the version's size. ``late`` takes the result of a job
        whose user stopped waiting, and leaves the head alone.
        """
        now = self._now()
        with self._connections.writing() as db:
            job = _open_row(db, job_id, or_cancelled=late)
            parent = None if job["parent"] is None else version_row(db, job["project_id"], job["parent"])
            cost_usd = outcome.price_usd if outcome.price_usd is not None else job["price_usd"] or 0.0
            version = {
                "id": version_id or new_id(),
                "project_id": job["project_id"],
                "parent": job["parent"],
                "digest": digest,
                "width": size.width,
                "height": size.height,
                "has_alpha": has_alpha,
                "instruction": clean(REQUESTS.read(job["request"]).instruction),
                "request": job["request"],
                "outcome": OUTCOMES.write(outcome),
                "source": json.dumps(dict(source or {})),
                "cost_usd": cost_usd,
                "created_at": now,
                "job_id": job_id,
                "pruned_at": parent and parent["pruned_at"],
                "pruned_by": parent and parent["pruned_by"],
            }
            insert_version(db, version)
            note_image(db, job["project_id"], digest, ImageKind.VERSION, size, media_type, icc, now)
            if outcome.change_mask is not None:
                note_image(
                    db, job["project_id"], outcome.change_mask, ImageKind.CHANGE_MASK, size, "image/png", None, now
                )
            _note_spend(db, job, cost_usd, now)
            done = {"id": job_id, "version": version["id"], "price": cost_usd, "now": now}
            db.execute(
                "UPDATE jobs SET state = 'done', version_id = :version, price_usd = :price, updated_at = :now "
                "WHERE id = :id",
                done,
            )
            if not late:
                _advance_head(db, job, version["id"], now)
            return to_version(version_row(db, job["project_id"], version["id"]))

    def job(self, owner: str, job_id: str) -> Job:
        with self._connections.reading() as db:
            return to_job(_owned_job(db, owner, job_id))

    def jobs(self, owner: str, project_id: str) -> list[Job]:
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

    def jobs_of_versions(self, owner: str, project_id: str, versions: list[Version]) -> dict[str, Job]:
        """The done jobs behind these versions, by version id. Opened and duplicated pictures have none."""
        job_ids = [version.job for version in versions if version.job is not None]
        with self._connections.reading() as db:
            owned(db, owner, project_id)
            rows = select_rows(
                db,
                "SELECT * FROM jobs WHERE id IN (SELECT value FROM json_each(?)) AND project_id = ?",
                json.dumps(job_ids),
                project_id,
            )
        return {row["version_id"]: to_job(row) for row in rows}

    def running_jobs(self, owner: str) -> list[Job]:
        """The owner's open jobs in all projects, oldest first."""
        with self._connections.reading() as db:
            rows = select_rows(db, f"SELECT * FROM jobs WHERE {OPEN_SQL} AND owner = ? ORDER BY seq", owner)
        return [to_job(row) for row in rows]

    def open_jobs(self) -> list[Job]:
        """Of all owners and all processes, oldest first."""
        with self._connections.reading() as db:
            return [to_job(row) for row in select_rows(db, f"SELECT * FROM jobs WHERE {OPEN_SQL} ORDER BY seq")]

    def claim_open_jobs(self, process_token: str, stale_after_s: float) -> list[Job]:
        """Take over the open jobs that no living process looks after, and return them.

        A process lives while its last :meth:`heartbeat` is at most ``stale_after_s`` old. Jobs
        that this process holds already are not returned, so this may be called again and again
        to collect from a process that died meanwhile.
        """
        moment = self._clock()
        limit = write_time(moment - timedelta(seconds=stale_after_s))
        with self._connections.writing() as db:
            _beat(db, process_token, write_time(moment))
            tokens = [row["token"] for row in select_rows(db, "SELECT token FROM processes")]
            dead = [(token,) for token in tokens if surely_dead(token, process_token)]
            db.conn.executemany("DELETE FROM processes WHERE token = ?", dead)
            rows = select_rows(
                db,
                f"""
                SELECT * FROM jobs WHERE {OPEN_SQL} AND (claimed_by IS NULL OR claimed_by NOT IN
                (SELECT token FROM processes WHERE beat_at >= ?)) ORDER BY seq
                """,
                limit,
            )
            db.conn.executemany(
                "UPDATE jobs SET claimed_by = ? WHERE id = ?", [(process_token, row["id"]) for row in rows]
            )
            db.execute("DELETE FROM processes WHERE beat_at < ?", (limit,))
        return [to_job(row) for row in rows]

    def heartbeat(self, process_token: str) -> None:
        """Say that this process lives; call it several times within the staleness of the others."""
        with self._connections.writing() as db:
            _beat(db, process_token, self._now())

    def release_claims(self, process_token: str) -> None:
        """On an orderly end: the next process need not wait until this one counts as dead."""
        with self._connections.writing() as db:
            db.execute("DELETE FROM processes WHERE token = ?", (process_token,))

    def _advance(self, job_id: str, values: Row, *, only_from: tuple[JobState, ...] = ()) -> Job:
        with self._connections.writing() as db:
            row = _open_row(db, job_id)
            if only_from and JobState(row["state"]) not in only_from:
                raise JobClosed("This edit was sent already.")
            return _update(db, row, {**values, "updated_at": self._now()})

    def _end(self, job_id: str, state: JobState, failure: Failure | None) -> Job:
        now = self._now()
        with self._connections.writing() as db:
            row = _open_row(db, job_id)
            billed = failure is not None and failure.billed is not Billed.NO
            _note_spend(db, row, row["price_usd"] or 0.0 if billed else 0.0, now)
            written = None if failure is None else FAILURES.write(failure)
            return _update(db, row, {"state": state.value, "failure": written, "updated_at": now})


def _job_row(job: Job) -> Row:
    return {
        "id": job.id,
        "project_id": job.project,
        "owner": job.owner,
        "parent": job.parent,
        "request": REQUESTS.write(job.request),
        "state": JobState.QUEUED.value,
        "created_at": write_time(job.created_at),
        "updated_at": write_time(job.updated_at),
        "details": json.dumps(dict(job.details)),
        "price_usd": job.price_usd,
        "fallback_from": job.fallback_from,
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
    places = ", ".join(f"{column} = :{column}" for column in values)
    db.execute(f"UPDATE jobs SET {places} WHERE id = :id", {**values, "id": row["id"]})
    return to_job({**row, **values})


def _note_spend(db: Database, job: Row, usd: float, now: str) -> None:
    """What the job costs as far as is known now; a job that ends twice, late or reopened, counts once."""
    db.execute("DELETE FROM spend WHERE job_id = ?", (job["id"],))
    if usd:
        spent = {"job_id": job["id"], "project_id": job["project_id"], "owner": job["owner"], "usd": usd}
        insert_rows(db, "spend", [{**spent, "spent_at": now}])


def _advance_head(db: Database, job: Row, version_id: str, now: str) -> None:
    db.execute("UPDATE versions SET redo_child = NULL WHERE id = ?", (job["parent"],))
    db.execute(
        "UPDATE projects SET head = CASE WHEN head IS ? THEN ? ELSE head END, updated_at = ? WHERE id = ?",
        (job["base_head"], version_id, now, job["project_id"]),
    )


def _beat(db: Database, token: str, now: str) -> None:
    db.execute(
        """
        INSERT INTO processes (token, beat_at) VALUES (?, ?)
        ON CONFLICT (token) DO UPDATE SET beat_at = excluded.beat_at
        """,
        (token, now),
    )
