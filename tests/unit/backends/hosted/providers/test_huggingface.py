"""The Hugging Face adapter against a router that behaves as their documents say."""

import base64
import logging

import httpx
import numpy as np
import pytest

from kontext_ui.backends.base import Cancellable, EditTask
from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers.huggingface import HOSTS, PARTNERS, HuggingFaceBackend
from kontext_ui.edits import Done, EditRequest, Parameters, Submitted, Tier
from kontext_ui.errors import (
    BackendUnavailable,
    Billed,
    ContentModerated,
    CredentialsRejected,
    DeadlineExceeded,
    InvalidRequest,
    InvalidSetting,
    KontextError,
    MissingCredentials,
    OutOfCredit,
    RateLimited,
    UnexpectedAnswer,
)
from kontext_ui.images import codec
from tests.fakes.huggingface import FakeHuggingFace
from tests.unit.backends.hosted.providers.test_bfl import Time

KEY = "hf_test"
AT_ONCE = tuple(partner for partner in PARTNERS if partner != "fal-ai")


@pytest.fixture
def fake():
    fake = FakeHuggingFace()
    yield fake
    assert fake.trouble == []


@pytest.fixture
def make_backend(fake):
    def make(partner="fal-ai", key=KEY, transport=None, bill_to=""):
        time = Time()
        transport = transport or httpx.ASGITransport(app=fake.app)
        base = "https://router.huggingface.co"
        provider = Provider(
            "huggingface", "Hugging Face", base, HOSTS, transport=transport, sleep=time.sleep, clock=time.clock
        )
        return HuggingFaceBackend(provider, key, partner, bill_to)

    return make


@pytest.fixture
def picture():
    return np.random.default_rng(3).integers(40, 200, (88, 118, 3), np.uint8)


def request(instruction="Turn the red door blue", **parameters):
    return EditRequest(instruction, Tier.DEV, "huggingface", input_image="x", parameters=Parameters(**parameters))


async def events(backend, picture, wanted=None, **task):
    return [e async for e in backend.edit(wanted or request(), EditTask("job", input_image=picture, **task))]


def address_of(picture):
    return f"data:image/png;base64,{base64.b64encode(codec.encode_png(picture)).decode()}"


async def test_fals_body_is_the_documented_one_and_asks_for_png(make_backend, fake, picture):
    await events(make_backend(), picture, request(num_inference_steps=28, guidance_scale=2.5))

    assert fake.submitted == [
        {
            "partner": "fal-ai",
            "bill_to": None,
            "image_url": address_of(picture),
            "image_urls": [address_of(picture)],
            "prompt": "Turn the red door blue",
            "num_inference_steps": 28,
            "guidance_scale": 2.5,
            "output_format": "png",
        }
    ]


async def test_replicates_body_is_the_documented_one_under_its_own_names(make_backend, fake, picture):
    await events(make_backend("replicate"), picture, request(guidance_scale=3.0, output_format="jpeg", seed=1))

    here = address_of(picture)
    assert fake.submitted == [
        {
            "partner": "replicate",
            "bill_to": None,
            "image": here,
            "images": [here],
            "input_image": here,
            "input_images": [here],
            "prompt": "Turn the red door blue",
            "output_format": "jpg",
            "guidance": 3.0,
            "seed": 1,
        }
    ]


async def test_togethers_body_is_the_documented_one(make_backend, fake, picture):
    """The names are those of the official clients, together's own and huggingface_hub's."""
    await events(make_backend("together"), picture, request(num_inference_steps=28, guidance_scale=2.5))

    assert fake.submitted == [
        {
            "partner": "together",
            "bill_to": None,
            "model": "black-forest-labs/FLUX.1-kontext-dev",
            "prompt": "Turn the red door blue",
            "image_url": address_of(picture),
            "response_format": "base64",
            "output_format": "png",
            "steps": 28,
            "guidance_scale": 2.5,
        }
    ]


async def test_their_own_machines_get_the_picture_as_bare_base64(make_backend, fake, picture):
    await events(make_backend("hf-inference"), picture, request(guidance_scale=2.5))

    assert fake.submitted == [
        {
            "partner": "hf-inference",
            "bill_to": None,
            "inputs": base64.b64encode(codec.encode_png(picture)).decode(),
            "parameters": {"prompt": "Turn the red door blue", "guidance_scale": 2.5},
        }
    ]


async def test_the_queue_is_asked_behind_the_router_under_the_doubled_name(make_backend, picture):
    found = await events(make_backend(), picture)

    submitted = found[0]
    here = f"https://router.huggingface.co/fal-ai/fal-ai/flux-kontext/requests/{submitted.remote_id}"
    assert submitted.poll_url == f"{here}/status?_subdomain=queue"
    assert submitted.details == {"result": f"{here}?_subdomain=queue"}
    assert found[-1].result.seed == 42
    assert found[-1].result.pixels.shape == (880, 1184, 3)


@pytest.mark.parametrize("partner", AT_ONCE)
async def test_the_other_partners_answer_at_once_and_promise_no_id(make_backend, fake, picture, partner):
    found = await events(make_backend(partner), picture)

    assert not [event for event in found if isinstance(event, Submitted)]
    assert found[-1].result.pixels.shape == (880, 1184, 3)
    assert fake.requests == 1


async def test_an_organisation_can_pay(make_backend, fake, picture):
    await events(make_backend(bill_to="acme"), picture)

    assert fake.submitted[0]["bill_to"] == "acme"


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_partners_limits_are_what_is_offered(make_backend, partner):
    capabilities = make_backend(partner).capabilities(Tier.DEV)

    assert {"seed", "num_inference_steps", "guidance_scale"} <= {p.name for p in capabilities.parameters}
    assert any(partner in note for note in capabilities.notes)
    assert (capabilities.price_usd is None) is (partner in ("together", "hf-inference"))


@pytest.mark.parametrize(("partner", "scenario"), [("fal-ai", "flaky"), ("fal-ai", "busy_once"), ("replicate", "list")])
async def test_what_passes_is_waited_out(make_backend, fake, picture, partner, scenario):
    fake.scenario = scenario

    assert isinstance((await events(make_backend(partner), picture))[-1], Done)
    assert len(fake.submitted) == 1


FAILURES = [
    *((partner, "no_credit", OutOfCredit, Billed.NO) for partner in PARTNERS),
    *((partner, "loading", BackendUnavailable, Billed.NO) for partner in PARTNERS),
    *((partner, "down", BackendUnavailable, Billed.MAYBE) for partner in PARTNERS),
    *((partner, "malformed", UnexpectedAnswer, Billed.MAYBE) for partner in PARTNERS),
    *((partner, "not_a_picture", UnexpectedAnswer, Billed.YES) for partner in PARTNERS),
    *((partner, "moderated", ContentModerated, billed) for partner, billed in
      (("fal-ai", Billed.MAYBE), ("replicate", Billed.MAYBE))),
    *((partner, "failed", BackendUnavailable, Billed.MAYBE) for partner in ("fal-ai", "replicate")),
    *((partner, "expired", UnexpectedAnswer, Billed.YES) for partner in ("fal-ai", "replicate")),
    ("fal-ai", "forbidden", CredentialsRejected, Billed.NO),
    ("fal-ai", "not_served", BackendUnavailable, Billed.NO),
    ("fal-ai", "invalid", InvalidRequest, Billed.NO),
    ("fal-ai", "busy", RateLimited, Billed.NO),
    ("fal-ai", "odd_address", UnexpectedAnswer, Billed.MAYBE),
    ("fal-ai", "stall", DeadlineExceeded, Billed.MAYBE),
    ("replicate", "too_long", DeadlineExceeded, Billed.MAYBE),
    ("together", "bad_inline", UnexpectedAnswer, Billed.YES),
    ("together", "no_output", UnexpectedAnswer, Billed.MAYBE),
]  # fmt: skip


@pytest.mark.parametrize(("partner", "scenario", "error", "billed"), FAILURES)
async def test_every_failure_ends_in_its_own_error_and_nothing_is_sent_twice(
    make_backend, fake, picture, partner, scenario, error, billed
):
    fake.scenario = scenario

    with pytest.raises(error) as caught:
        await events(make_backend(partner), picture)

    assert caught.value.billed is billed
    assert caught.value.message.endswith(".")
    assert fake.requests == (4 if scenario == "busy" else 1)


async def test_a_token_that_may_not_do_this_is_told_what_it_lacks(make_backend, fake, picture):
    fake.scenario = "forbidden"
    with pytest.raises(CredentialsRejected) as caught:
        await events(make_backend(), picture)

    assert "permission" in caught.value.hint


async def test_it_says_that_it_needs_a_picture(make_backend, fake):
    with pytest.raises(InvalidRequest):
        await events(make_backend(), None)
    assert fake.requests == 0


async def test_a_wrong_key_is_said_to_be_wrong(make_backend, picture):
    with pytest.raises(CredentialsRejected):
        await events(make_backend(key="hf_other"), picture)


async def test_without_a_key_nothing_is_sent_and_a_visitors_own_key_is_enough(make_backend, fake, picture):
    backend = make_backend(key=None)
    assert "HF_TOKEN" in backend.check().reason
    with pytest.raises(MissingCredentials):
        await events(backend, picture)
    assert fake.requests == 0

    assert backend.check(KEY).ready
    assert isinstance((await events(backend, picture, key=KEY))[-1], Done)


async def test_a_job_is_resumed_from_its_address_and_nothing_is_sent(make_backend, fake, picture):
    submitted = (await events(make_backend(), picture))[0]
    for known in ({"poll_url": submitted.poll_url, "details": submitted.details}, {}):
        task = EditTask("job", remote_id=submitted.remote_id, **known)
        found = [event async for event in make_backend().resume(request(), task)]
        assert isinstance(found[-1], Done)
    assert fake.requests == 1


async def test_a_key_is_looked_up_at_the_hub_at_no_cost(make_backend, fake):
    assert await make_backend().verify_key() is None
    assert await make_backend(key=None).verify_key(KEY) is None
    with pytest.raises(CredentialsRejected):
        await make_backend().verify_key("hf_other")
    assert fake.requests == 0


RENAMED = {
    "fal-ai": ("fal-ai/flux-kontext/next", "/fal-ai/fal-ai/flux-kontext/next"),
    "replicate": ("someone/kontext-next", "/replicate/v1/models/someone/kontext-next/predictions"),
    "together": ("someone/kontext-next", "/together/v1/images/generations"),
    "hf-inference": ("someone/kontext-next", "/hf-inference/models/someone/kontext-next"),
}


@pytest.fixture
def paths(fake):
    """Where edits were sent."""
    sent = []

    async def listening(scope, receive, send):
        if scope["method"] == "POST":
            sent.append(scope["path"])
        await fake.app(scope, receive, send)

    return sent, httpx.ASGITransport(app=listening)


@pytest.mark.parametrize("partner", RENAMED)
@pytest.mark.parametrize("as_list", [False, True])
async def test_a_partners_name_for_the_model_is_the_one_that_the_hub_tells(
    make_backend, fake, paths, picture, partner, as_list
):
    sent, transport = paths
    fake.hub_answers_list = as_list
    fake.served[partner], path = RENAMED[partner]
    backend = make_backend(partner, transport=transport)

    for _ in range(2):
        assert isinstance((await events(backend, picture))[-1], Done)

    assert sent == [path, path]
    assert fake.submitted[-1].get("model") in (None, RENAMED[partner][0])
    assert fake.looked_up == 1


async def test_one_version_of_a_model_is_asked_for_as_replicate_wants_it(make_backend, fake, paths, picture):
    sent, transport = paths
    fake.served["replicate"] = "someone/kontext:0a1b2c"

    await events(make_backend("replicate", transport=transport), picture)

    assert sent == ["/replicate/v1/predictions"]
    assert fake.versions == ["0a1b2c"]


@pytest.mark.parametrize("partner", RENAMED)
async def test_where_the_hub_says_nothing_the_known_name_is_asked_for(make_backend, fake, paths, picture, partner):
    sent, transport = paths
    fake.hub_is_down = True
    backend = make_backend(partner, transport=transport)

    for _ in range(2):
        assert isinstance((await events(backend, picture))[-1], Done)

    assert PARTNERS[partner].path_for(PARTNERS[partner].model).startswith(sent[0])
    assert fake.looked_up == 1


async def test_nothing_is_sent_to_a_partner_that_no_longer_serves_the_model(make_backend, fake, picture):
    del fake.served["together"]

    with pytest.raises(BackendUnavailable, match="together does not serve this model") as caught:
        await events(make_backend("together"), picture)

    assert fake.requests == 0
    assert caught.value.billed is Billed.NO


def test_it_promises_no_cancel(make_backend):
    assert not isinstance(make_backend(), Cancellable)


@pytest.mark.parametrize("partner", PARTNERS)
@pytest.mark.parametrize(("kind", "attempts"), [(httpx.ConnectError, 4), (httpx.ReadTimeout, 1)])
async def test_only_unsent_requests_are_sent_again(make_backend, picture, partner, kind, attempts):
    sent = []

    def fail(outgoing):
        if outgoing.method == "POST":
            sent.append(outgoing)
        raise kind("secret detail")

    with pytest.raises(BackendUnavailable) as caught:
        await events(make_backend(partner, transport=httpx.MockTransport(fail)), picture)

    assert len(sent) == attempts
    assert caught.value.billed is (Billed.NO if attempts > 1 else Billed.MAYBE)


async def test_the_key_is_never_logged_nor_told(make_backend, fake, picture, caplog):
    caplog.set_level(logging.DEBUG)
    told = repr(make_backend()) + repr(EditTask("job", key=KEY))
    for partner in PARTNERS:
        for scenario in ("success", "down", "moderated", "no_credit"):
            fake.scenario = scenario
            try:
                told += repr(await events(make_backend(partner), picture))
            except KontextError as error:
                told += repr(error) + str(vars(error))

    assert KEY not in told + caplog.text


def test_the_partner_is_a_setting_with_known_names(make_settings):
    assert make_settings(huggingface_partner="together").huggingface_partner == "together"
    with pytest.raises(InvalidSetting) as caught:
        make_settings(huggingface_partner="someone")
    assert all(partner in caught.value.message for partner in PARTNERS)
