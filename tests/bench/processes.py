"""Servers and pictures for the benchmarks."""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"1 MP": (1184, 880), "12 MP": (4032, 3024)}


def photo(size, seed=0):
    """A JPEG with the texture of a photo: soft colours and fine grain."""
    random = np.random.default_rng(seed)
    soft = Image.fromarray(random.integers(20, 235, (24, 32, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = random.integers(-6, 7, (size[1], size[0], 1), np.int16)
    pixels = np.clip(np.asarray(soft, np.int16) + grain, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A server process; ``started_s`` is from its start to the first answered request line it printed."""

    def __init__(self, module, root=ROOT, **environment):
        self.port = free_port()
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=root,
            env={
                **os.environ,
                "PYTHONPATH": str(root),
                "PORT": str(self.port),
                "KONTEXT_UI_LOG_LEVEL": "WARNING",
                "GRADIO_ANALYTICS_ENABLED": "False",
                **environment,
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        for line in self.process.stdout:
            if match := re.search(r"The editor is at (http\S+?)/? ", line):
                self.url = match[1]
                break
        else:
            raise SystemExit(f"{module} did not start")
        self.started_s = time.perf_counter() - began

    def resident_mb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
