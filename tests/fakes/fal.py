"""fal's queue as its documents describe it: submit, three status words, a result that may still be an error.

The addresses it gives drop the model's sub-path, and the picture lies on a host that wants no key.
"""

from __future__ import annotations

import base64
import re
import uuid
from functools import cached_property

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from kontext_ui.edits import Size
from tests.fakes.pictures import edited, encoded

HOSTED = {
    "prompt", "aspect_ratio", "seed", "guidance_scale", "num_images", "output_format", "safety_tolerance",
    "enhance_prompt", "sync_mode",
}  # fmt: skip
OPEN = {
    "prompt", "image_url", "num_inference_steps", "guidance_scale", "num_images", "seed", "enable_safety_checker",
    "output_format", "acceleration", "enhance_prompt", "resolution_mode", "sync_mode",
}  # fmt: skip
FLUX2 = {"prompt", "image_urls", "image_size", "seed", "output_format", "sync_mode", "enable_safety_checker"}
MODELS = {
    "fal-ai/flux-2-pro/edit": FLUX2 | {"safety_tolerance"},
    "fal-ai/flux-2-max/edit": FLUX2 | {"safety_tolerance"},
    "fal-ai/flux-2-flex/edit": FLUX2 | {"safety_tolerance", "guidance_scale", "num_inference_steps"},
    "fal-ai/flux-2/klein/4b/edit": FLUX2 | {"num_inference_steps"},
    "fal-ai/flux-2/klein/9b/edit": FLUX2 | {"num_inference_steps"},
    "fal-ai/flux-pro/kontext": HOSTED | {"image_url"},
    "fal-ai/flux-pro/kontext/max": HOSTED | {"image_url"},
    "fal-ai/flux-pro/kontext/multi": HOSTED | {"image_urls"},
    "fal-ai/flux-pro/kontext/max/multi": HOSTED | {"image_urls"},
    "fal-ai/flux-pro/kontext/text-to-image": HOSTED,
    "fal-ai/flux-pro/kontext/max/text-to-image": HOSTED,
    "fal-ai/flux-kontext/dev": OPEN,
}
KINDS = {
    "image_load_error": "Failed to load the image.",
    "image_too_small": "The image is too small.",
    "content_policy_violation": "The content could not be processed because it was flagged.",
}
NGINX = "<html><head><title>502 Bad Gateway</title></head><body><hr>nginx</body></html>"


class Signer:
    """Makes Ed25519 signatures for calls back."""

    def __init__(self, seed: bytes) -> None:
        # Imported here: only calls back need the package, and the demo makes none.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class FakeFal:
    """``base`` makes every address lie on one host, for real sockets; without it there are two."""

    def __init__(self, base: str | None = None, key: str = "fal-id:fal-secret") -> None:
        self.key = key
        self.scenario = "success"
        self.pending = 2
        self.submitted: list[dict] = []
        self.trouble: list[str] = []
        self.webhooks: list[str | None] = []
        """Where to call back, of each submit."""
        self._base = base
        self._requests: dict[str, dict] = {}
        here = "/{owner}/{alias}/requests/{id}"
        self.app = Starlette(
            routes=[
                Route("/.well-known/jwks.json", self.keys),
                Route(f"{here}/status", self.status),
                Route(f"{here}/cancel", self.cancel, methods=["PUT"]),
                Route(here, self.result),
                Route("/files/rabbit/{id}.{suffix}", self.deliver),
                Route("/{model:path}", self.submit, methods=["POST"]),
            ]
        )

    @cached_property
    def signer(self) -> Signer:
        return Signer(b"a seed of thirty-two bytes, ever")

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("authorization") == f"Key {self.key}":
            return None
        return JSONResponse({"detail": "Cannot access application. Authentication is required."}, 401)

    async def keys(self, request: Request) -> Response:
        if "authorization" in request.headers:
            self.trouble.append("the key was sent to the host of public keys")
        x = base64.urlsafe_b64encode(self.signer.public_key).decode().rstrip("=")
        return JSONResponse({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]})

    async def submit(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        model = request.path_params["model"]
        if model not in MODELS:
            return JSONResponse({"detail": "Application not found"}, 404)
        body = await request.json()
        word = re.search(r"\[\[(\w+)\]\]", str(body.get("prompt", "")))
        scenario = word[1] if word else self.scenario
        if answer := self._bad_submit(body, MODELS[model], scenario):
            return answer
        self.submitted.append({"model": model, **body})
        self.webhooks.append(request.query_params.get("fal_webhook"))
        request_id = str(uuid.uuid4())
        self._requests[request_id] = {"body": body, "polls": 0, "scenario": scenario, "asked": 0, "cancelled": False}
        owner, alias = model.split("/")[:2]
        here = f"{self._base or 'https://queue.fal.run'}/{owner}/{alias}/requests/{request_id}"
        if scenario == "foreign_status":
            here = "https://evil.example/requests/1"
        addresses = {"response_url": here, "status_url": f"{here}/status", "cancel_url": f"{here}/cancel"}
        more = {} if scenario == "bare_submit" else {"status": "IN_QUEUE", "queue_position": 0}
        return JSONResponse({"request_id": request_id, **addresses, **more})

    def _bad_submit(self, body: dict, fields: set[str], scenario: str) -> Response | None:
        if extra := set(body) - fields:
            self.trouble.append(f"unknown fields {sorted(extra)}")
        if not isinstance(body.get("safety_tolerance", "2"), str):
            return _field_errors(["body", "safety_tolerance"], "Input should be a string", "string_type")
        if scenario == "invalid":
            return _field_errors(["body", "image_urls", 1], "Input should be a valid URL", "url_parsing")
        if scenario == "no_credit":
            told = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
            return JSONResponse({"detail": told}, 403)
        if scenario in ("busy", "busy_once"):
            if scenario == "busy_once":  # a word in a prompt counts for that prompt alone
                self.scenario = "success"
            return JSONResponse({"detail": "Too many requests"}, 429, headers={"retry-after": "1"})
        if scenario == "broken_submit":
            return HTMLResponse(NGINX, 502)
        return PlainTextResponse("fine", 200) if scenario == "malformed" else None

    async def status(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        request_id = request.path_params["id"]
        found = self._requests.get(request_id)
        if found is None or found["scenario"] == "vanished":
            return JSONResponse({"detail": "Request not found"}, 404)
        found["polls"] += 1
        scenario, polls = found["scenario"], found["polls"]
        if polls == 1 and scenario == "flaky":
            return HTMLResponse(NGINX, 502)
        if polls == 1 and scenario == "passing_error":
            return JSONResponse({"detail": "Internal", "error_type": "internal_server_error"}, 500)
        about = {"request_id": request_id, "logs": None}
        if polls <= self.pending or scenario == "stall":
            if polls == 1:
                return JSONResponse({"status": "IN_QUEUE", "request_id": request_id, "queue_position": 2}, 202)
            return JSONResponse({"status": "BREWING" if scenario == "new_word" else "IN_PROGRESS", **about}, 202)
        if scenario == "completed_error":
            about |= {"error": "content policy violation", "error_type": "content_policy_violation"}
        if scenario == "completed_failure":
            about |= {"error": "Runner disconnected", "error_type": "downstream_service_error"}
        return JSONResponse({"status": "COMPLETED", **about, "metrics": {"inference_time": 5.2}})

    async def result(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        request_id = request.path_params["id"]
        found = self._requests[request_id]
        found["asked"] += 1
        scenario = found["scenario"]
        if found["polls"] <= self.pending or (scenario == "early" and found["asked"] == 1):
            return JSONResponse({"detail": "Request is still in progress"}, 400)
        if error := self._bad_result(found, scenario):
            return error
        return JSONResponse(self._output(request_id, found, scenario))

    def _bad_result(self, found: dict, scenario: str) -> Response | None:
        if (late := re.fullmatch(r"late_(\d{3})", scenario)) and found["asked"] <= 2:
            return JSONResponse({"detail": "try again"}, int(late[1]))
        if scenario == "refused_after_all":
            return JSONResponse({"detail": "No."}, 418)
        if scenario == "moderated":
            return _field_errors(["body", "prompt"], KINDS["content_policy_violation"], "content_policy_violation")
        if scenario == "header_only":
            told = {"x-fal-error-type": "content_policy_violation"}
            return JSONResponse({"detail": "The request was refused."}, 422, headers=told)
        if scenario in KINDS:
            echoed = str(found["body"].get("image_url"))
            return _field_errors(["body", "image_urls", 0], KINDS[scenario], scenario, input=echoed)
        if scenario == "failed":
            told = {"detail": "The request could not be completed.", "error_type": "internal_server_error"}
            return JSONResponse(told, 500, headers={"x-fal-retryable": "false"})
        if scenario == "quotes_key":
            return JSONResponse({"detail": f"No runner for {self.key}."}, 500)
        if scenario == "timeout":
            return JSONResponse({"detail": "Request timed out", "error_type": "generation_timeout"}, 504)
        return JSONResponse({"images": [], "seed": 42}) if scenario == "no_output" else None

    def _output(self, request_id: str, found: dict, scenario: str) -> dict:
        suffix = found["body"].get("output_format", "jpeg")
        url = f"{self._base or 'https://v3.fal.media'}/files/rabbit/{request_id}.{suffix}"
        if scenario == "foreign_sample":
            url = "https://169.254.169.254/latest/meta-data"
        if found["body"].get("sync_mode") or scenario == "inline":
            url = f"data:image/{suffix};base64,{base64.b64encode(self._picture(found)).decode()}"
        if scenario == "bad_inline":
            url = "data:image/png;base64,@@@"
        if scenario == "one_image":
            return {"image": {"url": url}, "seed": 42}
        flagged = scenario == "black"
        about = {"timings": {"inference": 4.9}, "seed": 42, "has_nsfw_concepts": [flagged]}
        return {"images": [{"url": url, "content_type": f"image/{suffix}"}], **about, "prompt": found["body"]["prompt"]}

    async def cancel(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        found = self._requests[request.path_params["id"]]
        if found["polls"] > self.pending and found["scenario"] != "stall":
            return JSONResponse({"status": "ALREADY_COMPLETED"}, 400)
        found["cancelled"] = True
        return JSONResponse({"status": "CANCELLATION_REQUESTED"}, 202)

    def cancelled(self) -> int:
        return sum(found["cancelled"] for found in self._requests.values())

    async def deliver(self, request: Request) -> Response:
        if "authorization" in request.headers:
            self.trouble.append("the key was sent to the delivery host")
            return PlainTextResponse("only one auth mechanism allowed", 400)
        found = self._requests[request.path_params["id"]]
        if found["scenario"] == "expired":
            return PlainTextResponse("gone", 404)
        if found["scenario"] == "not_a_picture":
            return HTMLResponse("<html>oops</html>")
        return Response(self._picture(found))

    def _picture(self, found: dict) -> bytes:
        body = found["body"]
        source = body.get("image_url") or next(iter(body.get("image_urls", ())), None)
        data = None if source is None else base64.b64decode(source.partition(",")[2], validate=True)
        asked = body.get("image_size")
        size = Size(asked["width"], asked["height"]) if asked else None
        return encoded(
            edited(data, body["prompt"], body.get("aspect_ratio") or body.get("resolution_mode"), size=size),
            body.get("output_format", "jpeg"),
        )


def _field_errors(where: list, told: str, kind: str, **more: str) -> Response:
    return JSONResponse({"detail": [{"loc": where, "msg": told, "type": kind, "ctx": {}, **more}]}, 422)
