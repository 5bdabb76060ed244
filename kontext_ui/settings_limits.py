"""The settings of what a server open to strangers allows.

Fields only: :mod:`kontext_ui.settings` makes them part of its one object and reads the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

SERVER, ADDRESS, VISITOR = "server", "address", "visitor"
NONE, AUTO = "none", "auto"
LIMIT = "limit_"


def read_limit(text: str) -> Mapping[str, float]:
    """``server 5, visitor 0.5`` as amounts by who shares them; empty for ``none`` and ``auto``.

    Raises ``ValueError`` saying what is expected.
    """
    limits: dict[str, float] = {}
    for part in text.split(",") if text.strip().lower() not in ("", NONE, AUTO) else ():
        who, _, amount = part.strip().lower().partition(" ")
        try:
            limits[who] = float(amount)
        except ValueError:
            raise ValueError(f"a name and a number, such as {VISITOR} 5, separated by commas; or {NONE}") from None
        if not 0 <= limits[who] < float("inf"):
            raise ValueError("amounts of 0 or more")
    return limits


def _of(*who: str) -> AfterValidator:
    def check(text: str) -> str:
        if unknown := [name for name in read_limit(text) if name not in who]:
            raise ValueError(f"limits of {', '.join(who)}, not of {unknown[0]!r}")
        return text

    return AfterValidator(check)


def _limit(public: str, what: str) -> Any:
    """``public`` is what ``auto`` means where strangers come."""
    description = f"{what} auto is {public} with public limits, else none."
    return Field(default=AUTO, json_schema_extra={"public": public}, description=description)


class LimitSettings(BaseSettings):
    """Each description is also a row of the documented table."""

    public_limits: bool = Field(
        default=False,
        description="Limits for a server that strangers use, wherever the following settings say auto; on by itself on "
        "a Space.",
    )
    limit_usd_per_day: Annotated[str, _of(SERVER, ADDRESS, VISITOR)] = _limit(
        "server 5, address 1, visitor 0.5",
        "US dollars that may be spent per day (UTC) on the keys of this program: by all together (server), from one "
        "address, by one visitor. Those not named have no limit; none lifts all. What visitors pay with keys of their "
        "own is not counted.",
    )
    limit_edits_per_hour: Annotated[str, _of(SERVER, ADDRESS, VISITOR)] = _limit(
        "server 1000, address 120, visitor 60", "Edits that may be sent in an hour."
    )
    limit_edits_running: Annotated[str, _of(SERVER, ADDRESS, VISITOR)] = _limit(
        "server 60, address 16, visitor 8", "Edits that may run or wait at once."
    )
    limit_uploads_per_hour: Annotated[str, _of(SERVER, ADDRESS, VISITOR)] = _limit(
        "server 2000, address 240, visitor 120", "Pictures and masks that may be brought in an hour."
    )
    limit_stored_mb: Annotated[str, _of(SERVER, VISITOR)] = _limit(
        "visitor 1000", "Megabytes of pictures that may be kept; the bin counts."
    )
    limit_projects: Annotated[str, _of(VISITOR)] = _limit("visitor 100", "Projects that a visitor may have.")
    limit_visitors_per_hour: Annotated[str, _of(SERVER, ADDRESS)] = _limit(
        "address 20", "New visitors that may come in an hour."
    )
    min_free_mb: float = Field(
        default=200,
        ge=0,
        description="Megabytes that stay free on the disk: below, new pictures and edits are refused before anything "
        "is sent, and what is there can still be read.",
    )
    unknown_price_usd: float = Field(
        default=0.1,
        ge=0,
        description="What an edit counts as in budgets and limits when its price is only known afterwards, or never.",
    )

    def limits(self) -> Mapping[str, Mapping[str, float]]:
        """All that hold, by the setting's name without ``limit_``, and by who shares them."""
        found = {}
        for name, field in LimitSettings.model_fields.items():
            if name.startswith(LIMIT):
                text = str(getattr(self, name))
                if text.strip().lower() == AUTO and self.public_limits:
                    text = str(dict(field.json_schema_extra or {})["public"])  # type: ignore[arg-type]
                found[name.removeprefix(LIMIT)] = read_limit(text)
        return found
