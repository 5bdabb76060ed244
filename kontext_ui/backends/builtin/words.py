"""From free text to clauses of plain words. No meaning yet; every pattern is linear in the text's length."""

from __future__ import annotations

import re
import unicodedata

MAX_WORDS = 120
"""A longer text is not an instruction for this engine."""

JOINED = (
    ("black and white", "blackwhite"),
    ("black & white", "blackwhite"),
    ("black n white", "blackwhite"),
    ("b & w", "blackwhite"),
    ("b&w", "blackwhite"),
    ("b/w", "blackwhite"),
    ("colour temperature", "temperature"),
    ("out of focus", "blurry"),
    ("upside down", "upside-down"),
    ("counter clockwise", "counterclockwise"),
    ("counter-clockwise", "counterclockwise"),
    ("anti clockwise", "counterclockwise"),
    ("anti-clockwise", "counterclockwise"),
    ("anticlockwise", "counterclockwise"),
    ("left to right", "horizontally"),
    ("left-right", "horizontally"),
    ("top to bottom", "vertically"),
    ("up and down", "vertically"),
    ("side to side", "horizontally"),
    ("a little bit", "little"),
    ("a little", "little"),
    ("a bit", "little"),
    ("a tad", "little"),
    ("a touch", "little"),
    ("a hint of", "little"),
    ("a lot", "lot"),
    ("quite a bit", "lot"),
    ("per cent", "%"),
    ("percent", "%"),
    ("portrait photo", "photo"),
)
SPELLING = {
    "color": "colour",
    "colors": "colours",
    "colorful": "colourful",
    "gray": "grey",
    "grayscale": "greyscale",
    "vignetting": "vignette",
    "mirrored": "mirror",
    "flipped": "flip",
    "rotated": "rotate",
    "cropped": "crop",
    "pixel": "px",
    "pixels": "px",
    "deg": "degrees",
    "degree": "degrees",
    "monochromatic": "monochrome",
    "&": "and",
}
KEEP = re.compile(
    r"(?:,|\b(?:and|but|while|with)\b)?\s*\b(?:(?:while|but|and) )?"
    r"(?:keep(?:ing)?|preserv(?:e|ing)|maintain(?:ing)?|retain(?:ing)?|leav(?:e|ing))\b(?P<what>[^,;.]*)"
)
CLAUSE_BREAK = re.compile(
    r"\s*(?:[;,.!?\n]|\band\b(?: then| also)?|\bthen\b|\balso\b|\bplus\b|\bwith\b|\bafterwards\b)\s*"
)
TOKEN = re.compile(
    r"\d+(?:\.\d+)?\s*(?::|x|×|/)\s*\d+(?:\.\d+)?|[+-]?\d+(?:\.\d+)?|%|°|[^\W\d_]+(?:['’-][^\W\d_]+)*|[^\w\s]"
)


def clean(text: str) -> str:
    """Lower case, one kind of space and quote, common variants joined."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'").replace("‘", "'")
    text = " ".join(text.split())
    for variant, plain in JOINED:
        text = text.replace(variant, plain)
    return text


def take_out_keep(text: str) -> tuple[str, tuple[str, ...]]:
    """The text without "while keeping …", and the things named there."""
    kept = tuple(match["what"].strip() for match in KEEP.finditer(text) if match["what"].strip())
    return KEEP.sub(" ", text).strip(" ,;."), kept


def split_clauses(text: str) -> list[str]:
    """Parts between commas, "and", "then". A decimal point or a ratio is no break."""
    guarded = re.sub(r"(?<=\d)[.,](?=\d)", "·", text)
    parts = CLAUSE_BREAK.split(guarded)
    return [part.replace("·", ".").strip() for part in parts if part.strip()]


def tokens(clause: str) -> list[str]:
    """Words, numbers, ``W:H`` and signs, in one spelling."""
    found = (re.sub(r"\s+", "", match) for match in TOKEN.findall(clause))
    return [SPELLING.get(token, token) for token in found]
