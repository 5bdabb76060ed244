"""Limits at the door: new visitors, whose address counts, and what a refusal looks like to page and program."""

import pytest

from kontext_ui.api.caller import ROOT
from tests.unit.editor.conftest import picture
from tests.unit.web.conftest import Visitor, draft, keyed

LIMITS = {
    "visitors_per_hour": {"address": 2},
    "uploads_per_hour": {"visitor": 2},
    "usd_per_day": {"server": 0.05, "address": 0.045},
}


@pytest.fixture
async def editor(make_editor, backend):
    editor, _, _ = make_editor(backend, limits=LIMITS)
    await editor.start()
    yield editor
    await editor.aclose()


def newcomer(app, address):
    """Behind our proxy, which is trusted because it is on this machine."""
    return Visitor(app, **{"x-forwarded-for": address})


async def test_of_new_visitors_from_one_address_only_so_many_are_let_in(app):
    for _ in range(2):
        assert "set-cookie" in (await newcomer(app, "198.51.100.7").http.get("/")).headers

    third = newcomer(app, "198.51.100.7")
    page, state = await third.http.get("/"), await third.http.get("/kontext/state")

    assert (page.status_code, state.status_code) == (200, 429)
    assert "set-cookie" not in page.headers
    assert 3500 < int(state.headers["retry-after"]) <= 3600
    assert "2 new visitors came from your address within an hour, and no more than 2 may." in state.text
    assert "There is room again at " in state.text
    assert (await newcomer(app, "198.51.100.8").http.get("/kontext/state")).status_code == 200


async def test_one_household_of_ipv6_is_one_address(app):
    for end in ("1", "2"):
        await newcomer(app, f"2001:db8:1:2::{end}").http.get("/")

    assert (await newcomer(app, "2001:db8:1:2:ffff::3").http.get("/kontext/state")).status_code == 429
    assert (await newcomer(app, "2001:db8:1:3::1").http.get("/kontext/state")).status_code == 200


async def test_who_is_known_is_never_a_new_visitor(app):
    ann = await newcomer(app, "198.51.100.7").arrives()
    for _ in range(5):
        assert (await ann.http.get("/")).status_code == 200
        assert (await ann.state())["project"]["id"] == ann.project


async def test_clearing_cookies_does_not_make_an_address_another_one(app):
    sent = []
    for _ in range(2):
        visitor = await newcomer(app, "198.51.100.7").arrives()
        answer = await visitor.does("submit", project=visitor.project, draft=draft())
        sent.append((answer.status_code, answer.json().get("error", {}).get("kind")))

    assert sent == [(200, None), (429, "LimitReached")]


async def test_uploads_are_refused_before_they_are_read(app):
    ann = await newcomer(app, "198.51.100.7").arrives()
    await ann.uploads(kind="reference")

    refused = await ann.uploads(b"not even looked at" + picture())

    assert refused.status_code == 429
    assert refused.json()["error"]["message"] == "You may bring 2 pictures an hour, and have brought 2."
    assert int(refused.headers["retry-after"]) > 3500


async def test_the_page_can_tell_what_is_left(app):
    ann = await newcomer(app, "198.51.100.7").arrives()
    await ann.edits()

    rows = await ann.result("limits")

    assert {(row["limit"], row["scope"]): (row["used"], row["most"]) for row in rows} == {
        ("usd_per_day", "server"): (0.04, 0.05),
        ("usd_per_day", "address"): (0.04, 0.045),
        ("uploads_per_hour", "visitor"): (1, 2),
    }


async def test_addresses_are_not_kept_as_such(app, editor):
    ann = await newcomer(app, "198.51.100.7").arrives()
    await ann.edits()

    with editor._store._connections.reading() as db:
        dump = "\n".join(db.conn.iterdump())
    assert "198.51.100.7" not in dump


async def test_programs_are_held_to_the_same_limits_and_told_when_to_come_again(app):
    ann = await newcomer(app, "198.51.100.7").arrives()
    key = (await ann.result("make_access_key", name="script", budget_usd=5))["key"]
    program = Visitor(app, **{**keyed(key), "x-forwarded-for": "198.51.100.7"})
    message = {"instruction": "make it so", "tier": "pro", "project": ann.project}

    first, second = [await program.http.post(f"{ROOT}/edit", json=message) for _ in range(2)]

    assert (first.status_code, second.status_code) == (200, 429)
    assert second.json()["error"]["kind"] == "LimitReached"
    assert "may spend $0.05 a day on this server" in second.text
    assert int(second.headers["retry-after"]) > 0
