"""What this server allows one visitor, one address and all together, and what it says when that is used up.

A budget is a visitor's own and protects the visitor; these are the operator's, and no number of cookies passes the
one of the whole server. The checks are guards: they run in the transaction that records what they allow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from kontext_ui.errors import LimitReached
from kontext_ui.history.ledger import Guard, Ledger, Scope, Sender

HOUR = timedelta(hours=1)
WHO = {
    Scope.SERVER: "All visitors together",
    Scope.ADDRESS: "All visitors from your address",
    Scope.VISITOR: "You",
}
WHERE = {Scope.SERVER: "here", Scope.ADDRESS: "from your address", Scope.VISITOR: "here"}
SENT_FROM: ContextVar[str] = ContextVar("sent_from", default="")
"""A tag of the address whose request is being answered; empty where there is none."""
NOT_SENT = "Nothing was sent."


class Limit(StrEnum):
    """What is limited, by the name that the settings give it after ``limit_``."""

    USD = "usd_per_day"
    EDITS = "edits_per_hour"
    RUNNING = "edits_running"
    UPLOADS = "uploads_per_hour"
    STORED = "stored_mb"
    PROJECTS = "projects"
    VISITORS = "visitors_per_hour"


@dataclass(frozen=True)
class Standing:
    """One limit as it stands for somebody. Amounts in US dollars, megabytes, or things."""

    limit: Limit
    scope: Scope
    most: float
    used: float


@dataclass(frozen=True)
class Ceilings:
    """The limits that are set; none by default."""

    most: Mapping[Limit, Mapping[Scope, float]] = field(default_factory=dict)

    @staticmethod
    def of(limits: Mapping[str, Mapping[str, float]]) -> Ceilings:
        """From the settings' names and amounts."""
        return Ceilings(
            {Limit(name): {Scope(who): most for who, most in given.items()} for name, given in limits.items() if given}
        )

    def __bool__(self) -> bool:
        return bool(self.most)

    def _scopes(self, limit: Limit, sender: Sender) -> Iterable[tuple[Scope, float]]:
        """The widest first. Where no address is known, that of addresses limits nobody."""
        given = self.most.get(limit, {})
        for scope in Scope:
            if scope in given and not (scope is Scope.ADDRESS and not sender.address):
                yield scope, given[scope]

    def edits(self, ledger: Ledger, sender: Sender, count: int) -> None:
        """Note ``count`` edits, whoever pays for them. Raises ``LimitReached``."""
        for scope, most in self._scopes(Limit.RUNNING, sender):
            running = ledger.running(scope, sender)
            if running + count > most:
                raise LimitReached(
                    f"{WHO[scope]} may have {most:g} edits running or waiting at once, and have {running}.",
                    limit=Limit.RUNNING,
                    hint=f"{NOT_SENT} Send it when one of them has ended.",
                )
        self._hourly(
            ledger, Limit.EDITS, sender, count, "{who} may send {most:g} edits an hour, and have sent {used}", "sent"
        )

    def money(self, ledger: Ledger, sender: Sender, usd: float) -> None:
        """Raises ``LimitReached`` when so much more on the server's keys passes what they may be used for today."""
        if usd <= 0:
            return
        for scope, most in self._scopes(Limit.USD, sender):
            used = self._spent(ledger, scope, sender)
            if used + usd > most + 1e-9:
                midnight = ledger.now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
                enough = usd <= most + 1e-9
                free = _free(midnight, ledger.now) if enough else "This costs more than a whole day allows."
                raise LimitReached(
                    f"{WHO[scope]} may spend ${most:.2f} a day on this server's own keys; ${used:.2f} of it is taken, "
                    f"and this costs ${usd:.3f}.",
                    limit=Limit.USD,
                    free_at=midnight if enough else None,
                    hint=f"{NOT_SENT} {free} A key of your own is not counted.",
                )

    def uploads(self, sender: Sender, *, note: bool = True) -> Guard:
        """One more picture or mask that somebody brings."""
        words = "{who} may bring {most:g} pictures an hour, and have brought {used}"
        return lambda ledger: self._hourly(ledger, Limit.UPLOADS, sender, 1, words, "kept", note=note)

    def visitors(self, sender: Sender) -> Guard:
        """One more visitor without an identity."""
        words = "{used} new visitors came {where} within an hour, and no more than {most:g} may"
        return lambda ledger: self._hourly(ledger, Limit.VISITORS, sender, 1, words, "kept")

    def projects(self, sender: Sender) -> Guard:
        """One more project."""

        def guard(ledger: Ledger) -> None:
            for scope, most in self._scopes(Limit.PROJECTS, sender):
                used = ledger.projects(sender.owner)
                if used + 1 > most:
                    raise LimitReached(
                        f"{WHO[scope]} may have {most:g} projects here, and have {used}.",
                        limit=Limit.PROJECTS,
                        hint="Delete one that is not needed; what is in the bin is not counted.",
                    )

        return guard

    def stored(self, scope: Scope, used_bytes: int) -> None:
        """Raises ``LimitReached`` once so much is kept."""
        most = self.most.get(Limit.STORED, {}).get(scope)
        if most is not None and used_bytes >= most * 1e6:
            raise LimitReached(
                f"{WHO[scope]} may keep {most:g} MB of pictures here, and keep {used_bytes / 1e6:.0f} MB.",
                limit=Limit.STORED,
                hint="Nothing was sent or kept. What is there can still be opened and downloaded; a deleted project "
                "makes room once the bin lets it go.",
            )

    def standing(self, ledger: Ledger, sender: Sender) -> list[Standing]:
        """All that time or ending edits free again, as it stands for somebody."""
        found = [
            Standing(Limit.USD, scope, most, self._spent(ledger, scope, sender))
            for scope, most in self._scopes(Limit.USD, sender)
        ]
        for limit in (Limit.EDITS, Limit.UPLOADS):
            found += [
                Standing(limit, scope, most, ledger.happened(limit, ledger.now - HOUR, scope, sender))
                for scope, most in self._scopes(limit, sender)
            ]
        return found

    @staticmethod
    def _spent(ledger: Ledger, scope: Scope, sender: Sender) -> float:
        spent = ledger.today_usd(scope, sender, servers_only=True)
        return spent + ledger.running_usd(scope, sender, servers_only=True)

    def _hourly(
        self, ledger: Ledger, limit: Limit, sender: Sender, count: int, words: str, done: str, *, note: bool = True
    ) -> None:
        since = ledger.now - HOUR
        for scope, most in self._scopes(limit, sender):
            used = ledger.happened(limit, since, scope, sender)
            if used + count > most:
                fits = count <= most
                oldest = ledger.moment(limit, since, scope, sender, math.ceil(used + count - most) - 1)
                free_at = oldest + HOUR if fits else None
                raise LimitReached(
                    words.format(who=WHO[scope], where=WHERE[scope], most=most, used=used) + ".",
                    limit=limit,
                    free_at=free_at,
                    hint=f"Nothing was {done}. {_free(free_at, ledger.now)}",
                )
        if note and limit in self.most:
            ledger.note(limit, sender, count)


def sender(owner: str) -> Sender:
    """Who sends the request that is being answered."""
    return Sender(owner, SENT_FROM.get())


def _free(at: datetime | None, now: datetime) -> str:
    """When there is room again, for people of any time zone."""
    if at is None:
        return "Ask for fewer at once."
    minutes = max(1, math.ceil((at - now).total_seconds() / 60))
    hours = round(minutes / 60)
    wait = f"{minutes} minute{'s' if minutes > 1 else ''}" if minutes < 90 else f"{hours} hours"
    return f"There is room again at {at:%H:%M} UTC, in {wait}."
