"""Gradio's client, HTTP and agents are told of the same actions, with the same arguments and the same results."""

import httpx
import httpx2
import pytest
from gradio_client import Client as GradioClient
from mcp import Client as Agent
from mcp.client.streamable_http import streamable_http_client

from kontext_ui.api import ACTIONS
from kontext_ui.api.caller import ROOT
from kontext_ui.web.actions import ACTIONS as OF_THE_PAGE
from tests.unit.web.conftest import keyed

ROUTES_OF_THE_PAGE = {"state", "events", "upload", "images", "export"}


@pytest.fixture(scope="module")
def key(live):
    return live.key()


@pytest.fixture(scope="module")
def by_gradio(live, key):
    client = GradioClient(live.url, headers=keyed(key), verbose=False)
    return client.view_api(return_format="dict", print_info=False)["named_endpoints"]


@pytest.fixture(scope="module")
def over_http(live):
    return httpx.get(f"{live.url}{ROOT}/openapi.json").json()


@pytest.fixture
async def for_agents(live, key):
    async with (
        httpx2.AsyncClient(headers=keyed(key)) as http,
        Agent(streamable_http_client(f"{live.url}/mcp", http_client=http)) as client,
    ):
        return {tool.name: tool for tool in (await client.list_tools()).tools}


def arguments(schema):
    """Name → whether it must be given."""
    return {name: name in schema.get("required", ()) for name in schema.get("properties", {})}


def http_arguments(document, operation):
    if "parameters" in operation:
        return {row["name"]: row["required"] for row in operation["parameters"]}
    named = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return arguments(document["components"]["schemas"][named])


def test_all_ways_tell_of_the_same_actions(by_gradio, over_http, for_agents):
    of_http = [path.removeprefix(f"{ROOT}/") for path in over_http["paths"]]

    assert [name.removeprefix("/") for name in by_gradio] == list(ACTIONS)
    assert list(for_agents) == list(ACTIONS)
    assert of_http == [*ACTIONS, "upload"]


@pytest.mark.parametrize("name", ACTIONS)
def test_each_takes_the_same_arguments_and_says_the_same_of_itself(by_gradio, over_http, for_agents, name):
    (operation,) = over_http["paths"][f"{ROOT}/{name}"].values()
    tool, endpoint = for_agents[name], by_gradio[f"/{name}"]
    of_gradio = {row["parameter_name"]: not row["parameter_has_default"] for row in endpoint["parameters"]}
    wanted = {field: info.is_required() for field, info in ACTIONS[name].message.model_fields.items()}

    assert of_gradio == http_arguments(over_http, operation) == arguments(tool.input_schema) == wanted
    assert operation["description"] == tool.description == ACTIONS[name].about
    assert endpoint["description"].startswith(ACTIONS[name].about)


def test_the_page_does_the_same_things():
    assert {action.page for action in ACTIONS.values()} <= {*OF_THE_PAGE, *ROUTES_OF_THE_PAGE}
