"""What this machine has: packages and devices. Only :func:`devices` imports torch."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("torch", "diffusers", "transformers", "accelerate")
"""Packages the engine needs; requirements-local.txt lists them."""
OPTIONAL = ("bitsandbytes",)
GPU_SIGNS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "/proc/driver/nvidia/version")
"""Files that exist when a driver for NVIDIA or AMD cards is loaded, also under WSL."""


@dataclass(frozen=True)
class Device:
    """``kind`` is torch's name for it (``cuda`` also for AMD cards)."""

    kind: str
    name: str
    free_gb: float
    total_gb: float


def is_installed(package: str) -> bool:
    return find_spec(package) is not None


def missing_packages(installed: Callable[[str], bool] = is_installed) -> tuple[str, ...]:
    return tuple(name for name in PACKAGES if not installed(name))


def installed_extras(installed: Callable[[str], bool] = is_installed) -> tuple[str, ...]:
    return tuple(name for name in OPTIONAL if installed(name))


def seems_to_have_gpu() -> bool:
    """A guess from the system's files, since asking torch would take seconds."""
    if sys.platform == "darwin":
        return Path("/System/Library/Frameworks/Metal.framework").exists()
    return any(Path(sign).exists() for sign in GPU_SIGNS) or shutil.which("nvidia-smi") is not None


LENT = Device("cuda", "a lent GPU", 45.0, 48.0)
"""The least that ZeroGPU lends; outside a call there is no GPU to query."""


def devices() -> list[Device]:
    """Best first; the processor is always the last. Imports torch: takes seconds."""
    import psutil
    import torch

    found = []
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(number)
            name = torch.cuda.get_device_name(number)
            found.append(Device("cuda" if number == 0 else f"cuda:{number}", name, free / 1e9, total / 1e9))
    if torch.backends.mps.is_available():
        limit = torch.mps.recommended_max_memory()
        found.append(Device("mps", "Apple GPU", (limit - torch.mps.driver_allocated_memory()) / 1e9, limit / 1e9))
    memory = psutil.virtual_memory()
    found.append(Device("cpu", "processor", memory.available / 1e9, memory.total / 1e9))
    return found


def pick(wanted: str) -> Device:
    """The device that a setting names, or the best for ``auto``. Raises ``LookupError`` when it is not there."""
    return pick_from(devices(), wanted)


def pick_from(found: Sequence[Device], wanted: str) -> Device:
    """As :func:`pick`, from what :func:`devices` returned."""
    if wanted == "auto" and found:
        return found[0]
    for device in found:
        if device.kind == wanted or (wanted == "cuda:0" and device.kind == "cuda"):
            return device
    raise LookupError(wanted)
