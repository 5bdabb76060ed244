"""The error tree: drawn as it is, and every error carries what a person needs."""

from __future__ import annotations

import inspect

from kontext_ui import errors
from kontext_ui.cli.exits import MEANINGS, exit_code
from kontext_ui.errors import KontextError


def classes() -> list[type[KontextError]]:
    found = inspect.getmembers(errors, inspect.isclass)
    return [cls for _, cls in found if issubclass(cls, KontextError)]


def drawn_tree() -> dict[str, str | None]:
    """Name → parent's name, read from the drawing."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.strip(" │├└─")
        if not name.isidentifier():
            continue
        depth = (len(line) - 4 - len(name)) // 4
        path = [*path[:depth], name]
        parents[name] = path[depth - 1] if depth else None
    return parents


def test_the_drawn_tree_is_the_real_one():
    real = {cls.__name__: None if cls is KontextError else cls.__bases__[0].__name__ for cls in classes()}
    assert drawn_tree() == real


def test_every_error_says_in_one_sentence_when_it_is_raised():
    for cls in classes():
        assert cls.__dict__.get("__doc__"), cls.__name__


def test_every_error_has_an_exit_code_that_the_help_explains():
    assert {exit_code(cls.__name__) for cls in classes()} <= set(MEANINGS)


def test_an_error_shows_its_message_when_it_is_printed():
    error = KontextError("It failed.", hint="Try again.")
    assert str(error) == "It failed."
    assert error.billed is errors.Billed.NO
