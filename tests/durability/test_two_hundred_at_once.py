"""Two hundred edits in flight on one process: all arrive, each in its own project."""

import asyncio
import base64
import dataclasses

import httpx
import numpy as np
import pytest
from starlette.responses import Response

from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers.bfl import HOSTS, BflBackend
from kontext_ui.editor import EditDraft, Editor
from kontext_ui.editor.budgets import Budgets
from kontext_ui.editor.jobs.router import Router
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.edits import Size, SizeRule, Tier
from kontext_ui.history.blobs import BlobStore
from kontext_ui.history.store import HistoryStore
from kontext_ui.images import codec
from kontext_ui.projects import JobState
from tests.fakes.bfl import FakeBfl

PROJECTS = 8
EACH = 25
AT_ONCE = 24 * PROJECTS
"""An account has 24 places, and every visitor here has an account of their own: one edit of each waits in line."""
SIDE = 64
LIMITS = codec.ImageLimits(max_bytes=10_000_000, max_pixels=10_000_000)


class SlowBfl(FakeBfl):
    """Answers nobody before all places are taken. A result says by its colour whose picture and which edit it is."""

    def __init__(self):
        super().__init__()
        self.full = asyncio.Event()

    async def submit(self, request):
        self.key = request.headers["x-key"]
        answer = await super().submit(request)
        if len(self.submitted) >= AT_ONCE:
            self.full.set()
        return answer

    async def poll(self, request):
        self.key = request.headers["x-key"]
        self.pending = 0 if self.full.is_set() else 1_000_000
        return await super().poll(request)

    async def deliver(self, request):
        body = self._tasks[request.path_params["id"]]["body"]
        sent = codec.decode(base64.b64decode(body["input_image"], validate=True))
        number = int(body["prompt"].rsplit(" ", 1)[1])
        answer = np.full((SIDE, SIDE, 3), (*sent[SIDE // 2, SIDE // 2, :2], 255 - 5 * number), np.uint8)
        return Response(codec.encode_png(answer))


class SmallBfl(BflBackend):
    """The real adapter with a small picture size, so that the test is about waiting and not about pixels."""

    def capabilities(self, tier):
        return dataclasses.replace(super().capabilities(tier), size_rule=SizeRule("list", sizes=(Size(SIDE, SIDE),)))


def colour_of(project):
    return (20 + 25 * project, 220 - 25 * project, 0)


@pytest.fixture
async def editor(tmp_path):
    fake = SlowBfl()

    async def pause(_):
        await fake.full.wait()

    provider = Provider(
        "bfl", "BFL", "https://api.bfl.ai", HOSTS, transport=httpx.ASGITransport(app=fake.app), sleep=pause
    )
    store = HistoryStore(tmp_path / "history.sqlite3")
    editor = Editor(
        store,
        PixelStore(BlobStore(tmp_path / "images")),
        Router({"bfl": SmallBfl(provider, None)}),
        LIMITS,
        Budgets(store, project_usd=None, day_usd=None),
    )
    await editor.start()
    editor.fake = fake
    yield editor
    await editor.aclose()


async def open_photo(editor, number):
    owner = f"visitor {number}"
    editor.accounts.set_key(owner, "bfl", f"bfl_{number}")
    project = await editor.projects.create(owner, f"Project {number}")
    photo = np.full((SIDE, SIDE, 3), colour_of(number), np.uint8)
    root = await editor.pictures.open(owner, project.id, codec.encode_png(photo), "photo.png")
    return owner, project.id, root.id


async def test_all_arrive_in_their_own_projects(editor):
    opened = [await open_photo(editor, number) for number in range(PROJECTS)]
    jobs = {}
    for edit in range(EACH):
        for number, (owner, project, root) in enumerate(opened):
            draft = EditDraft(f"make it number {edit}", Tier.PRO, parent=root)
            jobs[(await editor.edits.submit(owner, project, draft)).id] = (number, edit)

    turns = await asyncio.gather(*(editor.edits.wait(opened[number][0], job) for job, (number, _) in jobs.items()))

    assert len(editor.fake.submitted) == PROJECTS * EACH
    assert editor.fake.trouble == []
    for turn in turns:
        number, edit = jobs[turn.job.id]
        assert turn.job.state is JobState.DONE
        assert turn.version.project == opened[number][1]
        path = await editor.pictures.path(opened[number][0], opened[number][1], turn.version.digest)
        pixels = codec.decode(path.read_bytes())
        assert tuple(pixels[SIDE // 2, SIDE // 2]) == (*colour_of(number)[:2], 255 - 5 * edit)
    for owner, project, _ in opened:
        view = await editor.projects.open(owner, project)
        assert len(view.versions) == EACH + 1
        assert view.jobs == ()
        assert (await editor.budgets.of(owner, project))[0].spent_usd == pytest.approx(0.04 * EACH)
