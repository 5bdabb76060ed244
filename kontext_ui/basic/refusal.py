"""What to say when an instruction cannot be carried out here: what was understood, what can be done instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence

from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.language import colours, words
from kontext_ui.basic.language.grammar import FILLERS, UnclearError
from kontext_ui.basic.language.targets import (
    ARTICLES,
    BACKGROUNDS,
    CLOTHES,
    KNOWN,
    SKIES,
    SUBJECTS,
    VERBS,
    WHICH,
    is_known,
)
from kontext_ui.basic.operations import styles
from kontext_ui.errors import NotUnderstood

ENGINE_ID = "builtin"
NEAREST = (
    ("dark evening shadow gloomy moody", ("make it darker", "turn it to night", "add a vignette")),
    ("light sunny bright day morning glow", ("make it brighter", "give it golden hour light", "make the sky blue")),
    ("sun sunset golden autumn cosy fire", ("make the sky a sunset", "make it warmer", "make it autumn")),
    ("cold winter snow ice moon rain storm fog weather", ("make it snow", "make the sky stormy", "add fog")),
    ("night stars space", ("turn it to night", "make the sky a night sky", "make it darker")),
    ("sky cloud", ("make the sky stormy", "make the sky a sunset", "make the sky blue")),
    ("old vintage retro film antique analog", ("give it an analog film look", "make it sepia", "add film grain")),
    ("colour red green blue yellow orange purple pink paint", (
        "make the main subject blue", "increase the saturation", "make everything black and white except the subject")),
    ("sharp detail quality enhance clear focus", ("enhance it", "sharpen it", "more contrast")),
    ("background bokeh depth soft dreamy behind beach city forest place paris", (
        "blur the background", "change the background to a beach", "change the background to a studio")),
    ("remove delete erase clean rid watermark", ("remove the person", "remove the background", "remove the car")),
    ("style painting art anime cartoon drawing ghibli 3d", (
        "turn it into a watercolour", "turn it into a comic book", "turn it into a pencil sketch")),
    ("text sign write says word letters", (
        "replace “OPEN” with “CLOSED”", "add the text “Hello”", "remove the text “OPEN”")),
    ("crop bigger smaller wide square size frame", ("crop to 16:9", "crop to a square", "resize to 1600 px wide")),
    ("turn rotate tilt mirror angle", (
        "rotate 90 degrees clockwise", "flip it horizontally", "straighten by 2 degrees")),
)  # fmt: skip
VOCABULARY = tuple(
    sorted(
        {
            word for about, offered in NEAREST for text in (about, *offered) for word in re.findall(r"[a-z]+", text)
        }.union(KNOWN, colours.WORDS, FILLERS, VERBS, SUBJECTS, BACKGROUNDS, SKIES, ARTICLES, WHICH).union(
            ("blackwhite", "white", "black", "and")
        )
    )
)
"""What a slip of the pen may have been meant to be."""
NO_SLIPS = frozenset(
    "one ones cast grass stool stools scarf pants coat boots land plan lake sea road roof wall".split()
)
"""Words of their own that look like one that is known."""
ALIKE = 0.75
USUAL = ("make it a bit brighter", "blur the background", "turn it into a watercolour")
NEGATIONS = frozenset(("don't", "not", "never", "neither", "nor", "dont", "doesn't", "isn't"))
SHOWN = {"blackwhite": "black and white", "%": "percent"}
ADDING = frozenset("add put place insert give draw wear wearing hold holding attach include generate create".split())
PEOPLE = frozenset("smile smiling laugh older younger hair beard age pose face eyes expression sit stand wink".split())


def refuse(instruction: str, error: UnclearError, understood: str, reads: Callable[[str], bool]) -> NotUnderstood:
    """The error that the user sees for an unclear instruction; ``understood`` names what could be done.

    ``reads`` says of other words whether they would be understood: only such are proposed in place of a slip.
    """
    meant = _meant(instruction, reads)
    strange = [word for word in error.unknown if word not in FILLERS and word.isalpha()][:6]
    strange = [word for word in strange if not is_known(word) and word not in ARTICLES] or strange
    style = styles.unable(error.tokens)
    negated = next((word for word in error.tokens if word in NEGATIONS), "")
    if negated:
        message = f"I cannot act on “{negated}”: say only what should change."
    elif style:
        message = f"The style {style} does not come out well without a model, so this engine does not offer it."
    elif not strange:
        message = "There is no instruction here that this engine can read."
    else:
        message = f"I do not know what to do with {_quoted(strange)} here.{_reason(error.tokens)}"
    if understood:
        message += f" I understood “{understood}”, but an instruction is carried out whole or not at all."
    if meant:
        message = f"Did you mean “{meant}”?"
    own = [said for said in (meant, understood) if said]
    offered = [said for said in nearest(instruction) if said != words.clean(instruction)]
    return NotUnderstood(
        message,
        backend=ENGINE_ID,
        suggestions=tuple(dict.fromkeys((*own, *offered)))[:3],
        capable_tier="max" if understood else "pro",
        hint="This engine changes what is in the picture; it does not draw new things. A Kontext tier can.",
    )


def _meant(instruction: str, reads: Callable[[str], bool]) -> str:
    """The instruction with its slips of the pen mended, if it is understood then; else an empty text."""
    if words.take_out_quotes(instruction)[1]:
        return ""
    plain = words.clean(instruction)
    said = re.sub(r"[^\W\d_]{3,}", lambda found: _mended(found[0]), plain)
    return said if said != plain and reads(said) else ""


def _mended(word: str) -> str:
    if word in VOCABULARY or word in NO_SLIPS or word in PEOPLE or word in CLOTHES:
        return word
    close = difflib.get_close_matches(word, [known for known in VOCABULARY if known[0] == word[0]], 1, ALIKE)
    return next(iter(close), word)


def impossible(instruction: str, error: ImpossibleError) -> NotUnderstood:
    """The error for an instruction that is clear, but cannot be done on this picture."""
    return NotUnderstood(
        str(error),
        backend=ENGINE_ID,
        suggestions=error.suggestions or nearest(instruction),
        capable_tier="pro",
        hint="Nothing was changed.",
    )


def _reason(tokens: Sequence[str]) -> str:
    if any(token in ADDING for token in tokens[:3]):
        return " This engine cannot draw new things into a picture."
    if any(token in PEOPLE for token in tokens):
        return " Faces, hair, expression and pose need a model."
    if any(token in colours.WORDS for token in tokens):
        return " If it is a thing in the picture, paint over it and send the same words again."
    return ""


def nearest(instruction: str) -> tuple[str, ...]:
    """Three instructions that can be done, those about the same things first."""
    said = words.tokens(words.clean(instruction))
    best, score = USUAL, 0.0
    for about, offered in NEAREST:
        topics = about.split()
        found = sum(1.0 for word in said if difflib.get_close_matches(word, topics, 1, 0.84))
        if found > score:
            best, score = offered, found
    return best


def _quoted(strange: list[str]) -> str:
    quoted = [f"“{SHOWN.get(word, word)}”" for word in strange]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
