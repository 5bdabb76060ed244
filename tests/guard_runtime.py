"""Starts the app with nothing installed but requirements.txt and waits until its page answers.

    python -m tests.guard_runtime [PYTHON]

What the tests need is installed beside what the program needs, so only this notices an import that
works by chance. The environment is made once, in ``.venv-runtime``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.conftest import ROOT, without_settings

VENV = Path(".venv-runtime")
DEADLINE_S = 120.0
ADDRESS = re.compile(r"^The editor is at (\S+)")


def make_environment(python: str) -> Path:
    """An interpreter that sees requirements.txt and nothing else. Raises ``CalledProcessError``."""
    subprocess.run([python, ".ci/make_venv.py", VENV, "requirements.txt"], cwd=ROOT, check=True)
    return ROOT / VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def read_address(process: subprocess.Popen[str]) -> str | None:
    """The address that the program prints, or ``None`` when it ends without one."""
    assert process.stdout is not None
    for line in process.stdout:
        sys.stdout.write(f"  {line}")
        if match := ADDRESS.search(line):
            return match[1]
    return None


def page_answers(address: str, process: subprocess.Popen[str]) -> bool:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False
        except OSError:
            time.sleep(0.1)
    return False


def start(interpreter: Path, folder: Path) -> subprocess.Popen[str]:
    environment = {
        **without_settings(os.environ),
        "KONTEXT_UI_DATA_DIR": str(folder / "data"),
        "KONTEXT_UI_PORT": "0",
        "PYTHONUNBUFFERED": "1",
    }
    environment.pop("PYTHONPATH", None)
    return subprocess.Popen(
        [interpreter, ROOT / "app.py"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def main(arguments: list[str]) -> int:
    interpreter = make_environment(arguments[0] if arguments else sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        process = start(interpreter, Path(folder))
        alarm = threading.Timer(DEADLINE_S, process.kill)
        alarm.start()
        try:
            address = read_address(process)
            answered = address is not None and page_answers(address, process)
        finally:
            alarm.cancel()
            process.terminate()
            rest = process.communicate(timeout=30)[0]
    if not answered:
        sys.stderr.write(f"{rest}\nThe app does not start with requirements.txt alone.\n")
        return 1
    sys.stdout.write("The app starts with requirements.txt alone, and its page answers.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
