"""Pictures in and out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from anyio import to_thread

from kontext_ui.api import messages as m
from kontext_ui.api import results as r
from kontext_ui.api import telling
from kontext_ui.api.caller import Caller, Services
from kontext_ui.api.pictures_in import picture_of
from kontext_ui.api.tree import version_of
from kontext_ui.errors import KontextError
from kontext_ui.images.codec import EncodedImage
from kontext_ui.projects import Version

PREVIEW_SIDES_PX = (1024, 768, 512)
"""The longer side of a preview: the first with which it is small enough."""
MAX_PREVIEW_BYTES = 700_000
"""What agents take in one message."""


@dataclass(frozen=True)
class Shown:
    """A picture as a file, and what is known about it."""

    facts: r.PictureInfo
    data: bytes
    name: str


async def open_picture(at: Services, who: Caller, asked: m.OpenPicture) -> r.Opened:
    """Open a picture in a new project, or in one that there is. Edits start from it."""
    sent = await picture_of(at, who, asked.image)
    title = asked.title or PurePosixPath(sent.name).stem
    project = asked.project or (await at.editor.projects.create(who.owner, title)).id
    try:
        version = await at.editor.pictures.open(who.owner, project, sent.data, sent.name)
    except KontextError:
        if not asked.project:
            await at.editor.projects.delete(who.owner, project)
        raise
    named = (await at.editor.projects.get(who.owner, project)).title
    return r.Opened(project=project, title=named, version=telling.version_info(version, who))


async def picture(at: Services, who: Caller, asked: m.Picture) -> Shown:
    """A version's picture: a preview of at most 1024 pixels, or the whole of it."""
    version = await version_of(at, who, asked.project, asked.version)
    if asked.size == "full":
        path = await at.editor.pictures.path(who.owner, asked.project, version.digest)
        made = EncodedImage(await to_thread.run_sync(path.read_bytes), "image/png", path.suffix, version.size)
    else:
        made = await _preview(lambda side: at.editor.pictures.small(who.owner, asked.project, version.digest, side))
    return _shown(
        version, made, who.address_of("picture", project=version.project, version=version.id, size=asked.size)
    )


async def compare(at: Services, who: Caller, asked: m.Compare) -> Shown:
    """Two versions side by side, and how much of the picture differs."""
    right = await version_of(at, who, asked.project, asked.b)
    left = await version_of(at, who, asked.project, asked.a or right.parent or right.id)
    digests = left.digest, right.digest
    changed = await at.editor.pictures.changed(who.owner, asked.project, *digests)
    made = await _preview(lambda side: at.editor.pictures.beside(who.owner, asked.project, *digests, side))
    url = who.address_of("compare", project=asked.project, a=left.id, b=right.id)
    shown = _shown(right, made, url)
    facts = r.ComparedInfo(**shown.facts.model_dump(), left=left.id, changed=changed)
    return Shown(facts, made.data, f"v{left.number}-v{right.number}{made.suffix}")


async def export(at: Services, who: Caller, asked: m.Export) -> Shown:
    """A version as a file: png, jpeg, webp or tiff, with the photo's colour profile and the recipe that made it."""
    version = await version_of(at, who, asked.project, asked.version)
    made = await at.editor.pictures.export(
        who.owner, asked.project, version.id, asked.format, quality=asked.quality, with_recipe=asked.with_recipe
    )
    query = {"format": asked.format, "quality": str(asked.quality), "with_recipe": str(asked.with_recipe).lower()}
    return _shown(version, made, who.address_of("export", project=version.project, version=version.id, **query))


async def _preview(make: Callable[[int], Awaitable[EncodedImage]]) -> EncodedImage:
    for side_px in PREVIEW_SIDES_PX:
        made = await make(side_px)
        if len(made.data) <= MAX_PREVIEW_BYTES:
            break
    return made


def _shown(version: Version, made: EncodedImage, url: str) -> Shown:
    facts = r.PictureInfo(
        project=version.project, version=version.id, media_type=made.media_type, bytes=len(made.data), url=url
    )
    return Shown(facts, made.data, f"v{version.number}{made.suffix}")
