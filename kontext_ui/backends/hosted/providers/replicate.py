"""Replicate: FLUX.1 Kontext, FLUX.2 [pro] and [max] and FLUX 3 Image, with a real cancel.

Hugging Face's router forwards the same predictions.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from kontext_ui.backends.base import EditTask, Hook
from kontext_ui.backends.hosted.backend import HostedBackend, key_of, provider_of
from kontext_ui.backends.hosted.carried import Carried, by_id, in_tier
from kontext_ui.backends.hosted.http import Provider, json_of
from kontext_ui.backends.hosted.payload import data_uri_of, fields_of, first_of, text_of
from kontext_ui.backends.hosted.polling import Poll, PolledBackend
from kontext_ui.backends.hosted.webhooks import StandardWebhooks
from kontext_ui.edits import (
    Capabilities,
    Done,
    EditRequest,
    EditResult,
    Mode,
    Parameter,
    Pixels,
    Running,
    Submitted,
    Tier,
)
from kontext_ui.errors import Billed, ContentModerated, EditCancelled, InvalidRequest, KontextError
from kontext_ui.images import codec
from kontext_ui.models import catalogue, flux2, flux3, kontext
from kontext_ui.settings import Settings

HOSTS = ("replicate.com", "replicate.delivery")


@dataclass(frozen=True)
class Model:
    """``edit`` and ``for_two`` are the models for one picture and for two; the price is per edit."""

    price_usd: float
    edit: str
    for_two: str | None = None


MODELS: Mapping[Tier, Model] = {
    Tier.PRO: Model(0.04, "black-forest-labs/flux-kontext-pro", "flux-kontext-apps/multi-image-kontext-pro"),
    Tier.MAX: Model(0.08, "black-forest-labs/flux-kontext-max", "flux-kontext-apps/multi-image-kontext-max"),
    Tier.DEV: Model(0.025, "black-forest-labs/flux-kontext-dev"),
}
INLINE_BYTES = 256_000
"""Up to this size a picture may travel as a data URI; a larger one is uploaded first."""
ASPECT_RATIO = kontext.aspect_ratio_of(*kontext.RATIOS)
ONLY_DEV = (
    Parameter("num_inference_steps", "Steps", "int", 30, 4, 50),
    Parameter("guidance_scale", "Guidance", "float", 2.5, 0, 10),
)
"""Parameters that only FLUX.1 Kontext [dev] accepts, also through Hugging Face."""
TOLERANCE = Parameter("safety_tolerance", "Safety tolerance", "int", 2, 1, 5, help="1 is strictest.")
HOSTED = (
    ASPECT_RATIO,
    kontext.SEED,
    kontext.PROMPT_UPSAMPLING,
    kontext.SAFETY_TOLERANCE,
    kontext.output_format_of("png", "jpeg"),
)
OPEN_WEIGHTS = (
    ASPECT_RATIO,
    kontext.SEED,
    *ONLY_DEV,
    kontext.output_format_of("png", "jpeg", "webp"),
)
FORMAT = kontext.output_format_of("png", "jpeg")
NEWER = by_id(
    Carried(flux2.PRO, "black-forest-labs/flux-2-pro", (ASPECT_RATIO, kontext.SEED, TOLERANCE, FORMAT)),
    Carried(flux2.MAX, "black-forest-labs/flux-2-max", (ASPECT_RATIO, FORMAT)),
    Carried(
        flux3.IMAGE,
        "black-forest-labs/flux-3-image",
        (flux3.ASPECT_RATIO, flux3.RESOLUTION, flux3.SAFETY_TOLERANCE, flux3.GROUNDING, FORMAT),
    ),
)
"""Their prices here were not to be had, so none is told."""
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    flux2.PRO.id: {"aspect_ratio": "match_input_image", "resolution": "1 MP"},
    flux2.MAX.id: {"aspect_ratio": "match_input_image"},
    flux3.IMAGE.id: {"aspect_ratio": "auto", "resolution": flux3.USUAL, "grounding": False},
}
"""Always sent, unless something else was chosen."""
PICTURES = {flux2.FAMILY: "input_images", flux3.FAMILY: "images"}
"""Family → the field of its pictures."""
ENDED_BADLY = ("failed", "canceled", "aborted")
GOING_ON = ("starting", "processing")
NAMES = {"guidance_scale": "guidance"}
"""Our names to theirs, where they differ."""
SENSITIVE = re.compile(r"E005|flagged as sensitive", re.IGNORECASE)
SEED = re.compile(r"[Uu]sing seed: (\d{1,12})")


class ReplicateBackend(PolledBackend):
    id = "replicate"
    label = "Replicate"
    key_name = "REPLICATE_API_TOKEN"
    key_page = "https://replicate.com/account"
    tiers = (Tier.PRO, Tier.MAX, Tier.DEV)
    polls_per_s = 40  # it takes 3,000 requests a minute beside those that make predictions
    model_names = (
        *(name for model in MODELS.values() for name in (model.edit, model.for_two) if name),
        *(carried.address for carried in NEWER.values()),
    )

    def __init__(self, provider: Provider, key: str | None) -> None:
        super().__init__(provider, key)
        self._calls = StandardWebhooks(provider, "/webhooks/default/secret")

    def capabilities(self, tier: Tier) -> Capabilities:
        model = MODELS[tier]
        parameters = OPEN_WEIGHTS if tier is Tier.DEV else HOSTED
        return Capabilities(
            model=self._http.model_label(model.edit, kontext.MODEL_LABELS[tier]),
            model_id=catalogue.usual(tier),
            modes=frozenset({Mode.EDIT} if tier is Tier.DEV else {Mode.EDIT, Mode.GENERATE}),
            parameters=parameters,
            unsupported=kontext.not_taken(parameters),
            size_rule=kontext.SIZE_RULE,
            max_reference_images=1 if model.for_two else 0,
            price_usd=model.price_usd,
            typical_s=7.0,
            notes=(kontext.ONE_MEGAPIXEL,),
        )

    def models(self, tier: Tier) -> tuple[Capabilities, ...]:
        return (self.capabilities(tier), *map(self._offer, in_tier(NEWER, tier)))

    def _offer(self, carried: Carried) -> Capabilities:
        label = self._http.model_label(carried.address, carried.model.name)
        note = "" if carried.price else f"by {self.label}'s own price list"
        return carried.offer(model=label, modes=frozenset({Mode.EDIT}), price_note=note)

    async def _send(self, request: EditRequest, task: EditTask) -> Mapping[str, Any]:
        headers = self.headers(task)
        newer = NEWER.get(request.model)
        most = 2 if newer is None else newer.model.pictures
        pictures = [task.input_image, *task.reference_images][:most] if task.input_image is not None else []
        urls = [await self._url_of(picture, headers) for picture in pictures]
        name, wanted = _wanted(request, urls) if newer is None else (newer.address, _newer_input(request, urls))
        body: dict[str, Any] = {"input": wanted}
        if task.hook is not None:
            body |= {"webhook": task.hook.url, "webhook_events_filter": ["completed"]}
        return self.accepted(await self._http.submit(f"/models/{self._http.model(name)}/predictions", headers, body))

    def _submitted(self, answer: Mapping[str, Any]) -> Submitted:
        remote_id = self.id_of(answer.get("id"))
        addresses = fields_of(answer.get("urls"))
        poll_url = str(addresses.get("get") or self._poll_url(remote_id))
        return Submitted(remote_id, poll_url, details={"cancel": str(addresses.get("cancel") or f"{poll_url}/cancel")})

    def _poll_url(self, remote_id: str) -> str:
        return f"{self._http.base_url}/predictions/{remote_id}"

    async def _read(self, poll: Poll) -> Running | Done:
        answer = poll.answer
        if poll.response.is_client_error:  # as problem+json, whose "status" is the number
            raise self._lost(poll)
        status, output = answer.get("status"), answer.get("output")
        if status in ENDED_BADLY:
            raise self._ended(answer, poll.remote_id)
        if output:  # a finished answer may still say "processing"
            gone = "its picture is there no longer; it is kept for one hour"
            picture = await self._http.fetch(first_of(output), poll.started, gone)
            return Done(EditResult(picture, seed=seed_in(answer), request_id=poll.remote_id))
        if status == "succeeded":
            self._http.unexpected("there is no picture in it", Billed.YES)
        return Running(None, "waiting for a machine" if status == "starting" else "drawing")

    def _lost(self, poll: Poll) -> KontextError:
        """The key is refused, or the edit is not known any more: asking again changes nothing."""
        if poll.response.status_code == httpx.codes.NOT_FOUND:
            self._http.unexpected("it does not know this edit any more")
        return self.refused(poll.response)

    def _ended(self, answer: Mapping[str, Any], remote_id: str) -> KontextError:
        if refusal := refusal_in(answer, self, remote_id):
            return refusal
        if answer.get("status") == "canceled":
            return EditCancelled(f"The edit was cancelled at {self.label}.", billed=Billed.MAYBE)
        never_begun = answer.get("status") == "aborted"
        return self.failed(billed=Billed.NO if never_begun else Billed.MAYBE, request_id=remote_id)

    async def cancel(self, task: EditTask) -> Billed:
        """Replicate bills the seconds that ran until now; before the start that is nothing."""
        url = task.details.get("cancel") or f"{self._poll_url(task.remote_id or '')}/cancel"
        await self._http.check_url(url)
        try:
            response = await self._http.client().post(url, headers=self.headers(task))
        except httpx.HTTPError:
            return Billed.MAYBE
        stopped = json_of(response).get("status") in ("canceled", "aborted")
        return Billed.NO if response.status_code == httpx.codes.OK and stopped else Billed.MAYBE

    async def _url_of(self, pixels: Pixels, headers: Mapping[str, str]) -> str:
        png = await asyncio.to_thread(codec.encode_png, pixels)
        if len(png) <= INLINE_BYTES:
            return data_uri_of(png)
        files = {"content": ("input.png", png, "image/png")}
        try:
            response = await self._http.client().post(f"{self._http.base_url}/files", headers=headers, files=files)
        except httpx.HTTPError as error:
            raise self._http.unavailable(error, Billed.NO) from None
        url = text_of(fields_of(self.accepted(response).get("urls")).get("get"))
        return url or self._http.unexpected("the uploaded picture has no address", Billed.NO)

    async def is_genuine(self, hook: Hook, headers: Mapping[str, str], body: bytes) -> bool:
        return await self._calls.is_genuine(hook.key or self._key or "", headers, body)

    async def verify_key(self, key: str | None = None) -> float | None:
        """What is left on the account is shown on their site only."""
        await self.ask_about_key(f"{self._http.base_url}/account", key)
        return None


def _wanted(request: EditRequest, urls: list[str]) -> tuple[str, dict[str, Any]]:
    """The FLUX.1 Kontext for this number of pictures, and its fields."""
    model = MODELS[request.tier]
    if model.for_two is not None and len(urls) > 1:
        return model.for_two, _input(request, urls, two=True)
    return model.edit, _input(request, urls, two=False)


def _newer_input(request: EditRequest, urls: list[str]) -> dict[str, Any]:
    model = NEWER[request.model].model
    if not urls:
        raise InvalidRequest(f"{model.name} makes no picture from text alone here.", hint="Open a picture first.")
    given = {**DEFAULTS[model.id], **request.parameters.given()}
    return {PICTURES[model.family]: urls, **input_of(request.sent_prompt, given)}


def _input(request: EditRequest, urls: list[str], *, two: bool) -> dict[str, Any]:
    given = request.parameters.given()
    if two:
        given.pop("prompt_upsampling", None)
        pictures = {"input_image_1": urls[0], "input_image_2": urls[1]}
    else:
        pictures = {"input_image": urls[0], "aspect_ratio": "match_input_image"} if urls else {}
    return {**pictures, **input_of(request.sent_prompt, given)}


def input_of(prompt: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but the pictures. ``given`` are parameters under our names."""
    fields = {"prompt": prompt, "output_format": "png"}
    fields |= {NAMES.get(name, name): value for name, value in given.items()}
    if fields["output_format"] == "jpeg":
        fields["output_format"] = "jpg"
    return fields


def seed_in(answer: Mapping[str, Any]) -> int | None:
    """It stands in the log and nowhere else."""
    found = SEED.search(str(answer.get("logs") or ""))
    return None if found is None else int(found[1])


def refusal_in(answer: Mapping[str, Any], backend: HostedBackend, request_id: str | None) -> ContentModerated | None:
    """It is not reported whether words, picture or result were refused; ``None`` when nothing was."""
    if not SENSITIVE.search(str(answer.get("error") or "")):
        return None
    return ContentModerated(
        f"{backend.label} refused the prompt, the picture or the result as sensitive.",
        backend=backend.id,
        stage="output",
        reasons=("flagged as sensitive",),
        hint="Another seed or other words may pass.",
        billed=Billed.MAYBE,
        request_id=request_id,
    )


def build(settings: Settings) -> ReplicateBackend:
    provider = provider_of(ReplicateBackend, settings, settings.replicate_base_url, HOSTS)
    return ReplicateBackend(provider, key_of(settings.replicate_api_token))
