"""Budgets: an edit that would exceed one is not sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from anyio import to_thread

from kontext_ui.editor.ceilings import Ceilings, Standing
from kontext_ui.errors import BudgetExceeded, InvalidRequest
from kontext_ui.history.ledger import Guard, Ledger, Scope, Sender
from kontext_ui.history.rows import usd
from kontext_ui.history.spend_store import Entry, Spent
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import Job, Terms

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


@dataclass(frozen=True)
class Expense:
    """What one edit may cost, in US dollars, and on whose account."""

    usd: float
    own_key: bool = False
    """A key of the visitor's own pays."""


def check_budget(budget: Budget, price_usd: float, reserved: float) -> None:
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
    """What a project and a visitor's day may cost; limits from the settings unless changed in place.

    They are the visitors' own and count whichever key pays. ``ceilings`` are the operator's, and count the server's
    keys alone. ``unknown_usd`` is what an edit counts as whose price is only known afterwards.
    """

    def __init__(
        self,
        store: HistoryStore,
        *,
        project_usd: float | None = None,
        day_usd: float | None = None,
        ceilings: Ceilings | None = None,
        unknown_usd: float = 0.1,
    ) -> None:
        self._store = store
        self._project_usd = project_usd
        self._day_usd = day_usd
        self.ceilings = ceilings or Ceilings()
        self.unknown_usd = unknown_usd

    async def of(self, owner: str, project_id: str) -> tuple[Budget, Budget]:
        """The project's and the day's."""
        return await _io(self._store.usage.look, partial(self._stand, owner=owner, project_id=project_id))

    def expense(self, price_usd: float | None, *, own_key: bool) -> Expense:
        """What counts for an edit at this price; ``None`` is one that is not known."""
        return Expense(self.unknown_usd if price_usd is None else price_usd, own_key)

    async def agree(self, owner: str, terms: Terms, prices: Sequence[float | None]) -> list[Terms]:
        """On what terms each of a program's edits is sent. A program that repeats itself must not spend without end,
        so what costs something needs a limit: of the call, or of its access key.

        Raises ``InvalidRequest`` when there is none, or none can be kept, and ``BudgetExceeded`` when the call's is
        passed; the key's is asked by ``guard``.
        """
        key = terms.access_key
        limit_usd = None if key is None else (await self.of_key(owner, key)).limit_usd
        return agreed(terms, prices, bounded=limit_usd is not None)

    async def of_key(self, owner: str, key_id: str) -> Budget:
        """An access key's; what running edits may still cost counts as spent."""
        return await _io(self._store.usage.look, lambda ledger: Budget("key", *ledger.of_key(owner, key_id)))

    async def check(self, sender: Sender, project_id: str, expense: Expense) -> None:
        """Raises what ``guard`` would have against one edit if it were sent now."""
        await _io(self._store.usage.look, partial(self._money, sender, project_id, [expense], None))

    def guard(self, sender: Sender, project_id: str, expenses: Sequence[Expense], key: str | None = None) -> Guard:
        """Raises ``BudgetExceeded`` or ``LimitReached`` in the transaction that is to record these edits.

        ``key`` is the id of the access key that they are sent with.
        """

        def guard(ledger: Ledger) -> None:
            self._money(sender, project_id, expenses, key, ledger)
            self.ceilings.edits(ledger, sender, len(expenses))

        return guard

    def guard_change(self, job: Job, price_usd: float | None) -> Guard:
        """The same for a recorded job whose price becomes another one, which its terms may forbid."""
        before, now = (self.expense(price, own_key=job.own_key) for price in (job.price_usd, price_usd))
        more = replace(now, usd=max(0.0, now.usd - before.usd))
        most_usd = job.terms.max_price_usd

        def guard(ledger: Ledger) -> None:
            if most_usd is not None and (price_usd is None or price_usd > most_usd + EPSILON_USD):
                raise BudgetExceeded(
                    f"This costs more than the ${most_usd:.3f} that were agreed on.",
                    budget="call",
                    limit_usd=most_usd,
                    spent_usd=0.0,
                )
            self._money(Sender(job.owner, job.address), job.project, [more], job.terms.access_key, ledger)

        return guard

    async def spending(self, owner: str, project_id: str) -> Spending:
        """What the current branch of a project cost, and what all projects, models and the last days did."""
        return await _io(self._spending, owner, project_id)

    async def ledger(self) -> list[Entry]:
        """Who spent what, by day, project and model: for whoever runs the program, not for visitors."""
        return await _io(self._store.spend.ledger)

    async def limits(self, sender: Sender) -> list[Standing]:
        """The operator's limits, as they stand for somebody."""
        return await _io(self._store.usage.look, lambda ledger: self.ceilings.standing(ledger, sender))

    async def set_day(self, owner: str, usd: float | None) -> None:
        await _io(self._store.preferences.set, owner, DAY_BUDGET, usd)

    def _money(
        self, sender: Sender, project_id: str, expenses: Sequence[Expense], key: str | None, ledger: Ledger
    ) -> None:
        usd = sum(expense.usd for expense in expenses)
        if not usd:
            return
        # The server's own ceiling first: a visitor who could raise a budget would be told so in vain.
        self.ceilings.money(ledger, sender, sum(expense.usd for expense in expenses if not expense.own_key))
        of_project, of_day = self._stand(ledger, sender.owner, project_id)
        check_budget(of_project, usd, ledger.project_running_usd(project_id))
        check_budget(of_day, usd, ledger.running_usd(Scope.VISITOR, sender))
        if key is not None:
            check_budget(Budget("key", *ledger.of_key(sender.owner, key)), usd, 0.0)

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

    def _stand(self, ledger: Ledger, owner: str, project_id: str) -> tuple[Budget, Budget]:
        of_project = ledger.project_budget(owner, project_id)
        of_day = ledger.preference(owner, DAY_BUDGET)
        return (
            Budget("project", self._project_usd if of_project is None else of_project, ledger.project_usd(project_id)),
            Budget(
                "day",
                self._day_usd if of_day is None else float(of_day),
                ledger.today_usd(Scope.VISITOR, Sender(owner)),
            ),
        )
