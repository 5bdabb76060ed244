"""The local tier's model through diffusers, on this machine: FLUX.1 Kontext [dev] or FLUX.2 [klein]."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from kontext_ui.backends.content_filter import ContentFilter, filter_for
from kontext_ui.backends.diffusers import extras, families, loading, machine
from kontext_ui.backends.diffusers.checks import INSTALL, readiness
from kontext_ui.backends.diffusers.config import EngineConfig
from kontext_ui.backends.diffusers.engine import DiffusersBackend
from kontext_ui.backends.diffusers.machine import Device
from kontext_ui.backends.diffusers.painter import Painter
from kontext_ui.backends.diffusers.report import MachineReport, ModelHere, describe_machine
from kontext_ui.errors import KontextError
from kontext_ui.settings import Settings, on_zero_gpu, serves_others

log = logging.getLogger(__name__)
__all__ = [
    "INSTALL",
    "DiffusersBackend",
    "EngineConfig",
    "MachineReport",
    "ModelHere",
    "build",
    "config_of",
    "describe",
    "fetch",
    "usual_model",
]


def usual_model(settings: Settings) -> str:
    """FLUX.1 Kontext, or where others are served weights that may be used for them."""
    return (
        families.KLEIN_4B.hub if serves_others(settings) and not settings.diffusers_licensed else families.KONTEXT.hub
    )


def config_of(settings: Settings) -> EngineConfig:
    token = settings.hf_token
    return EngineConfig(
        model=settings.diffusers_model or usual_model(settings),
        may_draw=settings.diffusers_licensed or not serves_others(settings),
        revision=settings.diffusers_revision or None,
        token=None if token is None else token.get_secret_value(),
        download=settings.diffusers_download,
        device=settings.diffusers_device,
        lent=on_zero_gpu(),
        precision="gguf" if settings.diffusers_gguf else settings.diffusers_precision,
        offload=settings.diffusers_offload,
        megapixels=settings.diffusers_megapixels,
        steps=settings.diffusers_steps,
        lora=settings.diffusers_lora,
        lora_weight=settings.diffusers_lora_weight,
        gguf=settings.diffusers_gguf,
        attention=settings.diffusers_attention,
        cache="" if settings.diffusers_cache == "off" else settings.diffusers_cache,
        compile=settings.diffusers_compile,
    )


def build(settings: Settings) -> DiffusersBackend:
    config, content = config_of(settings), filter_for(settings)
    if config.lent:
        return _build_lent(config, content)
    idle_s = settings.diffusers_idle_minutes * 60 if settings.diffusers_idle_minutes else None
    return DiffusersBackend(config, idle_s=idle_s, max_waiting=settings.diffusers_waiting, content=content)


def describe(
    settings: Settings,
    *,
    devices: Callable[[], Sequence[Device]] = machine.devices,
    installed: Callable[[str], bool] = machine.is_installed,
    version_of: Callable[[str], str] = version,
) -> MachineReport:
    """Whether the model could be used here, and how. The arguments are for tests: what the machine has."""
    return describe_machine(
        config_of(settings), filter_for(settings), devices=devices, installed=installed, version_of=version_of
    )


def fetch(settings: Settings, model: str = "") -> Path:
    """Download what the settings name and is not here; returns the folder. Raises ``ModelNotInstalled``.

    ``model`` is another one, by its id in the catalogue or its name on the hub.
    """
    config = config_of(settings)
    if model:
        config = config.with_weights(families.hub_of(model))
    folder = loading.fetch(config)
    for extra in extras.wanted(config):
        extra.fetch(config.token)
    return folder


def _build_lent(config: EngineConfig, content: ContentFilter | None) -> DiffusersBackend:
    """ZeroGPU wants the model loaded by the main thread before the page starts, so this is slow."""
    if not readiness(config).ready:
        return DiffusersBackend(config, content=content)
    from kontext_ui.backends.diffusers.zerogpu import lender

    painter = Painter(config, borrow=lender())
    try:
        painter.preload()
    except KontextError as error:
        log.warning("the local model is not ready: %s %s", error.message, error.hint)
    return DiffusersBackend(config, painter, content=content)
