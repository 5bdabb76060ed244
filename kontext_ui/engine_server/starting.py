"""From settings to an engine that serves others, wherever it is started: by the command line or by Ray."""

from __future__ import annotations

import logging
from pathlib import Path

from kontext_ui.backends.base import Backend
from kontext_ui.backends.diffusers import usual_model
from kontext_ui.engine_server.app import EngineServer
from kontext_ui.errors import ModelNotInstalled, OutOfMemory
from kontext_ui.images.codec import ImageLimits
from kontext_ui.settings import Settings

log = logging.getLogger(__name__)
LOAD_ATTEMPTS = 3
"""Each one that runs out of memory makes the engine try a smaller configuration of the model."""


def for_others(settings: Settings, host: str, max_waiting: int) -> Settings:
    """Who is served decides on the filter; the server limits the queue, so the engine's own must never be full.

    Whom the weights may serve is asked where the page is: this server's visitors are other programs of the same owner.
    """
    model = settings.diffusers_model or usual_model(settings)
    own = {"host": host, "diffusers_waiting": 2 * max_waiting + 1, "diffusers_model": model, "diffusers_licensed": True}
    return settings.model_copy(update=own)


def server_of(settings: Settings, engine: Backend, max_waiting: int) -> EngineServer:
    """Raises ``ModelNotInstalled`` where packages or weights are missing."""
    if not (ready := engine.check()).ready:
        raise ModelNotInstalled(ready.reason, backend=engine.id, hint=ready.hint)
    key = settings.image_server_key
    return EngineServer(
        engine,
        model=_name_of(settings.diffusers_model),
        limits=ImageLimits(int(settings.max_upload_mb * 1_000_000), int(settings.max_megapixels * 1_000_000)),
        key=None if key is None else key.get_secret_value() or None,
        max_open=max_waiting + 1,
    )


async def load(server: EngineServer) -> None:
    """Raises what keeps the model from being loaded."""
    for attempt in range(1, LOAD_ATTEMPTS + 1):
        try:
            await server.warm_up()
        except OutOfMemory as error:
            if attempt == LOAD_ATTEMPTS:
                raise
            log.warning("%s Trying a smaller configuration.", error.message)
        else:
            return


def _name_of(model: str) -> str:
    """Only the folder's name: its path would tell clients about this machine."""
    folder = Path(model).expanduser()
    return folder.name if folder.is_dir() else model
