"""Whether the engine could run on this machine, answered in a millisecond: no torch, no network, no model."""

from __future__ import annotations

from collections.abc import Callable

from kontext_ui.backends.diffusers import extras, families, loading, machine, weights
from kontext_ui.backends.diffusers.config import EngineConfig
from kontext_ui.edits import Readiness

INSTALL = "pip install -r requirements-local.txt"
LARGE_GB = 2.0
"""Beyond this a CPU needs minutes per step and an hour per edit."""


def readiness(
    config: EngineConfig,
    installed: Callable[[str], bool] = machine.is_installed,
    has_gpu: Callable[[], bool] = machine.seems_to_have_gpu,
) -> Readiness:
    """The first thing that is missing, and how to get it."""
    if not config.may_draw and not (known := weights.known(config)).serves_others:
        return Readiness(
            False,
            f"The licence of {known.model.name} does not let this server draw for others with it.",
            f"Set KONTEXT_UI_DIFFUSERS_MODEL={families.KLEIN_4B.hub}, whose licence does, "
            "or KONTEXT_UI_DIFFUSERS_LICENSED=true if you hold one that does.",
        )
    if missing := machine.missing_packages(installed):
        return Readiness(
            False,
            f"The local model needs packages that are not installed: {', '.join(missing)}.",
            f"Run `{INSTALL}` and start again; {loading.DOCTOR}",
        )
    gpu = config.lent or config.device not in ("auto", "cpu") or (config.device == "auto" and has_gpu())
    folder = weights.locate(config)
    missing_parts = () if folder is None else weights.missing_parts(folder, extras.elsewhere(config))
    if folder is None or missing_parts:
        if config.download and gpu:
            return Readiness(True)
        lacking = loading.not_there(config, missing_parts)
        return Readiness(False, lacking.message, lacking.hint)
    if (extra := extras.lacking(config, installed)) is not None:
        return Readiness(False, extra.message, extra.hint)
    if not gpu and config.device == "auto" and sum(extras.sizes_gb(config, folder).values()) > LARGE_GB:
        return Readiness(
            False,
            "No GPU was found, and without one an edit with these weights takes an hour.",
            f"Point the tier to an image server, or use another tier. {loading.DOCTOR}",
        )
    return Readiness(True)
