"""What counts against budgets and limits, as one transaction sees it.

A guard is asked inside the transaction that records what it allows: of two edits that come at once, in one
process or in two, the second one finds the first in the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias

from sqlite_utils import Database

from kontext_ui.history.rows import OPEN_SQL, owned, read_time, scalar, usd, write_time

PRICE_SQL = "coalesce(price_usd, assumed_usd)"
"""What an open job counts as until its true price is known."""


class Scope(StrEnum):
    """Whose doings count together, the widest first."""

    SERVER = "server"
    ADDRESS = "address"
    VISITOR = "visitor"


@dataclass(frozen=True)
class Sender:
    """Who asks for something, and a tag of the address that it comes from; an empty one is not known."""

    owner: str
    address: str = ""


class Ledger:
    """Amounts in US dollars, running edits and things that happened. ``now`` is in UTC."""

    def __init__(self, db: Database, now: datetime) -> None:
        self._db = db
        self.now = now.astimezone(UTC)

    def project_budget(self, owner: str, project_id: str) -> float | None:
        """The project's own limit. Raises :class:`ProjectNotFound`."""
        limit: float | None = owned(self._db, owner, project_id)["budget_usd"]
        return limit

    def preference(self, owner: str, key: str) -> Any:
        text = scalar(self._db, "SELECT value FROM preferences WHERE owner = ? AND key = ?", owner, key)
        return None if text is None else json.loads(text)

    def project_usd(self, project_id: str) -> float:
        """Spent in a project by whomever's keys."""
        return usd(scalar(self._db, "SELECT sum(usd) FROM spend WHERE project_id = ?", project_id))

    def project_running_usd(self, project_id: str) -> float:
        sql = f"SELECT sum({PRICE_SQL}) FROM jobs WHERE {OPEN_SQL} AND project_id = ?"
        return usd(scalar(self._db, sql, project_id))

    def today_usd(self, scope: Scope, sender: Sender, *, servers_only: bool = False) -> float:
        """Spent since midnight UTC; with ``servers_only`` on the server's own keys alone."""
        whose, values = _whose(scope, sender)
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        sql = f"SELECT sum(usd) FROM spend WHERE spent_at >= ?{whose}{_servers(servers_only)}"
        return usd(scalar(self._db, sql, write_time(midnight), *values))

    def running_usd(self, scope: Scope, sender: Sender, *, servers_only: bool = False) -> float:
        """What running edits may still cost."""
        whose, values = _whose(scope, sender)
        sql = f"SELECT sum({PRICE_SQL}) FROM jobs WHERE {OPEN_SQL}{whose}{_servers(servers_only)}"
        return usd(scalar(self._db, sql, *values))

    def of_key(self, owner: str, key_id: str) -> tuple[float | None, float]:
        """An access key's budget, if it has one, and what was spent and may still be spent of it."""
        limit = scalar(self._db, "SELECT budget_usd FROM access_keys WHERE owner = ? AND id = ?", owner, key_id)
        spent = scalar(self._db, "SELECT sum(usd) FROM spend WHERE access_key = ? AND owner = ?", key_id, owner)
        of_open = f"SELECT sum({PRICE_SQL}) FROM jobs WHERE {OPEN_SQL} AND owner = ? AND access_key = ?"
        return limit, usd((spent or 0) + (scalar(self._db, of_open, owner, key_id) or 0))

    def running(self, scope: Scope, sender: Sender) -> int:
        """Open jobs, those that wait for another one included."""
        whose, values = _whose(scope, sender)
        return int(scalar(self._db, f"SELECT count(*) FROM jobs WHERE {OPEN_SQL}{whose}", *values))

    def projects(self, owner: str) -> int:
        """Those that are not in the bin."""
        return int(scalar(self._db, "SELECT count(*) FROM projects WHERE owner = ? AND deleted_at IS NULL", owner))

    def happened(self, kind: str, since: datetime, scope: Scope, sender: Sender) -> int:
        whose, values = _whose(scope, sender)
        sql = f"SELECT count(*) FROM counted WHERE kind = ? AND at > ?{whose}"
        return int(scalar(self._db, sql, kind, write_time(since), *values))

    def moment(self, kind: str, since: datetime, scope: Scope, sender: Sender, place: int) -> datetime:
        """When the ``place``-th since then happened, counted from 0; now if there are not that many."""
        whose, values = _whose(scope, sender)
        sql = f"SELECT at FROM counted WHERE kind = ? AND at > ?{whose} ORDER BY at LIMIT 1 OFFSET ?"
        found = scalar(self._db, sql, kind, write_time(since), *values, place)
        return self.now if found is None else read_time(found)

    def note(self, kind: str, sender: Sender, times: int = 1) -> None:
        """It happens now. Only in a transaction that writes."""
        row = (kind, write_time(self.now), sender.owner, sender.address)
        self._db.conn.executemany("INSERT INTO counted (kind, at, owner, address) VALUES (?, ?, ?, ?)", [row] * times)


Guard: TypeAlias = Callable[[Ledger], None]
"""Raises when something may not be recorded; what it notes is kept with it."""


def allow_all(ledger: Ledger) -> None:
    """The guard that has nothing against anything."""


def _whose(scope: Scope, sender: Sender) -> tuple[str, tuple[str, ...]]:
    if scope is Scope.SERVER:
        return "", ()
    if scope is Scope.ADDRESS:
        return " AND address = ?", (sender.address,)
    return " AND owner = ?", (sender.owner,)


def _servers(only: bool) -> str:
    return " AND own_key = 0" if only else ""
