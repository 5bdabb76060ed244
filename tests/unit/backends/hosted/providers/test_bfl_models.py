"""FLUX.2 and FLUX 3 Image at their makers, against a fake that refuses every field that they do not know."""

from pathlib import Path

import httpx
import numpy as np
import pytest

from kontext_ui.backends.base import EditTask, Hook, models_of
from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers.bfl import CARRIED, HOSTS, BflBackend
from kontext_ui.bootstrap import build_editor
from kontext_ui.editor import EditDraft
from kontext_ui.edits import Done, EditRequest, Mode, Parameters, Running, Size, Submitted
from kontext_ui.errors import BackendUnavailable, InvalidRequest
from kontext_ui.images import codec
from kontext_ui.images.geometry import pad_to_fit, plan_fit, size_of
from kontext_ui.models import catalogue
from tests.fakes.bfl import FakeBfl

NEWER = [model for model in CARRIED if not model.startswith("kontext")]
FLUX2 = [model for model in NEWER if model.startswith("flux2")]
PHOTO = np.random.default_rng(3).integers(40, 200, (1503, 1000, 3), np.uint8)


async def no_pause(_):
    return None


@pytest.fixture
def fake():
    fake = FakeBfl()
    yield fake
    assert fake.trouble == []


@pytest.fixture
def backend(fake):
    transport = httpx.ASGITransport(app=fake.app)
    base = "https://api.eu.bfl.ai"
    return BflBackend(Provider("bfl", "BFL", base, HOSTS, transport=transport, sleep=no_pause), "bfl_test")


def sent_as(model, parameters=None):
    rule = catalogue.MODELS[model].offer(CARRIED[model].parameters).at(parameters or Parameters()).size_rule
    return pad_to_fit(PHOTO, plan_fit(size_of(PHOTO), rule))


async def run(backend, model, *, task=None, instruction="make the door red", **parameters):
    given = Parameters(**parameters)
    task = task or EditTask("job", input_image=sent_as(model, given))
    picture = None if task.input_image is None else "d"
    tier = catalogue.MODELS[model].tier
    request = EditRequest(instruction, tier, "bfl", model=model, input_image=picture, parameters=given)
    return [event async for event in backend.edit(request, task)]


def offer_of(backend, model):
    tier = catalogue.MODELS[model].tier
    return next(offer for offer in models_of(backend, tier) if offer.model_id == model)


@pytest.mark.parametrize("model", FLUX2)
async def test_flux_2_is_asked_for_the_size_that_it_is_sent(backend, fake, model):
    events = await run(backend, model, seed=5)

    (body,) = fake.submitted
    asked = Size(body["width"], body["height"])
    assert asked == size_of(sent_as(model)) == size_of(events[-1].result.pixels)
    assert (body["seed"], body["output_format"]) == (5, "png")
    assert "aspect_ratio" not in body


async def test_four_megapixels_draw_the_photos_own_size_and_cost_more(backend, fake):
    events = await run(backend, "flux2-pro", resolution="4 MP")

    (body,) = fake.submitted
    assert 1.45e6 < body["width"] * body["height"] < 1.6e6
    submitted = next(event for event in events if isinstance(event, Submitted))
    assert submitted.price_usd == pytest.approx(0.075)


async def test_another_shape_is_asked_for_in_pixels(backend, fake):
    await run(backend, "flux2-pro", aspect_ratio="16:9")

    (body,) = fake.submitted
    assert body["width"] / body["height"] == pytest.approx(16 / 9, rel=0.01)


async def test_only_flex_knows_steps_guidance_and_rewritten_words(backend, fake):
    await run(backend, "flux2-flex")
    await run(backend, "flux2-pro")

    flex, pro = fake.submitted
    assert (flex["steps"], flex["guidance"], flex["prompt_upsampling"]) == (50, 5.0, False)
    assert not {"steps", "guidance", "prompt_upsampling"} & set(pro)


async def test_flux_3_gets_its_own_fields_and_nothing_of_the_others(backend, fake):
    hook = Hook("https://me.example/hook", "secret")
    task = EditTask("job", input_image=sent_as("flux3-image"), reference_images=(PHOTO,), hook=hook)

    events = await run(backend, "flux3-image", task=task)

    (body,) = fake.submitted
    assert set(body) == {"path", "prompt", "images", "aspect_ratio", "resolution", "safety_tolerance", "grounding"}
    assert (len(body["images"]), body["aspect_ratio"], body["grounding"]) == (2, "auto", False)
    stages = [event.stage for event in events if isinstance(event, Running)]
    assert {"planning the edit", "drawing"} <= set(stages)
    assert events[-1].result.seed is None


async def test_flux_3_draws_from_words_alone(backend, fake):
    events = await run(backend, "flux3-image", task=EditTask("job"), aspect_ratio="3:2")

    assert "images" not in fake.submitted[0]
    assert isinstance(events[-1], Done)


async def test_searching_the_web_is_asked_for_only_when_somebody_wants_it(backend, fake):
    await run(backend, "flux3-image", grounding=True)

    assert fake.submitted[0]["grounding"] is True


@pytest.mark.parametrize("model", NEWER)
async def test_the_price_before_sending_is_what_the_provider_then_says(backend, model):
    offer = offer_of(backend, model)
    canvas = size_of(sent_as(model))

    events = await run(backend, model)

    told = next(event for event in events if isinstance(event, Submitted)).price_usd
    assert told == pytest.approx(offer.price_rule.usd(canvas.megapixels, [canvas.megapixels]))


@pytest.mark.parametrize("model", NEWER)
async def test_no_more_pictures_are_sent_than_the_model_takes(backend, fake, model):
    most = catalogue.MODELS[model].pictures
    task = EditTask("job", input_image=sent_as(model), reference_images=(PHOTO[:400, :400],) * 12)

    await run(backend, model, task=task)

    (body,) = fake.submitted
    sent = [name for name in body if name.startswith("input_image")]
    assert len(body.get("images", sent)) == most
    assert offer_of(backend, model).max_reference_images == most - 1


@pytest.mark.parametrize("model", NEWER)
async def test_a_failed_task_may_come_as_503_with_its_state(backend, model):
    with pytest.raises(BackendUnavailable):
        await run(backend, model, instruction="[[error_503]]")


async def test_a_picture_too_small_for_the_model_is_refused_in_words(backend):
    small = np.full((100, 100, 3), 90, np.uint8)

    with pytest.raises(InvalidRequest, match="256x256"):
        await run(backend, "flux3-image", task=EditTask("job", input_image=small))


@pytest.mark.parametrize("model", NEWER)
def test_only_kontext_has_a_masked_model_of_its_own(backend, model):
    assert Mode.INPAINT not in offer_of(backend, model).modes


@pytest.mark.parametrize("model", ["flux2-pro", "flux2-klein-4b", "flux3-image"])
async def test_what_the_edit_did_not_change_is_the_photos_own(make_settings, tmp_path, fake, backend, model):
    editor = build_editor(make_settings(data_dir=tmp_path, bfl_api_key="bfl_test"))
    editor.edits._router.backends["bfl"]._http = backend._http
    await editor.start()
    try:
        project = await editor.projects.create("ann")
        data = (Path(__file__).parents[4] / "data" / "photos" / "china.jpg").read_bytes()
        root = await editor.pictures.open("ann", project.id, data, "china.jpg")
        draft = EditDraft("make the middle red", catalogue.MODELS[model].tier, model=model)
        turn = await editor.edits.wait("ann", (await editor.edits.submit("ann", project.id, draft)).id)
        pictures = [await editor.pictures.path("ann", project.id, each.digest) for each in (root, turn.version)]
        before, after = (codec.decode(path.read_bytes()) for path in pictures)
    finally:
        await editor.aclose()

    assert turn.version.size == root.size
    same = (before[..., :3] == after[..., :3]).all(axis=2)
    assert same[:80].all()
    assert same[-80:].all()
    assert 0.6 < same.mean() < 0.97
    assert fake.trouble == []
