"""Finds a Chrome or Chromium for the browser tests, and brings one when there is none.

``python -m tests.chromium`` (part of ``make test``) does both and says what it did; with a browser
in place it only looks. The order: ``CHROMIUM_PATH``, the names on ``PATH``, the places where macOS
and Windows keep browsers, Playwright's own folder, Playwright's download, Debian's package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

VARIABLE = "CHROMIUM_PATH"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge")
APPLICATIONS = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
PROGRAM_FILES = (
    "Google/Chrome/Application/chrome.exe",
    "Chromium/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
)
FLAGS = (
    "--no-sandbox",  # containers and root have none; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The first browser that starts. Raises ``FileNotFoundError`` when ``CHROMIUM_PATH`` names one that does not."""
    if named := environment.get(VARIABLE):
        if not starts(Path(named)):
            raise FileNotFoundError(f"{VARIABLE} names {named}, which does not start as a browser.")
        return Path(named)
    return next((path for path in candidates(environment) if starts(path)), None)


def candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    """Files that may be a browser, best first; each exists."""
    on_path = (shutil.which(name, path=environment.get("PATH")) for name in NAMES)
    yield from (Path(found) for found in on_path if found)
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or "/")
    if sys.platform == "darwin":
        yield from _existing([Path("/Applications"), home / "Applications"], APPLICATIONS)
    if sys.platform == "win32":
        roots = [environment.get(name) for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
        yield from _existing([Path(root) for root in roots if root], PROGRAM_FILES)
    yield from _downloaded(environment, home)


def _existing(roots: Iterable[Path], parts: Iterable[str]) -> Iterator[Path]:
    parts = tuple(parts)
    yield from (root / part for root in roots for part in parts if (root / part).is_file())


def _downloaded(environment: Mapping[str, str], home: Path) -> Iterator[Path]:
    """What Playwright downloaded, newest revision first."""
    caches = {"darwin": "Library/Caches", "win32": "AppData/Local"}
    folder = Path(
        environment.get("PLAYWRIGHT_BROWSERS_PATH") or home / caches.get(sys.platform, ".cache") / "ms-playwright"
    )
    names = {"chrome", "chrome.exe", "Chromium", "Google Chrome for Testing"}
    for revision in sorted(folder.glob("chromium-*"), key=_revision, reverse=True):
        yield from (path for path in revision.glob("chrome-*/**/*") if path.name in names and path.is_file())


def _revision(folder: Path) -> int:
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def starts(path: Path) -> bool:
    """Whether the file answers ``--version``: placeholders and browsers without their libraries do not."""
    if sys.platform == "win32":  # there it would open a window
        return path.is_file()
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def install() -> Path | None:
    """Bring a browser: Playwright's download, else Debian's package. ``None`` when neither worked."""
    say("No Chrome or Chromium was found; downloading Playwright's.")
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if (found := find()) is not None:
        return found
    if sys.platform == "linux" and shutil.which("apt-get") and os.geteuid() == 0:
        say("That did not give one that starts; installing Debian's package.")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "-qq", "update"], ["apt-get", "-qq", "install", "-y", "chromium"]):
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    return find()


def launch_options() -> dict[str, Any]:
    """Keyword arguments for Playwright's ``chromium.launch``. Raises ``FileNotFoundError`` without a browser."""
    found = find()
    if found is None:
        raise FileNotFoundError("There is no Chrome or Chromium here; `make test` brings one.")
    return {"executable_path": str(found), "headless": True, "args": list(FLAGS)}


def say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


def main() -> int:
    try:
        found = find() or install()
    except FileNotFoundError as error:
        say(str(error))
        return 1
    if found is None:
        say(f"No browser could be installed. Install Chrome or Chromium, or set {VARIABLE}, and run this again.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
