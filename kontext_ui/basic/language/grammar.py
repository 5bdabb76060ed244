"""Instruction → plan. Every meaningful word must be understood, or nothing is done.

Each family has a reader: it gets one clause and returns a step, or ``None`` when the clause is not its
business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from kontext_ui.basic.language import colours, targets, words
from kontext_ui.basic.language.plan import Plan, Step, Target
from kontext_ui.basic.language.targets import MARK

FILLERS = frozenset(
    """please can could would you i i'd want like need just now the a an it its it's this that these my our me
    picture photo image photograph pic shot scene whole entire overall all everything make made turn give apply put
    get let have look looks looking looked appear become bring be is into in to for of on with some effect filter
    style pls plz thx thanks thank hi hello hey perfect great nice so that
    image's convert change transform bit s""".split()
)
POLITE = frozenset("pls plz thx thanks please can could would you i i'd want like need just now me so let us".split())
CARRIED_VERBS = frozenset(
    """less more increase decrease reduce raise lower boost add make turn change paint remove delete erase blur colour
    replace sharpen darken brighten flip rotate crop mirror""".split()
)
"""Verbs that a following clause may leave out: "less saturated and warm", "make the car red and the cat blue"."""
NEVER_CHANGED = frozenset(
    """composition everything else rest other others details detail quality framing perspective structure layout shape
    shapes texture textures lighting shadows original same as is unchanged intact untouched alone size aspect ratio
    resolution exactly identical features facial expression pose identity face faces likeness person's hair body
    proportions position style and or colour colours they are was exact his her their natural realistic way""".split()
)
"""What an instruction may ask to keep although it cannot be found: this engine redraws nothing."""
KEPT_KINDS = frozenset(("named", "colour", "subject", "sky", "background"))


class UnclearError(Exception):
    """A clause that cannot be read. ``unknown`` are the words that could not be placed."""

    def __init__(self, clause: str, unknown: Sequence[str], understood: str = "", tokens: Sequence[str] = ()) -> None:
        super().__init__(clause)
        self.clause = clause
        self.unknown = tuple(unknown)
        self.understood = understood
        self.tokens = tuple(tokens)


@dataclass(frozen=True)
class Clause:
    """One clause, twice: its plain words, and its words with every noun phrase replaced by a mark."""

    text: str
    tokens: tuple[str, ...]
    marked: tuple[str, ...]
    """Without polite words; ``@0`` stands for ``targets[0]``, ``q0`` for ``quotes[0]``."""
    targets: tuple[Target, ...]
    quotes: tuple[str, ...]
    has_mask: bool

    @property
    def unmarked(self) -> list[str]:
        """Without the noun phrases: what is to be done, apart from where."""
        return [word for word in self.marked if not word.startswith(MARK)]


Reader: TypeAlias = Callable[[Clause], Step | None]


def read(instruction: str, readers: Sequence[Reader], has_mask: bool = False) -> Plan:
    """The plan of an instruction. Raises :class:`UnclearError` for the first clause that is not understood.

    ``has_mask``: the user painted a mask, so a noun that nothing here can find may stand for what is under it.
    """
    text, quotes = words.take_out_quotes(instruction)
    text, kept = words.take_out_keep(words.clean(text))
    if kept:
        text = text.replace("everything else", "everything")
    parts = words.split_clauses(text)
    if not parts or len(text.split()) > words.MAX_WORDS:
        raise UnclearError(instruction, ())
    reading = _Reading(readers, quotes, has_mask)
    for part in parts:
        reading.take(part)
    if reading.unclear is not None:
        unclear = reading.unclear
        raise UnclearError(unclear.clause, unclear.unknown, " and ".join(reading.understood), unclear.tokens)
    if not reading.steps:
        raise UnclearError(instruction, (), tokens=words.tokens(text))
    return Plan(tuple(reading.steps), kept, _kept_targets(kept))


class _Reading:
    """Goes through the clauses of one instruction and remembers what a later one may leave out."""

    def __init__(self, readers: Sequence[Reader], quotes: tuple[str, ...], has_mask: bool) -> None:
        self._readers = readers
        self._quotes = quotes
        self._has_mask = has_mask
        self._verb: list[str] = []
        self._place: list[str] = []
        self._excepted = False
        self.steps: list[Step] = []
        self.understood: list[str] = []
        """The clauses that were read, each able to stand alone."""
        self.unclear: UnclearError | None = None

    def take(self, part: str) -> None:
        tokens = words.tokens(part)
        self._verb = tokens[:1] if tokens and tokens[0] in CARRIED_VERBS else self._verb
        own = self._clause(part, tokens).targets
        step, said = self._step(part, tokens)
        if step is not None and not self._is_doubtful(step, tokens):
            self.steps.append(step)
            self.understood.append(self._told(" ".join(said)) if said != tokens else self._told(part))
        elif any(token not in FILLERS for token in tokens):
            unknown = [token for token in tokens if token not in FILLERS]
            self.unclear = self.unclear or UnclearError(part, unknown, tokens=tokens)
        self._place = own[0].said.split() if own else self._place
        self._excepted = any(target.inverted for target in own)

    def _step(self, part: str, tokens: list[str]) -> tuple[Step | None, list[str]]:
        """What the clause says, and its words, including those that it left out."""
        fuller = [[*self._verb, *tokens], [*self._verb, *self._place, *tokens]]
        # "Make the background darker and blurry": the second adjective speaks of the same place.
        goes_on = self._place and tokens[:1] != self._verb and not _is_verb(tokens)
        for said in [*fuller[::-1], tokens] if goes_on else [tokens, *fuller]:
            clause = self._clause(part, said)
            step = next((step for reader in self._readers for step in (reader(clause),) if step is not None), None)
            if step is not None:
                return step, said
        return None, tokens

    def _is_doubtful(self, step: Step, tokens: list[str]) -> bool:
        """ "Everything except A and B", "red and blue": the second half is not an instruction of its own."""
        if _is_verb(tokens) or not self.steps:
            return False
        before = self.steps[-1]
        place = {name: value for name, value in step.arguments.items() if name in ("target", "name", "said")}
        same_place = all(before.arguments.get(name) == value for name, value in place.items())
        twice = step.operation == before.operation and step.operation in ONCE and same_place
        return self._excepted or twice

    def _clause(self, text: str, tokens: Sequence[str]) -> Clause:
        said = [token for token in tokens if token not in POLITE]
        marked, found = targets.find(said, self._has_mask)
        return Clause(self._told(text), tuple(tokens), tuple(marked), found, self._quotes, self._has_mask)

    def _told(self, text: str) -> str:
        """With the quotes where their marks are."""
        for number, quote in enumerate(self._quotes):
            text = text.replace(f"{words.STAND_IN}{chr(ord('a') + number)}", f"“{quote}”")
            text = re.sub(rf"\bq{number}\b", f"“{quote}”", text)
        return text


ONCE = frozenset(("recolour", "sky", "background"))
"""Operations of which a second one undoes the first at the same place."""


def _is_verb(tokens: Sequence[str]) -> bool:
    return bool(tokens) and (tokens[0] in targets.VERBS or tokens[0] in CARRIED_VERBS or "it" in tokens)


def _kept_targets(kept: Sequence[str]) -> tuple[Target, ...]:
    """The things to keep that can be found in a picture.

    "The composition" cannot, and need not: this engine never changes it. Any other word raises.
    """
    found: list[Target] = []
    for part in kept:
        marked, named = targets.find(words.tokens(part))
        colour = next(
            (colours.read(marked, index)[0] for index in range(len(marked)) if marked[index] in colours.WORDS), ""
        )
        found += [target for target in named if target.kind in KEPT_KINDS]
        if colour and not named:
            found.append(Target("colour", "", f"everything {colour}", colour, "all"))
        known = NEVER_CHANGED | colours.WORDS | targets.ARTICLES | targets.PARTS
        strange = [word for word in marked if word.isalpha() and word not in known and word not in FILLERS]
        if strange:
            raise UnclearError(part, strange, tokens=marked)
    return tuple(found)


def everywhere(read_words: Callable[[list[str], str], Step | None]) -> Reader:
    """A reader of clauses that always mean the whole picture."""
    return lambda clause: read_words(list(clause.tokens), clause.text)


def anywhere(read_words: Callable[[list[str], str], Step | None]) -> Reader:
    """The same operation on the whole picture, or on the one place that the clause names."""

    def read_clause(clause: Clause) -> Step | None:
        step = read_words(list(clause.tokens), clause.text)
        if step is not None or len(clause.targets) != 1:
            return step
        step = read_words(clause.unmarked, clause.text)
        return replace(step, arguments={**step.arguments, **clause.targets[0].arguments()}) if step else None

    return read_clause


def meaningful(tokens: Sequence[str]) -> list[str]:
    """Without words that mean nothing here."""
    return [token for token in tokens if token not in FILLERS]
