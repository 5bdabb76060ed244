"""Pictures that come along with a call: sent ahead, in the call itself, or to be fetched from the web."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from anyio import to_thread

from kontext_ui.api.caller import Caller, Services
from kontext_ui.errors import InvalidImage, InvalidRequest
from kontext_ui.projects import Version

DATA_URI = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)
VERSION = "version:"


class Sent(NamedTuple):
    """A picture's file as it came."""

    data: bytes
    name: str


async def picture_of(at: Services, who: Caller, image: str) -> Sent:
    """The file that an argument stands for: an http(s) address, a ``data:`` URI, or an upload of this owner.

    Raises ``InvalidRequest`` or ``InvalidImage`` with what to do instead.
    """
    image = image.strip()
    if not image:
        raise InvalidRequest("There is no picture yet.", hint="Give an address, a data: URI, or the id of an upload.")
    if image[:5].lower() == "data:":
        return Sent(await to_thread.run_sync(_decoded, image), "picture")
    if image.partition("://")[0].lower() in ("http", "https"):
        return Sent(await at.fetcher.fetch(image), PurePosixPath(unquote(urlsplit(image).path)).name)
    return Sent(*await at.uploads.read(who.owner, image))


async def reference_of(at: Services, who: Caller, project: str, image: str) -> str:
    """The digest under which the project keeps a picture that is only looked at."""
    if image.startswith(VERSION):
        return (await at.editor.versions.get(who.owner, project, image.removeprefix(VERSION))).digest
    sent = await picture_of(at, who, image)
    return await at.editor.pictures.add_reference(who.owner, project, sent.data)


async def mask_of(at: Services, who: Caller, version: Version, image: str) -> str | None:
    """The digest under which the project keeps a mask for a version; ``None`` when there is none."""
    if not image:
        return None
    sent = await picture_of(at, who, image)
    return await at.editor.pictures.add_mask(who.owner, version.project, version.id, sent.data)


def _decoded(uri: str) -> bytes:
    start = DATA_URI.match(uri)
    try:
        if start is not None:
            return base64.b64decode("".join(uri[start.end() :].split()), validate=True)
    except binascii.Error:
        pass
    raise InvalidImage("This data: URI cannot be read.", hint="It begins with data:image/png;base64, or alike.")
