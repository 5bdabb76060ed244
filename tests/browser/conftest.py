"""A real server in a process of its own, a real browser, and a person's hands."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.browser.servers import Server
from tests.chromium import launch_options
from tests.fakes.bfl import FakeBfl
from tests.fakes.serving import serving

expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def server(tmp_path_factory, process_environment):
    names = {"KONTEXT_UI_ALLOWED_HOSTS": "tool.example"}
    server = Server(tmp_path_factory.mktemp("data"), process_environment, **names).start()
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path, process_environment):
    """One that the test may kill."""
    server = Server(tmp_path / "data", process_environment).start()
    yield server
    server.stop()


@pytest.fixture
def bfl():
    """Black Forest Labs, faked, at ``bfl.address``."""
    with serving(FakeBfl) as (fake, address):
        fake.address = address
        yield fake


@pytest.fixture
def make_hosted(tmp_path, process_environment, bfl):
    """The program as it is shipped, whose Black Forest Labs is the fake; settings as keywords."""
    servers = []

    def make(**variables):
        settings = {"BFL_API_KEY": bfl.key, "KONTEXT_UI_BFL_BASE_URL": bfl.address, **variables}
        server = Server(tmp_path / "data", process_environment, "app", **settings).start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def browser():
    """Per file: while Playwright runs, its event loop is the thread's, and asynchronous tests could not run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        yield browser
        browser.close()


class Person:
    """Somebody at the page. Everything waits for a state, never for a time."""

    def __init__(self, page, url) -> None:
        self.page = page
        self.url = url

    def visit(self, path="/"):
        self.page.goto(self.url + path)
        self.ready()
        return self

    def ready(self):
        expect(self.page.locator("html")).to_have_attribute("data-kx-ready", "yes")
        expect(self.page.locator("#kx-skeleton")).to_have_count(0)

    @property
    def prompt(self):
        return self.page.locator("#kx-prompt")

    @property
    def turns(self):
        return self.page.locator("[data-version-turn]")

    @property
    def head(self):
        return self.page.locator("#kx-canvas").get_attribute("data-painted")

    def sees_versions(self, count):
        expect(self.page.locator("#kx-tree")).to_have_attribute("data-count", str(count))

    def sees_painted_head(self):
        """Wait until the picture on the canvas is the tree's selected one."""
        self.page.wait_for_function(
            """() => {
                const selected = document.querySelector('[role=treeitem][aria-selected=true]');
                return selected && document.querySelector('#kx-canvas').dataset.painted === selected.dataset.version;
            }"""
        )
        return self.head

    def drop(self, data, name="photo.png", on="#kx-canvas"):
        self.page.evaluate(
            """([bytes, name, on]) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/png'}));
                const options = {dataTransfer: transfer, bubbles: true, cancelable: true};
                document.querySelector(on).dispatchEvent(new DragEvent('drop', options));
            }""",
            [list(data), name, on],
        )

    def opens_photo(self, data=None, tier="local"):
        self.picks(tier)
        self.drop(data or photo())
        self.sees_versions(1)
        return self.sees_painted_head()

    def says(self, instruction):
        self.prompt.fill(instruction)
        self.prompt.press("Enter")

    def edits(self, instruction, versions):
        self.says(instruction)
        self.sees_versions(versions)
        return self.sees_painted_head()

    def chooses(self, item, turn=None):
        """From the menu of a turn, the newest one unless another is named."""
        (turn or self.turns.last).get_by_role("button", name="More for").click()
        self.page.get_by_role("menuitem", name=item).click()

    def picks(self, tier):
        self.page.select_option("#kx-tier", f"{tier}/")


def photo(width=96, height=64, seed=1):
    """PNG bytes of soft random colours."""
    small = np.random.default_rng(seed).integers(30, 220, (4, 6, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def make_person(browser, server):
    contexts = []

    def make(at=server, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        return watch(context, at)

    yield make
    for context in contexts:
        context.close()
    assert not problems, problems
    problems.clear()


problems: list[str] = []


def watch(context, at):
    """A page that reports script errors and any request to somewhere else."""
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on("request", lambda request: _check_request(request.url, at))
    return Person(page, at.url)


def _check_request(url, at):
    if not url.startswith((at.url, "data:", "blob:")):
        problems.append(f"outside request: {url}")


@pytest.fixture(autouse=True)
def no_old_problems():
    problems.clear()


@pytest.fixture
def person(make_person):
    return make_person().visit()


class Visitor:
    """Somebody without a browser: plain HTTP with a cookie jar."""

    def __init__(self, url) -> None:
        self.http = httpx.Client(base_url=url, timeout=20)
        self.http.get("/").raise_for_status()
        self.project = self.state()["project"]["id"]

    def state(self):
        return self.http.get("/kontext/state").json()

    def do(self, action, **message):
        return self.http.post(f"/kontext/do/{action}", json={"project": self.project, **message})

    def upload(self, data=None, **query):
        params = {"project": self.project, "kind": "root", "name": "a.png", **query}
        return self.http.post("/kontext/upload", params=params, content=data or photo()).json()


@pytest.fixture
def make_visitor(server):
    visitors = []

    def make(at=server):
        visitors.append(Visitor(at.url))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.http.close()
