"""The page's routes: what they answer to whom, with which headers."""

import asyncio
import base64
import hashlib
import io
import re
import zipfile
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from PIL import Image

from kontext_ui.edits import Done, Running
from kontext_ui.errors import HistoryError
from kontext_ui.history.mounts import Mount
from kontext_ui.web.http import attachment, file_name
from kontext_ui.web.page import make_page
from kontext_ui.web.server import build_server
from tests.conftest import ROOT
from tests.unit.editor.conftest import picture
from tests.unit.editor.scripted import WAIT, inverted, submitted
from tests.unit.web.conftest import SITE, Visitor, draft

FOREIGN = "p" * 22


async def test_the_page_is_one_constant_document(ann, nobody):
    theirs, anothers = await ann.http.get("/"), await nobody.http.get("/")

    assert theirs.headers["content-type"].startswith("text/html")
    assert theirs.text == anothers.text
    assert all(f'id="kx-{name}"' in theirs.text for name in ("app", "top", "chat", "canvas", "tree"))


async def test_every_file_that_the_page_names_is_there_and_may_be_kept(ann):
    named = re.findall(r'(?:href|src)="([^"]+)"', (await ann.http.get("/")).text)

    assert len(named) > 10
    for address in named:
        answer = await ann.http.get("/" + address)
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert not address.startswith("/"), "relative, so that a proxy may serve the page below a path"


async def test_the_policy_lets_no_script_run_but_our_files_and_the_one_in_the_head(ann):
    answer = await ann.http.get("/")
    policy = answer.headers["content-security-policy"]
    (inline,) = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()

    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy


async def test_an_assets_address_changes_with_its_content(ann):
    assert make_page(ROOT / "assets", "one").html != make_page(ROOT / "assets", "two").html
    assert (await ann.http.get("/kontext/assets/old/app/core/store.js")).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["../../app.py", "models/x.onnx", "app/", "app/none.js", "%2e%2e/pyproject.toml"])
async def test_the_assets_route_serves_nothing_else(ann, path):
    assert (await ann.http.get(f"/kontext/assets/x/{path}")).status_code == 404


async def test_a_state_holds_all_that_the_page_needs_to_begin(ann):
    answer = await ann.http.get("/kontext/state")
    state = answer.json()

    assert answer.headers["cache-control"] == "no-store"
    assert state["project"]["id"] == ann.project
    assert [version["id"] for version in state["versions"]] == [ann.root]
    assert [tier["tier"] for tier in state["tiers"]] == ["pro"]
    assert len(state["examples"]) == 3
    assert state["preferences"] == {"theme": {}, "composer": {}}


async def test_a_visitor_returns_to_the_project_that_was_last_open(ann):
    other = (await ann.result("create_project", title="Other"))["id"]
    await ann.http.get("/kontext/state", params={"project": other})

    assert (await ann.http.get("/kontext/state")).json()["project"]["id"] == other


@pytest.mark.parametrize("in_whose", ["ann", "eve"])
async def test_another_visitors_pictures_do_not_exist(ann, eve, in_whose):
    (version,) = (await ann.state())["versions"]
    project = ann.project if in_whose == "ann" else eve.project

    exports = (f"export/{project}/{version['id']}", f"export/{project}?versions={version['id']}")
    for path in (f"images/{project}/{version['digest']}/full", *exports):
        theirs = await eve.http.get(f"/kontext/{path}")
        nobodys = await eve.http.get(f"/kontext/{path.replace(version['digest'], 'd' * 64).replace(project, FOREIGN)}")
        assert theirs.status_code == nobodys.status_code == 404


@pytest.mark.parametrize("path", ["state", "events"])
async def test_another_visitors_project_does_not_exist(ann, eve, path):
    theirs = await eve.http.get(f"/kontext/{path}", params={"project": ann.project})
    nobodys = await eve.http.get(f"/kontext/{path}", params={"project": FOREIGN})

    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.content == nobodys.content


@pytest.mark.parametrize("kind", ["", "reference", "mask"])
async def test_nothing_is_uploaded_into_another_visitors_project(ann, eve, kind):
    before = await ann.state()

    answer = await eve.uploads(project=ann.project, kind=kind, version=ann.root)

    assert answer.status_code == 404
    assert (await ann.state())["versions"] == before["versions"]


async def test_a_request_of_nobody_is_refused_everywhere(ann, nobody):
    (version,) = (await ann.state())["versions"]
    paths = (
        f"images/{ann.project}/{version['digest']}/full",
        f"events?project={ann.project}",
        f"export/{ann.project}/{version['id']}",
        f"export/{ann.project}?versions={version['id']}",
        "previews/job/1",
    )
    for path in paths:
        assert (await nobody.http.get(f"/kontext/{path}")).status_code == 401, path
    assert (await nobody.does("list_projects")).status_code == 401
    assert (await nobody.uploads(project=ann.project)).status_code == 401


@pytest.mark.parametrize(("kind", "side"), [("full", 64), ("preview", 64), ("thumb", 64)])
async def test_a_picture_is_served_for_ever_to_its_owner_alone(ann, kind, side):
    (version,) = (await ann.state())["versions"]
    answer = await ann.http.get(f"/kontext/images/{ann.project}/{version['digest']}/{kind}")

    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(answer.content)).width == side
    assert (await ann.http.get(f"/kontext/images/{ann.project}/{version['digest']}/original")).status_code == 404


@pytest.mark.parametrize(("name", "media_type"), [("png", "image/png"), ("jpeg", "image/jpeg"), ("webp", "image/webp")])
async def test_a_version_is_exported_as_a_named_file(ann, name, media_type):
    await ann.result("rename_project", project=ann.project, title='The "door" / Türe')
    answer = await ann.http.get(f"/kontext/export/{ann.project}/{ann.root}", params={"format": name, "quality": "80"})

    assert answer.headers["content-type"] == media_type
    named = answer.headers["content-disposition"]
    assert named.startswith('attachment; filename="The-door-T-re-v1.')
    assert "filename*=UTF-8''The-door-T%C3%BCre-v1." in named
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("शिखर 2", "शिखर-2"),
        ("海辺の写真", "海辺の写真"),
        ('a/b\\c:"d"\r\nX: y', "a-b-c-d-X-y"),
        ("🏖🏖", "picture"),
        ("..", "picture"),
        ("مرحبا بالعالم", "مرحبا-بالعالم"),
        ("é" * 300, "é" * 60),
    ],
)
def test_a_title_of_any_script_names_its_file(title, name):
    made = file_name(title)
    header = attachment(f"{made}.png")

    assert made == name
    assert header.isascii()
    assert unquote(header.partition("UTF-8''")[2]) == f"{name}.png"
    assert not set(header) & set("\r\n")


async def test_a_very_long_instruction_is_refused_in_words_that_fit(ann):
    asked = draft("make it so " * 5_000)
    told = (await ann.does("check", project=ann.project, draft=asked)).json()["error"]["message"]
    far_too_long = (await ann.does("check", project=ann.project, draft=draft("x" * 250_000))).json()["error"]
    await ann.result("save_draft", project=ann.project, text=asked["instruction"])

    assert "characters" in told
    assert far_too_long["message"] == "This is longer than anything that can be sent."
    assert (await ann.state())["project"]["draft"] == asked["instruction"]


async def test_several_versions_are_exported_as_one_archive(ann):
    await ann.result("rename_project", project=ann.project, title="Doors")
    edited = await ann.edits()
    ids = f"{ann.root},{edited},{ann.root}"
    answer = await ann.http.get(f"/kontext/export/{ann.project}", params={"versions": ids, "format": "jpeg"})

    assert answer.headers["content-disposition"].startswith('attachment; filename="Doors.zip"')
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["Doors-v1.jpg", "Doors-v2.jpg"]
        assert all(archive.read(name).startswith(b"\xff\xd8") for name in archive.namelist())


@pytest.mark.parametrize(("versions", "status"), [("", 422), ("unknown", 404), (",".join("a" * 101), 422)])
async def test_an_archive_of_nothing_of_too_much_or_of_the_unknown_is_refused(ann, versions, status):
    answer = await ann.http.get(f"/kontext/export/{ann.project}", params={"versions": versions})

    assert answer.status_code == status


@pytest.mark.parametrize("query", [{"quality": "much"}, {"format": "exe"}, {"format": "jpeg", "quality": "900"}])
async def test_an_impossible_export_is_refused_with_a_sentence(ann, query):
    answer = await ann.http.get(f"/kontext/export/{ann.project}/{ann.root}", params=query)

    assert answer.status_code == 422
    assert answer.json()["detail"].endswith(".")


async def test_each_kind_of_upload_is_kept(ann):
    assert (await ann.uploads(kind="reference")).json()["result"]["digest"]
    assert (await ann.uploads(kind="mask", version=ann.root)).json()["result"]["digest"]
    opened = (await ann.uploads(name="../door.png")).json()["result"]
    rows = {row["id"]: row for row in (await ann.state())["versions"]}
    assert rows[opened["version"]]["source"]["filename"] == "door.png"
    assert opened["recipe"] is None


async def test_a_file_that_was_exported_here_brings_its_recipe(ann):
    version = await ann.edits("make it red")
    exported = await ann.http.get(f"/kontext/export/{ann.project}/{version}")

    recipe = (await ann.uploads(exported.content)).json()["result"]["recipe"]

    assert [step["instruction"] for step in recipe["steps"]] == ["make it red"]
    assert (recipe["project"], recipe["version"]) == (ann.project, version)


async def test_a_recipe_tells_a_stranger_no_project(ann, eve):
    exported = await ann.http.get(f"/kontext/export/{ann.project}/{await ann.edits()}")

    assert (await eve.uploads(exported.content)).json()["result"]["recipe"]["project"] is None


async def test_what_is_no_picture_is_refused_with_a_sentence(ann):
    error = (await ann.uploads(b"GIF89a, perhaps")).json()["error"]

    assert error["kind"] == "InvalidImage"
    assert len((await ann.state())["versions"]) == 1


@pytest.mark.parametrize("declared", [True, False])
async def test_an_upload_over_the_limit_is_cut_off(editor, make_settings, declared):
    sent = []

    async def endless():
        for _ in range(100):
            sent.append(1)
            yield b"\0" * 10_000

    app = build_server(editor, make_settings(max_upload_mb=0.1, allowed_hosts="pictures.example"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=SITE) as http:
        project = (await http.get("/kontext/state")).json()["project"]["id"]
        body = b"\0" * 100_001 if declared else endless()
        answer = await http.post("/kontext/upload", params={"project": project}, content=body)

    assert "MB" in answer.json()["error"]["message"]
    assert len(sent) < 20


async def test_changes_arrive_while_they_happen_and_end_with_a_word(ann, editor):
    async with ann.listening() as events:
        await ann.result("rename_project", project=ann.project, title="Doors")
        name, data = await anext(events)
        assert (name, data["project"]["title"]) == ("patch", "Doors")

        editor.hang_up()
        names = [name async for name, _ in events]

    assert names[-1] == "stale"


async def test_a_running_edits_preview_is_a_picture_at_an_address_of_its_own(ann, eve, nobody, backend):
    def shown(task):
        return Running(0.5, preview=inverted(task).pixels)

    backend.enqueue(submitted(), shown, WAIT, lambda task: Done(inverted(task)))
    async with ann.listening() as events:
        await ann.result("submit", project=ann.project, draft=draft())
        async for _, data in events:
            if previews := [row["preview"] for row in data.get("jobs", ()) if row.get("preview")]:
                break

    seen = await ann.http.get(f"/kontext/{previews[0]}")
    assert Image.open(io.BytesIO(seen.content)).size == (64, 48)
    assert seen.headers["cache-control"] == "no-store"
    assert previews[0].startswith("previews/")
    assert (await eve.http.get(f"/kontext/{previews[0]}")).status_code == 404
    assert (await nobody.http.get(f"/kontext/{previews[0]}")).status_code == 401
    backend.release()


async def test_an_edit_that_shows_nothing_has_no_preview(ann, backend):
    backend.enqueue(submitted(), WAIT, lambda task: Done(inverted(task)))
    job = (await ann.result("submit", project=ann.project, draft=draft()))["job"]
    await backend.called.wait()

    assert (await ann.http.get(f"/kontext/previews/{job}/1")).status_code == 404
    backend.release()


@pytest.mark.parametrize("body", [b"{}", b"x" * 2_000_001])
async def test_a_call_that_no_provider_made_is_answered_as_no_route_at_all(nobody, body):
    for backend_id in ("scripted", "none"):
        assert (await nobody.http.post(f"/kontext/hook/{backend_id}/token", content=body)).status_code == 404


async def test_pictures_are_taken_as_they_come(ann):
    assert "error" not in (await ann.uploads(picture(128, 96))).json()


async def test_where_nothing_lasts_the_page_says_so(make_editor, backend, settings, monkeypatch):
    editor, _, _ = make_editor(backend)
    said = {}
    for where, mounted in (("at home", "/"), ("on a Space", "/"), ("on a Space with a bucket", "/data")):
        if where != "at home":
            monkeypatch.setenv("SPACE_ID", "somebody/kontext")
        monkeypatch.setattr("kontext_ui.history.mounts.mount_of", lambda folder, at=mounted: Mount(Path(at), "x"))
        visitor = Visitor(build_server(editor, settings))
        said[where] = (await visitor.http.get("/kontext/state")).json()["notice"]
        await visitor.http.aclose()

    assert "all projects are gone when it restarts" in said["on a Space"]
    assert (said["at home"], said["on a Space with a bucket"]) == ("", "")
    await editor.aclose()


async def test_where_projects_expire_the_page_says_so(editor, make_settings):
    settings = make_settings(allowed_hosts="pictures.example", expire_days=30)
    visitor = Visitor(build_server(editor, settings))

    state = (await visitor.http.get("/kontext/state")).json()
    await visitor.http.aclose()

    assert state["notice"] == "A project that is not changed for 30 days is moved to the bin."


async def test_a_history_that_cannot_be_written_can_still_be_looked_at(ann, editor):
    async def busy(*_):
        raise HistoryError("Another process kept the history busy for too long, so this was not saved.")

    editor.preferences.set = busy

    assert (await ann.state())["versions"][0]["id"] == ann.root


async def test_an_actions_answer_carries_what_it_changed(ann):
    undone = (await ann.does("star", project=ann.project, version=ann.root, starred=True)).json()
    opened = (await ann.uploads(picture(seed=5))).json()
    sent = (await ann.does("submit_all", project=ann.project, drafts=[draft()])).json()

    assert undone["patch"]["versions"][0]["starred"] is True
    assert opened["patch"]["versions"][0]["id"] == opened["patch"]["project"]["head"] == opened["result"]["version"]
    assert [job["id"] for job in sent["patch"]["jobs"]] == sent["result"]["jobs"]
    assert "patch" not in (await ann.does("list_projects")).json()


@pytest.mark.parametrize("behind", [True, False])
async def test_a_short_answer_ends_with_the_first_news(ann, behind):
    revision = (await ann.state())["revision"] - behind
    query = {"project": ann.project, "since": revision}
    if behind:
        text = (await ann.http.get("/kontext/events", params=query)).text
        assert "event: patch" not in text
    else:
        asked = asyncio.create_task(ann.http.get("/kontext/events", params=query))
        await asyncio.sleep(0)
        while not asked.done():
            await ann.result("star", project=ann.project, version=ann.root, starred=True)
            await asyncio.sleep(0.01)
        text = asked.result().text
        assert text.count("event: patch") == 1

    assert text.startswith("event: hello")
