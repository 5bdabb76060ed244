"""From sending an instruction to the new picture on the screen, beside a minimal Gradio app in the same run."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from kontext_ui.edits import EditRequest, Size, Tier
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import Job, JobState, Outcome
from tests.bench.processes import SIZES, Running, photo
from tests.chromium import launch_options

TURNS = 7
SEND = """async () => {
    const canvas = document.querySelector('#kx-canvas');
    const before = canvas.dataset.painted;
    const prompt = document.querySelector('#kx-prompt');
    prompt.value = 'invert ' + Math.random();
    prompt.dispatchEvent(new Event('input'));
    const began = performance.now();
    prompt.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}));
    return await new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error("no new picture within a minute")), 60000);
        const seen = () => canvas.dataset.painted !== before && resolve((performance.now() - began) / 1000);
        new MutationObserver(seen).observe(canvas, {attributes: true});
    });
}"""
SEND_MINIMAL = """async () => {
    const source = () => [...document.querySelectorAll('#out img')].map((image) => image.src).join();
    const before = source();
    const began = performance.now();
    document.querySelector('#run').click();
    while (performance.now() - began < 60000 && (source() === before || !document.querySelectorAll('#out img').length
           || [...document.querySelectorAll('#out img')].some((image) => !image.complete || !image.naturalWidth))) {
        await new Promise((resolve) => setTimeout(resolve, 4));
    }
    await Promise.all([...document.querySelectorAll('#out img')].map((image) => image.decode()));
    return (performance.now() - began) / 1000;
}"""
DROP = """([bytes]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], 'photo.jpg', {type: 'image/jpeg'}));
    document.querySelector('#kx-canvas').dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true}));
}"""


def main() -> None:
    print("\nTurn: submit to new picture painted, engine's own time taken off; medians of", TURNS)
    print(
        f"{'size':8}{'ours':>10}{'minimal':>10}{'ratio':>8}{'version 1':>12}{'1,000':>8}{'ratio':>8}{'bytes/turn':>16}"
    )
    with sync_playwright() as playwright:
        for name, size in SIZES.items():
            browser = playwright.chromium.launch(**launch_options())
            ours, first, thousandth, bytes_first, bytes_last = _ours(browser, size)
            minimal = _minimal(browser, size)
            browser.close()
            print(
                f"{name:8}{ours:>9.3f}s{minimal:>9.3f}s{ours / minimal:>8.2f}{first:>11.3f}s{thousandth:>7.3f}s"
                f"{thousandth / first:>8.2f}{bytes_first:>8} → {bytes_last}"
            )


def _ours(browser, size):
    with tempfile.TemporaryDirectory() as folder, Running("tests.bench.server", KONTEXT_UI_DATA_DIR=folder) as server:
        page = browser.new_page()
        sizes = _count_bytes(page)
        page.goto(server.url)
        page.wait_for_selector("html[data-kx-ready]")
        page.evaluate(DROP, [list(photo(size))])
        page.wait_for_selector("#kx-canvas[data-painted]", timeout=60_000)
        page.evaluate(SEND)
        first, bytes_first = _turns(page, sizes)
        _fill(Path(folder), page, server.url, 1000)
        page.reload()
        page.wait_for_selector("html[data-kx-ready]")
        page.wait_for_selector("#kx-canvas[data-painted]", timeout=60_000)
        page.evaluate(SEND)
        last, bytes_last = _turns(page, sizes)
        page.close()
    return first, first, last, bytes_first, bytes_last


def _turns(page, sizes):
    """Median seconds of a turn without the engine's, and median bytes of a turn without pictures."""
    seconds, weights = [], []
    for _ in range(TURNS):
        sizes["sum"] = 0
        taken = page.evaluate(SEND)
        engine = page.locator(".kx-turn .kx-about p:first-child").last.text_content()
        seconds.append(taken - float(engine))
        weights.append(sizes["sum"])
    return statistics.median(seconds), int(statistics.median(weights))


def _count_bytes(page):
    """Answers and events of our own routes, pictures left out."""
    sizes = {"sum": 0}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    kinds = {}
    session.on("Network.responseReceived", lambda e: kinds.__setitem__(e["requestId"], e["type"]))
    session.on("Network.eventSourceMessageReceived", lambda e: _add(sizes, len(e["data"])))
    session.on(
        "Network.loadingFinished",
        lambda e: kinds.get(e["requestId"]) != "Image" and _add(sizes, int(e["encodedDataLength"])),
    )
    return sizes


def _add(sizes, count):
    sizes["sum"] += count


def _fill(folder, page, url, versions):
    """Grow the project to so many versions, through the store, without drawing pictures."""
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    state = httpx.get(f"{url}/kontext/state", cookies=cookies).json()
    owner = next(iter(cookies.values())).rsplit(".", 1)[0]
    project, head = state["project"]["id"], state["project"]["head"]
    digest = state["versions"][-1]["digest"]
    size = Size(state["versions"][-1]["width"], state["versions"][-1]["height"])
    with HistoryStore(folder / "history.sqlite3") as store:
        now = store.projects.get(owner, project).updated_at
        for number in range(versions - len(state["versions"])):
            request = EditRequest(f"filling {number}", Tier.LOCAL, "stub", input_image=digest)
            job = Job(f"fill-{number}-{project}", project, owner, head, request, JobState.QUEUED, now, now)
            store.jobs.create(job)
            head = store.jobs.commit(job.id, digest, size, False, Outcome("stub", "local")).version.id


def _minimal(browser, size):
    with Running("tests.bench.minimal") as server:
        page = browser.new_page()
        page.goto(server.url)
        page.wait_for_selector("#in input[type=file]", state="attached", timeout=30_000)
        with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
            file.write(photo(size))
            file.flush()
            page.set_input_files("#in input[type=file]", file.name)
            page.wait_for_selector("#in img", timeout=20_000)
        page.evaluate(SEND_MINIMAL)
        seconds = []
        for number in range(TURNS):
            page.fill("#prompt textarea, #prompt input", f"invert {number}")
            seconds.append(page.evaluate(SEND_MINIMAL))
        page.close()
    return statistics.median(seconds)
