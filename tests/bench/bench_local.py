"""The local model's engine around a tiny pipeline on the processor: what it adds, how it stops, what its caches save.

The tiny pipeline's steps take milliseconds, so what is measured here is the engine and not the model.
``--folder`` measures other weights, real ones on a GPU for instance, with ``--megapixels 1 --steps 28``.
Where CUDA is there, :mod:`tests.bench.local_gpu` follows: a model of the published size; ``--no-gpu`` leaves it out.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.diffusers.config import EngineConfig
from kontext_ui.backends.diffusers.engine import DiffusersBackend, make_drawing
from kontext_ui.backends.diffusers.painter import Painter
from kontext_ui.edits import EditRequest, Parameters, Size, Tier
from kontext_ui.errors import EditCancelled
from kontext_ui.models import kontext
from tests import tiny_kontext
from tests.bench import local_gpu

TARGETS = {"overhead": 30.0, "lag p99": 50.0}


def request(seed: int, words: str = "make it red", **parameters: Any) -> EditRequest:
    return EditRequest(words, Tier.LOCAL, "diffusers", input_image="d", parameters=Parameters(seed=seed, **parameters))


async def edit(
    backend: DiffusersBackend, photo: np.ndarray, seed: int, words: str = "make it red", **parameters: Any
) -> float:
    started = time.perf_counter()
    async for _ in backend.edit(request(seed, words, **parameters), EditTask("job", input_image=photo)):
        pass
    return time.perf_counter() - started


def plain_call(painter: Painter, config: EngineConfig, photo: np.ndarray) -> Callable[[int, str], float]:
    """The library's own call, words and picture included, on the pipeline that the engine uses."""
    import torch

    pipe = painter._loaded.pipe

    def call(seed: int, words: str) -> float:
        started = time.perf_counter()
        height, width = photo.shape[:2]
        with torch.inference_mode():
            pipe(
                image=Image.fromarray(photo),
                prompt=words,
                width=width,
                height=height,
                max_area=width * height,
                _auto_resize=False,
                num_inference_steps=config.steps,
                guidance_scale=2.5,
                max_sequence_length=config.text_tokens,
                generator=torch.Generator("cpu").manual_seed(seed),
            )
        return time.perf_counter() - started

    return call


async def on_its_thread(backend: DiffusersBackend, call: Callable[[int, str], float], seed: int, words: str) -> float:
    """Torch keeps a pool of threads per calling thread; two pools on the same cores would slow each other."""
    return await asyncio.wrap_future(backend._owner.submit("bench", lambda _: call(seed, words)).future)


async def overhead(backend: DiffusersBackend, painter: Painter, config: EngineConfig, photo: np.ndarray, n: int):
    """Pairs of a plain call and an edit with the same new words and a new photo, so that no cache helps."""
    rows = []
    for number in range(n):
        fresh = photo.copy()
        fresh[0, 0] = number % 256, number // 256, 1
        call = plain_call(painter, config, fresh)
        words = f"make it red {number}"
        theirs = await on_its_thread(backend, call, number, words)
        rows.append((theirs, await edit(backend, fresh, number, words)))
    plain, ours = (statistics.median(column) for column in zip(*rows, strict=True))
    added = statistics.median(b - a for a, b in rows)
    again = statistics.median([await edit(backend, photo, seed) for seed in range(n + 1)][1:])
    return plain, ours, added, again


async def lag(backend: DiffusersBackend, photo: np.ndarray, n: int) -> list[float]:
    """How much later than asked the event loop wakes while edits run, in seconds."""
    late: list[float] = []
    running = asyncio.gather(*(edit(backend, photo, seed) for seed in range(n)))
    while not running.done():
        asked = time.perf_counter()
        await asyncio.sleep(0.005)
        late.append(time.perf_counter() - asked - 0.005)
    await running
    return sorted(late)


async def stop(backend: DiffusersBackend, photo: np.ndarray) -> tuple[float, float]:
    """From the wish to stop until the visitor is told, and until the thread is free."""
    task = EditTask("job", input_image=photo)
    told = 0.0
    try:
        async for event in backend.edit(request(1, num_inference_steps=50), task):
            if getattr(event, "stage", "").startswith("step 2 ") and not task.stop.is_set():
                task.stop.set()
                told = time.perf_counter()
    except EditCancelled:
        seen = time.perf_counter() - told
    await asyncio.wrap_future(backend._owner.submit("bench", lambda _: None).future)
    return seen, time.perf_counter() - told


async def variants(backend: DiffusersBackend, photo: np.ndarray) -> list[float]:
    """Seconds until each of three edits is there that were sent at once."""
    started = time.perf_counter()

    async def one(seed: int) -> float:
        await edit(backend, photo, seed)
        return time.perf_counter() - started

    return sorted(await asyncio.gather(*map(one, (1, 2, 3))))


async def speeds(backend: DiffusersBackend, photo: np.ndarray, n: int) -> dict[str, float]:
    """Median seconds of an edit at each choice of the speed, words and photo kept."""
    found: dict[str, float] = {}
    for speed in kontext.SPEEDS:
        found[speed] = statistics.median(
            [await edit(backend, photo, seed, acceleration=speed) for seed in range(n + 1)][1:]
        )
    return found


async def tell_variants_and_speeds(backend: DiffusersBackend, photo: np.ndarray, n: int) -> None:
    rows = [await variants(backend, photo) for _ in range(n)]
    first, second, third = (statistics.median(column) * 1000 for column in zip(*rows, strict=True))
    print(f"three variants sent at once         {first:8.1f}, {second:.1f} and {third:.1f} ms until each is there")
    seconds = await speeds(backend, photo, n)
    for speed, spent in seconds.items():
        name = {"none": "full size"}.get(speed, speed)
        print(f"speed: {name:29}{spent * 1000:8.1f} ms  ({spent / seconds['none']:.2f} of full size)")


async def measure(given: argparse.Namespace) -> None:
    config = tiny_kontext.config(steps=given.steps, megapixels=given.megapixels, preview_every=0)
    if given.folder:
        config = EngineConfig(model=given.folder, steps=given.steps, megapixels=given.megapixels, preview_every=0)
    painter = Painter(config)
    backend = DiffusersBackend(config, painter)
    size = backend.capabilities(Tier.LOCAL).size_rule.sizes[8 if not given.folder and given.megapixels >= 1 else 0]
    photo = np.random.default_rng(0).integers(0, 255, (size.height, size.width, 3), np.uint8)
    print(f"pictures of {Size(*size)}, {config.steps} steps, {given.edits} edits each")
    started = time.perf_counter()
    await edit(backend, photo, 0)
    print(f"load and first edit                 {time.perf_counter() - started:8.2f} s")
    plain, ours, added, again = await overhead(backend, painter, config, photo, given.edits)
    print(f"plain call of the library           {plain * 1000:8.1f} ms")
    print(f"edit, new words and new photo       {ours * 1000:8.1f} ms  ({ours / plain:.2f} of plain)")
    print(f"added by the engine, median of pairs{added * 1000:8.1f} ms  (target < {TARGETS['overhead']:g})")
    print(f"edit again with another seed        {again * 1000:8.1f} ms  ({again / plain:.2f} of plain)")
    painter._config = dataclasses.replace(config, preview_every=4)
    shown = statistics.median([await edit(backend, photo, seed) for seed in range(given.edits + 1)][1:])
    previews = (config.steps - 1) // 4
    print(f"a preview, one every 4 steps        {(shown - again) / previews * 1000:8.1f} ms")
    painter._config = config
    fresh = make_drawing(request(1), EditTask("job", input_image=photo), config)
    for name, cache in (("words", painter.prompts), ("photos", painter.sources)):
        print(
            f"cache of {name:8} {len(cache)} kept, {cache.bytes / 1e6:.2f} MB, {cache.hits} hits, {cache.misses} misses"
        )
    await tell_variants_and_speeds(backend, photo, max(3, given.edits // 4))
    late = await lag(backend, photo, given.edits)
    print(
        f"event loop late by p50 {late[len(late) // 2] * 1000:.1f}, p99 {late[int(len(late) * 0.99)] * 1000:.1f} ms "
        f"(target < {TARGETS['lag p99']:g}), max {late[-1] * 1000:.1f} ms over {len(late)} waits"
    )
    seen, free = (
        statistics.median(column) for column in zip(*[await stop(backend, photo) for _ in range(9)], strict=True)
    )
    print(
        f"stop: told after {seen * 1000:.1f} ms, thread free after {free * 1000:.1f} ms "
        f"(a step takes about {plain / fresh.steps * 1000:.0f} ms)"
    )
    await backend.aclose()


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folder", help="weights; default: the tiny pipeline")
    options.add_argument("--megapixels", type=float, default=0.06)
    options.add_argument("--steps", type=int, default=8)
    options.add_argument("--edits", type=int, default=20)
    options.add_argument("--no-gpu", action="store_true", help="leave out the model of the published size")
    given = options.parse_args([] if arguments is None else arguments)
    if not tiny_kontext.AVAILABLE:
        sys.exit("torch and diffusers are not installed: pip install -r requirements-local.txt")
    asyncio.run(measure(given))
    import torch

    if torch.cuda.is_available() and not given.no_gpu:
        local_gpu.measure(given.folder, local_gpu.STEPS, local_gpu.EDITS)


if __name__ == "__main__":
    main(sys.argv[1:])
