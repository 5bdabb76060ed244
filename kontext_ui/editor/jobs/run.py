"""What is known of a job while it runs."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

from kontext_ui.backends.base import EditTask
from kontext_ui.editor.drafts import Route
from kontext_ui.edits import Pixels, Running
from kontext_ui.errors import BackendError
from kontext_ui.projects import Failure, Job


@dataclass(eq=False)
class Run:
    """The living side of one job."""

    job: Job
    route: Route
    pinned: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    edit_task: EditTask | None = None
    progress: Running = field(default_factory=Running)
    preview: Pixels | None = None
    """The last picture that the backend has shown."""
    told_at: float = 0.0
    failed: list[BackendError] = field(default_factory=list)
    """Why those that were tried before the backend of now could not do it."""
    left_out: tuple[str, ...] = ()
    """Settings that a backend which stepped in does not have."""
    cancelled_as: Failure | None = None
    """Set once the user has cancelled: how the job is closed if it stops now."""
    abandoned: bool = False
    """The user stopped waiting, the provider works on: keep the result, move nothing."""
