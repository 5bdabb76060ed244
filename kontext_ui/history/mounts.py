"""On what kind of file system a folder lies: SQLite needs locks and writes in the middle of a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

MOUNTS = Path("/proc/self/mountinfo")
WITHOUT_LOCKS = ("fuse", "9p", "nfs", "cifs", "smb")
"""Beginnings of the names of file systems where SQLite was seen to lose or damage its file."""
_ESCAPED = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """Where a file system begins and of what type it is, such as ``ext4`` or ``fuse.hf-mount``; empty if not told."""

    point: Path
    kind: str


def mount_of(folder: Path, mounts: str | None = None) -> Mount:
    """What a folder lies on. ``mounts`` is what ``/proc/self/mountinfo`` says."""
    if mounts is None:
        try:
            mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
        except OSError:
            mounts = ""
    folder, found = folder.resolve(), Mount(Path("/"), "")
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) <= 4 or not after.split():
            continue
        point = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields[4]))
        # The one mounted last is on top of others at the same place.
        if folder.is_relative_to(point) and len(point.parts) >= len(found.point.parts):
            found = Mount(point, after.split()[0])
    return found


def has_no_locks(folder: Path) -> bool:
    """Whether a database in this folder could be damaged by nothing worse than its own use."""
    return mount_of(folder).kind.startswith(WITHOUT_LOCKS)


def forgets(folder: Path) -> bool:
    """Whether a folder of a container lies on the container's own disk, which goes with it."""
    return mount_of(folder).point == Path("/")
