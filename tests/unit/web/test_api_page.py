"""The page for programs: its lines are copied with this server's address, and they work."""

import json
import re
import subprocess
import sys
from html import unescape

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

from kontext_ui.api import ACTIONS
from kontext_ui.paths import ASSETS
from kontext_ui.web.api_examples import EXAMPLES, KEY, USUAL_ADDRESS
from tests.readme import DOCS, README
from tests.unit.editor.conftest import picture
from tests.unit.web.conftest import SITE


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(picture())
    return tmp_path


def lines_of(live, name):
    """As somebody copies them from the page, with a key of theirs."""
    html = live.visitor().get("/api").text
    shown = re.search(rf'<pre id="kx-{name}"[^>]*><code>(.*?)</code></pre>', html, re.DOTALL)
    return unescape(shown[1]).replace(KEY, live.key())


def test_the_lines_for_python_work(live, folder):
    told = subprocess.run(
        [sys.executable, "-c", lines_of(live, "python")], cwd=folder, capture_output=True, text=True, timeout=120
    )

    assert told.returncode == 0, told.stderr
    done, path = told.stdout.strip().rsplit("\n", 2)[-2:]
    assert done == "done Inverted it."
    assert Image.open(path).size == (64, 48)


def test_the_lines_for_curl_work(live, folder):
    told = subprocess.run(
        ["bash", "-eu", "-c", lines_of(live, "curl")], cwd=folder, capture_output=True, text=True, timeout=60
    )

    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["state"] == "done"
    assert Image.open(folder / "brighter.png").format == "PNG"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_lines_for_agents_work_in_clients_of_both_generations(live, mode):
    (settings,) = json.loads(lines_of(live, "agent"))["mcpServers"].values()
    async with httpx2.AsyncClient(headers=settings["headers"]) as http:
        transport = streamable_http_client(settings["url"], http_client=http)
        async with Client(transport, mode=mode) as client:
            answer = await client.call_tool("projects", {})

    assert settings["type"] == "http"
    assert answer.structured_content == {"projects": []}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_documents_have_the_same_lines(name):
    documents = [DOCS / "programs.md", *([README] if name == "python" else [])]
    for document in documents:
        assert EXAMPLES[name].at(USUAL_ADDRESS) in document.read_text(encoding="utf-8")


def test_the_readme_has_ten_lines():
    assert len(EXAMPLES["python"].text.splitlines()) <= 10


async def test_the_page_tells_of_every_action_and_holds_nothing_of_anybody(ann, nobody):
    html = (await nobody.http.get("/api")).text

    assert re.findall(r"<summary><code>(\w+)</code>", html) == list(ACTIONS)
    assert f"{SITE}/mcp" in html
    assert "`" not in html
    assert (await ann.http.get("/api")).text == html


async def test_a_text_tells_agents_the_same(nobody):
    answer = await nobody.http.get("/agents.md")

    assert answer.headers["content-type"].startswith("text/markdown")
    assert re.findall(r"^- `(\w+)` \((?:GET|POST)\)", answer.text, re.MULTILINE) == list(ACTIONS)
    assert f"{SITE}/mcp" in answer.text
    assert f"{SITE}/kontext/api/v1/openapi.json" in answer.text


def test_gradios_description_of_the_endpoints_is_for_all_and_names_them(live):
    told = live.visitor().get("/gradio_api/openapi.json")

    assert told.status_code == 200
    paths = "\n".join(told.json()["paths"])
    assert all(f"/{name}" in paths for name in ACTIONS)


async def test_the_page_has_the_colours_that_the_visitor_chose(ann):
    await ann.result("set_preference", key="theme", value="dark")
    assert 'data-theme="dark"' in (await ann.http.get("/api")).text

    await ann.result("set_preference", key="theme", value='"><script>')
    assert 'data-theme="system"' in (await ann.http.get("/api")).text


async def test_all_that_the_page_loads_is_there(nobody):
    html = (await nobody.http.get("/api")).text
    loaded = re.findall(r'(?:href|src)="(kontext/assets/[^"]+)"', html)

    assert len(loaded) == 4
    for path in loaded:
        assert (await nobody.http.get(f"/{path}")).status_code == 200
    assert (ASSETS / "api" / "page.js").is_file()


async def test_visiting_the_page_makes_nobody_a_visitor(nobody):
    assert "set-cookie" not in (await nobody.http.get("/api")).headers
