"""What the page may send with an action. Each message is validated before anything is done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, StrictBool, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from kontext_ui.editor import EditDraft
from kontext_ui.images.export import RecipeStep
from kontext_ui.prompting import Sentence
from kontext_ui.web.examples import EXAMPLES

MAX_TEXT = 20_000
"""Longest text taken from the page, in characters; a prompt has a limit of its own per backend."""
MAX_DRAFT = 60_000
"""What is typed is kept, whether or not anything can be done with it."""
MAX_REPLAYED = 50
MAX_AT_ONCE = 8
"""How many edits one message may ask for."""
MAX_BUDGET_USD = 1e6


def _of_bounded_size(value: Any) -> Any:
    if len(repr(value)) > MAX_TEXT:
        raise ValueError("too much of it")
    return value


def _budget(usd: float) -> float:
    if not 0 <= usd < MAX_BUDGET_USD:
        raise PydanticCustomError("budget", "A budget is an amount in US dollars, or nothing.")
    return usd


Text: TypeAlias = Annotated[StrictStr, Field(max_length=MAX_TEXT)]
LongText: TypeAlias = Annotated[StrictStr, Field(max_length=MAX_DRAFT)]
SubmissionKey: TypeAlias = Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
"""What the sender calls a message, so that one that arrives twice is carried out once."""
Usd: TypeAlias = Annotated[float, Field(strict=True, allow_inf_nan=False), AfterValidator(_budget)]


@dataclass(frozen=True)
class Nothing:
    """An action that needs to know no more than who asks."""


@dataclass(frozen=True)
class NewProject:
    title: Text = ""


@dataclass(frozen=True)
class WhichProjects:
    deleted: StrictBool = False


@dataclass(frozen=True)
class InProject:
    project: Text


@dataclass(frozen=True)
class Drafts(InProject):
    drafts: Annotated[tuple[EditDraft, ...], Field(min_length=1, max_length=MAX_AT_ONCE)]
    key: SubmissionKey | None = None


@dataclass(frozen=True)
class Sent:
    key: SubmissionKey


@dataclass(frozen=True)
class Title(InProject):
    title: Text


@dataclass(frozen=True)
class Words(InProject):
    text: LongText


@dataclass(frozen=True)
class Draft(InProject):
    draft: EditDraft


@dataclass(frozen=True)
class Submission(Draft):
    key: SubmissionKey | None = None


@dataclass(frozen=True)
class OnVersion(InProject):
    version: Text


@dataclass(frozen=True)
class Star(OnVersion):
    starred: StrictBool = False


@dataclass(frozen=True)
class VersionName(OnVersion):
    name: Text | None = None


@dataclass(frozen=True)
class Thing(OnVersion):
    name: Text


@dataclass(frozen=True)
class MaskChange(OnVersion):
    how: StrictInt | Text
    """By how many pixels the mask grows, or the digest of another."""


@dataclass(frozen=True)
class Replay(OnVersion):
    steps: Annotated[tuple[RecipeStep, ...], Field(min_length=1, max_length=MAX_REPLAYED)]


@dataclass(frozen=True)
class ExampleNumber(InProject):
    index: Annotated[StrictInt, Field(ge=0, lt=len(EXAMPLES))]


@dataclass(frozen=True)
class OnJob:
    job: Text


@dataclass(frozen=True)
class Preference:
    key: Literal["theme", "composer", "last_project"]
    value: Annotated[Any, AfterValidator(_of_bounded_size)] = None


@dataclass(frozen=True)
class Parts:
    sentence: Sentence


@dataclass(frozen=True)
class AtBackend:
    backend: Text


@dataclass(frozen=True)
class ProviderKey(AtBackend):
    key: Text


@dataclass(frozen=True)
class NewBudget:
    name: Literal["day", "project"] = "project"
    project: Text = ""
    usd: Usd | None = None


@dataclass(frozen=True)
class Said:
    text: Text


@dataclass(frozen=True)
class KeyName:
    name: Text
    budget_usd: Usd | None = None


@dataclass(frozen=True)
class Move:
    token: Text
    bring: StrictBool = False
    """Whether the projects of this browser come along."""


@dataclass(frozen=True)
class KeyId:
    id: Text
