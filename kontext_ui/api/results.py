"""What a program gets from each action. The texts under the fields are what it reads about them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from kontext_ui.errors import Billed
from kontext_ui.projects import JobState


class Result(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class VersionInfo(Result):
    """A picture in the tree, and how it was made."""

    id: str
    number: int
    """From 1, in the order in which the project's versions were made."""
    parent: str | None
    """Id of the version that it was made from; null for a picture that was opened."""
    instruction: str
    width: int
    height: int
    created_at: str
    name: str | None
    starred: bool
    picture: str
    """Address of the whole picture; send the access key along."""
    tier: str | None = None
    backend: str | None = None
    model: str | None = None
    seconds: float | None = None
    price_usd: float | None = None
    seed: int | None = None
    changed: float | None = None
    """Share of the picture that differs from its parent, 0 to 1."""
    description: str = ""
    """What was done, in a sentence, where the backend says so."""
    warnings: list[str] = []


class Failure(Result):
    """Why an edit made no picture."""

    kind: str
    message: str
    hint: str
    may_retry: bool
    suggestions: list[str]


class EditState(Result):
    """An edit, running or over."""

    id: str
    project: str
    state: JobState
    instruction: str
    tier: str
    backend: str
    model: str
    price_usd: float | None
    """What it costs, or will as far as is known."""
    billed: Billed | None
    """Whether it cost something; null while it runs."""
    progress: float | None
    """0 to 1 while it runs, where it is known."""
    stage: str
    version: VersionInfo | None
    """What it made."""
    failure: Failure | None


class Edits(Result):
    edits: list[EditState]


class Opened(Result):
    """A picture that was opened."""

    project: str
    title: str
    version: VersionInfo


class Head(Result):
    """Where a project stands."""

    project: str
    head: str | None
    """Id of the current version, which the next edit applies to."""
    redo: str | None
    """Id of the version that redo leads to."""


class ProjectInfo(Result):
    id: str
    title: str
    head: str | None
    versions: int
    spent_usd: float
    budget_usd: float | None
    updated_at: str


class Projects(Result):
    projects: list[ProjectInfo]


class TreeInfo(Result):
    """A project: its versions in the order in which they were made, and edits without a version."""

    project: str
    title: str
    head: str | None
    spent_usd: float
    versions: list[VersionInfo]
    edits: list[EditState]
    """Those that run, and those that failed and were not dismissed."""


class PictureInfo(Result):
    """What is known about a picture that is handed over."""

    project: str
    version: str
    media_type: str
    bytes: int
    url: str
    """Where it is found over HTTP; send the access key along."""


class ComparedInfo(PictureInfo):
    """Two versions side by side; ``version`` is the one on the right."""

    left: str
    """Id of the version on the left."""
    changed: float | None
    """Share of the pixels that differ, 0 to 1; null when the sizes differ."""


class RecipeInfo(Result):
    project: str
    version: str
    steps: list[dict[str, Any]]
    """What `replay` takes: the instructions from the opened picture to this version, with what they were sent with."""


class Replaying(Result):
    project: str
    steps: int
    finished: bool
    """Whether no step is running any more; `tree` shows what they made."""
    head: str | None


class BackendInfo(Result):
    id: str
    label: str
    ready: bool
    reason: str
    """Why it is not ready."""
    hint: str
    """What would make it ready."""
    price_usd: float | None
    """Per edit; null when it is only known afterwards."""
    price_note: str
    typical_s: float
    modes: list[str]
    parameters: list[str]
    max_reference_images: int


class ModelInfo(Result):
    id: str
    """What `edit` takes as its model; empty for the usual one of the tier."""
    name: str
    backends: list[BackendInfo]
    """In order of preference; an edit goes to the first that is ready."""


class TierInfo(Result):
    tier: str
    models: list[ModelInfo]


class BudgetInfo(Result):
    limit_usd: float | None
    """null sets no limit."""
    spent_usd: float
    """What running edits may still cost counts."""


class OffersInfo(Result):
    tiers: list[TierInfo]
    key_budget: BudgetInfo | None
    """Of the access key that asks; null when none was sent."""
