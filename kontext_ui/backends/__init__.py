"""The registry: backend id → where its factory lives, loaded on first use.

A factory is called as ``build(settings) -> Backend`` and must not touch the network, load a model
or import anything heavy. Adding a backend is one file and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from kontext_ui.backends.base import Backend
from kontext_ui.settings import Settings

BACKENDS: Mapping[str, str] = {
    "bfl": "kontext_ui.backends.hosted.providers.bfl:build",
    "replicate": "kontext_ui.backends.hosted.providers.replicate:build",
    "fal": "kontext_ui.backends.hosted.providers.fal:build",
    "prodia": "kontext_ui.backends.hosted.providers.prodia:build",
    "huggingface": "kontext_ui.backends.hosted.providers.huggingface:build",
    "imageserver": "kontext_ui.backends.image_server:build",
    "diffusers": "kontext_ui.backends.diffusers:build",
    "builtin": "kontext_ui.backends.basic:build",
}


def load_backend(backend_id: str, settings: Settings, registry: Mapping[str, str] = BACKENDS) -> Backend:
    """Import and build one backend. Raises ``KeyError`` for an id that is not registered."""
    module_name, _, attribute = registry[backend_id].partition(":")
    factory: Callable[[Settings], Backend] = getattr(import_module(module_name), attribute)
    return factory(settings)
