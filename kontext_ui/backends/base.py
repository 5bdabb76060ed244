"""What a backend is, and what an adapter may assume.

An adapter is handed a request that has been checked against its own capabilities and an
:class:`EditTask` whose pictures are already upright, sRGB and of a size that its size rule allows.
It yields events and ends with :class:`~kontext_ui.edits.Done`, or raises a
:class:`~kontext_ui.errors.KontextError`. It stores nothing: the editor journals every event before
it asks for the next one, so an adapter must yield ``Submitted`` before its first poll.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from kontext_ui.edits import Capabilities, EditEvent, EditRequest, FoundRegion, Mask, Pixels, Readiness, Tier
from kontext_ui.errors import Billed, EditCancelled, NotUnderstood
from kontext_ui.prompting import Look


@dataclass(eq=False)
class Hook:
    """Where a provider may call back about one job. A call is a hint and no more: it ends one pause early."""

    url: str
    secret: str = field(repr=False)
    """Made for this job alone; for providers that sign with a secret of the caller's choice."""
    key: str | None = field(default=None, repr=False)
    """The visitor's own key, under which the job was sent."""
    called: asyncio.Event = field(default_factory=asyncio.Event)
    spent: bool = False

    def wake(self) -> None:
        """Only the first call counts, so that one that is repeated changes nothing."""
        if not self.spent:
            self.spent = True
            self.called.set()


@dataclass(frozen=True, eq=False)
class EditTask:
    """The running side of a job: pixels, this visitor's credentials, and the stop flag.

    ``remote_id``, ``poll_url`` and ``details`` are what ``Submitted`` carried, when resuming.
    """

    job_id: str
    owner: str = ""
    input_image: Pixels | None = None
    reference_images: tuple[Pixels, ...] = ()
    mask: Mask | None = None
    key: str | None = field(default=None, repr=False)
    """The visitor's own key for this provider, if one was pasted; else the adapter's own is used."""
    remote_id: str | None = None
    poll_url: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    hook: Hook | None = None
    """Where the provider may call back, where that is switched on."""

    def raise_if_cancelled(self) -> None:
        """For engines on worker threads: call between steps."""
        if self.stop.is_set():
            raise EditCancelled("You stopped this edit.", billed=Billed.NO)


class Backend(Protocol):
    """Code that can carry out an edit."""

    @property
    def id(self) -> str: ...

    @property
    def label(self) -> str:
        """The name people see."""

    @property
    def runs_here(self) -> bool:
        """It runs on this machine at no price, so a job that a crash cut short is simply run again."""

    @property
    def tiers(self) -> tuple[Tier, ...]: ...

    def capabilities(self, tier: Tier) -> Capabilities:
        """Of the tier's usual model, or of the first that it has there."""

    def check(self, key: str | None = None) -> Readiness:
        """Whether it can be used now; never does network or loads a model. ``key`` is a visitor's own."""

    def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]: ...

    async def aclose(self) -> None: ...


@runtime_checkable
class CarriesModels(Protocol):
    """A backend with several models in one tier."""

    def models(self, tier: Tier) -> tuple[Capabilities, ...]:
        """What it accepts for each; the first is what ``capabilities`` says."""


def models_of(backend: Backend, tier: Tier) -> tuple[Capabilities, ...]:
    """What a backend accepts for each of its models in a tier."""
    return backend.models(tier) if isinstance(backend, CarriesModels) else (backend.capabilities(tier),)


@runtime_checkable
class Resumable(Protocol):
    """A backend whose provider returns an id, so that the job can be resumed."""

    def resume(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]: ...


@runtime_checkable
class Reads(Protocol):
    """A backend that reads instructions by a grammar, so one can know beforehand what it makes of them."""

    def explain(self, instruction: str, has_mask: bool) -> NotUnderstood | None:
        """What it would say against an instruction; ``None`` when it would carry it out. CPU work of milliseconds."""


@dataclass(frozen=True)
class LastTurn:
    """What made the picture that a message is about: words sent, steps of the plan, and what else they could mean."""

    said: str
    steps: tuple[Mapping[str, object], ...] = ()
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class StandsAlone:
    """A message in full words. ``replaces``: it is about the picture before the last turn.
    ``elsewhere``: it names another place than the last turn did."""

    instruction: str
    replaces: bool = False
    elsewhere: bool = False


@runtime_checkable
class Follows(Protocol):
    """A backend that reads messages which lean on the turn before, such as "a bit more"."""

    def follow(self, message: str, last: LastTurn) -> StandsAlone | None:
        """``None`` for a message that stands alone already. Text only, in well under a millisecond."""


@runtime_checkable
class Sees(Protocol):
    """A backend that sees what is in a picture. Plain functions for worker threads."""

    def look(self, pixels: Pixels) -> Look:
        """What is in a picture; a preview is enough."""

    def find(self, pixels: Pixels, name: str) -> FoundRegion:
        """The mask of something named. Raises ``InvalidRequest`` saying what to do instead."""


@runtime_checkable
class CallingBack(Protocol):
    """A backend whose provider can call back when an edit has ended."""

    async def is_genuine(self, hook: Hook, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether this call about the hook's job was made by the provider. ``headers`` have lower-case names."""


@runtime_checkable
class KeyChecking(Protocol):
    """A backend whose provider can be asked about a key at no cost."""

    async def verify_key(self, key: str | None = None) -> float | None:
        """Ask about a visitor's key, else about the program's own.

        Returns the account's remaining credit in US dollars, ``None`` when the provider does not tell it.
        Raises ``CredentialsRejected`` for a refused key, and another ``KontextError`` when the key cannot be checked.
        """


@runtime_checkable
class NamesModels(Protocol):
    """A backend that asks its provider for models by names, in whose place a setting may put their successors'."""

    @property
    def model_names(self) -> tuple[str, ...]: ...


@runtime_checkable
class Cancellable(Protocol):
    """A backend that can stop an edit for real, after it was submitted."""

    async def cancel(self, task: EditTask) -> Billed:
        """Ask the provider to stop; the answer says whether the edit is still billed."""
