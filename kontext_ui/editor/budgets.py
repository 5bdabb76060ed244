"""Budgets: an edit that would exceed one is not sent."""

from __future__ import annotations

from dataclasses import dataclass

from anyio import to_thread

from kontext_ui.errors import BudgetExceeded
from kontext_ui.history.spend_store import Entry, Spent, Standing
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import Job, Project

DAY_BUDGET = "day_budget_usd"
"""The preference that holds a visitor's own limit for the day."""
DAYS_SHOWN = 31
MOST_SHOWN = 100
"""Projects and models in the list of what was spent."""
_io = to_thread.run_sync


@dataclass(frozen=True)
class Budget:
    """One limit in US dollars and what was spent against it; ``limit_usd`` ``None`` means no limit."""

    name: str
    """``project`` or ``day``."""
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
    if committed + price_usd > budget.limit_usd + 1e-9:
        period = "today" if budget.name == "day" else "in this project"
        raise BudgetExceeded(
            f"This edit costs ${price_usd:.3f}, and ${committed:.2f} of ${budget.limit_usd:.2f} is spent {period}.",
            budget=budget.name,
            limit_usd=budget.limit_usd,
            spent_usd=committed,
            hint="Nothing was sent. Raise the budget to continue.",
        )


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

    async def affords(self, job: Job, price_usd: float | None) -> bool:
        """Whether a running job may cost that much more without exceeding a budget."""
        extra_usd = (price_usd or 0.0) - (job.price_usd or 0.0)
        project = await _io(self._store.projects.get, job.owner, job.project)
        try:
            await self.guard(job.owner, project, max(0.0, extra_usd))
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
