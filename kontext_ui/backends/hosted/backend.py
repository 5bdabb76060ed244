"""What adapters of hosted providers share besides HTTP: keys, readiness, and user-facing errors."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

import httpx
from pydantic import SecretStr

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.hosted.http import Provider, json_of
from kontext_ui.backends.hosted.pauses import POLLS_PER_S
from kontext_ui.backends.hosted.payload import text_of
from kontext_ui.edits import Readiness
from kontext_ui.errors import (
    BackendError,
    BackendUnavailable,
    Billed,
    ContentModerated,
    InvalidRequest,
    MissingCredentials,
    UnexpectedAnswer,
)
from kontext_ui.settings import Settings, successors

log = logging.getLogger(__name__)
ACCEPTED = (httpx.codes.OK, httpx.codes.CREATED, httpx.codes.ACCEPTED)


class HostedBackend:
    """``key`` is the owner's; a visitor's own, carried by the task, goes before it."""

    id: str
    label: str
    key_name: str
    """The variable that holds the key."""
    key_page: str
    """Where to get a key."""
    model_names: tuple[str, ...]
    """What the provider is asked for: all that the setting for successors may put another name in the place of."""
    runs_here = False
    polls_per_s: float = POLLS_PER_S

    def __init__(self, provider: Provider, key: str | None) -> None:
        self._http = provider
        self._key = key

    def check(self, key: str | None = None) -> Readiness:
        if key or self._key:
            return Readiness(True)
        return Readiness(
            False,
            f"{self.key_name} is not set.",
            f"Get a key at {self.key_page}, then paste it here or set {self.key_name}.",
        )

    def headers(self, task: EditTask) -> dict[str, str]:
        """Raises ``MissingCredentials`` when there is no key."""
        return {**self.authorization(self._key_or_own(task.key)), "accept": "application/json"}

    def authorization(self, key: str) -> dict[str, str]:
        """The header that carries the key."""
        return {"authorization": f"Bearer {key}"}

    async def ask_about_key(self, url: str, key: str | None) -> Mapping[str, Any]:
        """The account of a visitor's key, else of the program's own. Raises what the provider says of a bad one."""
        response = await self._http.get(url, self.authorization(self._key_or_own(key)), self._http.now())
        if response.status_code != httpx.codes.OK:
            raise self.refused(response)
        return json_of(response)

    def _key_or_own(self, key: str | None) -> str:
        key = key or self._key
        if not key:
            raise MissingCredentials(f"{self.key_name} is not set.", backend=self.id, hint=self.check().hint)
        return key

    def accepted(self, response: httpx.Response) -> Mapping[str, Any]:
        """What the provider answers to a submit. Raises when that is a refusal."""
        if response.status_code not in ACCEPTED:
            raise self.refused(response)
        return json_of(response)

    def id_of(self, value: object) -> str:
        """Raises ``UnexpectedAnswer`` when an accepted edit has no id to ask about it with."""
        return text_of(value) or self._http.unexpected("there is no id in it")

    async def own(self, url: object, otherwise: str) -> str:
        """An address out of the provider's answer, or ``otherwise`` when the provider has no business naming it.

        An edit is paid for by then: its id must be journalled and asked about whatever is thought of the address.
        """
        if not isinstance(url, str) or not url:
            return otherwise
        try:
            await self._http.check_url(url)
        except UnexpectedAnswer:
            log.warning("%s named a foreign address for an edit; its own is asked instead", self.id)
            return otherwise
        return url

    def refused(
        self, response: httpx.Response, told: str | None = None, hint: str = ""
    ) -> BackendError | InvalidRequest:
        """As :meth:`Provider.refused`, with the variable that holds the key."""
        return self._http.refused(response, self.key_name, told, hint)

    def failed(
        self,
        told: str = "",
        *,
        request_id: str | None = None,
        billed: Billed = Billed.MAYBE,
        may_retry: bool = True,
    ) -> BackendUnavailable:
        """The edit was accepted and failed. ``told`` is the provider's own message."""
        about = f": {told.rstrip('.')}" if told else ""
        return BackendUnavailable(
            f"{self.label} could not carry out this edit{about}.",
            backend=self.id,
            hint="Send it again." if may_retry else "Change the request, or use another tier.",
            billed=billed,
            request_id=request_id,
            may_retry=may_retry,
        )

    def moderated(
        self,
        stage: Literal["input", "output"],
        *,
        reasons: tuple[str, ...] = (),
        billed: Billed = Billed.MAYBE,
        request_id: str | None = None,
    ) -> ContentModerated:
        at_input = stage == "input"
        why = f" ({', '.join(reasons)})" if reasons else ""
        return ContentModerated(
            f"The moderation at {self.label} refused "
            f"{'the prompt or the picture' if at_input else 'the picture it had made'}{why}.",
            backend=self.id,
            stage=stage,
            reasons=reasons,
            hint="Change the words or the picture." if at_input else "A new try often passes.",
            billed=billed,
            request_id=request_id,
        )

    async def aclose(self) -> None:
        await self._http.aclose()


def provider_of(backend: type[HostedBackend], settings: Settings, base_url: str, hosts: tuple[str, ...]) -> Provider:
    """``hosts`` as :class:`Provider` takes them."""
    return Provider(
        backend.id,
        backend.label,
        base_url,
        hosts,
        deadline_s=settings.deadline_s,
        models=successors(settings),
        polls_per_s=backend.polls_per_s,
    )


def key_of(secret: SecretStr | None) -> str | None:
    """``None`` for an empty one as well."""
    return secret.get_secret_value() or None if secret is not None else None
