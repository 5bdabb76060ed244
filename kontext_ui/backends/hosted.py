"""What adapters of hosted providers share besides HTTP: keys, readiness, and failures in words."""

from __future__ import annotations

import base64
from typing import Literal

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.http import Provider
from kontext_ui.edits import Pixels, Readiness
from kontext_ui.errors import BackendUnavailable, Billed, ContentModerated, MissingCredentials
from kontext_ui.images import codec

ONE_MEGAPIXEL = "Answers with about one megapixel; untouched pixels are kept from your photo."
NOT_TAKEN = "This model takes no such setting."
MAX_SEED = 2**31 - 1


class HostedBackend:
    """``key`` is the owner's; a visitor's own, carried by the task, goes before it."""

    id: str
    label: str
    key_name: str
    """The variable that holds the key."""
    key_page: str
    """Where a key is had."""
    runs_here = False

    def __init__(self, provider: Provider, key: str | None) -> None:
        self._http = provider
        self._key = key

    def check(self, key: str | None = None) -> Readiness:
        if key or self._key:
            return Readiness(True)
        return Readiness(
            False,
            f"{self.key_name} is not set.",
            f"A key is had at {self.key_page}; set {self.key_name}, or paste the key in the settings.",
        )

    def key_for(self, task: EditTask) -> str:
        """Raises ``MissingCredentials`` when there is none."""
        key = task.key or self._key
        if not key:
            raise MissingCredentials(f"{self.key_name} is not set.", backend=self.id, hint=self.check().hint)
        return key

    def failed(
        self,
        told: str = "",
        *,
        request_id: str | None = None,
        billed: Billed = Billed.MAYBE,
        may_retry: bool = True,
    ) -> BackendUnavailable:
        """The edit was accepted and came to nothing. ``told`` are the provider's own words."""
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
            f"{self.label} refused {'the prompt or the picture' if at_input else 'the picture it had made'}{why}.",
            backend=self.id,
            stage=stage,
            reasons=reasons,
            hint="Change the words or the picture." if at_input else "Another seed may pass.",
            billed=billed,
            request_id=request_id,
        )

    async def aclose(self) -> None:
        await self._http.aclose()


def data_uri(pixels: Pixels) -> str:
    """The picture as a lossless PNG inside an address."""
    return f"data:image/png;base64,{base64.b64encode(codec.encode_png(pixels)).decode('ascii')}"
