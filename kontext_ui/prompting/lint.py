"""Gentle hints on an instruction that is being written. They never block, and each says what it would change.

The rules follow the advice of the makers of instruction models: name one change, name the thing, say the new
state, say what should stay, put texts in quotes, and do not describe the whole scene.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kontext_ui.edits import Tier
from kontext_ui.prompting import english
from kontext_ui.prompting.english import Kind, kind_of, preserves, words
from kontext_ui.prompting.identity import whole_person
from kontext_ui.prompting.quoting import missing_quotes
from kontext_ui.prompting.seen import Look, said

FEW_WORDS = 5
MANY_WORDS = 25
LONG_DESCRIPTION = 8
MOST = 4
LONGEST = 1500
"""These rules were not made for texts with more characters than this."""


@dataclass(frozen=True)
class LintContext:
    """What the linter knows besides the text."""

    tier: Tier = Tier.PRO
    redraws: bool = True
    """Whether a model redraws the picture; the engine that edits in place need not be asked to preserve."""
    has_picture: bool = True
    has_mask: bool = False
    preserving: bool = False
    """Whether the option that asks to keep the rest is on."""
    upsampling: bool | None = None
    """Whether the model expands the prompt; ``None`` when it cannot."""
    max_ready: bool = False
    look: Look = field(default_factory=Look)
    refusal: str = ""
    """Why the chosen engine cannot read this instruction, in a sentence."""
    nearest: str = ""
    """The nearest instruction that it can read."""
    capable: Tier | None = None
    """A tier that is ready and can carry it out."""


@dataclass(frozen=True)
class Hint:
    """One sentence, and what one click would do: another instruction, or other fields of the draft."""

    id: str
    text: str
    label: str = ""
    """On the button; empty when there is nothing to click."""
    replacement: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)


Rule = Callable[[str, LintContext], Hint | None]


def lint(instruction: str, context: LintContext) -> tuple[Hint, ...]:
    """At most a few hints, the most useful one first; none for an empty text."""
    text = " ".join(instruction.split())
    if not text or len(text) > LONGEST:
        return ()
    if context.refusal:
        return (_unread(context),)
    rules = MODEL_RULES if context.redraws else READER_RULES
    hints = [hint for rule in rules if (hint := rule(text, context)) is not None]
    if not hints and context.redraws:
        hints = [hint for rule in SOFT_RULES if (hint := rule(text, context)) is not None]
    return tuple(hints[:MOST])


def _unread(context: LintContext) -> Hint:
    if context.capable is not None:
        settings: dict[str, object] = {"tier": context.capable.value, "backend": None, "parameters": {}}
        return Hint("unread", context.refusal, f"Use {context.capable.value.title()}", settings=settings)
    if context.nearest:
        return Hint("unread", context.refusal, f"Try “{context.nearest}”", replacement=context.nearest)
    return Hint("unread", context.refusal)


VAGUE = re.compile(
    r"(?:please )?(?:can you )?(?:(?:make|let|get|have) (?:it|this|that|the (?:photo|picture|image)) "
    r"(?:look |be |to look )?(?:a (?:bit|little|lot) |much |more |really |very |so )?"
    r"(?:better|nicer|cool|cooler|beautiful|amazing|good|great|awesome|pretty|prettier|perfect|professional|interesting|different|pop|stunning|nice|fun)"
    r"|(?:fix|improve|enhance|edit|change|upgrade|beautify|redo|transform|retouch)"
    r"(?: (?:it|this|that|(?:the|this|my) (?:photo|picture|image)|everything|something))?"
    r"|(?:do|change|add) something(?: \w+)?|surprise me)[.! ]*",
    re.IGNORECASE,
)
BETTER = "Brighten the light, deepen the colours and sharpen the details, while keeping everything else the same"
BETTER_HERE = "Make it a bit brighter and increase the contrast"


def _vague(text: str, context: LintContext) -> Hint | None:
    if not VAGUE.fullmatch(text):
        return None
    sentence = "Say which thing should change and what it should become."
    return Hint("vague", sentence, "Show an example", BETTER if context.redraws else BETTER_HERE)


PRONOUN = re.compile(
    r"(?P<verb>make|turn|paint|colou?r|recolou?r|dye|remove|delete|erase|replace) (?P<it>it|this|that)\b(?P<rest>.*)",
    re.IGNORECASE,
)


def _pronoun(text: str, context: LintContext) -> Hint | None:
    match = PRONOUN.fullmatch(text)
    things = [thing for thing in context.look.things if thing.name != "person"]
    if match is None or not things or context.has_mask:
        return None
    removing = match["verb"].lower() in ("remove", "delete", "erase", "replace")
    rest = words(match["rest"])
    if not removing and not (
        rest and rest[-1] in english.COLOURS and len(rest) <= 3 and rest != ["black", "and", "white"]
    ):
        return None
    noun = said(things[0])
    replacement = f"{match['verb']} {noun}{match['rest']}"
    return Hint("pronoun", f"“{match['it']}” could be anything in the picture. Name it.", f"Say “{noun}”", replacement)


NOTHING = re.compile(r"(?:no|without|not)(?: the| a| an| any)? (?P<what>[\w -]{2,40})", re.IGNORECASE)


def _negative(text: str, context: LintContext) -> Hint | None:
    match = NOTHING.fullmatch(text.rstrip(" ."))
    if match is None:
        return None
    replacement = f"Remove the {match['what']}"
    return Hint("negative", "Say what should be done rather than what should not be there.", "Rewrite", replacement)


def _description(text: str, context: LintContext) -> Hint | None:
    said_words = words(text)
    if not context.has_picture or len(said_words) < LONG_DESCRIPTION or preserves(text):
        return None
    if said_words[0] in english.VERBS or set(said_words) & (english.VERBS - english.NOUNS_TOO):
        return None
    if set(said_words) & {"now", "should", "must", "is", "are", "instead", "wants", "want"}:
        return None
    return Hint(
        "description",
        "Describe the change, not the whole scene: the model sees the picture. Begin with a verb: change, add, remove.",
    )


JOIN = re.compile(r"\s*(?:[;.!\n]+|,\s*(?:and |then |also )?|\band(?: then| also)?\b|\bthen\b|\balso\b|\bplus\b)\s*")
LINKS = frozenset(("please", "also", "then", "now", "finally", "can", "could", "you"))
COUNTS = {2: "Two", 3: "Three", 4: "Four", 5: "Five"}


def changes(text: str) -> int:
    """How many independent changes an instruction names: clauses that begin with a verb of their own."""
    unquoted = re.sub(r"[\"“„][^\"”“]*[\"”“]", "…", text.lower())
    clauses = [words(clause) for clause in JOIN.split(unquoted) if clause.strip()]
    firsts = (next((word for word in clause if word not in LINKS), "") for clause in clauses)
    return sum(1 for first in firsts if first in english.VERBS)


def _several(text: str, context: LintContext) -> Hint | None:
    count = changes(text)
    if count < 2 or context.tier is Tier.MAX:
        return None
    many = COUNTS.get(count, "Many")
    if context.max_ready:
        settings: dict[str, object] = {"tier": Tier.MAX.value, "backend": None, "parameters": {}}
        return Hint(
            "several", f"{many} changes at once: Max follows several more reliably.", "Use Max", settings=settings
        )
    return Hint(
        "several", f"{many} changes at once are followed less reliably. Sent one by one, each can be undone on its own."
    )


def _style(text: str, context: LintContext) -> Hint | None:
    if kind_of(text) is not Kind.STYLE or preserves(text) or context.preserving or not context.has_picture:
        return None
    return _with_clause(
        "style", text, "while preserving the original composition",
        "A new style may move things around.", "Keep the composition",
    )  # fmt: skip


def _background(text: str, context: LintContext) -> Hint | None:
    if kind_of(text) is not Kind.BACKGROUND or preserves(text) or context.preserving or context.has_mask:
        return None
    if re.search(r"\b(?:transparent|remove|blur|soften|defocus|darken|brighten|sharpen)\b", text.lower()):
        return None
    return _with_clause(
        "background", text, "while keeping the subject in the exact same position, scale and pose",
        "With a new background the subject may move or change its size.", "Keep it in place",
    )  # fmt: skip


def _with_clause(id: str, text: str, clause: str, sentence: str, label: str) -> Hint:
    return Hint(id, sentence, label, f"{text.rstrip(' .')}, {clause}")


def _mask_global(text: str, context: LintContext) -> Hint | None:
    if not context.has_mask or kind_of(text) in (Kind.LOCAL, Kind.BACKGROUND):
        return None
    return Hint("mask", "Only the painted area will change.", "Remove the mask", settings={"mask": None})


def _upsampling(text: str, context: LintContext) -> Hint | None:
    length = len(words(text))
    if (
        context.upsampling is False
        and 0 < length <= FEW_WORDS
        and not english.QUOTED.search(text)
        and not preserves(text)
    ):
        return Hint(
            "upsampling", "Short prompt: let the model add detail?", "Let it expand",
            settings={"parameters": {"prompt_upsampling": True}},
        )  # fmt: skip
    if context.upsampling and length >= MANY_WORDS:
        return Hint(
            "detailed", "This is already detailed; expanding the prompt may lead away from it.", "Do not expand it",
            settings={"parameters": {"prompt_upsampling": False}},
        )  # fmt: skip
    return None


def _preserve(text: str, context: LintContext) -> Hint | None:
    if context.preserving or context.has_mask or preserves(text) or not context.has_picture:
        return None
    if kind_of(text) is not Kind.LOCAL or not set(words(text)) & english.VERBS or PRONOUN.fullmatch(text):
        return None
    return Hint(
        "preserve",
        "The model may change other things a little too.",
        "Ask to keep the rest",
        settings={"preserve": True},
    )


def _identity(text: str, context: LintContext) -> Hint | None:
    rewritten = whole_person(text)
    if not rewritten:
        return None
    return Hint(
        "identity",
        "This asks for another person. To keep the same one, change the clothes and say what should stay.",
        "Keep the person",
        rewritten,
    )


def _quotes(text: str, context: LintContext) -> Hint | None:
    lacking, rewritten = missing_quotes(text, context.look.words)
    if not lacking:
        return None
    sentence = "Put text in quotes, exactly as it should appear."
    return Hint("quotes", sentence, "Add quotes" if rewritten else "", rewritten)


MODEL_RULES: Sequence[Rule] = (
    _vague, _identity, _quotes, _pronoun, _negative, _description, _mask_global, _several, _style, _background,
)  # fmt: skip
SOFT_RULES: Sequence[Rule] = (_upsampling, _preserve)
"""Shown only when no other rule applies."""
READER_RULES: Sequence[Rule] = (_vague, _quotes, _pronoun, _negative, _mask_global)
