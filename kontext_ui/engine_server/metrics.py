"""Counts of what the server did, in Prometheus's text format."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

BUCKETS_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
OUTCOMES = ("done", "failed", "refused", "cancelled")


@dataclass(eq=False)
class Visit:
    """One request; whoever carries it out says how it ended."""

    outcome: str = "failed"


class Tally:
    """``limit`` requests may be open at once."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self.open = 0
        self._clock = clock
        self._ended: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self._buckets: Counter[float] = Counter()
        self._seconds = 0.0

    @property
    def full(self) -> bool:
        return self.open >= self.limit

    @property
    def waiting(self) -> int:
        """One is drawn at a time; the others wait."""
        return max(0, self.open - 1)

    @contextmanager
    def visit(self) -> Iterator[Visit]:
        visit, started = Visit(), self._clock()
        self.open += 1
        try:
            yield visit
        finally:
            self.open -= 1
            self._ended[visit.outcome] += 1
            if visit.outcome == "done":
                seconds = self._clock() - started
                self._seconds += seconds
                self._buckets[next((edge for edge in BUCKETS_S if seconds <= edge), float("inf"))] += 1

    def turned_away(self) -> None:
        self._ended["refused"] += 1

    def text(self, *, ready: bool) -> str:
        lines = ["# HELP kontext_engine_edits_total Requests by how they ended.",
                 "# TYPE kontext_engine_edits_total counter"]  # fmt: skip
        lines += [f'kontext_engine_edits_total{{outcome="{name}"}} {count}' for name, count in self._ended.items()]
        lines += self._gauge("ready", "1 when edits are accepted.", int(ready))
        lines += self._gauge("running", "Edits being drawn.", min(1, self.open))
        lines += self._gauge("waiting", "Edits that wait for their turn.", self.waiting)
        lines += ["# HELP kontext_engine_edit_seconds From the request to its picture, waiting included.",
                  "# TYPE kontext_engine_edit_seconds histogram"]  # fmt: skip
        count = 0
        for edge in BUCKETS_S:
            count += self._buckets[edge]
            lines.append(f'kontext_engine_edit_seconds_bucket{{le="{edge:g}"}} {count}')
        total = count + self._buckets[float("inf")]
        lines += [f'kontext_engine_edit_seconds_bucket{{le="+Inf"}} {total}',
                  f"kontext_engine_edit_seconds_sum {self._seconds:g}",
                  f"kontext_engine_edit_seconds_count {total}"]  # fmt: skip
        return "\n".join(lines) + "\n"

    def _gauge(self, name: str, about: str, value: int) -> list[str]:
        full = f"kontext_engine_{name}"
        return [f"# HELP {full} {about}", f"# TYPE {full} gauge", f"{full} {value}"]
