"""Black Forest Labs: FLUX.1 Kontext [pro] and [max] from those who made it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from kontext_ui.backends.base import EditTask, Hook
from kontext_ui.backends.http import LinkExpired, Provider, json_of
from kontext_ui.edits import (
    Capabilities,
    Done,
    EditEvent,
    EditRequest,
    EditResult,
    Mode,
    Parameter,
    Pixels,
    Readiness,
    Running,
    SizeRule,
    Submitted,
    Tier,
)
from kontext_ui.errors import BackendUnavailable, Billed, ContentModerated, MissingCredentials
from kontext_ui.images import codec
from kontext_ui.images.geometry import KONTEXT_SIZES
from kontext_ui.settings import Settings, successors

HOSTS = ("bfl.ai", "bfl.ml")
GLOBAL_HOST = "api.bfl.ai"
"""It hands edits on to a region and does not know them afterwards."""
MODELS: Mapping[Tier, tuple[str, str, float, float, int]] = {
    # endpoint, name, US dollars per edit, typical seconds, edits at once per account
    Tier.PRO: ("/v1/flux-kontext-pro", "FLUX.1 Kontext [pro]", 0.04, 6.0, 24),
    Tier.MAX: ("/v1/flux-kontext-max", "FLUX.1 Kontext [max]", 0.08, 7.0, 6),
}
FILL_ENDPOINT, FILL_PRICE_USD = "/v1/flux-pro-1.0-fill", 0.05
CREDIT_USD = 0.01
MAX_REFERENCES = 3
SAFETY_CEILING = 2
"""The loosest setting that is accepted when a picture is sent; from text alone it is 6."""
EARLY_S = 10.0
"""For so long after sending, "Task not found" only means that the task is not known everywhere yet."""
WAITING = ("Pending", "Reasoning", "Generating")
PARAMETERS = (
    Parameter(
        "aspect_ratio", "Aspect ratio", "text", None, help="W:H between 21:9 and 9:21; empty follows the picture."
    ),
    Parameter("seed", "Seed", "int", None, 0, 2**31 - 1),
    Parameter("prompt_upsampling", "Prompt upsampling", "bool", False, help="The model rewrites short prompts first."),
    Parameter("safety_tolerance", "Safety tolerance", "int", 2, 0, SAFETY_CEILING, help="0 is strictest."),
    Parameter("output_format", "Format asked for", "choice", "png", choices=("png", "jpeg", "webp")),
)
NOT_TAKEN = "BFL's Kontext models take no such setting."


class BflBackend:
    id = "bfl"
    label = "Black Forest Labs"
    runs_here = False
    tiers = (Tier.PRO, Tier.MAX)

    def __init__(self, provider: Provider, key: str | None) -> None:
        self._http = provider
        self._key = key

    def capabilities(self, tier: Tier) -> Capabilities:
        endpoint, model, price_usd, typical_s, at_once = MODELS[tier]
        return Capabilities(
            model=self._http.model_label(endpoint, model),
            modes=frozenset({Mode.EDIT, Mode.GENERATE, Mode.INPAINT}),
            parameters=PARAMETERS,
            unsupported=dict.fromkeys(("num_inference_steps", "guidance_scale", "style_preset"), NOT_TAKEN),
            size_rule=SizeRule("list", sizes=KONTEXT_SIZES, min_ratio=9 / 21, max_ratio=21 / 9),
            max_reference_images=MAX_REFERENCES,
            max_upload_bytes=20_000_000,
            price_usd=price_usd,
            inpaint_price_usd=FILL_PRICE_USD,
            typical_s=typical_s,
            max_in_flight=at_once,
            examples=("Change the colour of the car to red", "Make the sky stormy", "Replace “open” with “closed”"),
            notes=("Answers with about one megapixel; untouched pixels are kept from your photo.",),
        )

    def check(self, key: str | None = None) -> Readiness:
        if key or self._key:
            return Readiness(True)
        return Readiness(
            False,
            "BFL_API_KEY is not set.",
            "A key is had at https://api.bfl.ai; set BFL_API_KEY, or paste the key in the settings.",
        )

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        headers = self._headers(task)
        fill = request.native_mask and task.mask is not None and task.input_image is not None
        endpoint = self._http.model(FILL_ENDPOINT if fill else MODELS[request.tier][0])
        started = self._http.now()
        body = await asyncio.to_thread(_fill_body if fill else _body, request, task)
        if task.hook is not None and not fill and self._answers_where_it_was_asked():
            body |= {"webhook_url": task.hook.url, "webhook_secret": task.hook.secret}
        response = await self._http.submit(endpoint, headers, body)
        del body
        if response.status_code != httpx.codes.OK:
            raise self._http.refused(response, "BFL_API_KEY")
        answer = json_of(response)
        del response  # it holds all that was sent
        remote_id = answer.get("id")
        if not isinstance(remote_id, str) or not remote_id:
            self._http.unexpected("there is no id in it")
        poll_url = str(answer.get("polling_url") or f"{self._http.base_url}/v1/get_result?id={remote_id}")
        await self._http.check_url(poll_url)
        cost = answer.get("cost")
        price_usd = cost * CREDIT_USD if isinstance(cost, int | float) else None
        yield Submitted(remote_id, poll_url, price_usd)
        async for event in self._wait(task, remote_id, poll_url, started):
            yield event

    async def resume(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        remote_id = task.remote_id or ""
        poll_url = task.poll_url or f"{self._http.base_url}/v1/get_result?id={remote_id}"
        await self._http.check_url(poll_url)
        async for event in self._wait(task, remote_id, poll_url, self._http.now()):
            yield event

    async def _wait(self, task: EditTask, remote_id: str, poll_url: str, started: float) -> AsyncIterator[EditEvent]:
        headers = self._headers(task)
        for number in range(1_000_000):
            response = await self._http.get(poll_url, headers, started)
            answer = json_of(response)
            status = str(answer.get("status") or answer.get("state") or "")
            if status == "Ready":
                result = answer.get("result")
                try:
                    yield Done(
                        await self._result(result if isinstance(result, dict) else {}, answer, remote_id, started)
                    )
                    return
                except LinkExpired:
                    pass  # asking again gives a fresh link, as long as the task is known
            else:
                self._end_if_over(status, answer, response, remote_id, started)
                progress = answer.get("progress")
                yield Running(
                    progress if isinstance(progress, int | float) else None, "waiting" if not number else "drawing"
                )
            self._http.check_deadline(started)
            await self._http.pause(number, task.hook)

    async def _result(
        self, result: Mapping[str, Any], answer: Mapping[str, Any], remote_id: str, started: float
    ) -> EditResult:
        url = result.get("sample")
        if not isinstance(url, str):
            self._http.unexpected("there is no picture in it", Billed.YES)
        data = await self._http.download(url, started)
        pixels = await self._http.picture(data)
        seed, cost = result.get("seed"), answer.get("cost")
        return EditResult(
            pixels,
            seed=seed if isinstance(seed, int) else None,
            price_usd=cost * CREDIT_USD if isinstance(cost, int | float) else None,
            request_id=remote_id,
        )

    def _end_if_over(
        self, status: str, answer: Mapping[str, Any], response: httpx.Response, remote_id: str, started: float
    ) -> None:
        """Raises for every status that ends a task without a picture; an unknown word is waited on."""
        if status in ("Request Moderated", "Content Moderated"):
            raise self._moderated(status, answer, remote_id)
        if status in ("Error", "Failed"):
            raise BackendUnavailable(
                f"{self.label} could not carry out this edit.",
                backend=self.id,
                hint="Send it again.",
                billed=Billed.MAYBE,
                request_id=remote_id,
                may_retry=True,
            )
        unknown = status == "Task not found" or response.status_code == httpx.codes.NOT_FOUND
        if unknown and self._http.now() - started > EARLY_S:
            self._http.unexpected("it does not know this edit any more")
        if not status and response.status_code in (401, 402, 403):
            raise self._http.refused(response, "BFL_API_KEY")

    def _moderated(self, status: str, answer: Mapping[str, Any], remote_id: str) -> ContentModerated:
        details = answer.get("details")
        told = details.get("Moderation Reasons", ()) if isinstance(details, dict) else ()
        reasons = tuple(str(reason)[:80] for reason in told) if isinstance(told, list) else ()
        at_input = status == "Request Moderated"
        what = "the prompt or the picture" if at_input else "the picture it had made"
        why = f" ({', '.join(reasons)})" if reasons else ""
        return ContentModerated(
            f"{self.label} refused {what}{why}.",
            backend=self.id,
            stage="input" if at_input else "output",
            reasons=reasons,
            hint="Change the words or the picture." if at_input else "Another seed may pass.",
            billed=Billed.NO if at_input else Billed.MAYBE,
            request_id=remote_id,
        )

    async def verify_key(self, key: str | None = None) -> float | None:
        headers = {"x-key": key or self._key or ""}
        response = await self._http.get(f"{self._http.base_url}/v1/credits", headers, self._http.now())
        if response.status_code != httpx.codes.OK:
            raise self._http.refused(response, "BFL_API_KEY")
        credits = json_of(response).get("credits")
        return credits * CREDIT_USD if isinstance(credits, int | float) else None

    async def is_genuine(self, hook: Hook, headers: Mapping[str, str], body: bytes) -> bool:
        """Two ways are described and neither is certain: the secret itself, or the body signed with it."""
        signed = hmac.new(hook.secret.encode(), body, hashlib.sha256).hexdigest()
        proofs = ((headers.get("x-webhook-secret"), hook.secret), (headers.get("x-bfl-signature"), f"sha256={signed}"))
        return any(given and hmac.compare_digest(given.encode(), wanted.encode()) for given, wanted in proofs)

    def _answers_where_it_was_asked(self) -> bool:
        """With a call asked for, no address for polls is given, and the global host does not know where the edit is."""
        return urlsplit(self._http.base_url).hostname != GLOBAL_HOST

    def _headers(self, task: EditTask) -> dict[str, str]:
        key = task.key or self._key
        if not key:
            raise MissingCredentials("BFL_API_KEY is not set.", backend=self.id, hint=self.check().hint)
        return {"x-key": key, "accept": "application/json"}

    async def aclose(self) -> None:
        await self._http.aclose()


def _body(request: EditRequest, task: EditTask) -> dict[str, Any]:
    """The documented fields and no others; the format is always said, since its default is not certain."""
    given = request.parameters
    body: dict[str, Any] = {
        "prompt": request.sent_prompt,
        "aspect_ratio": given.aspect_ratio,
        "seed": given.seed,
        "prompt_upsampling": bool(given.prompt_upsampling),
        "safety_tolerance": 2 if given.safety_tolerance is None else given.safety_tolerance,
        "output_format": given.output_format or "png",
    }
    if task.input_image is not None:
        body["input_image"] = _base64(task.input_image)
        for number, picture in enumerate(task.reference_images[:MAX_REFERENCES], start=2):
            body[f"input_image_{number}"] = _base64(picture)
    return body


def _fill_body(request: EditRequest, task: EditTask) -> dict[str, Any]:
    assert task.input_image is not None
    assert task.mask is not None
    given = request.parameters
    return {
        "image": _base64(task.input_image),
        "mask": base64.b64encode(codec.encode_mask_png(task.mask)).decode("ascii"),
        "prompt": request.sent_prompt,
        "seed": given.seed,
        "prompt_upsampling": bool(given.prompt_upsampling),
        "safety_tolerance": 2 if given.safety_tolerance is None else given.safety_tolerance,
        "output_format": given.output_format or "png",
    }


def _base64(pixels: Pixels) -> str:
    return base64.b64encode(codec.encode_png(pixels)).decode("ascii")


def build(settings: Settings) -> BflBackend:
    key = None if settings.bfl_api_key is None else settings.bfl_api_key.get_secret_value()
    provider = Provider(
        "bfl",
        BflBackend.label,
        settings.bfl_base_url,
        HOSTS,
        deadline_s=settings.deadline_s,
        models=successors(settings),
    )
    return BflBackend(provider, key or None)
