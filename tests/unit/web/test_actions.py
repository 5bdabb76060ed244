"""Every action of the page: its message, its answer, and that it does nothing for anybody else."""

import json

import pytest

from kontext_ui.edits import Done, EditResult
from kontext_ui.errors import BackendUnavailable
from kontext_ui.web.actions import ACTIONS
from tests.unit.editor.scripted import WAIT, submitted
from tests.unit.web.conftest import draft

ELSEWHERE = {"project": "p" * 22, "version": "v" * 22, "job": "j" * 22}
"""Ids that nobody has."""
SENTENCE = {"action": "colour", "subject": "the door", "state": "red"}
STEP = {"instruction": "make it red", "tier": "pro", "backend": "scripted"}
MESSAGES = {
    "create_project": {"title": "Doors"},
    "list_projects": {},
    "rename_project": {"project": "", "title": "Windows"},
    "duplicate_project": {"project": ""},
    "delete_project": {"project": ""},
    "restore_project": {"project": ""},
    "save_draft": {"project": "", "text": "make the"},
    "set_preference": {"key": "theme", "value": "dark"},
    "check": {"project": "", "draft": draft()},
    "submit": {"project": "", "draft": draft()},
    "command": {"text": "undo that"},
    "submit_all": {"project": "", "drafts": [draft(), draft()]},
    "sent": {"key": "a-message"},
    "queue": {},
    "sooner": {"job": ""},
    "cancel": {"job": ""},
    "check_again": {"job": ""},
    "dismiss": {"job": ""},
    "replay": {"project": "", "version": "", "steps": [STEP]},
    "look": {"project": "", "version": ""},
    "hints": {"project": "", "draft": draft()},
    "find_mask": {"project": "", "version": "", "name": "sky"},
    "builder": {},
    "compose": {"sentence": SENTENCE},
    "undo": {"project": ""},
    "redo": {"project": ""},
    "select": {"project": "", "version": ""},
    "star": {"project": "", "version": "", "starred": True},
    "name_version": {"project": "", "version": "", "name": "the one"},
    "prune": {"project": "", "version": ""},
    "pruned": {"project": ""},
    "restore_version": {"project": "", "version": ""},
    "undo_open": {"project": "", "version": ""},
    "search": {"project": "", "text": "make"},
    "change_mask": {"project": "", "version": "", "how": -4},
    "open_example": {"project": "", "index": 0},
    "set_key": {"backend": "scripted", "key": "abc"},
    "check_key": {"backend": "scripted"},
    "forget_key": {"backend": "scripted"},
    "budgets": {"project": ""},
    "limits": {},
    "make_moving_link": {},
    "spending": {"project": ""},
    "set_budget": {"project": "", "name": "project", "usd": 2},
    "make_access_key": {"name": "script"},
    "list_access_keys": {},
    "revoke_access_key": {"id": ""},
}
"""A good message for each action; an empty id is filled in by the test."""
TESTED_APART = {"restore_version", "revoke_access_key", "cancel", "find_mask"}
OF_SOMEBODY = [name for name, message in MESSAGES.items() if ELSEWHERE.keys() & message.keys()]


def recoloured(task):
    pixels = task.input_image.copy()
    pixels[12:30, 16:40] = (255, 0, 0)
    return Done(EditResult(pixels=pixels))


@pytest.fixture
async def ids(ann, backend):
    """Ann's project, its newest version, and a job of hers that failed."""
    backend.enqueue(submitted(), recoloured).enqueue(submitted(), BackendUnavailable("Away.", backend="scripted"))
    version = await ann.edits()
    async with ann.listening() as events:
        job = (await ann.result("submit", project=ann.project, draft=draft("fail")))["job"]
        async for _, data in events:
            if any(row["id"] == job and row.get("failure") for row in data.get("jobs", ())):
                break
    return {"project": ann.project, "version": version, "job": job}


def filled(name, ids):
    return MESSAGES[name] | {key: value for key, value in ids.items() if key in MESSAGES[name]}


def everything_but_the_time(state):
    """A state without what opening a project changes by itself."""
    state["project"].pop("updated_at")
    return json.dumps({key: value for key, value in state.items() if key != "revision"}, sort_keys=True)


def test_every_action_has_a_good_message_here():
    assert MESSAGES.keys() == ACTIONS.keys()


@pytest.mark.parametrize("name", sorted(set(MESSAGES) - TESTED_APART))
async def test_each_action_is_carried_out_for_its_owner(ann, ids, name):
    answer = await ann.does(name, **filled(name, ids))

    assert answer.status_code == 200
    assert "error" not in answer.json(), answer.json()
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", OF_SOMEBODY)
async def test_what_is_somebody_elses_is_answered_as_what_does_not_exist(ann, eve, ids, name):
    before = everything_but_the_time(await ann.state())

    theirs = await eve.does(name, **filled(name, ids))
    nobodys = await eve.does(name, **filled(name, ELSEWHERE))

    assert "error" in theirs.json()
    assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content)
    assert everything_but_the_time(await ann.state()) == before


@pytest.mark.parametrize("name", [name for name in OF_SOMEBODY if "version" in MESSAGES[name]])
async def test_a_version_is_reached_through_its_own_project_only(ann, eve, ids, name):
    before = everything_but_the_time(await ann.state())

    theirs = await eve.does(name, **filled(name, ids | {"project": eve.project}))
    nobodys = await eve.does(name, **filled(name, ELSEWHERE | {"project": eve.project}))

    assert "error" in theirs.json()
    assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content)
    assert everything_but_the_time(await ann.state()) == before


async def test_a_stranger_cannot_stop_a_running_edit(ann, eve, backend):
    backend.enqueue(submitted(), WAIT, recoloured)
    async with ann.listening() as events:
        job = (await ann.result("submit", project=ann.project, draft=draft()))["job"]
        await backend.called.wait()

        refused = await eve.does("cancel", job=job)
        backend.release()

        assert "error" in refused.json()
        async for _, data in events:
            if any(row["id"] == job and row.get("version") for row in data.get("jobs", ())):
                break


async def test_a_running_edit_is_stopped_by_its_owner(ann, backend):
    backend.enqueue(submitted(), WAIT, recoloured)
    job = (await ann.result("submit", project=ann.project, draft=draft()))["job"]
    await backend.called.wait()

    assert (await ann.result("cancel", job=job))["state"] == "cancelled"


async def test_finding_by_name_says_that_nothing_here_can(ann, ids):
    answer = (await ann.does("find_mask", **filled("find_mask", ids))).json()

    assert answer["error"]["message"] == "Nothing here can find things by name."


async def test_a_pruned_branch_is_listed_and_comes_back(ann, ids):
    assert await ann.result("prune", project=ann.project, version=ids["version"]) == [ids["version"]]
    listed = await ann.result("pruned", project=ann.project)
    assert [row["id"] for row in listed] == [ids["version"]]

    restored = await ann.result("restore_version", project=ann.project, version=ids["version"])

    assert restored == [ids["version"]]


@pytest.mark.parametrize("name", sorted(name for name, message in MESSAGES.items() if message))
async def test_a_message_of_the_wrong_kind_is_refused_with_a_sentence(ann, name):
    for wrong in ([], {"a": 1}):
        error = (await ann.does(name, **dict.fromkeys(MESSAGES[name], wrong))).json()["error"]

        assert error["kind"] == "InvalidRequest"
        assert error["message"].endswith(".")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"{", b"[" * 100_000, b"\xff"])
async def test_what_is_no_message_is_refused_with_a_sentence(ann, body):
    answer = (await ann.http.post("/kontext/do/undo", content=body)).json()

    assert answer["error"]["kind"] == "InvalidRequest"


async def test_a_message_is_read_only_as_far_as_its_limit(ann):
    answer = await ann.http.post("/kontext/do/save_draft", content=b"x" * 200_001)

    assert answer.json()["error"]["message"] == "This is longer than anything that can be sent."


@pytest.mark.parametrize("name", ["", "_submit", "act", "read_message", "__class__", "unreadable", "Submit"])
async def test_nothing_but_the_table_can_be_called(ann, name):
    assert (await ann.does(name)).status_code == 404


@pytest.mark.parametrize("usd", [-1, 1e6, True, "5", [1]])
async def test_a_budget_is_an_amount(ann, usd):
    answer = (await ann.does("set_budget", project=ann.project, name="project", usd=usd)).json()

    assert answer["error"]["kind"] == "InvalidRequest"
    assert (await ann.state())["project"]["budget_usd"] is None


@pytest.mark.parametrize(("name", "kept"), [("project", [2.0, None]), ("day", [None, 2.0])])
async def test_each_budget_is_set_by_its_name(ann, name, kept):
    await ann.result("set_budget", project=ann.project, name=name, usd=2)

    assert [row["limit_usd"] for row in await ann.result("budgets", project=ann.project)] == kept


async def test_a_moved_head_comes_with_the_answer(ann, ids):
    answer = (await ann.does("undo", project=ann.project)).json()

    assert answer["patch"]["project"]["head"] == ann.root


@pytest.mark.parametrize("name", ["set_key", "forget_key"])
async def test_a_changed_key_comes_with_the_tiers_as_they_are_now(ann, name):
    answer = (await ann.does(name, **MESSAGES[name])).json()

    assert answer["result"] == {}
    assert answer["patch"]["tiers"][0]["backends"][0]["own_key"] is (name == "set_key")


async def test_a_message_that_arrives_twice_is_one_edit(ann, eve, backend):
    backend.enqueue(submitted(), recoloured)
    message = {"project": ann.project, "drafts": [draft()], "key": "0123456789abcdef"}

    first, again = [await ann.result("submit_all", **message) for _ in range(2)]

    assert first == again == await ann.result("sent", key=message["key"])
    assert await eve.result("sent", key=message["key"]) == {"jobs": []}


@pytest.mark.parametrize("key", ["", "short", "a.b.c.d.e", "x" * 65, "12345678\n", 12345678])
async def test_a_key_is_plain_and_of_some_length(ann, key):
    answer = (await ann.does("submit_all", project=ann.project, drafts=[draft()], key=key)).json()

    assert answer["error"]["kind"] == "InvalidRequest"
