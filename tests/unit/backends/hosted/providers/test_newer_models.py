"""FLUX.2 and FLUX 3 Image at providers that spell the same things in their own ways, each against its strict fake."""

import httpx
import numpy as np
import pytest

from kontext_ui.backends.base import EditTask, models_of
from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers import fal, prodia, replicate
from kontext_ui.edits import Done, EditRequest, Parameters, Size
from kontext_ui.errors import InvalidRequest
from kontext_ui.images.geometry import pad_to_fit, plan_fit, size_of
from kontext_ui.models import catalogue
from tests.fakes.fal import FakeFal
from tests.fakes.prodia import FakeProdia
from tests.fakes.replicate import FakeReplicate

PHOTO = np.random.default_rng(3).integers(40, 200, (1503, 1000, 3), np.uint8)
PROVIDERS = {"fal": fal, "replicate": replicate, "prodia": prodia}
CARRIED = [(name, model) for name, provider in PROVIDERS.items() for model in provider.NEWER]


async def no_pause(_):
    return None


@pytest.fixture
def fakes():
    made = {"fal": FakeFal(), "replicate": FakeReplicate(), "prodia": FakeProdia()}
    yield made
    assert [fake.trouble for fake in made.values()] == [[], [], []]


@pytest.fixture
def backends(fakes):
    def provider(name, base, hosts):
        transport = httpx.ASGITransport(app=fakes[name].app)
        return Provider(name, name, base, hosts, transport=transport, sleep=no_pause)

    return {
        "fal": fal.FalBackend(provider("fal", "https://queue.fal.run", fal.HOSTS), "fal-id:fal-secret"),
        "replicate": replicate.ReplicateBackend(
            provider("replicate", "https://api.replicate.com/v1", replicate.HOSTS), "r8_test"
        ),
        "prodia": prodia.ProdiaBackend(
            provider("prodia", "https://inference.prodia.com/v2", prodia.HOSTS), "prodia_test"
        ),
    }


def sent_as(model):
    return pad_to_fit(PHOTO, plan_fit(size_of(PHOTO), catalogue.MODELS[model].size_rule))


def offer_of(backend, model):
    tier = catalogue.MODELS[model].tier
    return next(offer for offer in models_of(backend, tier) if offer.model_id == model)


async def run(backend, model, task=None, **parameters):
    task = task or EditTask("job", input_image=sent_as(model))
    picture = None if task.input_image is None else "d"
    tier, given = catalogue.MODELS[model].tier, Parameters(**parameters)
    request = EditRequest("make the door red", tier, backend.id, model=model, input_image=picture, parameters=given)
    return [event async for event in backend.edit(request, task)]


@pytest.mark.parametrize(("where", "model"), CARRIED)
async def test_an_edit_is_asked_for_with_known_fields_only(backends, fakes, where, model):
    events = await run(backends[where], model)

    (body,) = fakes[where].submitted
    assert isinstance(events[-1], Done)
    assert body.get("output_format", "png") == "png"
    assert not {"input_image", "image_url", "num_images", "prompt_upsampling", "enhance_prompt"} & set(body)


@pytest.mark.parametrize(("where", "model"), CARRIED)
async def test_no_more_pictures_are_sent_than_the_model_takes(backends, fakes, where, model):
    task = EditTask("job", input_image=sent_as(model), reference_images=(PHOTO[:300, :300],) * 12)

    await run(backends[where], model, task)

    (body,) = fakes[where].submitted
    sent = body.get("image_urls") or body.get("input_images") or body.get("images") or range(body["inputs"])
    assert len(sent) == offer_of(backends[where], model).max_reference_images + 1


@pytest.mark.parametrize(("where", "model"), CARRIED)
async def test_a_picture_from_words_alone_is_refused_before_anything_is_sent(backends, fakes, where, model):
    with pytest.raises(InvalidRequest, match="from text alone"):
        await run(backends[where], model, EditTask("job"))

    assert fakes[where].submitted == []


@pytest.mark.parametrize("model", fal.NEWER)
async def test_fal_is_asked_for_the_size_that_it_is_sent(backends, fakes, model):
    events = await run(backends["fal"], model)

    size = fakes["fal"].submitted[0]["image_size"]
    assert Size(**size) == size_of(sent_as(model)) == size_of(events[-1].result.pixels)


async def test_fal_takes_a_safety_tolerance_as_text(backends, fakes):
    await run(backends["fal"], "flux2-pro", safety_tolerance=3)

    assert fakes["fal"].submitted[0]["safety_tolerance"] == "3"


async def test_replicate_searches_the_web_only_when_asked(backends, fakes):
    await run(backends["replicate"], "flux3-image")
    await run(backends["replicate"], "flux3-image", grounding=True)

    assert [body["grounding"] for body in fakes["replicate"].submitted] == [False, True]


@pytest.mark.parametrize(("where", "model"), CARRIED)
def test_a_price_that_is_not_known_is_not_told(backends, where, model):
    offer = offer_of(backends[where], model)

    assert (offer.price_usd is None) == (offer.price_rule is None)
    assert offer.price_rule is not None or offer.price_note or where == "prodia"  # whose answer tells it


@pytest.mark.parametrize("model", prodia.NEWER)
async def test_prodia_is_asked_for_the_size_that_it_is_sent_and_tells_the_price(backends, fakes, model):
    events = await run(backends["prodia"], model, seed=4)

    (job,) = fakes["prodia"].submitted
    assert Size(job["config"]["width"], job["config"]["height"]) == size_of(sent_as(model))
    assert set(job["config"]) == {"prompt", "width", "height", "seed"}
    assert events[-1].result.price_usd > 0
