"""Files between two calls: pictures that were sent ahead, and those that wait to be fetched. Each is its owner's."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import time
from pathlib import Path, PurePosixPath

from anyio import to_thread

from kontext_ui.errors import InvalidRequest

KEEP_S = 3600.0
MAX_KEPT = 32
"""Files of one owner; the oldest go first."""
MAX_NAME_BYTES = 120


class Uploads:
    """Files in a folder for each owner, for an hour. Nothing in it is worth a backup."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, owner: str, name: str, data: bytes) -> Path:
        """The file's path. The folder that it lies in is called as the file's id."""
        return await to_thread.run_sync(self._keep, owner, name, data)

    async def read(self, owner: str, sent: str) -> tuple[bytes, str]:
        """The bytes and the name of a file, by its id or by the path that :meth:`keep` gave.

        It can be read again, so that a call whose answer was lost can be repeated.
        Raises ``InvalidRequest`` for what this owner has not sent, exactly as for what has expired.
        """
        path = await self.find(owner, sent)
        return await to_thread.run_sync(path.read_bytes), path.name

    async def find(self, owner: str, sent: str) -> Path:
        """Where a file lies that this owner has; raises as :meth:`read` does."""
        path = await to_thread.run_sync(self._find, owner, sent)
        if path is None:
            raise InvalidRequest(
                "This picture was not uploaded with this key, or more than an hour ago.", hint="Upload it again."
            )
        return path

    def _of(self, owner: str) -> Path:
        return self._folder / hashlib.sha256(owner.encode()).hexdigest()[:32]

    def _keep(self, owner: str, name: str, data: bytes) -> Path:
        folder = self._of(owner)
        own = folder / secrets.token_urlsafe(16)
        own.mkdir(parents=True, mode=0o700)
        path = own / (_storable(name) or "picture")
        path.write_bytes(data)
        _forget_old(folder)
        return path

    def _find(self, owner: str, sent: str) -> Path | None:
        """Compared with what is there, so that nothing that a caller says is ever a path."""
        folder = self._of(owner)
        files = (file for own in folder.iterdir() for file in own.iterdir()) if folder.is_dir() else ()
        return next((file for file in files if sent in (file.parent.name, str(file))), None)


def _forget_old(folder: Path) -> None:
    made = sorted(((own.stat().st_mtime, own) for own in folder.iterdir()), reverse=True)
    for place, (changed_at, own) in enumerate(made):
        if place >= MAX_KEPT or time.time() - changed_at > KEEP_S:
            shutil.rmtree(own, ignore_errors=True)


def _storable(name: str) -> str:
    """The end of a file's name as every file system takes it: few bytes, no control characters, no half ones."""
    last = "".join(character for character in PurePosixPath(name.replace("\\", "/")).name if character.isprintable())
    return last.encode("utf-8", "replace")[-MAX_NAME_BYTES:].decode("utf-8", "ignore").lstrip(".")
