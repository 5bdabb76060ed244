"""``python -m tests.fakes``: the fake providers on a free port, and the program with their keys filled in."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import uvicorn

from tests.fakes.bfl import FakeBfl
from tests.fakes.fal import FakeFal
from tests.fakes.huggingface import FakeHuggingFace
from tests.fakes.prodia import FakeProdia
from tests.fakes.replicate import FakeReplicate


def serve(app, port):
    """Run a fake on its own thread until the process ends."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    threading.Thread(target=server.run, daemon=True).start()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    environment = dict(os.environ)
    for kind, key, address in (
        (FakeBfl, "BFL_API_KEY", "KONTEXT_UI_BFL_BASE_URL"),
        (FakeReplicate, "REPLICATE_API_TOKEN", "KONTEXT_UI_REPLICATE_BASE_URL"),
        (FakeFal, "FAL_KEY", "KONTEXT_UI_FAL_BASE_URL"),
        (FakeProdia, "PRODIA_TOKEN", "KONTEXT_UI_PRODIA_BASE_URL"),
        (FakeHuggingFace, "HF_TOKEN", "KONTEXT_UI_HUGGINGFACE_BASE_URL"),
    ):
        port = free_port()
        fake = kind(f"http://127.0.0.1:{port}")
        fake.pending = 6
        serve(fake.app, port)
        environment |= {key: fake.key, address: f"http://127.0.0.1:{port}"}
    sys.stdout.write("Fake providers are running; nothing leaves this machine and nothing is billed.\n")
    sys.stdout.write("Words such as [[moderated]], [[no_credit]] or [[stall]] in a prompt choose a scenario.\n")
    sys.stdout.flush()
    root = Path(__file__).resolve().parents[2]
    return subprocess.call([sys.executable, "app.py"], cwd=root, env=environment)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
