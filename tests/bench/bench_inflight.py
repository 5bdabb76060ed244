"""Many hosted edits at once against a provider that takes three seconds: what this program adds to each.

Every run is a process of its own. "Small" pictures show what waiting, journalling and committing cost;
at 1 MP the pixels' own work on this machine's cores is in it: fitting, encoding, the lock, previews.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers import bfl
from kontext_ui.backends.hosted.providers.bfl import BflBackend
from kontext_ui.editor import EditDraft, Editor
from kontext_ui.editor.budgets import Budgets
from kontext_ui.editor.jobs.router import Router
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.edits import Size, SizeRule, Tier
from kontext_ui.history.blobs import BlobStore
from kontext_ui.history.store import HistoryStore
from kontext_ui.images import codec
from kontext_ui.projects import JobState
from tests.bench.processes import ROOT, SIZES, photo
from tests.bench.slow_provider import LATENCY_S

SMALL = Size(192, 144)
PER_VISITOR = 24
"""Edits at once that Black Forest Labs allows an account; every visitor has a key of their own."""
LIMITS = codec.ImageLimits(max_bytes=40_000_000, max_pixels=50_000_000)


class SmallBfl(BflBackend):
    def capabilities(self, tier):
        return dataclasses.replace(super().capabilities(tier), size_rule=SizeRule("list", sizes=(SMALL,)))


def main() -> None:
    print(f"\nEdits in flight, provider's {LATENCY_S:g} s taken off; added seconds, our CPU seconds and memory")
    print(
        f"{'pictures':10}{'edits':>6}{'p50':>9}{'p95':>9}{'lost':>6}{'CPU per edit':>14}{'MB per edit in flight':>24}"
    )
    for name, edits in (("small", 10), ("small", 100), ("small", 500), ("1 MP", 1), ("1 MP", 10), ("1 MP", 100)):
        timed, held = _in_process(name, edits), _in_process(name, edits, "hold")
        print(
            f"{name:10}{edits:>6}{timed['p50']:>8.2f}s{timed['p95']:>8.2f}s{timed['lost'] + held['lost']:>6}"
            f"{timed['cpu_per_edit']:>13.3f}s{held['mb_per_edit']:>24.2f}"
        )
    sent = _in_process("12 MP", 1)["bytes"]
    print(f"Sent for an edit of a 12 MP photo: {sent / 1e6:.2f} MB")


def _in_process(*arguments) -> dict:
    command = [sys.executable, "-m", "tests.bench.bench_inflight", *map(str, arguments)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


@contextmanager
def _provider():
    command = [sys.executable, "-m", "tests.bench.slow_provider"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)


async def _run(name: str, edits: int, folder: Path, address: str, *, hold: bool) -> dict:
    provider = Provider("bfl", BflBackend.label, address, bfl.HOSTS, deadline_s=1000)
    backend = (SmallBfl if name == "small" else BflBackend)(provider, None)
    store = HistoryStore(folder / "history.sqlite3")
    purse = Budgets(store, project_usd=None, day_usd=None)
    editor = Editor(store, PixelStore(BlobStore(folder / "images")), Router({"bfl": backend}), LIMITS, purse)
    await editor.start()
    async with httpx.AsyncClient(base_url=address, timeout=60) as provider_side:
        if hold:
            await provider_side.get("/hold", params={"edits": edits})
        desks = [await _open(editor, number, name) for number in range(-(-edits // PER_VISITOR))]
        before_mb, began_cpu = resident_mb(), time.process_time()
        jobs = [asyncio.create_task(_edit(editor, *desks[number // PER_VISITOR])) for number in range(edits)]
        in_flight_mb = await _when_all_are_sent(provider_side, edits) if hold else before_mb
        ended = await asyncio.gather(*jobs)
        measured = (await provider_side.get("/measured")).json()
    await editor.aclose()
    seconds = sorted(taken - LATENCY_S for taken, _ in ended)
    return {
        "p50": statistics.median(seconds),
        "p95": seconds[min(len(seconds) - 1, int(len(seconds) * 0.95))],
        "lost": sum(state is not JobState.DONE for _, state in ended) + measured["submits"] - edits,
        "cpu_per_edit": (time.process_time() - began_cpu) / edits,
        "mb_per_edit": (in_flight_mb - before_mb) / edits,
        "bytes": measured["bytes"][0],
    }


async def _open(editor, number, name):
    owner = f"visitor {number}"
    editor.accounts.set_key(owner, "bfl", f"bfl_{number}")
    project = await editor.projects.create(owner)
    await editor.pictures.open(owner, project.id, photo(SMALL if name == "small" else SIZES[name], number), "photo.jpg")
    return owner, project.id


async def _edit(editor, owner, project):
    root = (await editor.projects.open(owner, project)).versions[0].id
    began = time.perf_counter()
    job = await editor.edits.submit(owner, project, EditDraft("make the door red", Tier.PRO, parent=root))
    turn = await editor.edits.wait(owner, job.id)
    return time.perf_counter() - began, turn.job.state


async def _when_all_are_sent(provider_side, edits) -> float:
    """Memory at the moment when the last edit has left."""
    while (await provider_side.get("/measured", params={"edits": edits})).json()["submits"] < edits:
        pass
    return resident_mb()


def resident_mb() -> float:
    return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


if __name__ == "__main__":
    picture, count, *rest = sys.argv[1:]
    with tempfile.TemporaryDirectory() as data, _provider() as url:
        print(json.dumps(asyncio.run(_run(picture, int(count), Path(data), url, hold=bool(rest)))))
