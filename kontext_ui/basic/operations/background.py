"""What is behind the main subject: blurred, removed, one colour, a studio, or a drawn scene."""

from __future__ import annotations

import re
from dataclasses import replace

import cv2
import numpy as np

from kontext_ui.basic.language import colours
from kontext_ui.basic.language.grammar import Clause
from kontext_ui.basic.language.plan import Step, Value, of_step
from kontext_ui.basic.language.strength import take
from kontext_ui.basic.language.targets import MARK
from kontext_ui.basic.operations import scenes
from kontext_ui.basic.operations.family import Family, always
from kontext_ui.basic.operations.work import BAND_ROWS, Made, Work
from kontext_ui.basic.vision import checking
from kontext_ui.basic.vision.networks import DETECTOR
from kontext_ui.basic.vision.regions import find_region, subject_plane
from kontext_ui.basic.vision.shape import Plane, reduced, refined
from kontext_ui.edits import Mask, Pixels

OPERATIONS = frozenset(("background",))
_AT = f"{MARK}0"
REMOVE = re.compile(
    rf"(?:remove|delete|erase|cut|cut out|take away|get rid of|drop)(?: away| out)? {_AT}"
    rf"|(?:make|turn) {_AT} (?:transparent|see-through|invisible)"
    rf"|(?:add|with|make)? ?(?:transparent|no) {_AT}"
)
ISOLATE = re.compile(rf"(?:cut|isolate|extract|separate)(?: out)? {_AT}(?: out| from {MARK}1| off {MARK}1)*")
ONLY = re.compile(rf"(?:remove|delete|erase|get rid of|cut(?: out| away)?) {_AT}")
""" "Remove everything except the cat": the target is inverted."""
BLUR = re.compile(
    rf"(?:blur|soften|defocus)(?: out)? {_AT}|(?:make|turn) {_AT} (?:blurry|blurred|blurrier|soft|softer|out-of-focus)"
    rf"|(?:blurry|blurred|soft) {_AT}|{_AT} (?:blur|blurred|blurry)"
    rf"|(?:add|give|put)?(?: some)? (?:bokeh|blur)(?: effect)?(?: to| in| on) {_AT}"
)
BOKEH = frozenset(
    ("portrait-mode", "add bokeh", "bokeh", "shallow depth of field", "add shallow depth of field", "depth of field")
)
_LINK = (
    r"(?:to|into|with|by|for|be|look|looks|like|a|an|plain|solid|simple|clean|of|in|completely|all|pure|drawn|painted)"
)
REPLACE = re.compile(
    rf"(?:change|make|turn|replace|set|swap|put|paint|colour|fill)(?: in)? {_AT}(?: {_LINK})*(?: (?P<what>.+?))"
    r"(?: colour| background| backdrop| scene)?"
)
FRONT = re.compile(
    rf"(?:(?:(?:put|place|set|show) )?(?:it|him|her|them|{_AT}) )?(?:add|put|use|want|give|make)?"
    rf" ?(?:(?:a|an|plain|solid|simple|in|on|with|before|against|front|of) )*(?P<what>.+?) {MARK}\d"
)
PLACED = re.compile(
    rf"(?:put|place|set|show) (?:it|him|her|them|{_AT}) (?:(?:on|in|at|into|onto|before|front|of|a|an) )*(?P<what>.+)"
)
PLAIN = re.compile(rf"{_AT} (?:{_LINK} )*(?P<what>.+)")
USUAL_BLUR = 0.5
SHADOW = 0.42
"""Darkness of the ground shadow at its centre, 0..1."""


def read(clause: Clause) -> Step | None:
    strength, rest = take(clause.marked)
    text = " ".join(token for token in rest if token not in ("the", "effect"))
    blur = Step("background", {"how": "blur", "amount": round(strength.of(USUAL_BLUR, 1.5), 4)}, clause.text)
    if text in BOKEH:
        return blur
    if len(clause.targets) == 2 and clause.targets[1].kind == "background":
        if ISOLATE.fullmatch(text):
            return _isolated(clause)
        match = FRONT.fullmatch(text)
        return _replacement(match["what"], clause.text) if match else None
    if len(clause.targets) != 1:
        return None
    if (ONLY if clause.targets[0].inverted else ISOLATE).fullmatch(text):
        return _isolated(clause)
    if clause.targets[0].inverted:
        return None
    if clause.targets[0].kind != "background":
        match = PLACED.fullmatch(text)
        return _replacement(match["what"], clause.text) if match and scenes.read(match["what"]) else None
    if REMOVE.fullmatch(text):
        return Step("background", {"how": "remove"}, clause.text)
    if BLUR.fullmatch(text):
        return blur
    match = REPLACE.fullmatch(text) or FRONT.fullmatch(text) or PLAIN.fullmatch(text)
    return _replacement(match["what"], clause.text) if match else None


def _isolated(clause: Clause) -> Step | None:
    """Everything but one thing becomes transparent."""
    target = replace(clause.targets[0], inverted=False)
    if target.kind in ("background", "sky"):
        return None
    return Step("background", {"how": "remove", **target.arguments()}, clause.text)


def _replacement(what: str, clause: str) -> Step | None:
    if what in ("transparent", "nothing", "transparency"):
        return Step("background", {"how": "remove"}, clause)
    colour, length = colours.read(what.split(), 0)
    if colour and length == len(what.split()):
        return Step("background", {"how": "colour", "colour": colour}, clause)
    arguments: dict[str, Value] | None = None
    if what in ("studio", "photo studio", "studio backdrop", "grey studio", "white studio", "neutral"):
        arguments = {"how": "studio", "colour": "white" if "white" in what else "grey"}
    else:
        scene = scenes.read(what)
        arguments = {"how": "scene", "scene": scene} if scene else None
    return Step("background", arguments, clause) if arguments else None


def apply(work: Work) -> Made:
    rgb = work.rgb
    subject = _subject(work)
    work.check_stop()
    warnings = _people_lost(work, subject)
    how = work.step.text("how")
    front = foreground(rgb, subject)
    background = _inverse(subject)
    if how == "remove":
        cut = np.dstack((front, subject))
        return Made(cut, background, "took the background away; it is transparent now", warnings=warnings)
    if how == "blur":
        behind = blurred(rgb, subject, work.step.number("amount"))
        return Made(_composed(rgb, front, behind, subject), background, "blurred the background", warnings=warnings)
    behind, said = _new_background(work, subject)
    work.check_stop()
    front = _in_the_light_of(front, subject, behind)
    return Made(_composed(rgb, front, behind, subject), background, said, warnings=warnings)


def _subject(work: Work) -> Mask:
    target = of_step(work.step)
    if work.painted is not None:
        return _inverse(work.painted)
    if target is not None and target.kind != "subject":
        return find_region(work.view, target).mask
    return refined(work.view, subject_plane(work.view), radius=6)


def _people_lost(work: Work, subject: Mask) -> tuple[str, ...]:
    if of_step(work.step) is not None or work.painted is not None or not DETECTOR.available:
        return ()
    lost, seen = checking.people_lost(work.view, subject)
    if not lost:
        return ()
    return (f"Of {seen} people that I see, {lost} went with the background. Paint over all of them to keep them.",)


def _new_background(work: Work, subject: Mask) -> tuple[Pixels, str]:
    height, width = work.rgb.shape[:2]
    how = work.step.text("how")
    if how == "colour":
        name = work.step.text("colour")
        behind = np.empty_like(work.rgb)
        behind[:] = colours.flat(name)
        return behind, f"put a plain {name} background behind the main subject"
    if how == "studio":
        behind = scenes.studio(width, height, work.step.text("colour"))
        return _with_shadow(behind, subject), "put the main subject before a studio backdrop"
    scene = work.step.text("scene")
    behind = scenes.draw(scene, width, height)
    return _with_shadow(behind, subject), f"put a drawn scene, {scenes.LABELS[scene]}, behind the main subject"


def _inverse(mask: Mask) -> Mask:
    return np.asarray(cv2.bitwise_not(mask), np.uint8)


def foreground(rgb: Pixels, mask: Mask) -> Pixels:
    """The subject's own colours at its soft edge, without the old background shining through.

    Blur fusion (Forte 2021): what a half-covered pixel lacks is estimated from the surely covered ones around it,
    first widely, then closely.
    """
    side = max(rgb.shape[:2])
    result = rgb
    # At the edge only; the estimate is smooth, so a reduced copy serves for the wide pass.
    for radius, limit in ((side // 12, 400), (max(3, side // 150), 1600)):
        result = _fused(rgb, result, mask, radius, limit)
    return result


def _fused(rgb: Pixels, front: Pixels, mask: Mask, radius: int, limit: int) -> Pixels:
    height, width = rgb.shape[:2]
    scale = min(1.0, limit / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    window = 2 * max(1, round(radius * scale)) + 1

    def small(values: Pixels) -> Plane:
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA) / 255.0, np.float32)

    alpha = small(mask)[..., None]
    image, current = small(rgb), small(front)

    def mean(values: Plane) -> Plane:
        blurred_values = cv2.blur(values, (window, window))
        return np.asarray(blurred_values.reshape(*values.shape[:2], -1), np.float32)

    weight, rest = mean(alpha), mean(1 - alpha)
    own = mean(current * alpha) / (weight + 1e-4)
    behind = mean(image * (1 - alpha)) / (rest + 1e-4)
    estimate = own + alpha * (image - alpha * own - (1 - alpha) * behind)
    estimate = np.clip(np.where(alpha > 0.002, estimate, own), 0, 1)
    large = cv2.resize((estimate * 255 + 0.5).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    soft = (mask > 0) & (mask < 250)
    result: Pixels = np.where(soft[..., None], large, rgb)
    return result


def blurred(rgb: Pixels, subject: Mask, amount: float) -> Pixels:
    """Out of focus, without the subject's colours bleeding into what is behind it."""
    height, width = rgb.shape[:2]
    small = reduced(rgb, 1200)
    scale = small.shape[1] / width
    keep = (
        1 - cv2.resize(subject, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    )
    keep = np.asarray(cv2.erode(keep, np.ones((3, 3), np.uint8))[..., None] + 1e-3, np.float32)
    radius = max(1.0, 0.045 * amount * max(height, width) * scale)
    linear = (small.astype(np.float32) / 255) ** 2.2
    # A disc, since that is the shape of a lens; highlights grow into the discs that people call bokeh.
    size = 2 * round(radius) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)).astype(np.float32)
    disc = np.asarray(cv2.GaussianBlur(disc, (0, 0), max(0.6, radius / 8)), np.float32)
    disc /= disc.sum()
    total = cv2.filter2D(linear * keep, -1, disc, borderType=cv2.BORDER_REFLECT)
    weight = cv2.filter2D(keep, -1, disc, borderType=cv2.BORDER_REFLECT)
    soft = np.clip(total / weight[..., None], 0, 1) ** (1 / 2.2)
    small_result = (soft * 255 + 0.5).astype(np.uint8)
    return np.asarray(cv2.resize(small_result, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _composed(rgb: Pixels, front: Pixels, behind: Pixels, subject: Mask) -> Pixels:
    """The subject's pixels themselves where the mask is white."""
    result = np.empty_like(rgb)
    for top in range(0, rgb.shape[0], BAND_ROWS):
        rows = slice(top, top + BAND_ROWS)
        alpha = subject[rows, :, None].astype(np.float32) / 255
        mixed = front[rows] * alpha + behind[rows] * (1 - alpha)
        result[rows] = np.where(alpha >= 1, rgb[rows], np.rint(mixed)).astype(np.uint8)
    return result


def _in_the_light_of(front: Pixels, subject: Mask, behind: Pixels) -> Pixels:
    """A little of the new background's light around the subject's edge."""
    height, width = subject.shape
    small = (max(1, width // 8), max(1, height // 8))
    glow = cv2.GaussianBlur(cv2.resize(behind, small, interpolation=cv2.INTER_AREA), (0, 0), small[0] / 30 + 1)
    glow = cv2.resize(glow, (width, height), interpolation=cv2.INTER_LINEAR)
    inner = cv2.erode(subject, np.ones((3, 3), np.uint8), iterations=max(1, max(height, width) // 700))
    rim = cv2.subtract(subject, inner)
    weight = cv2.merge((rim, rim, rim)).astype(np.float32) / 255 * 0.25
    return np.asarray(np.rint(front + (glow.astype(np.float32) - front) * weight), np.uint8)


def _with_shadow(behind: Pixels, subject: Mask) -> Pixels:
    """A soft shadow on the ground where the subject stands free of the lower edge."""
    height, width = subject.shape
    left, top, wide, tall = cv2.boundingRect((subject > 128).astype(np.uint8))
    if not wide or top + tall >= height - max(2, height // 100):
        return behind
    foot = subject[top + tall - max(2, tall // 12) : top + tall, left : left + wide] > 128
    columns = np.flatnonzero(foot.any(axis=0))
    if not len(columns):
        return behind
    centre = left + float(columns.mean())
    reach = max(wide * 0.25, float(columns.max() - columns.min()) * 0.62)
    y, x = np.mgrid[0 : max(1, height // 4), 0 : max(1, width // 4)].astype(np.float32) * 4
    away = ((x - centre) / reach) ** 2 + ((y - (top + tall - 0.01 * tall)) / max(4.0, reach * 0.16)) ** 2
    dark = cv2.resize(SHADOW * np.exp(-away), (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    return np.asarray(np.rint(behind * (1 - dark)), np.uint8)


FAMILY = Family(OPERATIONS, read, apply, always("working on the background"), finds_region=True)
