"""Where the weights are, whether they are complete, and how large: all from file names, without torch or network."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from kontext_ui.backends.diffusers.config import EngineConfig
from kontext_ui.backends.diffusers.families import INDEX, Weights, weights_for

WITHOUT_WEIGHTS = ("scheduler", "tokenizer", "tokenizer_2", "feature_extractor")
IN_PARTS = ("*/*", "*.json")
"""What is fetched. The same weights also lie there as single files, for other programs."""


def locate(config: EngineConfig) -> Path | None:
    """The folder with ``model_index.json``: the one named, or the hub's copy on this disk."""
    folder = Path(config.model).expanduser()
    if (folder / INDEX).is_file():
        return folder
    if config.model.count("/") != 1 or folder.is_absolute():
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(config.model, INDEX, revision=config.revision)
    return Path(found).parent if isinstance(found, str) else None


def known(config: EngineConfig) -> Weights:
    """Which weights the settings name."""
    return weights_for(config.model, locate(config))


def components(folder: Path) -> tuple[str, ...]:
    """The parts that ``model_index.json`` names, in its order. Raises ``ValueError`` for a malformed file."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except OSError:
        return ()
    if not isinstance(index, dict):
        raise ValueError(f"{folder / INDEX} names no parts")
    return tuple(
        name for name, spec in index.items() if isinstance(spec, list) and len(spec) == 2 and spec[1] is not None
    )


def missing_parts(folder: Path, elsewhere: Collection[str] = ()) -> tuple[str, ...]:
    """Parts whose files are not all there: an interrupted download leaves such a folder.

    For parts whose weights are ``elsewhere`` only the configuration is needed.
    """
    light = (*WITHOUT_WEIGHTS, *elsewhere)
    try:
        named = components(folder)
    except ValueError:
        return (INDEX,)
    return tuple(name for name in named if not _is_whole(folder / name, weighty=name not in light))


def _is_whole(part: Path, *, weighty: bool) -> bool:
    if not part.is_dir():
        return False
    if not weighty:
        return any(part.iterdir())
    for index in part.glob("*.safetensors.index.json"):
        try:
            names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError):
            return False
        return all((part / str(name)).is_file() for name in names)
    return any(part.glob("*.safetensors"))


def sizes_gb(folder: Path) -> Mapping[str, float]:
    """Part → gigabytes (10⁹ bytes) of its weights on disk."""
    named = [name for name in components(folder) if name not in WITHOUT_WEIGHTS]
    return {name: sum(file.stat().st_size for file in (folder / name).glob("*.safetensors")) / 1e9 for name in named}
