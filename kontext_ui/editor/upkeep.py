"""Maintaining the data folder."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

from anyio import to_thread

from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.history.store import HistoryStore

log = logging.getLogger(__name__)
_io = to_thread.run_sync
CLEAN_EVERY_S = 86_400.0


class Upkeep:
    """Checks what is stored, and removes what nothing refers to."""

    def __init__(
        self,
        store: HistoryStore,
        pixels: PixelStore,
        *,
        keep_deleted: timedelta | None,
        expire_after: timedelta | None = None,
    ) -> None:
        self._store = store
        self._blobs = pixels.blobs
        self._keep_deleted = keep_deleted
        self._expire_after = expire_after
        self._cleaned = -CLEAN_EVERY_S

    async def verify(self) -> list[str]:
        """A sentence for each inconsistency; empty when all is well."""
        return [str(finding) for finding in await _io(self._store.upkeep.verify, self._blobs)]

    async def sweep(self, older_than: timedelta = timedelta(hours=1)) -> tuple[int, int]:
        """Remove what lay in the bin for long enough, and files that nothing refers to; how many, how many bytes."""
        if self._keep_deleted is not None:
            gone = await _io(self._store.projects.purge_deleted, datetime.now(UTC) - self._keep_deleted)
            if gone:
                log.info("%d projects left the bin for good", len(gone))
        swept = await _io(self._store.upkeep.sweep, self._blobs, older_than)
        return swept.files, swept.bytes

    async def empty_bin(self) -> None:
        """Once a day: old projects go to the bin where that is wanted, what lay in it for long enough is gone for good,
        with its files, and so is what limits counted."""
        if time.monotonic() - self._cleaned < CLEAN_EVERY_S:
            return
        self._cleaned = time.monotonic()
        await _io(self._store.usage.forget_old)
        if self._expire_after is not None:
            expired = await _io(self._store.projects.expire, datetime.now(UTC) - self._expire_after)
            log.info("%d projects that nobody changed were moved to the bin", expired)
        if self._keep_deleted is not None:
            await self.sweep(timedelta(days=1))
