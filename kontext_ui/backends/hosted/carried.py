"""One model at one provider: where it is asked for, with which parameters, at what price."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kontext_ui.edits import Capabilities, Parameter, PriceRule, Tier
from kontext_ui.models import flux2
from kontext_ui.models.model import Model


@dataclass(frozen=True)
class Carried:
    """``at_once`` is how many edits an account may run together; without a ``price`` it is not known beforehand."""

    model: Model
    address: str
    """A path, or the provider's name for the model."""
    parameters: tuple[Parameter, ...]
    price: PriceRule | None = None
    at_once: int | None = None

    def offer(self, **own: Any) -> Capabilities:
        """What the provider accepts for it; ``own`` are further fields that only this provider knows."""
        facts: dict[str, Any] = {"price_usd": None, "price_rule": self.price, "max_in_flight": self.at_once}
        if self.price is not None:
            facts["price_usd"] = self.price.usd(1, [1])
        if self.price is None or self.price.sent_usd:
            facts["max_reference_megapixels"] = flux2.MAX_REFERENCE_MEGAPIXELS
        return dataclasses.replace(self.model.offer(self.parameters), **facts | own)


def by_id(*rows: Carried) -> Mapping[str, Carried]:
    return {row.model.id: row for row in rows}


def in_tier(rows: Mapping[str, Carried], tier: Tier) -> tuple[Carried, ...]:
    return tuple(row for row in rows.values() if row.model.tier is tier)
