"""The Prodia adapter against a fake that behaves as their documents say, and the reading of its answers."""

import logging

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_ui.backends.base import Cancellable, EditTask, Resumable
from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers.prodia import HOSTS, STYLES, Part, ProdiaBackend, read_multipart
from kontext_ui.edits import Done, EditRequest, Mode, Parameters, Submitted, Tier
from kontext_ui.errors import (
    BackendUnavailable,
    Billed,
    ContentModerated,
    CredentialsRejected,
    InvalidRequest,
    KontextError,
    MissingCredentials,
    OutOfCredit,
    RateLimited,
    UnexpectedAnswer,
)
from tests.fakes.prodia import NASTY, FakeProdia
from tests.unit.backends.hosted.providers.test_bfl import Time

KEY = "prodia_test"


@pytest.fixture
def fake():
    fake = FakeProdia()
    yield fake
    assert fake.trouble == []


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def make_backend(fake, time):
    def make(key=KEY, transport=None):
        transport = transport or httpx.ASGITransport(app=fake.app)
        base = "https://inference.prodia.com/v2"
        return ProdiaBackend(
            Provider("prodia", "Prodia", base, HOSTS, transport=transport, sleep=time.sleep, clock=time.clock), key
        )

    return make


@pytest.fixture
def picture():
    return np.random.default_rng(3).integers(40, 200, (352, 480, 3), np.uint8)


def request(instruction="Turn the red door blue, keep the rest", tier=Tier.PRO, **parameters):
    return EditRequest(instruction, tier, "prodia", input_image="x", parameters=Parameters(**parameters))


async def events(backend, picture, wanted=None, **task):
    return [e async for e in backend.edit(wanted or request(), EditTask("job", input_image=picture, **task))]


async def test_the_request_on_the_wire_is_the_documented_one(make_backend, picture):
    seen = []

    def answer(sent):
        seen.append(sent)
        return httpx.Response(500)

    with pytest.raises(BackendUnavailable):
        await events(make_backend(transport=httpx.MockTransport(answer)), picture, request(safety_tolerance=2, seed=42))

    (sent,) = seen
    assert str(sent.url) == "https://inference.prodia.com/v2/job?price=true"
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.headers["accept"] == "multipart/form-data; image/png"
    job, picked = read_multipart(sent.headers["content-type"], sent.content)
    assert (job.name, job.content_type) == ("job", "application/json")
    assert b'filename="job.json"' in sent.content
    assert httpx.Response(200, content=job.data).json() == {
        "type": "inference.flux-kontext.pro.img2img.v2",
        "config": {"prompt": "Turn the red door blue, keep the rest", "safety_tolerance": 2, "seed": 42},
    }
    assert (picked.name, picked.content_type, picked.data[:4]) == ("input", "image/png", b"\x89PNG")


async def test_the_answer_holds_picture_seed_and_price(make_backend, picture):
    found = await events(make_backend(), picture, request(tier=Tier.MAX, seed=7))

    assert not [event for event in found if isinstance(event, Submitted)]
    result = found[-1].result
    assert result.pixels.shape == (880, 1184, 3)
    assert (result.seed, result.price_usd) == (7, pytest.approx(0.08))
    assert len(result.request_id) == 36


async def test_dev_has_its_own_fields_and_follows_the_pictures_shape(make_backend, fake, picture):
    wide = np.repeat(np.repeat(picture[:256], 2, 0), 2, 1)
    wanted = request(tier=Tier.DEV, style_preset="anime", num_inference_steps=20, guidance_scale=3.0, seed=1)
    found = await events(make_backend(), wide, wanted)

    assert fake.submitted[0] == {
        "accept": "multipart/form-data; image/png",
        "inputs": 1,
        "type": "inference.flux-fast.dev-kontext.img2img.v1",
        "config": {
            "prompt": "Turn the red door blue, keep the rest",
            "style_preset": "anime",
            "width": 960,
            "height": 512,
            "steps": 20,
            "guidance_scale": 3.0,
            "seed": 1,
        },
    }
    assert found[-1].result.pixels.shape == (512, 960, 3)


async def test_a_size_that_was_chosen_goes_before_the_pictures(make_backend, fake, picture):
    await events(make_backend(), picture, request(tier=Tier.DEV, width=1024, height=768))

    assert (fake.submitted[0]["config"]["width"], fake.submitted[0]["config"]["height"]) == (1024, 768)


@pytest.mark.parametrize("form", ["jpeg", "webp"])
async def test_the_format_is_asked_for_in_the_header(make_backend, fake, picture, form):
    found = await events(make_backend(), picture, request(output_format=form))

    assert fake.submitted[0]["accept"] == f"multipart/form-data; image/{form}"
    assert set(fake.submitted[0]["config"]) == {"prompt"}
    assert isinstance(found[-1], Done)


async def test_only_a_jpeg_is_progressive_and_anything_else_is_told(make_backend, fake, picture):
    kept = await events(make_backend(), picture_of(768, 512), request(tier=Tier.DEV, progressive=True))
    sent = await events(
        make_backend(), picture_of(768, 512), request(tier=Tier.DEV, progressive=True, output_format="jpeg")
    )

    assert [job["config"].get("progressive") for job in fake.submitted] == [None, True]
    assert "progressive" in kept[-1].result.warnings[0]
    assert sent[-1].result.warnings == ()


def picture_of(width, height):
    return np.full((height, width, 3), 120, np.uint8)


def test_all_seventeen_styles_are_offered_for_dev_only(make_backend):
    backend = make_backend()

    assert len(set(STYLES)) == 17
    assert backend.capabilities(Tier.DEV).parameter("style_preset").choices == STYLES
    assert "style_preset" in backend.capabilities(Tier.PRO).unsupported


async def test_without_a_picture_one_is_made_from_text_as_plain_json(make_backend, fake):
    found = await events(make_backend(), None, request("a lighthouse", aspect_ratio="16:9"))

    assert fake.submitted[0]["type"] == "inference.flux-kontext.pro.txt2img.v2"
    assert fake.submitted[0]["inputs"] == 0
    assert found[-1].result.pixels.shape == (752, 1392, 3)


async def test_dev_says_that_it_needs_a_picture(make_backend, fake):
    assert Mode.GENERATE not in make_backend().capabilities(Tier.DEV).modes
    with pytest.raises(InvalidRequest):
        await events(make_backend(), None, request(tier=Tier.DEV))
    assert fake.requests == 0


@pytest.mark.parametrize("scenario", ["busy_once", "busy_told"])
async def test_no_capacity_is_waited_out_as_long_as_is_asked(make_backend, fake, picture, time, scenario):
    fake.scenario = scenario

    assert isinstance((await events(make_backend(), picture))[-1], Done)
    assert len(fake.submitted) == 1
    assert scenario != "busy_told" or time.pauses == [2.0]


@pytest.mark.parametrize("scenario", ["bare", "bytes_only", "other_name"])
async def test_an_answer_that_tells_less_is_still_a_picture(make_backend, fake, picture, scenario):
    fake.scenario = scenario

    result = (await events(make_backend(), picture))[-1].result

    assert result.pixels.shape == (880, 1184, 3)
    assert (result.price_usd is None) is (scenario != "other_name")


@pytest.mark.parametrize(
    ("scenario", "error", "billed"),
    [
        ("forbidden", CredentialsRejected, Billed.NO),
        ("no_credit", OutOfCredit, Billed.NO),
        ("busy", RateLimited, Billed.NO),
        ("broken", BackendUnavailable, Billed.MAYBE),
        ("broken_text", BackendUnavailable, Billed.MAYBE),
        ("odd_error", BackendUnavailable, Billed.MAYBE),
        ("moderated", ContentModerated, Billed.MAYBE),
        ("no_output", UnexpectedAnswer, Billed.YES),
        ("not_a_picture", UnexpectedAnswer, Billed.YES),
        ("truncated", UnexpectedAnswer, Billed.MAYBE),
    ],
)
async def test_every_failure_ends_in_its_own_error_and_nothing_is_sent_twice(
    make_backend, fake, picture, scenario, error, billed
):
    fake.scenario = scenario

    with pytest.raises(error) as caught:
        await events(make_backend(), picture)

    assert caught.value.billed is billed
    assert caught.value.message.endswith(".")
    assert fake.requests == (4 if scenario == "busy" else 1)


async def test_a_refused_config_is_told_in_the_services_words(make_backend, fake, picture):
    with pytest.raises(InvalidRequest) as caught:
        await events(make_backend(), picture, request(safety_tolerance=6))

    assert "config.safety_tolerance: maximum: got 6, want 2" in caught.value.message
    assert caught.value.billed is Billed.NO
    assert fake.requests == 1


async def test_when_capacity_never_comes_the_other_reason_is_named(make_backend, fake, picture):
    fake.scenario = "busy"
    with pytest.raises(RateLimited) as caught:
        await events(make_backend(), picture)

    assert "PRODIA_TOKEN" in caught.value.hint


async def test_a_picture_over_the_limit_is_not_sent(make_backend, fake):
    noise = np.random.default_rng(1).integers(0, 255, (1900, 1900, 3), np.uint8)

    with pytest.raises(InvalidRequest):
        await events(make_backend(), noise)
    assert fake.requests == 0


async def test_a_wrong_key_is_said_to_be_wrong(make_backend, picture):
    with pytest.raises(CredentialsRejected):
        await events(make_backend("other"), picture)


async def test_without_a_key_nothing_is_sent_and_a_visitors_own_key_is_enough(make_backend, fake, picture):
    backend = make_backend(key=None)
    assert "PRODIA_TOKEN" in backend.check().reason
    with pytest.raises(MissingCredentials):
        await events(backend, picture)
    assert fake.requests == 0

    assert backend.check(KEY).ready
    assert isinstance((await events(backend, picture, key=KEY))[-1], Done)


def test_it_promises_neither_to_resume_nor_to_cancel(make_backend):
    assert not isinstance(make_backend(), Resumable)
    assert not isinstance(make_backend(), Cancellable)


@pytest.mark.parametrize(
    ("kind", "attempts"), [(httpx.ConnectError, 4), (httpx.ReadTimeout, 1), (httpx.RemoteProtocolError, 1)]
)
async def test_only_unsent_requests_are_sent_again(make_backend, picture, kind, attempts):
    sent = []

    def fail(outgoing):
        sent.append(outgoing)
        raise kind("secret detail")

    with pytest.raises(BackendUnavailable) as caught:
        await events(make_backend(transport=httpx.MockTransport(fail)), picture)

    assert len(sent) == attempts
    assert caught.value.billed is (Billed.NO if attempts > 1 else Billed.MAYBE)
    assert sent[0].extensions["timeout"]["read"] == 120


async def test_the_key_is_never_logged_nor_told(make_backend, fake, picture, caplog):
    caplog.set_level(logging.DEBUG)
    told = repr(make_backend()) + repr(EditTask("job", key=KEY))
    for scenario in ("success", "broken", "moderated", "truncated", "quotes_key"):
        fake.scenario = scenario
        try:
            told += repr(await events(make_backend(), picture))
        except KontextError as error:
            told += repr(error) + str(vars(error))

    assert KEY not in told + caplog.text


def form(boundary, *contents):
    body = b"".join(
        b"--" + boundary + b'\r\nContent-Disposition: form-data; name="output"\r\n'
        b"Content-Type: image/png\r\n\r\n" + data + b"\r\n"
        for data in contents
    )
    return body + b"--" + boundary + b"--\r\n"


PIECES = st.sampled_from([b"\r\n", b"\r", b"\n", b"--", b"--XYZ", b"XYZ", b"-", b"\0", b"\xff", b"a", b" "])
CONTENTS = st.lists(PIECES, max_size=30).map(b"".join)


@given(st.lists(CONTENTS, min_size=1, max_size=3))
def test_parts_are_read_byte_for_byte(contents):
    wanted = [data for data in contents if b"\r\n--XYZ!" not in data]
    parts = read_multipart('multipart/form-data; boundary="XYZ!"', form(b"XYZ!", *wanted))

    assert parts == [Part("output", "image/png", data) for data in wanted]


@pytest.mark.parametrize("boundary", ['"prodia-answer"', "prodia-answer"])
def test_text_like_a_boundary_inside_a_picture_ends_nothing(boundary):
    nasty = NASTY + b"\r\n--prodia-answerx\r\n\n--prodia-answer\n"
    kind = f"multipart/form-data; boundary={boundary}"

    assert [part.data for part in read_multipart(kind, form(b"prodia-answer", nasty, b"x"))] == [nasty, b"x"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("image/png", b"\x89PNG"),
        ("multipart/form-data", form(b"XYZ", b"1")),
        ('multipart/form-data; boundary="XYZ"', b""),
        ('multipart/form-data; boundary="XYZ"', form(b"XYZ", b"1")[:-8]),
        ("", b"--\r\n"),
    ],
)
def test_what_is_no_whole_form_has_no_parts(kind, body):
    assert read_multipart(kind, body) == []
