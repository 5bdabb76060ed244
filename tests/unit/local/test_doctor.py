"""``doctor`` on machines of every kind."""

from __future__ import annotations

import json
from functools import partial

import pytest

from kontext_ui.backends.diffusers import describe, machine
from kontext_ui.backends.diffusers.machine import PACKAGES, Device
from kontext_ui.backends.image_server import Found
from kontext_ui.cli import doctor, main
from kontext_ui.cli.exits import DONE, MACHINE
from kontext_ui.cli.parser import Options, build_parser
from tests import tiny_kontext

CARD = Device("cuda", "A card", 23.5, 24.5)
LAPTOP = Device("cpu", "processor", 12.0, 16.0)


def machine_with(devices, installed):
    return partial(
        describe, devices=lambda: devices, installed=lambda name: name in installed, version_of=lambda _: "1.0"
    )


@pytest.fixture
def examine(make_settings, capsys):
    """Exit code and output of ``doctor`` on a machine with these devices and packages."""

    def run(*arguments, devices=(CARD, LAPTOP), installed=PACKAGES, **settings):
        options = build_parser().parse_args(["doctor", *arguments], namespace=Options())
        code = doctor.examine(make_settings(**settings), options, describe=machine_with(devices, installed))
        return code, capsys.readouterr().out

    return run


def test_without_packages_it_says_what_to_install_and_asks_no_device(examine):
    code, said = examine(installed=())

    assert code == MACHINE
    assert "pip install -r requirements-local.txt" in said
    assert "A card" not in said
    assert "built-in engine" in said


def test_every_precision_is_listed_with_its_memory_and_what_it_lacks(examine):
    _, said = examine("--json")

    report = json.loads(said)
    assert [row["name"] for row in report["precisions"]] == ["bf16", "fp8", "nf4"]
    assert all(row["gb_with_offload"] < row["gb"] for row in report["precisions"])
    assert report["precisions"][2]["needs"] == ["bitsandbytes"]
    assert report["would_run_as"] == "fp8, offload model"


def test_the_licence_is_told_and_how_to_get_the_weights(examine):
    code, said = examine(diffusers_model="black-forest-labs/never-fetched-here")

    assert code == MACHINE
    assert "Non-Commercial" in said
    assert "doctor --download" in said


def test_a_machine_without_a_gpu_is_told_that_nothing_fits(examine):
    _, said = examine(devices=(LAPTOP,))

    assert "nothing fits" in said


def test_a_device_of_the_settings_is_the_one_examined(examine):
    _, said = examine("--json", diffusers_device="cpu")

    assert json.loads(said)["would_run_as"] is None


@pytest.mark.local
def test_weights_that_are_ready_end_with_zero(examine, tmp_path):
    folder = str(tiny_kontext.folder())
    code, said = examine(diffusers_model=folder, diffusers_device="cpu")

    assert code == DONE
    assert "The local model is ready." in said
    assert examine("--quiet", diffusers_model=folder, diffusers_device="cpu") == (DONE, "")


def test_it_needs_no_data_folder_and_makes_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(machine, "missing_packages", lambda _: PACKAGES)
    main(["doctor", "--json", "--data-dir", str(tmp_path / "data")])

    assert json.loads(capsys.readouterr().out)["packages"] == {}
    assert list(tmp_path.iterdir()) == []


def test_image_servers_are_listed_and_one_that_is_well_suffices(make_settings, capsys):
    servers = [Found("http://gpu1:8188", "kontext", "x", ""), Found("http://gpu2:8188", "", "", "no connection")]
    options = build_parser().parse_args(["doctor"], namespace=Options())
    code = doctor.examine(make_settings(), options, describe=machine_with([], ()), servers=servers)
    said = capsys.readouterr().out

    assert code == DONE
    assert "http://gpu1:8188: ready, speaks kontext" in said
    assert "http://gpu2:8188: no connection" in said
    assert "uses the image servers" in said


def test_the_first_card_may_be_named_by_its_number(examine):
    first, second = Device("cuda", "First", 40.0, 48.0), Device("cuda:1", "Second", 12.0, 16.0)

    for name, expected in (("cuda:0", "bf16"), ("cuda", "bf16"), ("cuda:1", None)):
        _, said = examine("--json", devices=(first, second, LAPTOP), diffusers_device=name)
        assert json.loads(said)["would_run_as"] == expected
    _, said = examine(devices=(first, LAPTOP), diffusers_device="cuda:3")
    assert "there is no device cuda:3" in said
    _, said = examine(devices=(LAPTOP,), diffusers_device="cuda:0")
    assert "there is no device cuda:0" in said


def test_a_download_that_is_half_done_is_reckoned_as_if_it_were_whole(examine, tmp_path):
    folder = tmp_path / "model"
    for part in ("transformer", "vae"):
        (folder / part).mkdir(parents=True)
        (folder / part / "config.json").write_text("{}")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"x" * 1000)
    named = {part: ["diffusers", "Part"] for part in ("transformer", "vae")}
    (folder / "model_index.json").write_text(json.dumps(named))
    small = Device("cuda", "Small", 7.5, 8.0)
    _, said = examine("--json", devices=(small, LAPTOP), diffusers_model=str(folder))

    report = json.loads(said)
    assert report["precisions"][0]["gb"] == 36.7
    assert report["would_run_as"] is None


def test_weights_in_gguf_have_a_row_of_their_own_that_counts_the_file(examine, tmp_path):
    file = tmp_path / "few.gguf"
    with file.open("wb") as opened:
        opened.truncate(6_900_000_000)  # sparse: takes no room
    _, said = examine("--json", diffusers_gguf=str(file), diffusers_model="nobody/never-fetched")
    report = json.loads(said)

    assert [row["name"] for row in report["precisions"]] == ["bf16", "fp8", "nf4", "gguf"]
    assert report["precisions"][0]["gb"] == 36.7
    assert report["precisions"][3]["gb"] == pytest.approx(6.9 + 9.75 + 0.17 + 3, abs=0.1)
    assert report["would_run_as"] == "gguf"


def test_weights_in_gguf_that_are_not_here_are_not_guessed_at(examine, tmp_path):
    _, said = examine(diffusers_gguf=str(tmp_path / "none.gguf"))

    assert "the GGUF file is not on this machine" in said


@pytest.mark.parametrize(
    ("device", "fields", "model"),
    [
        (CARD, {}, "FLUX.2 [klein] 4B"),
        (Device("cuda", "A large card", 79.0, 80.0), {}, "FLUX.1 Kontext [dev]"),
        (Device("cuda", "A large card", 79.0, 80.0), {"host": "0.0.0.0"}, "FLUX.2 [klein] 4B"),
        (Device("cuda", "A small card", 11.5, 12.0), {}, "FLUX.2 [klein] 4B"),
        (LAPTOP, {}, ""),
    ],
)
def test_a_model_is_recommended_by_memory_and_licence(examine, device, fields, model):
    _, said = examine("--json", devices=(device,), **fields)

    assert json.loads(said)["recommended"] == model


def test_every_model_is_listed_with_its_licence_and_how_to_get_it(examine):
    _, said = examine()

    assert "Apache-2.0" in said
    assert "doctor --download flux2-klein-4b" in said
    assert "For this machine and whom it serves: FLUX.2 [klein] 4B." in said


@pytest.mark.parametrize("name", ["flux2-klein-4b", "black-forest-labs/FLUX.2-klein-4B"])
def test_one_of_them_is_fetched_by_its_id_or_its_name(make_settings, monkeypatch, capsys, name, tmp_path):
    asked = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda hub, **_: asked.append(hub) or str(tmp_path))
    options = build_parser().parse_args(["doctor", "--download", name], namespace=Options())
    doctor.examine(make_settings(), options, describe=machine_with((LAPTOP,), ()))

    assert asked == ["black-forest-labs/FLUX.2-klein-4B"]
    assert "The weights are in" in capsys.readouterr().out
