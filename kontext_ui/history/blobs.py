"""BlobStore: image files named by the sha256 of their bytes, with previews and thumbnails next to them."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kontext_ui.errors import HistoryError, ImageMissing, StorageFull
from kontext_ui.history.connections import NO_SPACE, unusable

KINDS = ("full", "preview", "thumb")

DIGEST = re.compile(r"[0-9a-f]{64}")
SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
BLOB_NAME = re.compile(r"([0-9a-f]{64})(\.preview|\.thumb)?\.[a-z0-9]{1,5}")
LIKELY_SUFFIXES = (".png", ".webp", ".jpg")
"""Tried before the folder is searched."""
TEMPORARY = ".tmp"


@dataclass(frozen=True)
class BlobFile:
    """A file in the store; ``digest`` is ``None`` for a leftover temporary file."""

    path: Path
    digest: str | None


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_and_sync(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


class BlobStore:
    """Synchronous, for any number of threads and processes.

    A file appears under its name whole or not at all, and is never changed. Files are readable
    by this user only (0600, folders 0700). ``write`` is how bytes reach the disk; tests replace it.
    In a ``bucket`` a file is written under its own name, because such mounts cannot all rename: what a crash cut
    off has another size and is written again.
    """

    def __init__(
        self, root: Path, *, write: Callable[[BinaryIO, bytes], None] = write_and_sync, bucket: bool = False
    ) -> None:
        self.root = self._root = root
        self._write = write
        self._bucket = bucket
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise unusable(str(root), error.strerror or str(error)) from error

    def put(self, data: bytes, digest: str, suffix: str = ".png") -> Path:
        """Store an image under its digest (see :func:`digest_of`); when this returns it is on disk.

        Storing it again writes nothing but counts as new for a sweep. Raises :class:`StorageFull`.
        """
        target = self._place(digest, suffix)
        return self._put(target, data, durable=True)

    def put_derived(self, digest: str, kind: str, data: bytes, suffix: str = ".webp") -> Path:
        """A preview or thumbnail of the image ``digest``. It can be made again, so its
        folder is not synced.
        """
        if kind not in KINDS[1:]:
            raise ValueError(f"{kind!r} is not a kind of derived image; the full one is stored with put().")
        return self._put(self._place(digest, f".{kind}", suffix), data, durable=False)

    def path(self, digest: str, kind: str = "full") -> Path:
        """Where the file lies; ``kind`` is one of ``KINDS``.

        Raises :class:`ImageMissing`, also for anything that is not a digest and for any other kind.
        """
        if DIGEST.fullmatch(digest) is None or kind not in KINDS:
            raise _missing()
        stem = digest if kind == "full" else f"{digest}.{kind}"
        folder = self._folder(digest)
        for suffix in LIKELY_SUFFIXES:
            candidate = folder / f"{stem}{suffix}"
            if candidate.is_file():
                return candidate
        for candidate in folder.glob(f"{stem}.*"):
            if SUFFIX.fullmatch(candidate.name[len(stem) :]):
                return candidate
        raise _missing()

    def has(self, digest: str, kind: str = "full") -> bool:
        try:
            self.path(digest, kind)
        except ImageMissing:
            return False
        return True

    def read(self, digest: str, kind: str = "full") -> bytes:
        try:
            return self.path(digest, kind).read_bytes()
        except OSError:
            raise _missing() from None

    def size(self, digest: str) -> int:
        """Of the full picture's file, in bytes."""
        return self.path(digest).stat().st_size

    def check(self, digest: str) -> None:
        """Read the whole file. Raises :class:`ImageMissing` when it is gone or not what its name says."""
        if digest_of(self.read(digest)) != digest:
            raise ImageMissing("The image's file is damaged.", hint="Restore it from a backup.")

    def older_than(self, age_s: float) -> list[BlobFile]:
        """All files not written, or asked to be written, for this long."""
        limit = time.time() - age_s
        return [blob for blob in self._files() if _modified(blob.path) < limit]

    def remove(self, blob: BlobFile, age_s: float) -> int | None:
        """Delete the file unless it is younger than ``age_s``; its size, or ``None`` when it was kept.

        A file that is stored again while it is being removed survives: it is moved away first, so
        that a later :meth:`put` does not find it and writes it again; after an earlier one its
        time is recent, and it is moved back.
        """
        doomed = blob.path.with_name(f"{blob.path.name}.{secrets.token_hex(8)}{TEMPORARY}")
        try:
            blob.path.rename(doomed)
            status = doomed.stat()
        except FileNotFoundError:
            return None
        if status.st_mtime >= time.time() - age_s:
            doomed.rename(blob.path)
            return None
        doomed.unlink(missing_ok=True)
        return status.st_size

    def _place(self, digest: str, *endings: str) -> Path:
        if DIGEST.fullmatch(digest) is None:
            raise ValueError(f"{digest!r} is not a sha256 in hexadecimal.")
        if SUFFIX.fullmatch(endings[-1]) is None:
            raise ValueError(f"{endings[-1]!r} is not a file name's suffix.")
        return self._folder(digest) / (digest + "".join(endings))

    def _folder(self, digest: str) -> Path:
        return self._root / digest[:2] / digest[2:4]

    def _put(self, target: Path, data: bytes, *, durable: bool) -> Path:
        try:
            if target.stat().st_size == len(data):
                with suppress(OSError) if self._bucket else nullcontext():
                    os.utime(target)
                return target
        except OSError:
            pass
        temporary = target.with_name(f"{target.name}.{secrets.token_hex(8)}{TEMPORARY}")
        if self._bucket:
            temporary = target
        try:
            self._make_folder(target.parent)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | (0 if self._bucket else os.O_EXCL), 0o600)
            with os.fdopen(descriptor, "wb") as file:
                self._write(file, data)
            if not self._bucket:
                temporary.replace(target)
                if durable:
                    _sync_folder(target.parent)
        except BaseException as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise _not_stored(error) from error
            raise
        return target

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            for part in (folder.parent, folder):
                part.mkdir(mode=0o700, exist_ok=True)
                if not self._bucket:
                    _sync_folder(part.parent)

    def _files(self) -> Iterator[BlobFile]:
        for path in self._root.glob("??/??/*"):
            name = BLOB_NAME.fullmatch(path.name)
            if name is not None:
                yield BlobFile(path, name[1])
            elif path.name.endswith(TEMPORARY):
                yield BlobFile(path, None)


def _modified(path: Path) -> float:
    """Seconds since 1970; a file that has just gone counts as new."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _sync_folder(folder: Path) -> None:
    """So that the new name survives a power cut. Windows cannot and need not."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_stored(error: OSError) -> HistoryError:
    if error.errno in NO_SPACE:
        return StorageFull("The disk is full, so the picture was not stored.", hint="Free some space and try again.")
    return unusable("The data folder", error.strerror or str(error))


def _missing() -> ImageMissing:
    return ImageMissing("This image is not stored here.", hint="Its file may have been removed from the data folder.")
