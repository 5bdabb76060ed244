"""How much memory each precision needs, and which one a machine gets.

For the steps at one megapixel, which read the photo and draw another one, 3 GB are assumed on top of the
weights. All this is arithmetic: no figure here was measured.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kontext_ui.backends.diffusers.families import KONTEXT

PUBLISHED_GB = KONTEXT.parts_gb
"""Of FLUX.1 Kontext [dev]: what is assumed where nothing else is said."""
WORKING_GB = 3.0
"""On top of the weights, at one megapixel; it shrinks with the picture's size, but not to nothing."""
LEAST_WORKING_GB = 0.5
FULL = 1.0


@dataclass(frozen=True)
class Precision:
    """``transformer`` and ``text`` are shares of the 16-bit size that the weights take in memory."""

    name: str
    transformer: float
    text: float
    note: str
    devices: frozenset[str] = frozenset(("cuda", "cpu"))
    packages: tuple[str, ...] = ()


PRECISIONS: tuple[Precision, ...] = (
    Precision("bf16", FULL, FULL, "as published", frozenset(("cuda", "mps", "cpu"))),
    Precision("fp8", 0.5, FULL, "weights stored in 8 bits; speed and loss not measured here"),
    Precision(
        "nf4", 0.28, 0.3, "weights in 4 bits; speed and loss not measured here", frozenset(("cuda",)), ("bitsandbytes",)
    ),
)
EXPLICIT = (
    Precision("fp16", FULL, FULL, "for GPUs without bf16", frozenset(("cuda", "mps"))),
    Precision("fp32", 2.0, 2.0, "for processors; needs twice the memory", frozenset(("cuda", "mps", "cpu"))),
    Precision("gguf", FULL, FULL, "as the file has it", frozenset(("cuda", "mps", "cpu"))),
)
"""Only used when a setting asks for them, or on a CPU."""


@dataclass(frozen=True)
class Rung:
    """One configuration. ``needs_gb`` is the peak on the device."""

    precision: Precision
    offload: str
    """``none``: all on the device. ``model``: parts wait in main memory until they are needed.
    ``group``: only the active layer is on the device."""
    needs_gb: float

    @property
    def name(self) -> str:
        return self.precision.name if self.offload == "none" else f"{self.precision.name}, offload {self.offload}"


def needs_gb(
    precision: Precision, offload: str, sizes_gb: Mapping[str, float] = PUBLISHED_GB, megapixels: float = 1.0
) -> float:
    """Peak memory on the device in gigabytes, estimated from the sizes of the 16-bit weights."""
    transformer = sizes_gb.get("transformer", 0.0) * precision.transformer
    text = sum(gb for name, gb in sizes_gb.items() if name.startswith("text_encoder")) * precision.text
    rest = sum(gb for name, gb in sizes_gb.items() if name != "transformer" and not name.startswith("text_encoder"))
    working = max(LEAST_WORKING_GB, WORKING_GB * megapixels)
    if sum(sizes_gb.values()) < 1:
        working = min(working, LEAST_WORKING_GB)
    if offload == "none":
        return transformer + text + rest + working
    if offload == "model":
        return max(transformer, text, rest) + working
    return max(rest, 1.0 if transformer > 1 else transformer) + working


def choose(
    free_gb: float,
    device: str,
    *,
    precision: str = "auto",
    offload: str = "auto",
    sizes_gb: Mapping[str, float] = PUBLISHED_GB,
    megapixels: float = 1.0,
    installed: Collection[str] = (),
) -> list[Rung]:
    """The configurations to try on a device, best first; empty when nothing fits.

    What a setting names is tried even if it does not seem to fit: whoever set it knows the machine.
    ``device`` is ``cuda``, ``mps`` or ``cpu``; parts wait in main memory only where a GPU has its own.
    """
    by_name = {choice.name: choice for choice in (*PRECISIONS, *EXPLICIT)}
    wanted = PRECISIONS if precision == "auto" else (by_name[precision],)
    if precision == "auto" and device == "cpu":
        wanted = (by_name["fp32"],)
    offloads = (("none", "model") if device == "cuda" else ("none",)) if offload == "auto" else (offload,)
    able = [
        Rung(choice, how, needs_gb(choice, how, sizes_gb, megapixels))
        for choice in wanted
        for how in offloads
        if precision != "auto" or (device in choice.devices and all(name in installed for name in choice.packages))
    ]
    fitting = [rung for rung in able if rung.needs_gb <= free_gb]
    if fitting or (precision == "auto" and offload == "auto"):
        return fitting
    return able[-1:]
