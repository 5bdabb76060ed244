"""Optional additions to the model: a LoRA, GGUF weights, another attention, a step cache, compiled blocks.

All are off by default. The last three promise speed on GPUs; that was not measured with this program.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from kontext_ui.backends.diffusers.config import BACKEND_ID, EngineConfig
from kontext_ui.backends.diffusers.families import KONTEXT, Weights
from kontext_ui.errors import InvalidSetting, ModelNotInstalled

log = logging.getLogger(__name__)
ADAPTER = "setting"


def add_lora(pipe: Any, file: Path, config: EngineConfig, known: Weights = KONTEXT, *, fuse: bool) -> None:
    """``fuse`` merges it into the weights, so that steps cost no more; quantised weights cannot be merged.

    Raises ``ModelNotInstalled`` for a file that is not a LoRA, or is one for another model.
    """
    from safetensors import SafetensorError

    try:
        pipe.load_lora_weights(file.parent, weight_name=file.name, adapter_name=ADAPTER, local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        log.warning("loading %s failed: %s", file, error)
        raise _not_for_this_model(config, known) from error
    if ADAPTER not in pipe.get_list_adapters().get("transformer", ()):
        raise _not_for_this_model(config, known)
    if fuse:
        pipe.fuse_lora(adapter_names=[ADAPTER], lora_scale=config.lora_weight)
        pipe.unload_lora_weights()
    else:
        pipe.set_adapters([ADAPTER], [config.lora_weight])


def _not_for_this_model(config: EngineConfig, known: Weights) -> ModelNotInstalled:
    return ModelNotInstalled(
        f"The LoRA {config.lora} cannot be applied to this model.",
        backend=BACKEND_ID,
        hint=(
            f"It must be one for {known.model.name}. Correct KONTEXT_UI_DIFFUSERS_LORA; "
            "the program's log has the details."
        ),
    )


def transformer_from_gguf(file: Path, folder: Path, dtype: Any, known: Weights) -> Any:
    """The transformer with quantised weights, unpacked layer by layer as it runs.

    ``folder`` has the layout of the hub; of its transformer only ``config.json`` is read.
    """
    import diffusers

    return getattr(diffusers, known.transformer).from_single_file(
        str(file),
        config=str(folder),
        subfolder="transformer",
        quantization_config=diffusers.GGUFQuantizationConfig(compute_dtype=dtype),
        dtype=dtype,
        local_files_only=True,
    )


def quicken(pipe: Any, config: EngineConfig, known: Weights = KONTEXT) -> None:
    """Raises ``InvalidSetting`` for what is not available on this machine."""
    if config.attention:
        try:
            pipe.transformer.set_attention_backend(config.attention)
        except (ValueError, RuntimeError, ImportError) as error:
            raise InvalidSetting(
                f"KONTEXT_UI_DIFFUSERS_ATTENTION is {config.attention}, which cannot be used here: {error}",
                hint="Leave it empty for torch's own attention.",
            ) from error
    if config.cache:
        _add_step_cache(pipe, config, known)
    if config.compile and config.lent:
        raise InvalidSetting(
            "KONTEXT_UI_DIFFUSERS_COMPILE is on, but what is compiled on a lent GPU is lost with it.",
            hint="Leave it off on ZeroGPU.",
        )
    if config.compile:
        # dynamic: otherwise each of the model's 17 shapes would be compiled separately
        pipe.transformer.compile_repeated_blocks(dynamic=True)


def _add_step_cache(pipe: Any, config: EngineConfig, known: Weights) -> None:
    from diffusers import FirstBlockCacheConfig

    if known.guidance is None:
        raise InvalidSetting(
            f"KONTEXT_UI_DIFFUSERS_CACHE skips steps that change little; {known.model.name} has only {known.steps}.",
            hint="Set it to off.",
        )
    if config.offload == "group":
        raise InvalidSetting(
            "KONTEXT_UI_DIFFUSERS_CACHE skips layers, and KONTEXT_UI_DIFFUSERS_OFFLOAD=group fetches each.",
            hint="Use one of the two.",
        )
    pipe.transformer.enable_cache(FirstBlockCacheConfig(threshold=config.cache_threshold))


def caching(pipe: Any, config: EngineConfig) -> AbstractContextManager[object]:
    """Enter it around a call of the pipeline: the library's Kontext pipeline does not do so for step caches."""
    return pipe.transformer.cache_context("cond") if config.cache else nullcontext()
