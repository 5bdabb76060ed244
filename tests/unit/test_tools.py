"""The tools of the repository: the environment maker and the browser finder."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests import chromium
from tests.conftest import ROOT


@pytest.fixture
def make_venv():
    spec = importlib.util.spec_from_file_location("make_venv", ROOT / ".ci" / "make_venv.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text("first\n")
    monkeypatch.chdir(tmp_path)
    return Path("requirements.txt")


def browser(folder: Path, name: str, code: int = 0) -> Path:
    """An executable that answers ``--version`` with the given exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_an_environment_counts_as_installed_until_its_requirements_change(make_venv, requirements, tmp_path):
    assert not make_venv.is_installed(tmp_path, requirements)
    stamp = make_venv.stamp_of(tmp_path, requirements)
    stamp.write_text(make_venv.fingerprint(requirements))
    assert make_venv.is_installed(tmp_path, requirements)
    requirements.write_text("second\n")
    assert not make_venv.is_installed(tmp_path, requirements)


def test_the_environment_maker_explains_its_use(make_venv, capsys):
    assert make_venv.main(["only-one"]) == 2
    assert "usage" in capsys.readouterr().err


def test_too_old_a_python_is_named(make_venv, monkeypatch, capsys):
    monkeypatch.setattr(make_venv, "OLDEST", (4, 0))
    assert make_venv.main(["venv", "requirements.txt"]) == 2
    assert "Python 4.0 or newer is needed" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="uses shell scripts as browsers")
class TestFindingABrowser:
    def test_the_named_one_wins(self, tmp_path):
        named = browser(tmp_path / "mine", "my-browser")
        browser(tmp_path / "bin", "chromium")
        environment = {chromium.VARIABLE: str(named), "PATH": str(tmp_path / "bin")}
        assert chromium.find(environment) == named

    def test_a_named_one_that_does_not_start_is_an_error(self, tmp_path):
        named = browser(tmp_path, "broken", code=1)
        with pytest.raises(FileNotFoundError, match=chromium.VARIABLE):
            chromium.find({chromium.VARIABLE: str(named), "PATH": ""})

    def test_a_placeholder_on_path_is_passed_over(self, tmp_path):
        browser(tmp_path, "chromium-browser", code=1)
        real = browser(tmp_path, "google-chrome")
        assert chromium.find({"PATH": str(tmp_path), "HOME": str(tmp_path)}) == real

    def test_the_newest_download_is_taken(self, tmp_path):
        folder = tmp_path / "browsers"
        for revision in (999, 1200, 1100):
            browser(folder / f"chromium-{revision}" / "chrome-linux", "chrome")
        environment = {"PATH": str(tmp_path / "none"), "HOME": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(folder)}
        found = [path for path in chromium.candidates(environment) if folder in path.parents]
        assert [path.parts[-3] for path in found] == ["chromium-1200", "chromium-1100", "chromium-999"]

    def test_none_is_none(self, tmp_path):
        environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
        assert [path for path in chromium.candidates(environment) if tmp_path in path.parents] == []


def test_make_alone_lists_the_targets_with_what_they_do():
    listed = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    for target in ("run", "test", "check", "bench", "demo", "clean"):
        assert f"make {target} " in listed
