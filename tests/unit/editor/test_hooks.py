"""A provider's call ends a pause, when it is genuine; whatever else calls changes nothing."""

import asyncio
import base64
import hashlib
import hmac
import time

import httpx
import pytest
from starlette.applications import Starlette

from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers.bfl import HOSTS, BflBackend
from kontext_ui.backends.hosted.providers.fal import HOSTS as FAL
from kontext_ui.backends.hosted.providers.fal import FalBackend
from kontext_ui.backends.hosted.providers.replicate import HOSTS as REPLICATE
from kontext_ui.backends.hosted.providers.replicate import ReplicateBackend
from kontext_ui.backends.hosted.webhooks import PublishedKeys
from kontext_ui.projects import JobState
from kontext_ui.web.routes import Pages
from tests.conftest import ROOT
from tests.fakes.bfl import FakeBfl
from tests.fakes.fal import FakeFal, Signer
from tests.fakes.replicate import FakeReplicate
from tests.unit.editor.conftest import OWNER

PUBLIC = "https://pictures.example"
BODY = b'{"id": "x", "status": "Ready", "result": {"sample": "https://evil.example/picture.png"}}'


class Pauses:
    """Pauses that never end by themselves; ``begun`` says that somebody is in one."""

    def __init__(self):
        self.begun = asyncio.Event()

    async def __call__(self, _):
        self.begun.set()
        await asyncio.Event().wait()

    async def next(self):
        await asyncio.wait_for(self.begun.wait(), 20)
        self.begun.clear()


@pytest.fixture
def fake():
    fake = FakeBfl()
    fake.pending = 1
    return fake


@pytest.fixture
def pauses():
    return Pauses()


@pytest.fixture
def make_bfl(fake, pauses):
    def make(base="https://api.eu.bfl.ai"):
        transport = httpx.ASGITransport(app=fake.app)
        return BflBackend(Provider("bfl", "BFL", base, HOSTS, transport=transport, sleep=pauses), fake.key)

    return make


@pytest.fixture
async def desk(make_desk, make_bfl):
    return await make_desk(make_bfl(), public_url=PUBLIC)


@pytest.fixture
async def internet(desk):
    """Whoever can reach the program's address, without any cookie."""
    app = Starlette(routes=Pages(desk.editor, ROOT / "assets", 0).routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC) as client:
        yield client


async def test_a_genuine_call_ends_the_pause_and_the_poll_brings_the_picture(desk, internet, fake, pauses):
    job = await desk.send()
    await pauses.next()
    hook = fake.submitted[0]

    answer = await internet.post(
        hook["webhook_url"], content=BODY, headers={"X-Webhook-Secret": hook["webhook_secret"]}
    )

    turn = await desk.editor.edits.wait(OWNER, job)
    assert answer.status_code == 204
    assert hook["webhook_url"].startswith(f"{PUBLIC}/kontext/hook/bfl/")
    assert turn.version is not None, turn.job.failure
    assert fake.trouble == []


async def test_a_signed_body_is_as_good(desk, internet, fake, pauses):
    job = await desk.send()
    await pauses.next()
    hook = fake.submitted[0]
    signed = hmac.new(hook["webhook_secret"].encode(), BODY, hashlib.sha256).hexdigest()

    await internet.post(hook["webhook_url"], content=BODY, headers={"X-BFL-Signature": f"sha256={signed}"})

    assert (await desk.editor.edits.wait(OWNER, job)).version is not None


@pytest.mark.parametrize(
    "headers", [{}, {"X-Webhook-Secret": "guess"}, {"X-BFL-Signature": "sha256=00"}, {"X-Webhook-Secret": "ünïcode"}]
)
async def test_a_forged_call_changes_nothing(desk, internet, fake, pauses, headers):
    job = await desk.send()
    await pauses.next()
    polls = polls_of(fake)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = await internet.post(fake.submitted[0]["webhook_url"], content=BODY, headers=raw)

    assert answer.status_code == 404
    assert not pauses.begun.is_set()
    assert polls_of(fake) == polls
    assert (await desk.editor.edits.get(OWNER, job)).state is JobState.RUNNING


async def test_a_replayed_call_wakes_nobody_twice(desk, internet, fake, pauses):
    fake.pending = 1_000
    job = await desk.send()
    await pauses.next()
    hook = fake.submitted[0]
    headers = {"X-Webhook-Secret": hook["webhook_secret"]}
    await internet.post(hook["webhook_url"], content=BODY, headers=headers)
    await pauses.next()
    polls = polls_of(fake)

    for _ in range(3):
        await internet.post(hook["webhook_url"], content=BODY, headers=headers)

    assert (await desk.editor.edits.get(OWNER, job)).state is JobState.RUNNING
    assert not pauses.begun.is_set()
    assert polls_of(fake) == polls


async def test_a_late_call_and_one_for_another_job_meet_nothing(desk, internet, fake, pauses):
    calls = []
    for _ in range(2):
        job = await desk.send()
        await pauses.next()
        hook = fake.submitted[-1]
        calls.append((hook["webhook_url"], {"X-Webhook-Secret": hook["webhook_secret"]}))
        await internet.post(hook["webhook_url"], content=BODY, headers=calls[-1][1])
        await desk.editor.edits.wait(OWNER, job)
    before = await desk.editor.projects.open(OWNER, desk.project)

    crossed = await internet.post(calls[0][0], content=BODY, headers=calls[1][1])
    late = await internet.post(calls[0][0], content=BODY, headers=calls[0][1])

    assert (crossed.status_code, late.status_code) == (404, 404)
    assert await desk.editor.projects.open(OWNER, desk.project) == before


async def test_without_a_public_address_nobody_is_asked_to_call(make_desk, make_bfl, fake, pauses):
    desk = await make_desk(make_bfl())
    await desk.send()
    await pauses.next()

    assert "webhook_url" not in fake.submitted[0]


async def test_bfls_global_host_is_not_asked_to_call_since_polls_would_find_nothing(make_desk, make_bfl, fake, pauses):
    desk = await make_desk(make_bfl("https://api.bfl.ai"), public_url=PUBLIC)
    await desk.send()
    await pauses.next()

    assert "webhook_url" not in fake.submitted[0]


def polls_of(fake):
    return [task["polls"] for task in fake._tasks.values()]


class TestReplicate:
    @pytest.fixture
    def fake(self):
        fake = FakeReplicate()
        fake.pending = 1
        return fake

    @pytest.fixture
    async def desk(self, make_desk, fake, pauses):
        base, transport = "https://api.replicate.com/v1", httpx.ASGITransport(app=fake.app)
        provider = Provider("replicate", "Replicate", base, REPLICATE, transport=transport, sleep=pauses)
        return await make_desk(ReplicateBackend(provider, fake.key), public_url=PUBLIC)

    def signed(self, fake, body=BODY, at=None, called="msg_1"):
        at = str(int(time.time() if at is None else at))
        digest = hmac.new(fake.signing_secret, f"{called}.{at}.".encode() + body, hashlib.sha256).digest()
        proofs = f"v1,bm90IHRoaXM= v1,{base64.b64encode(digest).decode()}"
        return {"webhook-id": called, "webhook-timestamp": at, "webhook-signature": proofs}

    async def test_a_genuine_call_brings_the_picture(self, desk, internet, fake, pauses):
        job = await desk.send()
        await pauses.next()
        (url, events) = fake.webhooks[0]

        answer = await internet.post(url, content=BODY, headers=self.signed(fake))

        assert (answer.status_code, events) == (204, ["completed"])
        assert (await desk.editor.edits.wait(OWNER, job)).version is not None
        assert fake.trouble == []

    async def test_forged_and_old_calls_change_nothing(self, desk, internet, fake, pauses):
        job = await desk.send()
        await pauses.next()
        url = fake.webhooks[0][0]
        calls = [
            ({}, BODY),
            (self.signed(fake), BODY + b" "),
            (self.signed(fake, at=time.time() - 3600), BODY),
            (self.signed(fake) | {"webhook-id": "msg_2"}, BODY),
            (self.signed(fake) | {"webhook-timestamp": "soon"}, BODY),
        ]

        answers = [await internet.post(url, content=body, headers=headers) for headers, body in calls]

        assert {answer.status_code for answer in answers} == {404}
        assert not pauses.begun.is_set()
        assert (await desk.editor.edits.get(OWNER, job)).state is JobState.RUNNING


class TestFal:
    @pytest.fixture
    def fake(self):
        fake = FakeFal()
        fake.pending = 1
        return fake

    @pytest.fixture
    async def desk(self, make_desk, fake, pauses):
        base, transport = "https://queue.fal.run", httpx.ASGITransport(app=fake.app)
        return await make_desk(
            FalBackend(Provider("fal", "fal", base, FAL, transport=transport, sleep=pauses), fake.key),
            public_url=PUBLIC,
        )

    def signed(self, fake, body=BODY, at=None):
        words = ["request-1", "user-1", str(int(time.time() if at is None else at))]
        signature = fake.signer.sign("\n".join([*words, hashlib.sha256(body).hexdigest()]).encode()).hex()
        names = ("request-id", "user-id", "timestamp", "signature")
        return {f"X-Fal-Webhook-{name}": word for name, word in zip(names, [*words, signature], strict=True)}

    async def test_a_genuine_call_brings_the_picture(self, desk, internet, fake, pauses):
        job = await desk.send()
        await pauses.next()

        answer = await internet.post(fake.webhooks[0], content=BODY, headers=self.signed(fake))

        assert answer.status_code == 204
        assert (await desk.editor.edits.wait(OWNER, job)).version is not None
        assert fake.trouble == []

    async def test_without_the_package_for_signatures_no_call_is_asked_for_or_believed(self, make_desk, fake, pauses):
        base, transport = "https://queue.fal.run", httpx.ASGITransport(app=fake.app)
        provider = Provider("fal", "fal", base, FAL, transport=transport, sleep=pauses)
        signers = PublishedKeys(provider, "https://rest.fal.ai/.well-known/jwks.json", usable=False)
        desk = await make_desk(FalBackend(provider, fake.key, signers), public_url=PUBLIC)
        await desk.send()
        await pauses.next()

        assert fake.webhooks == [None]
        assert not await signers.is_signed(b"message", fake.signer.sign(b"message").hex())

    async def test_forged_and_old_calls_change_nothing(self, desk, internet, fake, pauses):
        job = await desk.send()
        await pauses.next()
        other = Signer(b"the seed of somebody else, sadly")
        calls = [
            ({}, BODY),
            (self.signed(fake), BODY + b" "),
            (self.signed(fake, at=time.time() - 3600), BODY),
            (self.signed(fake) | {"X-Fal-Webhook-user-id": "user-2"}, BODY),
            (self.signed(fake) | {"X-Fal-Webhook-signature": "no hex"}, BODY),
            (self.signed(type("Forger", (), {"signer": other})), BODY),
        ]

        answers = [await internet.post(fake.webhooks[0], content=body, headers=headers) for headers, body in calls]

        assert {answer.status_code for answer in answers} == {404}
        assert (await desk.editor.edits.get(OWNER, job)).state.is_open
        assert not pauses.begun.is_set()
