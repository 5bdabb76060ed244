"""The result's file: checked before anything is sent, written whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from anyio import to_thread

from kontext_ui.cli.parser import Options
from kontext_ui.editor import Editor
from kontext_ui.errors import InvalidRequest, StorageFull
from kontext_ui.images import export
from kontext_ui.projects import Version

FORMATS = {
    **{suffix: name for name, (_, suffix) in export.FORMATS.items()},
    ".jpeg": "jpeg",
    ".tiff": "tiff",
}
"""File suffix → name of the format."""


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
        raise InvalidRequest("The result would replace the photo.", hint="Give the result another name.")


async def write_output(editor: Editor, owner: str, version: Version, options: Options) -> None:
    """Write the version in the format that the suffix names; ``-`` writes PNG to stdout."""
    image = await editor.pictures.export(
        owner,
        version.project,
        version.id,
        FORMATS[Path(options.output).suffix.lower()] if options.output != "-" else "png",
        quality=options.quality,
        with_recipe=options.recipe,
    )
    await to_thread.run_sync(_write, image.data, options.output)


def _write(data: bytes, output: str) -> None:
    if output == "-":
        sys.stdout.buffer.write(data)
        return
    target = Path(output)
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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
