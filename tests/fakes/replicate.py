"""Replicate as its documents describe it: upload, create, poll, cancel, and a delivery host that wants no token."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.fakes.pictures import edited, encoded

NEWER = {
    "flux-2-pro": {"input_images", "aspect_ratio", "resolution", "output_format", "safety_tolerance", "seed"},
    "flux-2-max": {"input_images", "aspect_ratio", "output_format"},
    "flux-3-image": {"images", "aspect_ratio", "resolution", "grounding", "safety_tolerance", "output_format"},
}
MODELS = NEWER.keys() | {
    "flux-kontext-pro", "flux-kontext-max", "flux-kontext-dev", "multi-image-kontext-pro", "multi-image-kontext-max",
}  # fmt: skip
WHEN = "2026-11-27T10:00:00.000Z"
FLAGGED = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)"


class FakeReplicate:
    """``base`` makes every address lie on one host, for real sockets."""

    def __init__(self, base: str | None = None, key: str = "r8_test") -> None:
        self.key = key
        self.scenario = "success"
        self.pending = 2
        self.submitted: list[dict] = []
        self.trouble: list[str] = []
        self.webhooks: list[tuple] = []
        """Where to call back, and on which events, of each submit."""
        self.signing_secret = b"thirty-two bytes of no importance"
        self._base = base
        self._files: dict[str, bytes] = {}
        self._predictions: dict[str, dict] = {}
        prefix = "" if base else "/v1"
        self.app = Starlette(
            routes=[
                Route(f"{prefix}/account", self.account),
                Route(f"{prefix}/webhooks/default/secret", self.secret),
                Route(f"{prefix}/files", self.upload, methods=["POST"]),
                Route(f"{prefix}/models/{{owner}}/{{name}}/predictions", self.create, methods=["POST"]),
                Route(f"{prefix}/predictions/{{id}}", self.get),
                Route(f"{prefix}/predictions/{{id}}/cancel", self.cancel, methods=["POST"]),
                Route("/out/{id}.{suffix}", self.deliver),
            ]
        )

    def _api(self) -> str:
        return self._base or "https://api.replicate.com/v1"

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("authorization") == f"Bearer {self.key}":
            return None
        problem = {"title": "Unauthenticated", "detail": "You did not pass a valid authentication token", "status": 401}
        return JSONResponse(problem, 401, media_type="application/problem+json")

    async def account(self, request: Request) -> Response:
        return self._refusal(request) or JSONResponse({"type": "user", "username": "ann", "name": "Ann"})

    async def secret(self, request: Request) -> Response:
        key = f"whsec_{base64.b64encode(self.signing_secret).decode()}"
        return self._refusal(request) or JSONResponse({"key": key})

    async def upload(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        form = await request.form()
        file_id, upload = secrets.token_hex(8), form["content"]
        data = self._files[file_id] = await upload.read()
        digest = hashlib.sha256(data).hexdigest()
        about = {
            "id": file_id,
            "name": upload.filename,
            "content_type": upload.content_type or "application/octet-stream",
            "size": len(data),
            "etag": digest[:32],
            "checksums": {"sha256": digest},
            "metadata": {},
            "created_at": WHEN,
            "expires_at": WHEN,
            "urls": {"get": f"{self._api()}/files/{file_id}"},
        }
        return JSONResponse(about, 201)

    async def create(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        body = await request.json()
        if set(body) - {"input", "webhook", "webhook_events_filter"}:
            self.trouble.append("unknown top-level keys")
        prompt = str(body["input"].get("prompt", ""))
        word = re.search(r"\[\[(\w+)\]\]", prompt)
        scenario = word[1] if word else self.scenario
        if answer := self._bad_create(request, scenario):
            return answer
        known = NEWER.get(request.path_params["name"])
        if known is not None and (extra := set(body["input"]) - known - {"prompt"}):
            self.trouble.append(f"unknown fields {sorted(extra)}")
        self.submitted.append({"model": request.path_params["name"], **body["input"]})
        self.webhooks.append((body.get("webhook"), body.get("webhook_events_filter")))
        prediction_id = secrets.token_hex(13)
        found = {"input": body["input"], "polls": 0, "scenario": scenario, "canceled": False}
        owner, name = request.path_params["owner"], request.path_params["name"]
        self._predictions[prediction_id] = {**found, "model": f"{owner}/{name}"}
        return JSONResponse(self._state(prediction_id, "starting"), 201)

    def _bad_create(self, request: Request, scenario: str) -> Response | None:
        if request.path_params["name"] not in MODELS:
            return JSONResponse({"detail": "The requested resource could not be found.", "status": 404}, 404)
        if scenario == "no_credit":
            return JSONResponse({"title": "Insufficient credit", "detail": "You have insufficient credit."}, 402)
        if scenario == "invalid":
            detail = "- input.safety_tolerance: Must be less than or equal to 6\n"
            return JSONResponse({"title": "Input validation failed", "detail": detail, "status": 422}, 422)
        if scenario in ("busy", "busy_once"):
            if scenario == "busy_once":  # a word in a prompt counts for that prompt alone
                self.scenario = "success"
            detail = "Request was throttled. Your rate limit resets in ~30s."
            return JSONResponse({"detail": detail, "status": 429}, 429, headers={"retry-after": "2"})
        return PlainTextResponse("oops", 500) if scenario == "broken_submit" else None

    def _state(self, prediction_id: str, status: str, **fields) -> dict:
        here = f"{self._api()}/predictions/{prediction_id}"
        found = self._predictions[prediction_id]
        about = {"model": found["model"], "version": "hidden", "input": found["input"], "created_at": WHEN}
        empty = {"output": None, "error": None, "logs": "", "urls": {"get": here, "cancel": f"{here}/cancel"}}
        return {"id": prediction_id, "status": status, **about, **empty, **fields}

    def polls(self) -> int:
        return sum(found["polls"] for found in self._predictions.values())

    async def get(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        prediction_id = request.path_params["id"]
        prediction = self._predictions[prediction_id]
        prediction["polls"] += 1
        scenario = prediction["scenario"]
        if scenario == "flaky" and prediction["polls"] == 1:
            return PlainTextResponse("bad gateway", 502)
        if scenario in ("poll_401", "poll_404"):
            code = int(scenario[-3:])
            problem = {"title": "Refused", "detail": "No.", "status": code}
            return JSONResponse(problem, code, media_type="application/problem+json")
        if prediction["canceled"]:
            return JSONResponse(self._state(prediction_id, "canceled"))
        if prediction["polls"] <= self.pending or scenario == "stall":
            return JSONResponse(self._state(prediction_id, "starting" if prediction["polls"] == 1 else "processing"))
        return JSONResponse(self._finished(prediction_id, prediction, scenario))

    def _finished(self, prediction_id: str, prediction: dict, scenario: str) -> dict:
        if scenario == "moderated":
            return self._state(prediction_id, "failed", error=FLAGGED)
        if scenario in ("failed", "aborted"):
            return self._state(prediction_id, scenario, error="CUDA out of memory")
        if scenario == "no_output":
            return self._state(prediction_id, "succeeded")
        suffix = prediction["input"].get("output_format", "png")
        host = self._base or "https://replicate.delivery"
        output = f"{host}/out/{prediction_id}.{suffix}"
        status = "processing" if scenario == "early_output" else "succeeded"
        if scenario == "inline":
            output = f"data:image/{suffix};base64,{base64.b64encode(self._picture(prediction)).decode()}"
        shaped = {"list": [output], "object": {"url": output}}.get(scenario, output)
        return self._state(prediction_id, status, output=shaped, logs="Using seed: 42\n")

    async def cancel(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        self._predictions[request.path_params["id"]]["canceled"] = True
        return JSONResponse(self._state(request.path_params["id"], "canceled"))

    async def deliver(self, request: Request) -> Response:
        if "authorization" in request.headers:
            self.trouble.append("the token was sent to the delivery host")
        prediction = self._predictions[request.path_params["id"]]
        if prediction["scenario"] == "expired":
            return PlainTextResponse("gone", 404)
        return Response(self._picture(prediction))

    def _picture(self, prediction: dict) -> bytes:
        wanted = prediction["input"]
        several = wanted.get("input_images") or wanted.get("images") or [None]
        address = wanted.get("input_image") or wanted.get("input_image_1") or several[0]
        ratio = wanted.get("aspect_ratio")
        own = ratio in ("match_input_image", "auto")
        picture = edited(self._bytes(address), wanted["prompt"], None if own else ratio)
        return encoded(picture, {"jpg": "jpeg"}.get(wanted.get("output_format"), wanted.get("output_format", "png")))

    def _bytes(self, address: str | None) -> bytes | None:
        if address is None:
            return None
        if address.startswith("data:"):
            return base64.b64decode(address.partition(",")[2], validate=True)
        return self._files[address.rsplit("/", 1)[1]]
