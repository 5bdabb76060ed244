"""HistoryStore: everything durable but the image files themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType

from kontext_ui.history.access_key_store import AccessKeyStore
from kontext_ui.history.bucket import Bucket
from kontext_ui.history.connections import Connections
from kontext_ui.history.image_store import ImageStore
from kontext_ui.history.job_store import JobStore
from kontext_ui.history.names import new_token
from kontext_ui.history.part import utc_now
from kontext_ui.history.preference_store import PreferenceStore
from kontext_ui.history.processes import ClaimStore
from kontext_ui.history.project_store import ProjectStore
from kontext_ui.history.recovery_store import RecoveryStore
from kontext_ui.history.spend_store import SpendStore
from kontext_ui.history.tree_store import TreeStore
from kontext_ui.history.upkeep import Upkeep
from kontext_ui.history.usage_store import UsageStore


class HistoryStore:
    """One SQLite file with projects, versions, jobs, images, spend and preferences, a part for each.

    Synchronous; may be called from many threads at once, and several processes may have the file
    open. Each method of a part is one short transaction. What a method returned is on disk. Every
    method that takes an owner answers only for that owner; another's project or job is "not found".
    ``path`` is created with its folder when it does not exist. With ``bucket`` the folder is on a mount without
    locks: the file is kept elsewhere, what it holds in a folder beside ``path`` (see :mod:`.bucket`), and only one
    process may have it open.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], datetime] = utc_now,
        process_token: str | None = None,
        busy_timeout_s: float = 15.0,
        bucket: bool = False,
    ) -> None:
        self.process_token = process_token or new_token()
        """Names this process among those that have the file open; new jobs are claimed by it."""
        kept_in = Bucket(path.parent / "journal", self.process_token) if bucket else None
        self._connections = Connections(path, busy_timeout_s=busy_timeout_s, bucket=kept_in)
        self.projects = ProjectStore(self._connections, clock)
        self.tree = TreeStore(self._connections, clock)
        self.jobs = JobStore(self._connections, clock, self.process_token)
        self.claims = ClaimStore(self._connections, clock, self.process_token)
        self.images = ImageStore(self._connections, clock)
        self.spend = SpendStore(self._connections, clock)
        self.usage = UsageStore(self._connections, clock)
        self.preferences = PreferenceStore(self._connections, clock)
        self.access_keys = AccessKeyStore(self._connections, clock)
        self.recovery = RecoveryStore(self._connections, clock)
        self.upkeep = Upkeep(self._connections, clock)

    def close(self) -> None:
        """Waits for calls that are running; later calls raise ``HistoryError``."""
        self._connections.close()

    def __enter__(self) -> HistoryStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
