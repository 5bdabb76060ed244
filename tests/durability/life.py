"""One life of the program in a process of its own, which stops for ever at a named step of a job.

``python -m tests.durability.life STEP`` sends one edit and blocks when it comes to STEP, after saying
so on standard output: the moment to kill it. ``python -m tests.durability.life collect`` is the next
life: it waits until every job is closed and prints what became of them; ``collect: STEP`` blocks too.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator

import httpx
import numpy as np

from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers.bfl import HOSTS, BflBackend
from kontext_ui.editor import EditDraft, Editor
from kontext_ui.editor.budgets import Budgets
from kontext_ui.editor.jobs.router import Router
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.edits import Tier
from kontext_ui.history.blobs import BlobStore
from kontext_ui.history.job_store import JobStore
from kontext_ui.history.store import HistoryStore
from kontext_ui.images import codec
from kontext_ui.settings import load_settings

OWNER = "ann"
LIMITS = codec.ImageLimits(max_bytes=10_000_000, max_pixels=10_000_000)


class Gate:
    """Blocks whoever comes to the one step; everybody else passes."""

    def __init__(self, step: str) -> None:
        self._step = step

    def _reached(self, step: str) -> bool:
        if step == self._step:
            sys.stdout.write(f"{step}\n")
            sys.stdout.flush()
        return step == self._step

    def pass_(self, step: str) -> None:
        """On a worker thread."""
        if self._reached(step):
            threading.Event().wait()

    async def passing(self, step: str) -> None:
        """On the event loop, which goes on."""
        if self._reached(step):
            await asyncio.Event().wait()


class GatedTransport(httpx.AsyncHTTPTransport):
    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            await self._gate.passing("before submit")
        response = await super().handle_async_request(request)
        if request.method == "POST":
            await self._gate.passing("after submit")
        elif request.url.path.startswith("/results/"):
            return httpx.Response(response.status_code, headers=response.headers, stream=Halves(response, self._gate))
        elif b'"Ready"' in await response.aread():
            await self._gate.passing("after ready")
        return response


class Halves(httpx.AsyncByteStream):
    """A download that can stop after its first bytes."""

    def __init__(self, response: httpx.Response, gate: Gate) -> None:
        self._response = response
        self._gate = gate

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_raw(1000):
            yield chunk
            await self._gate.passing("during download")

    async def aclose(self) -> None:
        await self._response.aclose()


class GatedJobs:
    """The store's jobs, with a gate before and after each step that must not be torn apart."""

    def __init__(self, jobs: JobStore, gate: Gate) -> None:
        self._jobs = jobs
        self._gate = gate

    def __getattr__(self, name: str) -> object:
        return getattr(self._jobs, name)

    def mark_sending(self, *arguments):
        self._gate.pass_("before sending")
        return self._jobs.mark_sending(*arguments)

    def mark_submitted(self, *arguments):
        self._gate.pass_("before the id is written")
        job = self._jobs.mark_submitted(*arguments)
        self._gate.pass_("after the id is written")
        return job

    def commit(self, *arguments, **options):
        self._gate.pass_("before commit")
        committed = self._jobs.commit(*arguments, **options)
        self._gate.pass_("after commit")
        return committed


class GatedPixels(PixelStore):
    gate: Gate
    photo_saved = False

    async def save(self, pixels):
        if self.photo_saved:
            await self.gate.passing("before the picture is written")
        self.photo_saved = True
        return await super().save(pixels)


async def no_pause(_: float) -> None:
    await asyncio.sleep(0)


def build(step: str) -> Editor:
    settings = load_settings(_env_file=None)
    gate = Gate(step)
    store, pixels = HistoryStore(settings.data_dir / "history.sqlite3"), GatedPixels(BlobStore(settings.data_dir))
    store.jobs = GatedJobs(store.jobs, gate)
    pixels.gate = gate
    provider = Provider(
        "bfl", BflBackend.label, settings.bfl_base_url, HOSTS, transport=GatedTransport(gate), sleep=no_pause
    )
    backend = BflBackend(provider, settings.bfl_api_key.get_secret_value())
    return Editor(store, pixels, Router({"bfl": backend}), LIMITS, Budgets(store))


async def send(step: str) -> None:
    editor = build(step)
    await editor.start()
    project = await editor.projects.create(OWNER, "Test")
    await editor.pictures.open(OWNER, project.id, photo(), "photo.png")
    job = await editor.edits.submit(OWNER, project.id, EditDraft("make the door red", Tier.PRO))
    await editor.edits.wait(OWNER, job.id)
    await asyncio.Event().wait()


def photo() -> bytes:
    y, x = np.mgrid[0:48, 0:64]
    return codec.encode_png(np.dstack((y * 5, x * 4, y + x)).astype(np.uint8))


async def collect(step: str) -> None:
    editor = build(step)
    await editor.start()
    await editor.recovered()
    (project,) = await editor.projects.all(OWNER)
    for job in (await editor.projects.open(OWNER, project.id)).jobs:
        await editor.edits.wait(OWNER, job.id)
    view = await editor.projects.open(OWNER, project.id)
    results = [version.id for version in view.versions if version.request is not None]
    (of_project, _) = await editor.budgets.of(OWNER, project.id)
    found = {
        "results": len(results),
        "head_is_result": view.project.head in results,
        "cards": [{"state": job.state.value, "message": job.failure and job.failure.message} for job in view.jobs],
        "spent_usd": of_project.spent_usd,
        "faults": await editor.upkeep.verify(),
    }
    sys.stdout.write(json.dumps(found))
    await editor.aclose()


def main(what: str) -> None:
    first, _, step = what.partition(":")
    asyncio.run(collect(step.strip()) if first == "collect" else send(what))


if __name__ == "__main__":
    main(sys.argv[1])
