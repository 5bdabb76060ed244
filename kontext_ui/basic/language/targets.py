"""Noun phrases: what part of the picture a clause speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kontext_ui.basic.language import colours
from kontext_ui.basic.language.names import NAMES
from kontext_ui.basic.language.plan import Target

MARK = "@"
"""Stands for a noun phrase in the words that readers get: ``@0`` is the first one."""

SYNONYMS = {
    "person": "man woman girl boy guy lady child kid baby human people men women children someone figure astronaut "
    "player dancer worker bride groom model human tourist pedestrian passer-by bystander gentleman umpire",
    "bicycle": "bike cycle",
    "car": "automobile vehicle suv sedan jeep taxi cab",
    "motorcycle": "motorbike moped scooter",
    "airplane": "plane aeroplane aircraft jet",
    "bus": "coach minibus",
    "truck": "lorry pickup van",
    "boat": "ship yacht sailboat ferry canoe",
    "traffic light": "traffic-light semaphore",
    "bird": "pigeon seagull gull sparrow duck parrot",
    "cat": "kitten kitty tabby",
    "dog": "puppy hound terrier",
    "horse": "pony stallion foal",
    "sheep": "lamb",
    "cow": "bull calf cattle",
    "backpack": "rucksack",
    "handbag": "bag purse tote",
    "sports ball": "ball football basketball",
    "cup": "mug teacup",
    "wine glass": "glass goblet",
    "donut": "doughnut",
    "couch": "sofa settee",
    "potted plant": "plant houseplant",
    "dining table": "table desk",
    "tv": "television monitor screen",
    "cell phone": "phone smartphone mobile iphone",
    "refrigerator": "fridge",
    "teddy bear": "teddy",
    "suitcase": "luggage",
    "laptop": "notebook",
    "clock": "watch",
    "hair drier": "hairdryer",
    "remote": "controller",
    "cake": "muffin cupcake",
}
PLURALS = {"people": "person", "men": "person", "women": "person", "children": "person", "cattle": "cow"}
SUBJECTS = frozenset(
    """subject main-subject foreground object main-object thing product animal creature flower blossom rose tulip daisy
    dahlia sunflower statue sculpture rocket toy doll figurine robot monument pagoda squirrel rabbit fox owl butterfly
    quokka mushroom pumpkin shoe sneaker guitar camera lamp helicopter fruit lemon""".split()
)
BACKGROUNDS = frozenset(("background", "backdrop", "surroundings", "bg"))
SKIES = frozenset(("sky", "skies", "clouds"))
WHICH = {
    "all": "all", "every": "all", "both": "all", "each": "all", "left": "left", "leftmost": "left", "right": "right",
    "rightmost": "right", "middle": "middle", "centre": "middle", "center": "middle", "central": "middle",
    "biggest": "largest", "largest": "largest", "big": "largest", "bigger": "largest", "smallest": "smallest",
    "small": "smallest", "smaller": "smallest", "first": "left", "other": "other", "second": "second", "third": "third",
    "front": "largest", "nearest": "largest", "closest": "largest",
}  # fmt: skip
ARTICLES = frozenset(("the", "a", "an", "this", "that", "these", "those", "my", "our", "his", "her", "their", "its"))
EXCEPT = frozenset(("except", "but", "besides", "without"))
WHOLE = frozenset(("everything", "all", "anything", "whole", "rest", "picture", "photo", "image", "it"))
POINTING = frozenset(("it", "this", "that", "these", "those", "selection"))
PARTS = frozenset(("part", "parts", "area", "areas", "things", "thing", "pixels", "region", "regions", "ones",
                   "objects"))  # fmt: skip
"""Words that name nothing by themselves: "the red parts"."""


def _names() -> dict[str, tuple[str, bool]]:
    """Word or phrase → the detector's name, and whether it is a plural."""
    known: dict[str, tuple[str, bool]] = {}
    for name in NAMES:
        for word in (name, *SYNONYMS.get(name, "").split()):
            known[word] = (name, False)
            known.setdefault(plural(word), (name, True))
    for word, name in PLURALS.items():
        known[word] = (name, True)
    return known


def with_article(word: str) -> str:
    """ "A car", "an elephant"."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def plural(word: str) -> str:
    if word == "person":
        return "people"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "sh", "ch", "x")) else f"{word}s"


KNOWN = _names()


def find(tokens: Sequence[str], has_mask: bool = False) -> tuple[list[str], tuple[Target, ...]]:
    """The words with every noun phrase replaced by a mark, and what the marks stand for.

    ``has_mask``: the user painted a mask, so a noun that nothing here can find may stand for it.
    """
    words: list[str] = []
    targets: list[Target] = []
    index = 0
    while index < len(tokens):
        target, length = _phrase(tokens, index, has_mask)
        if target is None:
            words.append(tokens[index])
            index += 1
            continue
        words.append(f"{MARK}{len(targets)}")
        targets.append(target)
        index += length
    return _without_exceptions(words, targets)


def _phrase(tokens: Sequence[str], start: int, has_mask: bool) -> tuple[Target | None, int]:
    """The noun phrase that starts here and how many words it takes."""
    index, which = _opening(tokens, start)
    articles = [word for word in tokens[start:index] if word in ARTICLES]
    colour, taken = colours.read(tokens, index)
    coloured = _noun(tokens, index + taken)[0] if colour else ""
    if coloured in BACKGROUNDS or coloured in SKIES:
        # "A white background" says what it shall become, not which one is meant.
        return None, 0
    source = colour if coloured else ""
    first = index + taken if coloured else index
    name, length = _noun(tokens, first)
    if length:
        place, after = _place(tokens, first + length)
        end = first + length + after
        said = " ".join(tokens[start:end])
        return _target(name, tokens[first : first + length], place or which, source, said), end - start
    is_definite = any(word not in ("a", "an") for word in articles)
    if colour and (is_definite or which == "all") and index + taken < len(tokens):
        return _coloured(tokens, start, index + taken, colour)
    if has_mask and list(tokens[start : start + 2]) == ["everything", "else"]:
        return Target("masked", "", "the painted area", inverted=True), 2
    if has_mask:
        return _shown(tokens, start, index, bool(articles))
    return None, 0


def _opening(tokens: Sequence[str], start: int) -> tuple[int, str]:
    """Where the articles and words like "left" or "all" end, and which one they pick."""
    index, which = start, ""
    while index < len(tokens):
        word = tokens[index]
        if word in WHICH and not which:
            which = WHICH[word]
        elif word not in ARTICLES and not (word == "of" and which == "all"):
            break
        index += 1
    return index, which


def _shown(tokens: Sequence[str], start: int, index: int, has_article: bool) -> tuple[Target | None, int]:
    """A noun that only the painted mask explains, or "it"."""
    if has_article and index < len(tokens) and _may_be_masked(tokens, index):
        return Target("masked", tokens[index], " ".join(tokens[start : index + 1])), index + 1 - start
    if tokens[start] in POINTING and index <= start + 1:
        return Target("masked", "", "the painted area"), 1
    return None, 0


def _place(tokens: Sequence[str], index: int) -> tuple[str, int]:
    """ "On the left", said after a noun: which one it picks, and how many words it takes."""
    words = list(tokens[index : index + 4])
    if len(words) >= 2 and words[0] in ("on", "at", "in", "to"):
        skipped = 2 if words[1] == "the" else 1
        if len(words) > skipped and words[skipped] in SIDES:
            return WHICH[words[skipped]], skipped + 1
    return "", 0


SIDES = frozenset(("left", "right", "middle", "centre", "front"))


def _noun(tokens: Sequence[str], index: int) -> tuple[str, int]:
    """The longest known noun here: its name and length in words."""
    for length in (2, 1):
        if index + length > len(tokens):
            continue
        word = " ".join(tokens[index : index + length])
        if word == "orange" and not _is_fruit(tokens, index):
            continue
        if word in KNOWN:
            return word, length
        joined = word.replace(" ", "-")
        if joined in SUBJECTS or _singular(joined) in SUBJECTS or word in BACKGROUNDS or word in SKIES:
            return joined, length
    return "", 0


def _is_fruit(tokens: Sequence[str], index: int) -> bool:
    """ "An orange suit" and "make it orange" speak of a colour, "peel the orange" of a fruit."""
    following = tokens[index + 1] if index + 1 < len(tokens) else ""
    return index > 0 and tokens[index - 1] in ARTICLES and (not following.isalpha() or following in LINKS)


LINKS = frozenset(
    ("to", "into", "in", "from", "look", "be", "more", "less", "darker", "brighter", "lighter")
) | frozenset(colours.WORDS)


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _target(name: str, words: Sequence[str], which: str, source: str, said: str) -> Target:
    if name in BACKGROUNDS:
        return Target("background", "background", said)
    if name in SKIES:
        return Target("sky", "sky", said)
    if name in KNOWN:
        detected, is_plural = KNOWN[name]
        return Target("named", detected, said, source, which or ("all" if is_plural else "best"))
    return Target("subject", " ".join(words), said, source, which or "best")


def _coloured(tokens: Sequence[str], start: int, index: int, colour: str) -> tuple[Target | None, int]:
    """A colour and what people wear, or a part: "the orange suit". Of any other noun a colour tells too little."""
    noun = tokens[index]
    if noun not in PARTS and noun not in CLOTHES:
        return None, 0
    name = "" if noun in PARTS else noun
    return Target("colour", name, " ".join(tokens[start : index + 1]), colour), index + 1 - start


CLOTHES = frozenset(
    """suit jacket coat shirt t-shirt tshirt blouse sweater jumper pullover hoodie cardigan dress skirt trousers pants
    jeans shorts scarf hat cap beanie helmet gloves socks shoes boots vest uniform robe sari kimono top clothes outfit
    tie shirts t-shirts jersey""".split()
)
"""Looked for on the people of a picture only."""
NO_NOUNS = frozenset(
    """to into in and or with by from of at on more less very much a the paint coat job tint tone tones colour colours
    hue light eye eyes face faces hair skin lips lip teeth tooth mouth nose hand hands nail nails red-eye
        shade filter version style background""".split()
)


def _may_be_masked(tokens: Sequence[str], index: int) -> bool:
    word = tokens[index]
    return (
        word.isalpha()
        and word not in WHOLE
        and word not in NO_NOUNS
        and word not in WHICH
        and word not in colours.WORDS
    )


def _without_exceptions(words: list[str], targets: list[Target]) -> tuple[list[str], tuple[Target, ...]]:
    """ "Everything except the car" and "all but the flower" are one target: the inverse of what is named."""
    for position, word in enumerate(words):
        if word not in EXCEPT or position + 1 >= len(words):
            continue
        after = position + 2 if words[position + 1] in ("for", "from") else position + 1
        if after >= len(words) or not words[after].startswith(MARK):
            continue
        number = int(words[after][1:])
        targets[number] = replace(targets[number], inverted=True)
        before = [w for w in words[:position] if w not in ("everything", "anything", "all")]
        return [*before, *words[after:]], tuple(targets)
    return words, tuple(targets)


VERBS = frozenset(
    """change make turn paint colour recolour dye tint switch set swap replace give add put remove delete erase clear
    take get cut hide blur sharpen brighten darken crop rotate flip with left right""".split()
)


def is_known(word: str) -> bool:
    """Whether a word means something here, though perhaps not in this clause: a refusal names the others."""
    return (
        word in KNOWN or word in SUBJECTS or word in BACKGROUNDS or word in SKIES or word in colours.WORDS
        or word in WHICH or word in VERBS
    )  # fmt: skip
