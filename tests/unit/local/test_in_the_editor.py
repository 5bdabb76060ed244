"""The local model behind the editor: which backend the tier picks, and a whole edit, stopped and finished."""

from __future__ import annotations

import asyncio
import itertools

import numpy as np
import pytest

from kontext_ui.bootstrap import build_editor
from kontext_ui.editor import EditDraft
from kontext_ui.edits import Parameters, Tier
from kontext_ui.images import codec
from kontext_ui.projects import JobState
from tests import tiny_kontext

OWNER = "ann"
WAIT_S = 60.0


@pytest.fixture
async def make_desk(make_settings):
    """An editor with the real registry, and a project with a picture."""
    editors = []

    async def make(**fields):
        editor = build_editor(make_settings(**fields))
        editors.append(editor)
        await editor.start()
        project = await editor.projects.create(OWNER, "Test")
        pixels = np.random.default_rng(4).integers(0, 255, (90, 130, 3), np.uint8)
        await editor.pictures.open(OWNER, project.id, codec.encode_png(pixels), "photo.png")
        return editor, project.id

    yield make
    for editor in editors:
        await editor.aclose()


def local_offers(editor):
    return next(offer for offer in editor.accounts.tiers(OWNER) if offer.tier is Tier.LOCAL).backends


def tiny(**fields):
    small = {"diffusers_device": "cpu", "diffusers_megapixels": 0.01, "diffusers_steps": 3}
    return {"diffusers_model": str(tiny_kontext.folder()), **small, **fields}


async def test_without_weights_the_tier_edits_with_the_basic_engine_and_says_what_is_missing(make_desk):
    editor, project = await make_desk(diffusers_model="nobody/never-fetched")
    offers = {offer.id: offer for offer in local_offers(editor)}
    turn = await send(editor, project, "make it darker")

    assert not offers["diffusers"].ready
    assert offers["diffusers"].reason
    assert offers["diffusers"].hint
    assert turn.version.outcome.backend == "builtin"


@pytest.mark.local
async def test_with_weights_the_tier_edits_with_the_model(make_desk):
    editor, project = await make_desk(**tiny())
    turn = await send(editor, project, "make it red", Parameters(seed=11))

    assert [offer.id for offer in local_offers(editor) if offer.ready] == ["diffusers", "builtin"]
    outcome = turn.version.outcome
    assert (outcome.backend, outcome.seed, outcome.price_usd) == ("diffusers", 11, 0)
    assert turn.version.size == (130, 90)


@pytest.mark.local
async def test_an_edit_that_runs_is_stopped_and_the_next_one_is_drawn(make_desk):
    editor, project = await make_desk(**tiny(diffusers_steps=100))
    job = await editor.edits.submit(OWNER, project, EditDraft("make it red"))
    with editor.projects.subscribe(project) as changes:
        told = None
        while told is None or not told.stage.startswith("step"):
            change = await asyncio.wait_for(changes.next(WAIT_S), WAIT_S)
            told = change.progress.get(job.id, told)
    await editor.edits.cancel(OWNER, job.id)
    turn = await asyncio.wait_for(editor.edits.wait(OWNER, job.id), WAIT_S)
    following = await send(editor, project, "make it red", Parameters(num_inference_steps=4))

    assert turn.job.state is JobState.CANCELLED
    assert "Nothing was billed" in turn.job.failure.message
    assert following.version.outcome.backend == "diffusers"


@pytest.mark.local
async def test_three_variants_arrive_one_by_one_each_by_its_seed(make_desk):
    """The first picture is there while the last one is still being drawn; no two are drawn at once."""
    editor, project = await make_desk(**tiny(diffusers_steps=40))
    root = (await editor.projects.open(OWNER, project)).project.head
    drawn_at, arrived_at, seeds = {}, {}, {}
    with editor.projects.subscribe(project) as changes:
        for seed in (1, 2, 3):
            await editor.edits.submit(
                OWNER, project, EditDraft("make it red", parent=root, parameters=Parameters(seed=seed))
            )
        moment = 0
        while len(arrived_at) < 3:
            change = await asyncio.wait_for(changes.next(WAIT_S), WAIT_S)
            moment += 1
            for job, told in change.progress.items():
                if told.stage.startswith("step"):
                    drawn_at.setdefault(job, []).append(moment)
            for version in change.versions:
                if version.parent == root:
                    arrived_at.setdefault(version.id, moment)
                    seeds[version.outcome.seed] = version.digest

    spans = sorted((moments[0], moments[-1]) for moments in drawn_at.values())
    assert len(spans) == 3
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    assert min(arrived_at.values()) <= spans[-1][1]
    assert sorted(seeds) == [1, 2, 3]
    assert len(set(seeds.values())) == 3


async def send(editor, project, words, parameters=None):
    job = await editor.edits.submit(OWNER, project, EditDraft(words, parameters=parameters or Parameters()))
    return await asyncio.wait_for(editor.edits.wait(OWNER, job.id), WAIT_S)
