"""What is true of a model wherever it runs. Backends add where it is had, and at what price."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kontext_ui.edits import Capabilities, Mode, Parameter, SizeRule, Tier


@dataclass(frozen=True)
class Model:
    """One model that edits pictures, or makes them from words."""

    id: str
    """What requests, recipes and the journal name it by; never changed once released."""
    name: str
    """What people know it by."""
    family: str
    tier: Tier
    size_rule: SizeRule
    pictures: int
    """How many it takes in all: the one that is edited and the references."""
    size_rules: Mapping[str, SizeRule] = field(default_factory=dict)
    """Value of ``resolution`` → the rule that holds with it; the first is ``size_rule``."""
    licence: str = ""
    """Of the published weights, in one line; empty where there are none to be had."""
    picture_name: str = ""
    """How a prompt speaks of a picture, such as ``image {number}`` from 1, the one that is edited; empty: in words."""
    max_prompt_chars: int = 4096
    min_side_px: int = 1
    """Of each picture that is sent; smaller ones are refused."""
    repeatable: bool = True
    """Whether it takes a seed, so that an edit can be made again."""
    steps: Parameter | None = None
    guidance: Parameter | None = None
    from_text: bool = True
    region: Literal["none", "mask", "boxes"] = "none"
    """How it can be told where to edit."""
    typical_s: float = 0.0
    """Seconds for an edit of one megapixel at its makers; 0 where nobody has said."""
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    """What somebody who knows FLUX.1 Kontext should read before each edit."""
    not_taken: Mapping[str, str] = field(default_factory=dict)
    """Why settings known from other models are missing."""

    def offer(self, parameters: tuple[Parameter, ...], **own: Any) -> Capabilities:
        """What a backend says of it: the model's own facts, and what only this backend knows as further fields."""
        offered = {parameter.name for parameter in parameters}
        capabilities = Capabilities(
            model=self.name,
            model_id=self.id,
            modes=frozenset({Mode.EDIT, Mode.GENERATE} if self.from_text else {Mode.EDIT}),
            parameters=parameters,
            unsupported={name: why for name, why in self.not_taken.items() if name not in offered},
            size_rule=self.size_rule,
            size_rules=self.size_rules if "resolution" in offered else {},
            max_reference_images=self.pictures - 1,
            max_prompt_chars=self.max_prompt_chars,
            min_reference_side_px=self.min_side_px,
            typical_s=self.typical_s,
            notes=self.notes,
            remarks=self.remarks,
        )
        return dataclasses.replace(capabilities, **own)
