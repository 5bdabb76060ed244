"""What agents get: tools, resources and progress, by clients of both generations of the protocol."""

import asyncio
import base64
import json
import logging
from contextlib import asynccontextmanager

import httpx
import httpx2
import jsonschema
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from kontext_ui.api import ACTIONS
from tests.unit.editor.conftest import picture
from tests.unit.editor.scripted import WAIT, done, running, submitted
from tests.unit.web.conftest import keyed

PAID = {"instruction": "make it so", "tier": "pro", "max_price_usd": 0.05}
PHOTO = "data:image/png;base64," + base64.b64encode(picture()).decode()


@asynccontextmanager
async def agent(live, key, mode="auto"):
    async with httpx2.AsyncClient(headers=keyed(key), timeout=30) as http:
        transport = streamable_http_client(f"{live.url}/mcp", http_client=http)
        async with Client(transport, mode=mode, cache=None) as client:
            yield client


@pytest.fixture
def key(live):
    return live.key()


async def opens(client):
    return (await client.call_tool("open_picture", {"image": PHOTO})).structured_content


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_edits_and_looks(live, key, mode):
    async with agent(live, key, mode) as client:
        first = await opens(client)
        made = await client.call_tool("edit", {"project": first["project"], **PAID})
        shown = await client.call_tool("compare", {"project": first["project"]})

    assert (made.is_error, made.structured_content["state"]) == (False, "done")
    assert json.loads(made.content[0].text) == made.structured_content
    assert [part.type for part in shown.content] == ["text", "image", "resource_link"]
    assert base64.b64decode(shown.content[1].data).startswith(b"\xff\xd8")
    assert shown.structured_content["changed"] > 0.9


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_is_told_how_far_an_edit_is(live, key, mode):
    told = []

    async def progress(now, total, message):
        told.append((now, total, message))

    async with agent(live, key, mode) as client:
        first = await opens(client)
        live.backend.enqueue(submitted(), running(0.25), done)
        await client.call_tool("edit", {"project": first["project"], **PAID}, progress_callback=progress)

    assert (0.25, 1.0, "drawing") in told


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_that_stops_waiting_stops_nothing_and_finds_its_edit_again(live, key, mode):
    async with agent(live, key, mode) as client:
        first = await opens(client)
        live.backend._gate.clear()
        live.backend.called.clear()
        live.backend.enqueue(submitted(), WAIT, done)
        calling = asyncio.create_task(client.call_tool("edit", {"project": first["project"], **PAID}))
        await asyncio.to_thread(wait_for, live, first["project"], key)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)

    async with agent(live, key, mode) as client:
        tree = (await client.call_tool("tree", {"project": first["project"]})).structured_content
        (left,) = tree["edits"]
        live.backend.release()
        made = await client.call_tool("wait", {"edit": left["id"]})
    assert made.structured_content["state"] == "done"


def wait_for(live, project, key):
    """Until an edit of the project has begun."""
    for _ in range(500):
        address = f"{live.url}/kontext/api/v1/tree"
        if httpx.get(address, params={"project": project}, headers=keyed(key)).json()["edits"]:
            return
    raise AssertionError("no edit begins")


async def test_tools_are_described_by_schemas_that_their_answers_keep(live, key):
    async with agent(live, key) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        answer = await client.call_tool("offers", {})

    assert list(tools) == list(ACTIONS)
    for name, tool in tools.items():
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        assert set(tool.input_schema.get("properties", {})) == set(ACTIONS[name].message.model_fields)
        assert tool.annotations.read_only_hint is ACTIONS[name].reads
    jsonschema.validate(answer.structured_content, tools["offers"].output_schema)


@pytest.mark.parametrize(
    ("name", "message", "sentence"),
    [
        ("edit", {"project": "nobodys", **PAID}, "There is no such project"),
        ("edit", {"project": "nobodys"}, "instruction cannot be read"),
        ("open_picture", {"image": "http://10.0.0.1/x.png"}, "not on the public internet"),
        ("wait", {"edit": "nobodys"}, "There is no such edit"),
    ],
)
async def test_a_refusal_is_an_answer_that_an_agent_can_act_on(live, key, name, message, sentence):
    async with agent(live, key) as client:
        answer = await client.call_tool(name, message)

    assert answer.is_error
    assert sentence in answer.content[0].text
    assert answer.content[0].text.endswith("Billed: no.")
    assert answer.structured_content["error"]["billed"] == "no"


async def test_a_bug_is_logged_and_tells_nothing(live, key, monkeypatch, caplog):
    async def broken(*arguments):
        raise RuntimeError("secret path")

    monkeypatch.setattr(type(live.editor.projects), "all", broken)
    caplog.set_level(logging.CRITICAL)
    async with agent(live, key) as client:
        answer = await client.call_tool("projects", {})

    assert answer.is_error
    assert "secret" not in str(answer)


async def test_pictures_and_trees_are_resources(live, key):
    async with agent(live, key) as client:
        first = await opens(client)
        uri = f"kontext://projects/{first['project']}"
        listed = [resource.uri for resource in (await client.list_resources()).resources]
        templates = [each.uri_template for each in (await client.list_resource_templates()).resource_templates]
        tree = (await client.read_resource(uri)).contents[0]
        whole = (await client.read_resource(f"{uri}/versions/{first['version']['id']}")).contents[0]
        small = (await client.read_resource(f"{uri}/versions/{first['version']['id']}/preview")).contents[0]

    assert listed == [uri]
    assert all(template.startswith("kontext://projects/{project}") for template in templates)
    assert json.loads(tree.text)["head"] == first["version"]["id"]
    assert (whole.mime_type, small.mime_type) == ("image/png", "image/jpeg")
    assert base64.b64decode(whole.blob).startswith(b"\x89PNG")


async def test_what_is_somebody_elses_is_as_what_is_not_there(live, key):
    async with agent(live, key) as client:
        first = await opens(client)
    uris = {
        f"kontext://projects/{first['project']}": "kontext://projects/nobodys",
        f"kontext://projects/{first['project']}/versions/{first['version']['id']}": "kontext://projects/n/versions/n",
    }
    async with agent(live, live.key()) as stranger:
        assert (await stranger.list_resources()).resources == []
        for theirs, nobodys in uris.items():
            told = []
            for uri in (theirs, nobodys):
                with pytest.raises(MCPError) as error:
                    await stranger.read_resource(uri)
                told.append(str(error.value))
            assert told[0] == told[1]
        answer = await stranger.call_tool("tree", {"project": first["project"]})
        assert answer.is_error


@pytest.mark.parametrize("uri", ["kontext://projects/", "file:///etc/passwd", "kontext://projects/a/versions/../b"])
async def test_no_other_resource_is_read(live, key, uri):
    async with agent(live, key) as client:
        with pytest.raises(MCPError):
            await client.read_resource(uri)


def test_a_session_belongs_to_the_key_that_began_it(live, key):
    hello = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }  # fmt: skip
    accepts = {"accept": "application/json, text/event-stream"}
    begun = httpx.post(f"{live.url}/mcp", json=hello, headers={**keyed(key), **accepts})
    session = {"mcp-session-id": begun.headers["mcp-session-id"], **accepts}
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}

    statuses = [
        httpx.post(f"{live.url}/mcp", json=ping, headers={**keyed(who), **session}).status_code
        for who in (live.key(), key)
    ]
    assert statuses == [404, 200]


def test_only_a_key_opens_it(live):
    visitor = live.visitor()
    for method in ("GET", "POST", "DELETE"):
        assert visitor.request(method, "/mcp").status_code == 401
        assert httpx.request(method, f"{live.url}/mcp", headers=keyed("kx_wrong")).status_code == 401
