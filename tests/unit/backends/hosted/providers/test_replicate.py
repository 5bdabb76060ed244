"""The Replicate adapter against a fake that behaves as their documents say."""

import base64

import httpx
import numpy as np
import pytest

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers.replicate import HOSTS, ReplicateBackend
from kontext_ui.edits import Done, EditRequest, Parameters, Submitted, Tier
from kontext_ui.errors import (
    BackendUnavailable,
    Billed,
    ContentModerated,
    CredentialsRejected,
    DeadlineExceeded,
    EditCancelled,
    InvalidRequest,
    OutOfCredit,
    RateLimited,
    UnexpectedAnswer,
)
from kontext_ui.images import codec
from tests.fakes.replicate import FakeReplicate
from tests.unit.backends.hosted.providers.test_bfl import Time


@pytest.fixture
def fake():
    fake = FakeReplicate()
    yield fake
    assert fake.trouble == []


@pytest.fixture
def make_backend(fake):
    def make(key="r8_test", transport=None):
        time = Time()
        transport = transport or httpx.ASGITransport(app=fake.app)
        base = "https://api.replicate.com/v1"
        provider = Provider(
            "replicate", "Replicate", base, HOSTS, transport=transport, sleep=time.sleep, clock=time.clock
        )
        return ReplicateBackend(provider, key)

    return make


@pytest.fixture
def picture():
    return np.random.default_rng(3).integers(40, 200, (88, 118, 3), np.uint8)


def request(instruction="Turn the red door blue", tier=Tier.PRO, **parameters):
    return EditRequest(instruction, tier, "replicate", input_image="x", parameters=Parameters(**parameters))


async def events(backend, picture, wanted=None, **task):
    return [e async for e in backend.edit(wanted or request(), EditTask("job", input_image=picture, **task))]


async def test_an_edit_is_created_polled_and_fetched(make_backend, fake, picture):
    found = await events(make_backend(), picture, request(seed=42, safety_tolerance=2))

    assert isinstance(found[0], Submitted)
    assert found[0].details["cancel"].endswith("/cancel")
    assert found[-1].result.seed == 42
    assert found[-1].result.pixels.shape == (880, 1184, 3)
    sent = dict(fake.submitted[0])
    data = sent.pop("input_image")
    assert data.startswith("data:image/png;base64,")
    assert np.array_equal(codec.decode(base64.b64decode(data.partition(",")[2])), picture)
    assert sent == {
        "model": "flux-kontext-pro",
        "prompt": "Turn the red door blue",
        "aspect_ratio": "match_input_image",
        "output_format": "png",
        "safety_tolerance": 2,
        "seed": 42,
    }


async def test_a_large_picture_is_uploaded_first(make_backend, fake):
    large = np.random.default_rng(1).integers(0, 255, (400, 536, 3), np.uint8)

    assert isinstance((await events(make_backend(), large))[-1], Done)
    assert fake.submitted[0]["input_image"].startswith("https://api.replicate.com/v1/files/")


async def test_dev_has_its_own_names(make_backend, fake, picture):
    await events(
        make_backend(),
        picture,
        request(tier=Tier.DEV, guidance_scale=3.5, num_inference_steps=20, output_format="jpeg"),
    )

    assert fake.submitted[0]["model"] == "flux-kontext-dev"
    assert (fake.submitted[0]["guidance"], fake.submitted[0]["num_inference_steps"]) == (3.5, 20)
    assert fake.submitted[0]["output_format"] == "jpg"


async def test_a_reference_goes_to_the_two_image_model(make_backend, fake, picture):
    await events(make_backend(), picture, request(tier=Tier.MAX), reference_images=(picture,))

    assert fake.submitted[0]["model"] == "multi-image-kontext-max"
    assert {"input_image_1", "input_image_2"} <= set(fake.submitted[0])


@pytest.mark.parametrize("scenario", ["flaky", "busy_once", "early_output", "list", "object", "inline"])
async def test_what_passes_is_waited_out(make_backend, fake, picture, scenario):
    fake.scenario = scenario

    assert isinstance((await events(make_backend(), picture))[-1], Done)
    assert len(fake.submitted) == 1


@pytest.mark.parametrize(
    ("scenario", "error", "billed"),
    [
        ("no_credit", OutOfCredit, Billed.NO),
        ("busy", RateLimited, Billed.NO),
        ("invalid", InvalidRequest, Billed.NO),
        ("broken_submit", BackendUnavailable, Billed.MAYBE),
        ("moderated", ContentModerated, Billed.MAYBE),
        ("failed", BackendUnavailable, Billed.MAYBE),
        ("aborted", BackendUnavailable, Billed.NO),
        ("no_output", UnexpectedAnswer, Billed.YES),
        ("expired", UnexpectedAnswer, Billed.YES),
        ("stall", DeadlineExceeded, Billed.MAYBE),
    ],
)
async def test_every_failure_ends_in_its_own_error(make_backend, fake, picture, scenario, error, billed):
    fake.scenario = scenario

    with pytest.raises(error) as caught:
        await events(make_backend(), picture)

    assert caught.value.billed is billed
    assert caught.value.message.endswith(".")


async def test_a_wrong_token_is_said_to_be_wrong(make_backend, picture):
    with pytest.raises(CredentialsRejected):
        await events(make_backend("r8_other"), picture)


async def test_cancelling_is_real_and_costs_nothing_more(make_backend, fake, picture):
    backend = make_backend()
    fake.scenario = "stall"
    stream = backend.edit(request(), EditTask("job", input_image=picture))
    submitted = await anext(stream)
    task = EditTask("job", remote_id=submitted.remote_id, poll_url=submitted.poll_url, details=submitted.details)

    assert await backend.cancel(task) is Billed.NO
    with pytest.raises(EditCancelled):
        await anext(stream)


async def test_a_job_is_resumed_from_its_address(make_backend, fake, picture):
    submitted = (await events(make_backend(), picture))[0]
    task = EditTask("job", remote_id=submitted.remote_id, poll_url=submitted.poll_url)

    assert isinstance([event async for event in make_backend().resume(request(), task)][-1], Done)
    assert len(fake.submitted) == 1


async def test_a_token_is_checked_without_an_edit(make_backend, fake):
    assert await make_backend().verify_key("r8_test") is None
    with pytest.raises(CredentialsRejected):
        await make_backend().verify_key("r8_wrong")
    assert fake.submitted == []


@pytest.mark.parametrize(("code", "error"), [(401, CredentialsRejected), (404, UnexpectedAnswer)])
async def test_a_poll_that_is_refused_ends_at_once(make_backend, fake, picture, code, error):
    """As problem+json, whose ``status`` is a number and no word of a prediction."""
    fake.scenario = f"poll_{code}"

    with pytest.raises(error):
        await events(make_backend(), picture)

    assert fake.polls() == 1


async def test_a_submit_that_may_have_arrived_is_not_said_to_be_unbilled(make_backend, picture):
    transport = httpx.MockTransport(lambda request: httpx.Response(408, json={"detail": "Request timeout"}))

    with pytest.raises(BackendUnavailable) as caught:
        await events(make_backend(transport=transport), picture)

    assert caught.value.billed is Billed.MAYBE
