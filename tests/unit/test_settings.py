"""Settings: where values come from, and what is said when one is wrong."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from kontext_ui.errors import InvalidSetting
from kontext_ui.settings import PREFIX, Settings, is_secret, load_settings, on_space, variables_of
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def message(**overrides: object) -> str:
    with pytest.raises(InvalidSetting) as caught:
        load_settings(**overrides)
    return caught.value.message


@pytest.mark.parametrize("variable", ["KONTEXT_UI_PORT", "PORT", "GRADIO_SERVER_PORT"])
def test_a_wrong_value_names_the_variable_that_was_really_used(variable, monkeypatch):
    monkeypatch.setenv(variable, "abc")
    assert message() == f"{variable} is 'abc'; expected a whole number, at least 0 and at most 65535."


def test_a_wrong_value_in_the_env_file_says_that_it_stands_there(own_folder):
    (own_folder / ".env").write_text("PORT=abc\n")
    assert message().startswith("PORT in .env is 'abc'; expected a whole number")


def test_the_environment_is_named_when_it_hides_the_env_file(own_folder, monkeypatch):
    (own_folder / ".env").write_text("KONTEXT_UI_PORT=abc\n")
    monkeypatch.setenv("PORT", "-1")
    assert message().startswith("PORT is '-1'; expected")


def test_a_wrong_argument_is_named_as_such():
    assert message(max_megapixels=-1) == "max_megapixels is -1; expected a number, more than 0."


def test_several_wrong_values_are_told_at_once(monkeypatch):
    monkeypatch.setenv("PORT", "abc")
    monkeypatch.setenv("KONTEXT_UI_FALLBACK", "perhaps")
    lines = message().splitlines()
    assert len(lines) == 2
    assert "KONTEXT_UI_FALLBACK is 'perhaps'; expected true or false." in lines


def test_a_choice_lists_what_may_be_chosen(monkeypatch):
    monkeypatch.setenv("KONTEXT_UI_LOG_LEVEL", "loud")
    assert message() == "KONTEXT_UI_LOG_LEVEL is 'LOUD'; expected 'DEBUG', 'INFO', 'WARNING' or 'ERROR'."


def test_an_unreadable_env_file_is_told(own_folder):
    (own_folder / ".env").write_bytes(b"PORT=\xff\xfe\n")
    assert message().startswith("The file .env cannot be read")


def test_secrets_are_never_shown():
    for name, field in Settings.model_fields.items():
        assert is_secret(name) == (SecretStr in getattr(field.annotation, "__args__", (field.annotation,))), name
        if is_secret(name):
            text = message(**{name: ["not-a-text", "hush-hush"]})
            assert "hush-hush" not in text
            assert "(hidden)" in text


def test_the_prefixed_variable_wins_over_the_customary_one(monkeypatch):
    monkeypatch.setenv("PORT", "8001")
    monkeypatch.setenv("KONTEXT_UI_PORT", "8002")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8003")
    assert load_settings().port == 8002


def test_the_environment_wins_over_the_env_file_and_an_empty_value_is_none(own_folder, monkeypatch):
    (own_folder / ".env").write_text("KONTEXT_UI_PORT=8001\nKONTEXT_UI_MAX_UPLOAD_MB=7\n")
    monkeypatch.setenv("PORT", "8002")
    monkeypatch.setenv("KONTEXT_UI_MAX_UPLOAD_MB", "")
    settings = load_settings()
    assert settings.port == 8002
    assert settings.max_upload_mb == 7


def test_every_field_has_a_variable_and_a_description():
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert variables_of(name)[0].isupper(), name


def test_no_two_fields_listen_to_one_variable():
    variables = [variable for name in Settings.model_fields for variable in variables_of(name)]
    assert len(variables) == len(set(variables))


def test_a_tilde_in_the_data_folder_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("KONTEXT_UI_DATA_DIR", "~/pictures")
    assert load_settings().data_dir == Path.home() / "pictures"


def test_settings_cannot_change_while_the_program_runs(settings):
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_a_space_is_known_by_its_id_and_listens_to_the_outside(monkeypatch):
    assert not on_space()
    assert load_settings().host == "127.0.0.1"
    monkeypatch.setenv("SPACE_ID", "someone/editor")
    assert on_space()
    assert load_settings().host == "0.0.0.0"


def test_the_app_answers_a_wrong_setting_with_a_sentence_and_exit_code_2(tmp_path, process_environment):
    for variable in ("PORT", "GRADIO_SERVER_PORT"):
        answer = subprocess.run(
            [sys.executable, ROOT / "app.py"],
            env=process_environment(tmp_path / "data", **{variable: "abc"}),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert answer.returncode == 2
        assert answer.stderr.startswith(f"{variable} is 'abc'; expected a whole number")
        assert "Traceback" not in answer.stderr
        assert not (tmp_path / "data").exists()


def test_the_example_file_sets_only_what_exists_and_its_defaults(own_folder, monkeypatch):
    known = {variable for name in Settings.model_fields for variable in variables_of(name)}
    text = (ROOT / ".env.example").read_text()
    named = [line.lstrip("# ").partition("=")[0] for line in text.splitlines() if "=" in line]
    assert set(named) <= known
    assert {variables_of(name)[0] for name in Settings.model_fields} <= set(named)
    assert not [key for key in os.environ if key.startswith(PREFIX)]
    (own_folder / ".env").write_text(re.sub(r"^# (?=[A-Z_]+=)", "", text, flags=re.MULTILINE))
    assert load_settings() == load_settings(_env_file=None)


def test_a_port_that_is_taken_is_told_with_a_way_out(tmp_path, process_environment):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        answer = subprocess.run(
            [sys.executable, ROOT / "app.py"],
            env=process_environment(tmp_path / "data", PORT=str(port)),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"Nothing can listen on 127.0.0.1:{port}")
    assert "KONTEXT_UI_PORT=0" in answer.stderr
    assert "Traceback" not in answer.stderr
