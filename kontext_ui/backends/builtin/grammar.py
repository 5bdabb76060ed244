"""Instruction → plan. Every meaningful word must be understood, or nothing is done.

Each family has a reader: it gets one clause and answers with a step, or with ``None`` when the clause is not
its business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from kontext_ui.backends.builtin import colours, targets, words
from kontext_ui.backends.builtin.plan import Plan, Step, Target
from kontext_ui.backends.builtin.targets import MARK

FILLERS = frozenset(
    """please can could would you i i'd want like need just now the a an it its it's this that these my our me
    picture photo image photograph pic shot scene whole entire overall all everything make made turn give apply put
    get let have look looks looking looked appear become bring be is into in to for of on with some effect filter
    style so that image's convert change transform bit s""".split()
)
POLITE = frozenset("please can could would you i i'd want like need just now me so let us".split())
CARRIED_VERBS = frozenset(
    """less more increase decrease reduce raise lower boost add make turn change paint remove delete erase blur colour
    replace sharpen darken brighten""".split()
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
    """Without words of politeness; ``@0`` stands for ``targets[0]``, ``q0`` for ``quotes[0]``."""
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
    parts = words.split_clauses(text)
    if not parts or len(text.split()) > words.MAX_WORDS:
        raise UnclearError(instruction, ())
    steps: list[Step] = []
    understood: list[str] = []
    unclear: UnclearError | None = None
    verb: list[str] = []
    place: list[str] = []
    for part in parts:
        tokens = words.tokens(part)
        verb = tokens[:1] if tokens and tokens[0] in CARRIED_VERBS else verb
        fuller = [[*verb, *tokens], [*verb, *place, *tokens]]
        # "Make the background darker and blurry": the second adjective speaks of the same place.
        said = [*fuller[::-1], tokens] if place and tokens[:1] != verb and not _is_verb(tokens) else [tokens, *fuller]
        clauses = [_clause(part, each, quotes, has_mask) for each in said]
        step = next((step for clause in clauses for step in (_first(clause, readers),) if step is not None), None)
        own = _clause(part, tokens, quotes, has_mask).targets
        place = own[0].said.split() if own else place
        if step is not None:
            steps.append(step)
            understood.append(part)
        elif any(token not in FILLERS for token in tokens):
            unclear = unclear or UnclearError(part, [t for t in tokens if t not in FILLERS], tokens=tokens)
    if unclear is not None:
        raise UnclearError(unclear.clause, unclear.unknown, _restored(understood, quotes), unclear.tokens)
    if not steps:
        raise UnclearError(instruction, (), tokens=words.tokens(text))
    return Plan(tuple(steps), kept, _kept_targets(kept))


def _restored(parts: Sequence[str], quotes: tuple[str, ...]) -> str:
    """The clauses that were understood, as an instruction of their own."""
    text = " and ".join(parts)
    for number, quote in enumerate(quotes):
        text = text.replace(f"{words.STAND_IN}{chr(ord('a') + number)}", f"“{quote}”")
    return text


def _is_verb(tokens: Sequence[str]) -> bool:
    return bool(tokens) and (tokens[0] in targets.VERBS or tokens[0] in CARRIED_VERBS or "it" in tokens)


def _first(clause: Clause, readers: Sequence[Reader]) -> Step | None:
    return next((step for reader in readers for step in (reader(clause),) if step is not None), None)


def _clause(text: str, tokens: Sequence[str], quotes: tuple[str, ...], has_mask: bool) -> Clause:
    said = [token for token in tokens if token not in POLITE]
    marked, found = targets.find(said, has_mask)
    return Clause(text, tuple(tokens), tuple(marked), found, quotes, has_mask)


def _kept_targets(kept: Sequence[str]) -> tuple[Target, ...]:
    """The things to keep that can be found in a picture.

    "The composition" cannot, and needs not: nothing here changes it. A word that is neither raises.
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
    """Without words that carry nothing here."""
    return [token for token in tokens if token not in FILLERS]
