"""Plants faults one at a time and says which ones the tests notice. Run by hand; it takes a while.

    make mutants                      all of them
    make mutants ONLY=budget          those whose promise has this word

A fault is a text of the program and what is put in its place, in a copy of the tree. A text that is not
found any more, or more than once, is an error: the list has to follow the code.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.mutants_planted import MUTANTS

FOLDERS = ("kontext_ui", "assets", "tests", "app.py", "pyproject.toml", "README.md", "docs", "package.json")
LONGEST_S = 400.0
TARGET = 0.95


@dataclass(frozen=True)
class Verdict:
    promise: str
    caught: bool
    seconds: float


def copy_tree(folder: Path) -> None:
    for name in FOLDERS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "output"))
        elif (ROOT / name).is_file():
            shutil.copy(ROOT / name, folder / name)
    if (ROOT / "node_modules").is_dir():
        (folder / "node_modules").symlink_to(ROOT / "node_modules")


def place_of(text: str, folder: Path) -> Path:
    """The one file of the program that holds the text. Raises ``LookupError`` when there is none or several."""
    files = [*(folder / "kontext_ui").rglob("*.py"), *(folder / "assets").rglob("*.js")]
    found = [path for path in files if text in path.read_text(encoding="utf-8")]
    if len(found) != 1 or found[0].read_text(encoding="utf-8").count(text) != 1:
        raise LookupError(f"{text!r} is in {len(found)} files, or in one of them more than once")
    return found[0]


def passes(command: list[str], folder: Path) -> bool:
    try:
        ended = subprocess.run(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0


def notice(tests: tuple[str, ...], folder: Path) -> bool:
    """Whether one of the tests fails: node runs what ends with .js, pytest the rest."""
    scripts = [test for test in tests if test.endswith(".js")]
    others = [test for test in tests if not test.endswith(".js")]
    if scripts and not passes(["node", "--test", *scripts], folder):
        return True
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *others]
    return bool(others) and not passes(command, folder)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="a word of the promise")
    wanted = parser.parse_args(arguments).only
    verdicts = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_tree(folder)
        for mutant in MUTANTS:
            if wanted not in mutant.promise:
                continue
            path = place_of(mutant.text, folder)
            whole, started = path.read_text(encoding="utf-8"), time.monotonic()
            path.write_text(whole.replace(mutant.text, mutant.fault), encoding="utf-8")
            verdict = Verdict(mutant.promise, notice(mutant.tests, folder), time.monotonic() - started)
            path.write_text(whole, encoding="utf-8")
            verdicts.append(verdict)
            mark = "caught  " if verdict.caught else "SURVIVED"
            sys.stdout.write(f"{mark} {verdict.seconds:5.0f} s  {verdict.promise}\n")
            sys.stdout.flush()
    caught = sum(verdict.caught for verdict in verdicts)
    share = caught / max(1, len(verdicts))
    sys.stdout.write(f"{caught} of {len(verdicts)} faults are noticed: {share:.0%}\n")
    return 0 if share >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
