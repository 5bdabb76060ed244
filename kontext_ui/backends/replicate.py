"""Replicate: FLUX.1 Kontext [pro], [max] and [dev], with a real cancel."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

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
from kontext_ui.errors import BackendUnavailable, Billed, ContentModerated, EditCancelled, MissingCredentials
from kontext_ui.images import codec
from kontext_ui.images.geometry import KONTEXT_SIZES
from kontext_ui.settings import Settings, successors

HOSTS = ("replicate.com", "replicate.delivery")
MODELS: Mapping[Tier, tuple[str, str, float]] = {
    Tier.PRO: ("black-forest-labs/flux-kontext-pro", "FLUX.1 Kontext [pro]", 0.04),
    Tier.MAX: ("black-forest-labs/flux-kontext-max", "FLUX.1 Kontext [max]", 0.08),
    Tier.DEV: ("black-forest-labs/flux-kontext-dev", "FLUX.1 Kontext [dev]", 0.025),
}
TWO_IMAGES: Mapping[Tier, str] = {
    Tier.PRO: "flux-kontext-apps/multi-image-kontext-pro",
    Tier.MAX: "flux-kontext-apps/multi-image-kontext-max",
}
INLINE_BYTES = 256_000
"""Up to this size a picture may travel as a data URI; a larger one is uploaded first."""
RATIOS = tuple("1:1 16:9 9:16 4:3 3:4 3:2 2:3 4:5 5:4 21:9 9:21 2:1 1:2".split())
HOSTED = (
    Parameter("aspect_ratio", "Aspect ratio", "choice", None, choices=RATIOS, help="Empty follows the picture."),
    Parameter("seed", "Seed", "int", None, 0, 2**31 - 1),
    Parameter("prompt_upsampling", "Prompt upsampling", "bool", False, help="The model rewrites short prompts first."),
    Parameter(
        "safety_tolerance", "Safety tolerance", "int", 2, 0, 2, help="0 is strictest; 2 is the most with a picture."
    ),
    Parameter("output_format", "Format asked for", "choice", "png", choices=("png", "jpeg")),
)
OPEN_WEIGHTS = (
    HOSTED[0],
    HOSTED[1],
    Parameter("num_inference_steps", "Steps", "int", 30, 4, 50),
    Parameter("guidance_scale", "Guidance", "float", 2.5, 0, 10),
    Parameter("output_format", "Format asked for", "choice", "png", choices=("png", "jpeg", "webp")),
)
NAMES = {"guidance_scale": "guidance"}
"""Our names to theirs, where they differ."""
NOT_TAKEN = "This model takes no such setting."
MAX_CALL_AGE_S = 300
SENSITIVE = re.compile(r"E005|flagged as sensitive", re.IGNORECASE)
SEED = re.compile(r"[Uu]sing seed: (\d{1,12})")


class ReplicateBackend:
    id = "replicate"
    label = "Replicate"
    runs_here = False
    tiers = (Tier.PRO, Tier.MAX, Tier.DEV)

    def __init__(self, provider: Provider, key: str | None) -> None:
        self._http = provider
        self._key = key
        self._secrets: dict[str, bytes] = {}

    def capabilities(self, tier: Tier) -> Capabilities:
        name, model, price_usd = MODELS[tier]
        parameters = OPEN_WEIGHTS if tier is Tier.DEV else HOSTED
        offered = {parameter.name for parameter in parameters}
        others = ("prompt_upsampling", "safety_tolerance", "num_inference_steps", "guidance_scale", "style_preset")
        return Capabilities(
            model=self._http.model_label(name, model),
            modes=frozenset({Mode.EDIT} if tier is Tier.DEV else {Mode.EDIT, Mode.GENERATE}),
            parameters=parameters,
            unsupported={name: NOT_TAKEN for name in others if name not in offered},
            size_rule=SizeRule("list", sizes=KONTEXT_SIZES, min_ratio=9 / 21, max_ratio=21 / 9),
            max_reference_images=1 if tier in TWO_IMAGES else 0,
            price_usd=price_usd,
            typical_s=7.0,
            notes=("Answers with about one megapixel; untouched pixels are kept from your photo.",),
        )

    def check(self, key: str | None = None) -> Readiness:
        if key or self._key:
            return Readiness(True)
        return Readiness(
            False,
            "REPLICATE_API_TOKEN is not set.",
            "A token is had at https://replicate.com/account; set REPLICATE_API_TOKEN, or paste it in the settings.",
        )

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        headers = self._headers(task)
        started = self._http.now()
        pictures = [task.input_image, *task.reference_images[:1]] if task.input_image is not None else []
        urls = [await self._url_of(picture, headers) for picture in pictures]
        two = len(urls) > 1 and request.tier in TWO_IMAGES
        model = self._http.model(TWO_IMAGES[request.tier] if two else MODELS[request.tier][0])
        body: dict[str, Any] = {"input": _input(request, urls, two=two)}
        if task.hook is not None:
            body |= {"webhook": task.hook.url, "webhook_events_filter": ["completed"]}
        response = await self._http.submit(f"/models/{model}/predictions", headers, body)
        if response.status_code not in (200, 201, 202):
            raise self._http.refused(response, "REPLICATE_API_TOKEN")
        answer = json_of(response)
        del response  # it holds all that was sent
        remote_id = answer.get("id")
        if not isinstance(remote_id, str) or not remote_id:
            self._http.unexpected("there is no id in it")
        told = answer.get("urls")
        addresses: Mapping[str, Any] = told if isinstance(told, dict) else {}
        poll_url = str(addresses.get("get") or f"{self._http.base_url}/predictions/{remote_id}")
        await self._http.check_url(poll_url)
        yield Submitted(remote_id, poll_url, details={"cancel": str(addresses.get("cancel") or f"{poll_url}/cancel")})
        async for event in self._wait(task, remote_id, poll_url, started):
            yield event

    async def resume(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        remote_id = task.remote_id or ""
        poll_url = task.poll_url or f"{self._http.base_url}/predictions/{remote_id}"
        await self._http.check_url(poll_url)
        async for event in self._wait(task, remote_id, poll_url, self._http.now()):
            yield event

    async def cancel(self, task: EditTask) -> Billed:
        """Replicate bills the seconds that ran until now; before the start that is nothing."""
        url = task.details.get("cancel") or f"{self._http.base_url}/predictions/{task.remote_id}/cancel"
        await self._http.check_url(url)
        try:
            response = await self._http.client().post(url, headers=self._headers(task))
        except httpx.HTTPError:
            return Billed.MAYBE
        status = json_of(response).get("status")
        return (
            Billed.NO if response.status_code == httpx.codes.OK and status in ("canceled", "aborted") else Billed.MAYBE
        )

    async def _url_of(self, pixels: Pixels, headers: Mapping[str, str]) -> str:
        data = await asyncio.to_thread(codec.encode_png, pixels)
        if len(data) <= INLINE_BYTES:
            return f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
        files = {"content": ("input.png", data, "image/png")}
        try:
            response = await self._http.client().post(f"{self._http.base_url}/files", headers=headers, files=files)
        except httpx.HTTPError as error:
            raise self._http.unavailable(error, Billed.NO) from None
        if response.status_code not in (200, 201):
            raise self._http.refused(response, "REPLICATE_API_TOKEN")
        urls = json_of(response).get("urls")
        url = urls.get("get") if isinstance(urls, dict) else None
        if not isinstance(url, str):
            self._http.unexpected("the uploaded picture has no address", Billed.NO)
        return url

    async def _wait(self, task: EditTask, remote_id: str, poll_url: str, started: float) -> AsyncIterator[EditEvent]:
        headers = self._headers(task)
        for number in range(1_000_000):
            answer = json_of(await self._http.get(poll_url, headers, started))
            status, output = answer.get("status"), answer.get("output")
            if status in ("failed", "canceled", "aborted"):
                raise self._ended(str(status), str(answer.get("error") or ""), remote_id)
            if output:  # a finished answer may still say "processing"
                yield Done(await self._result(output, answer, remote_id, started))
                return
            if status == "succeeded":
                self._http.unexpected("there is no picture in it", Billed.YES)
            yield Running(None, "waiting for a machine" if status == "starting" else "drawing")
            self._http.check_deadline(started)
            await self._http.pause(number, task.hook)

    async def _result(self, output: object, answer: Mapping[str, Any], remote_id: str, started: float) -> EditResult:
        url = output[0] if isinstance(output, list) else output
        if not isinstance(url, str):
            self._http.unexpected("there is no picture in it", Billed.YES)
        try:
            data = await self._http.download(url, started)
        except LinkExpired:
            self._http.unexpected("its picture is there no longer; it is kept for one hour", Billed.YES)
        seed = SEED.search(str(answer.get("logs") or ""))
        return EditResult(
            await self._http.picture(data), seed=None if seed is None else int(seed[1]), request_id=remote_id
        )

    def _ended(self, status: str, told: str, remote_id: str) -> Exception:
        if SENSITIVE.search(told):
            return ContentModerated(
                f"{self.label} refused the prompt, the picture or the result as sensitive.",
                backend=self.id,
                stage="output",
                reasons=("flagged as sensitive",),
                hint="Another seed or other words may pass.",
                billed=Billed.MAYBE,
                request_id=remote_id,
            )
        if status == "canceled":
            return EditCancelled(f"The edit was cancelled at {self.label}.", billed=Billed.MAYBE)
        return BackendUnavailable(
            f"{self.label} could not carry out this edit.",
            backend=self.id,
            hint="Send it again.",
            billed=Billed.NO if status == "aborted" else Billed.MAYBE,
            request_id=remote_id,
            may_retry=True,
        )

    async def is_genuine(self, hook: Hook, headers: Mapping[str, str], body: bytes) -> bool:
        called, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not sent_at.isdecimal() or abs(time.time() - int(sent_at)) > MAX_CALL_AGE_S:
            return False
        secret = await self._signing_secret(hook.key or self._key or "")
        if secret is None:
            return False
        signed = hmac.new(secret, f"{called}.{sent_at}.".encode() + body, hashlib.sha256).digest()
        wanted = base64.b64encode(signed)
        given = (part.partition(",")[2].encode() for part in headers.get("webhook-signature", "").split())
        return any(hmac.compare_digest(each, wanted) for each in given)

    async def _signing_secret(self, key: str) -> bytes | None:
        """What the account's calls are signed with; asked for once. ``None`` when it cannot be had now."""
        if key not in self._secrets:
            url = f"{self._http.base_url}/webhooks/default/secret"
            try:
                response = await self._http.client().get(url, headers={"authorization": f"Bearer {key}"})
                told = str(json_of(response).get("key") or "")
                secret = base64.b64decode(told.removeprefix("whsec_"), validate=True)
            except (httpx.HTTPError, ValueError):
                return None
            if not secret:
                return None
            self._secrets[key] = secret
        return self._secrets[key]

    async def verify_key(self, key: str | None = None) -> float | None:
        headers = {"authorization": f"Bearer {key or self._key}"}
        response = await self._http.get(f"{self._http.base_url}/account", headers, self._http.now())
        if response.status_code != httpx.codes.OK:
            raise self._http.refused(response, "REPLICATE_API_TOKEN")
        return None  # what is left there is shown on their site only

    def _headers(self, task: EditTask) -> dict[str, str]:
        key = task.key or self._key
        if not key:
            raise MissingCredentials("REPLICATE_API_TOKEN is not set.", backend=self.id, hint=self.check().hint)
        return {"authorization": f"Bearer {key}", "accept": "application/json"}

    async def aclose(self) -> None:
        await self._http.aclose()


def _input(request: EditRequest, urls: list[str], *, two: bool) -> dict[str, Any]:
    given = {NAMES.get(name, name): value for name, value in request.parameters.given().items()}
    wanted = given.pop("output_format", "png")
    body: dict[str, Any] = {"prompt": request.sent_prompt, "output_format": "jpg" if wanted == "jpeg" else wanted}
    if two:
        body |= {"input_image_1": urls[0], "input_image_2": urls[1]}
        given.pop("prompt_upsampling", None)
    elif urls:
        body["input_image"] = urls[0]
        body["aspect_ratio"] = "match_input_image"
    return body | given


def build(settings: Settings) -> ReplicateBackend:
    key = None if settings.replicate_api_token is None else settings.replicate_api_token.get_secret_value()
    provider = Provider(
        "replicate",
        ReplicateBackend.label,
        settings.replicate_base_url,
        HOSTS,
        deadline_s=settings.deadline_s,
        models=successors(settings),
    )
    return ReplicateBackend(provider, key or None)
