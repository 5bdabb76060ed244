"""The progress of one edit on a terminal; silent when stderr is not one."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from kontext_ui.edits import Running

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class ProgressBar:
    """A bar that moves when the backend reports a fraction and pulses when it does not."""

    def __init__(self, *, shown: bool) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if shown and sys.stderr.isatty():
            self._bar, self._task = _make()

    def __enter__(self) -> ProgressBar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, running: Running) -> None:
        if self._bar is None or self._task is None:
            return
        stage = running.stage or "working"
        if running.queue_position is not None:
            stage = f"{stage}, place {running.queue_position}"
        self._bar.update(self._task, description=stage, completed=running.fraction or 0.0, total=_total(running))


def _total(running: Running) -> float | None:
    return None if running.fraction is None else 1.0


def _make() -> tuple[Progress, TaskID]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    # Imported here: scripts without a terminal need not load it.
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    return bar, bar.add_task("preparing", total=None)
