"""Image servers as they were seen to behave: one class, a dialect each, ``POST /v1/images/edits``."""

from __future__ import annotations

import asyncio
import base64
import json
import re

import cv2
import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from kontext_ui.edits import Size
from tests.fakes.pictures import edited, encoded

MODEL = "black-forest-labs/FLUX.1-Kontext-dev"
OWNERS = {"vllm-omni": "vllm", "sglang": "sglang", "kontext": "kontext_ui", "mlx": "mlx-community", "openai": "someone"}
DEFAULT_GUIDANCE = {"vllm-omni": 3.5, "sglang": 7.5, "sd-server": 3.5, "mlx": 2.5, "kontext": 2.5, "openai": 2.5}
TAG = re.compile(r"<sd_cpp_extra_args>(.*?)</sd_cpp_extra_args>")


class FakeImageServer:
    """``received`` holds what each edit came down to on this server, after its own way of reading the form."""

    def __init__(self, dialect: str, key: str | None = None, model: str = MODEL) -> None:
        self.dialect = dialect
        self.model = model
        self.key = key
        self.scenario = "success"
        self.received: list[dict] = []
        self.closed_early = 0
        self.well = True
        self.load = 0
        self.gate: asyncio.Event | None = None
        """Holds every edit until it is set."""
        self.arrived = asyncio.Event()
        self.app = Starlette(
            routes=[
                Route("/v1/images/edits", self.edit, methods=["POST"]),
                Route("/v1/models", self.models),
                *([] if dialect in ("sd-server", "openai", "mlx") else [Route("/health", self.health)]),
                *([Route("/ready", self.ready)] if dialect == "kontext" else []),
                Route("/files/{name}", self.file),
            ]
        )

    def _locked(self, request: Request) -> Response | None:
        if self.key is None or request.headers.get("authorization") == f"Bearer {self.key}":
            return None
        return JSONResponse({"error": {"message": "Incorrect API key provided.", "type": "invalid_request_error"}}, 401)

    async def models(self, request: Request) -> Response:
        if locked := self._locked(request):
            return locked
        if self.dialect == "sd-server":
            return JSONResponse({"data": [{"id": "sd-cpp-local", "object": "model", "owned_by": "local"}]})
        entry = {"id": self.model, "object": "model", "owned_by": OWNERS[self.dialect]}
        return JSONResponse({"object": "list", "data": [entry]}, 200 if self.well else 503)

    async def health(self, request: Request) -> Response:
        return Response(status_code=200 if self.well else 503)

    async def ready(self, request: Request) -> Response:
        return JSONResponse({"status": "ready", "running": min(self.load, 1), "waiting": max(0, self.load - 1)},
                            200 if self.well else 503)  # fmt: skip

    async def file(self, request: Request) -> Response:
        return Response(self._file, media_type="image/png")

    async def edit(self, request: Request) -> Response:
        if locked := self._locked(request):
            return locked
        self.arrived.set()
        form = await request.form()
        word = re.search(r"\[\[(\w+)\]\]", str(form.get("prompt", "")))
        scenario = word[1] if word else self.scenario
        if answer := self._refusal(scenario):
            return answer
        if not form.get("prompt"):
            return self._error(422 if self.dialect in ("vllm-omni", "sglang") else 400, "prompt is required")
        if self.dialect == "vllm-omni" and form.get("model", self.model) != self.model:
            return self._error(400, f"Model {form['model']} does not exist")
        if self.dialect == "vllm-omni" and form.get("response_format", "b64_json") != "b64_json":
            return self._error(400, "only b64_json")
        read = await self._read(form)
        if self.dialect == "sglang" and "klein" in self.model and read["guidance"] != 1:
            return self._error(400, "guidance_scale must be 1 for a distilled model")
        self.received.append(read)
        if self.dialect == "kontext":
            return StreamingResponse(self._stream(request, read), media_type="text/event-stream")
        if self.gate is not None:
            await self.gate.wait()
        return self._answer(scenario, read, request)

    def _refusal(self, scenario: str) -> Response | None:
        if scenario == "full":
            return self._error(503 if self.dialect == "vllm-omni" else 429, "too many requests")
        if scenario == "full_ray":
            told = "Request dropped due to backpressure (num_queued_requests=8, max_queued_requests=8)."
            return PlainTextResponse(told, 503)
        if scenario == "missing":
            return PlainTextResponse("", 404)
        if scenario == "broken":
            return self._error(500, "the engine broke")
        if scenario == "memory":
            return self._error(500, "CUDA out of memory. Tried to allocate 2.00 GiB")
        if scenario == "moderated":
            error = {"message": "Refused by the safety system.", "code": "moderation_blocked"}
            return JSONResponse({"error": error}, 400)
        if scenario == "proxy":
            return Response("<html>bad gateway</html>", 502, media_type="text/html")
        return None

    def _error(self, status: int, text: str) -> Response:
        """The four shapes."""
        if self.dialect == "sd-server":
            body = {"error": "server_error", "message": text} if status == 500 else {"error": text}
            return JSONResponse(body, status)
        if self.dialect == "sglang":
            if status == 500:
                return PlainTextResponse(text, 500)
            detail = [{"loc": ["body", "prompt"], "msg": text}] if status == 422 else text
            return JSONResponse({"detail": detail}, status)
        return JSONResponse({"error": {"message": text, "type": "Error", "code": status, "param": None}}, status)

    async def _read(self, form) -> dict:
        """What this server understands of a form, with its own defaults for the rest."""
        names = ("image",) if self.dialect == "mlx" else ("image[]", "image")
        uploads = [upload for name in names for upload in form.getlist(name)]
        data = await uploads[0].read() if uploads else None
        prompt, seed, steps, guidance = str(form["prompt"]), None, None, DEFAULT_GUIDANCE[self.dialect]
        if self.dialect == "sd-server":
            seed = 42
            if match := TAG.search(prompt):
                told = json.loads(match[1])
                seed, steps = told.get("seed", 42), told.get("sample_params", {}).get("sample_steps")
                guidance = told.get("sample_params", {}).get("guidance", {}).get("distilled_guidance", guidance)
                prompt = TAG.sub("", prompt)
        elif self.dialect != "openai":
            seed = int(form["seed"]) if "seed" in form else None
            steps = form.get("steps" if self.dialect == "mlx" else "num_inference_steps")
            guidance = float(form.get("guidance_scale", guidance))
        mask = form.get("mask") if self.dialect in ("sd-server", "openai") else None
        width, _, height = str(form.get("size", "1024x1024")).partition("x")
        return {
            "prompt": prompt,
            "picture": data,
            "seed": seed,
            "steps": None if steps is None else int(steps),
            "guidance": guidance,
            "size": Size(int(width), int(height)),
            "mask": None if mask is None else await mask.read(),
            "form": {name: value for name, value in form.items() if isinstance(value, str)},
        }

    def _drawn(self, read: dict) -> bytes:
        size = read["size"]
        if self.dialect == "sd-server":
            size = Size(*(-(-side // 8) * 8 for side in size))
        pixels = edited(_readable(read["picture"]), read["prompt"], "1:1", size=size, drift=False)
        return encoded(pixels, "png")

    def _answer(self, scenario: str, read: dict, request: Request) -> Response:
        if scenario == "empty":
            return JSONResponse({"created": 1, "data": []})
        if scenario == "words":
            return JSONResponse({"error": "no model is loaded"})
        if scenario == "garbage":
            return JSONResponse({"created": 1, "data": [{"b64_json": base64.b64encode(b"no picture").decode()}]})
        if scenario == "square":
            read = {**read, "size": Size(512, 512)}
        data = self._drawn(read)
        if scenario == "url":
            self._file = data
            return JSONResponse({"created": 1, "data": [{"url": "/files/1.png"}]})
        if scenario == "elsewhere":
            return JSONResponse({"created": 1, "data": [{"url": "http://127.0.0.1:9/1.png"}]})
        if scenario == "data_uri":
            uri = "data:image/png;base64," + base64.b64encode(data).decode()
            return JSONResponse({"created": 1, "data": [{"b64_json": None, "url": uri}]})
        entry = {"b64_json": base64.b64encode(data).decode(), "url": None, "revised_prompt": None}
        return JSONResponse({"created": 1, "data": [entry], "output_format": "png"})

    async def _stream(self, request: Request, read: dict):
        def line(event: dict) -> str:
            return f"data: {json.dumps(event)}\n\n"

        told = read["form"].get("progress") == "true"
        try:
            if told:
                yield line({"type": "image_edit.queued", "position": 1})
            yield ": still here\n\n"
            if told:
                yield line({"type": "image_edit.progress", "fraction": 0.5, "stage": "step 1 of 2"})
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.closed_early += 1
            raise
        if self.scenario == "fails_late" or "[[fails_late]]" in read["prompt"]:
            error = {"message": "The memory did not suffice.", "code": "OutOfMemory", "hint": "Send a draft.",
                     "status": 500}  # fmt: skip
            yield line({"type": "error", "error": error})
            return
        if self.scenario == "ends":
            return
        picture = base64.b64encode(self._drawn(read)).decode()
        yield line({"type": "image_edit.partial_image", "b64_json": picture, "partial_image_index": 0})
        yield line({"type": "image_edit.completed", "b64_json": picture, "seed": read["seed"], "model": MODEL})


def _readable(data: bytes | None) -> bytes | None:
    """These servers take a picture that they cannot read for none, and invent one."""
    if data is None or cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is None:
        return None
    return data
