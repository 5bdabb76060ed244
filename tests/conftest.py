"""Shared by all tests: a clean environment, settings in a temporary folder, free ports."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import hypothesis
import pytest

from kontext_ui.settings import PREFIX, Settings, load_settings, variables_of

ROOT = Path(__file__).resolve().parent.parent
# Machines that run tests are shared, so no test is judged by the time that its examples took.
hypothesis.settings.register_profile("shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("shared")
FOREIGN = ("SPACE_ID", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_SHARE", "PORT")


def settings_variables() -> set[str]:
    """Every variable that changes the program, in lower case."""
    named = {variable for name in Settings.model_fields for variable in variables_of(name)}
    return {variable.lower() for variable in (*named, *FOREIGN)}


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without anything that this program would take for a setting."""
    known = settings_variables()
    return {
        key: value
        for key, value in environment.items()
        if key.lower() not in known and not key.upper().startswith(PREFIX)
    }


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own keys and settings never reach a test."""
    for key in set(os.environ) - set(without_settings(os.environ)):
        monkeypatch.delenv(key)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The defaults, with the data in a temporary folder and no ``.env``."""
    return load_settings(_env_file=None, data_dir=tmp_path / "data")


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """The same with some fields given."""

    def make(**fields: object) -> Settings:
        return load_settings(_env_file=None, **{"data_dir": tmp_path / "data", **fields})

    return make


@pytest.fixture(scope="session")
def process_environment() -> Callable[..., dict[str, str]]:
    """The environment for a process of this program: no settings but those given, imports from this tree.

    Start such processes with a working folder of their own, so that no ``.env`` is found.
    """

    def make(data_dir: Path, **variables: str) -> dict[str, str]:
        return {
            **without_settings(os.environ),
            "PYTHONPATH": str(ROOT),
            f"{PREFIX}DATA_DIR": str(data_dir),
            **variables,
        }

    return make


def a_free_port() -> int:
    """A port of the loopback address that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def free_port() -> int:
    return a_free_port()
