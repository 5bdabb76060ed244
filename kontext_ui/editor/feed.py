"""Tells everyone who is viewing a project what changed in it. In memory, one process."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from kontext_ui.editor.drafts import Change

QUEUE_LENGTH = 256
"""Changes a slow listener may lag behind before it is cut off and has to reload everything."""


class Subscription:
    """One listener. Iterating ends when it fell too far behind: then take a fresh view."""

    def __init__(self, revision: int) -> None:
        self.revision = revision
        """The project's revision at the moment of subscribing."""
        self._queue: asyncio.Queue[Change] = asyncio.Queue(QUEUE_LENGTH)
        self._loop = asyncio.get_running_loop()
        self.overflowed = False
        """Nothing more will come: it fell behind, or the program is ending."""

    def offer(self, change: Change) -> None:
        try:
            self._queue.put_nowait(change)
        except asyncio.QueueFull:
            self.overflowed = True

    def end(self) -> None:
        """From any thread."""
        self.overflowed = True
        self._loop.call_soon_threadsafe(self.offer, Change())

    async def next(self, timeout_s: float) -> Change | None:
        """The next change, or ``None`` when nothing happened for ``timeout_s`` seconds."""
        try:
            return await asyncio.wait_for(self._queue.get(), timeout_s)
        except TimeoutError:
            return None

    def taken(self) -> Change | None:
        """All that happened so far as one change, ``None`` for nothing. Its revision is that of the last."""
        taken = []
        while not self._queue.empty():
            taken.append(self._queue.get_nowait())
        if not taken:
            return None
        return Change(
            taken[-1].revision,
            project=next((change.project for change in reversed(taken) if change.project), None),
            versions=tuple(version for change in taken for version in change.versions),
            jobs=tuple(job for change in taken for job in change.jobs),
            removed=tuple(removed for change in taken for removed in change.removed),
            facts=taken[-1].facts,
        )

    async def __aiter__(self) -> AsyncIterator[Change]:
        while not self.overflowed:
            yield await self._queue.get()


class Feed:
    """Publishes changes per project. Use from one event loop only."""

    def __init__(self) -> None:
        # Starting from the clock keeps revisions rising over a restart, so that a page that was
        # open before sees that it missed something.
        self._start = time.time_ns() // 1_000_000
        self._revisions: dict[str, int] = {}
        self._subscriptions: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._by_owner: defaultdict[str, set[Subscription]] = defaultdict(set)

    def revision(self, project_id: str) -> int:
        return self._revisions.get(project_id, self._start)

    @property
    def listeners(self) -> int:
        return sum(len(those) for those in self._subscriptions.values())

    def publish(self, project_id: str, change: Change) -> Change:
        """Number the change, hand it to every listener and return it numbered."""
        numbered = dataclasses.replace(change, revision=self.revision(project_id) + 1)
        self._revisions[project_id] = numbered.revision
        for subscription in self._subscriptions.get(project_id, ()):
            subscription.offer(numbered)
        return numbered

    def pass_on(self, owner: str, project_id: str) -> None:
        """Tell the owner's listeners of other projects that something began or ended in this one."""
        for subscription in self._by_owner.get(owner, set()) - self._subscriptions.get(project_id, set()):
            subscription.offer(Change(elsewhere=True))

    def hang_up(self) -> None:
        """From any thread: end every subscription."""
        for subscriptions in list(self._subscriptions.values()):
            for subscription in list(subscriptions):
                subscription.end()

    @contextmanager
    def subscribe(self, project_id: str, owner: str | None = None) -> Iterator[Subscription]:
        """With an owner it is also told when something begins or ends in another of the owner's projects."""
        subscription = Subscription(self.revision(project_id))
        tables = [(self._subscriptions, project_id), *([(self._by_owner, owner)] if owner else [])]
        for table, key in tables:
            table[key].add(subscription)
        try:
            yield subscription
        finally:
            for table, key in tables:
                table[key].discard(subscription)
                if not table[key]:
                    del table[key]
