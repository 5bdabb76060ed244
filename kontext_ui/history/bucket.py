"""A database whose durable form is a row of small closed files, for mounts without locks (a bucket through FUSE).

The database itself lies on the local disk, which may be gone at the next start. Every transaction is written into the
bucket as one file, closed and synced *before* it is committed: what was answered is there, in whatever moment the
machine goes. A start takes the last whole snapshot and carries out what followed. A file is never changed once it is
closed, none is renamed, and one that was cut off by a crash is known by its checksum.

::

    journal/snapshot-000003-1f2e.sqlite3    the database at a start
    journal/snapshot-000003-1f2e.ok         its checksum, written after it was closed
    journal/since-000003-1f2e/00000001.json what was committed since, one transaction a file
    journal/owner.json                      which process may write, and when it said so last

Only one process may use such a folder. Two snapshots are kept, each with what followed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeAlias

from kontext_ui.errors import HistoryError
from kontext_ui.history.names import surely_dead

log = logging.getLogger(__name__)
ALIVE_EVERY_S = 20.0
STALE_AFTER_S = 60.0
"""A process that has not said for this long that it is there has lost the folder."""
UNRECORDED = ("SELECT", "PRAGMA", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "EXPLAIN")
OF_NO_LATER_USE = "processes"
"""The table that says who is alive: after a restart nobody is."""
Statement: TypeAlias = tuple[str, Any]


class Recording(sqlite3.Connection):
    """A connection that remembers what the running transaction changes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.changes: list[Statement] = []
        super().__init__(*arguments, **options)

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        cursor = super().execute(sql, parameters)
        self._note(sql, parameters)
        return cursor

    def executemany(self, sql: str, rows: Any, /) -> sqlite3.Cursor:
        rows = list(rows)
        cursor = super().executemany(sql, rows)
        for row in rows:
            self._note(sql, row)
        return cursor

    def _note(self, sql: str, parameters: Any) -> None:
        words = sql.split(None, 3)
        if words and words[0].upper() not in UNRECORDED and OF_NO_LATER_USE not in words[1:3]:
            self.changes.append((sql, parameters if isinstance(parameters, dict) else list(parameters)))


class Bucket:
    """The durable side. ``restore``, then ``begin``, then ``record`` before each commit. Use behind one lock."""

    def __init__(
        self,
        folder: Path,
        token: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._token = token
        self._sleep, self._clock = sleep, clock
        self._local = Path(tempfile.mkdtemp(prefix="kontext_ui-"))
        self._since = folder
        self._number = 0
        self._said_at = float("-inf")
        self.path = self._local / "history.sqlite3"
        """The database, on the local disk."""

    def restore(self, older: Path) -> None:
        """Make the database as it was left. ``older`` is one in the bucket itself, from before there was a journal.

        Raises ``HistoryError`` while another process has the folder.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take_over()
        for snapshot in reversed(self._snapshots()):
            data = snapshot.read_bytes()
            if _text(snapshot.with_suffix(".ok")) == _sum(data):
                self.path.write_bytes(data)
                self._replay(self._folder / snapshot.stem.replace("snapshot-", "since-"))
                return
            log.warning("the snapshot %s is damaged or was cut off; the one before is used", snapshot.name)
        if older.is_file():
            shutil.copyfile(older, self.path)

    def begin(self, connection: sqlite3.Connection) -> None:
        """A snapshot of the restored and migrated database, on which the following transactions build."""
        name = f"{self._last_number() + 1:06d}-{secrets.token_hex(2)}"
        copy = self._local / "snapshot"
        with closing(sqlite3.connect(copy)) as target:
            connection.backup(target)
        data = copy.read_bytes()
        copy.unlink()
        snapshot = self._folder / f"snapshot-{name}.sqlite3"
        _write(snapshot, data)
        _write(snapshot.with_suffix(".ok"), _sum(data).encode())
        self._since = self._folder / f"since-{name}"
        self._since.mkdir(mode=0o700)
        self._forget_all_but(2)

    def record(self, changes: Sequence[Statement]) -> Path | None:
        """Keep a transaction that is about to be committed; the file, if there was anything to keep."""
        self._say_alive()
        if not changes:
            return None
        text = json.dumps(changes)
        self._number += 1
        path = self._since / f"{self._number:08d}.json"
        _write(path, f"{_sum(text.encode())}\n{text}".encode())
        return path

    def take_back(self, path: Path | None) -> None:
        """The transaction was not committed after all."""
        if path is not None:
            path.unlink(missing_ok=True)
            self._number -= 1

    def close(self) -> None:
        """Let the next process have the folder at once."""
        with suppress(OSError):
            if json.loads(_text(self._folder / "owner.json") or "{}").get("token") == self._token:
                (self._folder / "owner.json").unlink()
        shutil.rmtree(self._local, ignore_errors=True)

    def _replay(self, folder: Path) -> None:
        numbered = {int(path.stem): path for path in folder.glob("*.json")}
        done = 0
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            while (path := numbered.pop(done + 1, None)) is not None:
                checksum, _, text = _text(path).partition("\n")
                if checksum != _sum(text.encode()):
                    break
                db.execute("BEGIN")
                for sql, parameters in json.loads(text):
                    db.execute(sql, parameters)
                db.execute("COMMIT")
                done += 1
        log.info("the history was put together from a snapshot and %d transactions", done)
        if numbered:
            log.error("%d transactions cannot be used, for number %d before them is missing", len(numbered), done + 1)

    def _take_over(self) -> None:
        """Wait until whoever had the folder is gone for sure, as long as that takes to show."""
        until = self._clock() + STALE_AFTER_S
        while self._owned_by_another():
            if self._clock() > until:
                raise HistoryError(
                    "Another process uses this data folder, and on this kind of mount only one may.",
                    hint="Stop it first.",
                )
            self._sleep(1.0)
        self._said_at = float("-inf")
        self._say_alive()

    def _owned_by_another(self) -> bool:
        try:
            said = json.loads(_text(self._folder / "owner.json") or "{}")
        except ValueError:
            return False  # it was cut off
        token = str(said.get("token", ""))
        stale = float(said.get("at", 0)) + STALE_AFTER_S < self._clock()
        return token not in ("", self._token) and not stale and not surely_dead(token, self._token)

    def _say_alive(self) -> None:
        now = self._clock()
        if now - self._said_at >= ALIVE_EVERY_S:
            _write(self._folder / "owner.json", json.dumps({"token": self._token, "at": now}).encode())
            self._said_at = now

    def _snapshots(self) -> list[Path]:
        """The whole ones, oldest first."""
        return sorted(path for path in self._folder.glob("snapshot-*.sqlite3") if path.with_suffix(".ok").exists())

    def _last_number(self) -> int:
        names = [path.name.split("-")[1] for path in self._folder.glob("s*-*")]
        return max((int(name) for name in names if name.isdecimal()), default=0)

    def _forget_all_but(self, most: int) -> None:
        kept = {path.stem.removeprefix("snapshot-") for path in self._snapshots()[-most:]}
        for path in self._folder.glob("s*-*"):
            if path.name.partition("-")[2].split(".")[0] not in kept:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    """Whole and closed when this returns: such mounts keep a file when it is closed."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        with suppress(OSError):  # closing is what counts there, and not every one of them can do this
            os.fsync(file.fileno())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
