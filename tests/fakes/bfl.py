"""Black Forest Labs as its documents describe it: submit, poll on another host, fetch from a third.

Choose a scenario with ``fake.scenario`` or, in a demo, with a word in the prompt such as ``[[moderated]]``.
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
    "prompt", "input_image", "input_image_2", "input_image_3", "input_image_4", "aspect_ratio", "seed",
    "prompt_upsampling", "safety_tolerance", "output_format", "webhook_url", "webhook_secret",
}  # fmt: skip
FILL_FIELDS = {
    "image", "mask", "prompt", "steps", "guidance", "prompt_upsampling", "seed", "output_format", "safety_tolerance",
}  # fmt: skip
MODERATED = {"moderated": "Content Moderated", "moderated_input": "Request Moderated"}


class FakeBfl:
    """``base`` makes every address lie on one host, for real sockets; without it there are three."""

    def __init__(self, base: str | None = None, key: str = "bfl_test") -> None:
        self.key = key
        self.more_keys: list[str] = []
        self.scenario = "success"
        self.pending = 2
        """Polls that answer "Pending" before a task is ready."""
        self.submitted: list[dict] = []
        self.trouble: list[str] = []
        """What the service would have been angry about, or must never see."""
        self._base = base
        self._tasks: dict[str, dict] = {}
        self.app = Starlette(
            routes=[
                Route("/v1/flux-kontext-pro", self.submit, methods=["POST"]),
                Route("/v1/flux-kontext-max", self.submit, methods=["POST"]),
                Route("/v1/flux-pro-1.0-fill", self.submit, methods=["POST"]),
                Route("/v1/get_result", self.poll),
                Route("/v1/credits", self.credits),
                Route("/results/{id}.{suffix}", self.deliver),
            ]
        )

    def finish(self) -> None:
        """Let every edit that hangs be ready at its next poll."""
        for task in self._tasks.values():
            task.update(scenario="success", polls=self.pending)

    def _address(self, host: str) -> str:
        return self._base or f"https://{host}"

    def _refusal(self, request: Request) -> Response | None:
        key = request.headers.get("x-key")
        if key is None:
            return JSONResponse({"detail": "Not authenticated"}, 403)
        if not key.startswith("bfl_"):
            return JSONResponse({"detail": "Invalid API key format"}, 422)
        if key not in (self.key, *self.more_keys):
            return JSONResponse({"detail": "Not authenticated - Invalid Authentication"}, 403)
        return None

    async def submit(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        body = await request.json()
        fill = request.url.path.endswith("fill")
        scenario = self._scenario(str(body.get("prompt", "")))
        answer = self._bad_submit(request, body, FILL_FIELDS if fill else FIELDS, scenario)
        if answer is not None:
            return answer
        self.submitted.append({"path": request.url.path, **body})
        task_id = str(uuid.uuid4())
        self._tasks[task_id] = {"body": body, "polls": 0, "scenario": scenario, "fetched": 0}
        price = 8.0 if request.url.path.endswith("max") else 5.0 if fill else 4.0
        poll = f"{self._address('api.eu2.bfl.ai')}/v1/get_result?id={task_id}"
        if scenario == "foreign_poll":
            poll = "https://evil.example/v1/get_result?id=1"
        told = {"cost": price, "input_mp": 1.04, "output_mp": 1.04}
        if body.get("webhook_url"):
            return JSONResponse({"id": task_id, "status": "Pending", "webhook_url": body["webhook_url"], **told})
        return JSONResponse({"id": task_id, "polling_url": poll, **told})

    def _scenario(self, prompt: str) -> str:
        word = re.search(r"\[\[(\w+)\]\]", prompt)
        return word[1] if word else self.scenario

    def _bad_submit(self, request: Request, body: dict, fields: set[str], scenario: str) -> Response | None:
        if "prompt" not in body:
            detail = [{"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}]
            return JSONResponse({"detail": detail}, 422)
        if scenario == "invalid":
            what = {"loc": ["body", "safety_tolerance"], "msg": "Input should be less than or equal to 6"}
            return JSONResponse({"detail": [{**what, "type": "less_than_equal"}]}, 422)
        if extra := set(body) - fields:
            self.trouble.append(f"unknown fields {sorted(extra)}")
        if scenario == "no_credit":
            return JSONResponse({"detail": "Insufficient credits"}, 402)
        if scenario == "busy_once":
            self.scenario = "success"
            return JSONResponse({"detail": "Too many active tasks"}, 429, headers={"retry-after": "1"})
        if scenario == "busy":
            return JSONResponse({"detail": "Too many active tasks"}, 429)
        if scenario == "broken_submit":
            return PlainTextResponse("upstream error", 500)
        if scenario == "gossip":
            return JSONResponse({"detail": f"The account of {request.headers['x-key']} is locked"}, 500)
        return PlainTextResponse("<html>", 200) if scenario == "malformed" else None

    async def poll(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        task_id = request.query_params.get("id", "")
        task = self._tasks.get(task_id)
        if task is None or (self._base is None and request.headers["host"] == "api.bfl.ai"):
            return self._state(task_id, "Task not found")
        task["polls"] += 1
        scenario = task["scenario"]
        if early := self._early(task_id, task):
            return early
        if scenario in MODERATED:
            details = {
                "Moderation Reasons": ["Safety Filter" if scenario == "moderated" else "Derivative Works Filter"]
            }
            return self._state(task_id, MODERATED[scenario], details=details)
        if scenario == "error_503":
            return JSONResponse({"id": task_id, "status": "Error", "result": None}, 503)
        if scenario in ("error", "failed", "vanished"):
            return self._state(task_id, {"error": "Error", "failed": "Failed", "vanished": "Task not found"}[scenario])
        suffix = task["body"].get("output_format") or "png"
        sample = f"{self._address('delivery.eu1.bfl.ai')}/results/{task_id}.{suffix}?sig=FAKE{task['polls']}"
        if scenario == "foreign_sample":
            sample = "https://169.254.169.254/latest/meta-data"
        seed = task["body"].get("seed")
        result = {"sample": sample} | ({} if scenario == "bare_result" else {"seed": 7 if seed is None else seed})
        return self._state(task_id, "Ready", result=result)

    def _early(self, task_id: str, task: dict) -> Response | None:
        if task["scenario"] == "late_birth" and task["polls"] == 1:
            return JSONResponse({"detail": "Not found"}, 404)
        if task["scenario"] == "flaky" and task["polls"] == 1:
            return PlainTextResponse("bad gateway", 502)
        if task["polls"] <= self.pending or task["scenario"] == "stall":
            word = "Brewing" if task["scenario"] == "new_word" else "Pending"
            return self._state(task_id, word, progress=task["polls"] / (self.pending + 1))
        return None

    def _state(self, task_id: str, status: str, **fields) -> Response:
        empty = {"result": None, "progress": None, "details": None, "preview": None}
        return JSONResponse({"id": task_id, "status": status, **empty, **fields})

    async def deliver(self, request: Request) -> Response:
        if "x-key" in request.headers or "authorization" in request.headers:
            self.trouble.append("a key was sent to the delivery host")
        task = self._tasks[request.path_params["id"]]
        task["fetched"] += 1
        if task["scenario"] == "gone" or (task["scenario"] == "expired" and task["fetched"] == 1):
            return PlainTextResponse("AuthenticationFailed", 403)
        if task["scenario"] == "not_a_picture":
            return PlainTextResponse("<html>oops</html>")
        if task["scenario"] == "huge":
            return Response(b"\0" * 61_000_000, media_type="image/png")
        body = task["body"]
        source = body.get("input_image") or body.get("image")
        data = None if source is None else base64.b64decode(source, validate=True)
        picture = encoded(edited(data, body["prompt"], body.get("aspect_ratio")), body.get("output_format") or "png")
        return Response(picture[: len(picture) // 2] if task["scenario"] == "truncated" else picture)

    async def credits(self, request: Request) -> Response:
        return self._refusal(request) or JSONResponse({"credits": 123.5})
