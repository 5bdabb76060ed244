"""The program in a process of its own, which a test may kill and start again."""

from __future__ import annotations

import multiprocessing
import os
import re
import runpy
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_S = 60
PROCESSES = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
if os.name == "posix":
    PROCESSES.set_forkserver_preload(["tests.browser.preloaded"])


class Server:
    """Start, kill, start again on the same data folder. ``variables`` are its settings."""

    def __init__(self, folder: Path, environment, module="tests.browser.server", **variables) -> None:
        self.folder = folder
        self._environment = environment
        self._module = module
        self._variables = variables
        self._process = None
        self._log = folder.with_name(f"{folder.name}.log")
        self.port = 0
        self.url = ""

    def start(self):
        environment = self._environment(self.folder, KONTEXT_UI_PORT=str(self.port), **self._variables)
        begin = len(self.output)
        self._process = PROCESSES.Process(target=_run, args=(self._module, environment, self._log), daemon=True)
        self._process.start()
        until = time.monotonic() + START_S
        while not (match := re.search(r"The editor is at (http\S+?)/? ", self.output[begin:])):
            if not self._process.is_alive() or time.monotonic() > until:
                raise AssertionError(f"The server died:\n{self.output}")
            time.sleep(0.02)
        self.url = match[1]
        self.port = int(self.url.rsplit(":", 1)[1])
        return self

    @property
    def output(self):
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def kill(self):
        self._process.kill()
        self._process.join(10)

    def stop(self):
        if self._process is not None and self._process.is_alive():
            self._process.terminate()
            self._process.join(15)
            self._process.kill()

    def touch(self, name):
        (self.folder / name).write_text("")

    @property
    def gate(self):
        """While it is there, edits that wait for the provider are finished."""
        return self.folder / "gate"

    @property
    def submits(self):
        path = self.folder / "submits"
        return path.read_text().splitlines() if path.exists() else []


def _run(module: str, environment: dict[str, str], log: Path) -> None:
    """What the process does: as ``python -m module`` with this environment and its output in ``log``."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    with log.open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__")
