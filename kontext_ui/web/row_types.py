"""The rows that the page gets, as JSON objects of these fields. The page merges them by id.

The types of the scripts are generated from these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from kontext_ui.edits import EditRequest, Parameter
from kontext_ui.prompting import Suggestion

GivenRequest: TypeAlias = Annotated[Mapping[str, Any], EditRequest]
"""All fields of a request that are not at their defaults, so that the page can send it again as it was."""


@dataclass(frozen=True)
class ProjectRow:
    id: str
    title: str
    head: str | None
    redo: str | None
    draft: str
    hidden_count: int
    """Branches that were hidden."""
    spent_usd: float
    unsure_usd: float
    """Of it, what may have been billed: nobody could tell."""
    budget_usd: float | None
    version_count: int
    cover: str | None
    updated_at: str
    deleted: bool


@dataclass(frozen=True)
class OutcomeRow:
    """How an edit came out."""

    tier: str
    backend: str
    backend_label: str
    model: str
    seconds: float
    price_usd: float | None
    seed: int | None
    description: str
    changed: float | None
    """Share of the picture, 0..1."""
    change_mask: str | None
    adjustable: bool
    """Whether the change mask can be grown, shrunk or replaced."""
    adjusted_px: int | None
    """By how much that was done, if it was; what it is then says the description."""
    warnings: tuple[str, ...]
    alternatives: tuple[str, ...]
    meters: Mapping[str, float]
    understood: tuple[str, ...]
    """How the instruction was read, a line for each step."""


@dataclass(frozen=True)
class VersionRow:
    id: str
    number: int
    """From 1, in the order in which the project's versions were made; hidden ones keep theirs."""
    parent: str | None
    digest: str
    width: int
    height: int
    alpha: bool
    instruction: str
    name: str | None
    starred: bool
    created_at: str
    job: str | None
    source: Mapping[str, str] | None
    request: GivenRequest | None
    """``None`` for an opened picture."""
    outcome: OutcomeRow | None


@dataclass(frozen=True)
class FailureRow:
    kind: str
    message: str
    hint: str
    billed: Literal["yes", "no", "maybe"]
    backend: str | None
    request_id: str | None
    may_retry: bool
    suggestions: tuple[str, ...]
    capable_tier: str | None


@dataclass(frozen=True)
class JobRow:
    id: str
    parent: str | None
    instruction: str
    request: GivenRequest
    backend_label: str
    state: str
    price_usd: float | None
    created_at: str
    version: str | None
    after: str | None
    """The job whose result it edits; until that is there it has no parent."""
    dismissed: bool
    fallback_from: str | None
    can_check: bool
    failure: FailureRow | None


@dataclass(frozen=True)
class QueueRow:
    """An open edit of any project."""

    id: str
    project: str
    project_title: str
    instruction: str
    backend_label: str
    state: str
    waits: bool
    """For the result of the edit before it."""
    stage: str
    fraction: float | None
    queue_position: int | None
    price_usd: float | None
    created_at: str


@dataclass(frozen=True)
class ProgressRow:
    """Merged into the job of the same id; never stored."""

    id: str
    fraction: float | None
    stage: str
    queue_position: int | None
    preview: str | None
    """Address of the picture as it is now, below ``kontext/``; each has another."""


@dataclass(frozen=True)
class BackendRow:
    id: str
    label: str
    ready: bool
    reason: str
    hint: str
    model: str
    price_usd: float | None
    price_note: str
    price_by_size: bool
    """``price_usd`` is for one megapixel; a larger picture costs more."""
    inpaint_price_usd: float | None
    typical_s: float
    modes: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    unsupported: Mapping[str, str]
    max_reference_images: int
    notes: tuple[str, ...]
    examples: tuple[str, ...]
    full_resolution: bool
    """Whether it works on the photo's own pixels."""
    takes_key: bool
    own_key: bool


@dataclass(frozen=True)
class ModelRow:
    """A model to be had in a tier besides its usual one."""

    model: str
    label: str
    chosen: str | None
    """The backend that a request would go to now."""
    backends: tuple[BackendRow, ...]


@dataclass(frozen=True)
class TierRow:
    tier: str
    label: str
    chosen: str | None
    """The backend that a request for the usual model would go to now."""
    backends: tuple[BackendRow, ...]
    others: tuple[ModelRow, ...]


@dataclass(frozen=True)
class ExampleRow:
    url: str
    alt: str
    instruction: str


@dataclass(frozen=True)
class Patch:
    """What changed in a project. ``None`` and empty mean unchanged."""

    revision: int = 0
    project: ProjectRow | None = None
    versions: tuple[VersionRow, ...] = ()
    removed_versions: tuple[str, ...] = ()
    jobs: tuple[JobRow | ProgressRow, ...] = ()
    tiers: tuple[TierRow, ...] | None = None
    elsewhere: bool = False
    """Something began or ended in another project of this visitor."""


@dataclass(frozen=True)
class Snapshot(Patch):
    """Everything that the page needs to begin."""

    preferences: Mapping[str, Any] | None = None
    examples: tuple[ExampleRow, ...] = ()
    notice: str = ""
    """What everybody here should know, for instance that nothing is kept."""


@dataclass(frozen=True)
class ReceiptRow:
    tier: str
    backend: str
    backend_label: str
    model: str
    price_usd: float | None
    price_note: str
    typical_s: float
    geometry: str
    prompt: str
    """What would be sent."""
    warnings: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class ThingRow:
    name: str
    said: str
    count: int
    place: str


@dataclass(frozen=True)
class OverviewRow:
    """What is seen in a version, and the instructions that fit it."""

    things: tuple[ThingRow, ...]
    sky: bool
    subject: bool
    words: tuple[str, ...]
    for_reader: tuple[Suggestion, ...]
    for_model: tuple[Suggestion, ...]


@dataclass(frozen=True)
class BuilderActionRow:
    id: str
    label: str
    needs_subject: bool
    needs_state: bool
    state_label: str
    example: str


@dataclass(frozen=True)
class BuilderRow:
    """What the sentence builder offers."""

    actions: tuple[BuilderActionRow, ...]
    preservable: tuple[str, ...]


@dataclass(frozen=True)
class SpentRow:
    """What one project, model or day cost, in US dollars."""

    id: str
    label: str
    paid_usd: float
    unsure_usd: float
    """Of edits that may have been billed: nobody could tell."""
    edits: int


@dataclass(frozen=True)
class SpendingRow:
    branch_usd: float
    projects: tuple[SpentRow, ...]
    models: tuple[SpentRow, ...]
    days: tuple[SpentRow, ...]


@dataclass(frozen=True)
class AccessKeyRow:
    """What is known about an access key; the key itself is shown once, when it is made."""

    id: str
    name: str
    made_at: str
    budget_usd: float | None
    spent_usd: float


@dataclass(frozen=True)
class ErrorRow:
    kind: str
    message: str
    hint: str
    billed: Literal["yes", "no", "maybe"]
    suggestions: tuple[str, ...]
