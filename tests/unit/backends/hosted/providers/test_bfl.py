"""The Black Forest Labs adapter against a fake that behaves as their documents say."""

import base64
import logging

import httpx
import numpy as np
import pytest

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.hosted.http import TROUBLES, Provider
from kontext_ui.backends.hosted.providers.bfl import HOSTS, BflBackend
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
from tests.fakes.bfl import FakeBfl

KEY = "bfl_secret_0123456789"


class Time:
    """A clock that only moves while somebody sleeps."""

    def __init__(self):
        self.now = 0.0
        self.pauses = []

    async def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds

    def clock(self):
        return self.now


@pytest.fixture
def fake():
    fake = FakeBfl(key=KEY)
    yield fake
    assert fake.trouble == []


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def make_backend(fake, time):
    def make(transport=None, key=KEY, base="https://api.bfl.ai"):
        transport = transport or httpx.ASGITransport(app=fake.app)
        return BflBackend(
            Provider("bfl", "Black Forest Labs", base, HOSTS, transport=transport, sleep=time.sleep, clock=time.clock),
            key,
        )

    return make


@pytest.fixture
def picture():
    return np.random.default_rng(3).integers(40, 200, (88, 118, 3), np.uint8)


def request(instruction="Turn the red door blue, keep everything else unchanged", **fields):
    return EditRequest(instruction, fields.pop("tier", Tier.PRO), "bfl", input_image="x", **fields)


async def events(backend, picture, wanted=None, **task):
    return [e async for e in backend.edit(wanted or request(), EditTask("job", input_image=picture, **task))]


async def test_an_edit_is_submitted_polled_and_fetched(make_backend, fake, picture):
    found = await events(make_backend(), picture, request(parameters=Parameters(seed=42)))

    assert isinstance(found[0], Submitted)
    assert found[0].price_usd == pytest.approx(0.04)
    assert found[0].poll_url.startswith("https://api.eu2.bfl.ai/v1/get_result?id=")
    assert all(isinstance(event, Running) for event in found[1:-1])
    assert found[1].fraction == pytest.approx(1 / 3)
    assert isinstance(found[-1], Done)
    assert found[-1].result.seed == 42
    assert found[-1].result.pixels.shape == (880, 1184, 3)


async def test_the_body_is_the_documented_one_and_nothing_else(make_backend, fake, picture):
    await events(make_backend(), picture, request(parameters=Parameters(seed=42)))

    sent = dict(fake.submitted[0])
    data = base64.b64decode(sent.pop("input_image"), validate=True)
    assert np.array_equal(codec.decode(data), picture)
    assert sent == {
        "path": "/v1/flux-kontext-pro",
        "prompt": "Turn the red door blue, keep everything else unchanged",
        "aspect_ratio": None,
        "seed": 42,
        "prompt_upsampling": False,
        "safety_tolerance": 2,
        "output_format": "png",
    }


async def test_max_has_its_own_endpoint_and_price(make_backend, fake, picture):
    found = await events(make_backend(), picture, request(tier=Tier.MAX))

    assert fake.submitted[0]["path"] == "/v1/flux-kontext-max"
    assert found[0].price_usd == pytest.approx(0.08)


async def test_references_follow_the_picture_in_order(make_backend, fake, picture):
    small = np.full((64, 64, 3), 9, np.uint8)
    await events(make_backend(), picture, reference_images=(small, small + 1))

    for number, expected in ((2, small), (3, small + 1)):
        assert np.array_equal(codec.decode(base64.b64decode(fake.submitted[0][f"input_image_{number}"])), expected)


async def test_without_a_picture_one_is_made_from_text(make_backend, fake):
    found = await events(make_backend(), None, request("a lighthouse", parameters=Parameters(aspect_ratio="16:9")))

    assert "input_image" not in fake.submitted[0]
    assert found[-1].result.pixels.shape == (752, 1392, 3)


async def test_a_mask_goes_to_the_fill_model_when_that_was_chosen(make_backend, fake, picture):
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[10:20, 10:30] = 255

    found = await events(make_backend(), picture, request(native_mask=True), mask=mask)

    assert fake.submitted[0]["path"] == "/v1/flux-pro-1.0-fill"
    assert np.array_equal(codec.decode_mask(base64.b64decode(fake.submitted[0]["mask"])), mask)
    assert found[0].price_usd == pytest.approx(0.05)


@pytest.mark.parametrize("scenario", ["late_birth", "flaky", "new_word", "bare_result", "expired", "busy_once"])
async def test_what_passes_is_waited_out(make_backend, fake, picture, scenario):
    fake.scenario = scenario

    assert isinstance((await events(make_backend(), picture))[-1], Done)
    assert len(fake.submitted) == 1


@pytest.mark.parametrize(
    ("scenario", "error", "billed"),
    [
        ("no_credit", OutOfCredit, Billed.NO),
        ("busy", RateLimited, Billed.NO),
        ("broken_submit", BackendUnavailable, Billed.MAYBE),
        ("malformed", UnexpectedAnswer, Billed.MAYBE),
        ("invalid", InvalidRequest, Billed.NO),
        ("error", BackendUnavailable, Billed.MAYBE),
        ("failed", BackendUnavailable, Billed.MAYBE),
        ("error_503", BackendUnavailable, Billed.MAYBE),
        ("vanished", UnexpectedAnswer, Billed.MAYBE),
        ("stall", DeadlineExceeded, Billed.MAYBE),
        ("foreign_sample", UnexpectedAnswer, Billed.MAYBE),
        ("gone", UnexpectedAnswer, Billed.YES),
        ("not_a_picture", UnexpectedAnswer, Billed.YES),
        ("truncated", UnexpectedAnswer, Billed.YES),
        ("huge", UnexpectedAnswer, Billed.MAYBE),
    ],
)
async def test_every_failure_ends_in_its_own_error(make_backend, fake, picture, scenario, error, billed):
    fake.scenario = scenario

    with pytest.raises(error) as caught:
        await events(make_backend(), picture)

    assert caught.value.message.endswith(".")
    assert caught.value.billed is billed


@pytest.mark.parametrize(
    ("scenario", "stage", "hint"), [("moderated", "output", "new try"), ("moderated_input", "input", "words")]
)
async def test_both_moderated_states_say_where_why_and_what_helps(make_backend, fake, picture, scenario, stage, hint):
    fake.scenario = scenario

    with pytest.raises(ContentModerated) as caught:
        await events(make_backend(), picture)

    assert "moderation" in caught.value.message  # the word that people search for
    assert caught.value.stage == stage
    assert caught.value.reasons
    assert hint in caught.value.hint
    assert caught.value.may_retry is (stage == "output")


@pytest.mark.parametrize("key", ["bfl_other", "not-the-format"])
async def test_a_wrong_key_is_said_to_be_wrong(make_backend, picture, key):
    with pytest.raises(CredentialsRejected):
        await events(make_backend(key=key), picture)


async def test_without_a_key_nothing_is_sent_and_a_visitors_own_key_is_enough(make_backend, fake, picture):
    backend = make_backend(key=None)
    assert "BFL_API_KEY" in backend.check().reason
    with pytest.raises(MissingCredentials):
        await events(backend, picture)
    assert fake.submitted == []

    assert backend.check(KEY).ready
    assert isinstance((await events(backend, picture, key=KEY))[-1], Done)


async def test_a_job_is_resumed_from_its_address_and_nothing_is_sent(make_backend, fake, picture):
    submitted = (await events(make_backend(), picture))[0]
    task = EditTask("job", remote_id=submitted.remote_id, poll_url=submitted.poll_url)

    found = [event async for event in make_backend().resume(request(), task)]

    assert isinstance(found[-1], Done)
    assert len(fake.submitted) == 1


async def test_polls_grow_further_apart(make_backend, fake, picture, time):
    fake.pending = 30
    await events(make_backend(), picture)

    assert time.pauses == sorted(time.pauses)
    assert set(time.pauses[:19]) == {0.5}
    assert time.pauses[-1] == 5.0


async def test_the_key_is_never_logged_nor_told(make_backend, fake, picture, caplog):
    caplog.set_level(logging.DEBUG)
    told = repr(make_backend()) + repr(EditTask("job", key=KEY))
    for scenario in ("success", "broken_submit", "moderated", "foreign_sample"):
        fake.scenario = scenario
        try:
            told += repr(await events(make_backend(), picture))
        except KontextError as error:
            told += repr(error) + str(vars(error))

    assert KEY not in told + caplog.text


async def test_a_keys_credit_is_told_in_dollars(make_backend):
    assert await make_backend().verify_key(KEY) == pytest.approx(1.235)
    with pytest.raises(CredentialsRejected):
        await make_backend().verify_key("bfl_wrong")


async def test_the_programs_own_key_is_asked_about_when_there_is_no_other(make_backend):
    assert await make_backend().verify_key() == pytest.approx(1.235)


def every_error(root=httpx.HTTPError):
    for kind in root.__subclasses__():
        yield kind
        yield from every_error(kind)


ERRORS = sorted(
    {
        kind
        for kind in every_error()
        if not kind.__subclasses__() and kind is not httpx.HTTPStatusError and kind.__module__ == "httpx"
    },
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", ERRORS)
async def test_every_network_error_is_mapped_and_only_unsent_requests_are_sent_again(make_backend, picture, kind):
    attempts = []

    def fail(sent):
        attempts.append(sent)
        raise kind("secret detail")

    with pytest.raises(BackendUnavailable) as caught:
        await events(make_backend(httpx.MockTransport(fail)), picture)

    assert kind in TROUBLES
    assert "secret detail" not in caught.value.message
    unsent = kind in (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    assert (len(attempts), caught.value.billed) == ((4, Billed.NO) if unsent else (1, Billed.MAYBE))


@pytest.mark.parametrize(
    "url",
    [
        "http://api.bfl.ai/x",
        "https://bfl.ai.evil.example/x",
        "https://evilbfl.ai/x",
        "https://user@api.bfl.ai/x",
        "file:///etc/passwd",
        "https://169.254.169.254/x",
    ],
)
async def test_only_the_providers_own_addresses_are_followed(make_backend, url):
    with pytest.raises(UnexpectedAnswer):
        await make_backend()._http.check_url(url)


async def test_a_configured_plain_address_is_trusted_with_its_own_host_only(make_backend):
    http = make_backend(base="http://127.0.0.1:9999")._http

    await http.check_url("http://127.0.0.1:1234/results/x.png")
    with pytest.raises(UnexpectedAnswer):
        await http.check_url("http://127.0.0.2/x")


async def test_a_gateway_before_the_provider_is_trusted_with_its_own_host(make_backend):
    http = make_backend(base="https://gateway.example.com/bfl")._http

    await http.check_url("https://gateway.example.com/bfl/v1/get_result?id=1")
    with pytest.raises(UnexpectedAnswer):
        await http.check_url("https://other.example.com/bfl/v1/get_result?id=1")


async def test_the_id_of_an_edit_is_journalled_although_its_poll_address_is_foreign(make_backend, fake, picture):
    """It is paid for; the editor writes the id down before anything is thought of the address."""
    fake.scenario = "foreign_poll"
    found = []

    async def follow():
        async for event in make_backend().edit(request(), EditTask("job", input_image=picture)):
            found.append(event)

    with pytest.raises(UnexpectedAnswer) as caught:  # the global host does not know what a regional one took
        await follow()

    assert isinstance(found[0], Submitted)
    assert found[0].poll_url.startswith("https://api.bfl.ai/v1/get_result?id=")
    assert caught.value.billed is Billed.MAYBE
