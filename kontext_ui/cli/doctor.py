"""``doctor``: what the local model needs, what this machine has, and how it would run."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any

from kontext_ui.backends import diffusers
from kontext_ui.backends.diffusers import MachineReport, ModelHere
from kontext_ui.backends.image_server import Found
from kontext_ui.cli.exits import DONE, MACHINE, write_json
from kontext_ui.cli.parser import Options
from kontext_ui.settings import Settings


def examine(
    settings: Settings,
    options: Options,
    *,
    describe: Callable[[Settings], MachineReport] = diffusers.describe,
    servers: Sequence[Found] = (),
) -> int:
    """Prints the findings; the exit code says whether the model could be used now, here or on an image server."""
    if options.download is not None:
        folder = diffusers.fetch(settings, options.download)
        if not options.quiet and not options.json:
            sys.stdout.write(f"The weights are in {folder}.\n")
    report = describe(settings)
    served = any(not server.trouble for server in servers)
    if options.json:
        write_json({**_fields(report), "image_servers": [dataclasses.asdict(server) for server in servers]})
    elif not options.quiet:
        sys.stdout.write("\n".join([*_servers(servers), *_lines(report, served)]) + "\n")
    return DONE if report.readiness.ready or served else MACHINE


def _servers(servers: Sequence[Found]) -> list[str]:
    said = [f"{server.url}: {server.trouble or f'ready, speaks {server.dialect}'}" for server in servers]
    return [f"Server     {line}" for line in said]


def _fields(report: MachineReport) -> dict[str, Any]:
    """For programs."""
    return {
        "ready": report.readiness.ready,
        "reason": report.readiness.reason,
        "hint": report.readiness.hint,
        "packages": dict(report.packages),
        "missing_packages": list(report.missing_packages),
        "devices": [
            {"id": d.kind, "name": d.name, "free_gb": round(d.free_gb, 1), "total_gb": round(d.total_gb, 1)}
            for d in report.devices
        ],
        "model": report.model,
        "weights": None if report.weights is None else str(report.weights),
        "precisions": [dataclasses.asdict(row) for row in report.precisions],
        "would_run_as": report.would_run_as,
        "licence": report.known.licence,
        "models": [dataclasses.asdict(row) for row in report.models],
        "recommended": report.recommended,
    }


def _row(model: ModelHere) -> str:
    there = "here" if model.here else f"doctor --download {model.id}"
    runs = model.would_run_as or "does not fit"
    return f"  {model.name:22} {model.gb:3.0f} GB  {runs:22} {there}\n  {'':22} {model.licence}"


def _lines(report: MachineReport, served: bool) -> list[str]:
    packages = ", ".join(f"{name} {number}" for name, number in report.packages.items())
    missing = f"missing: {', '.join(report.missing_packages)} ({diffusers.INSTALL})"
    lines = [f"Packages   {packages or missing}"]
    lines += [
        f"Device     {d.kind}: {d.name}, {round(d.free_gb, 1):g} of {round(d.total_gb, 1):g} GB free"
        for d in report.devices
    ]
    lines += [f"Weights    {report.model}: {report.weights or 'not on this machine'}", ""]
    lines.append(f"Memory for pictures of {report.megapixels:g} megapixel, in GB (estimated from the weights):")
    lines.append(f"  {'precision':10} {'all on the GPU':>14} {'parts offloaded':>16}")
    for row in report.precisions:
        needs = f"; needs {', '.join(row.needs)}" if row.needs else ""
        gb, offloaded = ("?" if figure is None else f"{figure:.1f}" for figure in (row.gb, row.gb_with_offload))
        lines.append(f"  {row.name:10} {gb:>14} {offloaded:>16}  {row.note}{needs}")
    if report.devices:
        lines.append(f"Here it would run as: {report.would_run_as or report.obstacle}.")
    lines += ["", "Models that can be drawn with:", *map(_row, report.models)]
    if report.recommended:
        lines.append(f"For this machine and whom it serves: {report.recommended}.")
    ready = report.readiness
    verdict = "The local model is ready." if ready.ready else f"{ready.reason} {ready.hint}"
    if not ready.ready:
        verdict += f"\nUntil then the tier local uses the {'image servers' if served else 'built-in engine'}."
    return [*lines, "", verdict, "", f"Licence    {report.known.licence}"]
