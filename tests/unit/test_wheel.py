"""The built wheel works somewhere else: its page is whole and its engine finds networks and typefaces."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kontext_ui.images import codec
from tests.conftest import ROOT, without_settings

pytestmark = pytest.mark.slow
SOURCES = ("kontext_ui", "assets", "pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE")
ADDRESS = re.compile(r"^The editor is at (\S+)")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in (*SOURCES, *(path.name for path in ROOT.glob("requirements*.txt"))):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    build = f"from setuptools import build_meta; print(build_meta.build_wheel(r'{folder}'))"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment with nothing of this tree but the wheel; the dependencies are those of the tests."""
    folder = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    python = folder / "env" / "bin" / "python"
    site = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                          check=True, capture_output=True, text=True).stdout.strip()  # fmt: skip
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "-q", wheel]
    subprocess.run(install, check=True, capture_output=True)
    return folder


@pytest.fixture
def environment(tmp_path):
    return {
        **{key: value for key, value in without_settings(os.environ).items() if key != "PYTHONPATH"},
        "KONTEXT_UI_DATA_DIR": str(tmp_path / "data"),
        "KONTEXT_UI_PORT": "0",
        "PYTHONUNBUFFERED": "1",
    }


def test_scripts_styles_networks_and_typefaces_are_in_the_wheel(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    for ending in (".js", ".css", ".onnx", ".ttf", ".jpg"):
        kept = [path for path in (ROOT / "assets").rglob(f"*{ending}") if path.parent.name != "readme"]
        packed = [name for name in names if name.startswith("kontext_ui/assets/") and name.endswith(ending)]
        assert len(packed) == len(kept) > 0, ending


def test_a_background_is_found_and_blurred_by_the_installed_command(installed, environment, tmp_path):
    photo = tmp_path / "flower.jpg"
    shutil.copy(ROOT / "tests" / "data" / "photos" / "flower.jpg", photo)
    command = [
        installed / "env" / "bin" / "kontext-ui",
        "edit",
        photo,
        "blur the background",
        "-o",
        tmp_path / "out.png",
    ]

    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    assert ended.returncode == 0, ended.stderr
    before, after = (codec.open_image(path.read_bytes(), LIMITS).pixels for path in (photo, tmp_path / "out.png"))
    assert before.shape == after.shape
    assert np.abs(before.astype(int) - after).max() > 40


LIMITS = codec.ImageLimits(10_000_000, 10_000_000)


def test_the_installed_page_is_answered_with_all_that_it_names(installed, environment, tmp_path):
    command = [installed / "env" / "bin" / "kontext-ui"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        address = next(match[1] for line in process.stdout if (match := ADDRESS.search(line)))
        page = urllib.request.urlopen(address, timeout=30).read().decode()
        named = set(re.findall(r'(?:src|href)="([^"#]+\.(?:js|css))"', page))
        assert named
        for each in named:
            assert urllib.request.urlopen(f"{address.rstrip('/')}/{each.lstrip('./')}", timeout=30).status == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
