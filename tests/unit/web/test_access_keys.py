"""An access key acts as the owner who made it, is shown once, and is never kept."""

import logging

import pytest

from kontext_ui.cli import main
from kontext_ui.editor.access_keys import MAX_KEYS, PREFIX
from kontext_ui.errors import InvalidRequest

OWNER = "o" * 32


async def make(visitor, name="script"):
    return await visitor.result("make_access_key", name=name)


@pytest.fixture
async def made(ann):
    return await make(ann)


@pytest.mark.parametrize("header", ["x-kontext-key", "authorization"])
async def test_a_key_acts_as_its_owner(ann, made, make_visitor, header):
    program = make_visitor(**{header: made["key"] if header.startswith("x") else f"Bearer {made['key']}"})

    assert [row["id"] for row in await program.result("list_projects")] == [ann.project]


async def test_a_key_needs_no_cookie_and_is_given_none(made, make_visitor):
    answer = await make_visitor(**{"x-kontext-key": made["key"]}).http.get("/kontext/state")

    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


async def test_no_page_of_another_site_is_needed_to_send_a_key(made, make_visitor):
    program = make_visitor(**{"x-kontext-key": made["key"], "origin": "https://evil.example"})

    assert (await program.does("list_projects")).status_code == 200


@pytest.mark.parametrize(
    "spoil", [lambda key: key[:-1], lambda key: key + "a", lambda key: "", lambda key: key.upper()]
)
async def test_a_wrong_key_is_nobody_even_beside_a_good_cookie(ann, made, spoil):
    answer = await ann.http.get("/kontext/state", headers={"x-kontext-key": spoil(made["key"])})

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_a_bearer_that_is_no_key_of_ours_leaves_the_cookie_in_force(ann):
    assert (await ann.http.get("/kontext/state", headers={"authorization": "Bearer hf_abc"})).status_code == 200


async def test_a_revoked_key_lets_nobody_in(ann, made, make_visitor):
    program = make_visitor(**{"x-kontext-key": made["key"]})
    await ann.result("revoke_access_key", id=made["kept"]["id"])

    assert (await program.does("list_projects")).status_code == 401
    assert await ann.result("list_access_keys") == []


async def test_another_visitors_keys_can_be_neither_seen_nor_revoked(ann, eve, made, make_visitor):
    theirs = await eve.does("revoke_access_key", id=made["kept"]["id"])
    nobodys = await eve.does("revoke_access_key", id="none")

    assert "error" in theirs.json()
    assert theirs.content == nobodys.content
    assert await eve.result("list_access_keys") == []
    assert (await make_visitor(**{"x-kontext-key": made["key"]}).does("list_projects")).status_code == 200


async def test_a_key_is_shown_once_and_only_its_hash_is_kept(ann, made, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    secret = made["key"].removeprefix(PREFIX).encode()

    assert [row["name"] for row in await ann.result("list_access_keys")] == ["script"]
    assert made["key"] not in str(await ann.result("list_access_keys"))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name.startswith("history.sqlite3") for path in files)
    assert not [path for path in files if secret in path.read_bytes()]
    assert made["key"] not in caplog.text


@pytest.mark.parametrize("action", ["make_access_key", "list_access_keys", "revoke_access_key", "set_budget"])
async def test_a_key_can_make_no_other_and_raise_no_budget(ann, made, make_visitor, action):
    program = make_visitor(**{"x-kontext-key": made["key"]})

    assert (await program.does(action, name="x", id=made["kept"]["id"], usd=5, project=ann.project)).status_code == 403
    assert len(await ann.result("list_access_keys")) == 1


@pytest.mark.parametrize("name", ["", "  ", "a" * 81, "two\nlines"])
async def test_a_key_has_a_name(ann, name):
    assert (await ann.does("make_access_key", name=name)).json()["error"]["kind"] == "InvalidRequest"


async def test_there_are_only_so_many_keys(editor):
    for number in range(MAX_KEYS):
        await editor.access_keys.make(OWNER, f"script {number}")

    with pytest.raises(InvalidRequest):
        await editor.access_keys.make(OWNER, "one more")


def test_the_command_line_makes_lists_and_revokes(tmp_path, capsys):
    place = ("--data-dir", str(tmp_path))
    assert main(["key", *place, "make", "script", "--budget", "2.5"]) == 0
    told = capsys.readouterr()
    key = told.out.strip()
    assert key.startswith(PREFIX)
    assert "not shown again" in told.err

    assert main(["key", *place, "list"]) == 0
    listed = capsys.readouterr().out
    assert "$0.00 of $2.50  script" in listed
    assert key not in listed

    assert main(["key", *place, "revoke", listed.split()[0]]) == 0
    capsys.readouterr()
    main(["key", *place, "--json", "list"])
    assert '"keys": []' in capsys.readouterr().out
