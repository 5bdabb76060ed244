"""The editor: its services, its heartbeat, its beginning and end.

Everything the page or the command line does goes through a service of it, and nothing else does.
Every method that reads or changes something of a project takes the owner first and raises
``ProjectNotFound`` for another owner's project, exactly as for one that does not exist.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

from anyio import to_thread

from kontext_ui.editor.access_keys import AccessKeys
from kontext_ui.editor.accounts import Accounts, KeyRing
from kontext_ui.editor.budgets import Budgets
from kontext_ui.editor.drafts import Facts
from kontext_ui.editor.edits import Edits
from kontext_ui.editor.feed import Feed
from kontext_ui.editor.help import Help
from kontext_ui.editor.jobs.following import Following
from kontext_ui.editor.jobs.journal import Journal
from kontext_ui.editor.jobs.router import Router
from kontext_ui.editor.jobs.runner import JobRunner
from kontext_ui.editor.jobs.webhooks import Webhooks
from kontext_ui.editor.pictures import Pictures
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.editor.preferences import Preferences
from kontext_ui.editor.projects import Projects
from kontext_ui.editor.queue import Queue
from kontext_ui.editor.room import Room
from kontext_ui.editor.upkeep import Upkeep
from kontext_ui.editor.versions import Versions
from kontext_ui.editor.visitors import Visitors
from kontext_ui.history.store import HistoryStore
from kontext_ui.images import codec
from kontext_ui.projects import Job, JobState

log = logging.getLogger(__name__)
HEARTBEAT_S = 5.0
STALE_AFTER_S = 20.0
"""A process that has not shown a sign of life for this long counts as dead and its jobs are taken over."""


class Editor:
    """One per process. Use from one event loop: ``start`` before use, ``aclose`` at the end."""

    def __init__(
        self,
        store: HistoryStore,
        pixels: PixelStore,
        router: Router,
        limits: codec.ImageLimits,
        budgets: Budgets,
        *,
        min_free_bytes: int = 0,
        fallback: bool = True,
        tell_credit: bool = True,
        public_url: str = "",
        keep_deleted: timedelta | None = None,
        expire_after: timedelta | None = None,
    ) -> None:
        self._store, self._router, self._feed = store, router, Feed()
        self._journal = journal = Journal(store, self._feed, router)
        keys, webhooks = KeyRing(), Webhooks(public_url)
        self._runner = JobRunner(journal, pixels, router, keys, budgets, webhooks, fallback=fallback)
        room = Room(store, pixels.blobs, budgets.ceilings, min_free_bytes=min_free_bytes)
        self.projects = Projects(journal, self._runner, budgets.ceilings)
        self.versions = Versions(journal)
        self.pictures = Pictures(journal, pixels, limits, budgets.ceilings, room)
        self.visitors = Visitors(store, budgets.ceilings)
        self._following = Following(journal, pixels, router, self._runner, keys, budgets)
        self.edits = Edits(journal, pixels, router, self._runner, self._following, keys, budgets, webhooks, room)
        self.queue = Queue(store, self._runner)
        self.accounts = Accounts(router, keys, tell_credit=tell_credit)
        self.access_keys = AccessKeys(store)
        self.budgets = budgets
        self.help = Help(store, pixels, router, self.accounts)
        self.preferences = Preferences(store)
        self.upkeep = Upkeep(store, pixels, keep_deleted=keep_deleted, expire_after=expire_after)
        self._heart: asyncio.Task[None] | None = None
        self._recovered = asyncio.Event()
        self._closed = False

    @property
    def facts(self) -> Facts:
        """What rows of versions say about backends."""
        return self._journal.facts()

    def watch(self, listener: Callable[[Job, float], None]) -> None:
        """Be told of each edit that ends in this process, and what it cost in US dollars as far as is known."""
        self._journal.ended.append(listener)

    async def open_edits(self) -> Mapping[JobState, int]:
        """How many edits wait or run, of all processes on this data folder."""
        return await to_thread.run_sync(self._store.jobs.open_by_state)

    @property
    def listeners(self) -> int:
        """How many pages of this process are told of changes."""
        return self._feed.listeners

    async def start(self) -> None:
        """Take up what an earlier process left open. Calling it again does nothing."""
        if self._heart is None:
            self._heart = asyncio.create_task(self._beat(), name="heartbeat")

    async def recovered(self) -> None:
        """Return once everything that an earlier process left open is running again or settled."""
        await self._recovered.wait()

    def hang_up(self) -> None:
        """End all subscriptions, from any thread: a server cannot stop while streams are open."""
        self._feed.hang_up()

    async def aclose(self) -> None:
        """Stop; jobs that are running stay open and are taken up at the next start. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.gather(self._heart, return_exceptions=True)
        self.edits.stop_replays()
        self.help.close()
        await self._following.aclose()
        await self._runner.aclose()
        for backend in self._router.backends.values():
            await backend.aclose()
        await to_thread.run_sync(self._store.claims.release)
        await to_thread.run_sync(self._store.close)

    async def _recover(self, jobs: list[Job]) -> None:
        await self._runner.recover([job for job in jobs if not job.waits])
        self._following.recover(job for job in jobs if job.waits)

    async def _beat(self) -> None:
        while True:
            try:
                await self._recover(await to_thread.run_sync(self._store.claims.take_over, STALE_AFTER_S))
                self._recovered.set()
                await self.upkeep.empty_bin()
            except Exception:
                # A busy disk must not stop the takeover of jobs; it is retried in a few seconds.
                log.exception("looking for jobs to take over failed")
            await asyncio.sleep(HEARTBEAT_S)
