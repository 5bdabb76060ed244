"""Messages that are no instructions: commands, and words that lean on the turns before.

Text only, and the same for every engine: a caller asks ``command`` first, then ``follow``; ``None`` from both
means that the message is sent as it is. Nothing here is guessed: what does not fit a rule whole is ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kontext_ui.basic.language import colours, words
from kontext_ui.basic.language.strength import take

CommandName: TypeAlias = Literal["undo", "redo", "original", "again", "compare", "stop", "thanks", "explain"]
COMMANDS: Mapping[CommandName, str] = {
    "undo": r"undo(?: (?:that|this|it|the last (?:one|edit|step|change)|last))?|(?:go |step )?back(?: one(?: step)?)?"
    r"|revert(?: that| it)?|take (?:that|it) back|that'?s wrong|rückgängig(?: machen)?|annuler|deshacer"
    r"|annulla|desfazer|ongedaan maken|元に戻す|撤销",
    "redo": r"redo(?: (?:that|it))?|wiederholen|rétablir|rehacer|やり直す|重做",
    "original": r"reset|start (?:over|again)|(?:go |take me )?back to (?:the )?(?:original|start|beginning|first one)"
    r"|undo (?:all|everything)|restore the original|original",
    "again": r"(?:try |once )?(?:it )?again|try (?:it|that|this) again|retry|another (?:one|try|version)|one more time",
    "compare": r"compare(?: (?:it|them|before and after|with (?:the )?(?:original|before)))?"
    r"|(?:show )?before(?: and |/)after"
    r"|show (?:me )?(?:the )?difference|what changed",
    "stop": r"stop(?: (?:it|that))?|cancel(?: (?:it|that))?|abort|wait stop",
    "thanks": r"(?:(?:perfect|great|nice|good|cool|super|awesome|wow|lovely|love it|ok|okay|well done|looks good|thx|ty"
    r"|thanks?(?: you)?(?: (?:so|very) much| a lot)?|danke|merci|gracias|grazie|obrigado|bedankt|ありがとう|谢谢)"
    r"[ ,.!]*)+",
    "explain": r"what did you (?:do|change)|what happened",
}
LEADING = re.compile(
    r"^(?:(?:please|ok|okay|hey|hi|hello|perfect|great|nice|thanks|thank you)[ ,.!]+)+|[ ,]*(?:please|pls)$"
)
JOINING = re.compile(r"^(?:(?:and|now|then|also) )+")
BACK = re.compile(
    r"(?:put|bring) (.+) back|(?:bring|get) back (.+)|(?:go )?back to the original (.+)"
    r"|undo the (.+?)(?:,? but keep .+)?"
)
CUMULATIVE = frozenset(
    "brightness contrast saturation warmth shadows highlights sharpen denoise grain vignette straighten".split()
)
"""Operations of which a second one adds to the first; of the others, more is the same thing done anew."""
Onto: TypeAlias = Literal["head", "parent"]


@dataclass(frozen=True)
class Turn:
    """What one turn said and did: the instruction, its plan as stored with the version, its alternatives."""

    instruction: str
    steps: Sequence[Mapping[str, object]] = ()
    alternatives: Sequence[str] = ()


@dataclass(frozen=True)
class Follow:
    """A message made to stand alone. ``onto``: the picture that it applies to; ``parent`` replaces the last edit.

    ``undone`` is set instead of ``instruction`` when a region of an earlier turn shall be as it was before it:
    the number of that turn in the list given, counted from its end, 1 = the last.
    """

    instruction: str
    onto: Onto = "head"
    undone: int = 0
    elsewhere: bool = False
    """It is about another thing than the last turn was."""


@dataclass(frozen=True)
class _Last:
    """The last step of a turn, as its rules need it."""

    turn: Turn
    operation: str
    words: str
    plain: str
    """``words`` without how much."""
    arguments: Mapping[str, object] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """The place that it was about, as the user called it; empty for the whole picture."""
        return str(self.arguments.get("said", "the sky" if self.operation == "sky" else ""))


def command(message: str) -> CommandName | None:
    """The command that a whole message is, in any tier; ``None`` for an instruction."""
    texts = (_plain(message), _plain(LEADING.sub("", _plain(message))))
    return next((name for name, pattern in COMMANDS.items() for text in texts if re.fullmatch(pattern, text)), None)


def follow(message: str, turns: Sequence[Turn]) -> Follow | None:
    """What a message that leans on the last turns says in full; ``turns`` lead to the head, the last one last."""
    text = _plain(LEADING.sub("", _plain(message)))
    back = BACK.fullmatch(text)
    if back:
        return _brought_back(next(thing for thing in back.groups() if thing), turns)
    if not turns or not turns[-1].steps:
        return None
    step = turns[-1].steps[-1]
    arguments = step.get("arguments")
    said = JOINING.sub("", str(step.get("words", "")))
    last = _Last(
        turns[-1], str(step.get("operation", "")), said, " ".join(take(words.tokens(words.clean(said)))[1]) or said,
        arguments if isinstance(arguments, Mapping) else {},
    )  # fmt: skip
    return next((found for rule in RULES for found in (rule(text, last),) if found is not None), None)


def _plain(message: str) -> str:
    return " ".join(message.lower().replace("’", "'").split()).strip(" .!?,")


def _brought_back(thing: str, turns: Sequence[Turn]) -> Follow | None:
    noun = words.tokens(words.clean(thing))[-1]
    for number, turn in enumerate(reversed(turns), start=1):
        if any(noun in words.tokens(words.clean(str(step.get("words", "")))) for step in turn.steps):
            return Follow("", undone=number)
    return None


def _strength(text: str, last: _Last) -> Follow | None:
    """ "A bit more", "less", "too much", "half that", "do it again"."""
    match = re.fullmatch(
        r"(?:make it |do )?(?P<little>(?:just )?a (?:little|bit|touch)(?: bit)? |little |slightly )?"
        r"(?:even |much |a lot )?"
        r"(?:(?P<more>more|stronger|further|again|it again|that again|repeat that|same again|once more)"
        r"|(?P<less>less|weaker|softer|too much|too strong|half that|not so much)) ?(?P<of>\w+)?",
        text,
    )
    if not match or (match["of"] and not any(word.startswith(match["of"]) for word in last.plain.split())):
        return None
    if match["less"]:
        return Follow(f"{last.plain} slightly", "parent")
    if last.operation in CUMULATIVE:
        return Follow(f"{last.plain} a bit" if match["little"] else last.words)
    if "again" in match["more"] or "repeat" in match["more"]:
        return None
    return Follow(f"{last.plain} {'extremely' if 'lot' in last.words else 'a lot'}", "parent")


def _colour(text: str, last: _Last) -> Follow | None:
    """ "No, blue instead", "actually light grey", "make it white"."""
    found = re.fullmatch(
        r"(?:no|nope|actually|rather|better|or)?,? ?(?:(?:make|paint|turn) (?:it|them) |change the colour to |in )?"
        r"(?P<what>[\w -]+?)(?: instead| rather)?",
        text.replace("color", "colour"),
    )
    tokens = words.tokens(found["what"]) if found else []
    bright = {"brighter": "bright", "darker": "dark", "lighter": "light"}
    colour, length = colours.read(tokens, 0)
    if not colour or length != len(tokens):
        return None
    colour = " ".join(bright.get(word, word) for word in colour.split())
    if last.operation == "recolour":
        return Follow(f"make {last.said} {colour}", "parent")
    if last.operation == "background":
        return Follow(f"make the background {colour}", "parent")
    if last.operation.endswith("_text"):
        old = r" in (?:" + "|".join(colours.WORDS) + ")$"
        return Follow(f"{re.sub(old, '', last.turn.instruction)} in {colour}", "parent")
    if last.said and last.operation != "remove":
        return Follow(f"make {last.said} {colour}")
    return None


def _other(text: str, last: _Last) -> Follow | None:
    """ "No, the other one", "the other one too", "both of them"."""
    if not last.turn.alternatives:
        return None
    if re.fullmatch(r"(?:no,? )?(?:i mean(?:t)? )?the other(?: one)?", text):
        return Follow(last.turn.alternatives[0], "parent", elsewhere=True)
    if re.fullmatch(r"(?:and )?the other(?: one)?(?: too| as well| also)", text):
        return Follow(last.turn.alternatives[0], elsewhere=True)
    if re.fullmatch(r"(?:no,? )?(?:both|all)(?: of them)?", text):
        return Follow(last.turn.alternatives[-1], "parent", elsewhere=True)
    return None


def _same_for(text: str, last: _Last) -> Follow | None:
    """ "The same for the dog", "and the horse too", "now the car in the back"."""
    match = re.fullmatch(
        r"(?:do )?(?:the )?same (?:for|with|to) (?P<a>.+)|(?:and |also )?(?P<b>(?:the|his|her|all) .+?)"
        r" (?:too|as well|also)"
        r"|(?:and )?now (?P<c>(?:the|his|her) .+)|and (?P<d>(?:the|his|her|all) .+)",
        text,
    )
    if not match or not last.said or last.said not in last.words:
        return None
    thing = next(value for value in match.groups() if value).replace("all the other ", "all ")
    if len(thing.split()) > MOST_WORDS or (set(words.tokens(thing)) & (colours.WORDS | COMPARATIVES)):
        return None
    sides = re.fullmatch(r"the (left|right|middle|second|third)(?: one)?", thing)
    if sides:
        thing = f"the {sides[1]} {str(last.arguments.get('name', '')) or last.said.split()[-1]}"
    return Follow(last.words.replace(last.said, thing, 1), elsewhere=True)


MOST_WORDS = 6
COMPARATIVES = frozenset("darker brighter warmer cooler sharper softer lighter blurry larger smaller stronger".split())


def _of_that(text: str, last: _Last) -> Follow | None:
    """ "A bit darker" about the car that the last turn painted; "now make it darker" is about the picture."""
    match = re.fullmatch(r"(?:make it |even )*((?:a (?:bit|little) |much |even )?(\w+))", text)
    if not match or match[2] not in COMPARATIVES or not last.said or last.operation == "remove":
        return None
    return Follow(f"make {last.said} {match[1].removeprefix('even ')}")


def _text(text: str, last: _Last) -> Follow | None:
    """ "Now change it to NO ENTRY", "move it to the top", of a text that the last turn wrote."""
    if not last.operation.endswith("_text"):
        return None
    if text in ("remove it", "delete it", "take it away") and last.operation == "add_text":
        return Follow("", undone=1)
    if re.fullmatch(r"(?:make it )?(?:a bit |much )?(bigger|smaller|larger|bolder)", text):
        return Follow(f"{last.turn.instruction} {text.split()[-1]}", "parent")
    quoted = re.findall(r"[“\"]([^”\"]+)[”\"]", last.turn.instruction)
    new = re.fullmatch(r"(?:no,? |now )?(?:change|make) it (?:to|say|into) [\"“]?([^\"”]+)[\"”]?", text)
    if new and quoted:
        wording = new[1].upper() if quoted[-1].isupper() else new[1]
        return Follow(_swapped(last.turn.instruction, quoted[-1], wording), "parent")
    place = re.fullmatch(r"(?:move|put) it (?:to|at|in) the (top|bottom|left|right|middle|centre)", text)
    if place:
        cleared = re.sub(
            r" (?:at|in|on) the (?:top|bottom|middle|centre)(?: (?:left|right))?", "", last.turn.instruction
        )
        return Follow(f"{cleared} at the {place[1]}", "parent")
    return None


def _swapped(text: str, old: str, new: str) -> str:
    before, _, after = text.rpartition(old)
    return f"{before}{new}{after}"


def _sky(text: str, last: _Last) -> Follow | None:
    """ "Same but stormy"."""
    match = re.fullmatch(r"(?:the )?same but (\w+(?: \w+)?)", text)
    return Follow(f"make the sky {match[1]}", "parent") if match and last.operation == "sky" else None


RULES: tuple[Callable[[str, _Last], Follow | None], ...] = (
    _strength,
    _colour,
    _other,
    _same_for,
    _text,
    _sky,
    _of_that,
)
