"""The real server over an editor whose only backend does what a test tells it. No browser, no port."""

from __future__ import annotations

import json
import socket
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest

from kontext_ui.edits import Size, SizeRule, Tier
from kontext_ui.settings import load_settings
from kontext_ui.web.server import build_server, launch_options
from tests.unit.editor.conftest import editor_in, make_editor, picture
from tests.unit.editor.scripted import HostedBackend, ScriptedBackend

__all__ = ["make_editor"]
SITE = "http://pictures.example"
GRID = SizeRule("list", sizes=(Size(64, 48),))


class Visitor:
    """Somebody with a cookie jar, or with an access key."""

    def __init__(self, app, **headers) -> None:
        self.app = app
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url=SITE, headers=headers
        )
        self.project = ""
        self.root = ""

    async def arrives(self, photo=None):
        """Gets a cookie and opens a picture in a first project."""
        self.project = (await self.http.get("/kontext/state")).json()["project"]["id"]
        self.root = (await self.uploads(photo)).json()["result"]["version"]
        return self

    async def uploads(self, data=None, **query):
        query = {"project": self.project, "name": "photo.png", **query}
        return await self.http.post("/kontext/upload", params=query, content=data or picture())

    async def does(self, action, **message):
        return await self.http.post(f"/kontext/do/{action}", content=json.dumps(message))

    async def result(self, action, **message):
        answer = (await self.does(action, **message)).json()
        assert "error" not in answer, answer
        return answer["result"]

    async def state(self):
        return (await self.http.get("/kontext/state", params={"project": self.project})).json()

    async def edits(self, instruction="make it so"):
        """Sends an edit and waits for its version."""
        async with self.listening() as events:
            job = (await self.result("submit", project=self.project, draft=draft(instruction)))["job"]
            async for name, data in events:
                for row in data.get("jobs", ()) if name == "patch" else ():
                    if row["id"] == job and row.get("version"):
                        return row["version"]
        raise AssertionError("the stream ended before the edit")

    @asynccontextmanager
    async def listening(self):
        """The project's event stream, already begun: an iterator of names and data."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        async with streaming(self.app, "/kontext/events", f"project={self.project}", cookies) as lines:
            events = _events(lines)
            assert (await anext(events))[0] == "hello"
            yield events


def draft(instruction="make it so", **fields):
    return {"instruction": instruction, "tier": "pro", **fields}


async def _events(lines):
    text = ""
    async for part in lines:
        text += part
        while "\n\n" in text:
            event, text = text.split("\n\n", 1)
            if event.startswith("event: "):
                name, data = event.removeprefix("event: ").split("\ndata: ", 1)
                yield name, json.loads(data)


@asynccontextmanager
async def streaming(app, path, query, cookies):
    """What httpx cannot do in-process: read an answer while it is still written."""
    send_part, parts = anyio.create_memory_object_stream(100)
    gone = anyio.Event()

    async def receive():
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.body":
            await send_part.send(message["body"].decode())

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
        "headers": [(b"host", b"pictures.example"), (b"cookie", cookies.encode())], "server": ("pictures.example", 80),
    }  # fmt: skip

    async def run():
        async with send_part:
            await app(scope, receive, send)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        yield parts
        gone.set()
        tasks.cancel_scope.cancel()


@pytest.fixture
def settings(make_settings):
    return make_settings(allowed_hosts="pictures.example, tool.example")


@pytest.fixture
def backend():
    return HostedBackend(size_rule=GRID)


@pytest.fixture
async def editor(make_editor, backend):
    editor, _, _ = make_editor(backend)
    await editor.start()
    yield editor
    await editor.aclose()


@pytest.fixture
def app(editor, settings):
    return build_server(editor, settings)


@pytest.fixture
async def make_visitor(app):
    visitors = []

    def make(**headers):
        visitors.append(Visitor(app, **headers))
        return visitors[-1]

    yield make
    for visitor in visitors:
        await visitor.http.aclose()


@pytest.fixture
async def ann(make_visitor):
    return await make_visitor().arrives()


@pytest.fixture
async def eve(make_visitor):
    return await make_visitor().arrives(picture(seed=1))


@pytest.fixture
def nobody(make_visitor):
    return make_visitor()


def keyed(key):
    """The headers of a program with an access key."""
    return {"x-kontext-key": key}


class Live:
    """The server on a port, with Gradio's own routes too."""

    def __init__(self, url, backend, server, paths, editor) -> None:
        self.url = url
        self.editor = editor
        self.server = server
        self.paths = paths
        """Those of our own routes."""
        self.backend = backend

    def visitor(self):
        """Somebody at the page."""
        http = httpx.Client(base_url=self.url)
        http.get("/")
        return http

    def key(self, visitor=None, budget_usd=None):
        message = {"name": "script", "budget_usd": budget_usd}
        made = (visitor or self.visitor()).post("/kontext/do/make_access_key", json=message)
        return made.json()["result"]["key"]


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    backend = HostedBackend(size_rule=GRID)
    here = ScriptedBackend("here", tiers=(Tier.LOCAL,), price_usd=0.0)
    editor, _, _ = editor_in(folder, backend, here)
    server = build_server(
        editor, load_settings(_env_file=None, data_dir=folder, max_upload_mb=1, allowed_hosts="tool.example")
    )
    paths = {route.path for route in server.routes}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _, url, _ = server.launch(
        server_name="127.0.0.1", server_port=port, quiet=True, prevent_thread_lock=True, **launch_options(server)
    )
    yield Live(url.rstrip("/"), backend, server, paths, editor)
    editor.hang_up()
    server.get_blocks().close()
