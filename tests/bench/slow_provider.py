"""A Black Forest Labs that takes three seconds for everything and costs next to nothing itself.

``python -m tests.bench.slow_provider`` prints its address. ``/measured`` tells what arrived;
``/hold?edits=N`` keeps every answer back until so many edits have been sent.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import socket
import time
import uuid

import numpy as np
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.pictures import changed_in_the_middle, drifted, encoded

LATENCY_S = 3.0


class SlowProvider:
    def __init__(self, address: str) -> None:
        self._address = address
        self._ready_at: dict[str, float] = {}
        self._sources: dict[str, str] = {}
        self._answers: dict[str, bytes] = {}
        self._bytes: list[int] = []
        self._hold = 0
        self.app = Starlette(
            routes=[
                Route("/v1/flux-kontext-pro", self.submit, methods=["POST"]),
                Route("/v1/get_result", self.poll),
                Route("/pictures/{source}", self.deliver),
                Route("/hold", self.hold),
                Route("/measured", self.measured),
            ]
        )

    async def submit(self, request):
        body = await request.body()
        picture = json.loads(body)["input_image"]
        edit, source = str(uuid.uuid4()), hashlib.sha256(picture.encode()).hexdigest()
        if source not in self._answers:
            self._answers[source] = await asyncio.to_thread(_edited, picture)
        self._sources[edit] = source
        self._ready_at[edit] = time.monotonic() + LATENCY_S
        self._bytes.append(len(body))
        return JSONResponse({"id": edit, "polling_url": f"{self._address}/v1/get_result?id={edit}", "cost": 4.0})

    async def poll(self, request):
        edit = request.query_params["id"]
        if len(self._bytes) < self._hold or time.monotonic() < self._ready_at[edit]:
            return JSONResponse({"id": edit, "status": "Pending"})
        sample = f"{self._address}/pictures/{self._sources[edit]}"
        return JSONResponse({"id": edit, "status": "Ready", "result": {"sample": sample}})

    async def deliver(self, request):
        return Response(self._answers[request.path_params["source"]], media_type="image/png")

    async def hold(self, request):
        self._hold = int(request.query_params["edits"])
        return JSONResponse({})

    async def measured(self, request):
        wanted = int(request.query_params.get("edits", 0))
        for _ in range(100):  # an answer every ten seconds at the latest
            if len(self._bytes) >= wanted:
                break
            await asyncio.sleep(0.1)
        return JSONResponse({"submits": len(self._bytes), "bytes": self._bytes[-1:]})


def _edited(picture: str) -> bytes:
    """The middle turned red, all of it a little moved and off in colour, of the size that was sent."""
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB"))
    return encoded(drifted(changed_in_the_middle(pixels, "red")), "png")


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        print(address, flush=True)
        fake = SlowProvider(address)
        uvicorn.Server(uvicorn.Config(fake.app, log_level="warning")).run(sockets=[listening])


if __name__ == "__main__":
    main()
