"""Rows to values and back, and the few rules that every part of the store shares."""

from __future__ import annotations

import json
import secrets
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from sqlite_utils import Database

from kontext_ui.edits import EditRequest, Size, Tier, clean
from kontext_ui.errors import ProjectNotFound, VersionNotFound
from kontext_ui.projects import Failure, ImageKind, Job, JobState, Outcome, Project, StoredImage, Terms, Version

Row = dict[str, Any]
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
T = TypeVar("T")

OPEN_STATES = tuple(state.value for state in JobState if state.is_open)
OPEN_SQL = "state IN ('queued', 'submitted', 'running')"
"""Spelt out, because SQLite uses a partial index only for the condition it was made with."""


def new_id() -> str:
    """128 random bits, safe in a URL."""
    return secrets.token_urlsafe(16)


def clip(text: str, max_chars: int) -> str:
    """One line of at most ``max_chars`` characters."""
    return " ".join(clean(text).split())[:max_chars].rstrip()


def fold(*texts: str) -> str:
    """The form in which texts are compared: case and compatibility forms do not count.

    One line per text, so that a needle, which has no line break, is never found across two.
    """
    return "\n".join(" ".join(unicodedata.normalize("NFKC", text).casefold().split()) for text in texts)


def write_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def read_time(text: str) -> datetime:
    """The beginning of 1970 for what is no time: one bad row must not hide those beside it."""
    try:
        return datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return NO_TIME


def read_optional_time(text: str | None) -> datetime | None:
    return None if text is None else read_time(text)


def write_json(value: object) -> str:
    return clean(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def read_json(text: str, default: Any) -> Any:
    """``default`` when it cannot be read, or is not of that kind."""
    try:
        value = json.loads(_whole(text))
    except ValueError:
        return default
    return value if default is None or isinstance(value, type(default)) else default


def _whole(text: str) -> str:
    """The same JSON without halves of characters, which older versions of this program wrote as escapes."""
    if "\\ud" not in text:
        return text
    try:
        return write_json(json.loads(text))
    except ValueError:
        return text


class Codec(Generic[T]):
    """A dataclass as JSON text, readable by older and newer versions of this program.

    Fields that a row lacks take their default, or ``fallback`` when they have none; fields that
    this version does not know, or whose value it cannot read, are ignored.
    """

    def __init__(self, kind: type[T], fallback: Mapping[str, Any]) -> None:
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)
        self._fallback = dict(fallback)

    def write(self, value: T) -> str:
        return write_json(self._adapter.dump_python(value, mode="json"))

    def read(self, text: str) -> T:
        try:
            return self._adapter.validate_json(_whole(text))
        except ValidationError as error:
            bad = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
        kept = {key: value for key, value in read_json(text, {}).items() if key not in bad}
        return self._adapter.validate_python({**self._fallback, **kept})

    def readable(self, text: str) -> bool:
        """Whether the whole text can be read, with nothing ignored."""
        try:
            self._adapter.validate_json(_whole(text))
        except ValidationError:
            return False
        return True


REQUESTS = Codec(EditRequest, {"instruction": "", "tier": Tier.LOCAL, "backend": "unknown"})
OUTCOMES = Codec(Outcome, {"backend": "unknown", "tier": ""})
FAILURES = Codec(Failure, {"kind": "KontextError", "message": "The edit failed."})


def select_rows(db: Database, sql: str, *parameters: object) -> list[Row]:
    """``Database.query`` would wrap each in a savepoint, which the store's own transactions make needless."""
    cursor = db.execute(sql, parameters)
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]


def first_row(db: Database, sql: str, *parameters: object) -> Row | None:
    return next(iter(select_rows(db, sql, *parameters)), None)


def scalar(db: Database, sql: str, *parameters: object) -> Any:
    row = db.execute(sql, parameters).fetchone()
    return None if row is None else row[0]


def owned(db: Database, owner: str, project_id: str, *, in_bin: bool = True) -> Row:
    """The bare project row. Raises :class:`ProjectNotFound` also for another owner's project,
    and for one in the bin unless ``in_bin``.
    """
    row = first_row(db, "SELECT * FROM projects WHERE id = ? AND owner = ?", project_id, owner)
    if row is None:
        raise project_not_found()
    if row["deleted_at"] is not None and not in_bin:
        raise ProjectNotFound("This project is in the bin.", hint="Restore it from the bin to go on with it.")
    return row


def project_not_found() -> ProjectNotFound:
    return ProjectNotFound("There is no such project.", hint="Choose one of your projects, or start a new one.")


def version_row(db: Database, project_id: str, version_id: str, *, live: bool = False) -> Row:
    row = first_row(db, "SELECT * FROM versions WHERE id = ? AND project_id = ?", version_id, project_id)
    if row is None or (live and row["pruned_at"] is not None):
        raise VersionNotFound("There is no such version in this project.", hint="Choose another in the tree.")
    return row


def insert_rows(db: Database, table: str, rows: list[Row]) -> None:
    """``rows`` have the same columns. Table and column names come from this package, values are bound.

    ``Table.insert`` would first ask SQLite for the table's columns and keys, at every commit.
    """
    if rows:
        columns = list(rows[0])
        places = ", ".join(f":{column}" for column in columns)
        values = [bindable(row) for row in rows]
        db.conn.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", values)


def bindable(row: Row) -> Row:
    """Halves of characters taken out: SQLite's driver raises on them."""
    return {column: clean(value) if isinstance(value, str) else value for column, value in row.items()}


def usd(total: float | None) -> float:
    """A sum of prices, free of binary rounding errors."""
    return round(float(total or 0), 6)


def touch(db: Database, project_id: str, now: str) -> None:
    db.execute("UPDATE projects SET updated_at = ? WHERE id = ?", (now, project_id))


def to_project(row: Row) -> Project:
    """From the columns of ``PROJECT_SQL`` in ``project_store``."""
    return Project(
        id=row["id"],
        owner=row["owner"],
        title=row["title"],
        head=row["head"],
        redo=row["redo"],
        draft=row["draft"],
        created_at=read_time(row["created_at"]),
        updated_at=read_time(row["updated_at"]),
        deleted_at=read_optional_time(row["deleted_at"]),
        version_count=row["version_count"],
        hidden_count=row["hidden_count"],
        spent_usd=usd(row["spent_usd"]),
        unsure_usd=usd(row["unsure_usd"]),
        cover=row["cover"],
        budget_usd=row["budget_usd"],
    )


def to_version(row: Row) -> Version:
    return Version(
        id=row["id"],
        project=row["project_id"],
        parent=row["parent"],
        digest=row["digest"],
        size=Size(row["width"], row["height"]),
        has_alpha=bool(row["has_alpha"]),
        instruction=row["instruction"],
        request=None if row["request"] is None else REQUESTS.read(row["request"]),
        outcome=None if row["outcome"] is None else OUTCOMES.read(row["outcome"]),
        created_at=read_time(row["created_at"]),
        job=row["job_id"],
        name=row["name"],
        starred=bool(row["starred"]),
        pruned_at=read_optional_time(row["pruned_at"]),
        source=read_json(row["source"], {}),
        number=row["number"],
    )


def _state(text: str) -> JobState:
    """One that this version does not know has ended, as far as it is concerned."""
    try:
        return JobState(text)
    except ValueError:
        return JobState.UNCERTAIN


def to_job(row: Row) -> Job:
    return Job(
        id=row["id"],
        project=row["project_id"],
        owner=row["owner"],
        parent=row["parent"],
        request=REQUESTS.read(row["request"]),
        state=_state(row["state"]),
        created_at=read_time(row["created_at"]),
        updated_at=read_time(row["updated_at"]),
        remote_id=row["remote_id"],
        poll_url=row["poll_url"],
        details=read_json(row["details"], {}),
        price_usd=row["price_usd"],
        sending_at=read_optional_time(row["sending_at"]),
        starts=row["starts"],
        version=row["version_id"],
        failure=None if row["failure"] is None else FAILURES.read(row["failure"]),
        dismissed_at=read_optional_time(row["dismissed_at"]),
        fallback_from=row["fallback_from"],
        after=row["after_job"],
        submission=row["submission"],
        terms=Terms(row["access_key"], row["max_price_usd"]),
        own_key=bool(row["own_key"]),
        address=row["address"],
        assumed_usd=row["assumed_usd"],
    )


def job_row(job: Job) -> Row:
    """A new job's columns, but for the process that looks after it."""
    return {
        "id": job.id,
        "project_id": job.project,
        "owner": job.owner,
        "parent": job.parent,
        "request": REQUESTS.write(job.request),
        "state": JobState.QUEUED.value,
        "created_at": write_time(job.created_at),
        "updated_at": write_time(job.updated_at),
        "details": write_json(dict(job.details)),
        "price_usd": job.price_usd,
        "fallback_from": job.fallback_from,
        "after_job": job.after,
        "submission": job.submission,
        "access_key": job.terms.access_key,
        "max_price_usd": job.terms.max_price_usd,
        "own_key": int(job.own_key),
        "address": job.address,
        "assumed_usd": job.assumed_usd,
    }


def to_image(row: Row) -> StoredImage:
    return StoredImage(
        project=row["project_id"],
        digest=row["digest"],
        kind=ImageKind(row["kind"]),
        size=Size(row["width"], row["height"]),
        media_type=row["media_type"],
        created_at=read_time(row["created_at"]),
        icc=row["icc"],
        own=row["own"],
    )
