"""What went wrong, as a program reads it: what happened, what to do, and whether it was billed."""

from __future__ import annotations

from kontext_ui.api.results import Result
from kontext_ui.errors import (
    BackendError,
    Billed,
    BudgetExceeded,
    HistoryError,
    ImageMissing,
    InvalidImage,
    InvalidRequest,
    JobClosed,
    JobNotFound,
    KontextError,
    LimitReached,
    MissingCredentials,
    NotUnderstood,
    OutOfCredit,
    ProjectNotFound,
    RateLimited,
    VersionNotFound,
)

STATUSES: tuple[tuple[type[KontextError], int], ...] = (
    (ProjectNotFound, 404),
    (VersionNotFound, 404),
    (JobNotFound, 404),
    (ImageMissing, 404),
    (JobClosed, 409),
    (HistoryError, 507),
    (BudgetExceeded, 402),
    (OutOfCredit, 402),
    (LimitReached, 429),
    (RateLimited, 429),
    (MissingCredentials, 503),
    (NotUnderstood, 422),
    (BackendError, 502),
    (InvalidImage, 422),
    (InvalidRequest, 422),
)
"""The first that an error belongs to counts."""


class Problem(Result):
    """Why something was not done."""

    kind: str
    """The error's name, for programs: `BudgetExceeded`, `InvalidRequest`, `ProjectNotFound`, …"""
    message: str
    """What happened, in a sentence."""
    hint: str
    """What to do next; may be empty."""
    billed: Billed
    may_retry: bool
    """Whether the same call may succeed later."""
    retry_after_s: float | None
    suggestions: list[str]
    """Instructions that would be understood instead."""


def problem_of(error: KontextError) -> Problem:
    after_s = getattr(error, "retry_after_s", None)
    return Problem(
        kind=type(error).__name__,
        message=error.message,
        hint=error.hint,
        billed=error.billed,
        may_retry=after_s is not None or bool(getattr(error, "may_retry", False)),
        retry_after_s=after_s,
        suggestions=list(error.suggestions) if isinstance(error, NotUnderstood) else [],
    )


def status_of(error: KontextError) -> int:
    """The HTTP status. Whatever says when it may be tried again is 429."""
    if getattr(error, "retry_after_s", None) is not None:
        return 429
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
