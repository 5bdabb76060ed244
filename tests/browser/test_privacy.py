"""What one visitor makes, no other can list, guess or fetch; and text is never markup."""

import httpx
import pytest
from playwright.sync_api import expect

from kontext_ui.web.actions import ACTIONS
from tests.browser.conftest import photo

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="window.hacked=1"> ${window.hacked=1} </script><script>window.hacked=1</script> {{7*7}}'


@pytest.fixture
def ann(make_visitor):
    visitor = make_visitor()
    visitor.upload()
    return visitor


@pytest.fixture
def eve(make_visitor):
    return make_visitor()


def test_hostile_text_is_shown_and_never_run(make_person):
    person = make_person().visit()
    person.picks("local")
    person.drop(photo(), HOSTILE.replace("/", "∕") + ".png")
    person.sees_versions(1)
    person.says(HOSTILE)
    expect(person.page.locator(".kx-failure")).to_be_visible()
    title = person.page.get_by_label("Project name")
    title.fill(HOSTILE[:100])
    title.press("Enter")
    person.page.locator("[role=treeitem]").first.click(button="right")
    person.page.get_by_role("menuitem", name="Name…").click()
    person.page.get_by_label("Name of this version").fill(HOSTILE[:80])
    person.page.get_by_label("Name of this version").press("Enter")
    person.page.reload()
    person.ready()
    person.page.locator("#kx-projects-button").click()
    expect(person.page.locator(".kx-projects")).to_contain_text("<img src=x")

    expect(person.page.locator(".kx-job .kx-instruction")).to_contain_text("${window.hacked=1}")
    assert person.page.evaluate("window.hacked") is None


def test_another_visitor_gets_nothing(ann, eve):
    state = ann.state()
    version = state["versions"][0]
    for path in (
        f"/kontext/state?project={ann.project}",
        f"/kontext/events?project={ann.project}",
        f"/kontext/images/{ann.project}/{version['digest']}/full",
        f"/kontext/images/{eve.project}/{version['digest']}/full",
        f"/kontext/export/{ann.project}/{version['id']}?format=png",
    ):
        assert eve.http.get(path).status_code == 404, path
    assert ann.project not in eve.do("list_projects").text
    ownerless = {"create_project", "list_projects", "set_preference", "set_key", "check_key", "forget_key"}
    ownerless |= {"make_access_key", "list_access_keys", "limits", "make_moving_link", "queue"}
    ownerless |= {"builder", "compose", "command"}  # about words alone
    for action in sorted(set(ACTIONS) - ownerless):
        message = {"version": version["id"], "draft": {"instruction": "x"}, "text": "x", "title": "x", "index": 0}
        answer = eve.do(
            action, **{**message, "project": ann.project, "job": "unknown", "how": 1, "starred": True, "name": "sky"}
        )
        assert "error" in answer.json(), action
    assert ann.state()["project"]["title"] == state["project"]["title"]
    assert "error" in eve.upload(project=ann.project)


def test_without_an_identity_everything_is_refused(ann):
    version = ann.state()["versions"][0]
    stranger = httpx.Client(base_url=str(ann.http.base_url))
    for path in (
        f"/kontext/images/{ann.project}/{version['digest']}/full",
        f"/kontext/events?project={ann.project}",
        f"/kontext/export/{ann.project}/{version['id']}",
    ):
        assert stranger.get(path).status_code == 401
    assert stranger.post("/kontext/do/list_projects", json={}).status_code == 401
    assert stranger.post(f"/kontext/upload?project={ann.project}", content=photo()).status_code == 401


@pytest.mark.parametrize("spoil", [lambda value: value[:-2] + "xx", lambda value: "a" * 32, lambda value: "." + value])
def test_a_tampered_cookie_is_nobody(ann, spoil):
    ((name, value),) = ann.http.cookies.items()
    headers = {"cookie": f"{name}={spoil(value)}"}

    assert httpx.post(f"{ann.http.base_url}/kontext/do/list_projects", json={}, headers=headers).status_code == 401


def test_the_cookie_is_for_this_site_and_out_of_scripts_reach(ann):
    header = httpx.get(str(ann.http.base_url)).headers["set-cookie"]

    assert "HttpOnly" in header
    assert "SameSite=Lax" in header


def test_another_sites_page_has_no_identity_here(ann):
    foreign = (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    )
    for headers in foreign:
        answer = ann.http.post("/kontext/do/list_projects", json={}, headers=headers)
        assert answer.status_code == 401
        assert "access-control-allow-origin" not in answer.headers
    assert "set-cookie" not in httpx.get(str(ann.http.base_url), headers={"origin": "https://evil.example"}).headers


@pytest.mark.parametrize("host", ["tool.example", "127.0.0.1"])
@pytest.mark.parametrize("more", [{}, {"x-forwarded-host": "tool.example"}])
def test_no_origin_is_trusted_whatever_name_we_are_reached_by(ann, host, more):
    """Gradio reflects every origin unless its host is this machine, so this host is another one."""
    foreign = {"host": host, "origin": "https://evil.example"}
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "x-forwarded-host"}
    answers = [
        ann.http.options("/kontext/do/list_projects", headers=foreign | preflight),
        ann.http.post("/kontext/do/list_projects", json={}, headers=foreign | more),
        ann.http.get("/", headers=foreign | more),
        ann.http.post("/gradio_api/queue/join", json={}, headers=foreign | more),
    ]

    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")], answer.url


def test_a_browsers_word_on_where_a_request_comes_from_outweighs_the_headers_of_proxies(ann):
    claims = {"origin": "https://tool.example", "x-forwarded-host": "tool.example"}

    for site in ("same-site", "cross-site"):
        answer = ann.http.post("/kontext/do/list_projects", json={}, headers=claims | {"sec-fetch-site": site})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=app.py",
        "/gradio_api/deep_link?session_hash=x",
        "/gradio_api/upload",
        "/gradio_api/queue/join",
        "/gradio_api/component_server",
        "/gradio_api/call/x",
        "/gradio_api/stream/x/y/z",
        "/docs",
        "/openapi.json",
    ],
)
def test_gradios_own_doors_are_closed(ann, path):
    assert ann.http.get(path).status_code in (401, 404)
    assert ann.http.post(path, json={}).status_code in (401, 404, 405)


@pytest.mark.parametrize(
    "path",
    [
        "../../app.py",
        "..%2f..%2fapp.py",
        "js/../../requirements.txt",
        "%2e%2e/%2e%2e/etc/passwd",
        "models/x.onnx",
        "js/",
    ],
)
def test_the_assets_route_serves_nothing_else(ann, path):
    assert ann.http.get(f"/kontext/assets/x/{path}", follow_redirects=True).status_code == 404


def test_an_upload_over_the_limit_is_cut_off(ann):
    sent = []

    def endless():
        for _ in range(200):
            sent.append(1)
            yield b"\0" * 1_000_000

    try:
        answer = ann.http.post(f"/kontext/upload?project={ann.project}", content=endless()).json()
        assert "MB" in answer["error"]["message"]
    except httpx.TransportError:
        pass
    assert len(sent) < 200 or "MB" in answer["error"]["message"]
    assert len(ann.state()["versions"]) == 1


def test_pages_carry_their_armour(ann):
    headers = ann.http.get("/").headers

    assert "object-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_pictures_are_cached_for_good_and_only_by_this_browser(ann):
    digest = ann.state()["versions"][0]["digest"]

    cache = ann.http.get(f"/kontext/images/{ann.project}/{digest}/preview").headers["cache-control"]

    assert "immutable" in cache
    assert "private" in cache


def test_a_pasted_key_is_nowhere_to_be_found(own_server, make_visitor):
    secret = "sk-planted-0123456789"
    visitor = make_visitor(own_server)
    visitor.upload()
    answer = visitor.do("set_key", backend="gated", key=secret)
    own_server.touch("refuse")
    visitor.do("submit", draft={"instruction": "go", "tier": "pro"})
    pages = [answer.text, visitor.http.get("/").text, visitor.http.get("/kontext/state").text, own_server.output]

    assert not any(secret in page for page in pages)
    for path in own_server.folder.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    "message",
    [b"", b"[]", b"null", b"{", b'{"project": 5}', b'{"project": null, "draft": []}', b"[" * 100_000, b"\xff\xfe"],
)
def test_nonsense_messages_are_answered_in_words(ann, message):
    for action in ("submit", "check", "select", "rename_project"):
        answer = ann.http.post(f"/kontext/do/{action}", content=message)
        assert answer.status_code in (200, 404)
        assert answer.json()["error"]["message"].endswith(".")


def test_unknown_actions_do_not_exist(ann):
    for action in ("_editor", "__init__", "action", "aclose", "nothing"):
        assert ann.do(action).status_code == 404
