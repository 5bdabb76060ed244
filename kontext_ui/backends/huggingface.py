"""Hugging Face: FLUX.1 Kontext [dev] through its router, which forwards each edit to a partner.

Body and answer are the partner's own. fal's queue is the usual one: it gives an id, so a job can be picked up
again. The other partners answer with the picture itself and are asked exactly once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.falqueue import FalQueue, Ticket
from kontext_ui.backends.hosted import NOT_TAKEN, ONE_MEGAPIXEL, HostedBackend, data_uri
from kontext_ui.backends.http import LinkExpired, Provider, json_of
from kontext_ui.backends.partners import PARTNERS, QUEUE
from kontext_ui.backends.replicate import SENSITIVE
from kontext_ui.backends.words import message_of
from kontext_ui.edits import (
    Capabilities,
    Done,
    EditEvent,
    EditRequest,
    EditResult,
    Mode,
    Running,
    SizeRule,
    Submitted,
    Tier,
)
from kontext_ui.errors import Billed, DeadlineExceeded, InvalidRequest, KontextError
from kontext_ui.images.geometry import KONTEXT_SIZES
from kontext_ui.settings import Settings, successors

HOSTS = ("huggingface.co", "fal.media", "replicate.delivery")
ANSWER_TIMEOUT_S = 120.0
REQUEST_PATH = re.compile(r"(?:/[\w.-]+){2,6}")


class HuggingFaceBackend(HostedBackend):
    id = "huggingface"
    label = "Hugging Face"
    key_name = "HF_TOKEN"
    key_page = "https://huggingface.co/settings/tokens"
    tiers = (Tier.DEV,)

    def __init__(self, provider: Provider, key: str | None, partner: str = "fal-ai", bill_to: str = "") -> None:
        super().__init__(provider, key)
        self._queue = FalQueue(self, provider)
        self._name = partner
        self._partner = PARTNERS[partner]
        self._bill_to = bill_to

    def capabilities(self, tier: Tier) -> Capabilities:
        offered = {parameter.name for parameter in self._partner.parameters}
        others = ("aspect_ratio", "prompt_upsampling", "safety_tolerance", "style_preset", "output_format")
        return Capabilities(
            model=self._http.model_label(self._partner.model, "FLUX.1 Kontext [dev]"),
            modes=frozenset({Mode.EDIT}),
            parameters=self._partner.parameters,
            unsupported={name: NOT_TAKEN for name in others if name not in offered},
            size_rule=SizeRule("list", sizes=KONTEXT_SIZES, min_ratio=9 / 21, max_ratio=21 / 9),
            price_usd=self._partner.price_usd,
            price_note=self._partner.price_note,
            typical_s=7.0,
            notes=(ONE_MEGAPIXEL, f"Hugging Face forwards the edit to {self._name}, at that company's price."),
        )

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        headers = self._headers(task)
        started = self._http.now()
        body = await asyncio.to_thread(self._body, request, task)
        queued = self._name == "fal-ai"
        if not queued:
            yield Running(None, "drawing")
        path, mark, query = self._partner.path.partition("?")
        path = self._http.model(path) + mark + query
        response = await self._http.submit(path, headers, body, timeout_s=ANSWER_TIMEOUT_S)
        del body
        if response.status_code not in (200, 201, 202):
            raise self._refusal(response)
        if not queued:
            yield Done(await self._result(response, started))
            return
        answer = json_of(response)
        ticket = self._ticket(answer.get("request_id"), answer.get("response_url"))
        yield Submitted(ticket.request_id, ticket.status_url, details={"result": ticket.result_url})
        async for event in self._queue.follow(ticket, headers, started):
            yield event

    async def resume(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        usual = self._ticket(task.remote_id, f"/fal-ai/flux-kontext/requests/{task.remote_id}")
        ticket = Ticket(
            usual.request_id, task.poll_url or usual.status_url, task.details.get("result") or usual.result_url
        )
        async for event in self._queue.follow(ticket, self._headers(task), self._http.now()):
            yield event

    def _body(self, request: EditRequest, task: EditTask) -> dict[str, Any]:
        if task.input_image is None:
            raise InvalidRequest(f"{self.label} makes no picture from text alone.", hint="Open a picture first.")
        partner = self._partner
        return partner.body(
            self._http.model(partner.model), request.sent_prompt, data_uri(task.input_image), request.parameters.given()
        )

    def _ticket(self, request_id: object, address: object) -> Ticket:
        """fal names its own host; the same path is behind the router, under its name for fal."""
        if not isinstance(request_id, str) or not request_id:
            self._http.unexpected("there is no id in it")
        path = urlsplit(address).path if isinstance(address, str) else ""
        if not REQUEST_PATH.fullmatch(path) or "/.." in path:
            self._http.unexpected("there is no address to ask at")
        here = f"{self._http.base_url}/fal-ai{path}"
        return Ticket(request_id, f"{here}/status?{QUEUE}", f"{here}?{QUEUE}")

    async def _result(self, response: httpx.Response, started: float) -> EditResult:
        """The picture of a partner that answers at once: bytes, base64, or a finished prediction."""
        if response.headers.get("content-type", "").startswith("image/"):
            return EditResult(await self._http.picture(response.content))
        answer = json_of(response)
        data = answer.get("data")
        first = data[0].get("b64_json") if isinstance(data, list) and data and isinstance(data[0], dict) else None
        if isinstance(first, str):
            picture = await self._http.inline(first)
        else:
            picture = await self._predicted(answer, started)
        request_id = answer.get("id")
        return EditResult(
            await self._http.picture(picture), request_id=request_id if isinstance(request_id, str) else None
        )

    async def _predicted(self, answer: Mapping[str, Any], started: float) -> bytes:
        told, request_id = str(answer.get("error") or ""), str(answer.get("id") or "") or None
        if SENSITIVE.search(told):
            raise self.moderated("output", reasons=("flagged as sensitive",), request_id=request_id)
        if answer.get("status") in ("failed", "canceled", "aborted"):
            raise self.failed(request_id=request_id)
        output = answer.get("output")
        url = output[0] if isinstance(output, list) and output else output
        if url is None and request_id is not None and answer.get("status") in ("starting", "processing"):
            raise DeadlineExceeded(
                f"{self._name} did not finish while {self.label} waited for it.",
                backend=self.id,
                hint="The picture cannot be asked for again and may be billed. Send it again, or use another backend.",
                billed=Billed.MAYBE,
                request_id=request_id,
                may_retry=True,
            )
        if not isinstance(url, str):
            self._http.unexpected("there is no picture in it")
        try:
            return await self._http.download(url, started)
        except LinkExpired:
            self._http.unexpected("its picture is there no longer", Billed.YES)

    def _refusal(self, response: httpx.Response) -> KontextError:
        code = response.status_code
        if code == httpx.codes.NOT_FOUND:
            return self.failed(f"{self._name} does not serve this model there", billed=Billed.NO, may_retry=False)
        if code == httpx.codes.SERVICE_UNAVAILABLE and "estimated_time" in json_of(response):
            return self.failed(message_of(response), billed=Billed.NO)  # the model is loading, nothing was begun
        error = self._http.refused(response, self.key_name)
        if code == httpx.codes.FORBIDDEN:
            error.hint = "The token needs the permission for Inference Providers, and the model's licence accepted."
        return error

    async def verify_key(self, key: str | None = None) -> float | None:
        """The hub, beside the router, tells whose token it is; what is left of the credit it does not tell."""
        url = f"{self._http.base_url.replace('//router.', '//', 1)}/api/whoami-v2"
        headers = {"authorization": f"Bearer {key or self._key}"}
        response = await self._http.get(url, headers, self._http.now())
        if response.status_code != httpx.codes.OK:
            raise self._http.refused(response, self.key_name)
        return None

    def _headers(self, task: EditTask) -> dict[str, str]:
        pays = {"x-hf-bill-to": self._bill_to} if self._bill_to else {}
        wanted = "image/png" if self._name == "hf-inference" else "application/json"
        waits = {"prefer": "wait"} if self._name == "replicate" else {}
        return {"authorization": f"Bearer {self.key_for(task)}", "accept": wanted, **waits, **pays}


def build(settings: Settings) -> HuggingFaceBackend:
    key = None if settings.hf_token is None else settings.hf_token.get_secret_value()
    provider = Provider(
        "huggingface",
        HuggingFaceBackend.label,
        settings.huggingface_base_url,
        HOSTS,
        deadline_s=settings.deadline_s,
        models=successors(settings),
    )
    return HuggingFaceBackend(provider, key or None, settings.huggingface_partner, settings.huggingface_bill_to)
