"""The list of actions over HTTP: files in and out, statuses, sentences, and the document that describes it."""

import io
import json
import re

import pytest
from PIL import Image

from kontext_ui.api import ACTIONS
from kontext_ui.api.caller import ROOT
from kontext_ui.web.api_openapi import document
from tests.unit.editor.conftest import picture
from tests.unit.editor.scripted import WAIT, done, submitted
from tests.unit.web.conftest import SITE, keyed

PAID = {"instruction": "make it so", "tier": "pro", "max_price_usd": 0.05}


class Script:
    def __init__(self, visitor) -> None:
        self.http = visitor.http

    async def post(self, name, **message):
        return await self.http.post(f"{ROOT}/{name}", json=message)

    async def get(self, name, **query):
        return await self.http.get(f"{ROOT}/{name}", params=query)

    async def opens(self, **query):
        headers = {"content-type": "image/png"}
        return (await self.http.post(f"{ROOT}/open_picture", params=query, content=picture(), headers=headers)).json()


@pytest.fixture
def make_script(make_visitor):
    async def make(owner, budget_usd=None):
        made = await owner.result("make_access_key", name="script", budget_usd=budget_usd)
        return Script(make_visitor(**keyed(made["key"])))

    return make


@pytest.fixture
async def script(ann, make_script):
    return await make_script(ann)


def opened(answer):
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


async def test_ten_lines(script):
    first = await script.opens(title="Doors")
    made = (await script.post("edit", project=first["project"], **PAID)).json()
    shown = await script.get("picture", project=first["project"])

    assert (first["title"], made["state"], made["billed"]) == ("Doors", "done", "yes")
    assert (opened(shown).format, shown.headers["content-type"]) == ("JPEG", "image/jpeg")
    assert json.loads(shown.headers["x-kontext-facts"])["version"] == made["version"]["id"]
    assert shown.headers["cache-control"] == "no-store"


async def test_an_address_in_an_answer_leads_to_the_picture(script):
    first = await script.opens()
    address = first["version"]["picture"]

    assert address.startswith(f"{SITE}{ROOT}/picture?")
    assert opened(await script.http.get(address)).format == "PNG"


async def test_behind_a_proxy_addresses_are_the_public_ones(app, script):
    headers = {"x-forwarded-host": "tool.example", "x-forwarded-proto": "https", "content-type": "image/png"}
    transport = script.http._transport
    transport.client = ("127.0.0.1", 1)
    answer = await script.http.post(f"{ROOT}/open_picture", content=picture(), headers=headers)

    assert answer.json()["version"]["picture"].startswith(f"https://tool.example{ROOT}/")


async def test_pictures_come_as_a_form_or_are_sent_ahead(script, backend):
    backend._caps = type(backend._caps)(**{**vars(backend._caps), "max_reference_images": 2})
    first = (await script.http.post(f"{ROOT}/open_picture", files={"image": ("door.png", picture())})).json()
    upload = await script.http.post(f"{ROOT}/upload", files={"file": ("cat.png", picture(seed=1))})
    raw = await script.http.post(f"{ROOT}/upload", content=picture(seed=2))
    made = await script.http.post(
        f"{ROOT}/edit",
        data={**PAID, "project": first["project"], "references": [upload.json()["id"], raw.json()["id"]],
              "parameters": '{"seed": 7}'},
        files={"mask": ("mask.png", picture())},
    )  # fmt: skip

    assert first["title"] == "door"
    assert made.json()["state"] == "done"
    request = backend.submits[0][0]
    assert (len(request.references), bool(request.mask)) == (2, True)


async def test_what_is_repeated_is_sent_once(script, backend):
    project = (await script.opens())["project"]
    answers = [(await script.post("edit", project=project, **PAID, request_id="only-once")).json() for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(backend.submits) == 1


async def test_a_client_that_is_gone_finds_its_edit_again(script, backend):
    backend.enqueue(submitted(), WAIT, done)
    project = (await script.opens())["project"]
    left = (await script.post("edit", project=project, **PAID, wait_s=0)).json()
    assert left["state"] != "done"
    backend.release()

    assert (await script.get("wait", edit=left["id"])).json()["state"] == "done"


async def test_the_page_sees_what_a_program_does(ann, script):
    async with ann.listening() as events:
        await script.post("edit", project=ann.project, **PAID)
        async for name, data in events:
            if name == "patch" and any(row.get("version") for row in data.get("jobs", ())):
                break
    assert [row["instruction"] for row in (await ann.state())["versions"]][-1] == "make it so"


@pytest.mark.parametrize(
    ("name", "message", "status", "kind"),
    [
        ("edit", {"instruction": "x"}, 422, "InvalidRequest"),
        ("edit", {**PAID, "project": "nobodys"}, 404, "ProjectNotFound"),
        ("edit", {**PAID, "max_price_usd": 0.01}, 402, "BudgetExceeded"),
        ("edit", {**PAID, "colour": "red"}, 422, "InvalidRequest"),
        ("cancel", {"edit": "nobodys"}, 404, "JobNotFound"),
        ("open_picture", {"image": "http://169.254.169.254/latest/meta-data"}, 422, "InvalidRequest"),
        ("open_picture", {"image": "http://localhost/x.png"}, 422, "InvalidRequest"),
    ],
)
async def test_a_refusal_says_what_happened_what_to_do_and_that_nothing_was_billed(
    ann, script, backend, name, message, status, kind
):
    fields = ACTIONS[name].message.model_fields
    answer = await script.post(name, **{**({"project": ann.project} if "instruction" in fields else {}), **message})

    error = answer.json()["error"]
    assert (answer.status_code, error["kind"], error["billed"]) == (status, kind, "no")
    assert error["message"].endswith(".")
    assert backend.submits == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b'"x"'])
async def test_what_is_no_message_is_refused(script, body):
    answer = await script.http.post(f"{ROOT}/edit", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 422
    assert "JSON" in answer.json()["error"]["message"]


async def test_a_form_that_is_none_is_refused(script):
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = await script.http.post(f"{ROOT}/open_picture", content=b"--x\r\nnonsense", headers=headers)

    assert answer.status_code == 422


async def test_a_picture_over_the_limit_is_refused_before_it_is_read(script):
    headers = {"content-type": "image/png", "content-length": "100000000000"}
    answer = await script.http.post(f"{ROOT}/open_picture", content=b"", headers=headers)

    assert answer.status_code == 422
    assert "MB" in answer.json()["error"]["message"]


async def test_only_the_method_of_an_action_does_it(script):
    for name, action in ACTIONS.items():
        other = script.http.post if action.reads else script.http.get
        assert (await other(f"{ROOT}/{name}")).status_code == 405, name


async def test_a_keys_budget_holds_over_http(ann, make_script):
    script = await make_script(ann, budget_usd=0.05)
    message = {"project": ann.project, "instruction": "go", "tier": "pro"}

    assert (await script.post("edit", **message)).status_code == 200
    refused = await script.post("edit", **message)
    assert (refused.status_code, refused.json()["error"]["kind"]) == (402, "BudgetExceeded")
    (kept,) = await ann.result("list_access_keys")
    assert (kept["budget_usd"], kept["spent_usd"]) == (0.05, 0.04)


async def test_a_keys_budget_cannot_be_passed_by_the_pages_own_actions(ann, make_script):
    script = await make_script(ann, budget_usd=0.0)
    draft = {"instruction": "go", "tier": "pro"}
    for name, message in (
        ("submit", {"draft": draft}),
        ("submit_all", {"drafts": [draft]}),
        ("replay", {"version": ann.root, "steps": [draft]}),
    ):
        answer = await script.http.post(f"/kontext/do/{name}", json={"project": ann.project, **message})
        assert answer.status_code == 403, name


async def test_a_visitors_own_browser_may_ask_too(ann):
    assert (await ann.http.get(f"{ROOT}/projects")).json()["projects"][0]["id"] == ann.project


def references(value):
    if isinstance(value, dict):
        yield from [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        value = list(value.values())
    for part in value if isinstance(value, list) else ():
        yield from references(part)


async def test_the_document_describes_every_route_and_is_whole(app, nobody):
    told = (await nobody.http.get(f"{ROOT}/openapi.json")).json()
    routes = {
        route.path: {method.lower() for method in route.methods} - {"head"}
        for route in app.routes
        if getattr(route, "path", "").startswith(ROOT) and not route.path.endswith(".json")
    }

    assert told["openapi"] == "3.1.0"
    assert told["servers"] == [{"url": SITE}]
    assert {path: set(methods) for path, methods in told["paths"].items()} == routes
    for reference in references(told):
        found = told
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    assert "access_key" not in json.dumps(told)


def test_the_document_knows_every_argument():
    paths = document("https://pictures.example")["paths"]
    asked = {row["name"]: row for row in paths[f"{ROOT}/export"]["get"]["parameters"]}
    assert list(asked) == list(ACTIONS["export"].message.model_fields)
    assert (asked["project"]["required"], asked["format"]["schema"]["default"]) == (True, "png")
    edit = paths[f"{ROOT}/edit"]["post"]["requestBody"]["content"]
    assert set(edit) == {"application/json", "multipart/form-data"}
    assert "image/*" in paths[f"{ROOT}/open_picture"]["post"]["requestBody"]["content"]
    operations = [next(iter(path.values())) for path in paths.values()]
    assert all(re.match(r"[A-Z].{8,}", operation["summary"]) for operation in operations)
