"""From an instruction to an edited picture: plan the words, carry out the steps, check, say what was done."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import cv2

from kontext_ui.basic import carrying, families, refusal
from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.language import grammar
from kontext_ui.basic.language.plan import Plan, Step
from kontext_ui.basic.operations import removal
from kontext_ui.basic.vision import reader
from kontext_ui.basic.vision.networks import DETECTOR
from kontext_ui.edits import EditResult, Mask, Pixels
from kontext_ui.errors import InvalidRequest, NotUnderstood

LEAST_CHANGE = 0.002
"""A result in which a smaller share of the pixels changed visibly does not count as an edit."""
VISIBLE = 2
"""A difference of more than this many of 255 steps counts as visible."""


def read(instruction: str, has_mask: bool = False) -> Plan:
    """The plan of an instruction. Raises ``NotUnderstood`` with what can be done instead."""
    try:
        return grammar.read(instruction, families.READERS, has_mask)
    except grammar.UnclearError as error:
        raise refusal.refuse(instruction, error, error.understood, lambda said: _reads(said, has_mask)) from None


def _reads(instruction: str, has_mask: bool) -> bool:
    try:
        grammar.read(instruction, families.READERS, has_mask)
    except grammar.UnclearError:
        return False
    return True


class Edit:
    """One instruction on one picture, step by step. Raises ``NotUnderstood`` when the instruction cannot be read.

    ``pixels`` are never written to. ``take`` and ``result`` are CPU work for worker threads.
    """

    def __init__(self, instruction: str, pixels: Pixels, mask: Mask | None = None) -> None:
        self.plan = read(instruction, has_mask=mask is not None)
        self._instruction = instruction
        self._before = pixels
        self._state = carrying.begin(pixels, mask)

    def announce(self, step: Step) -> str:
        """What is shown while the step runs."""
        return families.of(step).announce(step)

    def take(self, step: Step, check_stop: Callable[[], None]) -> None:
        """Carry out the plan's next step. ``check_stop`` raises when the user stopped; seconds may lie between calls.

        Raises ``InvalidRequest`` or ``NotUnderstood`` when the step cannot be done on this picture.
        """
        try:
            self._state = carrying.carry_out(self._state, step, self.plan.protect, check_stop)
        except ImpossibleError as error:
            if not families.of(step).keeps_size:
                raise InvalidRequest(str(error), hint="Nothing was changed.") from None
            raise refusal.impossible(self._instruction, error) from None

    def result(self) -> EditResult:
        """The picture after the steps so far. Raises ``NotUnderstood`` when next to nothing changed."""
        if not _differs(self._before, self._state.pixels):
            raise NotUnderstood(
                "This changes next to nothing in this picture, so no new version was made.",
                backend=refusal.ENGINE_ID,
                suggestions=refusal.nearest(self._instruction),
            )
        return EditResult(
            self._state.pixels,
            sentence(self._state.said),
            change_mask=self._state.region,
            plan=self.plan.as_json(),
            warnings=self._state.warnings,
            alternatives=_alternatives(self._instruction, self._state),
        )


def missing() -> tuple[str, ...]:
    """What is switched off on this machine and how to get it, a sentence for each."""
    notes = []
    if not DETECTOR.available:
        notes.append(f"Finding things by name, backgrounds and painterly styles are switched off. {DETECTOR.lacks}")
    if not reader.available():
        notes.append("Text cannot be read or replaced. Run: pip install rapidocr")
    if not removal.available():
        notes.append("Larger things cannot be removed. Run: pip install PyPatchMatch")
    return tuple(notes)


def sentence(parts: Sequence[str]) -> str:
    """One sentence on everything that was done."""
    text = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"{text[0].upper()}{text[1:]}."


def _alternatives(instruction: str, state: carrying.State) -> tuple[str, ...]:
    """The same instruction about the other things that its words could have meant."""
    if not state.others or not state.meant:
        return ()
    # A quoted text goes with its quotation marks; the other phrases bring their own.
    pattern = rf"[\"“„«'‘]?(?<!\w){re.escape(state.meant)}(?!\w)[\"”“»'’]?"
    found = re.search(pattern, instruction, re.IGNORECASE)
    if found is None:
        return ()
    return tuple(f"{instruction[: found.start()]}{other}{instruction[found.end() :]}" for other in state.others)


def _differs(before: Pixels, after: Pixels) -> bool:
    if before.shape != after.shape:
        return True
    same = cv2.inRange(cv2.absdiff(before, after), (0,) * before.shape[2], (VISIBLE,) * before.shape[2])
    return 1 - cv2.countNonZero(same) / same.size >= LEAST_CHANGE
