"""Prodia as its documents describe it: one request, and an answer in parts that holds the picture itself."""

from __future__ import annotations

import asyncio
import io
import json
import re
import uuid

from PIL import Image, PngImagePlugin
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.fakes.pictures import edited, encoded

HOSTED = {"prompt", "aspect_ratio", "prompt_upsampling", "safety_tolerance", "seed"}
TYPES = {
    **{
        f"inference.flux-2.{name}.img2img.v1": ({"prompt", "width", "height", "steps", "seed"}, price)
        for name, price in (("pro", 0.045), ("max", 0.1), ("flex", 0.1), ("klein.4b", 0.002), ("klein.9b", 0.003))
    },
    **{
        f"inference.flux-kontext.{tier}.{mode}.v2": (HOSTED, price)
        for tier, price in (("pro", 0.04), ("max", 0.08))
        for mode in ("img2img", "txt2img")
    },
    "inference.flux-fast.dev-kontext.img2img.v1": (
        {"prompt", "style_preset", "width", "height", "steps", "guidance_scale", "seed", "progressive"},
        0.025,
    ),
}
BOUNDARY = "prodia-answer"
NASTY = f"\r\n--{BOUNDARY[:-1]}\r\n\r\n--\r\n\n--{BOUNDARY[:-2]}\n".encode()
"""Line ends and text that looks like the start of a boundary, hidden in every PNG. Not the whole of one, which the
standard forbids: the ``fetch`` of Prodia's own client then cannot read the form."""
MAX_BYTES = 10_000_000


class FakeProdia:
    """``base`` is not needed: there is one address. ``submitted`` counts what reached a machine."""

    def __init__(self, base: str | None = None, key: str = "prodia_test") -> None:
        self.key = key
        self.scenario = "success"
        self.pending = 0
        """Half seconds of work before the answer."""
        self.submitted: list[dict] = []
        self.requests = 0
        self.trouble: list[str] = []
        path = "/job" if base else "/v2/job"
        self.app = Starlette(routes=[Route(path, self.run, methods=["POST"])])

    async def run(self, request: Request) -> Response:
        self.requests += 1
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return PlainTextResponse("the provided token is invalid", 401)
        job, inputs = await self._read(request)
        config = job.get("config", {})
        word = re.search(r"\[\[(\w+)\]\]", str(config.get("prompt", "")))
        scenario = word[1] if word else self.scenario
        if job.get("type") not in TYPES:
            return PlainTextResponse("no such job type", 429)
        if answer := self._refusal(scenario):
            return answer
        if scenario == "stall":
            await asyncio.Event().wait()
        await asyncio.sleep(self.pending / 2)
        if wrong := _wrong(job, inputs):
            return _failed(job, wrong)
        if scenario == "quotes_key":
            return _failed(job, f"config: not for the holder of {self.key}")
        if scenario in ("moderated", "odd_error"):
            told = "the prompt was flagged by content moderation" if scenario == "moderated" else "worker lost"
            return _failed(job, told, 400 if scenario == "moderated" else 200)
        self.submitted.append({"accept": request.headers["accept"], "inputs": len(inputs), **job})
        return self._answer(request, job, inputs, scenario)

    async def _read(self, request: Request) -> tuple[dict, list[tuple[str, bytes]]]:
        if request.headers["content-type"].startswith("application/json"):
            return await request.json(), []
        form = await request.form(max_part_size=20_000_000)
        uploads = [(name, part) for name, part in form.multi_items() if isinstance(part, UploadFile)]
        job = next(part for name, part in uploads if name == "job")
        if (job.filename, job.content_type) != ("job.json", "application/json"):
            self.trouble.append(f"the job is called {job.filename}, {job.content_type}")
        inputs = [(str(part.content_type), await part.read()) for name, part in uploads if name == "input"]
        return json.loads(await job.read()), inputs

    def _refusal(self, scenario: str) -> Response | None:
        if scenario in ("busy", "busy_once", "busy_told"):
            if scenario != "busy":  # a word in a prompt counts for that prompt alone
                self.scenario = "success"
            return PlainTextResponse(
                "no capacity", 429, headers={"retry-after": "2"} if scenario == "busy_told" else {}
            )
        return {
            "forbidden": JSONResponse({"detail": "not permitted"}, 403),
            "no_credit": JSONResponse({"error": "insufficient funds"}, 402),
            "broken": JSONResponse({"error": "service unavailable"}, 503),
            "broken_text": PlainTextResponse("upstream error", 500),
        }.get(scenario)

    def _answer(self, request: Request, job: dict, inputs: list[tuple[str, bytes]], scenario: str) -> Response:
        config = job["config"]
        wanted = re.search(r"image/(\w+)", request.headers["accept"])
        suffix = wanted[1] if wanted else "png"
        size = (config["width"], config["height"]) if "width" in config else None
        data = inputs[0][1] if inputs else None
        picture = _hidden(edited(data, config["prompt"], config.get("aspect_ratio"), size=size), suffix)
        if scenario == "not_a_picture":
            picture = b"<html>oops</html>"
        if scenario == "bytes_only" or not request.headers["accept"].startswith("multipart"):
            return Response(picture, media_type=f"image/{suffix}")
        told = {"type": job["type"], "id": str(uuid.uuid4()), "state": {"current": "completed"}}
        if scenario != "bare":
            told["config"] = {"seed": 42} | config
            priced = request.query_params.get("price") == "true"
            told["price"] = {"product": "flux-kontext", "dollars": TYPES[job["type"]][1]} if priced else None
        parts = [("job", "job.json", "application/json", json.dumps(told).encode())]
        if scenario != "no_output":
            name = "file" if scenario == "other_name" else "output"
            parts.append((name, f"output.{suffix}", f"image/{suffix}", picture))
        body = _parts(parts)
        return _multipart(body[:-30] if scenario == "truncated" else body)


def _wrong(job: dict, inputs: list[tuple[str, bytes]]) -> str | None:
    """What the service would say against a job, as its answers word it."""
    config, known = job["config"], TYPES[job["type"]][0]
    if extra := set(config) - known:
        return f"config: additionalProperties: {sorted(extra)[0]}"
    if not 3 <= len(config.get("prompt", "")) <= 4096:
        return "config.prompt: length: want 3 to 4096"
    if config.get("safety_tolerance", 0) > (2 if inputs else 6):
        return f"config.safety_tolerance: maximum: got {config['safety_tolerance']}, want 2"
    for side in ("width", "height"):
        if "flux-2" not in job["type"] and side in config and (not 512 <= config[side] <= 1040 or config[side] % 32):
            return f"config.{side}: got {config[side]}, want a multiple of 32 from 512 to 1040"
    most = 4 if "klein" in job["type"] else 1
    if not ("img2img" in job["type"]) <= len(inputs) <= most * ("img2img" in job["type"]):
        return f"input: got {len(inputs)} files"
    for kind, data in inputs:
        if kind not in ("image/png", "image/jpeg", "image/webp") or len(data) > MAX_BYTES:
            return "input: want a PNG, JPEG or WebP of at most 10 MB"
        if not all(256 <= side <= 1920 for side in Image.open(io.BytesIO(data)).size):
            return "input: want 256 to 1920 pixels per side"
    return None


def _hidden(pixels, suffix: str) -> bytes:
    if suffix != "png":
        return encoded(pixels, suffix)
    info, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    info.add(b"naSt", NASTY)
    Image.fromarray(pixels).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def _failed(job: dict, told: str, status: int = 400) -> Response:
    answer = json.dumps({"type": job["type"], "id": str(uuid.uuid4()), "error": told}).encode()
    return _multipart(_parts([("job", "job.json", "application/json", answer)]), status)


def _parts(parts: list[tuple[str, str, str, bytes]]) -> bytes:
    body = b""
    for name, filename, kind, data in parts:
        disposition = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"'
        body += f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: {kind}\r\n\r\n".encode() + data + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def _multipart(body: bytes, status: int = 200) -> Response:
    return Response(body, status, headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}"})
