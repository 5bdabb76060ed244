"""``serve-engine`` in a process of its own, with the tiny pipeline whose memory runs out when it is asked to.

    python -m tests.engine_process FOLDER

FOLDER is where :mod:`tests.tiny_kontext` wrote the pipeline.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager

import httpx

from kontext_ui.backends.diffusers import DiffusersBackend, config_of
from kontext_ui.backends.diffusers.loading import load
from kontext_ui.backends.diffusers.painter import Painter
from kontext_ui.backends.image_server import ImageServerBackend
from kontext_ui.cli.parser import Options, build_parser
from kontext_ui.cli.serve_engine import serve
from kontext_ui.settings import Settings, load_settings
from tests import tiny_kontext
from tests.conftest import ROOT, without_settings

TOO_MUCH = "[[too much]]"
"""A prompt for which there is not enough memory."""
MEGAPIXELS = 0.01
PATIENCE_S = 240.0
"""For anything of another process, on a machine that is busy with other things. Waiting ends with the state."""


def load_limited(config, below):
    """The real loader; the pipeline it gives has no memory for one prompt."""
    loaded = load(config, below)
    encode = loaded.pipe.encode_prompt

    def encode_limited(prompt, *rest, **named):
        if prompt == TOO_MUCH:
            raise MemoryError
        return encode(prompt, *rest, **named)

    loaded.pipe.encode_prompt = encode_limited
    return loaded


def limited(settings: Settings) -> DiffusersBackend:
    config = config_of(settings)
    return DiffusersBackend(config, Painter(config, load_limited))


def environment(steps: int = 2) -> dict[str, str]:
    return {
        **without_settings(os.environ),
        "PYTHONPATH": str(ROOT),
        "KONTEXT_UI_DIFFUSERS_MODEL": str(tiny_kontext.folder()),
        "KONTEXT_UI_DIFFUSERS_DEVICE": "cpu",
        "KONTEXT_UI_DIFFUSERS_PRECISION": "fp32",  # named, so that it is tried whatever memory others have left
        "KONTEXT_UI_DIFFUSERS_MEGAPIXELS": str(MEGAPIXELS),
        "KONTEXT_UI_DIFFUSERS_STEPS": str(steps),
    }


@contextmanager
def running(*command: str, until: str = "The engine is ready"):
    """The process and its address, once it has printed a line that begins so."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith(until):
                    break
            assert any(line.startswith(until) for line in lines), f"it ended: {''.join(lines)}"
            address = next(line.split()[4] for line in lines if line.startswith("The engine is at"))
            wait_until(lambda: process.poll() is not None or is_ready(address), f"{address} is ready")
            assert process.poll() is None, f"it ended: {''.join(lines)}"
            yield process, address
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
            process.stdout.close()
            process.stdin.close()


def is_ready(address: str) -> bool:
    try:
        return ask(address, "/ready").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def ask(address: str, path: str) -> httpx.Response:
    return httpx.get(address + path, timeout=PATIENCE_S)


def wait_until(is_so, what: str) -> None:
    """Look until it is so, for a state of another process that tells nobody of its changes."""
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, f"it never came about that {what}"
        time.sleep(0.02)


def client_of(address: str) -> ImageServerBackend:
    """Our own client, which would let a server rest that answers slowly."""
    return ImageServerBackend([address], megapixels=MEGAPIXELS, steps=2, probe_timeout_s=PATIENCE_S)


@functools.cache
def shared_address() -> str:
    """One for all tests of this process; it goes when the process ends."""
    held = running("-m", "tests.engine_process")
    _, address = held.__enter__()
    atexit.register(held.__exit__, None, None, None)
    return address


def end_with_the_tests() -> None:
    """They hold the other end of stdin, also when they are killed."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    threading.Thread(target=end_with_the_tests, daemon=True).start()
    options = build_parser().parse_args(["serve-engine", "--port", "0"], namespace=Options())
    return asyncio.run(serve(load_settings(_env_file=None), options, limited))


if __name__ == "__main__":
    sys.exit(main())
