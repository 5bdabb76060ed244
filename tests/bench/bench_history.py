"""First paint of the history's list and of the gallery, by the number of versions.

From the moment that all of an empty list is wanted, or the gallery's key is pressed, to the frame in which the first
rows are drawn; the thumbnails come after.
"""

from __future__ import annotations

import random
import secrets
import statistics
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from kontext_ui.edits import EditRequest, Size, Tier
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import Job, JobState, Outcome, Version
from tests.bench.bench_turn import DROP
from tests.bench.processes import SIZES, Running, photo
from tests.chromium import launch_options

COUNTS = (60, 2000)
TIMES = 7
WORDS = ("make it warmer", "add film grain", "make the sky stormy", "black and white", "sharpen it", "add a vignette")
FIRST_ROWS = """async () => {
    const search = document.querySelector('#kx-tree-search');
    const looksFor = (text) => {
        search.value = text;
        search.dispatchEvent(new Event('input'));
    };
    looksFor('of which there is none');
    if (document.querySelector('#kx-tree [role=treeitem]')) throw new Error('a list that is not empty');
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const began = performance.now();
    looksFor('');
    if (!document.querySelector('#kx-tree [role=treeitem]')) throw new Error('an empty list');
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - began;
}"""
FIRST_CELLS = """async () => {
    const began = performance.now();
    document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'g', bubbles: true}));
    if (!document.querySelector('.kx-gallery [role=gridcell]')) throw new Error('an empty gallery');
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const taken = performance.now() - began;
    document.querySelector('.kx-gallery').close();
    return taken;
}"""


def main() -> None:
    print(f"\nHistory: first paint in ms, median of {TIMES}")
    print(f"{'versions':>10}{'list':>10}{'gallery':>10}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        for count in COUNTS:
            rows, cells = _measure(browser, count)
            print(f"{count:>10}{rows:>10.1f}{cells:>10.1f}")
        browser.close()


def _measure(browser, count):
    with tempfile.TemporaryDirectory() as folder, Running("tests.bench.server", KONTEXT_UI_DATA_DIR=folder) as server:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(server.url)
        page.wait_for_selector("html[data-kx-ready]")
        page.evaluate(DROP, [list(photo(SIZES["1 MP"]))])
        page.wait_for_selector("#kx-canvas[data-painted]", timeout=60_000)
        grow(Path(folder), page, server.url, count)
        page.reload()
        page.wait_for_selector("html[data-kx-ready]")
        page.wait_for_selector("#kx-canvas[data-painted]", timeout=60_000)
        measured = [
            statistics.median(page.evaluate(script) for _ in range(TIMES)) for script in (FIRST_ROWS, FIRST_CELLS)
        ]
        page.close()
    return measured


def grow(folder: Path, page, url: str, count: int, digests: tuple[str, ...] = ()) -> None:
    """Grow the project that the page shows to so many versions, with side branches, stars and names."""
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    state = httpx.get(f"{url}/kontext/state", cookies=cookies).json()
    owner = next(iter(cookies.values())).rsplit(".", 1)[0]
    root = state["versions"][0]
    pictures = digests or (root["digest"],)
    size = Size(root["width"], root["height"])
    dice = random.Random(1)
    with HistoryStore(folder / "history.sqlite3") as store:
        grown = list(store.tree.all(owner, state["project"]["id"]))
        while len(grown) < count:
            parent = dice.choice(grown[-30:]) if dice.random() < 0.12 else grown[-1]
            grown.append(_edit(store, owner, parent, dice.choice(WORDS), dice.choice(pictures), size))
            if dice.random() < 0.03:
                store.tree.star(owner, parent.project, parent.id)
            if dice.random() < 0.02:
                store.tree.name(owner, parent.project, parent.id, f"Take {len(grown)}")
        store.tree.select(owner, grown[-1].project, grown[-1].id)


def _edit(store: HistoryStore, owner: str, parent: Version, words: str, digest: str, size: Size) -> Version:
    request = EditRequest(words, Tier.LOCAL, "stub", input_image=parent.digest)
    now = parent.created_at
    job = Job(secrets.token_hex(8), parent.project, owner, parent.id, request, JobState.QUEUED, now, now)
    store.jobs.create(job)
    return store.jobs.commit(job.id, digest, size, False, Outcome("stub", "local")).version


if __name__ == "__main__":
    main()
