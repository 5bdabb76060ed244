"""Visitors without a login: who may come, and how one comes to another browser."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from anyio import to_thread

from kontext_ui.editor.ceilings import Ceilings, sender
from kontext_ui.errors import InvalidRequest
from kontext_ui.history.store import HistoryStore

LINK_LASTS = timedelta(days=1)
_io = to_thread.run_sync


@dataclass(frozen=True)
class MovingLink:
    """What a link to another browser holds, shown once; only its hash is kept."""

    token: str
    until: datetime


class Visitors:
    """Use cases on identities. 256 random bits cannot be guessed, so a plain hash of a link is enough."""

    def __init__(self, store: HistoryStore, ceilings: Ceilings) -> None:
        self._store = store
        self._ceilings = ceilings

    async def arrive(self, owner: str) -> None:
        """Somebody comes for the first time. Raises ``LimitReached`` when too many did from there."""
        if self._ceilings:
            await _io(self._store.usage.take, self._ceilings.visitors(sender(owner)))

    async def make_link(self, owner: str) -> MovingLink:
        """By it another browser becomes this visitor's: once, within a day. It ends the one made before."""
        link = MovingLink(secrets.token_urlsafe(32), datetime.now(UTC) + LINK_LASTS)
        await _io(self._store.recovery.put, owner, _digest(link.token), link.until)
        return link

    async def move(self, token: str, bring: str | None = None) -> str:
        """Whose browser it is from now on. ``bring`` is who it was and whose projects come along.

        Raises ``InvalidRequest`` for a link that was used, is over or never was.
        """
        owner = await _io(self._store.recovery.use, _digest(token), bring)
        if owner is None:
            hint = "Make a new one where your projects are, in the settings."
            raise InvalidRequest("This link was used already or is over.", hint=hint)
        return owner


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
