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
    ("3d model", "threed"),
    ("3d-model", "threed"),
    ("3d", "threed"),
    ("per cent", "%"),
    ("percent", "%"),
    ("portrait photo", "photo"),
)
SPELLING = {
    "recolor": "recolour",
    "recolored": "recolour",
    "colored": "coloured",
    "watercolor": "watercolour",
    "center": "centre",
    "jewelry": "jewellery",
    "thicker": "bolder",
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
    "transfer": "turn",
    "restyle": "turn",
    "repaint": "paint",
    "extract": "isolate",
}
NEXT = (
    r"(?:make|turn|change|add|remove|delete|erase|blur|sharpen|flip|mirror|rotate|crop|resize|paint|colour|replace|put|set"
    r"|brighten|darken|give|increase|reduce|raise|lower|apply|write)"
)
"""Verbs with which a request continues after naming what to keep."""
KEEP = re.compile(
    r"(?:,|\b(?:and|but|while|with)\b)?\s*\b(?:(?:while|but|and) )?"
    r"(?:keep(?:ing)?|preserv(?:e|ing)|maintain(?:ing)?|retain(?:ing)?|leav(?:e|ing)"
    r"|without (?:changing|touching|affecting|altering))\b(?P<what>(?:(?!\b(?:and|then|but)\b(?: then| also)? "
    + NEXT
    + r"\b)[^,;.])*)"
)
QUOTED = re.compile(
    r"[“„”]([^“”„\n]{1,200})[”“]|«\s?([^«»\n]{1,200}?)\s?»|»([^«»\n]{1,200})«|\"([^\"\n]{1,200})\"|‘([^‘\n]{1,200}?)’(?!\w)"
    r"|(?<![\w'])'([^\n]{1,200}?)'(?!\w)|‚([^‘’‚\n]{1,200})[‘’]|‹([^‹›\n]{1,200})›"
)
"""Text between quotation marks; an apostrophe inside a word opens nothing."""
MOST_QUOTES = 8
CLAUSE_BREAK = re.compile(
    r"\s*(?:[;,.!?\n]|\band\b(?: then| also)?|\bthen\b|\balso\b|\bplus\b|\bwith\b|\bafterwards\b)\s*"
)
TOKEN = re.compile(
    r"#[0-9a-f]{6}\b|\d+(?:\.\d+)?\s*(?::|x|×|/)\s*\d+(?:\.\d+)?|[+-]?\d+(?:\.\d+)?|%|°|[^\W\d_]+(?:['’-][^\W\d_]+)*|[^\w\s]"
)


def take_out_quotes(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with one mark each in place of what is quoted, and the quoted texts, their case kept."""
    quotes: list[str] = []

    def stand_in(match: re.Match[str]) -> str:
        said = next(group for group in match.groups() if group is not None)
        if len(quotes) >= MOST_QUOTES or not said.strip():
            return match[0]
        quotes.append(unicodedata.normalize("NFC", " ".join(said.split())))
        return f" {STAND_IN}{chr(ord('a') + len(quotes) - 1)} "

    return QUOTED.sub(stand_in, text.replace(STAND_IN, "")), tuple(quotes)


STAND_IN = "ǂ"
"""A letter that no one types; it is removed from the text first."""
OWN = re.compile(r"(?!it|that|what|let|there|he|she)([^\W\d_]+(?:-[^\W\d_]+)*)'s")


SAID_FIRST = re.compile(
    r"^(?:(?:hi|hello|hey|good morning|perfect|great|nice|thanks|thank you|ok|okay)(?: there| everyone)?[,.! ]+)+"
)
TAIL = re.compile(
    r" from (?:the|this|my) (?:image|picture|photo|photograph|shot|scene)(?=[\s,.;!?]|$)"
    r"|[,.!; ]+(?:pls|plz|thx|thanks|thank you)(?: (?:so|very) much| a lot| in advance)?[!.]*$"
)


def clean(text: str) -> str:
    """Lower case, one kind of space and quote, common variants joined, signs that are no words left out."""
    text = unicodedata.normalize("NFKC", SMILEY.sub(" ", _without_signs(text)))
    text = text.lower().replace("’", "'").replace("‘", "'")
    text = TAIL.sub("", SAID_FIRST.sub("", " ".join(text.split())))
    for variant, plain in JOINED:
        text = text.replace(variant, plain)
    return PHRASES.sub(lambda match: match[0].replace(" ", "-"), text)


def _without_signs(text: str) -> str:
    """Without what no one reads as a word: invisible characters, as pasted texts have them, and pictographs."""
    return "".join(
        " " if unicodedata.category(character) in ("So", "Sk") and character not in READ and ord(character) > 127
        else "" if unicodedata.category(character) in ("Cf", "Co", "Cn", "Me") or "\ufe00" <= character <= "\ufe0f"
        else character
        for character in text
    )  # fmt: skip


READ = "°№"
"""Signs that mean something in an instruction."""
SMILEY = re.compile(r"(?<!\S)(?:[:;=8][-o']?[)(\]\[DdPp/\\|3*]|[(][-o']?[:;=]|<3|\^[_.]?\^|[xX]D)+(?=[\s.,!?]|$)")

PHRASES = re.compile(
    r"\b(?:(?:pixel|line|pop|fantasy|digital|craft) art|line drawing|pencil (?:sketch|drawing)|charcoal drawing"
    r"|comic book|graphic novel|low poly|water colour|oil (?:painting|paint)|analog(?:ue)? film|vintage film|old photo"
    r"|film still|auto (?:enhance|levels)|white balance|red eye"
    r"|ink (?:wash|painting)|stained glass|leaded glass|van gogh|starry night|golden hour"
    r"|evening light|sunset light(?:ing)?|night time|portrait mode|main (?:subject|object)|dark clouds|city lights"
    r"|night sky(?= background)|traffic light|neon punk|tile texture|teal orange|day to)\b"
)
"""Names of two words that mean something else than their parts."""


def take_out_keep(text: str) -> tuple[str, tuple[str, ...]]:
    """The text without "while keeping …", and the things named there."""
    kept = tuple(match["what"].strip() for match in KEEP.finditer(text) if match["what"].strip())
    return KEEP.sub(" ", text).strip(" ,;."), kept


def split_clauses(text: str) -> list[str]:
    """Parts between commas, "and", "then". A decimal point or a ratio does not separate."""
    guarded = re.sub(r"(?<=\d)[.,](?=\d)", "·", text)
    guarded = EXCHANGE.sub(lambda match: f"{match[1]}{WITH}", guarded)
    parts = CLAUSE_BREAK.split(guarded)
    return [part.replace("·", ".").replace(WITH, "with").strip() for part in parts if part.strip()]


WITH = "wvth"
EXCHANGE = re.compile(r"(\b(?:replace|swap|substitute|exchange|change|fill)\b[^;,.!?]{0,120}?\s)with\b")
""" "Replace this with that" is one clause; "darker with grain" is two."""


def tokens(clause: str) -> list[str]:
    """Words, numbers, ``W:H`` and signs, in one spelling."""
    found: list[str] = []
    for match in TOKEN.findall(clause):
        token = re.sub(r"\s+", "", match)
        own = OWN.fullmatch(token)
        if own:
            found += [own[1], "s"]
        elif len(token) == len(STAND_IN) + 1 and token.startswith(STAND_IN):
            found.append(f"q{ord(token[-1]) - ord('a')}")
        else:
            found.append(token)
    return [SPELLING.get(token, token) for token in found]
