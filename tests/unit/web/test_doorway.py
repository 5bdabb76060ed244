"""The names that a server answers to, and whom it believes about where a request comes from."""

import socket

import httpx
import pytest

from kontext_ui.errors import InvalidSetting
from kontext_ui.settings import believe_no_forwarded_address
from kontext_ui.web.doorway import ADDRESS, Doorway, our_names, our_proxies

LOOPBACK = (
    "localhost",
    "LOCALHOST:7860",
    "localhost.",
    "app.localhost:80",
    "127.0.0.1:7860",
    "127.9.9.9",
    "[::1]:7860",
)
NUMBERS = ("192.168.0.7:7860", "8.8.8.8", "[2001:db8::1]:80", "0.0.0.0:7860")
REBOUND = ("evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost")
BROKEN = ("", "localhost@evil.example", "localhost/..", "[::1", "a b", "0x7f.1", "localhost:7860:1", "127.1")


def names(make_settings, **fields):
    return our_names(make_settings(**fields))


@pytest.mark.parametrize("listening", ["127.0.0.1", "localhost", "::1"])
def test_on_a_loopback_address_only_loopback_names_are_ours(make_settings, listening):
    ours = names(make_settings, host=listening)

    assert [host for host in LOOPBACK if not ours.has(host)] == []
    assert [host for host in (*NUMBERS, *REBOUND, *BROKEN, socket.gethostname() + ".lan") if ours.has(host)] == []


@pytest.mark.parametrize("listening", ["0.0.0.0", "::", "192.168.0.7"])
def test_beyond_this_machine_numbers_and_its_own_name_are_ours_and_no_other(make_settings, listening):
    ours = names(make_settings, host=listening)

    assert [host for host in (*LOOPBACK, *NUMBERS, f"{socket.gethostname()}:7860") if not ours.has(host)] == []
    assert [host for host in (*REBOUND, *BROKEN) if ours.has(host)] == []


@pytest.mark.parametrize("listening", ["127.0.0.1", "0.0.0.0"])
def test_names_are_added_by_settings(make_settings, listening):
    ours = names(
        make_settings, host=listening, public_url="https://Studio.example/x", allowed_hosts="art.example, .team.example"
    )

    for host in ("studio.example", "STUDIO.example:443", "art.example", "kontext.team.example", "localhost"):
        assert ours.has(host)
    for host in ("team.example", "evilteam.example", "x.art.example", "studio.example.evil.example"):
        assert not ours.has(host)


def test_a_space_answers_to_every_name_unless_one_is_set(make_settings, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/kontext")

    assert names(make_settings).has("somebody-kontext.hf.space")
    assert not names(make_settings, allowed_hosts="art.example").has("somebody-kontext.hf.space")
    assert names(make_settings, allowed_hosts="*").has("anything.example")


def test_a_share_link_is_answered(make_settings, monkeypatch):
    assert not names(make_settings).has("abc.gradio.live")
    monkeypatch.setenv("GRADIO_SHARE", "True")
    assert names(make_settings).has("abc.gradio.live")


@pytest.fixture
def ask(make_settings):
    """Sends a request through a doorway; the status, and the scope as what is inside sees it."""

    async def inner(scope, receive, send):
        seen.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    seen = []

    async def asked(headers=(), peer="127.0.0.1", **fields):
        settings = make_settings(**fields)
        door = Doorway(inner, our_names(settings), our_proxies(settings))
        transport = httpx.ASGITransport(app=door, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            answer = await http.get("/", headers=list(headers))
        return answer, seen[-1] if seen else {}

    return asked


async def test_another_name_gets_421_and_nothing_inside_hears_of_it(ask):
    answer, seen = await ask([("host", "evil.example:7860")])

    assert answer.status_code == 421
    assert "'evil.example'" in answer.json()["detail"]
    assert "KONTEXT_UI_ALLOWED_HOSTS" in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not seen


async def test_a_proxy_cannot_pass_on_a_name_that_is_not_ours(ask):
    forwarded = [("x-forwarded-host", "studio.example, evil.example")]

    assert (await ask(forwarded, public_url="https://studio.example"))[0].status_code == 421
    assert (await ask(forwarded[:1], allowed_hosts="studio.example, evil.example"))[0].status_code == 200


FORWARDED = (
    ("x-forwarded-for", "203.0.113.9, 198.51.100.4"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-prefix", "/x"),
    ("x-real-ip", "203.0.113.9"),
    ("forwarded", "for=203.0.113.9"),
)


async def test_nothing_is_believed_of_who_is_no_proxy_of_ours(ask):
    answer, seen = await ask(FORWARDED, peer="198.51.100.7")

    assert answer.status_code == 200
    assert seen[ADDRESS] == "198.51.100.7"
    assert seen["scheme"] == "http"
    assert not [name for name, _ in seen["headers"] if b"forwarded" in name or b"real" in name]


@pytest.mark.parametrize(
    ("chain", "trusted", "address"),
    [
        ("203.0.113.9", "127.0.0.1", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9", "127.0.0.1", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9, 10.0.0.3", "127.0.0.1, 10.0.0.0/8", "203.0.113.9"),
        ("1.1.1.1, 9.9.9.9, 100.64.0.3", "private", "9.9.9.9"),
        ("203.0.113.9, unknown", "127.0.0.1", "127.0.0.1"),
        ("", "127.0.0.1", "127.0.0.1"),
        ("2001:db8::5", "::ffff:127.0.0.1, 127.0.0.1", "2001:db8::5"),
        ("10.0.0.3, 10.0.0.4", "127.0.0.1, 10.0.0.0/8", "10.0.0.3"),
    ],
)
async def test_the_address_is_the_last_that_no_proxy_of_ours_has(ask, chain, trusted, address):
    headers = [("x-forwarded-for", chain), ("x-forwarded-proto", "https")]
    _, seen = await ask(headers, trusted_proxies=trusted)

    assert (seen[ADDRESS], seen["scheme"]) == (address, "https")


async def test_two_headers_are_one_chain(ask):
    _, seen = await ask([("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9")])

    assert seen[ADDRESS] == "203.0.113.9"


@pytest.mark.parametrize("wrong", ["studio.example", "10.0.0.0/99", "10.0.0.1/8", "*"])
def test_a_proxy_is_named_by_its_address(make_settings, wrong):
    with pytest.raises(InvalidSetting, match=r"trusted_proxies .* such as 10.0.0.0/8"):
        make_settings(trusted_proxies=wrong)


def test_uvicorn_leaves_addresses_to_us(monkeypatch):
    from uvicorn import Config

    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    believe_no_forwarded_address()

    assert Config(app=None).forwarded_allow_ips == ""


async def test_the_doorway_stands_before_everything(nobody):
    for path in ("/", "/kontext/state", "/kontext/nothing"):
        answer = await nobody.http.get(path, headers={"host": "evil.example"})

        assert answer.status_code == 421
        assert "set-cookie" not in answer.headers
