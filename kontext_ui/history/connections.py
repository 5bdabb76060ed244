"""Connections to the one SQLite file, shared by the threads of this process.

One connection writes, behind a lock; a few others read. A single connection behind a lock would be
simpler, but then a picture that the page asks for waits for every commit, and when another process
holds the file's write lock, for that too. One connection per thread would leave connections behind
in worker threads that come and go, and none could be closed from elsewhere. With WAL, readers
see the last committed state and never wait for a writer.
"""

from __future__ import annotations

import errno
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from kontext_ui.errors import HistoryError, StorageFull
from kontext_ui.history.bucket import Bucket, Recording
from kontext_ui.history.migrations import migrate

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
FILE_TROUBLE = ("unable to open", "readonly", "read-only", "disk I/O", "not a database", "malformed", "authorization")
"""What SQLite says of its file and not of a statement."""
FOLDER_HINT = "Look at its rights and its disk, or name another data folder with KONTEXT_UI_DATA_DIR or --data-dir."


class Connections:
    """Hands out the writing connection or one of at most ``readers`` reading ones."""

    def __init__(
        self, path: Path, *, busy_timeout_s: float = 15.0, readers: int = 4, bucket: Bucket | None = None
    ) -> None:
        self._bucket = bucket
        self._path = path if bucket is None else bucket.path
        self._busy_timeout_s = busy_timeout_s
        self._readers = readers
        self._write_lock = threading.Lock()
        self._free = threading.Semaphore(readers)
        self._idle: list[Database] = []
        self._closed = False
        try:
            with _in_words():
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                if bucket is not None:
                    bucket.restore(path)
                self._path.touch(mode=0o600)
                self._writer = self._connect()
                self._prepare()
        except BaseException:
            if bucket is not None:
                bucket.close()
            raise

    def _prepare(self) -> None:
        try:
            self._enable_wal()
            migrate(self._writer)
            if self._bucket is not None:
                self._bucket.begin(self._writer.conn)
        except BaseException:
            self._writer.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """One consistent view of the last committed state, for one thread."""
        with self._free, _in_words():
            self._raise_if_closed()
            db = self._idle.pop() if self._idle else self._connect(read_only=True)
            try:
                with db.atomic():
                    yield db
            finally:
                self._idle.append(db)

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """A transaction that holds the file's write lock from its first statement.

        ``Database.atomic`` begins a deferred transaction, which fails instead of waiting when a
        second process wrote between its first read and its first write. Raises
        :class:`StorageFull` when the disk is full; nothing of the transaction is kept then.
        """
        with self._write_lock, _in_words():
            self._raise_if_closed()
            db = self._writer
            if isinstance(db.conn, Recording):
                db.conn.changes.clear()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                self._commit(db)
            except BaseException:
                db.rollback()
                raise

    def _commit(self, db: Database) -> None:
        if self._bucket is None or not isinstance(db.conn, Recording):
            db.commit()
            return
        kept = self._bucket.record(db.conn.changes)
        try:
            db.commit()
        except BaseException:
            self._bucket.take_back(kept)
            raise

    def close(self) -> None:
        """Wait for what is running, then close every connection. Closing twice is harmless."""
        with self._write_lock:
            if self._closed:
                return
            self._closed = True
            for _ in range(self._readers):
                self._free.acquire()
            for db in self._idle:
                db.close()
            self._idle.clear()
            self._writer.close()
            if self._bucket is not None:
                self._bucket.close()
            for _ in range(self._readers):
                self._free.release()

    def _connect(self, *, read_only: bool = False) -> Database:
        recorded = self._bucket is not None and not read_only
        connection = sqlite3.connect(
            str(self._path),
            timeout=self._busy_timeout_s,
            check_same_thread=False,
            factory=Recording if recorded else sqlite3.Connection,
        )
        db = Database(connection, execute_plugins=False)
        db.execute("PRAGMA foreign_keys = on")
        # With WAL, "normal" may forget the last commits when the power fails; a paid edit must not be forgotten.
        db.execute("PRAGMA synchronous = full")
        if read_only:
            db.execute("PRAGMA query_only = on")
        return db

    def _enable_wal(self) -> None:
        """SQLite does not wait for the busy timeout when two processes switch the mode at once."""
        deadline = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                self._writer.enable_wal()
                return
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _raise_if_closed(self) -> None:
        if self._closed:
            raise HistoryError("The history is closed.", hint="Start the program again.")


@contextmanager
def _in_words() -> Iterator[None]:
    """What goes wrong with the file or its disk, as sentences; mistakes of this program stay what they are."""
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        said = _sentence(error)
        if said is None:
            raise
        raise said from error


def _sentence(error: sqlite3.DatabaseError | OSError) -> HistoryError | None:
    text = str(error)
    if "disk is full" in text or (isinstance(error, OSError) and error.errno in NO_SPACE):
        return StorageFull("The disk is full, so this was not saved.", hint="Free some space and try again.")
    if isinstance(error, OSError):
        return unusable(error.filename or "The data folder", error.strerror or text)
    if "locked" in text or "busy" in text:
        return HistoryError(
            "Another process kept the history busy for too long, so this was not saved.", hint="Try again."
        )
    if any(sign in text for sign in FILE_TROUBLE):
        return unusable("The history in the data folder", text)
    return None


def unusable(what: str, why: str) -> HistoryError:
    """Of a part of the data folder."""
    return HistoryError(f"{what} cannot be used: {why.rstrip('.')}.", hint=FOLDER_HINT)
