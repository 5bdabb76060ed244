"""A server's answer as the editor's result: its size undone, and what made it."""

from __future__ import annotations

from typing import Any

from kontext_ui.backends.image_server.dialects import Dialect, Wanted
from kontext_ui.backends.image_server.exchange import Answer
from kontext_ui.backends.image_server.fleet import Server
from kontext_ui.backends.image_server.offer import left_out
from kontext_ui.backends.image_server.served import label_of
from kontext_ui.edits import EditRequest, EditResult, Pixels, Size
from kontext_ui.images.geometry import resized, size_of

ROUNDING_PX = 16
"""Servers round sizes to multiples of 8 or 16."""


def result_of(answer: Answer, server: Server, dialect: Dialect, wanted: Wanted, request: EditRequest) -> EditResult:
    pixels, size_warnings = _fitted(answer.pixels, wanted.size)
    seed = answer.seed if answer.seed is not None else (wanted.seed if dialect.takes("seed") else None)
    plan: dict[str, Any] = {
        "server": dialect.name,
        "model": answer.model or server.model,
        "size": f"{wanted.size.width}x{wanted.size.height}",
        "seed": seed,
    }
    if dialect.takes("num_inference_steps"):
        plan |= {"steps": wanted.steps, "guidance": wanted.guidance}
    warnings = (*left_out(dialect, request.parameters), *size_warnings, *answer.warnings)
    return EditResult(pixels, plan=plan, seed=seed, model=label_of(server.model), warnings=warnings)


def _fitted(pixels: Pixels, wanted: Size) -> tuple[Pixels, tuple[str, ...]]:
    """Undo a server's rounding; another size than that means that it did not read the size."""
    size = size_of(pixels)
    if size == wanted:
        return pixels, ()
    if abs(size.width - wanted.width) < ROUNDING_PX and abs(size.height - wanted.height) < ROUNDING_PX:
        return resized(pixels, wanted), ()
    return pixels, (f"The image server answered with {size} instead of {wanted}; its picture was scaled.",)
