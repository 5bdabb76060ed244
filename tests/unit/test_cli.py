"""The command line, in this process with a scripted backend and in processes of its own."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kontext_ui.bootstrap import build_editor
from kontext_ui.cli import main
from kontext_ui.cli.exits import MEANINGS
from kontext_ui.cli.parser import PARAMETER_HELP, Options, build_parser
from kontext_ui.edits import Mode, Parameter, Parameters, Rectangle, Running
from kontext_ui.errors import (
    BackendUnavailable,
    Billed,
    ContentModerated,
    CredentialsRejected,
    ModelNotInstalled,
    NotUnderstood,
    OutOfCredit,
    OutOfMemory,
)
from kontext_ui.history.blobs import BlobStore
from kontext_ui.images.export import read_recipe
from tests.unit.editor.scripted import WAIT, ScriptedBackend


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture of 64×48 with something in every part of it."""
    rows, columns = np.mgrid[0:48, 0:64]
    pixels = np.stack([columns * 4, rows * 5, (rows + columns) % 256], axis=2).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Run the command line with a scripted backend; returns the exit code."""
    monkeypatch.chdir(tmp_path)
    backend = ScriptedBackend(
        parameters=(Parameter("seed", "Seed", "int", minimum=0),), modes=frozenset({Mode.EDIT, Mode.INPAINT})
    )

    def make_editor(settings):
        editor = build_editor(settings, {})
        editor._router.backends = {"scripted": backend}
        return editor

    def run(*arguments):
        command, *rest = map(str, arguments)
        return main([command, "--data-dir", str(tmp_path / "data"), *rest], make_editor)

    run.backend = backend
    run.edit = lambda photo, *rest: run("edit", photo, "make it so", "-o", "out.png", "--tier", "pro", *rest)
    return run


def parse(*arguments: str) -> Options:
    return build_parser().parse_args(arguments, namespace=Options())


def test_every_parameter_of_an_edit_is_an_option_with_help():
    assert set(PARAMETER_HELP) == {field.name for field in dataclasses.fields(Parameters)}
    assert parse("edit", "p.jpg", "x", "-o", "o.png").parameters() == Parameters()


def test_parameters_are_read_with_their_types():
    options = parse(
        "edit", "p.jpg", "x", "-o", "o.png", "--seed", "7", "--guidance-scale", "2.5", "--no-prompt-upsampling"
    )
    assert options.parameters() == Parameters(seed=7, guidance_scale=2.5, prompt_upsampling=False)


def test_a_region_is_four_whole_numbers():
    assert parse("edit", "p", "x", "-o", "o.png", "--region", "1,2,30,40").region == Rectangle(1, 2, 30, 40)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--region", "1,2,3"],
        ["--region", "-1,2,3,4"],
        ["--region", "1,2,0,4"],
        ["--quality", "0"],
        ["--quality", "high"],
        ["--tier", "best"],
        ["--seed", "lucky"],
    ],
)
def test_wrong_use_ends_with_2_and_says_which_option(wrong, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["edit", "p.jpg", "x", "-o", "o.png", *wrong])
    assert caught.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_the_help_explains_every_exit_code(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(f"{code}" in text and meaning in text for code, meaning in MEANINGS.items())


def test_an_edit_writes_the_result_in_the_format_of_the_suffix(cli, photo, tmp_path):
    for suffix, kind in ((".png", "PNG"), (".jpg", "JPEG"), (".webp", "WEBP"), (".tiff", "TIFF")):
        assert cli("edit", photo, "make it so", "-o", f"out{suffix}", "--tier", "pro") == 0
        with Image.open(tmp_path / f"out{suffix}") as picture:
            assert picture.format == kind
            assert picture.size == (64, 48)


def test_the_written_png_has_exactly_the_pixels_that_the_backend_made(cli, photo, tmp_path):
    assert cli.edit(photo) == 0
    before, after = (np.asarray(Image.open(path).convert("RGB")) for path in (photo, tmp_path / "out.png"))
    assert np.array_equal(after, 255 - before)


def test_the_instruction_is_written_into_the_result_unless_told_not_to(cli, photo, tmp_path):
    cli.edit(photo)
    recipe = read_recipe((tmp_path / "out.png").read_bytes())
    assert recipe is not None
    assert [step.instruction for step in recipe.steps] == ["make it so"]
    cli.edit(photo, "--no-recipe")
    assert b"make it so" not in (tmp_path / "out.png").read_bytes()


def test_json_says_what_was_done(cli, photo, capsys):
    assert cli.edit(photo, "--json", "--seed", "7") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["status"] == "done"
    assert (told["backend"], told["tier"], told["seed"], told["price_usd"]) == ("scripted", "pro", 7, 0.04)
    assert (told["width"], told["height"]) == (64, 48)
    assert told["seconds"] >= 0
    assert len(told["digest"]) == 64


def test_the_price_is_told_before_sending_and_quiet_is_quiet(cli, photo, capsys):
    assert cli.edit(photo) == 0
    assert "$0.040" in capsys.readouterr().err
    assert cli.edit(photo, "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_a_dry_run_sends_nothing(cli, photo, tmp_path, capsys):
    assert cli.edit(photo, "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["price_usd"] == 0.04
    assert cli.backend.submits == []
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotUnderstood("I know no unicorns.", backend="scripted", suggestions=("make it warmer",)), 3),
        (ContentModerated("Refused.", backend="scripted", stage="input"), 3),
        (OutOfCredit("No credit.", backend="scripted"), 4),
        (CredentialsRejected("Wrong key.", backend="scripted"), 4),
        (BackendUnavailable("Down.", backend="scripted", billed=Billed.MAYBE), 5),
        (RuntimeError("a bug"), 5),
        (ModelNotInstalled("No model.", backend="scripted"), 6),
        (OutOfMemory("Too big.", backend="scripted"), 6),
    ],
)
def test_the_exit_code_tells_the_kind_of_failure(cli, photo, tmp_path, capsys, error, code):
    cli.backend.enqueue(error)
    assert cli.edit(photo, "--json") == code
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == code
    assert told["error"]["message"]
    assert not (tmp_path / "out.png").exists()


def test_a_failure_is_told_in_sentences_with_what_it_cost_and_what_is_possible(cli, photo, capsys):
    cli.backend.enqueue(BackendUnavailable("Down.", backend="scripted", billed=Billed.MAYBE, hint="Try again."))
    cli.edit(photo)
    assert "Down.\nTry again.\nIt may have been billed.\n" in capsys.readouterr().err
    cli.backend.enqueue(NotUnderstood("I know no unicorns.", backend="scripted", suggestions=("make it warmer",)))
    cli.edit(photo)
    assert "It can do, for example: make it warmer." in capsys.readouterr().err


def test_ctrl_c_cancels_the_edit_and_says_what_that_means_for_the_bill(cli, photo, tmp_path, capsys):
    def press(task):
        os.kill(os.getpid(), signal.SIGINT)
        return Running(0.5)

    cli.backend.enqueue(press, WAIT)
    assert cli.edit(photo) == 130
    assert "may still finish and bill" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


def test_without_a_ready_backend_the_code_is_that_of_missing_credentials(cli, photo, capsys):
    cli.backend.ready = False
    assert cli.edit(photo) == 4
    assert "Set SCRIPTED_KEY." in capsys.readouterr().err


@pytest.mark.parametrize("name", ["missing.png", "."])
def test_a_photo_that_cannot_be_read_is_wrong_use(cli, name, capsys):
    assert cli.edit(name) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_file_that_is_no_picture_is_wrong_use(cli, tmp_path):
    (tmp_path / "words.png").write_text("not a picture")
    assert cli.edit("words.png") == 2
    assert cli.backend.submits == []


@pytest.mark.parametrize("output", ["out", "out.doc", "nowhere/out.png", "photo.png", "data.png"])
def test_a_place_that_cannot_take_the_result_is_told_before_anything_is_sent(cli, photo, tmp_path, output):
    (tmp_path / "data.png").mkdir()
    assert cli("edit", photo, "make it so", "-o", output, "--tier", "pro") == 2
    assert cli.backend.submits == []


def test_the_mask_reaches_the_backend(cli, photo, tmp_path):
    Image.new("L", (64, 48), 255).save(tmp_path / "mask.png")
    assert cli.edit(photo, "--mask", "mask.png") == 0
    task = cli.backend.submits[0][1]
    assert task.mask is not None
    assert task.mask.shape == (48, 64)


def test_a_named_project_grows_a_branch_from_its_own_result(cli, photo, capsys):
    assert cli.edit(photo, "--project", "Doors", "--json") == 0
    first = json.loads(capsys.readouterr().out)
    assert cli("edit", "out.png", "once more", "-o", "two.png", "--tier", "pro", "--project", "Doors", "--json") == 0
    second = json.loads(capsys.readouterr().out)
    assert second["project"] == first["project"]
    assert cli.backend.submits[1][0].input_image == first["digest"]


def test_a_named_project_is_listed_and_exported_and_others_are_not_kept(cli, photo, tmp_path, capsys):
    cli.edit(photo)
    cli.edit(photo, "--project", "Doors")
    capsys.readouterr()
    assert cli("projects", "--json") == 0
    (project,) = json.loads(capsys.readouterr().out)["projects"]
    assert (project["title"], project["versions"]) == ("Doors", 2)
    assert cli("export", "Doors", "-o", "again.png") == 0
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "out.png").read_bytes()
    assert cli("export", "Windows", "-o", "again.png") == 2


def test_an_edit_that_was_cut_short_is_listed_and_its_result_can_be_exported(cli, photo, tmp_path, capsys):
    def die(task):
        raise KeyboardInterrupt

    cli.backend.runs_here = True
    cli.backend.enqueue(die)
    assert cli.edit(photo) == 130
    assert not (tmp_path / "out.png").exists()
    capsys.readouterr()
    assert cli("projects") == 0
    project, _, line = capsys.readouterr().out.partition(" ")
    assert "photo.png" in line
    assert cli("export", project, "-o", "late.png") == 0
    before, after = (np.asarray(Image.open(path).convert("RGB")) for path in (photo, tmp_path / "late.png"))
    assert np.array_equal(after, 255 - before)


def test_the_data_folder_is_whole_after_edits_and_a_sweep_finds_nothing(cli, photo, capsys):
    cli.edit(photo)
    cli.backend.enqueue(RuntimeError("a bug"))
    cli.edit(photo)
    capsys.readouterr()
    assert cli("verify", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"status": "whole", "findings": []}
    assert cli("sweep", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"status": "swept", "files": 0, "bytes": 0}


def test_verify_ends_with_1_and_names_the_missing_picture(cli, photo, tmp_path, capsys):
    cli.edit(photo, "--json")
    digest = json.loads(capsys.readouterr().out)["digest"]
    stored = BlobStore(tmp_path / "data" / "images").path(digest)
    stored.unlink()
    assert cli("verify") == 1
    assert digest in capsys.readouterr().out


def test_a_sweep_removes_an_old_file_that_nothing_names(cli, photo, tmp_path, capsys):
    cli.edit(photo, "--json")
    digest = json.loads(capsys.readouterr().out)["digest"]
    stored = BlobStore(tmp_path / "data" / "images").path(digest)
    stray = stored.with_name("f" * 64 + ".png")
    stray.write_bytes(stored.read_bytes())
    long_ago = time.time() - 3 * 24 * 3600
    os.utime(stray, (long_ago, long_ago))
    assert cli("sweep") == 0
    assert not stray.exists()
    assert stored.exists()


@pytest.mark.parametrize("command", ["verify", "sweep"])
def test_a_data_folder_that_does_not_exist_is_told_and_not_made(command, tmp_path, capsys):
    assert main([command, "--data-dir", str(tmp_path / "nowhere")]) == 2
    assert "There is no data folder" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_progress_is_shown_on_a_terminal_only(monkeypatch, capsys):
    from kontext_ui.cli.progress import ProgressBar

    with ProgressBar(shown=True) as bar:
        bar.show(Running(0.5, "drawing"))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with ProgressBar(shown=True) as bar:
        bar.show(Running(0.5, "drawing"))
        bar.show(Running(None, "waiting", queue_position=2))
    assert "place 2" in capsys.readouterr().err


@pytest.fixture
def process(tmp_path, process_environment):
    """Start the command line as its own process, with the real backends."""

    def start(*arguments, **variables):
        return subprocess.Popen(
            [sys.executable, "-m", "kontext_ui", *map(str, arguments)],
            cwd=tmp_path,
            env=process_environment(tmp_path / "data", **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def test_the_built_in_engine_edits_from_the_command_line(process, photo, tmp_path):
    edit = process("edit", photo, "make it brighter", "-o", "out.png", "--json")
    out, err = edit.communicate(timeout=120)
    assert edit.returncode == 0, err
    told = json.loads(out)
    assert (told["backend"], told["tier"], told["price_usd"]) == ("builtin", "local", 0.0)
    before, after = (np.asarray(Image.open(path).convert("RGB")) for path in (photo, tmp_path / "out.png"))
    assert after.mean() > before.mean()


def test_a_wrong_setting_is_a_sentence_and_exit_code_2(process):
    verify = process("verify", KONTEXT_UI_MAX_MEGAPIXELS="many")
    out, err = verify.communicate(timeout=60)
    assert verify.returncode == 2
    assert err.startswith("KONTEXT_UI_MAX_MEGAPIXELS is 'many'; expected a number")
    assert "Traceback" not in out + err


def test_spending_says_who_paid_what_for(cli, photo, capsys):
    cli.edit(photo)
    capsys.readouterr()

    assert cli("spending") == 0
    heading, row, total = capsys.readouterr().out.splitlines()
    assert heading.split() == ["day", "who", "project", "model", "edits", "paid", "not", "sure"]
    assert row.split()[-2:] == ["1", "$0.04"]
    assert total == "$0.04 paid."
    cli("spending", "--json")
    (entry,) = json.loads(capsys.readouterr().out)["spending"]
    assert (entry["edits"], entry["paid_usd"], entry["unsure_usd"]) == (1, 0.04, 0.0)
