"""Black Forest Labs as its documents describe it: submit, poll on another host, fetch from a third.

Choose a scenario with ``fake.scenario`` or, in a demo, with a word in the prompt such as ``[[moderated]]``.
"""

from __future__ import annotations

import base64
import io
import math
import re
import uuid

from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from kontext_ui.edits import Size
from tests.fakes.pictures import edited, encoded

FIELDS = {
    "prompt", "input_image", "input_image_2", "input_image_3", "input_image_4", "aspect_ratio", "seed",
    "prompt_upsampling", "safety_tolerance", "output_format", "webhook_url", "webhook_secret",
}  # fmt: skip
FILL_FIELDS = {
    "image", "mask", "prompt", "steps", "guidance", "prompt_upsampling", "seed", "output_format", "safety_tolerance",
}  # fmt: skip
FLUX2_FIELDS = {
    "prompt", "input_image", "input_image_2", "input_image_3", "input_image_4", "width", "height", "seed",
    "safety_tolerance", "output_format", "webhook_url", "webhook_secret",
}  # fmt: skip
MANY = {f"input_image_{number}" for number in range(5, 9)}
FLUX3_FIELDS = {"prompt", "images", "aspect_ratio", "resolution", "safety_tolerance", "grounding", "version"}
PATHS: dict[str, set[str]] = {
    "/v1/flux-kontext-pro": FIELDS,
    "/v1/flux-kontext-max": FIELDS,
    "/v1/flux-pro-1.0-fill": FILL_FIELDS,
    "/v1/flux-2-pro": FLUX2_FIELDS | MANY,
    "/v1/flux-2-max": FLUX2_FIELDS | MANY,
    "/v1/flux-2-flex": FLUX2_FIELDS | MANY | {"prompt_upsampling", "steps", "guidance"},
    "/v1/flux-2-klein-4b": FLUX2_FIELDS,
    "/v1/flux-2-klein-9b": FLUX2_FIELDS,
    "/v1/flux-3-image": FLUX3_FIELDS,
}
CENTS = {
    "/v1/flux-kontext-pro": 4.0, "/v1/flux-kontext-max": 8.0, "/v1/flux-pro-1.0-fill": 5.0,
}  # fmt: skip
CENTS_BY_SIZE = {
    "/v1/flux-2-pro": (3.0, 1.5), "/v1/flux-2-max": (7.0, 3.0), "/v1/flux-2-flex": (5.0, 5.0),
    "/v1/flux-2-klein-4b": (1.4, 0.1), "/v1/flux-2-klein-9b": (1.5, 0.2),
}  # fmt: skip
"""For the first megapixel drawn, and for each further one and each that is sent."""
TIERS = {"768sq": (0.59, 4.1), "1k": (1.05, 4.8), "1.5k": (2.36, 7.0), "2k": (4.19, 10.0), "4k": (16.0, 60.7)}
"""Word for a size at FLUX 3 → megapixels and cents."""
RATIOS = "auto 21:9 2:1 16:9 3:2 7:5 4:3 5:4 1:1 4:5 3:4 5:7 2:3 9:16 1:2 9:21".split()
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
                *(Route(path, self.submit, methods=["POST"]) for path in PATHS),
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
        path = request.url.path
        scenario = self._scenario(str(body.get("prompt", "")))
        answer = self._bad_submit(request, body, PATHS[path], scenario) or _wrong(path, body)
        if answer is not None:
            return answer
        self.submitted.append({"path": request.url.path, **body})
        task_id = str(uuid.uuid4())
        self._tasks[task_id] = {"path": path, "body": body, "polls": 0, "scenario": scenario, "fetched": 0}
        price = _cents(path, body)
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
        suffix = _format(task)
        sample = f"{self._address('delivery.eu1.bfl.ai')}/results/{task_id}.{suffix}?sig=FAKE{task['polls']}"
        if scenario == "foreign_sample":
            sample = "https://169.254.169.254/latest/meta-data"
        seed = task["body"].get("seed")
        seedless = scenario == "bare_result" or task["path"].endswith("flux-3-image")
        result = {"sample": sample} | ({} if seedless else {"seed": 7 if seed is None else seed})
        return self._state(task_id, "Ready", result=result)

    def _early(self, task_id: str, task: dict) -> Response | None:
        if task["scenario"] == "late_birth" and task["polls"] == 1:
            return JSONResponse({"detail": "Not found"}, 404)
        if task["scenario"] == "flaky" and task["polls"] == 1:
            return PlainTextResponse("bad gateway", 502)
        if task["polls"] <= self.pending or task["scenario"] == "stall":
            word = "Brewing" if task["scenario"] == "new_word" else "Pending"
            if task["path"].endswith("flux-3-image"):
                word = "Reasoning" if task["polls"] == 1 else "Generating"
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
        data = next(iter(_pictures(body)), None)
        ratio = body.get("aspect_ratio")
        made = edited(data, body["prompt"], None if ratio == "auto" else ratio, size=_size(task["path"], body, data))
        picture = encoded(made, _format(task))
        return Response(picture[: len(picture) // 2] if task["scenario"] == "truncated" else picture)

    async def credits(self, request: Request) -> Response:
        return self._refusal(request) or JSONResponse({"credits": 123.5})


def _pictures(body: dict) -> list[bytes]:
    told = body.get("images", [])
    told = [told] if isinstance(told, str) else told
    names = ("image", "input_image", *(f"input_image_{number}" for number in range(2, 9)))
    named = [body[name] for name in names if body.get(name)]
    return [base64.b64decode(one, validate=True) for one in (*named, *told)]


def _size_of(picture: bytes) -> Size:
    return Size(*Image.open(io.BytesIO(picture)).size)


def _wrong(path: str, body: dict) -> Response | None:
    """What only the newer models check."""
    if "flux-2" in path:
        return _wrong_size(body) or _unknown(path, body)
    if not path.endswith("flux-3-image"):
        return None
    sizes = [_size_of(picture) for picture in _pictures(body)]
    if any(min(size) < 256 or size.megapixels > 16 for size in sizes) or len(sizes) > 10:
        return _refused("images", "Image must be at least 256x256 and at most 16 MP")
    if body.get("aspect_ratio", "auto") not in RATIOS or body.get("resolution", "1k") not in TIERS:
        return _refused("resolution", "Input should be one of the listed values")
    if not 0 <= body.get("safety_tolerance", 2) <= 4:
        return _refused("safety_tolerance", "Input should be less than or equal to 4")
    return _unknown(path, body)


def _wrong_size(body: dict) -> Response | None:
    width, height = body.get("width") or 0, body.get("height") or 0
    if width and (min(width, height) < 64 or width % 16 or height % 16 or width * height > 2048 * 2048):
        return _refused("width", "Input should be a multiple of 16, at least 64 and at most 4 MP")
    if not 0 <= body.get("safety_tolerance", 2) <= 5:
        return _refused("safety_tolerance", "Input should be less than or equal to 5")
    return None


def _unknown(path: str, body: dict) -> Response | None:
    told = {"msg": "Extra inputs are not permitted", "type": "extra_forbidden"}
    detail = [{"loc": ["body", name], **told} for name in sorted(set(body) - PATHS[path])]
    return JSONResponse({"detail": detail}, 422) if detail else None


def _refused(name: str, told: str) -> Response:
    return JSONResponse({"detail": [{"loc": ["body", name], "msg": told, "type": "value_error"}]}, 422)


def _cents(path: str, body: dict) -> float:
    if path in CENTS:
        return CENTS[path]
    sizes = [_size_of(picture) for picture in _pictures(body)]
    if path not in CENTS_BY_SIZE:
        return TIERS[body.get("resolution", "1k")][1]
    first, more = CENTS_BY_SIZE[path]
    drawn = Size(body["width"], body["height"]) if body.get("width") else sizes[0] if sizes else Size(1024, 1024)
    sent = sum(math.ceil(size.megapixels) for size in sizes)
    return round(first + (math.ceil(drawn.megapixels) - 1) * more + sent * more, 4)


def _format(task: dict) -> str:
    """FLUX 3 answers with PNG whatever is asked; FLUX.2 with JPEG when nothing is."""
    if task["path"].endswith("flux-3-image"):
        return "png"
    return task["body"].get("output_format") or ("jpeg" if "flux-2" in task["path"] else "png")


def _size(path: str, body: dict, picture: bytes | None) -> Size | None:
    """Where it is not one of Kontext's: FLUX.2's as asked for, FLUX 3's of the nearest shape and in steps of 16."""
    if "flux-2" in path and body.get("width"):
        return Size(body["width"], body["height"])
    if not path.endswith("flux-3-image"):
        return None
    ratio = body.get("aspect_ratio", "auto")
    if ratio == "auto":
        own = 1.0 if picture is None else _size_of(picture).ratio
        ratio = min(RATIOS[1:], key=lambda each: abs(math.log(_number(each) / own)))
    side = math.sqrt(TIERS[body.get("resolution", "1k")][0] * 1e6 / _number(ratio))
    return Size(round(side * _number(ratio) / 16) * 16, round(side / 16) * 16)


def _number(ratio: str) -> float:
    width, height = ratio.split(":")
    return int(width) / int(height)
