"""Make a virtual environment and install requirement files into it, once.

    python3 .ci/make_venv.py VENV REQUIREMENTS...

Standard library only. A second call with unchanged requirement files does nothing. Some systems
(Debian and its kin) ship ``venv`` without ``ensurepip``: then pip is installed in another way, see
``bring_pip``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


class InstallError(Exception):
    """Its text is a sentence for the person who runs this."""


def say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


def interpreter(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def works(*command: str | Path) -> bool:
    try:
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def has_pip(venv: Path) -> bool:
    return works(interpreter(venv), "-m", "pip", "--version")


def make(venv: Path) -> None:
    """A virtual environment with a working pip; one that already works is kept."""
    if has_pip(venv):
        return
    say(f"Making a virtual environment in {venv}.")
    if works(sys.executable, "-m", "venv", "--clear", venv) and has_pip(venv):
        return
    bring_pip(venv)


def bring_pip(venv: Path) -> None:
    """For a Python without ensurepip. Raises ``InstallError`` when nothing works."""
    if works(sys.executable, "-m", "venv", "--clear", "--without-pip", venv):
        works(sys.executable, "-m", "pip", "--python", interpreter(venv), "install", "--quiet", "pip")
    if has_pip(venv):
        return
    if works(sys.executable, "-m", "virtualenv", "--quiet", "--clear", venv) and has_pip(venv):
        return
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        say(f"This Python cannot make virtual environments with pip; installing Debian's python{VERSION}-venv.")
        works("apt-get", "update")
        works("apt-get", "install", "-y", "--no-install-recommends", f"python{VERSION}-venv")
        if works(sys.executable, "-m", "venv", "--clear", venv) and has_pip(venv):
            return
    shutil.rmtree(venv, ignore_errors=True)
    raise InstallError(
        f"This Python ({sys.executable}) has neither ensurepip nor pip, so it cannot make a virtual environment.\n"
        f"On Debian or Ubuntu: sudo apt install python{VERSION}-venv. Elsewhere: install Python from python.org.\n"
        "Then run the same command again."
    )


def fingerprint(requirements: Path) -> str:
    """Changes with the text of a requirement file and with the interpreter that made the environment."""
    made_by = repr((sys.version_info[:3], sys.base_prefix)).encode()
    return hashlib.sha256(made_by + requirements.read_bytes()).hexdigest()


def stamp_of(venv: Path, requirements: Path) -> Path:
    return venv / f".installed-{requirements.as_posix().replace('/', '-')}"


def is_installed(venv: Path, requirements: Path) -> bool:
    stamp = stamp_of(venv, requirements)
    return stamp.is_file() and stamp.read_text() == fingerprint(requirements)


def install(venv: Path, files: list[Path]) -> None:
    """Install the files that no stamp in the environment speaks for. Raises ``InstallError``."""
    pending = [file for file in files if not is_installed(venv, file)]
    if not pending:
        return
    make(venv)
    say(f"Installing {' and '.join(map(str, pending))} into {venv}. The first time takes a minute or two.")
    command = [interpreter(venv), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    for file in pending:
        command += ["-r", file]
    if subprocess.call(command) != 0:
        raise InstallError("Installing failed; pip's message above says why. Running the same command again is safe.")
    for file in pending:
        stamp_of(venv, file).write_text(fingerprint(file))


def main(arguments: list[str]) -> int:
    if len(arguments) < 2:
        say("usage: python3 .ci/make_venv.py VENV REQUIREMENTS...")
        return 2
    if sys.version_info < OLDEST:
        say(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; {sys.executable} is {VERSION}.")
        say("Name another one: make run PYTHON=/path/to/python3")
        return 2
    try:
        install(Path(arguments[0]), [Path(name) for name in arguments[1:]])
    except InstallError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
