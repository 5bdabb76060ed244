"""Who a request comes from, and which doors are closed to whom."""

import httpx
import pytest

from kontext_ui.web.identity import Identity, load_secret
from kontext_ui.web.server import build_server
from tests.unit.web.conftest import SITE

OPEN_TO_A_KEY = ("/config", "/gradio_api/info", "/gradio_api/queue/data", "/gradio_api/call/edit/x")
CLOSED = (
    "/gradio_api/deep_link?session_hash=x",
    "/gradio_api/heartbeat/x",
    "/gradio_api/stream/x/y/z",
    "/gradio_api/proxy=https://example.com",
    "/gradio_api/file/etc/passwd",
    "/gradio_api/app_id",
    "/gradio_api/cancel",
    "/gradio_api/run/edit",
    "/gradio_api/mcp",
    "/monitoring",
    "/login",
    "/docs",
    "/openapi.json",
    "/static/img/logo.svg",
    "/theme.css",
    "/kontextual",
)


@pytest.mark.parametrize("spoil", [lambda value: value[:-2] + "xx", lambda value: "a" * 32, lambda value: "." + value])
async def test_a_tampered_cookie_is_nobody(ann, nobody, spoil):
    headers = {"cookie": f"kontext_visitor={spoil(ann.http.cookies['kontext_visitor'])}"}

    assert (await nobody.http.post("/kontext/do/list_projects", json={}, headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("path", "given"), [("/", True), ("/kontext/state", True), ("/kontext/events", False), ("/robots.txt", False)]
)
async def test_a_new_visitor_is_known_from_the_page_on(nobody, path, given):
    assert ("set-cookie" in (await nobody.http.get(path)).headers) is given


async def test_the_cookie_is_for_this_site_and_out_of_scripts_reach(nobody):
    header = (await nobody.http.get("/")).headers["set-cookie"]

    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=34560000"} <= set(header.split("; "))
    assert "Secure" not in header


async def test_in_another_sites_frame_the_cookie_is_kept_apart_by_site(editor, settings, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/kontext")
    app = build_server(editor, settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=SITE) as http:
        answer = await http.get("/")

    assert {"HttpOnly", "SameSite=None", "Secure", "Partitioned"} <= set(answer.headers["set-cookie"].split("; "))
    assert (
        "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in answer.headers["content-security-policy"]
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://tool.example", "x-forwarded-host": "tool.example", "sec-fetch-site": "cross-site"},
    ],
)
async def test_another_sites_page_has_no_identity_here(ann, headers):
    answer = await ann.http.post("/kontext/do/list_projects", json={}, headers=headers)

    assert answer.status_code == 401
    assert "set-cookie" not in (await ann.http.get("/", headers=headers)).headers


@pytest.mark.parametrize("path", ["/", "/kontext/do/list_projects", "/gradio_api/queue/join", "/config"])
@pytest.mark.parametrize("host", ["tool.example", "127.0.0.1"])
def test_no_origin_is_trusted_whatever_name_we_are_reached_by(live, path, host):
    """Gradio's own layer reflects every origin unless its host is this machine."""
    foreign = {"host": host, "origin": "https://evil.example", "x-kontext-key": live.key()}
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "x-kontext-key"}
    with httpx.Client(base_url=live.url, headers=foreign) as http:
        answers = [http.options(path, headers=preflight), http.get(path), http.post(path, json={})]

    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", CLOSED)
def test_what_gradio_serves_beside_the_endpoints_is_closed_to_everybody(live, path):
    for headers in ({}, {"x-kontext-key": live.key()}):
        with httpx.Client(base_url=live.url, headers=headers) as http:
            for answer in (http.get(path), http.post(path, json={})):
                assert answer.status_code == 404
                assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [*OPEN_TO_A_KEY, "/gradio_api/upload", "/gradio_api/file=/etc/passwd"])
def test_the_endpoints_doors_need_a_key(live, path):
    answer = live.visitor().get(path)

    assert answer.status_code == 401
    assert "X-Kontext-Key" in answer.json()["detail"]
    for key in ("", "kx_", "kx_" + "a" * 43, "a" * 46):
        assert httpx.get(live.url + path, headers={"x-kontext-key": key}).status_code == 401


async def test_below_a_path_the_same_doors_are_open_and_closed(editor, settings):
    async def inner(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = Identity(
        inner, secret="s", embedded=False, owner_of_key=editor.access_keys.owner_of, root_path="/tools/kontext/"
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=SITE) as http:
        for prefix in ("", "/tools/kontext"):
            assert "set-cookie" in (await http.get(f"{prefix}/")).headers
            assert (await http.get(f"{prefix}/kontext/assets/x")).status_code == 200
            assert (await http.get(f"{prefix}/gradio_api/queue/join")).status_code == 401
            assert (await http.get(f"{prefix}/gradio_api/heartbeat/x")).status_code == 404
            http.cookies.clear()


async def test_the_page_works_below_a_path(editor, settings):
    app = build_server(editor, settings)
    app.root_path = "/tools"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=SITE) as http:
        for prefix in ("", "/tools"):
            assert (await http.get(f"{prefix}/")).status_code == 200
            assert (await http.get(f"{prefix}/kontext/state")).json()["project"]


def test_the_cookies_secret_is_made_once_and_for_this_user_only(tmp_path):
    secret = load_secret(tmp_path / "data")

    assert load_secret(tmp_path / "data") == secret
    assert len(secret) >= 40
    assert (tmp_path / "data" / "cookie.key").stat().st_mode & 0o077 == 0


async def test_what_is_not_http_is_not_answered(app):
    sent = []
    await app({"type": "websocket", "path": "/", "headers": []}, None, sent.append)

    assert sent == []
