"""Whether there is room for more: on the disk, and in what a visitor may keep. What is stored can always be read."""

from __future__ import annotations

import shutil
import time
from collections import OrderedDict

from anyio import to_thread

from kontext_ui.editor.ceilings import Ceilings, Limit
from kontext_ui.errors import StorageFull
from kontext_ui.history.blobs import BlobStore
from kontext_ui.history.ledger import Scope
from kontext_ui.history.store import HistoryStore

REST = 50
"""Adding up takes time that grows with the pictures. It is done again after so many times as long as it took."""
REMEMBERED = 1000


class Room:
    """Asked before anything is sent or stored: a paid picture that cannot be kept is money lost."""

    def __init__(self, store: HistoryStore, blobs: BlobStore, ceilings: Ceilings, *, min_free_bytes: int = 0) -> None:
        self._store = store
        self._blobs = blobs
        self._ceilings = ceilings
        self._min_free_bytes = min_free_bytes
        self._measured: OrderedDict[str | None, tuple[float, int]] = OrderedDict()
        """By owner, ``None`` for all: until when a sum is good enough, and the bytes."""

    async def check(self, owner: str) -> None:
        """Raises ``StorageFull`` or ``LimitReached``."""
        await to_thread.run_sync(self._check, owner)

    def _check(self, owner: str) -> None:
        if self._min_free_bytes and shutil.disk_usage(self._blobs.root).free < self._min_free_bytes:
            raise StorageFull(
                "The disk of this server is nearly full, so nothing new is begun.",
                hint="Nothing was sent or kept. What is there can still be opened and downloaded. Whoever runs the "
                "server makes room, for instance by emptying the bin.",
            )
        for scope in self._ceilings.most.get(Limit.STORED, {}):
            self._ceilings.stored(scope, self._bytes(owner if scope is Scope.VISITOR else None))

    def _bytes(self, owner: str | None) -> int:
        began = time.monotonic()
        good_until, size = self._measured.get(owner, (began, 0))
        if began >= good_until:
            size = self._store.usage.stored_bytes(owner, self._blobs.size)
            ended = time.monotonic()
            self._measured[owner] = (ended + REST * (ended - began), size)
            while len(self._measured) > REMEMBERED:
                self._measured.popitem(last=False)
        return size
