"""Instructions that ask for another person when a different look is meant: "transform him into a viking"."""

from __future__ import annotations

import re

from kontext_ui.prompting.english import MEDIA, PEOPLE, article, preserves

ROLES = frozenset(
    """viking knight pirate king queen prince princess astronaut cosmonaut zombie vampire superhero hero wizard witch
    samurai ninja cowboy cowgirl soldier warrior gladiator clown elf monk nun chef doctor nurse firefighter policeman
    detective spy pharaoh geisha emperor empress hippie punk rockstar goth biker farmer sailor pilot mermaid fairy angel
    devil demon cyborg android jedi barbarian roman egyptian victorian medieval businessman businesswoman ballerina
    dancer footballer boxer santa elvis""".split()
)
WHO = r"(?P<who>him|her|them|me|us|it|this|(?:the|this|that|my|these|those|all(?: the)?)(?: \w+){1,3}?)"
BECOME = re.compile(
    rf"(?:please )?(?:can you )?(?:transform|turn|convert|change|morph)(?: {WHO})? (?:in)?to (?P<role>.+)"
    rf"|(?:please )?make {WHO.replace('who', 'whom')} (?:look like |into |be |become )?(?P<part>(?:a|an|the) .+)",
    re.IGNORECASE,
)
POSSESSIVE = {"him": "his", "her": "her", "them": "their", "me": "my", "us": "our"}
KEPT = "facial features, eye colour, hairstyle and expression"


def whole_person(text: str) -> str:
    """A wording that keeps the person's identity; empty when the instruction does not ask for another person."""
    match = BECOME.fullmatch(text.rstrip(" .!"))
    if match is None or preserves(text) or MEDIA.search(text.lower()):
        return ""
    who = (match["who"] or match["whom"] or "").lower()
    role = re.sub(r"^(?:a|an|the) ", "", (match["role"] or match["part"]).strip(), flags=re.IGNORECASE)
    named = bool(set(who.split()) & PEOPLE) or who in POSSESSIVE
    is_role = bool(set(role.lower().split()) & ROLES)
    unnamed = who in ("", "it", "this")
    if not is_role or not (named or unnamed):
        return ""
    return f"Change {_whose(who)} clothes to those of {article(role)}, while preserving {KEPT}"


def _whose(who: str) -> str:
    if who in POSSESSIVE:
        return POSSESSIVE[who]
    return "the person's" if who in ("", "it", "this") else f"{who}'{'' if who.endswith('s') else 's'}"
