"""``doctor``: what the local model needs, what this machine has, and how it would run."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kontext_ui.backends.contentfilter import filter_for
from kontext_ui.backends.diffusers import config_of
from kontext_ui.backends.diffusers import extras as beside
from kontext_ui.backends.diffusers import machine as this_machine
from kontext_ui.backends.diffusers.checks import INSTALL, readiness
from kontext_ui.backends.diffusers.loading import fetch
from kontext_ui.backends.diffusers.machine import Device
from kontext_ui.backends.diffusers.memory import EXPLICIT, PRECISIONS, PUBLISHED_GB, Precision, Rung, choose, needs_gb
from kontext_ui.backends.diffusers.values import EngineConfig
from kontext_ui.backends.diffusers.weights import locate, missing_parts, sizes_gb
from kontext_ui.backends.imageserver import Found
from kontext_ui.cli.exits import DONE, MACHINE, write_json
from kontext_ui.cli.parser import Options
from kontext_ui.edits import Readiness
from kontext_ui.settings import Settings

LICENCE = (
    "FLUX.1 [dev] Non-Commercial License, by Black Forest Labs. Not for commercial use and not for serving end users "
    "without a licence from them; pictures that you make may be used commercially. Results must pass a content filter "
    "or a person's review before they are shared. Read it at "
    "https://huggingface.co/black-forest-labs/FLUX.1-Kontext-dev/blob/main/LICENSE.md"
)


def examine(
    settings: Settings,
    options: Options,
    *,
    devices: Callable[[], Sequence[Device]] = this_machine.devices,
    installed: Callable[[str], bool] = this_machine.is_installed,
    servers: Sequence[Found] = (),
) -> int:
    """Prints the findings; the exit code says whether a model can be used now, here or on an image server."""
    config = config_of(settings)
    missing = this_machine.missing_packages(installed)
    if options.download:
        folder = fetch(config)
        for extra in beside.wanted(config):
            extra.fetch(config.token)
        if not options.quiet and not options.json:
            sys.stdout.write(f"The weights are in {folder}.\n")
    ready = readiness(config, installed)
    if ready.ready and (content := filter_for(settings)) is not None:
        ready = content.check()
    found = [] if missing else list(devices())
    extras = this_machine.installed_extras(installed)
    report = _report(config, ready, found, extras, missing)
    report["image_servers"] = [dataclasses.asdict(server) for server in servers]
    served = any(not server.trouble for server in servers)
    if options.json:
        write_json(report)
    elif not options.quiet:
        sys.stdout.write("\n".join([*_servers(servers), *_lines(config, report, served)]) + "\n")
    return DONE if ready.ready or served else MACHINE


def _servers(servers: Sequence[Found]) -> list[str]:
    said = [f"{server.url}: {server.trouble or f'ready, speaks {server.dialect}'}" for server in servers]
    return [f"Server     {line}" for line in said]


def _report(
    config: EngineConfig, ready: Readiness, found: Sequence[Device], extras: Sequence[str], missing: Sequence[str]
) -> dict[str, Any]:
    folder = locate(config)
    sizes = _sizes_gb(config, folder)
    best = _best(config, found, extras, _loaded_gb(config, sizes))
    return {
        "ready": ready.ready,
        "reason": ready.reason,
        "hint": ready.hint,
        "packages": {} if missing else {name: version(name) for name in this_machine.PACKAGES},
        "missing_packages": list(missing),
        "devices": [
            {"id": d.kind, "name": d.name, "free_gb": round(d.free_gb, 1), "total_gb": round(d.total_gb, 1)}
            for d in found
        ],
        "model": config.model,
        "weights": None if folder is None else str(folder),
        "precisions": _precisions(config, sizes, extras),
        "would_run_as": None if best is None else best.name,
        "licence": LICENCE,
    }


def _sizes_gb(config: EngineConfig, folder: Path | None) -> Mapping[str, float]:
    """Sizes of the model's own parts: on disk when it is complete, otherwise as published."""
    if folder is None or missing_parts(folder, beside.elsewhere(config)):
        return PUBLISHED_GB
    on_disk = sizes_gb(folder)
    absent = set(beside.elsewhere(config)) & set(missing_parts(folder))
    return {name: PUBLISHED_GB.get(name, gb) if name in absent else gb for name, gb in on_disk.items()}


def _loaded_gb(config: EngineConfig, sizes: Mapping[str, float]) -> Mapping[str, float] | None:
    """The same with the transformer that would be loaded; ``None`` when its file is not on this machine."""
    if not config.gguf:
        return sizes
    transformer = beside.gguf_gb(config)
    return None if transformer is None else {**sizes, "transformer": transformer}


def _precisions(config: EngineConfig, sizes: Mapping[str, float], extras: Sequence[str]) -> list[dict[str, Any]]:
    rows = [_precision(precision, sizes, config, extras) for precision in PRECISIONS]
    if config.gguf:
        gguf = next(precision for precision in EXPLICIT if precision.name == "gguf")
        rows.append(_precision(gguf, _loaded_gb(config, sizes), config, extras))
    return rows


def _precision(
    precision: Precision, sizes: Mapping[str, float] | None, config: EngineConfig, extras: Sequence[str]
) -> dict[str, Any]:
    def gb(offload: str) -> float | None:
        return None if sizes is None else round(needs_gb(precision, offload, sizes, config.megapixels), 1)

    return {
        "name": precision.name,
        "gb": gb("none"),
        "gb_with_offload": gb("model"),
        "needs": [name for name in precision.packages if name not in extras],
        "note": precision.note if sizes is not None else "known once the file is on this machine",
    }


def _best(
    config: EngineConfig, found: Sequence[Device], extras: Sequence[str], sizes: Mapping[str, float] | None
) -> Rung | None:
    try:
        device = this_machine.pick_from(found, config.device)
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
        installed=extras,
    )
    return ways[0] if ways else None


def _lines(config: EngineConfig, report: dict[str, Any], served: bool) -> list[str]:
    packages = ", ".join(f"{name} {number}" for name, number in report["packages"].items())
    lines = [f"Packages   {packages or 'missing: ' + ', '.join(report['missing_packages']) + f' ({INSTALL})'}"]
    lines += [
        f"Device     {d['id']}: {d['name']}, {d['free_gb']:g} of {d['total_gb']:g} GB free" for d in report["devices"]
    ]
    lines += [f"Weights    {config.model}: {report['weights'] or 'not on this machine'}", ""]
    lines.append(f"Memory for pictures of {config.megapixels:g} megapixel, in GB (estimated from the weights):")
    lines.append(f"  {'precision':10} {'all on the GPU':>14} {'parts offloaded':>16}")
    for row in report["precisions"]:
        needs = f"; needs {', '.join(row['needs'])}" if row["needs"] else ""
        gb, offloaded = ("?" if figure is None else f"{figure:.1f}" for figure in (row["gb"], row["gb_with_offload"]))
        lines.append(f"  {row['name']:10} {gb:>14} {offloaded:>16}  {row['note']}{needs}")
    if report["devices"]:
        lines.append(f"On this machine it would run as: {report['would_run_as'] or _nothing(config, report)}.")
    verdict = "The local model is ready." if report["ready"] else f"{report['reason']} {report['hint']}"
    if not report["ready"]:
        verdict += f"\nUntil then the local tier uses the {'image servers' if served else 'built-in engine'}."
    return [*lines, "", verdict, "", f"Licence    {report['licence']}"]


def _nothing(config: EngineConfig, report: dict[str, Any]) -> str:
    """Why the model cannot run on this machine."""
    if config.device != "auto" and config.device.removesuffix(":0") not in [d["id"] for d in report["devices"]]:
        return f"there is no device {config.device}"
    return "the GGUF file is not on this machine" if report["precisions"][-1]["gb"] is None else "nothing fits"
