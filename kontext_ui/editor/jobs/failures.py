"""Errors as the history records them, and the messages of jobs that were ended from outside."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from kontext_ui.errors import (
    BackendError,
    Billed,
    CredentialsRejected,
    KontextError,
    MissingCredentials,
    NotUnderstood,
    OutOfCredit,
    UnexpectedAnswer,
)
from kontext_ui.projects import Failure, Job


def describe(error: KontextError) -> Failure:
    """The record of an error, without anything that the user should not read."""
    backend = error if isinstance(error, BackendError) else None
    refused = error if isinstance(error, NotUnderstood) else None
    return Failure(
        kind=type(error).__name__,
        message=error.message,
        hint=error.hint,
        billed=error.billed,
        backend=None if backend is None else backend.backend,
        request_id=None if backend is None else backend.request_id,
        may_retry=backend is not None and backend.may_retry,
        suggestions=() if refused is None else refused.suggestions,
        capable_tier=None if refused is None else refused.capable_tier,
    )


def after_others(failure: Failure, before: Sequence[BackendError], labels: Sequence[str]) -> Failure:
    """The last failure of several backends, told from the one that was asked first.

    ``labels`` are the names of all of them, in the order in which they were tried.
    """
    if not before:
        return failure
    first, *others = labels
    named = others[0] if len(others) == 1 else f"{', '.join(others[:-1])} and {others[-1]}"
    if all(type(error).__name__ == failure.kind for error in before):
        hint = f"After {first}, {named} could not do it either, for the same reason. {before[0].hint}"
        return dataclasses.replace(failure, message=before[0].message, hint=hint.strip(), backend=before[0].backend)
    hint = f"It went on to {named} because of this: {before[0].message} {failure.hint}"
    return dataclasses.replace(failure, hint=hint.strip())


def cancelled(job: Job, label: str, billed: Billed) -> Failure:
    late = "If the picture still arrives, it is added to the history."
    messages = {
        Billed.NO: ("Stopped. Nothing was billed.", ""),
        Billed.YES: (f"Stopped, but {label} had finished it and bills it.", late),
        Billed.MAYBE: (f"Stopped. {label} may still finish and bill it.", late),
    }
    message, hint = messages[billed]
    return Failure("EditCancelled", message, hint, billed, job.request.backend, job.remote_id)


def not_sent() -> Failure:
    return Failure(
        kind="NotSent",
        message="The edit before this one made no picture, so this one was not sent.",
        hint="Nothing was billed. Send it again to edit the current picture.",
        billed=Billed.NO,
        may_retry=True,
    )


def over_budget(price_usd: float) -> Failure:
    return Failure(
        kind="BudgetExceeded",
        message=f"On the picture that it waited for this edit costs ${price_usd:.3f}, which passes the budget.",
        hint="Nothing was sent or billed. Raise the budget and send it again.",
        billed=Billed.NO,
        may_retry=True,
    )


def raise_if_other_pays(job: Job, own_key: bool, label: str) -> None:
    """A key that is gone is not replaced by the program's: who pays was settled when the edit was sent."""
    if job.own_key and not own_key:
        raise MissingCredentials(
            f"Your own key for {label} is no longer here, so the edit stopped. No other key pays in its place.",
            backend=job.request.backend,
            hint="Nothing was billed. Paste your key again, or send the edit again as it is offered now.",
        )


def say_who_pays(error: BackendError, job: Job) -> None:
    """A visitor's key was refused: the edit stops there, and the person is told so."""
    if job.own_key and isinstance(error, CredentialsRejected | OutOfCredit):
        said = "It was your own key, and no other one pays in its place."
        error.hint = f"{error.hint} {said}".strip()


def uncertain(job: Job, label: str) -> Failure:
    return Failure(
        kind="Uncertain",
        message=f"The program stopped while this edit was on its way to {label}. It may have been billed.",
        hint=f"Check your account at {label} if you want to be sure, or send it again.",
        billed=Billed.MAYBE,
        backend=job.request.backend,
        may_retry=True,
    )


def outlived(job: Job) -> Failure:
    return Failure(
        kind="BackendUnavailable",
        message="The program stopped twice while this edit was running, so it was not started a third time.",
        hint="Nothing was billed. A smaller picture may help if memory ran out.",
        backend=job.request.backend,
        may_retry=True,
    )


def bug(job: Job) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        "Something went wrong inside this program while carrying out the edit.",
        backend=job.request.backend,
        hint="Your picture and your prompt are safe. The program's log has the details.",
        billed=Billed.NO if job.sending_at is None else Billed.MAYBE,
    )
