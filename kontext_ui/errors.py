"""Every error this program raises on purpose.

Each one carries what a person needs: what happened (``message``), what to do next (``hint``) and
whether money was spent (``billed``). The interface shows these three and nothing else.

::

    KontextError
    ├── InvalidSetting
    ├── InvalidRequest
    │   └── InvalidImage
    ├── BackendError
    │   ├── MissingCredentials
    │   ├── CredentialsRejected
    │   ├── OutOfCredit
    │   ├── RateLimited
    │   ├── ContentModerated
    │   ├── BackendUnavailable
    │   ├── DeadlineExceeded
    │   ├── UnexpectedAnswer
    │   ├── NotUnderstood
    │   ├── ModelNotInstalled
    │   └── OutOfMemory
    ├── EditCancelled
    ├── BudgetExceeded
    ├── LimitReached
    └── HistoryError
        ├── ProjectNotFound
        ├── VersionNotFound
        ├── JobNotFound
        ├── JobClosed
        ├── ImageMissing
        └── StorageFull
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal


class Billed(StrEnum):
    """Whether the failed edit cost money; ``MAYBE`` when the provider did not say."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


class KontextError(Exception):
    """The root. ``message`` and ``hint`` are plain user-facing sentences, never markup."""

    def __init__(self, message: str, *, hint: str = "", billed: Billed = Billed.NO) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.billed = billed


class InvalidSetting(KontextError):
    """A setting has a value that the program cannot start with."""


class InvalidRequest(KontextError):
    """The request cannot be carried out as it stands; nothing was sent anywhere."""

    field: str | None = None
    """The form's field that it is about, where the request was a form."""


class InvalidImage(InvalidRequest):
    """The file is not a picture that this program can open, or it is over a limit."""


class BackendError(KontextError):
    """A backend could not carry out the edit.

    ``request_id`` is the provider's own, for its support desk. ``may_retry`` says whether the same
    request may succeed when it is sent again unchanged.
    """

    def __init__(
        self,
        message: str,
        *,
        backend: str,
        hint: str = "",
        billed: Billed = Billed.NO,
        request_id: str | None = None,
        may_retry: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, billed=billed)
        self.backend = backend
        self.request_id = request_id
        self.may_retry = may_retry


class MissingCredentials(BackendError):
    """No key is set; the hint names the variable and where to get a key."""


class CredentialsRejected(BackendError):
    """The provider refused the key."""


class OutOfCredit(BackendError):
    """The account has no credit left."""


class RateLimited(BackendError):
    """Too many requests at once, even after waiting as long as we are willing to."""

    def __init__(self, message: str, *, backend: str, retry_after_s: float | None = None, hint: str = "") -> None:
        super().__init__(message, backend=backend, hint=hint, may_retry=True)
        self.retry_after_s = retry_after_s


class ContentModerated(BackendError):
    """The provider refused the content.

    ``stage`` is ``input`` when the prompt or a picture was refused before any work (a new seed will
    not help) and ``output`` when the produced picture was refused (a new seed may).
    """

    def __init__(
        self,
        message: str,
        *,
        backend: str,
        stage: Literal["input", "output"],
        reasons: tuple[str, ...] = (),
        hint: str = "",
        billed: Billed = Billed.NO,
        request_id: str | None = None,
    ) -> None:
        super().__init__(
            message, backend=backend, hint=hint, billed=billed, request_id=request_id, may_retry=stage == "output"
        )
        self.stage = stage
        self.reasons = reasons


class BackendUnavailable(BackendError):
    """The network or the provider failed (connection refused, 5xx)."""


class DeadlineExceeded(BackendError):
    """The edit did not finish within the time we wait for it."""


class UnexpectedAnswer(BackendError):
    """The provider sent an answer that this program cannot read."""


class NotUnderstood(BackendError):
    """The backend cannot do what the instruction asks.

    ``suggestions`` are instructions that it can carry out, nearest first; ``capable_tier`` is the tier
    that could carry out the original request, when there is one.
    """

    def __init__(
        self,
        message: str,
        *,
        backend: str,
        suggestions: tuple[str, ...] = (),
        capable_tier: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, backend=backend, hint=hint)
        self.suggestions = suggestions
        self.capable_tier = capable_tier


class ModelNotInstalled(BackendError):
    """A local model or an optional package is not on this machine; the hint names what to install."""


class OutOfMemory(BackendError):
    """This machine has too little memory for the edit."""


class EditCancelled(KontextError):
    """The user stopped the edit."""


class BudgetExceeded(KontextError):
    """Sending would exceed the budget; nothing was sent.

    ``budget`` says which one (``project``, ``day``, ``key``, or ``call`` for what one call may cost);
    amounts are in US dollars.
    """

    def __init__(self, message: str, *, budget: str, limit_usd: float, spent_usd: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.budget = budget
        self.limit_usd = limit_usd
        self.spent_usd = spent_usd


class LimitReached(KontextError):
    """What this server allows one visitor, one address or all together is used up; nothing was sent or kept.

    ``limit`` names it as the settings do; ``free_at`` is when there is room again (UTC), where time brings it.
    """

    def __init__(self, message: str, *, limit: str, free_at: datetime | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.limit = limit
        self.free_at = free_at

    @property
    def retry_after_s(self) -> float | None:
        """Seconds until there is room again, at least one; ``None`` where no time brings it."""
        return None if self.free_at is None else max(1.0, (self.free_at - datetime.now(UTC)).total_seconds())


class HistoryError(KontextError):
    """The stored history is damaged or full, or lacks what was asked for."""


class ProjectNotFound(HistoryError):
    """No such project for this owner; another owner's project raises the same error."""


class VersionNotFound(HistoryError):
    """No such version in this project."""


class JobNotFound(HistoryError):
    """No such job for this owner."""


class JobClosed(HistoryError):
    """The job has already ended (done, failed, cancelled or uncertain) and cannot change again."""


class ImageMissing(HistoryError):
    """A row names an image whose file is gone or damaged."""


class StorageFull(HistoryError):
    """The disk is full; nothing half-written was kept."""
