"""Values of the history: projects, versions, jobs, and how an edit came out.

Pure data; ``history/store.py`` reads and writes them. Times are timezone-aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from kontext_ui.edits import EditRequest, Size
from kontext_ui.errors import Billed


@dataclass(frozen=True)
class Project:
    """One saved line of work: a tree of versions and the head."""

    id: str
    owner: str
    title: str
    head: str | None
    """Version id; ``None`` while the project has no picture."""
    redo: str | None
    """The child of the head that undo last left, if any: where redo goes."""
    draft: str
    """The half-typed prompt."""
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    version_count: int = 0
    hidden_count: int = 0
    """Branches that were pruned and can be restored."""
    spent_usd: float = 0.0
    unsure_usd: float = 0.0
    """Of ``spent_usd``, what edits cost that may have been billed: nobody could tell."""
    cover: str | None = None
    """Digest of the head's image, for the projects panel."""
    budget_usd: float | None = None


@dataclass(frozen=True)
class Outcome:
    """How the edit that made a version came out."""

    backend: str
    tier: str
    model: str = ""
    seconds: float = 0.0
    price_usd: float | None = None
    seed: int | None = None
    request_id: str | None = None
    description: str = ""
    plan: Any = None
    change_mask: str | None = None
    """Digest of the stored change mask."""
    changed_fraction: float | None = None
    """Share of the picture's pixels that differ from the parent, 0..1."""
    warnings: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    answer: str | None = None
    """Digest of the model's own picture, kept so that the change mask can be changed later."""
    placement: Mapping[str, list[float]] = field(default_factory=dict)
    """Where the answer is placed on the parent."""
    adjusted_px: int | None = None
    """By how many pixels the change was widened afterwards (below 0: narrowed); 0 when its mask was painted."""
    meters: Mapping[str, float] = field(default_factory=dict)
    """Shift, zoom, drift and so on, by name; empty when the backend works at full resolution."""


@dataclass(frozen=True)
class Version:
    """An immutable image in the tree, with what made it."""

    id: str
    project: str
    parent: str | None
    """``None`` for a root (an opened picture)."""
    digest: str
    size: Size
    has_alpha: bool
    instruction: str
    request: EditRequest | None
    """``None`` for an opened picture."""
    outcome: Outcome | None
    created_at: datetime
    job: str | None = None
    name: str | None = None
    starred: bool = False
    pruned_at: datetime | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    """For an opened picture: file name, format, colour profile, whether it was rotated."""
    number: int = 0
    """From 1 within its project, in the order in which versions were made; the page writes it as v1."""


class JobState(StrEnum):
    """queued → submitted → running → done, failed or cancelled.

    ``UNCERTAIN`` is where a job ends up when the program died after sending and before the
    provider's id was known: it may have been billed, and only the user may send it again.
    """

    QUEUED = "queued"
    SUBMITTED = "submitted"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNCERTAIN = "uncertain"

    @property
    def is_open(self) -> bool:
        return self in (JobState.QUEUED, JobState.SUBMITTED, JobState.RUNNING)


@dataclass(frozen=True)
class Failure:
    """A :class:`~kontext_ui.errors.KontextError` as it is stored."""

    kind: str
    """The error's class name, for example ``ContentModerated``."""
    message: str
    hint: str = ""
    billed: Billed = Billed.NO
    backend: str | None = None
    request_id: str | None = None
    may_retry: bool = False
    suggestions: tuple[str, ...] = ()
    capable_tier: str | None = None


@dataclass(frozen=True)
class Terms:
    """What an edit was sent on besides its owner's budgets. The page sets none: there a person sees the price."""

    access_key: str | None = None
    """Id of the key that it was sent with; its budget holds."""
    max_price_usd: float | None = None
    """What it may cost at most, also with the backend that steps in for one that failed."""


@dataclass(frozen=True)
class Job:
    """The durable record of one edit: written before the request leaves, closed after the commit."""

    id: str
    project: str
    owner: str
    parent: str | None
    """The version edited; ``None`` generates from text."""
    request: EditRequest
    state: JobState
    created_at: datetime
    updated_at: datetime
    remote_id: str | None = None
    poll_url: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    price_usd: float | None = None
    """Expected or reported price of this edit."""
    sending_at: datetime | None = None
    """When the request began to leave; set before the first byte, so that a crash is noticed."""
    starts: int = 0
    """How many times it was handed to a backend."""
    version: str | None = None
    """The result, once committed."""
    failure: Failure | None = None
    dismissed_at: datetime | None = None
    fallback_from: str | None = None
    """The backend that failed first, when this job was carried out by the next one of its tier."""
    after: str | None = None
    """The job whose result this one edits."""
    submission: str | None = None
    """What the sender calls it. Nobody has two jobs of one name, so a message that arrives twice is paid once."""
    terms: Terms = Terms()
    own_key: bool = False
    """Whether a key of the owner's own pays. It stays so: what one agreed to pay, the other is never billed for."""
    address: str = ""
    """A tag of where it was sent from, for limits; empty where that is not known or no longer counts."""
    assumed_usd: float = 0.0
    """What it counts as in budgets and limits while no price is known."""

    @property
    def counted_usd(self) -> float:
        """What it costs as far as is known."""
        return self.assumed_usd if self.price_usd is None else self.price_usd

    @property
    def waits(self) -> bool:
        """Whether it has no picture to edit yet, because the job before it has not made one."""
        return self.after is not None and self.parent is None


class ImageKind(StrEnum):
    """What an image of a project is for."""

    VERSION = "version"
    MASK = "mask"
    CHANGE_MASK = "change_mask"
    ANSWER = "answer"
    REFERENCE = "reference"


@dataclass(frozen=True)
class StoredImage:
    """The row that says a project may show an image: what the image route checks."""

    project: str
    digest: str
    kind: ImageKind
    size: Size
    media_type: str
    created_at: datetime
    icc: str | None = None
    """Digest of the stored colour profile that the file came with, if it was kept."""
    own: str | None = None
    """Digest of the photo's own pixels, if 8 bits of sRGB do not hold them."""


@dataclass(frozen=True)
class AccessKey:
    """A key by which a program acts for an owner. The key itself is not kept and cannot be shown again."""

    id: str
    name: str
    made_at: datetime
    budget_usd: float | None = None
    """What all edits sent with it may cost together; ``None`` sets no limit of its own."""
    spent_usd: float = 0.0
    """What they have cost so far."""


@dataclass(frozen=True)
class KeyHolder:
    """For whom a request with an access key is made, and with which of their keys."""

    owner: str
    key: str
    """The key's id."""


@dataclass(frozen=True)
class Turn:
    """One user message and what came of it."""

    job: Job
    version: Version | None
