"""Instruction → plan. Every meaningful word must be understood, or nothing is done.

The families register their readers here; each reader gets the words of one clause and answers with
a step, with ``None`` when the clause is not its business, or raises :class:`UnclearError` naming the words
it could not place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from kontext_ui.backends.builtin import words
from kontext_ui.backends.builtin.plan import Plan, Step

FILLERS = frozenset(
    """please can could would you i i'd want like need just now the a an it its it's this that these my our me
    picture photo image photograph pic shot scene whole entire overall all everything make made turn give apply put
    get let have look looks looking looked appear become bring be is into in to for of on with some effect filter
    style so that image's convert change transform bit""".split()
)


class UnclearError(Exception):
    """A clause that cannot be read. ``words`` are those that could not be placed."""

    def __init__(self, clause: str, unknown: Sequence[str], understood: str = "") -> None:
        super().__init__(clause)
        self.clause = clause
        self.unknown = tuple(unknown)
        self.understood = understood


Reader: TypeAlias = Callable[[list[str], str], Step | None]


def read(instruction: str, readers: Sequence[Reader]) -> Plan:
    """The plan of an instruction. Raises :class:`UnclearError` for the first clause that is not understood."""
    text, kept = words.take_out_keep(words.clean(instruction))
    clauses = words.split_clauses(text)
    if not clauses or len(text.split()) > words.MAX_WORDS:
        raise UnclearError(instruction, ())
    verb = ""
    steps: list[Step] = []
    for clause in clauses:
        tokens = words.tokens(clause)
        verb = tokens[0] if tokens and tokens[0] in CARRIED_VERBS else verb
        step = _read_clause(clause, tokens, readers) or _read_clause(clause, [verb, *tokens], readers)
        if step is None:
            unknown = [token for token in tokens if token not in FILLERS]
            if not unknown:
                continue
            raise UnclearError(clause, unknown)
        steps.append(step)
    if not steps:
        raise UnclearError(instruction, ())
    return Plan(tuple(steps), kept)


CARRIED_VERBS = frozenset(("less", "more", "increase", "decrease", "reduce", "raise", "lower", "boost", "add"))
"""Verbs that a following clause may leave out: "less saturated and warm", "increase contrast and saturation"."""


def _read_clause(clause: str, tokens: list[str], readers: Sequence[Reader]) -> Step | None:
    for reader in readers:
        step = reader(tokens, clause)
        if step is not None:
            return step
    return None


def meaningful(tokens: Sequence[str]) -> list[str]:
    """Without words that carry nothing here."""
    return [token for token in tokens if token not in FILLERS]
