"""Start against ``import gradio`` alone, and memory over two hundred edits."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

import httpx

from tests.bench.processes import SIZES, Running, photo

EDITS = 200


def main() -> None:
    _start()
    _memory()


def _start() -> None:
    imports, starts = [], []
    for _ in range(4):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import gradio"], check=True)
        imports.append(time.perf_counter() - began)
        began = time.perf_counter()
        with (
            tempfile.TemporaryDirectory() as folder,
            Running("tests.bench.server", KONTEXT_UI_DATA_DIR=folder) as server,
        ):
            httpx.get(server.url).raise_for_status()
            starts.append(time.perf_counter() - began)
    ours, alone = statistics.median(starts), statistics.median(imports)
    print("\nStart to first response, median of 4")
    print(f"ours {ours:.2f} s, import gradio alone {alone:.2f} s, ratio {ours / alone:.2f}")


def _memory() -> None:
    with tempfile.TemporaryDirectory() as folder, Running("tests.bench.server", KONTEXT_UI_DATA_DIR=folder) as server:
        http = httpx.Client(base_url=server.url, timeout=60)
        project = http.get("/kontext/state").json()["project"]["id"]
        http.post(f"/kontext/upload?project={project}&kind=root", content=photo(SIZES["1 MP"])).raise_for_status()
        marks = []
        for number in range(1, EDITS + 1):
            draft = {"instruction": f"invert {number}", "tier": "local"}
            http.post("/kontext/do/submit", json={"project": project, "draft": draft}).raise_for_status()
            while http.get("/kontext/state").json()["project"]["version_count"] <= number:
                pass
            if number in (20, 60, 100, 150, EDITS):
                marks.append((number, server.resident_mb()))
        print(f"\nMemory of the server over {EDITS} edits at 1 MP")
        print(", ".join(f"{number}: {mb:.0f} MB" for number, mb in marks), end="")
        print(f", last against 20: {marks[-1][1] / marks[0][1]:.2f}")
