"""Black Forest Labs: FLUX.1 Kontext [pro] and [max] from those who made it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from kontext_ui.backends.base import EditTask, Hook
from kontext_ui.backends.hosted.backend import key_of, provider_of
from kontext_ui.backends.hosted.payload import base64_mask, base64_png, fields_of, number_of, whole_of
from kontext_ui.backends.hosted.polling import Poll, PolledBackend
from kontext_ui.backends.hosted.webhooks import hmac_sha256, is_same
from kontext_ui.edits import Capabilities, Done, EditRequest, EditResult, Mode, Running, Submitted, Tier
from kontext_ui.errors import Billed, ContentModerated
from kontext_ui.models import kontext
from kontext_ui.settings import Settings

HOSTS = ("bfl.ai", "bfl.ml")
GLOBAL_HOST = "api.bfl.ai"
"""It hands edits on to a region and does not know them afterwards."""


@dataclass(frozen=True)
class Model:
    """The price is per edit; ``at_once`` is how many edits an account may run together."""

    endpoint: str
    price_usd: float
    typical_s: float
    at_once: int


MODELS: Mapping[Tier, Model] = {
    Tier.PRO: Model("/v1/flux-kontext-pro", 0.04, 6.0, at_once=24),
    Tier.MAX: Model("/v1/flux-kontext-max", 0.08, 7.0, at_once=6),
}
FILL_ENDPOINT, FILL_PRICE_USD = "/v1/flux-pro-1.0-fill", 0.05
CREDIT_USD = 0.01
MAX_REFERENCES = 3
MAX_UPLOAD_BYTES = 20_000_000
EARLY_S = 10.0
"""How long after sending "Task not found" only means that the task is not known everywhere yet."""
PARAMETERS = (
    kontext.ASPECT_RATIO,
    kontext.SEED,
    kontext.PROMPT_UPSAMPLING,
    kontext.SAFETY_TOLERANCE,
    kontext.output_format_of("png", "jpeg", "webp"),
)


class BflBackend(PolledBackend):
    id = "bfl"
    label = "Black Forest Labs"
    key_name = "BFL_API_KEY"
    key_page = "https://api.bfl.ai"
    tiers = (Tier.PRO, Tier.MAX)
    model_names = (*(model.endpoint for model in MODELS.values()), FILL_ENDPOINT)

    def capabilities(self, tier: Tier) -> Capabilities:
        model = MODELS[tier]
        return Capabilities(
            model=self._http.model_label(model.endpoint, kontext.MODEL_LABELS[tier]),
            modes=frozenset({Mode.EDIT, Mode.GENERATE, Mode.INPAINT}),
            parameters=PARAMETERS,
            unsupported=kontext.not_taken(PARAMETERS),
            size_rule=kontext.SIZE_RULE,
            max_reference_images=MAX_REFERENCES,
            max_upload_bytes=MAX_UPLOAD_BYTES,
            price_usd=model.price_usd,
            inpaint_price_usd=FILL_PRICE_USD,
            typical_s=model.typical_s,
            max_in_flight=model.at_once,
            examples=("Change the colour of the car to red", "Make the sky stormy", "Replace “open” with “closed”"),
            notes=(kontext.ONE_MEGAPIXEL,),
        )

    async def _send(self, request: EditRequest, task: EditTask) -> Mapping[str, Any]:
        headers = self.headers(task)
        fill = request.native_mask and task.mask is not None and task.input_image is not None
        body = await asyncio.to_thread(_fill_body if fill else _body, request, task)
        if task.hook is not None and not fill and self._answers_where_it_was_asked():
            body |= {"webhook_url": task.hook.url, "webhook_secret": task.hook.secret}
        endpoint = self._http.model(FILL_ENDPOINT if fill else MODELS[request.tier].endpoint)
        return self.accepted(await self._http.submit(endpoint, headers, body))

    def _submitted(self, answer: Mapping[str, Any]) -> Submitted:
        remote_id = self.id_of(answer.get("id"))
        return Submitted(remote_id, str(answer.get("polling_url") or self._poll_url(remote_id)), _price_usd(answer))

    def _poll_url(self, remote_id: str) -> str:
        return f"{self._http.base_url}/v1/get_result?id={remote_id}"

    async def _read(self, poll: Poll) -> Running | Done:
        answer = poll.answer
        status = str(answer.get("status") or answer.get("state") or "")
        if status == "Ready":
            return Done(await self._result(answer, poll))
        if status in ("Request Moderated", "Content Moderated"):
            raise self._moderated(status, answer, poll.remote_id)
        if status in ("Error", "Failed"):
            raise self.failed(request_id=poll.remote_id)
        unknown = status == "Task not found" or poll.response.status_code == httpx.codes.NOT_FOUND
        if unknown and self._http.now() - poll.started > EARLY_S:
            self._http.unexpected("it does not know this edit any more")
        if not status and poll.response.status_code in (401, 402, 403):
            raise self.refused(poll.response)
        return Running(number_of(answer.get("progress")), "drawing" if poll.number else "waiting")

    async def _result(self, answer: Mapping[str, Any], poll: Poll) -> EditResult:
        result = fields_of(answer.get("result"))
        url = result.get("sample")
        if not isinstance(url, str):
            self._http.unexpected("there is no picture in it", Billed.YES)
        return EditResult(
            await self._http.picture(await self._http.download(url, poll.started)),
            seed=whole_of(result.get("seed")),
            price_usd=_price_usd(answer),
            request_id=poll.remote_id,
        )

    def _moderated(self, status: str, answer: Mapping[str, Any], remote_id: str) -> ContentModerated:
        told = fields_of(answer.get("details")).get("Moderation Reasons")
        reasons = tuple(str(reason)[:80] for reason in told) if isinstance(told, list) else ()
        if status == "Request Moderated":
            return self.moderated("input", reasons=reasons, billed=Billed.NO, request_id=remote_id)
        return self.moderated("output", reasons=reasons, request_id=remote_id)

    async def verify_key(self, key: str | None = None) -> float | None:
        credits = number_of((await self.ask_about_key(f"{self._http.base_url}/v1/credits", key)).get("credits"))
        return None if credits is None else credits * CREDIT_USD

    async def is_genuine(self, hook: Hook, headers: Mapping[str, str], body: bytes) -> bool:
        """Two ways are described and neither is certain: the secret itself, or the body signed with it."""
        signed = f"sha256={hmac_sha256(hook.secret, body)}"
        return is_same(headers.get("x-webhook-secret", ""), hook.secret) or is_same(
            headers.get("x-bfl-signature", ""), signed
        )

    def _answers_where_it_was_asked(self) -> bool:
        """With a call asked for, no address for polls is given, and the global host does not know where the edit is."""
        return urlsplit(self._http.base_url).hostname != GLOBAL_HOST

    def authorization(self, key: str) -> dict[str, str]:
        return {"x-key": key}


def _price_usd(answer: Mapping[str, Any]) -> float | None:
    credits = number_of(answer.get("cost"))
    return None if credits is None else credits * CREDIT_USD


def _body(request: EditRequest, task: EditTask) -> dict[str, Any]:
    body = {**_settings(request), "aspect_ratio": request.parameters.aspect_ratio}
    if task.input_image is not None:
        body["input_image"] = base64_png(task.input_image)
        for number, picture in enumerate(task.reference_images[:MAX_REFERENCES], start=2):
            body[f"input_image_{number}"] = base64_png(picture)
    return body


def _fill_body(request: EditRequest, task: EditTask) -> dict[str, Any]:
    assert task.input_image is not None
    assert task.mask is not None
    return {**_settings(request), "image": base64_png(task.input_image), "mask": base64_mask(task.mask)}


def _settings(request: EditRequest) -> dict[str, Any]:
    """The documented fields and no others; the format is always set: its default is undocumented."""
    given = request.parameters
    return {
        "prompt": request.sent_prompt,
        "seed": given.seed,
        "prompt_upsampling": bool(given.prompt_upsampling),
        "safety_tolerance": kontext.SAFETY_TOLERANCE.default
        if given.safety_tolerance is None
        else given.safety_tolerance,
        "output_format": given.output_format or "png",
    }


def build(settings: Settings) -> BflBackend:
    return BflBackend(provider_of(BflBackend, settings, settings.bfl_base_url, HOSTS), key_of(settings.bfl_api_key))
