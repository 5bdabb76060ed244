"""Budgets: an edit that would pass one is not sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kontext_ui.errors import BudgetExceeded
from kontext_ui.projects import Job


@dataclass(frozen=True)
class Budget:
    """One limit in US dollars and what was spent against it; ``limit_usd`` ``None`` is no limit."""

    name: str
    """``project`` or ``day``."""
    limit_usd: float | None
    spent_usd: float


def reserved_usd(jobs: Iterable[Job]) -> float:
    """What the edits still running may cost: they count until the provider has told the true price."""
    return sum(job.price_usd or 0.0 for job in jobs if job.state.is_open)


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
            hint="Nothing was sent. Raise the budget to go on.",
        )
