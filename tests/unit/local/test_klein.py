"""FLUX.2 [klein] on this machine, on a tiny pipeline of the real classes."""

from __future__ import annotations

import asyncio
import shutil

import numpy as np
import pytest
from PIL import Image

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.diffusers import DiffusersBackend, EngineConfig, config_of
from kontext_ui.backends.diffusers.checks import readiness
from kontext_ui.backends.diffusers.config import Drawing
from kontext_ui.backends.diffusers.engine import make_drawing
from kontext_ui.backends.diffusers.families import ALL, KLEIN_4B, KLEIN_9B, KONTEXT, weights_for
from kontext_ui.backends.diffusers.loading import load
from kontext_ui.backends.diffusers.painter import Painter
from kontext_ui.bootstrap import build_editor
from kontext_ui.editor import EditDraft
from kontext_ui.edits import Done, EditRequest, Parameters, Readiness, Reference, Size, Tier
from kontext_ui.errors import EditCancelled, InvalidSetting, ModelNotInstalled, OutOfMemory
from kontext_ui.images import codec
from kontext_ui.images.geometry import plan_fit, size_of
from tests import tiny_klein, tiny_kontext

SIZE = Size(112, 80)
WAIT_S = 120.0


def photo(size=SIZE, seed=1):
    return np.random.default_rng(seed).integers(0, 255, (size.height, size.width, 3), np.uint8)


def request(**parameters):
    return EditRequest("make it red", Tier.LOCAL, "diffusers", input_image="d", parameters=Parameters(**parameters))


def backend_of(**fields):
    config = EngineConfig(**{"model": KLEIN_4B.hub, "megapixels": 1.0, **fields})
    return DiffusersBackend(config, check=lambda asked: Readiness(asked.model == config.model))


@pytest.mark.parametrize("weights", ALL, ids=lambda weights: weights.hub)
def test_weights_are_known_by_their_name(weights):
    assert weights_for(weights.hub) is weights
    assert weights_for(weights.hub.upper()) is weights


def test_a_fine_tune_is_known_by_its_folder_and_until_it_is_there_by_its_name(tmp_path):
    (tmp_path / "model_index.json").write_text('{"_class_name": "Flux2KleinPipeline"}')
    assert weights_for("someone/portraits", tmp_path) is KLEIN_4B
    assert weights_for("someone/portraits-9b", tmp_path) is KLEIN_9B
    assert weights_for("someone/klein-portraits") is KLEIN_4B
    assert weights_for("someone/portraits") is KONTEXT
    (tmp_path / "model_index.json").write_text("[]")
    assert weights_for("someone/portraits", tmp_path) is KONTEXT


def test_it_offers_four_steps_no_guidance_and_three_references():
    offer = backend_of().capabilities(Tier.LOCAL)
    defaults = {parameter.name: parameter.default for parameter in offer.parameters}

    assert offer.model == "FLUX.2 [klein] 4B"
    assert defaults["num_inference_steps"] == 4
    assert "guidance_scale" not in defaults
    assert "distilled" in offer.unsupported["guidance_scale"]
    assert offer.max_reference_images == 3
    assert any("Apache-2.0" in note for note in offer.notes)
    assert backend_of(model=KONTEXT.hub).capabilities(Tier.LOCAL).max_reference_images == 0


@pytest.mark.parametrize("size", [Size(1000, 1503), Size(257, 300), Size(1800, 600), Size(64, 64), Size(6000, 4000)])
def test_a_photo_of_any_shape_is_drawn_in_its_own_without_being_cropped_or_shrunk_inside(size):
    rule = backend_of().capabilities(Tier.LOCAL).size_rule
    fit = plan_fit(size, rule)
    drawing = make_drawing(request(), EditTask("job", input_image=photo(fit.canvas)), EngineConfig(), KLEIN_4B)

    assert size_of(drawing.source) == drawing.size == fit.canvas
    assert drawing.size.width % 16 == drawing.size.height % 16 == 0
    assert min(drawing.size) >= 64
    assert drawing.size.width * drawing.size.height <= 1024**2
    assert fit.padded < 0.02
    assert (drawing.steps, drawing.guidance) == (4, None)


def test_references_come_in_sizes_that_fit_too():
    task = EditTask("job", input_image=photo(), reference_images=(photo(Size(2000, 1501)), photo(Size(30, 40))))
    drawing = make_drawing(request(), task, EngineConfig(), KLEIN_4B)

    for reference in drawing.references:
        assert min(size_of(reference)) >= 64
        assert size_of(reference).width % 16 == size_of(reference).height % 16 == 0
        assert reference.shape[0] * reference.shape[1] <= 1024**2


def test_weights_that_serve_nobody_else_are_not_offered_where_others_are_served(make_settings):
    def answer(**fields):
        return readiness(config_of(make_settings(**fields)), lambda _: True, lambda: True)

    refused = answer(host="0.0.0.0", diffusers_model=KONTEXT.hub)
    assert "licence of FLUX.1 Kontext [dev]" in refused.reason
    assert KLEIN_4B.hub in refused.hint
    for fields in ({"host": "127.0.0.1"}, {"host": "0.0.0.0", "diffusers_licensed": True}):
        assert "licence of" not in answer(diffusers_model=KONTEXT.hub, **fields).reason


@pytest.mark.parametrize(
    ("fields", "model"),
    [
        ({"host": "127.0.0.1"}, KONTEXT),
        ({"host": "0.0.0.0"}, KLEIN_4B),
        ({"host": "127.0.0.1", "public_url": "https://pictures.example"}, KLEIN_4B),
        ({"host": "0.0.0.0", "diffusers_licensed": True}, KONTEXT),
    ],
)
def test_the_usual_weights_are_those_that_may_be_used_for_whoever_is_served(make_settings, fields, model):
    assert config_of(make_settings(**fields)).model == model.hub


def test_weights_without_a_gate_are_fetched_without_a_licence_to_accept():
    hints = [readiness(EngineConfig(model=each.hub), lambda _: True, lambda: True).hint for each in (KLEIN_4B, KONTEXT)]

    assert ["licence" in hint for hint in hints] == [False, True]
    assert all("doctor --download" in hint for hint in hints)


@pytest.fixture(scope="module")
def loaded():
    return load(tiny_klein.config(), 0)


@pytest.fixture
def painter(loaded):
    return Painter(tiny_klein.config(), lambda config, below: loaded)


def drawing(size=SIZE, **fields):
    usual = {"prompt": "make it red", "steps": 4, "guidance": None, "seed": 7, "source": photo(size)}
    return Drawing(size=size, **{**usual, **fields})


def draw(painter, wanted, tell=lambda _: None, stopped=lambda: False):
    return painter.draw(wanted, tell, stopped).pixels


@pytest.mark.local
def test_the_picture_is_the_librarys_own(painter, loaded):
    import torch

    with torch.inference_mode():
        expected = loaded.pipe(
            image=Image.fromarray(photo()),
            prompt="make it red",
            num_inference_steps=4,
            max_sequence_length=32,
            generator=torch.Generator("cpu").manual_seed(7),
        ).images[0]
    first, again = draw(painter, drawing()), draw(painter, drawing())

    difference = np.abs(first.astype(int) - np.asarray(expected))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001
    assert np.array_equal(first, again)
    assert not np.array_equal(first, draw(painter, drawing(seed=8)))


@pytest.mark.local
def test_each_reference_is_looked_at(painter):
    pictures = [
        draw(painter, drawing(references=references))
        for references in ((), (photo(seed=2),), (photo(seed=2), photo(Size(64, 96), seed=3)))
    ]

    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[1], pictures[2])


@pytest.mark.local
@pytest.mark.parametrize("size", [Size(64, 96), Size(192, 64), Size(80, 80)], ids=str)
def test_the_picture_has_the_size_that_was_asked_for(painter, size):
    assert draw(painter, drawing(size, steps=1)).shape == (size.height, size.width, 3)


@pytest.mark.local
def test_words_alone_draw_a_picture_too(painter):
    assert draw(painter, drawing(source=None)).shape == (80, 112, 3)


@pytest.mark.local
def test_half_way_it_shows_where_the_picture_is_heading(loaded):
    told = []
    painter = Painter(tiny_klein.config(preview_every=3), lambda config, below: loaded)
    result = draw(painter, drawing(steps=12), told.append).astype(int)

    previews = [event.preview for event in told if event.preview is not None]
    assert [preview.shape for preview in previews] == [result.shape] * 3
    errors = [np.abs(preview - result).mean() for preview in previews]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.7 * errors[0]


@pytest.mark.local
def test_a_stop_ends_before_the_next_step(painter):
    told = []
    with pytest.raises(EditCancelled):
        draw(painter, drawing(steps=20), told.append, lambda: len(told) > 3)
    assert told[-1].stage == "step 2 of 20"
    assert draw(painter, drawing()).shape == (80, 112, 3)


@pytest.mark.local
def test_out_of_memory_is_said_and_the_next_edit_loads_again(loaded, monkeypatch):
    import torch

    loads = []
    painter = Painter(tiny_klein.config(), lambda config, below: loads.append(below) or loaded)

    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(loaded.pipe, "encode_prompt", full)
        with pytest.raises(OutOfMemory):
            draw(painter, drawing())
    draw(painter, drawing())
    assert loads == [0, 0]  # a processor has no smaller configuration


@pytest.mark.local
def test_a_step_cache_is_refused_for_four_steps():
    with pytest.raises(InvalidSetting, match="only 4"):
        load(tiny_klein.config(cache="first-block"), 0)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Both tiny pipelines in the hub's folder on this disk, under the published names."""
    import huggingface_hub.constants

    for weights, tiny in ((KONTEXT, tiny_kontext), (KLEIN_4B, tiny_klein)):
        place = tmp_path / "hub" / f"models--{weights.hub.replace('/', '--')}"
        shutil.copytree(tiny.folder(), place / "snapshots" / "0a1b")
        (place / "refs").mkdir()
        (place / "refs" / "main").write_text("0a1b")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.local
async def test_weights_that_lie_side_by_side_take_turns_while_a_queue_waits(hub):
    backend = DiffusersBackend(EngineConfig(device="cpu", megapixels=0.01, steps=2, text_tokens=32))
    assert [offer.model_id for offer in backend.models(Tier.LOCAL)] == ["", "flux2-klein-4b"]

    async def edit(model):
        wanted = EditRequest("make it red", Tier.LOCAL, "diffusers", input_image="d", model=model)
        return [event async for event in backend.edit(wanted, EditTask("job", model, input_image=photo()))]

    names = ["", "flux2-klein-4b", ""]
    told = await asyncio.wait_for(asyncio.gather(*map(edit, names)), WAIT_S)
    results = [events[-1].result for events in told]
    await backend.aclose()

    assert all(isinstance(events[-1], Done) for events in told)
    assert [result.model for result in results] == ["FLUX.1 Kontext [dev]", "FLUX.2 [klein] 4B", "FLUX.1 Kontext [dev]"]
    assert [result.plan["steps"] for result in results] == [2, 4, 2]
    assert [result.plan["model"] for result in results] == [KONTEXT.hub, KLEIN_4B.hub, KONTEXT.hub]
    assert "loading FLUX.2 [klein] 4B" in [event.stage for event in told[1][:-1]]


async def test_weights_that_went_are_never_replaced_by_others_unsaid():
    backend = backend_of(model=KONTEXT.hub)
    wanted = EditRequest("make it red", Tier.LOCAL, "diffusers", input_image="d", model="flux2-klein-4b")

    with pytest.raises(ModelNotInstalled, match=r"FLUX\.2-klein-4B"):
        _ = [event async for event in backend.edit(wanted, EditTask("job", input_image=photo()))]


def test_other_weights_are_never_fetched_unasked():
    config = EngineConfig(download=True)

    assert readiness(config, lambda _: True, lambda: True).ready
    assert not readiness(config.with_weights(KLEIN_4B.hub), lambda _: True, lambda: True).ready


@pytest.mark.local
async def test_an_edit_with_a_reference_lands_on_the_photos_own_pixels(make_settings):
    settings = make_settings(
        diffusers_model=str(tiny_klein.folder()), diffusers_device="cpu", diffusers_megapixels=0.01
    )
    editor = build_editor(settings)
    await editor.start()
    try:
        project = await editor.projects.create("ann", "Test")
        await editor.pictures.open("ann", project.id, codec.encode_png(photo(Size(257, 300))), "photo.png")
        shoe = await editor.pictures.add_reference("ann", project.id, codec.encode_png(photo(seed=5)))
        draft = EditDraft("wear the shoe", references=(Reference(shoe),), parameters=Parameters(seed=3))
        job = await editor.edits.submit("ann", project.id, draft)
        turn = await asyncio.wait_for(editor.edits.wait("ann", job.id), WAIT_S)
    finally:
        await editor.aclose()
    assert turn.version.outcome.model == "FLUX.2 [klein] 4B"
    assert turn.version.size == (257, 300)
