"""HistoryStore: everything durable but the image files themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType

from kontext_ui.history.connections import Connections
from kontext_ui.history.image_store import ImageStore
from kontext_ui.history.job_store import JobStore
from kontext_ui.history.processes import new_token
from kontext_ui.history.project_store import ProjectStore, utc_now
from kontext_ui.history.tree_store import TreeStore
from kontext_ui.history.upkeep import Upkeep


class HistoryStore(ProjectStore, TreeStore, JobStore, ImageStore, Upkeep):
    """One SQLite file with projects, versions, jobs, images, spend and preferences.

    Synchronous; may be called from many threads at once, and several processes may have the file
    open. Each method is one short transaction. What a method returned is on disk. Every method
    that takes an owner answers only for that owner; another's project or job is "not found".
    ``path`` is created with its folder when it does not exist.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], datetime] = utc_now,
        process_token: str | None = None,
        busy_timeout_s: float = 15.0,
    ) -> None:
        connections = Connections(path, busy_timeout_s=busy_timeout_s)
        super().__init__(connections, clock, process_token or new_token())

    def close(self) -> None:
        """Waits for calls that are running; later calls raise ``HistoryError``."""
        self._connections.close()

    def __enter__(self) -> HistoryStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
