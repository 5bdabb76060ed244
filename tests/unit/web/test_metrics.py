"""Numbers for Prometheus and lines for a log: true, behind a token, and without a word or an id of anybody's."""

import json
import logging

import pytest

from kontext_ui.errors import BackendUnavailable
from kontext_ui.web.logs import REQUESTS, JsonFormatter, tag
from kontext_ui.web.server import build_server
from tests.unit.web.conftest import Visitor, draft

TOKEN = "scrape-me"


@pytest.fixture
def app(editor, make_settings):
    return build_server(editor, make_settings(allowed_hosts="pictures.example", metrics_token=TOKEN))


async def scrape(visitor, token=TOKEN):
    return await visitor.http.get("/metrics", headers={"authorization": f"Bearer {token}"})


def numbers(answer):
    lines = (line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


async def test_without_the_token_there_is_nothing_to_see(nobody, editor, settings):
    plain = Visitor(build_server(editor, settings))

    assert (await plain.http.get("/metrics")).status_code == 404
    assert (await nobody.http.get("/metrics")).status_code == 401
    assert (await scrape(nobody, "guess")).status_code == 401
    assert (await scrape(nobody)).status_code == 200
    await plain.http.aclose()


async def test_edits_seconds_and_money_are_counted_once(ann, backend):
    await ann.edits()
    backend.enqueue(BackendUnavailable("Broke.", backend="scripted"))
    job = (await ann.result("submit", project=ann.project, draft=draft()))["job"]
    async with ann.listening() as events:
        async for _, data in events:
            if any(row["id"] == job and row.get("state") == "failed" for row in data.get("jobs", ())):
                break
        found = numbers(await scrape(ann))

    of = 'backend="scripted",model="usual"'
    assert found[f'kontext_edits_total{{{of},state="done"}}'] == 1
    assert found[f'kontext_edits_total{{{of},state="failed"}}'] == 1
    assert found[f"kontext_edit_seconds_count{{{of}}}"] == 1
    assert found[f'kontext_spent_usd_total{{{of},payer="server"}}'] == 0.04
    assert found['kontext_open_edits{state="queued"}'] == 0
    assert found["kontext_event_streams"] == 1
    assert found["kontext_disk_free_bytes"] > 0


async def test_lines_tell_what_happened_and_nothing_of_anybody(ann, caplog):
    caplog.set_level(logging.INFO)
    logging.getLogger(REQUESTS).setLevel(logging.INFO)
    secret = "paint my secret garden"
    version = await ann.edits(secret)
    await ann.result("rename_project", project=ann.project, title="Top secret")
    await ann.does("star", project="nobody's", version=version)

    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    written = json.dumps(lines)
    ended = next(line for line in lines if line["logger"].endswith("metrics"))
    asked = {line["action"]: line for line in lines if line["logger"] == REQUESTS}

    assert (ended["outcome"], ended["backend"], ended["payer"], ended["usd"]) == ("done", "scripted", "server", 0.04)
    assert ended["project"] == asked["rename_project"]["project"] == tag(ann.project)
    assert (asked["rename_project"]["outcome"], asked["star"]["outcome"]) == ("done", "ProjectNotFound")
    for hidden in ("secret", ann.project, version, *ann.http.cookies.values()):
        assert hidden not in written
