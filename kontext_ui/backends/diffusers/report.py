"""What the model would need on this machine, what is here, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from kontext_ui.backends.content_filter import ContentFilter
from kontext_ui.backends.diffusers import extras, machine
from kontext_ui.backends.diffusers.checks import readiness
from kontext_ui.backends.diffusers.config import EngineConfig
from kontext_ui.backends.diffusers.families import ALL, KLEIN_4B, KONTEXT, Weights, weights_for
from kontext_ui.backends.diffusers.machine import Device
from kontext_ui.backends.diffusers.memory import EXPLICIT, PRECISIONS, Precision, choose, needs_gb
from kontext_ui.backends.diffusers.weights import locate, missing_parts, sizes_gb
from kontext_ui.edits import Readiness


@dataclass(frozen=True)
class Needs:
    """One precision: gigabytes on the GPU with everything there and with parts offloaded, ``None`` when not known."""

    name: str
    gb: float | None
    gb_with_offload: float | None
    needs: tuple[str, ...]
    """Packages that are not installed."""
    note: str


@dataclass(frozen=True)
class ModelHere:
    """Weights that could be drawn with: their size, whether they lie here, and how they would run."""

    id: str
    name: str
    hub: str
    gb: float
    here: bool
    would_run_as: str | None
    licence: str


@dataclass(frozen=True)
class MachineReport:
    """``packages`` are the installed ones with their versions, empty as long as one is missing."""

    readiness: Readiness
    packages: Mapping[str, str]
    missing_packages: tuple[str, ...]
    devices: tuple[Device, ...]
    """Best first; empty without the packages that can find them."""
    wanted_device: str
    model: str
    known: Weights
    weights: Path | None
    """Where they are on this machine."""
    megapixels: float
    precisions: tuple[Needs, ...]
    would_run_as: str | None
    models: tuple[ModelHere, ...]
    recommended: str
    """Name of a model; empty where none fits."""

    @property
    def obstacle(self) -> str:
        """Why no way to run is named."""
        named = [device.kind for device in self.devices]
        if self.wanted_device != "auto" and self.wanted_device.removesuffix(":0") not in named:
            return f"there is no device {self.wanted_device}"
        return "the GGUF file is not on this machine" if self.precisions[-1].gb is None else "nothing fits"


def describe_machine(
    config: EngineConfig,
    content: ContentFilter | None = None,
    *,
    devices: Callable[[], Sequence[Device]] = machine.devices,
    installed: Callable[[str], bool] = machine.is_installed,
    version_of: Callable[[str], str] = version,
) -> MachineReport:
    """Imports torch, where it is installed, to look at the devices: takes seconds."""
    missing = machine.missing_packages(installed)
    ready = readiness(config, installed)
    if ready.ready and content is not None:
        ready = content.check()
    found = () if missing else tuple(devices())
    optional = machine.installed_extras(installed)
    folder = locate(config)
    sizes = _sizes_gb(config, folder)
    models = tuple(_here(config.with_weights(each.hub), each, found, optional) for each in ALL)
    return MachineReport(
        readiness=ready,
        packages={} if missing else {name: version_of(name) for name in machine.PACKAGES},
        missing_packages=missing,
        devices=found,
        wanted_device=config.device,
        model=config.model,
        known=weights_for(config.model, folder),
        weights=folder,
        megapixels=config.megapixels,
        precisions=_precisions(config, sizes, optional),
        would_run_as=_best(config, found, optional, _loaded_gb(config, sizes)),
        models=models,
        recommended=_recommended(config, models),
    )


def _here(config: EngineConfig, known: Weights, found: Sequence[Device], optional: Sequence[str]) -> ModelHere:
    folder = locate(config)
    return ModelHere(
        known.model.id, known.model.name, known.hub, round(known.gb, 1),
        here=folder is not None and not missing_parts(folder),
        would_run_as=_best(config, found, optional, _sizes_gb(config, folder)),
        licence=known.model.licence,
    )  # fmt: skip


def _recommended(config: EngineConfig, models: Sequence[ModelHere]) -> str:
    """FLUX.1 Kontext where all of it has room on the device and it may be used; else what is smaller and free."""
    by_hub = {row.hub: row for row in models}
    kontext, klein = by_hub[KONTEXT.hub], by_hub[KLEIN_4B.hub]
    roomy = kontext.would_run_as is not None and "offload" not in kontext.would_run_as
    best = kontext if roomy and config.may_draw else klein
    return best.name if best.would_run_as is not None else ""


def _sizes_gb(config: EngineConfig, folder: Path | None) -> Mapping[str, float]:
    """Of the model's own parts: what lies on the disk when it is whole, else as they are published."""
    published = weights_for(config.model, folder).parts_gb
    if folder is None or missing_parts(folder, extras.elsewhere(config)):
        return published
    on_disk = sizes_gb(folder)
    absent = set(extras.elsewhere(config)) & set(missing_parts(folder))
    return {name: published.get(name, gb) if name in absent else gb for name, gb in on_disk.items()}


def _loaded_gb(config: EngineConfig, sizes: Mapping[str, float]) -> Mapping[str, float] | None:
    """The same with the transformer that would be loaded; ``None`` when its file is not on this machine."""
    if not config.gguf:
        return sizes
    transformer = extras.gguf_gb(config)
    return None if transformer is None else {**sizes, "transformer": transformer}


def _precisions(config: EngineConfig, sizes: Mapping[str, float], optional: Sequence[str]) -> tuple[Needs, ...]:
    rows = [_needs(precision, sizes, config, optional) for precision in PRECISIONS]
    if config.gguf:
        gguf = next(precision for precision in EXPLICIT if precision.name == "gguf")
        rows.append(_needs(gguf, _loaded_gb(config, sizes), config, optional))
    return tuple(rows)


def _needs(
    precision: Precision, sizes: Mapping[str, float] | None, config: EngineConfig, optional: Sequence[str]
) -> Needs:
    def gb(offload: str) -> float | None:
        return None if sizes is None else round(needs_gb(precision, offload, sizes, config.megapixels), 1)

    return Needs(
        name=precision.name,
        gb=gb("none"),
        gb_with_offload=gb("model"),
        needs=tuple(name for name in precision.packages if name not in optional),
        note=precision.note if sizes is not None else "told when the file is on this machine",
    )


def _best(
    config: EngineConfig, found: Sequence[Device], optional: Sequence[str], sizes: Mapping[str, float] | None
) -> str | None:
    try:
        device = machine.pick_from(found, config.device)
    except LookupError:
        return None
    if sizes is None:
        return None
    ways = choose(
        device.free_gb,
        device.kind.partition(":")[0],
        precision=config.precision,
        offload=config.offload,
        sizes_gb=sizes,
        megapixels=config.megapixels,
        installed=optional,
    )
    return ways[0].name if ways else None
