"""Every route there is, tried as nobody, as another visitor and by another visitor's key: a new one is tried too."""

import re

import httpx
import pytest
from starlette.routing import Route

from kontext_ui.api import ACTIONS
from kontext_ui.api.caller import ROOT
from tests.unit.api.conftest import data_uri
from tests.unit.editor.scripted import WAIT
from tests.unit.web.conftest import draft, picture

EXISTS_NOT = {"project": "p" * 22, "version": "v" * 22, "job": "j" * 22, "digest": "d" * 64}
"""Ids that nobody has."""
OTHERS = {
    "action": "rename_project",
    "backend": "scripted",
    "token": "t" * 43,
    "kind": "preview",
    "number": "1",
    "hash": "h",
    "path": "app/main.js",
}
FOR_ALL = {
    "/": 200,
    "/kontext/assets/{hash}/{path:path}": 200,
    "/kontext/hook/{backend}/{token}": 404,
    f"{ROOT}/openapi.json": 200,
    "/api": 200,
    "/agents.md": 200,
    "/kontext/move": 200,
    "/metrics": 404,
}
"""Routes without an owner: the page itself and what describes the API; providers' calls, moving links and metrics, with
proofs of their own. A link that nobody made is answered with a sentence, and no cookie (``test_moving.py``)."""
OF_THE_CALLER = {f"{ROOT}/{name}" for name in ("offers", "projects", "upload")}
"""Routes that answer about the caller alone."""
MORE = {"instruction": "go", "tier": "pro", "max_price_usd": 1, "steps": [{"instruction": "go", "tier": "pro"}]}
"""What else a good message of the API holds."""
GIVES_AN_IDENTITY = "/kontext/state"
AGENTS = "/mcp"
FOR_KEYS = re.compile(r"/config|/gradio_api/(info|upload|queue/join|queue/data|call/.*|file=.*)")
METHODS = ("GET", "POST", "DELETE")
OPEN = {"/favicon.ico", "/robots.txt", "/gradio_api/startup-events", "/gradio_api/openapi.json"}
"""Gradio's that anybody may have: it asks for one itself while it starts, the last only describes the endpoints."""


def own_routes(app):
    """All but those that only a key opens, which have tests of their own."""
    ours = [route for route in app.routes if isinstance(route, Route)]
    return [route for route in ours if route.path != AGENTS and not route.path.startswith("/gradio_api")]


async def ask(visitor, route, ids):
    """The answer to a request of a route that names these things in its address, its query and its body."""
    path = re.sub(r"\{(\w+)[^}]*\}", lambda found: {**OTHERS, **ids}[found[1]], route.path)
    query = {"project": ids["project"], "version": ids["version"], "versions": ids["version"]}
    if path.removeprefix(f"{ROOT}/") in ACTIONS:
        return await call(visitor, path, ids)
    if "POST" not in route.methods:
        return await visitor.http.get(path, params=query)
    if "do" in path.split("/"):
        return await visitor.does("rename_project", project=ids["project"], title="mine")
    return await visitor.http.post(path, params=query, content=picture())


async def call(visitor, path, ids):
    """An action of the API, with a message that is good but for whose things it names."""
    action = ACTIONS[path.removeprefix(f"{ROOT}/")]
    known = {**MORE, **ids, "edit": ids["job"], "a": ids["version"], "image": data_uri()}
    message = {name: known[name] for name in action.message.model_fields if name in known}
    if action.reads:
        return await visitor.http.get(path, params=message)
    return await visitor.http.post(path, json=message)


@pytest.fixture
async def ids(ann, backend):
    """What Ann has; her job runs for as long as the test."""
    version = await ann.edits()
    backend.enqueue(WAIT)
    row = next(row for row in (await ann.state())["versions"] if row["id"] == version)
    job = (await ann.result("submit", project=ann.project, draft=draft()))["job"]
    return {"project": ann.project, "version": version, "digest": row["digest"], "job": job}


@pytest.fixture
async def eves_program(eve, make_visitor):
    return make_visitor(**{"x-kontext-key": (await eve.result("make_access_key", name="script"))["key"]})


async def test_every_route_asks_whose_a_request_is(app, nobody, ids):
    answers = {}
    for route in own_routes(app):
        answers[route.path] = (await ask(nobody, route, ids)).status_code
        nobody.http.cookies.clear()

    assert {path: status for path, status in answers.items() if status != 401} == {
        **FOR_ALL,
        GIVES_AN_IDENTITY: 404,
    }


async def test_what_is_somebody_elses_is_on_every_route_as_what_is_not_there(app, ann, ids, eve, eves_program):
    before = (await ann.state())["project"]["title"], len((await ann.state())["versions"])
    routes = [route for route in own_routes(app) if route.path not in {*FOR_ALL, *OF_THE_CALLER}]
    for stranger in (eve, eves_program):
        for route in routes:
            theirs, nobodys = await ask(stranger, route, ids), await ask(stranger, route, EXISTS_NOT)

            assert "error" in theirs.text or theirs.status_code == 404, route.path
            assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content), route.path

    assert len(routes) >= 20
    assert ((await ann.state())["project"]["title"], len((await ann.state())["versions"])) == before


async def test_what_is_told_of_the_caller_is_of_nobody_else(app, ann, ids, eve, eves_program):
    assert {route.path for route in own_routes(app)} >= OF_THE_CALLER
    for stranger in (eve, eves_program):
        for name in ("offers", "projects"):
            told = (await stranger.http.get(f"{ROOT}/{name}")).text
            assert not any(value in told for value in ids.values())


async def test_agents_are_let_in_by_a_key_alone(app, nobody, ann, eves_program):
    assert any(route.path == AGENTS for route in app.routes)
    for who, status in ((nobody, 401), (ann, 401), (eves_program, 503)):
        for method in METHODS:
            assert (await who.http.request(method, AGENTS)).status_code == status


def gradios_paths(routes, ours):
    """Addresses of everything that Gradio has added to the server, with ``x`` for what they ask for."""
    for route in routes:
        if isinstance(route, Route) and route.path not in ours:
            yield re.sub(r"\{[^}]*\}", "x", route.path)
        elif included := getattr(route, "original_router", None):
            yield from gradios_paths(included.routes, ours)


def test_of_what_gradio_serves_only_a_key_opens_what_endpoints_need(live):
    paths = set(gradios_paths(live.server.routes, live.paths)) - OPEN
    assert {"/gradio_api/file=x", "/gradio_api/upload_progress", "/login"} <= paths
    for who in (httpx.Client(base_url=live.url), live.visitor()):
        for path in sorted(paths):
            closed = {401} if FOR_KEYS.fullmatch(path) else {404}
            assert {who.request(method, path).status_code for method in METHODS} == closed, path
        who.close()


def test_a_key_opens_no_other_path_of_gradios(live):
    paths = sorted(set(gradios_paths(live.server.routes, live.paths)) - OPEN)
    with httpx.Client(base_url=live.url, headers={"x-kontext-key": live.key()}) as program:
        for path in (path for path in paths if not FOR_KEYS.fullmatch(path)):
            assert {program.request(method, path).status_code for method in METHODS} == {404}, path
        for path in ("/config", "/gradio_api/info"):
            assert program.get(path).status_code == 200
