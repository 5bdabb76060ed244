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
        self._secrets: dict[str, bytes] = {}

    async def is_genuine(self, key: str, headers: Mapping[str, str], body: bytes) -> bool:
        """``key`` is the one under which the edit was sent."""
        sent_at = headers.get("webhook-timestamp", "")
        secret = await self._secret(key) if is_recent(sent_at) else None
        if secret is None:
            return False
        message = f"{headers.get('webhook-id', '')}.{sent_at}.".encode() + body
        wanted = b64encode(hmac.new(secret, message, hashlib.sha256).digest()).decode("ascii")
        signatures = headers.get("webhook-signature", "").split()
        return any(is_same(signature.partition(",")[2], wanted) for signature in signatures)

    async def _secret(self, key: str) -> bytes | None:
        """Fetched once; ``None`` when it cannot be fetched."""
        # By its fingerprint: a key that is forgotten elsewhere must not live on here.
        name = hashlib.sha256(key.encode()).hexdigest()
        if name not in self._secrets:
            url = self._http.base_url + self._secret_path
            try:
                response = await self._http.client().get(url, headers={"authorization": f"Bearer {key}"})
                told = str(json_of(response).get("key") or "")
                secret = b64decode(told.removeprefix("whsec_"), validate=True)
            except (httpx.HTTPError, ValueError):
                return None
            if not secret:
                return None
            self._secrets[name] = secret
        return self._secrets[name]


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
        self._known_until = float("-inf")

    async def is_signed(self, message: bytes, signature: str) -> bool:
        """``signature`` is in hex."""
        if not self.usable:
            return False
        try:
            raw = bytes.fromhex(signature)
        except ValueError:
            return False
        return any(is_signed(key, message, raw) for key in await self._signers())

    async def _signers(self) -> tuple[bytes, ...]:
        """Fetched once a day; none when they cannot be fetched."""
        if self._http.now() >= self._known_until:
            try:
                told = json_of(await self._http.client().get(self._url)).get("keys")
                listed = told[:MAX_SIGNERS] if isinstance(told, list) else []
                self._keys = tuple(urlsafe_b64decode(f"{key['x']}==") for key in listed)
            except (httpx.HTTPError, KeyError, TypeError, ValueError):
                return ()
            self._known_until = self._http.now() + SIGNERS_LIVE_S
        return self._keys
