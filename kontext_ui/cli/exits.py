"""Exit codes, and errors as sentences on stderr or as JSON."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

from kontext_ui import errors
from kontext_ui.editor.jobs.failures import describe
from kontext_ui.errors import Billed, KontextError
from kontext_ui.projects import Failure

DONE = 0
FINDINGS = 1
WRONG_USE = 2
REFUSED = 3
ACCOUNT = 4
PROVIDER = 5
MACHINE = 6
INTERRUPTED = 130

MEANINGS = {
    DONE: "done",
    FINDINGS: "verify found something",
    WRONG_USE: "wrong usage, a wrong setting, or a file that is not a picture",
    REFUSED: "refused: not understood, or the content was moderated",
    ACCOUNT: "no credentials, rejected credentials, no credit, or over budget",
    PROVIDER: "trouble at the provider or on the network; the same command may work later",
    MACHINE: "this machine lacks something: a model, memory, disk space, or a readable data folder",
    INTERRUPTED: "interrupted",
}

# The first matching class decides, so the general ones come last.
_CODES: tuple[tuple[type[KontextError], int], ...] = (
    (errors.InvalidSetting, WRONG_USE),
    (errors.InvalidRequest, WRONG_USE),
    (errors.NotUnderstood, REFUSED),
    (errors.ContentModerated, REFUSED),
    (errors.MissingCredentials, ACCOUNT),
    (errors.CredentialsRejected, ACCOUNT),
    (errors.OutOfCredit, ACCOUNT),
    (errors.BudgetExceeded, ACCOUNT),
    (errors.ModelNotInstalled, MACHINE),
    (errors.OutOfMemory, MACHINE),
    (errors.ProjectNotFound, WRONG_USE),
    (errors.HistoryError, MACHINE),
    (errors.EditCancelled, INTERRUPTED),
    (errors.KontextError, PROVIDER),
)


def exit_code(kind: str) -> int:
    """The code for an error's class name; other names (a job that ended uncertain) count as the provider's."""
    error_class = getattr(errors, kind, KontextError)
    return next(code for base, code in _CODES if issubclass(error_class, base))


def tell(error: KontextError, as_json: bool) -> None:
    """Report an error on stderr, or as JSON on stdout."""
    tell_failure(describe(error), as_json)


def tell_failure(failure: Failure, as_json: bool) -> None:
    if as_json:
        write_json({"status": "failed", "exit_code": exit_code(failure.kind), "error": _as_json(failure)})
        return
    billing = {Billed.NO: "", Billed.YES: "It was billed.", Billed.MAYBE: "It may have been billed."}[failure.billed]
    lines = [failure.message, failure.hint, "" if "billed" in failure.message else billing]
    if failure.suggestions:
        lines.append("It can do, for example: " + "; ".join(failure.suggestions) + ".")
    sys.stderr.write("\n".join(line for line in lines if line) + "\n")


def _as_json(failure: Failure) -> dict[str, Any]:
    return {
        "kind": failure.kind,
        "message": failure.message,
        "hint": failure.hint,
        "billed": failure.billed.value,
        "backend": failure.backend,
        "request_id": failure.request_id,
        "may_retry": failure.may_retry,
        "suggestions": list(failure.suggestions),
        "capable_tier": failure.capable_tier,
    }


def write_json(value: object) -> None:
    """With letters as they are where the output holds all of them; a code page of Windows does not."""
    holds_all = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not holds_all, indent=2)
    sys.stdout.write(text.encode("utf-8", "replace").decode() + "\n")


def write_any_text() -> None:
    """Let what the output cannot hold come out as a question mark: no text may stop what has been done and paid for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
