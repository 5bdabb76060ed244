"""Secrets and keys that change while the program runs, and what stands beside them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import httpx
import pytest

from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.webhooks import ASKED_AGAIN_S, SIGNERS_LIVE_S, PublishedKeys, StandardWebhooks
from tests.fakes.fal import Signer

BODY = b'{"id": "x"}'
OLD, NEW = b"the secret of yesterday", b"the secret of today"


class Account:
    """What the provider answers, how often it was asked, and the time."""

    def __init__(self):
        self.answer = {}
        self.asked = 0
        self.now = 1000.0
        self.down = False

    def __call__(self, request):
        self.asked += 1
        if self.down:
            raise httpx.ConnectError("no network")
        return httpx.Response(200, json=self.answer)


@pytest.fixture
def account():
    return Account()


@pytest.fixture
async def provider(account):
    transport = httpx.MockTransport(account)
    provider = Provider("x", "X", "https://api.example/v1", (), transport=transport, clock=lambda: account.now)
    yield provider
    await provider.aclose()


def told(secret):
    return {"key": f"whsec_{base64.b64encode(secret).decode()}"}


def signed(secret, version="v1"):
    at = str(int(time.time()))
    digest = hmac.new(secret, f"msg.{at}.".encode() + BODY, hashlib.sha256).digest()
    proof = f"{version},{base64.b64encode(digest).decode()}"
    return {"webhook-id": "msg", "webhook-timestamp": at, "webhook-signature": proof}


async def test_a_changed_secret_is_fetched_again_but_not_for_every_false_call(account, provider):
    webhooks = StandardWebhooks(provider, "/secret")
    account.answer = told(OLD)
    assert await webhooks.is_genuine("key", signed(OLD), BODY)

    account.answer = told(NEW)
    for _ in range(5):
        assert not await webhooks.is_genuine("key", signed(NEW), BODY)
    assert account.asked == 1
    account.now += ASKED_AGAIN_S
    assert await webhooks.is_genuine("key", signed(NEW), BODY)
    assert not await webhooks.is_genuine("key", signed(OLD), BODY)
    assert account.asked == 2


async def test_only_the_version_that_is_made_so_is_believed(account, provider):
    webhooks = StandardWebhooks(provider, "/secret")
    account.answer = told(OLD)

    assert not await webhooks.is_genuine("key", signed(OLD, "v2"), BODY)
    assert not await webhooks.is_genuine("key", signed(OLD, "v1a"), BODY)
    assert await webhooks.is_genuine("key", signed(OLD), BODY)


def published(signer):
    return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(signer.public_key).decode().rstrip("=")}


FIRST, SECOND = Signer(b"a seed of thirty-two bytes, ever"), Signer(b"the seed of the following month.")


@pytest.mark.parametrize("stranger", [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"x": "!"}, {"x": 5}, "x", None])
async def test_a_key_of_another_kind_does_not_hide_the_others(account, provider, stranger):
    keys = PublishedKeys(provider, "https://rest.example/jwks.json")
    account.answer = {"keys": [stranger, published(FIRST)]}

    assert await keys.is_signed(BODY, FIRST.sign(BODY).hex())


async def test_a_key_that_was_just_published_is_found_but_not_looked_for_at_every_false_call(account, provider):
    keys = PublishedKeys(provider, "https://rest.example/jwks.json")
    account.answer = {"keys": [published(FIRST)]}
    assert await keys.is_signed(BODY, FIRST.sign(BODY).hex())

    account.answer = {"keys": [published(FIRST), published(SECOND)]}
    for _ in range(5):
        assert not await keys.is_signed(BODY, SECOND.sign(BODY).hex())
    assert account.asked == 1
    account.now += ASKED_AGAIN_S
    assert await keys.is_signed(BODY, SECOND.sign(BODY).hex())
    assert account.asked == 2


async def test_keys_that_are_known_stay_so_while_they_cannot_be_fetched(account, provider):
    keys = PublishedKeys(provider, "https://rest.example/jwks.json")
    account.answer = {"keys": [published(FIRST)]}
    assert await keys.is_signed(BODY, FIRST.sign(BODY).hex())

    account.down = True
    account.now += SIGNERS_LIVE_S
    assert await keys.is_signed(BODY, FIRST.sign(BODY).hex())
