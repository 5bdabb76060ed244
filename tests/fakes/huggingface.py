"""Hugging Face's router as its documents describe it: four partners behind it, each with its own body and answer.

fal's queue lies under a doubled ``fal-ai`` and wants ``_subdomain=queue``, though it names fal's addresses.
"""

from __future__ import annotations

import base64
import re
import uuid

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.fakes.pictures import edited, encoded

FIELDS = {
    "fal-ai": {
        "image_url", "image_urls", "prompt", "num_inference_steps", "guidance_scale", "seed", "output_format",
    },
    "replicate": {
        "image", "images", "input_image", "input_images", "prompt", "num_inference_steps", "guidance", "guidance_scale",
        "seed", "output_format",
    },
    "together": {
        "model", "prompt", "image_url", "response_format", "output_format", "steps", "guidance_scale", "seed",
    },
    "hf-inference": {"prompt", "num_inference_steps", "guidance_scale", "seed"},
}  # fmt: skip


SERVED = {
    "fal-ai": "fal-ai/flux-kontext/dev",
    "replicate": "black-forest-labs/flux-kontext-dev",
    "together": "black-forest-labs/FLUX.1-kontext-dev",
    "hf-inference": "black-forest-labs/FLUX.1-Kontext-dev",
}


class FakeHuggingFace:
    """``base`` makes every address lie on one host, for real sockets; without it there are three."""

    def __init__(self, base: str | None = None, key: str = "hf_test") -> None:
        self.key = key
        self.scenario = "success"
        self.pending = 2
        self.submitted: list[dict] = []
        self.requests = 0
        self.trouble: list[str] = []
        self.looked_up = 0
        self.served = dict(SERVED)
        """Partner → its name for the model, as the hub tells; one without it does not serve the model."""
        self.versions: list[str] = []
        """Of Replicate's models, where one version was asked for."""
        self.hub_answers_list = False
        self.hub_is_down = False
        self._base = base
        self._jobs: dict[str, dict] = {}
        here = "/fal-ai/fal-ai/flux-kontext/requests/{id}"
        self.app = Starlette(
            routes=[
                Route("/fal-ai/fal-ai/flux-kontext/{kind}", self.fal, methods=["POST"]),
                Route(f"{here}/status", self.status),
                Route(here, self.result),
                Route("/replicate/v1/models/{owner}/{name}/predictions", self.replicate, methods=["POST"]),
                Route("/replicate/v1/predictions", self.replicate, methods=["POST"]),
                Route("/together/v1/images/generations", self.together, methods=["POST"]),
                Route("/hf-inference/models/{owner}/{name}", self.hf_inference, methods=["POST"]),
                Route("/files/{id}.{suffix}", self.deliver),
                Route("/api/whoami-v2", self.whoami),
                Route("/api/models/{owner}/{name}", self.model),
            ]
        )

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse({"error": "Invalid username or password."}, 401)
        if "/fal-ai/" in request.url.path and request.query_params.get("_subdomain") != "queue":
            return JSONResponse({"detail": "Not Found"}, 404)
        return None

    def _refused_submit(self, request: Request, partner: str, fields: dict, prompt: object) -> Response | str:
        """The scenario, or the answer that ends it here."""
        self.requests += 1
        if refusal := self._refusal(request):
            return refusal
        if extra := set(fields) - FIELDS[partner]:
            self.trouble.append(f"unknown fields {sorted(extra)}")
        word = re.search(r"\[\[(\w+)\]\]", str(prompt))
        scenario = word[1] if word else self.scenario
        told = "You have exceeded your monthly included credits for Inference Providers."
        if scenario == "busy_once":
            self.scenario = "success"
        return {
            "no_credit": JSONResponse({"error": told}, 402),
            "forbidden": JSONResponse({"error": {"message": "insufficient permissions"}}, 403),
            "not_served": JSONResponse({"error": "Model not supported by provider"}, 404),
            "invalid": JSONResponse({"error": "the picture cannot be used"}, 422),
            "busy": JSONResponse({"error": "Too many requests"}, 429),
            "busy_once": JSONResponse({"error": "Too many requests"}, 429, headers={"retry-after": "1"}),
            "loading": JSONResponse({"error": "The model is currently loading", "estimated_time": 20.0}, 503),
            "down": JSONResponse({"error": "Service Unavailable"}, 503),
            "malformed": PlainTextResponse("fine"),
        }.get(scenario, scenario)

    def _accept(self, partner: str, request: Request, body: dict, source: str, prompt: str, scenario: str) -> str:
        self.submitted.append({"partner": partner, "bill_to": request.headers.get("x-hf-bill-to"), **body})
        job_id = str(uuid.uuid4())
        data = base64.b64decode(source.rpartition(",")[2], validate=True)
        self._jobs[job_id] = {"data": data, "prompt": prompt, "scenario": scenario, "polls": 0}
        return job_id

    async def fal(self, request: Request) -> Response:
        body = await request.json()
        scenario = self._refused_submit(request, "fal-ai", body, body.get("prompt"))
        if isinstance(scenario, Response):
            return scenario
        if body["image_urls"] != [body["image_url"]]:
            self.trouble.append("image_urls differs from image_url")
        job_id = self._accept("fal-ai", request, body, body["image_url"], body["prompt"], scenario)
        address = f"https://queue.fal.run/fal-ai/flux-kontext/requests/{job_id}"
        if scenario == "odd_address":
            address = "https://queue.fal.run/../admin"
        return JSONResponse({"request_id": job_id, "response_url": address})

    async def status(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        job = self._jobs[request.path_params["id"]]
        job["polls"] += 1
        if job["scenario"] == "flaky" and job["polls"] == 1:
            return PlainTextResponse("bad gateway", 502)
        if job["polls"] <= self.pending or job["scenario"] == "stall":
            return JSONResponse({"status": "IN_PROGRESS"}, 202)
        failed = {"error": "Runner disconnected", "error_type": "downstream_service_error"}
        return JSONResponse({"status": "COMPLETED", **(failed if job["scenario"] == "failed" else {})})

    async def result(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        job_id = request.path_params["id"]
        if self._jobs[job_id]["scenario"] == "moderated":
            told = {"loc": ["body", "prompt"], "msg": "It was flagged.", "type": "content_policy_violation"}
            return JSONResponse({"detail": [told]}, 422)
        return JSONResponse({"images": [{"url": self._file(job_id, "v3.fal.media")}], "seed": 42})

    def _file(self, job_id: str, host: str) -> str:
        return f"{self._base or f'https://{host}'}/files/{job_id}.png"

    async def replicate(self, request: Request) -> Response:
        whole = await request.json()
        body = whole["input"]
        self.versions += [whole["version"]] if "version" in whole else []
        scenario = self._refused_submit(request, "replicate", body, body.get("prompt"))
        if isinstance(scenario, Response):
            return scenario
        if request.headers.get("prefer") != "wait":
            self.trouble.append("Prefer: wait is missing")
        job_id = self._accept("replicate", request, body, body["input_image"], body["prompt"], scenario)
        output = self._file(job_id, "replicate.delivery")
        state = {"status": "succeeded", "output": [output] if scenario == "list" else output, "error": None}
        if scenario == "too_long":
            state = {"status": "processing", "output": None, "error": None}
        if scenario in ("failed", "moderated"):
            told = "The input or output was flagged as sensitive. (E005)" if scenario == "moderated" else "CUDA error"
            state = {"status": "failed", "output": None, "error": told}
        return JSONResponse({"id": job_id, **state}, 201)

    async def together(self, request: Request) -> Response:
        body = await request.json()
        scenario = self._refused_submit(request, "together", body, body.get("prompt"))
        if isinstance(scenario, Response):
            return scenario
        job_id = self._accept("together", request, body, body["image_url"], body["prompt"], scenario)
        inside = "@@@" if scenario == "bad_inline" else base64.b64encode(self._picture(job_id)).decode()
        data = [] if scenario == "no_output" else [{"index": 0, "b64_json": inside}]
        return JSONResponse({"id": job_id, "model": body["model"], "object": "list", "data": data})

    async def hf_inference(self, request: Request) -> Response:
        body = await request.json()
        fields = body["parameters"]
        scenario = self._refused_submit(request, "hf-inference", fields, fields.get("prompt"))
        if isinstance(scenario, Response):
            return scenario
        job_id = self._accept("hf-inference", request, body, body["inputs"], fields["prompt"], scenario)
        return Response(self._picture(job_id), media_type="image/png")

    async def whoami(self, request: Request) -> Response:
        if request.url.hostname == "router.huggingface.co":
            return JSONResponse({"error": "Not Found"}, 404)
        return self._refusal(request) or JSONResponse({"type": "user", "name": "ada"})

    async def model(self, request: Request) -> Response:
        name = f"{request.path_params['owner']}/{request.path_params['name']}"
        about = {"id": name, "pipeline_tag": "image-to-image", "tags": [], "siblings": []}
        if request.query_params.get("expand") != "inferenceProviderMapping":
            return JSONResponse(about)
        self.looked_up += 1
        if self.hub_is_down:
            return JSONResponse({"error": "Internal Error"}, 503)
        if request.url.hostname == "router.huggingface.co" or "authorization" in request.headers:
            self.trouble.append("the hub was asked at the router, or with the token")
        told = {
            partner: {"status": "live", "providerId": named, "task": "image-to-image"}
            for partner, named in self.served.items()
        }
        listed = [{"provider": partner, **entry} for partner, entry in told.items()]
        return JSONResponse(about | {"inferenceProviderMapping": listed if self.hub_answers_list else told})

    async def deliver(self, request: Request) -> Response:
        if "authorization" in request.headers:
            self.trouble.append("the token was sent to the delivery host")
            return PlainTextResponse("only one auth mechanism allowed", 400)
        job_id = request.path_params["id"]
        if self._jobs[job_id]["scenario"] == "expired":
            return PlainTextResponse("gone", 404)
        return Response(self._picture(job_id))

    def _picture(self, job_id: str) -> bytes:
        job = self._jobs[job_id]
        if job["scenario"] == "not_a_picture":
            return b"<html>oops</html>"
        return encoded(edited(job["data"], job["prompt"]), "png")
