"""Budgets: an edit that would exceed one is not sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from anyio import to_thread

from kontext_ui.errors import BudgetExceeded, InvalidRequest
from kontext_ui.history.rows import usd
from kontext_ui.history.spend_store import Entry, Spent, Standing
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import Job, Project, Terms

DAY_BUDGET = "day_budget_usd"
"""The preference that holds a visitor's own limit for the day."""
DAYS_SHOWN = 31
MOST_SHOWN = 100
"""Projects and models in the list of what was spent."""
EPSILON_USD = 1e-9
"""By how much sums of binary fractions may be off."""
_io = to_thread.run_sync


@dataclass(frozen=True)
class Budget:
    """One limit in US dollars and what was spent against it; ``limit_usd`` ``None`` means no limit."""

    name: str
    """``project``, ``day`` or ``key``."""
    limit_usd: float | None
    spent_usd: float


@dataclass(frozen=True)
class Spending:
    """What a visitor paid, in US dollars, over all projects."""

    branch_usd: float
    """From the root to the current version; failed and side branches are only in the project's sum."""
    projects: tuple[Spent, ...]
    models: tuple[Spent, ...]
    days: tuple[Spent, ...]
    """UTC, newest first."""


def check_budget(budget: Budget, price_usd: float | None, reserved: float) -> None:
    """Raises ``BudgetExceeded`` when this edit would pass the limit. Free edits always pass."""
    if budget.limit_usd is None or not price_usd:
        return
    committed = budget.spent_usd + reserved
    if committed + price_usd > budget.limit_usd + EPSILON_USD:
        period = {"day": "today", "key": "with this access key"}.get(budget.name, "in this project")
        raise BudgetExceeded(
            f"This edit costs ${price_usd:.3f}, and ${committed:.2f} of ${budget.limit_usd:.2f} is spent {period}.",
            budget=budget.name,
            limit_usd=budget.limit_usd,
            spent_usd=committed,
            hint="Nothing was sent. Raise the budget to continue.",
        )


def agreed(terms: Terms, prices: Sequence[float | None], *, bounded: bool) -> list[Terms]:
    """The terms of each edit of a call. ``bounded``: the access key has a budget, which holds anyway."""
    total_usd = usd(sum(price or 0 for price in prices))
    most_usd, unknown = terms.max_price_usd, None in prices
    if most_usd is not None and unknown:
        raise InvalidRequest(
            "What this edit costs is only known afterwards, so no limit can be kept.",
            hint="Nothing was sent. Choose another backend, or a key with a budget and no max_price_usd.",
        )
    if most_usd is None and not bounded and (total_usd or unknown):
        cost = "an amount that is only known afterwards" if unknown else f"${total_usd:.3f}"
        raise InvalidRequest(
            f"This costs {cost}, and the call sets no limit.",
            hint="Nothing was sent. Say max_price_usd, or use an access key with a budget.",
        )
    if most_usd is not None and total_usd > most_usd + EPSILON_USD:
        raise BudgetExceeded(
            f"This costs ${total_usd:.3f}, and max_price_usd is ${most_usd:.3f}.",
            budget="call",
            limit_usd=most_usd,
            spent_usd=0.0,
            hint="Nothing was sent. Say a larger max_price_usd, or choose a cheaper backend or model.",
        )
    if most_usd is None:
        return [replace(terms, max_price_usd=None if bounded else 0.0) for _ in prices]
    rest_usd = (most_usd - total_usd) / len(prices)
    return [replace(terms, max_price_usd=(price or 0.0) + rest_usd) for price in prices]


class Budgets:
    """What a project and a visitor's day may cost; limits from the settings unless changed in place."""

    def __init__(self, store: HistoryStore, *, project_usd: float | None = None, day_usd: float | None = None) -> None:
        self._store = store
        self._project_usd = project_usd
        self._day_usd = day_usd

    async def of(self, owner: str, project_id: str) -> tuple[Budget, Budget]:
        """The project's and the day's."""
        project = await _io(self._store.projects.get, owner, project_id)
        return (await _io(self._stand, owner, project))[:2]

    async def guard(self, owner: str, project: Project, price_usd: float | None) -> None:
        """Raises ``BudgetExceeded`` when an edit at this price would pass the project's or the day's limit."""
        if not price_usd:
            return
        of_project, of_day, standing = await _io(self._stand, owner, project)
        check_budget(of_project, price_usd, standing.reserved_project_usd)
        check_budget(of_day, price_usd, standing.reserved_usd)

    async def agree(self, owner: str, terms: Terms, prices: Sequence[float | None]) -> list[Terms]:
        """On what terms each of a program's edits is sent. A program that repeats itself must not spend without end,
        so what costs something needs a limit: of the call, or of its access key.

        Raises ``InvalidRequest`` when there is none, or none can be kept, and ``BudgetExceeded`` when one is passed.
        """
        limit_usd = await self._check_key(owner, terms.access_key, usd(sum(price or 0 for price in prices)))
        return agreed(terms, prices, bounded=limit_usd is not None)

    async def of_key(self, owner: str, key_id: str) -> Budget:
        """An access key's; what running edits may still cost counts as spent."""
        limit_usd, used_usd = await _io(self._store.spend.of_key, owner, key_id)
        return Budget("key", limit_usd, used_usd)

    async def _check_key(self, owner: str, key_id: str | None, price_usd: float) -> float | None:
        """The key's limit, if it has one. Raises ``BudgetExceeded``."""
        if key_id is None:
            return None
        budget = await self.of_key(owner, key_id)
        check_budget(budget, price_usd, 0.0)
        return budget.limit_usd

    async def affords(self, job: Job, price_usd: float | None) -> bool:
        """Whether a running job may cost that much without exceeding a budget or the terms it was sent on."""
        most_usd = job.terms.max_price_usd
        if most_usd is not None and (price_usd is None or price_usd > most_usd + EPSILON_USD):
            return False
        extra_usd = (price_usd or 0.0) - (job.price_usd or 0.0)
        project = await _io(self._store.projects.get, job.owner, job.project)
        try:
            await self.guard(job.owner, project, max(0.0, extra_usd))
            await self._check_key(job.owner, job.terms.access_key, max(0.0, extra_usd))
        except BudgetExceeded:
            return False
        return True

    async def spending(self, owner: str, project_id: str) -> Spending:
        """What the current branch of a project cost, and what all projects, models and the last days did."""
        return await _io(self._spending, owner, project_id)

    async def ledger(self) -> list[Entry]:
        """Who spent what, by day, project and model: for whoever runs the program, not for visitors."""
        return await _io(self._store.spend.ledger)

    async def set_day(self, owner: str, usd: float | None) -> None:
        await _io(self._store.preferences.set, owner, DAY_BUDGET, usd)

    def _spending(self, owner: str, project_id: str) -> Spending:
        project = self._store.projects.get(owner, project_id)
        branch_usd = 0.0 if project.head is None else self._store.tree.path_cost_usd(owner, project.id, project.head)
        by = self._store.spend.by
        return Spending(
            branch_usd,
            projects=tuple(by(owner, "project", MOST_SHOWN)),
            models=tuple(by(owner, "model", MOST_SHOWN)),
            days=tuple(by(owner, "day", DAYS_SHOWN)),
        )

    def _stand(self, owner: str, project: Project) -> tuple[Budget, Budget, Standing]:
        standing = self._store.spend.standing(owner, project.id)
        project_usd = self._project_usd if project.budget_usd is None else project.budget_usd
        day_usd = self._store.preferences.get(owner, DAY_BUDGET)
        return (
            Budget("project", project_usd, standing.project_usd),
            Budget("day", self._day_usd if day_usd is None else float(day_usd), standing.today_usd),
            standing,
        )
