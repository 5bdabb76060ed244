"""The result's file: checked before anything is sent, written whole or not at all."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path

from anyio import to_thread
from PIL import Image

from kontext_ui.editor import Editor
from kontext_ui.errors import InvalidRequest, StorageFull
from kontext_ui.images import codec
from kontext_ui.projects import Version

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def check_output(output: str, photo: str, *, json_too: bool = False) -> None:
    """Raises ``InvalidRequest`` when the result could not be written there or would replace the photo."""
    if output == "-":
        if json_too:
            raise InvalidRequest("The picture and the JSON cannot both go to stdout.", hint="Name a file with -o.")
        return
    path = Path(output)
    if path.suffix.lower() not in FORMATS:
        raise InvalidRequest(f"{output} has no suffix that names a format.", hint=f"Use {', '.join(FORMATS)}.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InvalidRequest(f"The folder {path.parent} does not exist or cannot be written to.")
    if path.is_dir():
        raise InvalidRequest(f"{output} is a folder.", hint="Name a file.")
    if photo != "-" and path.exists() and Path(photo).exists() and path.samefile(photo):
        raise InvalidRequest("The result would replace the photo.", hint="Give the result a name of its own.")


async def write_output(editor: Editor, owner: str, version: Version, output: str, quality: int) -> None:
    """Write the version in the format that the suffix names; ``-`` writes PNG to stdout."""
    stored = await editor.image_path(owner, version.project, version.digest)
    await to_thread.run_sync(_write, stored, output, quality)


def _write(stored: Path, output: str, quality: int) -> None:
    if output == "-":
        sys.stdout.buffer.write(stored.read_bytes())
        return
    target = Path(output)
    data = _encode(stored.read_bytes(), target.suffix.lower(), quality)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise StorageFull(
            f"{output} cannot be written: {error.strerror or error}.",
            hint="The picture is kept in the data folder.",
        ) from error


def _encode(stored: bytes, suffix: str, quality: int) -> bytes:
    """The stored PNG as it is, or the same picture in a lossy format; JPEG has no alpha, so it lies on white."""
    if suffix == ".png":
        return stored
    picture = Image.fromarray(codec.decode(stored))
    if FORMATS[suffix] == "JPEG" and picture.mode == "RGBA":
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture).convert("RGB")
    buffer = io.BytesIO()
    picture.save(buffer, FORMATS[suffix], quality=quality, **({"subsampling": 0} if suffix != ".webp" else {}))
    return buffer.getvalue()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
