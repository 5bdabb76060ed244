"""Classifying the words of an instruction. English only, since that is the language the models expect."""

from __future__ import annotations

import re
from enum import StrEnum

PEOPLE = frozenset(
    """person people man men woman women girl boy child kid baby lady guy face portrait bride groom he she him her his
    hers they them their selfie model""".split()
)
PRESERVING = ("preserv", "keep", "same face", "identity", "likeness")
SAME = ("unchanged", "maintain", "without changing", "nothing else", "exactly the same", "leave the")
COLOURS = frozenset(
    """red crimson scarlet maroon pink magenta orange gold golden yellow cream beige brown olive lime green emerald mint
    teal turquoise cyan blue navy indigo violet purple lavender white black grey gray silver""".split()
)
MEDIA = re.compile(
    r"\b(?:style|styled|painting|painted|watercolou?r|oils?|sketch|drawing|drawn|cartoon|anime|manga|comic|illustration|"
    r"pixel[- ]art|line[- ]art|low[- ]poly|clay|claymation|lego|origami|mosaic|engraving|etching|woodcut|poster|pastel|"
    r"charcoal|pencil|ink wash|impressionist|cubist|pop[- ]art|ghibli|van gogh|monet|picasso|sculpture|statue|"
    r"render|3d)\b"
)
BACKGROUND = re.compile(
    r"\b(?:background|backdrop|surroundings|setting|behind (?:him|her|them|it|the))\b"
    r"|\b(?:put|place|move|teleport|transport|set)\b.{1,60}?\b(?:on|in|at|into|onto|inside|under|front of)\b.{0,20}?"
    r"\b(?:beach|city|street|streets|forest|desert|mountain|mountains|moon|space|mars|cafe|café|office|studio|castle|jungle|"
    r"garden|park|room|kitchen|library|field|meadow|lake|sea|ocean|snow|stage|stadium|museum|paris|tokyo|london|venice|"
    r"new york)\b"
)
SCENE = re.compile(
    r"\b(?:season|winter|summer|autumn|spring|snowing|raining|night ?time|at night|to night|sunset|sunrise|dusk|dawn|"
    r"golden hour|weather|time of day|lighting|everything|whole (?:picture|scene|image|photo))\b"
)
QUOTED = re.compile(r"[\"“”„«»]|(?<!\w)['‘’][^'‘’]+['’](?!\w)")
VERBS = frozenset(
    """add adjust apply blur boost brighten change clean color colorize colour colourise convert cool correct crop cut
    darken decrease deepen delete dim draw dress edit enhance erase extend fill fix flip give hide improve increase
    insert install lift light lighten lower make mirror move open paint place put raise recolor recolour reduce remove
    render repair replace reshape resize restore restyle retouch rotate set sharpen show shrink soften straighten
    style swap switch take tint transform translate turn warm wear write zoom""".split()
)


NOUNS_TOO = frozenset(
    """light show place open cut lift clean colour color set paint dress warm zoom cool crop style tint switch change
    blur fill fix flip draw edit add move take turn wear write""".split()
)
"""Verbs that may be other words too, so that inside a sentence they prove nothing."""


class Kind(StrEnum):
    """How much of a picture an instruction is about."""

    LOCAL = "local"
    STYLE = "style"
    BACKGROUND = "background"
    SCENE = "scene"


def kind_of(instruction: str) -> Kind:
    text = instruction.lower()
    if MEDIA.search(text):
        return Kind.STYLE
    if BACKGROUND.search(text):
        return Kind.BACKGROUND
    return Kind.SCENE if SCENE.search(text) else Kind.LOCAL


def words(text: str) -> list[str]:
    """Lower-case words, without quoted texts and numbers."""
    return re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", re.sub(r"[\"“„][^\"”“]*[\"”“]", " ", text).lower())


def names_person(instruction: str) -> bool:
    return bool(set(re.findall(r"[a-z]+", instruction.lower())) & PEOPLE)


def preserves(instruction: str) -> bool:
    """Whether it already says what should stay."""
    text = instruction.lower()
    return any(word in text for word in (*PRESERVING, *SAME))


def article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
