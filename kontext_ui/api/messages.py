"""What a program may say with each action. The texts under the fields are what it reads about them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from kontext_ui.edits import LockMode, Parameters, Rectangle, Tier
from kontext_ui.images.export import Format, RecipeStep

MAX_REFERENCES = 16
MAX_AT_ONCE = 8
MAX_STEPS = 50
MAX_WAIT_S = 300.0
USUAL_WAIT_S = 45.0
"""Less than what proxies and clients wait for an answer."""

Text: TypeAlias = Annotated[str, Field(max_length=20_000)]
Id: TypeAlias = Annotated[str, Field(max_length=64)]
Image: TypeAlias = Annotated[str, Field(json_schema_extra={"x-kontext": "image"})]
"""A picture that comes along: see ``pictures_in.py``."""
Choice: TypeAlias = Annotated[str, Field(pattern=rf"^({'|'.join(Tier)})(/[A-Za-z0-9._-]{{1,60}})?$")]
Seconds: TypeAlias = Annotated[float, Field(ge=0, le=MAX_WAIT_S)]
RequestId: TypeAlias = Annotated[str, Field(pattern=r"^([A-Za-z0-9_-]{8,48})?$")]


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Nothing(Message):
    """There is nothing to say."""


class OpenPicture(Message):
    image: Image
    """The picture: an http(s) address, a data: URI, or the id that an upload gave."""
    title: Annotated[str, Field(max_length=200)] = ""
    """Of the new project; empty takes the file's name."""
    project: Id = ""
    """Id of a project to open it in, as a further picture; empty makes a new one."""


class Edit(Message):
    project: Id
    """Id of the project."""
    instruction: Text
    """What should change, in plain words: make the door red."""
    version: Id = ""
    """Id of the version to edit; empty edits the head. Editing an older one grows a branch."""
    after: Id = ""
    """Id of a running edit whose result is to be edited, instead of a version."""
    tier: Tier = Tier.LOCAL
    """Who does it: pro or max (hosted, paid), dev, or local (this machine, free). `offers` lists what is ready."""
    backend: Id = ""
    """Id of one backend of the tier; empty takes the first that is ready."""
    model: Id = ""
    """Id of a model of the tier; empty takes its usual one."""
    seed: int | None = None
    """The same seed, picture and instruction give the same result, where the backend can."""
    parameters: Parameters = Parameters()
    """Further parameters, by name; `offers` says which a backend takes."""
    references: Annotated[tuple[Image, ...], Field(max_length=MAX_REFERENCES)] = ()
    """Pictures that are only looked at, given as the picture of `open_picture` is, or as version:ID."""
    mask: Image = ""
    """A black and white picture, white where something may change."""
    region: Rectangle | None = None
    """Send only this part of the picture, at its own resolution, and put it back."""
    prompt: Text = ""
    """Your own wording for the model; empty lets the editor write it from the instruction."""
    preserve: bool = False
    """Ask the model to keep everything that the instruction does not mention."""
    lock: LockMode = LockMode.AUTO
    """Whether pixels that the edit did not mean to change are taken from the picture before."""
    from_text: bool = False
    """Make a new picture from the instruction alone."""
    max_price_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """What this call may cost at most, in US dollars. Needed for what costs something, unless the access key has a
    budget; nothing is sent when the price is higher."""
    request_id: RequestId = ""
    """Your own name for this call, 8 to 48 letters, digits, - or _. A call that is repeated with the same name gives
    the edit of the first time and is not paid again."""
    wait_s: Seconds = USUAL_WAIT_S
    """Answer when the edit is over, or after this many seconds. The edit goes on either way: ask `wait` for it."""


class Variants(Edit):
    count: Annotated[int, Field(ge=2, le=MAX_AT_ONCE)] = 2
    """How many answers. All are sent or none; `max_price_usd` is for all together."""
    models: Annotated[tuple[Choice, ...], Field(max_length=MAX_AT_ONCE)] = ()
    """Ask several models the same instead: a tier, or a tier, a slash and a model, for each answer."""


class OnEdit(Message):
    edit: Id
    """Id of the edit."""


class Wait(OnEdit):
    wait_s: Seconds = USUAL_WAIT_S
    """Answer when the edit is over, or after this many seconds."""


class InProject(Message):
    project: Id
    """Id of the project."""


class GoTo(InProject):
    version: Id
    """Id of the version that becomes the head; the next edit starts there."""


class Tree(InProject):
    since: Annotated[int, Field(ge=0)] = 0
    """Only versions with a higher number than this, for following what is new."""


class Picture(InProject):
    version: Id = ""
    """Id of the version; empty takes the head."""
    size: Literal["preview", "full"] = "preview"
    """preview is at most 1024 pixels on its longer side; full is the picture itself, lossless."""


class Compare(InProject):
    a: Id = ""
    """Id of the version on the left; empty takes the one that b was made from."""
    b: Id = ""
    """Id of the version on the right; empty takes the head."""


class Export(InProject):
    version: Id = ""
    """Id of the version; empty takes the head."""
    format: Format = "png"
    """png and tiff are lossless."""
    quality: Annotated[int, Field(ge=1, le=100)] = 92
    """Of jpeg and webp."""
    with_recipe: bool = True
    """Write the instructions that made the picture into the file."""


class OfVersion(InProject):
    version: Id = ""
    """Id of the version; empty takes the head."""


class Replay(OfVersion):
    steps: Annotated[tuple[RecipeStep, ...], Field(min_length=1, max_length=MAX_STEPS)]
    """What `recipe` gave, or some of it."""
    max_price_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """What each step may cost at most, in US dollars; as for `edit`."""
    request_id: RequestId = ""
    """As for `edit`: steps that were sent under this name are not paid again."""
    wait_s: Seconds = USUAL_WAIT_S
    """Answer when the last step is over, or after this many seconds. The steps go on either way."""
