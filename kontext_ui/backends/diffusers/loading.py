"""From weights on disk to a pipeline that draws. Torch and diffusers, which take seconds, are imported on use."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kontext_ui.backends.diffusers import extras, families, levers, machine, memory, weights
from kontext_ui.backends.diffusers.config import BACKEND_ID, EngineConfig
from kontext_ui.backends.diffusers.families import Weights
from kontext_ui.backends.diffusers.memory import Rung
from kontext_ui.errors import InvalidSetting, MissingCredentials, ModelNotInstalled, OutOfMemory

log = logging.getLogger(__name__)
DOCTOR = "`python -m kontext_ui doctor` shows what this machine can run."


@dataclass(frozen=True, eq=False)
class Loaded:
    """A pipeline and how it runs. ``pipe`` belongs to the thread that loaded it."""

    pipe: Any
    device: str
    rung: Rung
    revision: str
    """What distinguishes these weights from others of the same name: the hub's commit, or empty for a folder."""
    smallest: bool = False
    """Whether the settings and the machine leave no smaller configuration."""
    weights: Weights = families.KONTEXT


def load(config: EngineConfig, below: int = 0) -> Loaded:
    """Load the best configuration that fits, skipping the first ``below`` ones, which ran out of memory before.

    The last one is retried every time: another program may have taken the memory.

    Raises ``ModelNotInstalled``, ``OutOfMemory`` or ``InvalidSetting`` with user-facing messages.
    """
    folder = found_or_fetched(config)
    try:
        device = machine.LENT if config.lent else machine.pick(config.device)
    except LookupError:
        raise InvalidSetting(f"There is no device {config.device} on this machine.", hint=DOCTOR) from None
    for extra in extras.wanted(config):
        extra.found_or_fetched(config)  # first, since the sizes depend on it
    sizes = extras.sizes_gb(config, folder)
    ways = memory.choose(
        device.free_gb,
        device.kind.partition(":")[0],
        precision=config.precision,
        offload=config.offload,
        sizes_gb=sizes,
        megapixels=config.megapixels,
        installed=machine.installed_extras(),
    )
    ways = ways[min(below, len(ways) - 1) :] if ways else []
    if not ways:
        raise OutOfMemory(
            f"The weights do not fit: {device.name} has {device.free_gb:.0f} GB free.",
            backend=BACKEND_ID,
            hint=f"Close other programs that use it, or use an image server. {DOCTOR}",
        )
    log.info("loading %s on %s as %s", config.model, device.kind, ways[0].name)
    known = weights.known(config)
    pipe = _pipeline(folder, device.kind, ways[0], config, known)
    return Loaded(pipe, device.kind, ways[0], _revision(folder), smallest=len(ways) == 1, weights=known)


def found_or_fetched(config: EngineConfig) -> Path:
    folder = weights.locate(config)
    missing = () if folder is None else weights.missing_parts(folder, extras.elsewhere(config))
    if folder is not None and not missing:
        return folder
    if config.download and not Path(config.model).is_absolute():
        return fetch(config)
    raise not_there(config, missing)


def not_there(config: EngineConfig, missing: tuple[str, ...] = ()) -> ModelNotInstalled:
    what = f"Of the weights, {' and '.join(missing)} cannot be found" if missing else "The weights are not"
    fetch = "run `python -m kontext_ui doctor --download`."
    hint = f"Accept the licence at https://huggingface.co/{config.model}, set HF_TOKEN, and {fetch}"
    if config.model.count("/") != 1:
        hint = "Correct KONTEXT_UI_DIFFUSERS_MODEL."
    elif not families.weights_for(config.model).gated:
        hint = fetch[0].upper() + fetch[1:]
    return ModelNotInstalled(f"{what} on this machine ({config.model}).", backend=BACKEND_ID, hint=hint)


def fetch(config: EngineConfig) -> Path:
    """Fetch the weights from the hub, 16 to 35 GB; files that are already there are not fetched again.

    Raises ``MissingCredentials`` when the licence is not accepted, ``ModelNotInstalled`` otherwise.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                config.model,
                revision=config.revision,
                token=config.token,
                allow_patterns=list(weights.IN_PARTS),
                ignore_patterns=[
                    *(f"{part}/*.safetensors" for part in extras.elsewhere(config)),
                    *("*.jpg", "*.png", "*.md"),
                ],
            )
        )
    except GatedRepoError:
        raise MissingCredentials(
            f"The hub gives {config.model} only to accounts that accepted its licence.",
            backend=BACKEND_ID,
            hint=f"Accept it at https://huggingface.co/{config.model} and set HF_TOKEN to a token of that account.",
        ) from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        log.warning("fetching %s failed: %s", config.model, error)
        raise ModelNotInstalled(
            f"{config.model} could not be fetched from the hub.",
            backend=BACKEND_ID,
            hint=(
                f"Check the network and the free disk space ({families.weights_for(config.model).gb:.0f} GB), "
                "then try again; it continues where it stopped."
            ),
        ) from None


def _revision(folder: Path) -> str:
    return folder.name if folder.parent.name == "snapshots" else ""


def _pipeline(folder: Path, device: str, rung: Rung, config: EngineConfig, known: Weights) -> Any:
    import diffusers
    import torch
    from safetensors import SafetensorError

    _hush()
    precision = rung.precision.name
    dtype = {"fp16": torch.float16, "fp32": torch.float32}.get(precision, torch.bfloat16)
    if precision == "gguf" and device == "cpu":
        dtype = torch.float32
    extra = {"quantization_config": _four_bits(dtype, known)} if precision == "nf4" else {}
    try:
        if (gguf := extras.gguf(config)) is not None:
            extra["transformer"] = levers.transformer_from_gguf(gguf.found_or_fetched(config), folder, dtype, known)
        pipe = getattr(diffusers, known.pipeline).from_pretrained(
            folder, dtype=dtype, local_files_only=True, use_safetensors=True, **extra
        )
    except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
        log.warning("loading %s failed: %s", folder, error)
        raise _unreadable(config) from error
    if (lora := extras.lora(config)) is not None:
        fuse = precision not in ("nf4", "gguf")
        levers.add_lora(pipe, lora.found_or_fetched(config), config, known, fuse=fuse)
    if precision == "fp8":
        pipe.transformer.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=dtype)
    _place(pipe, device, rung.offload)
    levers.quicken(pipe, config, known)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _unreadable(config: EngineConfig) -> ModelNotInstalled:
    which = f"{config.model} or {config.gguf}" if config.gguf else config.model
    return ModelNotInstalled(
        f"The weights in {which} cannot be read.",
        backend=BACKEND_ID,
        hint="They must be those of FLUX.1 Kontext [dev], in the hub's layout. The program's log has the details.",
    )


def _hush() -> None:
    """The page shows that the model is loading; progress bars in the terminal would garble the log."""
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.disable_progress_bar()


def _place(pipe: Any, device: str, offload: str) -> None:
    """Move the parts to their device. Only a GPU with its own memory lets parts wait in main memory."""
    import torch

    if offload != "none" and not device.startswith("cuda"):
        raise InvalidSetting(
            f"KONTEXT_UI_DIFFUSERS_OFFLOAD is {offload}, but {device} has no memory of its own to save.",
            hint="Set it to auto or none.",
        )
    if offload == "model":
        pipe.enable_model_cpu_offload(device=device)
    elif offload == "group":
        pipe.enable_group_offload(onload_device=torch.device(device), offload_type="leaf_level", use_stream=True)
    else:
        pipe.to(device)


def _four_bits(dtype: Any, known: Weights) -> Any:
    from diffusers.quantizers import PipelineQuantizationConfig

    return PipelineQuantizationConfig(
        quant_backend="bitsandbytes_4bit",
        quant_kwargs={"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype},
        components_to_quantize=["transformer", *known.text_parts],
    )
