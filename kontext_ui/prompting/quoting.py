"""Text in a picture is changed most reliably when both the old and the new text are in quotes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kontext_ui.prompting.english import COLOURS, QUOTED

SURFACE = (
    r"(?:text|sign|words?|title|caption|label|letters|lettering|headline|slogan|logo|inscription|writing|poster|banner)"
)
LOOKS = COLOURS | frozenset(
    """bold bigger larger smaller italic readable legible brighter darker sharper visible font colour color size neon
    wooden metal glow glowing handwritten clean blurry""".split()
)
FROM_TO = re.compile(
    rf"(?:change|replace|switch) (?:the |all )?{SURFACE} from (?P<old>.+?) (?:to|with) (?P<new>.+)", re.IGNORECASE
)
NAMED = re.compile(
    r"(?:change|replace|switch) the (?:text|words?|letters|writing|title|caption|headline|inscription) "
    r"(?P<old>.+?) (?:to|with|by) (?P<new>.+)",
    re.IGNORECASE,
)
TO = re.compile(
    rf"(?P<head>(?:change|replace|switch|set) (?:the |all |its )?(?:\w+ )?{SURFACE}(?: on the \w+)?"
    r"(?: to (?:say|read)| to| with)) (?P<new>.+)",
    re.IGNORECASE,
)
SAYING = re.compile(
    r"(?P<head>.*\b(?:say|says|saying|reads?|reading|that says|with the (?:text|words?)))(?::? )(?P<new>.+)",
    re.IGNORECASE,
)
WRITE = re.compile(
    r"(?P<head>(?:write|print|add the (?:text|words?|caption|title)|engrave)) (?P<new>.+?)"
    r"(?P<tail> (?:on|in|at|across|under|above|below|over|into) (?:the|her|his|their|its|top|bottom)\b.*)?",
    re.IGNORECASE,
)
LONGEST = 60


def missing_quotes(text: str, seen: Sequence[str] = ()) -> tuple[bool, str]:
    """Whether quotes are missing, and the instruction with quotes where it is clear what belongs in them.

    ``seen``: texts that can be read in the picture; replacing one of them is a text edit too.
    """
    text = text.rstrip(" .")
    if QUOTED.search(text):
        return False, ""
    if match := FROM_TO.fullmatch(text) or NAMED.fullmatch(text):
        return True, f'Replace "{_exact(match["old"], seen)}" with "{match["new"]}"'
    if rewritten := _of_seen(text, seen):
        return True, rewritten
    if (match := SAYING.fullmatch(text)) and re.search(rf"\b{SURFACE}\b|\bsaying\b|\bthat says\b", text, re.IGNORECASE):
        return True, f'{match["head"]} "{match["new"]}"'
    if (match := TO.fullmatch(text)) and not _about_looks(match["new"]):
        return True, f'{match["head"]} "{match["new"]}"'
    if match := WRITE.fullmatch(text):
        return True, f'{match["head"]} "{match["new"]}"{match["tail"] or ""}'
    return False, ""


def _of_seen(text: str, seen: Sequence[str]) -> str:
    """ "Replace open with closed" when OPEN can be read in the picture."""
    match = re.fullmatch(
        r"(?:replace|change|switch) (?:the )?(?P<old>.+?) (?:with|to|by|into) (?P<new>.+)", text, re.IGNORECASE
    )
    if match is None or match["old"].lower() not in [word.lower() for word in seen]:
        return ""
    return f'Replace "{_exact(match["old"], seen)}" with "{match["new"]}"'


def _exact(word: str, seen: Sequence[str]) -> str:
    """Spelt as it is in the picture."""
    return next((one for one in seen if one.lower() == word.lower()), word)


def _about_looks(new: str) -> bool:
    words = set(re.findall(r"[a-z]+", new.lower()))
    return bool(words & LOOKS) or len(new) > LONGEST
