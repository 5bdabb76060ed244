"""GPU failures, recognised from the library's errors, and the user-facing messages for them."""

from __future__ import annotations

from kontext_ui.backends.diffusers.config import BACKEND_ID
from kontext_ui.edits import Size
from kontext_ui.errors import OutOfMemory, UnexpectedAnswer

MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory")
LOST_WORDS = (
    "device-side assert",
    "illegal memory access",
    "illegal instruction",
    "misaligned address",
    "unspecified launch failure",
    "uncorrectable ecc error",
    "hardware stack error",
    "fallen off the bus",
)
"""CUDA's and ROCm's names for errors that persist: every later call of the same process raises them again."""


def is_out_of_memory(error: BaseException) -> bool:
    """The GPU's and the processor's allocators raise different errors; some are recognised only by their text."""
    said = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or any(word in said for word in MEMORY_WORDS)
    )


def is_device_lost(error: BaseException) -> bool:
    """Whether the GPU is lost to this process."""
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in said for word in LOST_WORDS)


def device_lost() -> UnexpectedAnswer:
    return UnexpectedAnswer(
        "The GPU failed in a way that lasts until the program is restarted.",
        backend=BACKEND_ID,
        hint="Restart the program; use another tier until then. The program's log has the details.",
    )


def out_of_memory(size: Size, *, lent: bool, smallest: bool) -> OutOfMemory:
    """``lent``: the model was loaded before a GPU was lent and cannot be reloaded. ``smallest``: nor made smaller."""
    less = "A draft needs less, and so does a lower KONTEXT_UI_DIFFUSERS_MEGAPIXELS."
    if lent:
        hint = f"{less} The owner of this Space can also set a smaller KONTEXT_UI_DIFFUSERS_PRECISION and restart it."
    elif smallest:
        hint = f"{less} The model is as small as the settings allow; other programs may be using the GPU."
    else:
        hint = f"Send it again: the model will be loaded in a smaller configuration. {less}"
    return OutOfMemory(f"There was not enough memory for a picture of {size}.", backend=BACKEND_ID, hint=hint)
