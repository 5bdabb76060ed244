"""A visitor comes to another browser by a link that works once and a while."""

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest

from kontext_ui.editor.visitors import LINK_LASTS
from tests.unit.editor.conftest import picture
from tests.unit.editor.scripted import WAIT, done
from tests.unit.web.conftest import draft


async def follow(visitor, token, bring=False, **headers):
    return await visitor.http.post(
        "/kontext/move", content=json.dumps({"token": token, "bring": bring}), headers=headers
    )


async def link_of(visitor):
    return (await visitor.result("make_moving_link"))["token"]


async def projects(visitor):
    return {row["id"] for row in await visitor.result("list_projects")}


async def test_another_browser_becomes_the_same_visitors(ann, nobody):
    answer = await follow(nobody, await link_of(ann))

    assert (answer.status_code, answer.json()) == (200, {"result": {}})
    assert {"HttpOnly", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))
    nobody.project = ann.project
    assert (await nobody.state())["project"]["id"] == ann.project
    assert await projects(nobody) == await projects(ann) == {ann.project}


async def test_a_link_works_once(ann, nobody, eve):
    token = await link_of(ann)
    await follow(nobody, token)

    second = await follow(eve, token)

    assert second.json()["error"]["message"] == "This link was used already or is over."
    assert "set-cookie" not in second.headers
    assert await projects(eve) == {eve.project}


async def test_a_new_link_ends_the_one_before(ann, nobody):
    first, second = await link_of(ann), await link_of(ann)

    assert "error" in (await follow(nobody, first)).json()
    assert "result" in (await follow(nobody, second)).json()


async def test_after_a_day_a_link_is_over(ann, nobody, editor):
    token = await link_of(ann)
    editor._store.recovery._clock = lambda: datetime.now(UTC) + LINK_LASTS + timedelta(seconds=1)

    assert "error" in (await follow(nobody, token)).json()


@pytest.mark.parametrize("token", ["", "t" * 43, "' OR 1=1 --"])
async def test_a_link_that_nobody_made_changes_nobody(ann, eve, token):
    await link_of(ann)

    answer = await follow(eve, token)

    assert answer.json()["error"]["kind"] == "InvalidRequest"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers", [{"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}], ids=["origin", "site"]
)
async def test_no_page_of_another_site_can_make_a_browser_somebody_elses(ann, eve, headers):
    token = await link_of(ann)

    assert (await follow(eve, token, **headers)).status_code == 404
    assert "result" in (await follow(eve, token)).json()


async def test_a_program_with_a_key_neither_makes_nor_follows_links(ann, eve, make_visitor):
    key = (await eve.result("make_access_key", name="script"))["key"]
    program = make_visitor(**{"x-kontext-key": key})

    assert (await program.does("make_moving_link")).status_code == 403
    assert (await follow(program, await link_of(ann))).status_code == 404


async def test_what_the_browser_had_comes_along_when_that_is_asked_for(ann, eve):
    before = await projects(eve)
    empty = (await eve.result("create_project", title="nothing in it"))["id"]
    version = await eve.edits()

    assert "result" in (await follow(eve, await link_of(ann), bring=True)).json()

    assert await projects(ann) == {ann.project, *before}
    assert empty not in await projects(eve)
    assert version in {row["id"] for row in (await eve.state())["versions"]}
    assert (await ann.result("spending", project=eve.project))["days"][0]["paid_usd"] == 0.04


async def test_what_is_left_behind_is_not_anybodys(ann, eve):
    left = eve.project
    await follow(eve, await link_of(ann))

    assert left not in await projects(eve)
    assert left not in await projects(ann)


async def test_while_an_edit_runs_nothing_is_moved_and_the_link_stays_good(ann, eve, backend):
    backend.enqueue(WAIT, done)
    job = (await eve.result("submit", project=eve.project, draft=draft()))["job"]
    token = await link_of(ann)

    refused = await follow(eve, token, bring=True)
    backend.release()
    async with eve.listening():
        await eve.result("cancel", job=job)

    assert refused.json()["error"]["message"] == "An edit is still running in this browser."
    assert "result" in (await follow(eve, token, bring=True)).json()


async def test_following_ones_own_link_changes_nothing(ann):
    token = await link_of(ann)

    assert "result" in (await follow(ann, token, bring=True)).json()
    assert await projects(ann) == {ann.project}


async def test_the_link_is_kept_nowhere(ann, nobody, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    token = await link_of(ann)
    await nobody.http.get("/kontext/state")

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name.startswith("history.sqlite3") for path in files)
    assert not [path for path in files if token.encode() in path.read_bytes()]
    assert token not in caplog.text


async def test_uploads_go_on_after_moving(ann, nobody):
    await follow(nobody, await link_of(ann))
    nobody.project = ann.project

    assert "result" in (await nobody.uploads(picture(seed=3))).json()
