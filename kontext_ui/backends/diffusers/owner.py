"""One thread that owns something which only one caller may use at a time, and the queue in front of it.

First come, first served, except that visitors take turns, so that one who sends ten edits does not
make the next visitor wait for all ten.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
OPEN_TO_ALL = 0.75
"""The rest of the queue is reserved for visitors with nothing in it, so that no one can shut out the others."""


class LineFull(Exception):
    """The queue is full."""


@dataclass(eq=False)
class Ticket(Generic[T]):
    """A place in the queue and, later, the outcome in ``future``."""

    visitor: str
    work: Callable[[Ticket[T]], T]
    tell_position: Callable[[int], None]
    """Called with 1 for the next in line, on whichever thread moved the queue; must return at once."""
    future: Future[T] = field(default_factory=Future)
    withdrawn: threading.Event = field(default_factory=threading.Event)
    """The work checks it between steps and stops early."""


class FairLine(Generic[T]):
    """The order of waiting tickets: visitors in turn, each visitor's own in order. Not safe across threads."""

    def __init__(self) -> None:
        self._visitors: deque[str] = deque()
        self._waiting: dict[str, deque[Ticket[T]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def takes(self, visitor: str, limit: int) -> bool:
        """Whether there is room for one more of this visitor, when no more than ``limit`` may wait.

        The last places, and always the very last one, are kept for visitors who are not waiting yet.
        """
        return len(self) < (min(limit * OPEN_TO_ALL, limit - 1) if visitor in self._waiting else limit)

    def push(self, ticket: Ticket[T]) -> None:
        if ticket.visitor not in self._waiting:
            self._waiting[ticket.visitor] = deque()
            self._visitors.append(ticket.visitor)
        self._waiting[ticket.visitor].append(ticket)

    def pop(self) -> Ticket[T]:
        """The next one. Raises ``IndexError`` when the queue is empty."""
        visitor = self._visitors.popleft()
        ticket = self._waiting[visitor].popleft()
        if self._waiting[visitor]:
            self._visitors.append(visitor)
        else:
            del self._waiting[visitor]
        return ticket

    def remove(self, ticket: Ticket[T]) -> bool:
        """Whether it was still waiting."""
        own = self._waiting.get(ticket.visitor)
        if own is None or ticket not in own:
            return False
        own.remove(ticket)
        if not own:
            del self._waiting[ticket.visitor]
            self._visitors.remove(ticket.visitor)
        return True

    def in_order(self) -> list[Ticket[T]]:
        """In the order in which they would be served if no one else came."""
        ranked = [
            (turn, place, ticket)
            for place, visitor in enumerate(self._visitors)
            for turn, ticket in enumerate(self._waiting[visitor])
        ]
        return [ticket for _, _, ticket in sorted(ranked, key=lambda entry: entry[:2])]


class Owner(Generic[T]):
    """Carries out tickets one at a time on its own thread, which starts with the first one.

    ``when_idle`` is called on that thread after ``idle_s`` seconds without work, once per pause.
    """

    def __init__(
        self,
        name: str,
        *,
        when_idle: Callable[[], None] | None = None,
        idle_s: float | None = None,
        max_waiting: int | None = None,
    ) -> None:
        self._name = name
        self._when_idle = when_idle
        self._idle_s = idle_s
        self._max_waiting = max_waiting
        self._line: FairLine[T] = FairLine()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._running: Ticket[T] | None = None
        self._closing = False

    @property
    def idle(self) -> bool:
        """Nothing runs and nobody waits."""
        with self._changed:
            return self._running is None and not len(self._line)

    def submit(
        self, visitor: str, work: Callable[[Ticket[T]], T], tell_position: Callable[[int], None] = lambda _: None
    ) -> Ticket[T]:
        """Join the queue. The position is reported at once unless it is already this one's turn.

        Raises ``LineFull``, which limits how many pictures are held in memory for those who wait.
        """
        ticket = Ticket(visitor, work, tell_position)
        with self._changed:
            if self._closing:
                ticket.future.cancel()
                return ticket
            free = self._running is None and not len(self._line)
            if not free and self._max_waiting is not None and not self._line.takes(visitor, self._max_waiting):
                raise LineFull
            self._line.push(ticket)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()
            if not free:
                self._tell_positions()
            self._changed.notify_all()
        return ticket

    def withdraw(self, ticket: Ticket[T]) -> None:
        """Leave the queue, or ask running work to stop at its next step. Harmless when it has ended."""
        ticket.withdrawn.set()
        with self._changed:
            if self._line.remove(ticket):
                ticket.future.cancel()
                self._tell_positions()

    def close(self, timeout_s: float) -> bool:
        """Cancel all who wait and stop after the current step. Returns whether the thread ended in time."""
        with self._changed:
            self._closing = True
            for ticket in self._line.in_order():
                self._line.remove(ticket)
                ticket.future.cancel()
            if self._running is not None:
                self._running.withdrawn.set()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def _serve(self) -> None:
        while (ticket := self._next()) is not None:
            if ticket.future.set_running_or_notify_cancel():
                _carry_out(ticket)
            with self._changed:
                self._running = None
                self._changed.notify_all()

    def _next(self) -> Ticket[T] | None:
        """Wait for work. ``None`` once the owner is closed."""
        patience = None if self._when_idle is None else self._idle_s
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or len(self._line), patience)
                if self._closing:
                    return None
                if len(self._line):
                    self._running = self._line.pop()
                    self._tell_positions()
                    return self._running
            if self._when_idle is not None:
                self._when_idle()  # without the lock: others may join the queue meanwhile
            patience = None

    def _tell_positions(self) -> None:
        for position, ticket in enumerate(self._line.in_order(), start=1):
            ticket.tell_position(position)


def _carry_out(ticket: Ticket[T]) -> None:
    try:
        ticket.future.set_result(ticket.work(ticket))
    except BaseException as error:  # noqa: BLE001 - whoever waits for the future gets it; the thread lives on
        ticket.future.set_exception(error)
