"""The path of one edit, counted: files it touches and moves from file to file. Run it by hand.

    python -m tests.bench.trace_edit

A move is a call or a return from one file of the program into another, in any thread. Counts, no clock.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import httpx
import numpy as np

from kontext_ui.backends.base import Backend
from kontext_ui.backends.basic import BasicBackend
from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers.bfl import HOSTS, BflBackend
from kontext_ui.editor import EditDraft, Editor
from kontext_ui.editor.budgets import Budgets
from kontext_ui.editor.jobs.router import Router
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.edits import Tier
from kontext_ui.history.blobs import BlobStore
from kontext_ui.history.store import HistoryStore
from kontext_ui.images import codec
from tests.fakes.bfl import FakeBfl

PROGRAM = str(Path(__file__).resolve().parents[2] / "kontext_ui")
LIMITS = codec.ImageLimits(10_000_000, 10_000_000)
KEY = "bfl_trace_0123456789"


class Counts:
    """What happened since ``reset``."""

    def __init__(self) -> None:
        self._here = threading.local()
        self.reset()

    def reset(self) -> None:
        self.files: set[str] = set()
        self.moves = self.reads = self.writes = self.asked = 0

    def see(self, frame: FrameType, event: str, _: object) -> None:
        if event not in ("call", "return"):
            return
        at = frame if event == "call" else frame.f_back
        name = "" if at is None else at.f_code.co_filename
        if not name.startswith(PROGRAM):
            return
        self.files.add(name)
        self.moves += getattr(self._here, "file", name) != name
        self._here.file = name
        self.asked += event == "call" and frame.f_code.co_name == "capabilities"

    def row(self) -> tuple[int, ...]:
        return len(self.files), self.moves, self.reads, self.writes, self.asked


def count_transactions(store: HistoryStore, counts: Counts) -> None:
    """From now on every read and write of the store is counted."""
    connections = store._connections
    reading, writing = connections.reading, connections.writing

    @contextmanager
    def counted_reading():
        counts.reads += 1
        with reading() as db:
            yield db

    @contextmanager
    def counted_writing():
        counts.writes += 1
        with writing() as db:
            yield db

    connections.reading, connections.writing = counted_reading, counted_writing


async def no_pause(_: float) -> None:
    await asyncio.sleep(0)


def hosted() -> Backend:
    transport = httpx.ASGITransport(app=FakeBfl(key=KEY).app)
    provider = Provider("bfl", BflBackend.label, "https://api.bfl.ai", HOSTS, transport=transport, sleep=no_pause)
    return BflBackend(provider, KEY)


async def trace(backend: Backend, tier: Tier, counts: Counts) -> Mapping[str, tuple[int, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        store = HistoryStore(Path(folder) / "history.sqlite3")
        pixels = PixelStore(BlobStore(Path(folder) / "images"))
        editor = Editor(store, pixels, Router({backend.id: backend}), LIMITS, Budgets(store))
        await editor.start()
        await editor.recovered()
        project = await editor.projects.create("ann")
        photo = np.random.default_rng(1).integers(40, 200, (96, 128, 3), np.uint8)
        root = await editor.pictures.open("ann", project.id, codec.encode_png(photo), "photo.png")
        count_transactions(store, counts)
        counts.reset()
        with editor.projects.subscribe(project.id) as changes:
            job = await editor.edits.submit("ann", project.id, EditDraft("make it much darker", tier, parent=root.id))
            submitted = counts.row()
            while (change := await changes.next(60)) is not None and not change.versions:
                pass
            carried_out = counts.row()
        turn = await editor.edits.wait("ann", job.id)
        assert turn.version is not None, turn.job.failure
        await editor.aclose()
    return {"until the submit is answered": submitted, "until the version is stored": carried_out}


def main() -> None:
    counts = Counts()
    threading.setprofile(counts.see)
    sys.setprofile(counts.see)
    results = {
        "hosted (BFL)": asyncio.run(trace(hosted(), Tier.PRO, counts)),
        "basic engine": asyncio.run(trace(BasicBackend(), Tier.LOCAL, counts)),
    }
    sys.setprofile(None)
    threading.setprofile(None)
    print(f"{'':46} files  moves  reads  writes  capabilities()")
    for backend, rows in results.items():
        for until, row in rows.items():
            print(f"{backend:14} {until:30} " + "".join(f"{number:7}" for number in row))


if __name__ == "__main__":
    main()
