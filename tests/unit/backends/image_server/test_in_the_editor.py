"""Image servers behind the editor, over real sockets: a whole edit, one that is stopped, and servers that are gone."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from kontext_ui.bootstrap import build_editor
from kontext_ui.editor import EditDraft
from kontext_ui.edits import Parameters
from kontext_ui.images import codec
from kontext_ui.projects import JobState
from tests.fakes.imageserver import FakeImageServer
from tests.fakes.serving import serving

OWNER = "ann"
WAIT_S = 30.0
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def server():
    with serving(lambda _: FakeImageServer("vllm-omni")) as (fake, address):
        fake.address = address
        yield fake


@pytest.fixture
async def make_desk(make_settings):
    editors = []

    async def make(urls):
        editor = build_editor(make_settings(image_server_urls=urls, image_server_megapixels=0.05))
        editors.append(editor)
        await editor.start()
        project = await editor.projects.create(OWNER, "Test")
        pixels = np.random.default_rng(4).integers(0, 255, (90, 130, 3), np.uint8)
        await editor.pictures.open(OWNER, project.id, codec.encode_png(pixels), "photo.png")
        return editor, project.id

    yield make
    for editor in editors:
        await editor.aclose()


async def send(editor, project, words, parameters=None):
    job = await editor.edits.submit(OWNER, project, EditDraft(words, parameters=parameters or Parameters()))
    return await asyncio.wait_for(editor.edits.wait(OWNER, job.id), WAIT_S)


async def test_an_edit_of_the_tier_local_is_drawn_by_the_server(make_desk, server):
    editor, project = await make_desk(f"{NOBODY},{server.address}/v1")
    turn = await send(editor, project, "make it red", Parameters(seed=11))

    outcome = turn.version.outcome
    assert (outcome.backend, outcome.seed, outcome.price_usd) == ("imageserver", 11, 0)
    assert turn.version.size == (130, 90)
    assert server.received[0]["seed"] == 11


async def test_an_edit_that_is_stopped_cost_nothing(make_desk, server):
    server.gate = asyncio.Event()
    editor, project = await make_desk(server.address)
    job = await editor.edits.submit(OWNER, project, EditDraft("make it red"))
    with editor.projects.subscribe(project) as changes:
        told = None
        while told is None or not told.stage.startswith("sent"):
            change = await asyncio.wait_for(changes.next(WAIT_S), WAIT_S)
            told = change.progress.get(job.id, told)
    await editor.edits.cancel(OWNER, job.id)
    turn = await asyncio.wait_for(editor.edits.wait(OWNER, job.id), WAIT_S)

    assert turn.job.state is JobState.CANCELLED
    assert "Nothing was billed" in turn.job.failure.message


async def test_while_no_server_can_be_reached_the_tier_goes_on_with_this_machines_engines(make_desk):
    editor, project = await make_desk(NOBODY)
    turn = await send(editor, project, "make it darker")

    assert turn.version.outcome.backend == "builtin"
