"""Wrong arguments are named, and problems have what a program needs."""

import pytest

from kontext_ui.api import messages as m
from kontext_ui.api import problem_of, read, status_of
from kontext_ui.errors import (
    BackendUnavailable,
    Billed,
    BudgetExceeded,
    InvalidImage,
    InvalidRequest,
    JobNotFound,
    KontextError,
    NotUnderstood,
    ProjectNotFound,
    RateLimited,
)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"project": "p"}, "instruction cannot be read"),
        ({"project": "p", "instruction": "x", "tier": "ultra"}, "tier cannot be read"),
        ({"project": "p", "instruction": "x", "colour": "red"}, "colour cannot be read"),
        ({"project": "p", "instruction": "x", "max_price_usd": -1}, "max price usd cannot be read"),
        ({"project": "p", "instruction": "x", "max_price_usd": float("nan")}, "max price usd cannot be read"),
        ({"project": "p", "instruction": "x", "request_id": "short"}, "request id cannot be read"),
        ({"project": "p", "instruction": "x", "wait_s": 1e9}, "wait s cannot be read"),
    ],
)
def test_a_wrong_argument_is_named(values, sentence):
    with pytest.raises(InvalidRequest, match=sentence):
        read(m.Edit, values)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidRequest("No."), 422),
        (InvalidImage("No."), 422),
        (ProjectNotFound("No."), 404),
        (JobNotFound("No."), 404),
        (BudgetExceeded("No.", budget="day", limit_usd=1, spent_usd=1), 402),
        (RateLimited("No.", backend="b", retry_after_s=3), 429),
        (BackendUnavailable("No.", backend="b"), 502),
        (KontextError("No."), 500),
    ],
)
def test_problems_have_the_status_that_clients_know(error, status):
    assert status_of(error) == status


def test_a_problem_says_what_happened_what_to_do_and_whether_it_was_billed():
    problem = problem_of(NotUnderstood("No.", backend="b", suggestions=("make it red",), hint="Say it so."))
    assert (problem.message, problem.hint, problem.suggestions) == ("No.", "Say it so.", ["make it red"])
    assert problem_of(KontextError("No.", billed=Billed.MAYBE)).billed == "maybe"
    limited = problem_of(RateLimited("No.", backend="b", retry_after_s=3))
    assert (limited.may_retry, limited.retry_after_s) == (True, 3)
