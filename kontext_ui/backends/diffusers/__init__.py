"""The local tier's model: FLUX.1 Kontext [dev] through diffusers, on this machine."""

import logging

from kontext_ui.backends.contentfilter import ContentFilter, filter_for
from kontext_ui.backends.diffusers.checks import readiness
from kontext_ui.backends.diffusers.engine import DiffusersBackend
from kontext_ui.backends.diffusers.painter import Painter
from kontext_ui.backends.diffusers.values import EngineConfig
from kontext_ui.errors import KontextError
from kontext_ui.settings import Settings, on_zero_gpu

log = logging.getLogger(__name__)
__all__ = ["DiffusersBackend", "EngineConfig", "build", "config_of"]


def config_of(settings: Settings) -> EngineConfig:
    token = settings.hf_token
    return EngineConfig(
        model=settings.diffusers_model,
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
