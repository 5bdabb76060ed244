"""From what the user typed to a checked request: nothing is sent before this agrees."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from kontext_ui.editor.drafts import BackendOffer, EditDraft, Receipt, Route
from kontext_ui.editor.jobs import pipeline
from kontext_ui.editor.jobs.router import Router, fit_parameters, price_of
from kontext_ui.edits import Capabilities, EditRequest, Mask, Mode, Parameters, Size
from kontext_ui.errors import InvalidRequest
from kontext_ui.images.export import RecipeStep
from kontext_ui.images.geometry import Fit
from kontext_ui.models import catalogue
from kontext_ui.projects import Version
from kontext_ui.prompting import with_clauses


def make_receipt(
    router: Router, draft: EditDraft, parent: Version | None, keys: Mapping[str, str], mask: Mask | None = None
) -> Receipt:
    """What would happen if the draft were sent now.

    Raises ``InvalidRequest`` (empty instruction, value out of range, impossible shape) or
    ``MissingCredentials`` (no backend of the tier is ready).
    """
    draft = dataclasses.replace(draft, instruction=draft.instruction.strip(), from_text=parent is None)
    if not draft.instruction:
        raise InvalidRequest("There is no instruction yet.", hint="Say what should change in the picture.")
    offer = router.choose(draft, keys)
    parameters, warnings = fit_parameters(draft.parameters, offer.capabilities)
    capabilities = offer.capabilities.at(parameters)
    request = _request(draft, offer, parent, parameters)
    _check_length(request, offer)
    _check_references(request, offer, router, keys)
    fit = None if parent is None else _fit(request, parent.size, capabilities, mask)
    return Receipt(
        request=request,
        backend_label=offer.label,
        model=capabilities.model,
        price_usd=price_of(request, capabilities, None if fit is None else fit.canvas),
        price_note=capabilities.price_note,
        typical_s=capabilities.typical_s,
        geometry="" if parent is None else _geometry(parent.size, fit),
        route=Route(capabilities, fit),
        own_key=offer.own_key,
        warnings=tuple(warnings),
        remarks=(*capabilities.remarks, *_picture_names(request, capabilities)),
    )


def _picture_names(request: EditRequest, capabilities: Capabilities) -> tuple[str, ...]:
    """What to call the references, where the model's prompts call them something."""
    model = catalogue.MODELS.get(capabilities.model_id)
    sent = 0 if request.side_by_side else len(request.references)
    if model is None or not model.picture_name or not sent:
        return ()
    names = [f"“{model.picture_name.format(number=number)}”" for number in range(2, sent + 2)]
    return (f"In your words, {'the reference is' if sent == 1 else 'the references are'} {', '.join(names)}.",)


def _request(draft: EditDraft, offer: BackendOffer, parent: Version | None, parameters: Parameters) -> EditRequest:
    chosen = draft.options() | {
        "prompt": draft.prompt.strip(),
        "parameters": parameters,
        "model": offer.capabilities.model_id,
        "native_mask": draft.native_mask and Mode.INPAINT in offer.capabilities.modes,
    }
    return EditRequest(
        **chosen,
        tier=draft.tier,
        backend=offer.id,
        input_image=None if parent is None else parent.digest,
        sent_prompt=_sent_prompt(draft, offer),
    )


def draft_of(step: RecipeStep, parent: str) -> EditDraft:
    """A recipe's step as a draft on a version. The router chooses the backend; the seed is the one actually used."""
    parameters = step.parameters if step.seed is None else dataclasses.replace(step.parameters, seed=step.seed)
    chosen = {"parameters": parameters, "model": catalogue.id_of(step.model)}
    return EditDraft(**step.options() | chosen, tier=step.tier, parent=parent)


def _sent_prompt(draft: EditDraft, offer: BackendOffer) -> str:
    """The user's own prompt, or the instruction with the clauses that ask the model to keep things.

    Only engines that redraw the picture need to be asked. The user's own prompt gets no clauses.
    """
    redraws = offer.capabilities.size_rule.kind != "any" and not draft.from_text
    if draft.prompt.strip() or not redraws:
        return draft.prompt.strip()
    rest = draft.preserve and draft.mask is None
    return with_clauses(draft.instruction, person=draft.keep_character, rest=rest)


def _check_length(request: EditRequest, offer: BackendOffer) -> None:
    length = len(request.sent_prompt)
    low, high = offer.capabilities.min_prompt_chars, offer.capabilities.max_prompt_chars
    if length < low:
        raise InvalidRequest(f"{offer.label} wants at least {low} characters.", hint="Say a little more.")
    if length > high:
        raise InvalidRequest(
            f"The prompt has {length} characters; {offer.label} takes at most {high}.",
            hint="Shorten it, or do it in two turns.",
        )


def _check_references(request: EditRequest, offer: BackendOffer, router: Router, keys: Mapping[str, str]) -> None:
    count, limit = len(request.references), offer.capabilities.max_reference_images
    if count <= limit or request.side_by_side:
        return
    able = [
        f"{other.label} ({tier.tier.value})"
        for tier in router.offers(keys)
        for other in tier.backends
        if other.capabilities.max_reference_images >= count
    ]
    takes = "no reference images" if limit == 0 else f"up to {limit} reference image{'s' if limit > 1 else ''}"
    ways = "Remove the references" if limit == 0 else f"Remove {count - limit}, or combine them into one image"
    others = f" These take more: {', '.join(able)}." if able else ""
    raise InvalidRequest(f"{offer.label} takes {takes}.", hint=f"{ways}.{others}")


def _fit(request: EditRequest, source: Size, capabilities: Capabilities, mask: Mask | None) -> Fit | None:
    return None if capabilities.size_rule.kind == "any" else pipeline.plan(request, source, capabilities, mask)


def _geometry(source: Size, fit: Fit | None) -> str:
    return f"{source}, edited at full resolution" if fit is None else fit.receipt()
