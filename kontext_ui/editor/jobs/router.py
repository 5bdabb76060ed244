"""Which backend an edit goes to, whether it can take the request, and who comes next when it fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from kontext_ui.backends.base import Backend, Reads, Resumable, Sees, models_of
from kontext_ui.editor.drafts import BackendOffer, EditDraft, ModelOffer, TierOffer
from kontext_ui.edits import Capabilities, EditRequest, Mode, Parameter, Parameters, Size, Tier
from kontext_ui.errors import (
    BackendError,
    BackendUnavailable,
    Billed,
    CredentialsRejected,
    InvalidRequest,
    MissingCredentials,
    OutOfCredit,
    RateLimited,
)
from kontext_ui.models import catalogue
from kontext_ui.projects import Job

FREE_FAILURES = (BackendUnavailable, OutOfCredit, CredentialsRejected, MissingCredentials, RateLimited)
"""Failures after which the same request may go to another backend, when they cost nothing."""


class Router:
    """Knows the backends and the owner's preferred order per tier.

    Without an order the cheapest comes first; equal prices keep the order of the registry.
    """

    def __init__(self, backends: Mapping[str, Backend], order: Mapping[Tier, tuple[str, ...]] | None = None) -> None:
        self.backends = backends
        self.labels: Mapping[str, str] = {backend.id: backend.label for backend in backends.values()}
        """Backend id → the name shown to users."""
        self._order = order or {}
        self._account_limits: dict[str, int | None] = {}

    @property
    def sight(self) -> Sees | None:
        """The backend that sees what is in a picture, if there is one."""
        return next((backend for backend in self.backends.values() if isinstance(backend, Sees)), None)

    @property
    def reader(self) -> Reads | None:
        """The backend that reads instructions by a grammar, if there is one."""
        return next((backend for backend in self.backends.values() if isinstance(backend, Reads)), None)

    def account_limit(self, backend: Backend, capabilities: Capabilities) -> int | None:
        """How many edits one account may have running over all tiers: as many as its roomiest tier."""
        if len(backend.tiers) == 1:
            return capabilities.max_in_flight
        if backend.id not in self._account_limits:
            limits = [backend.capabilities(tier).max_in_flight for tier in backend.tiers]
            self._account_limits[backend.id] = None if None in limits else max(limit or 0 for limit in limits)
        return self._account_limits[backend.id]

    def can_check(self, job: Job) -> bool:
        """Whether the provider can be asked again about an edit that ended without a picture."""
        backend = self.backends.get(job.request.backend)
        return not job.state.is_open and job.remote_id is not None and isinstance(backend, Resumable)

    def capabilities(self, request: EditRequest) -> Capabilities:
        """What the backend of a request accepts for its model, with its parameters."""
        known = models_of(self.backends[request.backend], request.tier)
        wanted = request.model or catalogue.usual(request.tier)
        return next((each for each in known if _model_of(each, request.tier) == wanted), known[0]).at(
            request.parameters
        )

    def candidates(self, tier: Tier, keys: Mapping[str, str], model: str = "") -> list[BackendOffer]:
        """All backends of a tier that carry a model, preferred first, ready or not.

        ``keys`` are the visitor's own, by backend id; an empty ``model`` is the tier's usual one.
        """
        return self._by_model(tier, keys).get(model or catalogue.usual(tier), [])

    def _by_model(self, tier: Tier, keys: Mapping[str, str]) -> dict[str, list[BackendOffer]]:
        found: dict[str, list[BackendOffer]] = {}
        for backend in self.backends.values():
            for capabilities in models_of(backend, tier) if tier in backend.tiers else ():
                offers = found.setdefault(_model_of(capabilities, tier), [])
                offers.append(_offer(backend, capabilities, keys))
        return {model: kept for model, offers in found.items() if (kept := self._ordered(tier, offers))}

    def _ordered(self, tier: Tier, offers: list[BackendOffer]) -> list[BackendOffer]:
        order = self._order.get(tier, ())
        if order:
            named = [offer for offer in offers if offer.id in order]
            return sorted(named, key=lambda offer: order.index(offer.id))
        return sorted(offers, key=lambda offer: _price(offer.capabilities))

    def offers(self, keys: Mapping[str, str]) -> tuple[TierOffer, ...]:
        """Every tier that has a backend. ``keys`` are the visitor's own, by backend id."""
        tiers = (self._tier(tier, self._by_model(tier, keys)) for tier in Tier)
        return tuple(offer for offer in tiers if offer.backends or offer.others)

    def _tier(self, tier: Tier, models: dict[str, list[BackendOffer]]) -> TierOffer:
        usual = tuple(models.pop(catalogue.usual(tier), ()))
        others = (ModelOffer(model, catalogue.name_of(model), tuple(offers)) for model, offers in models.items())
        return TierOffer(tier, usual, tuple(others))

    def choose(self, draft: EditDraft, keys: Mapping[str, str]) -> BackendOffer:
        """The backend for this draft. Raises ``InvalidRequest`` or ``MissingCredentials`` saying why there is none."""
        offers = self.candidates(draft.tier, keys, draft.model)
        if draft.backend is not None:
            offers = [offer for offer in offers if offer.id == draft.backend]
        if not offers:
            raise self._nobody_carries(draft, keys)
        ready = [offer for offer in offers if offer.ready]
        if not ready:
            raise _nothing_ready(draft.tier, offers)
        wanted = Mode.GENERATE if draft.from_text else Mode.EDIT
        able = [offer for offer in ready if wanted in offer.capabilities.modes]
        if not able:
            raise InvalidRequest(
                f"{ready[0].label} cannot make a picture from text alone."
                if wanted is Mode.GENERATE
                else f"{ready[0].label} cannot edit pictures.",
                hint=self._who_can(wanted, keys),
            )
        enough = [offer for offer in able if _takes_references(offer, draft)]
        return (enough or able)[0]

    def next_after(self, error: BackendError, job: Job, keys: Mapping[str, str]) -> BackendOffer | None:
        """The next ready backend with the same model, if the failure certainly cost nothing.

        Not one that cannot take the settings as they are, nor one that somebody else would pay: ``keys`` are those
        that pay for this job.
        """
        request = job.request
        if error.billed is not Billed.NO or not isinstance(error, FREE_FAILURES):
            return None
        offers = self.candidates(request.tier, keys, request.model)
        ids = [offer.id for offer in offers]
        wanted = Mode.EDIT if request.input_image else Mode.GENERATE
        if request.backend not in ids:
            return None
        for offer in offers[ids.index(request.backend) + 1 :]:
            able = offer.ready and wanted in offer.capabilities.modes and _takes_references(offer, request)
            same_payer = offer.own_key == job.own_key or not offer.takes_key
            if able and same_payer and _takes_settings(request, offer):
                return offer
        return None

    def _nobody_carries(self, draft: EditDraft, keys: Mapping[str, str]) -> InvalidRequest:
        """No backend has the model, or not the one that was asked for."""
        has = [
            model
            for model, offers in self._by_model(draft.tier, keys).items()
            if draft.backend is None or draft.backend in [offer.id for offer in offers]
        ]
        tier, wanted = draft.tier.value, catalogue.name_of(draft.model or catalogue.usual(draft.tier))
        there = f"There is {', '.join(has)}." if has else ""
        if draft.backend is None:
            return InvalidRequest(f"No backend of the tier {tier} carries {wanted or 'a model'}.", hint=there)
        label = self.labels.get(draft.backend, draft.backend)
        if has:
            return InvalidRequest(f"{label} does not carry {wanted} in the tier {tier}.", hint=there)
        return InvalidRequest(f"{draft.backend} does not serve the tier {tier}.")

    def _who_can(self, mode: Mode, keys: Mapping[str, str]) -> str:
        tiers = [
            offer.tier.value
            for offer in self.offers(keys)
            if any(mode in backend.capabilities.modes for backend in offer.backends)
        ]
        return f"These tiers can: {', '.join(tiers)}." if tiers else ""


def _offer(backend: Backend, capabilities: Capabilities, keys: Mapping[str, str]) -> BackendOffer:
    readiness = backend.check(keys.get(backend.id))
    return BackendOffer(
        backend.id,
        backend.label,
        readiness.ready,
        readiness.reason,
        readiness.hint,
        capabilities,
        takes_key=not backend.runs_here,
        own_key=backend.id in keys,
    )


def _model_of(capabilities: Capabilities, tier: Tier) -> str:
    """A backend that names no model has the tier's usual one."""
    return capabilities.model_id or catalogue.usual(tier)


def _price(capabilities: Capabilities) -> float:
    return float("inf") if capabilities.price_usd is None else capabilities.price_usd


def _takes_references(offer: BackendOffer, wanted: EditDraft | EditRequest) -> bool:
    return wanted.side_by_side or len(wanted.references) <= offer.capabilities.max_reference_images


def _nothing_ready(tier: Tier, offers: Iterable[BackendOffer]) -> InvalidRequest | MissingCredentials:
    offers = list(offers)
    first = offers[0]
    other = first.capabilities.model_id not in ("", catalogue.usual(tier))
    name = first.capabilities.model if other else tier.value.capitalize()
    if all(offer.takes_key for offer in offers):
        whose = ", ".join(offer.label for offer in offers)
        message = f"{name} needs a key from {'one of: ' if len(offers) > 1 else ''}{whose}."
    else:
        message = f"{name} is not ready. {' '.join(offer.reason for offer in offers if offer.reason)}".strip()
    return MissingCredentials(message, backend=first.id, hint=first.hint)


def price_of(request: EditRequest, capabilities: Capabilities, canvas: Size | None = None) -> float | None:
    """What this edit costs with that backend; ``None`` when it is only known afterwards.

    ``canvas`` is the size of the picture that is sent. Without it, or where the answer has another shape than the
    picture, the most that the size rule allows is counted.
    """
    if capabilities.bills_untold:
        return None
    if request.native_mask:
        return capabilities.inpaint_price_usd
    rule, most = capabilities.price_rule, capabilities.size_rule.max_megapixels or 1.0
    if rule is None:
        return capabilities.price_usd
    sent = [] if request.input_image is None else [most if canvas is None else canvas.megapixels]
    drawn = most if not sent or request.parameters.aspect_ratio else sent[0]
    beside = 0 if request.side_by_side else len(request.references)
    sent += [capabilities.max_reference_megapixels or most] * beside
    return rule.usd(drawn, sent, request.parameters.resolution)


def _takes_settings(request: EditRequest, offer: BackendOffer) -> bool:
    try:
        fit_parameters(request.parameters, offer.capabilities)
    except InvalidRequest:
        return False
    return not request.native_mask or Mode.INPAINT in offer.capabilities.modes


def fit_parameters(parameters: Parameters, capabilities: Capabilities) -> tuple[Parameters, list[str]]:
    """Keep what the backend accepts; report what it does not, and why.

    Raises ``InvalidRequest`` for a value outside the backend's range.
    """
    kept: dict[str, Any] = {}
    warnings: list[str] = []
    for name, value in parameters.given().items():
        parameter = capabilities.parameter(name)
        if parameter is None:
            reason = capabilities.unsupported.get(name, f"{capabilities.model} has no such setting.")
            warnings.append(f"{name.replace('_', ' ')} is left out: {reason}")
        else:
            check_value(parameter, value)
            kept[name] = value
    return dataclasses.replace(Parameters(), **kept), warnings


def check_value(parameter: Parameter, value: object) -> None:
    """Raises ``InvalidRequest`` naming the range when the value is outside it."""
    if parameter.kind == "choice" and value not in parameter.choices:
        raise InvalidRequest(
            f"{parameter.label} cannot be {value}.", hint=f"Choose one of {', '.join(parameter.choices)}."
        )
    if parameter.kind in ("int", "float"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidRequest(f"{parameter.label} must be a number.")
        low, high = parameter.minimum, parameter.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            raise InvalidRequest(f"{parameter.label} is {value:g}.", hint=f"It may be {low:g} to {high:g}.")
