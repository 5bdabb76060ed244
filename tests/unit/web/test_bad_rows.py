"""One row that cannot be read must never close a project, whoever wrote it and however."""

import json
import sqlite3
from contextlib import closing, contextmanager

import pytest

from kontext_ui.editor import EditDraft
from kontext_ui.edits import EditRequest, Tier
from kontext_ui.errors import BackendUnavailable
from kontext_ui.web.http import written
from tests.unit.web.conftest import draft

HALF = "half \ud83d of it"
ESCAPED = json.dumps({"instruction": HALF, "sent_prompt": HALF, "tier": "pro", "backend": HALF, "filename": HALF})
GARBAGE = ("", "null", "[1]", "{", "true", '{"instruction": {"a": 1}, "tier": 5}', ESCAPED, "\0", "2026-13-45")
COLUMNS = {
    "versions": ("instruction", "request", "outcome", "source", "created_at", "name", "pruned_by", "redo_child"),
    "jobs": ("request", "state", "created_at", "updated_at", "details", "failure", "sending_at", "poll_url"),
    "projects": ("title", "draft", "created_at", "updated_at", "budget_usd"),
    "preferences": ("value",),
    "images": ("media_type", "created_at", "icc"),
}

KEYS = {"versions": "id", "jobs": "id", "projects": "id", "preferences": "key", "images": "digest"}


@pytest.fixture
async def lived_in(ann, backend):
    """A project with an edit, a failure and a preference."""
    await ann.edits()
    backend.enqueue(BackendUnavailable("It did not answer.", backend="scripted"))
    async with ann.listening() as events:
        await ann.result("submit", project=ann.project, draft=draft("fail"))
        async for name, data in events:
            if name == "patch" and any(job.get("failure") for job in data["jobs"]):
                break
    await ann.result("set_preference", key="composer", value={"tier": "pro"})
    return ann


@pytest.mark.parametrize("table", COLUMNS)
async def test_a_row_that_cannot_be_read_closes_nothing(lived_in, table, tmp_path):
    path = tmp_path / "history.sqlite3"
    for column in COLUMNS[table]:
        for garbage in GARBAGE:
            with _changed(path, table, column, garbage):
                state = await lived_in.state()
                exported = await lived_in.http.get(f"/kontext/export/{lived_in.project}/{lived_in.root}")

            assert [version["id"] for version in state.get("versions", ())][:1] == [lived_in.root], (column, garbage)
            assert len(state["versions"]) == 2
            assert exported.status_code == 200, (column, garbage)


@contextmanager
def _changed(path, table, column, value):
    with closing(sqlite3.connect(path)) as db:
        before = db.execute(f"SELECT {column}, {KEYS[table]} FROM {table}").fetchall()
        assert db.execute(f"UPDATE {table} SET {column} = ?", (value,)).rowcount > 0
        db.commit()
        yield
        db.executemany(f"UPDATE {table} SET {column} = ? WHERE {KEYS[table]} = ?", before)
        db.commit()


async def test_half_a_character_becomes_a_question_mark_at_every_door():
    for value in (EditDraft(HALF, prompt=HALF), EditRequest(HALF, Tier.PRO, "bfl", prompt=HALF, sent_prompt=HALF)):
        assert value.instruction == value.prompt == "half ? of it"
    assert EditRequest(HALF, Tier.PRO, "bfl").sent_prompt == "half ? of it"


async def test_a_provider_that_sends_half_a_character_is_quoted(ann, backend):
    backend.enqueue(BackendUnavailable(HALF, hint=HALF, backend="scripted"))
    async with ann.listening() as events:
        await ann.result("submit", project=ann.project, draft=draft())
        async for name, data in events:
            failures = [job["failure"] for job in data["jobs"] if job.get("failure")] if name == "patch" else ()
            if failures:
                break

    assert failures[0]["message"] == "half ? of it"
    assert (await ann.state())["jobs"][0]["failure"]["message"] == "half ? of it"


@pytest.mark.parametrize(("value", "read"), [({"a": HALF}, {"a": HALF}), ([float("nan"), float("inf")], [None, None])])
def test_an_answer_is_json_whatever_is_in_it(value, read):
    assert json.loads(written(value)) == read
    assert b"NaN" not in written(value)
