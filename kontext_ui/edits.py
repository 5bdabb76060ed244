"""Values of one edit: what is asked, what a backend can do, what comes back.

Pure data. Stored values never hold pixels: a request names its images by digest
(sha256 hex of the stored file), so that it can be stored, repeated and replayed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
"""Height × width × 3 (RGB) or 4 (RGBA), 0-255, sRGB, already turned upright."""

Mask: TypeAlias = NDArray[np.uint8]
"""Height × width, 0-255: 255 = edit or changed, 0 = keep, between = feather."""


class Size(NamedTuple):
    """Width and height in pixels, in this order."""

    width: int
    height: int

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1_000_000

    @property
    def ratio(self) -> float:
        return self.width / self.height

    def __str__(self) -> str:
        return f"{self.width}×{self.height}"


class Tier(StrEnum):
    """What the user picks; which backend serves it is decided per request."""

    PRO = "pro"
    MAX = "max"
    DEV = "dev"
    LOCAL = "local"


class Mode(StrEnum):
    """What a backend can be asked to do."""

    EDIT = "edit"
    GENERATE = "generate"
    INPAINT = "inpaint"


class LockMode(StrEnum):
    """Whether pixels that the edit did not mean to change are taken from the parent.

    ``AUTO`` locks local edits and keeps the whole result of global ones.
    """

    AUTO = "auto"
    ALWAYS = "always"
    OFF = "off"


@dataclass(frozen=True)
class Parameters:
    """The adjustable parameters, under their names everywhere; ``None`` means the backend's default."""

    aspect_ratio: str | None = None
    """``W:H``; ``None`` follows the input image."""
    seed: int | None = None
    safety_tolerance: int | None = None
    prompt_upsampling: bool | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    style_preset: str | None = None
    output_format: str | None = None
    """``png``, ``jpeg`` or ``webp``: the format requested from the provider; stored versions stay lossless."""
    width: int | None = None
    """Pixels of the provider's picture, where it can be chosen."""
    height: int | None = None
    progressive: bool | None = None
    acceleration: str | None = None
    resolution: str | None = None
    """How large a picture is asked for, by the model's own word, where it can be chosen."""
    grounding: bool | None = None
    """Whether the model may search the web for what the prompt names; the words leave for others then."""

    def given(self) -> dict[str, Any]:
        """Only what was set, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Rectangle:
    """Left and top corner plus size, in pixels of the input image."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Reference:
    """A picture that is only looked at."""

    image: str
    """Digest of the stored picture."""


def clean(text: str) -> str:
    """Text that UTF-8 can hold: half of a surrogate pair, which a cut emoji leaves behind, becomes "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class EditOptions:
    """What the user chooses for one edit, whichever backend carries it out.

    Drafts, requests and recipe steps are this value with more facts added, so a field added here
    travels through the page, the command line, the journal, recipes and every "try again" automatically.
    """

    instruction: str
    """The user's words."""
    _: KW_ONLY
    prompt: str = ""
    """The user's own wording for the model, sent as it is; empty lets the editor write it from the instruction."""
    references: tuple[Reference, ...] = ()
    mask: str | None = None
    """Digest of a stored mask, white = edit, black = keep, of the input image's size."""
    region: Rectangle | None = None
    """Send only this part, at its own resolution, and stitch it back."""
    lock: LockMode = LockMode.AUTO
    feather_px: int | None = None
    """Width of the soft edge in pixels of the photo; ``None`` picks one from the photo's size."""
    native_mask: bool = False
    """Use the backend's own masked model instead of blending afterwards."""
    side_by_side: bool = False
    """Put the references next to the input image on one canvas where the backend takes fewer than there are."""
    preserve: bool = False
    """Ask the model to keep everything that the instruction does not mention. A mask makes this unnecessary."""
    keep_character: bool | None = None
    """Ask the model to keep a person's looks; ``None`` does so when the instruction names a person."""
    model: str = ""
    """Id in the catalogue of models; empty asks for the usual one of the tier."""
    parameters: Parameters = Parameters()

    def __post_init__(self) -> None:
        for name in ("instruction", "prompt"):
            object.__setattr__(self, name, clean(getattr(self, name)))

    def options(self) -> dict[str, Any]:
        """These fields by name, without those of a subclass: ``EditDraft(**request.options())``."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(EditOptions)}

    @property
    def images(self) -> tuple[str, ...]:
        """Digests of all stored pictures that the options name."""
        return (*(reference.image for reference in self.references), *([self.mask] if self.mask else []))


@dataclass(frozen=True)
class EditRequest(EditOptions):
    """All that influences the result of one edit: the options, resolved. This is what history stores."""

    tier: Tier
    backend: str
    """The backend's id, already chosen."""
    _: KW_ONLY
    input_image: str | None = None
    """Digest of the version edited; ``None`` generates from text."""
    sent_prompt: str = ""
    """What is sent to the model. Left empty, the user's own prompt or else the instruction."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "sent_prompt", clean(self.sent_prompt))
        if not self.sent_prompt:
            object.__setattr__(self, "sent_prompt", self.prompt or self.instruction)

    def given(self) -> dict[str, Any]:
        """Only what is not at its default, by name: ``EditRequest(**request.given())`` but for the parameters."""
        usual = {each.name: each.default for each in dataclasses.fields(self)} | {
            "sent_prompt": self.prompt or self.instruction
        }
        values = {name: getattr(self, name) for name in usual}
        chosen = {name: value for name, value in values.items() if value != usual[name]}
        return chosen | ({"parameters": self.parameters.given()} if "parameters" in chosen else {})


@dataclass(frozen=True)
class Parameter:
    """One control of a backend, as the settings panel draws it."""

    name: str
    """A field of :class:`Parameters`."""
    label: str
    kind: Literal["int", "float", "bool", "choice", "text"]
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True)
class SizeRule:
    """Which picture sizes a backend takes and returns.

    ``any``: the photo's own size, untouched. ``list``: one of ``sizes``, nearest ratio wins.
    ``range``: sides within ``min_side_px``..``max_side_px``, multiples of ``multiple_px``,
    at most ``max_megapixels``.
    """

    kind: Literal["any", "list", "range"] = "any"
    sizes: tuple[Size, ...] = ()
    min_side_px: int = 1
    max_side_px: int = 65_535
    multiple_px: int = 1
    max_megapixels: float | None = None
    min_ratio: float = 0.0
    """Smallest and largest width/height the backend accepts; 0 and infinity are no limit."""
    max_ratio: float = float("inf")
    fills: bool = False
    """The photo fills the picture that is sent, to its edges: nothing is padded, and each side is scaled by
    itself, which differs by a few thousandths."""


@dataclass(frozen=True)
class PriceRule:
    """What an edit costs where the size counts. Every picture's megapixels are rounded up before they are counted."""

    first_usd: float = 0.0
    """For the first megapixel drawn."""
    more_usd: float = 0.0
    """For each further megapixel drawn."""
    sent_usd: float = 0.0
    """For each megapixel of the pictures sent."""
    by_resolution: Mapping[str, float] = field(default_factory=dict)
    """Value of ``resolution`` → price of the edit, where that is all that counts."""

    @property
    def by_size(self) -> bool:
        return not self.by_resolution

    def usd(self, drawn: float, sent: Sequence[float], resolution: str | None = None) -> float | None:
        """``drawn`` and ``sent`` in megapixels; ``None`` for a resolution whose price is only known afterwards."""
        if self.by_resolution:
            return self.by_resolution.get(resolution or next(iter(self.by_resolution)))
        total = self.first_usd + self.more_usd * (_whole(drawn) - 1) + self.sent_usd * sum(map(_whole, sent))
        return round(total, 6)


def _whole(megapixels: float) -> int:
    return max(1, math.ceil(megapixels))


@dataclass(frozen=True)
class Capabilities:
    """What one backend accepts for one model of a tier. Data: the editor checks it, the page draws it."""

    model: str
    """The model's name as people know it, for example ``FLUX.1 Kontext [pro]``."""
    model_id: str = ""
    """Its id in the catalogue of models; empty for the only one that the backend has."""
    modes: frozenset[Mode] = frozenset({Mode.EDIT})
    parameters: tuple[Parameter, ...] = ()
    unsupported: Mapping[str, str] = field(default_factory=dict)
    """Parameter name → why it is not offered here."""
    size_rule: SizeRule = SizeRule()
    size_rules: Mapping[str, SizeRule] = field(default_factory=dict)
    """Value of ``resolution`` → the rule that holds with it."""
    max_reference_images: int = 0
    max_reference_megapixels: float | None = None
    """References are shrunk to this before they are sent, where their size is paid for."""
    min_reference_side_px: int = 1
    """Smaller references are enlarged to this before they are sent."""
    max_prompt_chars: int = 4096
    min_prompt_chars: int = 1
    max_upload_bytes: int | None = None
    price_usd: float | None = 0.0
    """Per edit; ``None`` when it is only known afterwards."""
    price_note: str = ""
    price_rule: PriceRule | None = None
    """Where the size counts; ``price_usd`` is then what one megapixel costs."""
    inpaint_price_usd: float | None = None
    bills_untold: bool = False
    """It is paid for, but at what price is not known here: ``price_usd`` only puts it in order."""
    typical_s: float = 1.0
    """0 where nothing is known."""
    max_in_flight: int | None = None
    """How many edits the provider runs at once for one account."""
    examples: tuple[str, ...] = ()
    """Instructions this backend does well, for the empty state and for suggestions."""
    notes: tuple[str, ...] = ()
    """Sentences shown next to the tier: what it cannot do, what is missing and how to get it."""
    remarks: tuple[str, ...] = ()
    """What somebody who knows the usual model should read before each edit."""

    def parameter(self, name: str) -> Parameter | None:
        return next((p for p in self.parameters if p.name == name), None)

    def at(self, parameters: Parameters) -> Capabilities:
        """The same with the size rule that these parameters ask for."""
        rule = self.size_rules.get(parameters.resolution or "")
        return self if rule is None else dataclasses.replace(self, size_rule=rule)


@dataclass(frozen=True)
class Readiness:
    """Whether a backend can be used now, and what would make it ready."""

    ready: bool
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, eq=False)
class EditResult:
    """What a backend made. ``pixels`` has the size the backend works at."""

    pixels: Pixels
    description: str = ""
    """One sentence on what was done and where, when the backend knows."""
    change_mask: Mask | None = None
    """Which pixels the backend says it changed, of the size of ``pixels``; ``None`` = unknown."""
    plan: Any = None
    """JSON-able record of how the instruction was understood."""
    seed: int | None = None
    """The seed actually used."""
    price_usd: float | None = None
    """As reported by the provider; ``None`` = not reported."""
    request_id: str | None = None
    model: str | None = None
    warnings: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    """Instructions offered as one-click follow-ups (the other two cars, "all cars")."""


@dataclass(frozen=True, eq=False)
class FoundRegion:
    """Where a named thing is."""

    mask: Mask
    """Of the picture's size, white = the thing."""
    how: str
    """What was found, in the middle of a sentence: "the car on the left"."""
    others: tuple[str, ...] = ()
    """Names of what could also have been meant."""


@dataclass(frozen=True)
class Submitted:
    """The provider accepted the edit. Money may be owed from here on."""

    remote_id: str
    poll_url: str | None = None
    price_usd: float | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    """Other URLs needed to resume or cancel; never a key."""


@dataclass(frozen=True, eq=False)
class Running:
    """Progress. ``fraction`` is 0..1 or ``None`` when unknown; ``preview`` is a small picture."""

    fraction: float | None = None
    stage: str = ""
    preview: Pixels | None = None
    queue_position: int | None = None


@dataclass(frozen=True, eq=False)
class Done:
    """The last event."""

    result: EditResult


EditEvent: TypeAlias = Submitted | Running | Done
