"""What a first visit costs: requests, bytes on the wire, and when the page is ready.

``python -m tests.bench.bench_page [CHECKOUT …]`` measures other checkouts beside this one, in turns.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.bench.processes import ROOT, Running
from tests.chromium import launch_options

VISITS = 5
READY = "html[data-kx-ready=yes]"


def main(others: Sequence[str] = ()) -> None:
    checkouts = [ROOT, *map(Path, others)]
    with ExitStack() as stack, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        servers = []
        for checkout in checkouts:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            servers.append(stack.enter_context(Running("app", root=checkout, KONTEXT_UI_DATA_DIR=folder)))
        visits = [[_visit(browser, server.url) for server in servers] for _ in range(VISITS + 1)][1:]
        print(f"\nA first visit, and the same page again; median of {VISITS}")
        print("| checkout | requests | KB | ready s | again: requests | KB | ready s | start s |")
        print("|---|---|---|---|---|---|---|---|")
        for number, (checkout, server) in enumerate(zip(checkouts, servers, strict=True)):
            columns = zip(*(row[number] for row in visits), strict=True)
            first_n, first_b, first_s, n, b, s = (statistics.median(column) for column in columns)
            first = f"{first_n:.0f} | {first_b / 1000:.1f} | {first_s:.2f}"
            again = f"{n:.0f} | {b / 1000:.1f} | {s:.2f}"
            print(f"| {checkout.name} | {first} | {again} | {server.started_s:.1f} |")
        browser.close()


def _visit(browser, url):
    """Twice in a fresh browser profile."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    sizes = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    measured = []
    for _ in range(2):
        sizes.clear()
        began = time.perf_counter()
        page.goto(url)
        page.wait_for_selector(READY, state="attached")
        ready_s = time.perf_counter() - began
        page.wait_for_load_state("load")
        fetched = [size for size in sizes if size]
        measured += [len(fetched), sum(fetched), ready_s]
    context.close()
    return measured


if __name__ == "__main__":
    main(sys.argv[1:])
