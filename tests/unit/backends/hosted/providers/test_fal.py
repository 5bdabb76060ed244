"""The fal adapter against a fake that behaves as their documents say."""

import base64
import logging

import httpx
import numpy as np
import pytest

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers.fal import HOSTS, FalBackend
from kontext_ui.edits import Done, EditRequest, Parameters, Running, Submitted, Tier
from kontext_ui.errors import (
    BackendUnavailable,
    Billed,
    ContentModerated,
    CredentialsRejected,
    DeadlineExceeded,
    InvalidRequest,
    KontextError,
    MissingCredentials,
    OutOfCredit,
    RateLimited,
    UnexpectedAnswer,
)
from kontext_ui.images import codec
from tests.fakes.fal import FakeFal
from tests.unit.backends.hosted.providers.test_bfl import Time

KEY = "fal-id:fal-secret"


@pytest.fixture
def fake():
    fake = FakeFal()
    yield fake
    assert fake.trouble == []


@pytest.fixture
def make_backend(fake):
    def make(key=KEY, transport=None):
        time = Time()
        transport = transport or httpx.ASGITransport(app=fake.app)
        base = "https://queue.fal.run"
        return FalBackend(
            Provider("fal", "fal", base, HOSTS, transport=transport, sleep=time.sleep, clock=time.clock), key
        )

    return make


@pytest.fixture
def picture():
    return np.random.default_rng(3).integers(40, 200, (88, 118, 3), np.uint8)


def request(instruction="Turn the red door blue", tier=Tier.PRO, **parameters):
    return EditRequest(instruction, tier, "fal", input_image="x", parameters=Parameters(**parameters))


async def events(backend, picture, wanted=None, **task):
    return [e async for e in backend.edit(wanted or request(), EditTask("job", input_image=picture, **task))]


def pixels_in(address):
    head, _, data = address.partition(",")
    assert head == "data:image/png;base64"
    return codec.decode(base64.b64decode(data, validate=True))


async def test_the_request_is_the_documented_one_and_nothing_else(make_backend, fake, picture):
    await events(make_backend(), picture, request(guidance_scale=3.5, safety_tolerance=2, seed=42))

    sent = dict(fake.submitted[0])
    assert np.array_equal(pixels_in(sent.pop("image_url")), picture)
    assert sent == {
        "model": "fal-ai/flux-pro/kontext",
        "prompt": "Turn the red door blue",
        "guidance_scale": 3.5,
        "num_images": 1,
        "output_format": "png",
        "safety_tolerance": "2",
        "seed": 42,
    }


async def test_an_edit_is_queued_polled_and_fetched(make_backend, fake, picture):
    found = await events(make_backend(), picture)

    submitted = found[0]
    assert isinstance(submitted, Submitted)
    here = f"https://queue.fal.run/fal-ai/flux-pro/requests/{submitted.remote_id}"
    assert submitted.poll_url == f"{here}/status"
    assert submitted.details == {"result": here, "cancel": f"{here}/cancel"}
    assert [event.queue_position for event in found if isinstance(event, Running)] == [3, None]
    assert found[-1].result.seed == 42
    assert found[-1].result.request_id == submitted.remote_id
    assert found[-1].result.pixels.shape == (880, 1184, 3)


async def test_dev_has_its_own_fields(make_backend, fake, picture):
    wanted = request(
        tier=Tier.DEV,
        aspect_ratio="16:9",
        num_inference_steps=20,
        guidance_scale=2.5,
        acceleration="regular",
        prompt_upsampling=True,
        output_format="jpeg",
    )
    found = await events(make_backend(), picture, wanted)

    sent = dict(fake.submitted[0])
    del sent["image_url"]
    assert sent == {
        "model": "fal-ai/flux-kontext/dev",
        "prompt": "Turn the red door blue",
        "num_images": 1,
        "num_inference_steps": 20,
        "guidance_scale": 2.5,
        "acceleration": "regular",
        "enhance_prompt": True,
        "resolution_mode": "16:9",
        "output_format": "jpeg",
    }
    assert found[-1].result.pixels.shape == (752, 1392, 3)


@pytest.mark.parametrize(
    ("tier", "model"),
    [(Tier.PRO, "fal-ai/flux-pro/kontext/multi"), (Tier.MAX, "fal-ai/flux-pro/kontext/max/multi")],
)
async def test_references_go_to_the_model_for_several_in_order(make_backend, fake, picture, tier, model):
    small = np.full((64, 64, 3), 9, np.uint8)
    await events(make_backend(), picture, request(tier=tier), reference_images=(small, small + 1))

    assert fake.submitted[0]["model"] == model
    assert "image_url" not in fake.submitted[0]
    sent = [pixels_in(address) for address in fake.submitted[0]["image_urls"]]
    assert all(np.array_equal(a, b) for a, b in zip(sent, (picture, small, small + 1), strict=True))


@pytest.mark.parametrize(
    ("tier", "model"),
    [(Tier.PRO, "fal-ai/flux-pro/kontext/text-to-image"), (Tier.MAX, "fal-ai/flux-pro/kontext/max/text-to-image")],
)
async def test_without_a_picture_one_is_made_from_text(make_backend, fake, tier, model):
    found = await events(make_backend(), None, request("a lighthouse", tier=tier, aspect_ratio="16:9"))

    assert fake.submitted[0] == {
        "model": model, "prompt": "a lighthouse", "num_images": 1, "output_format": "png", "aspect_ratio": "16:9",
    }  # fmt: skip
    assert found[-1].result.pixels.shape == (752, 1392, 3)


async def test_dev_says_that_it_needs_a_picture(make_backend, fake):
    with pytest.raises(InvalidRequest):
        await events(make_backend(), None, request(tier=Tier.DEV))
    assert fake.submitted == []


@pytest.mark.parametrize(
    "scenario",
    ["flaky", "passing_error", "busy_once", "early", "inline", "one_image", "bare_submit", "new_word", "foreign_status"]
    + [f"late_{code}" for code in (404, 408, 409, 410, 425, 429)],
)
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
        ("malformed", UnexpectedAnswer, Billed.MAYBE),
        ("vanished", UnexpectedAnswer, Billed.MAYBE),
        ("completed_failure", BackendUnavailable, Billed.MAYBE),
        # fal charges for no 5xx, and may for a 422 on which a machine has spent time.
        ("failed", BackendUnavailable, Billed.NO),
        ("timeout", BackendUnavailable, Billed.NO),
        ("image_load_error", InvalidRequest, Billed.MAYBE),
        ("image_too_small", InvalidRequest, Billed.MAYBE),
        ("refused_after_all", BackendUnavailable, Billed.MAYBE),
        ("no_output", UnexpectedAnswer, Billed.YES),
        ("bad_inline", UnexpectedAnswer, Billed.YES),
        ("expired", UnexpectedAnswer, Billed.YES),
        ("not_a_picture", UnexpectedAnswer, Billed.YES),
        ("foreign_sample", UnexpectedAnswer, Billed.MAYBE),
        ("stall", DeadlineExceeded, Billed.MAYBE),
    ],
)
async def test_every_failure_ends_in_its_own_error(make_backend, fake, picture, scenario, error, billed):
    fake.scenario = scenario

    with pytest.raises(error) as caught:
        await events(make_backend(), picture)

    assert caught.value.billed is billed
    assert caught.value.message.endswith(".")
    assert "base64" not in caught.value.message
    assert len(fake.submitted) <= 1


@pytest.mark.parametrize(
    ("scenario", "stage", "billed"),
    [
        ("moderated", "input", Billed.MAYBE),
        ("completed_error", "output", Billed.MAYBE),
        ("header_only", "output", Billed.MAYBE),
        ("black", "output", Billed.MAYBE),
    ],
)
async def test_moderation_is_told_with_its_stage(make_backend, fake, picture, scenario, stage, billed):
    fake.scenario = scenario

    with pytest.raises(ContentModerated) as caught:
        await events(make_backend(), picture)

    assert (caught.value.stage, caught.value.billed) == (stage, billed)
    assert caught.value.may_retry is (stage == "output")


async def test_what_fal_calls_not_worth_a_retry_is_not_offered_again(make_backend, fake, picture):
    for scenario, worth in (("failed", False), ("timeout", True)):
        fake.scenario = scenario
        with pytest.raises(BackendUnavailable) as caught:
            await events(make_backend(), picture)
        assert caught.value.may_retry is worth


async def test_a_wrong_key_is_said_to_be_wrong(make_backend, picture):
    with pytest.raises(CredentialsRejected):
        await events(make_backend("other:key"), picture)


async def test_without_a_key_nothing_is_sent_and_a_visitors_own_key_is_enough(make_backend, fake, picture):
    backend = make_backend(key=None)
    assert "FAL_KEY" in backend.check().reason
    with pytest.raises(MissingCredentials):
        await events(backend, picture)
    assert fake.submitted == []

    assert backend.check(KEY).ready
    assert isinstance((await events(backend, picture, key=KEY))[-1], Done)


async def under_way(backend, picture, steps):
    """An edit as the program holds it after so many events, and the task that would cancel it."""
    stream = backend.edit(request(), EditTask("job", input_image=picture))
    found = [await anext(stream) for _ in range(steps)]
    submitted = found[0]
    task = EditTask("job", remote_id=submitted.remote_id, poll_url=submitted.poll_url, details=submitted.details)
    return stream, task


async def test_what_still_waits_in_the_queue_is_cancelled_for_nothing(make_backend, fake, picture):
    backend = make_backend()
    stream, task = await under_way(backend, picture, 1)

    assert await backend.cancel(task) is Billed.NO
    assert fake.cancelled() == 1
    await stream.aclose()


async def test_what_a_machine_has_begun_may_still_be_billed(make_backend, fake, picture):
    fake.scenario = "stall"
    backend = make_backend()
    stream, task = await under_way(backend, picture, 3)

    assert await backend.cancel(task) is Billed.MAYBE
    assert fake.cancelled() == 1
    await stream.aclose()


async def test_what_is_finished_cannot_be_cancelled_and_is_billed(make_backend, fake, picture):
    backend = make_backend()
    submitted = (await events(backend, picture))[0]

    task = EditTask("job", remote_id=submitted.remote_id, poll_url=submitted.poll_url, details=submitted.details)
    assert await backend.cancel(task) is Billed.YES
    assert fake.cancelled() == 0


async def test_a_job_is_resumed_from_its_address_and_nothing_is_sent(make_backend, fake, picture):
    submitted = (await events(make_backend(), picture))[0]
    for known in ({"poll_url": submitted.poll_url, "details": submitted.details}, {}):
        task = EditTask("job", remote_id=submitted.remote_id, **known)
        found = [event async for event in make_backend().resume(request(), task)]
        assert isinstance(found[-1], Done)
    assert len(fake.submitted) == 1


async def test_the_key_is_never_logged_nor_told(make_backend, fake, picture, caplog):
    caplog.set_level(logging.DEBUG)
    told = repr(make_backend()) + repr(EditTask("job", key=KEY))
    for scenario in ("success", "broken_submit", "moderated", "foreign_sample", "failed", "quotes_key"):
        fake.scenario = scenario
        try:
            told += repr(await events(make_backend(), picture))
        except KontextError as error:
            told += repr(error) + str(vars(error))

    assert KEY not in told + caplog.text


@pytest.mark.parametrize(("kind", "attempts"), [(httpx.ConnectError, 4), (httpx.ReadTimeout, 1)])
async def test_only_unsent_requests_are_sent_again(make_backend, picture, kind, attempts):
    sent = []

    def fail(outgoing):
        sent.append(outgoing)
        raise kind("secret detail")

    with pytest.raises(BackendUnavailable) as caught:
        await events(make_backend(transport=httpx.MockTransport(fail)), picture)

    assert len(sent) == attempts
    assert caught.value.billed is (Billed.NO if attempts > 1 else Billed.MAYBE)


async def test_a_word_in_one_prompt_changes_no_later_request_of_the_fake(make_backend, fake, picture):
    with pytest.raises(RateLimited):
        await events(make_backend(), picture, request("[[busy]]"))

    assert isinstance((await events(make_backend(), picture))[-1], Done)


async def test_the_backup_domain_of_fals_own_client_is_known(make_backend):
    await make_backend()._http.check_url("https://queue.falrun.com/fal-ai/flux-pro/requests/1/status")
