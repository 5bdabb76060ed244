"""Files that settings name besides the weights: a LoRA, or the transformer as GGUF. Needs no torch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kontext_ui.backends.diffusers import machine, weights
from kontext_ui.backends.diffusers.config import BACKEND_ID, EngineConfig
from kontext_ui.errors import ModelNotInstalled

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Extra:
    """``name`` is a file, a folder with one such file in it, or ``owner/name/file`` on the Hugging Face hub."""

    what: str
    setting: str
    name: str
    suffix: str
    package: str

    def locate(self) -> Path | None:
        """The file on this disk, if it is there."""
        place = Path(self.name).expanduser()
        if place.is_file():
            return place if place.suffix == self.suffix else None
        if place.is_dir():
            files = sorted(place.glob(f"*{self.suffix}"))
            return files[0] if len(files) == 1 else None
        if (hub := self._on_hub()) is None:
            return None
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(*hub)
        return Path(found) if isinstance(found, str) else None

    def found_or_fetched(self, config: EngineConfig) -> Path:
        """Raises ``ModelNotInstalled``."""
        if (file := self.locate()) is not None:
            return file
        if config.download:
            return self.fetch(config.token)
        raise self.not_there()

    def fetch(self, token: str | None) -> Path:
        """From the hub, unless it is already on disk. Raises ``ModelNotInstalled``."""
        if (file := self.locate()) is not None:
            return file
        if (hub := self._on_hub()) is None:
            raise self.not_there()
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            return Path(hf_hub_download(*hub, token=token))
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
            log.warning("fetching %s failed: %s", self.name, error)
            raise ModelNotInstalled(
                f"{self.what} {self.name} could not be fetched from the hub.",
                backend=BACKEND_ID,
                hint=f"Check the network and {self.setting}, and whether its page asks you to accept a licence.",
            ) from None

    def not_there(self) -> ModelNotInstalled:
        fetch = " or fetch it: `python -m kontext_ui doctor --download`" if self._on_hub() else ""
        return ModelNotInstalled(
            f"{self.what} {self.name} is not on this machine.",
            backend=BACKEND_ID,
            hint=f"Correct {self.setting} (a {self.suffix} file, its folder, or owner/name/file on the hub){fetch}.",
        )

    def _on_hub(self) -> tuple[str, str] | None:
        owner, _, rest = self.name.partition("/")
        name, _, file = rest.partition("/")
        is_path = Path(self.name).is_absolute() or owner in ("", ".", "..", "~")
        return (f"{owner}/{name}", file) if file.endswith(self.suffix) and not is_path else None


def lora(config: EngineConfig) -> Extra | None:
    if not config.lora:
        return None
    return Extra("The LoRA", "KONTEXT_UI_DIFFUSERS_LORA", config.lora, ".safetensors", "peft")


def gguf(config: EngineConfig) -> Extra | None:
    if not config.gguf:
        return None
    return Extra("The transformer", "KONTEXT_UI_DIFFUSERS_GGUF", config.gguf, ".gguf", "gguf")


def elsewhere(config: EngineConfig) -> tuple[str, ...]:
    """Parts of the model whose weights are not taken from its folder."""
    return ("transformer",) if config.gguf else ()


def sizes_gb(config: EngineConfig, folder: Path) -> Mapping[str, float]:
    """As :func:`weights.sizes_gb`, with the files that are actually loaded."""
    sizes, transformer = weights.sizes_gb(folder), gguf_gb(config)
    return sizes if transformer is None else {**sizes, "transformer": transformer}


def gguf_gb(config: EngineConfig) -> float | None:
    """Size of the transformer's GGUF file; ``None`` without such a setting or such a file."""
    extra = gguf(config)
    file = None if extra is None else extra.locate()
    return None if file is None else file.stat().st_size / 1e9


def record(config: EngineConfig) -> dict[str, object]:
    """The settings that affect the pixels, as far as they are set."""
    said: dict[str, object] = {
        "lora": f"{Path(config.lora).name} × {config.lora_weight:g}" if config.lora else "",
        "gguf": Path(config.gguf).name,
        "attention": config.attention,
        "cache": f"{config.cache} {config.cache_threshold:g}" if config.cache else "",
        "compiled": config.compile,
    }
    return {name: value for name, value in said.items() if value}


def wanted(config: EngineConfig) -> tuple[Extra, ...]:
    return tuple(extra for extra in (lora(config), gguf(config)) if extra is not None)


def lacking(config: EngineConfig, installed: Callable[[str], bool] = machine.is_installed) -> ModelNotInstalled | None:
    """The first thing that is missing, and how to get it; a file that will be fetched is not missing."""
    for extra in wanted(config):
        if not installed(extra.package):
            return ModelNotInstalled(
                f"{extra.setting} needs a package that is not installed: {extra.package}.",
                backend=BACKEND_ID,
                hint=f"Run `pip install {extra.package}` and start again.",
            )
        if extra.locate() is None and not config.download:
            return extra.not_there()
    return None
