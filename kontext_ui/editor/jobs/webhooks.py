"""Webhooks: providers call when an edit has ended. Off unless this program has a public address.

A call is trusted when the provider's signature is right, and even then it only ends a pause: the state
is read by the next poll. The address of a job is known to its provider alone and dies with the job, so
a call that is late, or for a job of another process, meets nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from weakref import WeakValueDictionary

from kontext_ui.backends.base import Backend, CallingBack, Hook

PATH = "kontext/hook"


class Webhooks:
    """The open addresses. They live as long as the edits that hold them."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._hooks: WeakValueDictionary[str, Hook] = WeakValueDictionary()

    def make(self, backend: Backend, key: str | None) -> Hook | None:
        """An address for one job, or ``None`` when calls are impossible or off."""
        if not self._public_url or not isinstance(backend, CallingBack):
            return None
        name = f"{backend.id}/{secrets.token_urlsafe(24)}"
        hook = Hook(f"{self._public_url}/{PATH}/{name}", secrets.token_urlsafe(32), key)
        self._hooks[name] = hook
        return hook

    async def call(self, backend: Backend, token: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Wake whoever waits for this, if the call is genuine. Returns whether it was."""
        hook = self._hooks.get(f"{backend.id}/{token}")
        if hook is None or not isinstance(backend, CallingBack) or not await backend.is_genuine(hook, headers, body):
            return False
        hook.wake()
        return True
