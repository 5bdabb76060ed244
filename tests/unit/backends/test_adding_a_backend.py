"""What ARCHITECTURE.md says under "Adding a backend", followed step by step with a provider that does not exist."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

import httpx
import numpy as np
import pytest
from pydantic import Field, SecretStr
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kontext_ui.backends import BACKENDS
from kontext_ui.backends.base import EditTask
from kontext_ui.backends.hosted.http import Provider, json_of
from kontext_ui.bootstrap import build_editor
from kontext_ui.editor import EditDraft
from kontext_ui.edits import (
    Capabilities,
    Done,
    EditResult,
    Parameter,
    Readiness,
    Running,
    Size,
    SizeRule,
    Submitted,
    Tier,
)
from kontext_ui.errors import ContentModerated, MissingCredentials
from kontext_ui.images import codec
from kontext_ui.settings import Settings
from kontext_ui.web.rows import tier_rows
from tests import readme
from tests.contract.members import Member
from tests.contract.test_every_backend import (  # noqa: F401  the suite that step 4 speaks of, run on our member
    backend,
    picture,
    test_a_hosted_edit_is_picked_up_again_by_its_id,
    test_a_missing_picture_is_made_or_refused_in_words,
    test_a_refusal_is_an_error_for_people,
    test_an_edit_ends_with_one_picture_that_differs,
    test_an_id_comes_before_any_progress_and_progress_is_a_share,
    test_capabilities_are_whole_for_every_tier,
    test_one_that_is_not_ready_says_what_is_missing_and_what_to_do,
    test_requests_can_be_written_down_and_read_back,
    test_the_input_is_never_written_to,
    test_transparent_pictures_are_taken,
    test_what_runs_here_is_free,
)
from tests.fakes.pictures import encoded

# Step 1: one file with a class and ``build``.


class ToyBackend:
    id = "toy"
    label = "Toy Pictures"
    runs_here = False
    tiers = (Tier.DEV,)

    def __init__(self, provider: Provider, key: str | None) -> None:
        self._http = provider
        self._key = key

    def capabilities(self, tier):
        return Capabilities(
            model="Toy 1",
            parameters=(Parameter("guidance_scale", "Guidance", "float", 3.0, 1, 10),),
            unsupported={"style_preset": "Toys have no style."},
            size_rule=SizeRule("list", sizes=(Size(160, 160), Size(192, 128))),
            price_usd=0.01,
            typical_s=2,
        )

    def check(self, key=None):
        ready = bool(key or self._key)
        return Readiness(True) if ready else Readiness(False, "TOY_KEY is not set.", "Ask the toy maker for a key.")

    async def edit(self, request, task: EditTask):
        if task.input_image is None:
            raise MissingCredentials("A toy needs a picture.", backend=self.id)
        body = {"prompt": request.sent_prompt, "image": base64.b64encode(codec.encode_png(task.input_image)).decode()}
        response = await self._http.submit("/make", self._headers(task), body)
        if response.status_code != httpx.codes.OK:
            raise self._http.refused(response, "TOY_KEY")
        toy = json_of(response)["id"]
        yield Submitted(toy, f"{self._http.base_url}/state/{toy}")
        async for event in self._wait(task, toy, f"{self._http.base_url}/state/{toy}"):
            yield event

    async def resume(self, request, task):
        async for event in self._wait(task, task.remote_id, task.poll_url):
            yield event

    async def _wait(self, task, toy, url):
        started = self._http.now()
        while not (answer := json_of(await self._http.get(url, self._headers(task), started))).get("picture"):
            if answer.get("refused"):
                raise ContentModerated("Toy Pictures refused this.", backend=self.id, stage="output", request_id=toy)
            yield Running(answer["share"], "building")
            await self._http.pause(1)
        data = await self._http.download(answer["picture"], started)
        yield Done(EditResult(await self._http.picture(data), request_id=toy))

    def _headers(self, task) -> Mapping[str, str]:
        key = task.key or self._key
        if not key:
            raise MissingCredentials("TOY_KEY is not set.", backend=self.id)
        return {"authorization": f"Toy {key}"}

    async def aclose(self):
        await self._http.aclose()


def build(settings):
    key = settings.toy_key
    transport = httpx.ASGITransport(app=FakeToys().app)
    provider = Provider("toy", ToyBackend.label, settings.toy_base_url, (), transport=transport, sleep=no_pause)
    return ToyBackend(provider, key and key.get_secret_value())


# Step 2: one line in the registry.

REGISTRY = {**BACKENDS, "toy": f"{__name__}:build"}

# Step 3: its settings as fields with a description.


class ToySettings(Settings):
    toy_key: SecretStr | None = Field(default=None, description="Key for Toy Pictures: the tier dev.")
    toy_base_url: str = Field(default="http://toys.example", description="Address of Toy Pictures.")


# Step 4: a fake, and a member of the contract suite.


class FakeToys:
    def __init__(self):
        self._toys = {}
        self.app = Starlette(
            routes=[
                Route("/make", self.make, methods=["POST"]),
                Route("/state/{id}", self.state),
                Route("/toys/{id}", self.deliver),
            ]
        )

    async def make(self, request):
        if request.headers.get("authorization") != "Toy toy_test":
            return JSONResponse({"detail": "Who are you?"}, 401)
        toy = f"toy-{len(self._toys)}"
        self._toys[toy] = {"body": await request.json(), "polls": 0}
        return JSONResponse({"id": toy})

    async def state(self, request):
        toy = self._toys[request.path_params["id"]]
        toy["polls"] += 1
        if toy["polls"] < 2:
            return JSONResponse({"share": 0.5})
        if "[[moderated]]" in toy["body"]["prompt"]:
            return JSONResponse({"refused": True})
        return JSONResponse({"picture": f"http://toys.example/toys/{request.path_params['id']}"})

    async def deliver(self, request):
        body = self._toys[request.path_params["id"]]["body"]
        return Response(encoded(255 - codec.decode(base64.b64decode(body["image"]))[..., :3], "png"))


async def no_pause(_):
    return None


def settings_of_step_3(key="toy_test", **fields):
    return ToySettings(_env_file=None, toy_key=key, **fields)


@pytest.fixture
def member():
    return Member(
        lambda: build(settings_of_step_3()), lambda: build(settings_of_step_3(None)), "make it a toy", "[[moderated]]"
    )


# What ARCHITECTURE.md promises for it.

PHOTO = np.full((64, 96, 3), (40, 90, 160), np.uint8)


async def test_the_page_and_the_editor_have_it_without_another_line(tmp_path):
    editor = build_editor(settings_of_step_3(data_dir=tmp_path, dev_backends="toy"), REGISTRY)
    await editor.start()
    try:
        project = await editor.projects.create("ann")
        await editor.pictures.open("ann", project.id, encoded(PHOTO, "png"), "photo.png")
        job = await editor.edits.submit("ann", project.id, EditDraft("make it a toy", Tier.DEV))
        turn = await editor.edits.wait("ann", job.id)
        (row,) = (row for row in tier_rows(editor.accounts.tiers("ann")) if row.tier == "dev")
    finally:
        await editor.aclose()

    assert turn.version is not None, turn.job.failure
    assert (turn.version.outcome.backend, turn.version.outcome.price_usd) == ("toy", 0.01)
    assert (row.chosen, row.backends[0].parameters[0].name) == ("toy", "guidance_scale")


def test_make_tables_would_write_it_into_the_documents():
    table = readme.backends_table(REGISTRY, settings_of_step_3(None))

    assert re.search(r"`dev` \| Toy Pictures \(`toy`\) \| Toy 1 \| \$0\.010 ", table)


def test_the_architecture_names_every_step_taken_here():
    text = (readme.ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.partition("## Adding a backend")[2].partition("\n## ")[0]

    for named in (
        "backends/base.py", "build(settings)", "Capabilities", "Submitted", "resume", "backends/hosted/http.py",
        "backends/__init__.py", "kontext_ui/settings.py", "tests/fakes/", "tests/contract/members.py", "make tables",
    ):  # fmt: skip
        assert named in section, named
