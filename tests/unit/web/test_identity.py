"""Who a request comes from, and which doors are closed to whom."""

import httpx
import pytest
from hypothesis import given, settings
from hypothesis.strategies import characters, text
from itsdangerous import Signer

from kontext_ui.web.identity import OWNER_KEY, Identity, load_secret
from kontext_ui.web.server import build_server
from tests.unit.web.conftest import SITE, Visitor

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
    ((name, value),) = ann.http.cookies.items()
    headers = {"cookie": f"{name}={spoil(value)}"}

    assert (await nobody.http.post("/kontext/do/list_projects", json={}, headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("path", "given"), [("/", True), ("/kontext/state", True), ("/kontext/events", False), ("/robots.txt", False)]
)
async def test_a_new_visitor_is_known_from_the_page_on(nobody, path, given):
    assert ("set-cookie" in (await nobody.http.get(path)).headers) is given


async def test_a_probe_is_no_visitor(nobody):
    assert "set-cookie" not in (await nobody.http.head("/")).headers


async def test_the_cookie_is_for_this_site_and_out_of_scripts_reach(nobody):
    header = (await nobody.http.get("/")).headers["set-cookie"]

    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=34560000"} <= set(header.split("; "))
    assert "Secure" not in header


FOREIGN = (
    'session={"user": "ann", "seen": [1, 2]}',
    "theme=dark mode",
    "flag",
    "a=b=c; =; ;;",
    "paths=[/a, (b), <c>]",
    'broken="never closed',
    "kontext_visitor=of.another.program",
    "caf\u00e9=\u00fc".encode().decode("latin-1"),
)


@pytest.mark.parametrize("foreign", FOREIGN)
async def test_a_cookie_of_another_program_hides_nobody(ann, nobody, foreign):
    """Browsers send the cookies of a host to all of its ports."""
    ((name, value),) = ann.http.cookies.items()
    cookies = f"{foreign}; {name}={value}; {foreign}".encode("latin-1")

    state = (await nobody.http.get("/kontext/state", headers=[(b"cookie", cookies)])).json()

    assert state["project"]["id"] == ann.project


@settings(max_examples=50, deadline=None)
@given(text(characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60))
async def test_no_cookie_whatsoever_hides_a_visitor(foreign):
    known = _identity(lambda scope: owners.append(scope[OWNER_KEY]))
    owners = []
    name, value = (await _asked(known))["set-cookie"].split(";")[0].split("=", 1)
    await _asked(known, cookie=f"{foreign};{name}={value};{foreign}")

    assert owners[0] is not None
    assert owners[1] == owners[0]


async def test_two_instances_on_one_host_know_their_visitors_apart():
    first, second = _identity(secret="one"), _identity(secret="two")
    jar = {}
    for instance in (first, second, first, second):
        name, value = (await _asked(instance, cookie=_as_header(jar)))["set-cookie"].split(";")[0].split("=", 1)
        assert jar.setdefault(name, value) == value

    assert len(jar) == 2


async def test_a_cookie_from_before_the_mark_is_taken_over():
    old = Signer("one", salt="kontext_visitor").sign("a" * 32).decode()
    answer = await _asked(_identity(secret="one"), cookie=f"kontext_visitor={old}")

    name, value = answer["set-cookie"].split(";")[0].split("=", 1)
    assert name != "kontext_visitor"
    assert value == old


async def test_each_visit_begins_the_cookies_days_anew(ann):
    before = dict(ann.http.cookies)

    renewed = (await ann.http.get("/")).headers["set-cookie"]

    assert "Max-Age=34560000" in renewed.split("; ")
    assert dict(ann.http.cookies) == before
    assert "set-cookie" not in (await ann.does("list_projects")).headers


async def test_behind_https_the_cookie_goes_over_https_only_and_the_visitor_stays():
    known = _identity()
    name, value = (await _asked(known))["set-cookie"].split(";")[0].split("=", 1)

    over_https = (await _asked(known, scheme="https", cookie=f"{name}={value}"))["set-cookie"].split("; ")

    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(over_https)
    assert over_https[0] == f"__Host-{name}={value}"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:7860", "origin": "http://studio.lan:8080", "sec-fetch-site": "same-origin"},
        {"host": "studio.lan", "origin": "http://studio.lan:8080", "x-kontext-page": "1"},
        {"host": "127.0.0.1:7860", "origin": "http://studio.lan:8080", "x-kontext-page": "1"},
        {"host": "studio.lan:8080", "origin": "http://studio.lan:8080"},
    ],
)
async def test_a_proxy_that_changes_the_host_does_not_make_our_page_a_stranger(headers):
    owners = []
    known = _identity(lambda scope: owners.append(scope[OWNER_KEY]))
    cookie = (await _asked(known))["set-cookie"].split(";")[0]
    await _asked(known, path="/kontext/do/x", method="POST", cookie=cookie, **headers)

    assert owners[1] == owners[0]


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
        {"sec-fetch-site": "cross-site", "x-kontext-page": "1"},
        {"origin": "http://pictures.example:8080"},
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
        inner, secret="s", embedded=False, holder_of_key=editor.access_keys.holder_of, root_path="/tools/kontext/"
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


def _identity(seen=lambda scope: None, secret="one"):
    async def inner(scope, receive, send):
        seen(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def of_key(key):
        return None

    return Identity(inner, secret=secret, embedded=False, holder_of_key=of_key)


async def _asked(app, path="/", method="GET", scheme="http", **headers):
    """The headers of the answer."""
    sent = []

    async def send(message):
        sent.append(message)

    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "scheme": scheme, "path": path, "headers": raw}
    await app(scope, None, send)
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def _as_header(cookies):
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


async def test_a_secret_that_is_set_knows_visitors_again_where_the_data_folder_is_lost(
    editor, make_settings, make_visitor, tmp_path
):
    ids = []
    cookies = {}
    for life in ("one", "two"):
        settings = make_settings(data_dir=tmp_path / life, cookie_secret="our own", allowed_hosts="pictures.example")
        visitor = Visitor(build_server(editor, settings), **cookies)
        state = await visitor.http.get("/kontext/state")
        ids.append(state.json()["project"]["id"])
        cookies = {"cookie": "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())}
        assert not (tmp_path / life / "cookie.key").exists()
        await visitor.http.aclose()

    assert ids[0] == ids[1]
