"""Instructions about quoted text: what to replace, remove or add, and where."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kontext_ui.basic.language import colours
from kontext_ui.basic.language.plan import Step, Value

NOUN = (
    r"(?:texts?|words?|lettering|letters?|caption|title|heading|headline|inscription|writing|names?|numbers?|phrase|"
    r"message|slogan|line|digits?|label|logo|string|characters?)"
)
SURFACE = (
    r"(?:(?:number|licence|license|name|street|road|shop|store|traffic|neon|stop|street-name|big|small|front|wooden|"
    r"metal) )*"
    r"(?:sign|signs|signboard|label|banner|billboard|poster|plate|shirt|t-shirt|tee|tshirt|jersey|cap|hat|mug|cup|book|cover|page|screen|"
    r"board|blackboard|chalkboard|whiteboard|wall|storefront|shop|store|window|door|bottle|can|box|bag|bus|truck|van|car|taxi|"
    r"train|boat|ship|plane|flag|sticker|badge|tag|card|logo|building|facade|marquee|awning|newspaper|magazine|cake|paper|"
    r"note|package|packaging|clock|menu|ticket|stone|fence|monument|bench|display|arrow)"
)
DET = r"(?:(?:the|a|an|this|that|its|it's|my|our|his|her|their|all|every|each|any|both|some) )*"
SIDE = (
    r"(?:top|bottom|upper|lower|left|right|middle|centre|center|central|centered|centred|top-left|top-right|"
    r"bottom-left|bottom-right|left-hand|right-hand)"
)
WHERE = (
    rf"(?:at|in|on|to|near|along|towards?|from) (?:(?:the|its|very) )*(?:{SIDE} )*{SIDE}"
    r"(?: (?:corner|side|edge|half|part|of|the|picture|photo|image|frame|third))*"
)
PLACE = (
    rf"(?:(?:on|in|from|at|of|across|over|above|onto) {DET}(?:{SIDE} )*(?:{SURFACE}|picture|photo|image|background|it))"
)
CHANGE = (
    r"(?:change|replace|swap|substitute|turn|switch|edit|update|rewrite|make|alter|set|correct|fix|convert|exchange|"
    r"modify|translate)"
)
REMOVE = (
    r"(?:remove|delete|erase|get rid of|take out|take away|take off|take|wipe|wipe out|wipe off|clear|clean|hide|strip|"
    r"drop|eliminate|clean up|blank out|scrub)"
)
ADD = r"(?:add|write|put|place|insert|print|type|overlay|include|draw|set|letter|show|display)"
SAYS = r"(?:say|says|saying|read|reads|reading|show|shows|spell|spells|be|become|becomes|display|displays)"
MUST = r"(?:should|must|has to|needs to|shall|to|now|ought to)"
TO = (
    r"(?:to|with|by|into|for|as|so|and|instead|which|that)"
    rf"(?: (?:make|so|that|it|to|as|which|the|a|an|this|{SAYS}|{NOUN}|new|instead))*"
)
"""Every repetition in these patterns begins with a word of its own, so that reading stays linear in the length."""
TAIL = r"(?P<tail>(?: [^q]\S*| q(?!\d)\S*)*)"
FACES = {
    "bold": "sans-bold", "sans": "sans", "sans-serif": "sans", "serif": "serif", "slab": "slab", "handwritten": "hand",
    "handwriting": "hand", "script": "hand", "cursive": "hand", "brush": "hand", "hand-drawn": "hand-capitals",
    "condensed": "condensed", "narrow": "condensed", "rounded": "rounded", "round": "rounded", "friendly": "rounded",
    "mono": "mono", "monospace": "mono", "typewriter": "mono", "geometric": "geometric", "modern": "geometric",
    "plain": "sans",
}  # fmt: skip
SIZES = {
    "big": 1.5,
    "large": 1.5,
    "huge": 2.0,
    "small": 0.65,
    "tiny": 0.45,
    "little": 0.65,
    "larger": 1.5,
    "bigger": 1.5,
}
TAIL_FILL = frozenset(
    """in the a an at on of to with letters lettering letter text font face type typeface colour coloured style size
    corner side edge half part picture photo image frame it its using and as caption title heading headline word words
    near along very please here there instead third writing same matching original""".split()
)

AT = rf"(?P<at>(?: {PLACE}| {WHERE})*)"
OLD = rf"(?P<det>{DET})(?:{NOUN} )?(?P<old>q\d+)"
NEW = rf"(?P<new>q\d+){TAIL}"
BECOME = rf"(?:{SAYS}|be replaced (?:with|by)|be changed (?:to|into))"
BOARD = rf"{DET}(?:{SIDE} )?(?:{NOUN}|{SURFACE}|{SURFACE} {NOUN})(?: {PLACE})*"
AGAIN = r"(?: (?:completely|entirely|please|out|away|everywhere))*"
REPLACE = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{CHANGE} (?P<det>{DET})(?:{NOUN} )?(?:on {DET}{SURFACE} )?(?:from )?(?P<old>q\d+){AT} {TO} {NEW}",
        rf"(?:{CHANGE}|let|have|get) {OLD}{AT} (?:to )?{SAYS} {NEW}",
        rf"{OLD}{AT} {MUST} (?:instead )?{BECOME} (?:{DET}(?:{NOUN} )?)?{NEW}",
        rf"(?:{ADD}|use|have|change to) (?P<det>{DET})(?:{NOUN} )?(?P<new>q\d+){AT} "
        rf"(?:instead of|in place of|rather than|over|where it says|for) {DET}(?:{NOUN} )?(?P<old>q\d+){TAIL}",
        rf"(?P<old>q\d+) (?:->|→|=>|to|becomes) (?P<at>)(?P<det>){NEW}",
    )
)
ONLY = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{CHANGE} {BOARD} (?:{TO}|{MUST} {SAYS}) {NEW}",
        rf"(?:{CHANGE}|let|have|get) {BOARD} (?:to )?{SAYS} {NEW}",
        rf"{BOARD} {MUST} {SAYS} {NEW}",
    )
)
REMOVE_QUOTED = re.compile(
    rf"{REMOVE} (?P<det>{DET})(?:{NOUN} )?(?:saying |that says |reading )?(?P<old>q\d+){AT}{AGAIN}"
)
REMOVE_ALL = re.compile(
    rf"{REMOVE} (?P<det>{DET})(?:of the |of )?(?:{NOUN}|{SURFACE} (?:text|lettering|writing)|subtitles?|"
    rf"text and numbers|captions){AT}{AGAIN}"
)
ADD_QUOTED = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{ADD} (?P<before>(?:(?!q\d)\S+ )*?){NEW}",
        rf"(?:caption|title|label)(?: (?:it|this|the picture|the photo|the image))?(?: with| as)? (?P<before>){NEW}",
    )
)
BEFORE_FILL = TAIL_FILL | frozenset(
    "saying says that reading which reads some new large big small label slogan phrase name message line".split()
)


def read(tokens: Sequence[str], quotes: Sequence[str], clause: str, has_mask: bool) -> Step | None:
    """The step of one clause whose quoted strings are tokens ``q0`` …; ``None`` when any word is left over."""
    if any(token[0] == "q" and token[1:].isdigit() and int(token[1:]) >= len(quotes) for token in tokens):
        return None
    text = " ".join(token for token in tokens if token not in {",", ".", ":", ";", "!", "(", ")", "please"})
    found = _replace(text, quotes) or _remove(text, quotes) or _add(text, quotes, has_mask)
    return None if found is None else Step(found[0], found[1], clause)


Found = tuple[str, dict[str, Value]]


def _replace(text: str, quotes: Sequence[str]) -> Found | None:
    for pattern in REPLACE:
        match = pattern.fullmatch(text)
        if match:
            details = _details(match["tail"], ("colour", "where", "surface"))
            if details is None:
                continue
            which = _which(match["det"], f"{match['at']} {details.pop('where', '')}")
            details.pop("surface", None)
            return "replace_text", {"old": _quote(match["old"], quotes), "new": _quote(match["new"], quotes),
                                    "which": which, **details}  # fmt: skip
    for pattern in ONLY:
        match = pattern.fullmatch(text)
        details = _details(match["tail"], ("colour",)) if match else None
        if match and details is not None:
            where = _which("", text.split(" q")[0])
            return "replace_text", {"old": "", "new": _quote(match["new"], quotes), "which": where, **details}
    return None


def _remove(text: str, quotes: Sequence[str]) -> Found | None:
    match = REMOVE_QUOTED.fullmatch(text)
    if match:
        which = _which(match["det"], match["at"])
        return "remove_text", {"old": _quote(match["old"], quotes), "which": which}
    match = REMOVE_ALL.fullmatch(text)
    if match:
        which = _which("", match["at"])
        found: dict[str, Value] = {"old": "", "which": "all" if which == "best" else which}
        named = re.search(rf"{SURFACE}", f"{match['at']} {text}".replace("label", ""))
        return "remove_text", {**found, "surface": named[0]} if named else found
    return None


def _add(text: str, quotes: Sequence[str], has_mask: bool) -> Found | None:
    for pattern in ADD_QUOTED:
        match = pattern.fullmatch(text)
        if not match:
            continue
        details = _details(f"{match['before']} {match['tail']}", ("colour", "where", "face", "size", "surface"))
        if details is None:
            continue
        if "surface" in details and not has_mask:
            details["needs_mask"] = True
        title = bool(re.search(r"\b(title|heading|headline)\b", text))
        where = str(details.pop("where", "")) or ("top" if title else "")
        return "add_text", {"new": _quote(match["new"], quotes), "where": where, **details}
    return None


def _quote(token: str, quotes: Sequence[str]) -> str:
    return quotes[int(token[1:])]


def _which(det: str, at: str) -> str:
    """``all``, a place such as ``top left``, or ``best``."""
    if {"all", "every", "each", "both"} & set(det.split()):
        return "all"
    return _sides(at.split()) or "best"


def _sides(tokens: Sequence[str]) -> str:
    words = [part for token in tokens for part in token.split("-")]
    rows = ["top" if w in ("top", "upper") else "bottom" for w in words if w in ("top", "upper", "bottom", "lower")]
    columns = [w for w in words if w in ("left", "right")]
    middle = any(w in ("middle", "centre", "center", "central", "centered", "centred") for w in words)
    place = " ".join((*rows[:1], *columns[:1]))
    return place or ("centre" if middle else "")


def _details(tail: str, allowed: Sequence[str]) -> dict[str, Value] | None:
    """Colour, place, face and size named around a quoted text; ``None`` when a word is left over."""
    tokens, found = tail.split(), dict[str, Value]()
    sides: list[str] = []
    index = 0
    while index < len(tokens):
        colour, length = colours.read(tokens, index)
        token = tokens[index]
        surface = re.match(rf"(?:{SURFACE})(?= |$)", " ".join(tokens[index:]))
        if length and "colour" in allowed:
            found["colour"] = colour
            index += length
            continue
        if re.fullmatch(SIDE, token) and "where" in allowed:
            sides.append(token)
        elif token in FACES and "face" in allowed:
            found["face"] = FACES[token]
        elif token in SIZES and "size" in allowed:
            found["size"] = SIZES[token]
        elif surface and "surface" in allowed:
            found["surface"] = surface[0]
            index += len(surface[0].split()) - 1
        elif token not in BEFORE_FILL:
            return None
        index += 1
    if sides:
        found["where"] = _sides(sides)
    return found
