"""``serve-engine`` as an application of Ray Serve: one address for all GPUs of a cluster.

    serve run --non-blocking kontext_ui.engine_server.on_ray:cluster gpus=4

Ray starts a replica per GPU, asks each how it does, replaces one that died or hangs on whatever machine has
a free GPU, and goes on when the terminal that started it is closed. This module alone imports ray, and
nothing else imports this module.
"""

from __future__ import annotations

import logging
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from ray import serve
from ray.serve import Application
from starlette.types import ASGIApp

from kontext_ui.backends.diffusers import build
from kontext_ui.engine_server.starting import for_others, load, server_of
from kontext_ui.errors import InvalidSetting
from kontext_ui.settings import Settings, load_settings

log = logging.getLogger(__name__)
EVERYBODY = "0.0.0.0"  # noqa: S104 - a cluster's engines serve more than their own machine
PER_REPLICA = 2
"""Requests that Ray gives to one replica at a time: the one being drawn, and the next, which is then read already."""
MAX_QUEUED = 200
"""Requests that wait at each of Ray's proxies; each holds a picture in memory. Further ones are refused."""
HEALTH_PERIOD_S, HEALTH_TIMEOUT_S = 10.0, 30.0
"""A replica that does not answer for so long is replaced. Drawing is done in a thread and keeps none from answering."""
DRAIN_S = 120.0
NEEDED_SECRETS = ("image_server_key", "hf_token")


class Wishes(BaseModel):
    """What follows the application's name in Ray's command."""

    model_config = ConfigDict(extra="forbid")

    gpus: int = Field(ge=1, description="Replicas at most, each with a GPU of its own.")
    least: int = Field(0, ge=0, description="Replicas when nothing is to be done; all of them unless it is said.")

    @model_validator(mode="after")
    def _least_of_all(self) -> Wishes:
        self.least = self.least or self.gpus
        if self.least > self.gpus:
            raise ValueError("least is more than gpus")
        return self


def cluster(arguments: dict[str, str]) -> Application:
    """The application, with the settings of where Ray's command runs: its workers would have those of ``ray start``.

    Raises ``InvalidSetting`` for arguments that mean nothing.
    """
    try:
        wishes = Wishes.model_validate(arguments)
    except ValidationError as error:
        told = "; ".join(f"{' '.join(map(str, part['loc']))}: {part['msg']}".strip(": ") for part in error.errors())
        raise InvalidSetting(f"The application takes gpus=N and least=N ({told}).") from None
    settings = for_replicas(load_settings())
    if settings.image_server_key is None:
        log.warning("anyone who reaches the cluster can use its GPUs; KONTEXT_UI_IMAGE_SERVER_KEY requires a key")
    options: dict[str, Any] = {
        "ray_actor_options": {"num_gpus": 0 if settings.diffusers_device == "cpu" else 1},
        "autoscaling_config": {
            "min_replicas": wishes.least,
            "initial_replicas": wishes.least,
            "max_replicas": wishes.gpus,
            "target_ongoing_requests": 1,
        },
    }
    return Engine.options(**options).bind(settings)  # type: ignore[attr-defined]


def for_replicas(settings: Settings) -> Settings:
    """Without the secrets that no replica needs."""
    others = [name for name in type(settings).model_fields if name not in NEEDED_SECRETS]
    unneeded = {name: None for name in others if isinstance(getattr(settings, name), SecretStr)}
    return for_others(settings.model_copy(update=unneeded), EVERYBODY, PER_REPLICA)


@serve.deployment(
    max_ongoing_requests=PER_REPLICA,
    max_queued_requests=MAX_QUEUED,
    health_check_period_s=HEALTH_PERIOD_S,
    health_check_timeout_s=HEALTH_TIMEOUT_S,
    graceful_shutdown_timeout_s=DRAIN_S,
)
@serve.ingress()
class Engine:
    """One replica. It is started once its model is loaded, and an error that keeps it from that is shown by Ray."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Ray waits for it
        logging.getLogger("kontext_ui").setLevel(settings.log_level)
        self._server = server_of(settings, build(settings), PER_REPLICA)
        await load(self._server)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return self._server.app

    async def check_health(self) -> None:
        """Ray's question. Raises when another replica should take the place of this one."""
        if not (ready := self._server.readiness).ready:
            raise RuntimeError(ready.reason)
