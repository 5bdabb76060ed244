"""Whether a call about an edit was really made by its provider, for providers that sign theirs.

A call is only a hint to ask earlier, so a provider whose keys cannot be fetched is simply not trusted.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Mapping
from importlib.util import find_spec

import httpx

from kontext_ui.backends.hosted.http import Provider, json_of

MAX_CALL_AGE_S = 300
"""An older call may be one that is played again."""
SIGNERS_LIVE_S, MAX_SIGNERS = 24 * 3600, 10
ASKED_AGAIN_S = 60.0
"""Secrets and keys are changed now and then: one that fits no call is fetched again, but not for every false call."""
PACKAGE = "cryptography"
"""Optional: only signatures made with a key pair need it. The extra ``webhooks`` has it."""


def is_recent(sent_at: str) -> bool:
    """``sent_at`` is what the call says of itself: seconds since 1970. Worth something only when it is signed."""
    return sent_at.isdecimal() and abs(time.time() - int(sent_at)) <= MAX_CALL_AGE_S


def is_same(given: str, wanted: str) -> bool:
    """Compared in the same time wherever they differ; nothing given is never the same."""
    return bool(given) and hmac.compare_digest(given.encode(), wanted.encode())


def hmac_sha256(secret: str, body: bytes) -> str:
    """In hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class StandardWebhooks:
    """Signed with a secret of the account, as the Standard Webhooks specification says.

    ``secret_path`` is where the provider tells the secret to the account's key.
    """

    def __init__(self, provider: Provider, secret_path: str) -> None:
        self._http = provider
        self._secret_path = secret_path
        self._secrets: dict[str, tuple[bytes, float]] = {}
        """The key's fingerprint → the secret, and when it was fetched."""

    async def is_genuine(self, key: str, headers: Mapping[str, str], body: bytes) -> bool:
        """``key`` is the one under which the edit was sent."""
        sent_at = headers.get("webhook-timestamp", "")
        if not is_recent(sent_at):
            return False
        message = f"{headers.get('webhook-id', '')}.{sent_at}.".encode() + body
        signatures = headers.get("webhook-signature", "").split()
        for may_be_old in (True, False):
            secret = await self._secret(key, may_be_old=may_be_old)
            if secret is not None and any(_is_version_1(signature, secret, message) for signature in signatures):
                return True
        return False

    async def _secret(self, key: str, *, may_be_old: bool) -> bytes | None:
        """``None`` when it cannot be fetched."""
        # By its fingerprint: a key that is forgotten elsewhere must not live on here.
        name, now = hashlib.sha256(key.encode()).hexdigest(), self._http.now()
        secret, fetched_at = self._secrets.get(name, (None, now))
        if secret is None or (not may_be_old and now - fetched_at >= ASKED_AGAIN_S):
            url = self._http.base_url + self._secret_path
            try:
                response = await self._http.client().get(url, headers={"authorization": f"Bearer {key}"})
                told = str(json_of(response).get("key") or "")
                secret = b64decode(told.removeprefix("whsec_"), validate=True)
            except (httpx.HTTPError, ValueError):
                return None
            if not secret:
                return None
            self._secrets[name] = (secret, now)
        return secret


def _is_version_1(signature: str, secret: bytes, message: bytes) -> bool:
    """Other versions than 1 are made in other ways."""
    version, _, given = signature.partition(",")
    wanted = b64encode(hmac.new(secret, message, hashlib.sha256).digest()).decode("ascii")
    return version == "v1" and is_same(given, wanted)


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the Ed25519 signature over the message was made with the key of this public key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class PublishedKeys:
    """Signed with Ed25519 by one of the keys that the provider publishes at ``url`` as a JSON Web Key Set.

    Where ``PACKAGE`` is not installed no call can be believed, so none should be asked for.
    """

    def __init__(self, provider: Provider, url: str, *, usable: bool | None = None) -> None:
        self._http = provider
        self._url = url
        self.usable = find_spec(PACKAGE) is not None if usable is None else usable
        self._keys: tuple[bytes, ...] = ()
        self._fetched_at = float("-inf")

    async def is_signed(self, message: bytes, signature: str) -> bool:
        """``signature`` is in hex."""
        if not self.usable:
            return False
        try:
            raw = bytes.fromhex(signature)
        except ValueError:
            return False
        for max_age_s in (SIGNERS_LIVE_S, ASKED_AGAIN_S):
            if any(is_signed(key, message, raw) for key in await self._signers(max_age_s)):
                return True
        return False

    async def _signers(self, max_age_s: float) -> tuple[bytes, ...]:
        """Those that were last known, when they cannot be fetched."""
        if self._http.now() - self._fetched_at >= max_age_s:
            try:
                told = json_of(await self._http.client().get(self._url)).get("keys")
            except httpx.HTTPError:
                return self._keys
            listed = told[:MAX_SIGNERS] if isinstance(told, list) else []
            if keys := tuple(key for key in map(_ed25519_in, listed) if key is not None):
                self._keys, self._fetched_at = keys, self._http.now()
        return self._keys


def _ed25519_in(entry: object) -> bytes | None:
    """``None`` for a key of another kind, which may stand among them."""
    try:
        return urlsafe_b64decode(f"{entry['x']}==") if isinstance(entry, dict) else None
    except (KeyError, ValueError):
        return None
