"""What is decided before torch is imported: memory, weights, sizes, readiness."""

from __future__ import annotations

import json

import pytest

from kontext_ui.backends.diffusers import weights
from kontext_ui.backends.diffusers.checks import readiness
from kontext_ui.backends.diffusers.config import EngineConfig
from kontext_ui.backends.diffusers.memory import PRECISIONS, choose, needs_gb
from kontext_ui.edits import Size
from kontext_ui.models import kontext

SHARD = "model-00001-of-00002.safetensors"


@pytest.fixture
def folder(tmp_path):
    """A folder as a finished download leaves it, the weights' files empty."""
    parts = {"transformer": "diffusers", "vae": "diffusers", "text_encoder": "transformers", "scheduler": "diffusers"}
    index = {"_class_name": "FluxKontextPipeline", **{name: [library, "Any"] for name, library in parts.items()}}
    (tmp_path / "model_index.json").write_text(json.dumps({**index, "image_encoder": [None, None]}))
    for name in parts:
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    for name in ("vae", "text_encoder"):
        (tmp_path / name / "model.safetensors").write_bytes(b"x" * 1000)
    names = [SHARD, SHARD.replace("00001-of", "00002-of")]
    (tmp_path / "transformer" / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": dict(zip("ab", names, strict=True))})
    )
    for name in names:
        (tmp_path / "transformer" / name).write_bytes(b"x" * 3000)
    return tmp_path


@pytest.mark.parametrize(
    ("free_gb", "expected"),
    [
        (141.0, "bf16"),
        (40.0, "bf16"),
        (32.0, "bf16, offload model"),
        (26.0, "fp8"),
        (23.5, "fp8, offload model"),
        (15.5, "fp8, offload model"),
        (14.0, "nf4"),
        (11.5, "nf4, offload model"),
        (8.0, None),
    ],
)
def test_each_card_gets_the_best_that_fits(free_gb, expected):
    ways = choose(free_gb, "cuda", installed=("bitsandbytes",))

    assert (ways[0].name if ways else None) == expected
    assert all(way.needs_gb <= free_gb for way in ways)


def test_four_bits_are_only_taken_where_their_package_is():
    assert choose(14.0, "cuda") == []


def test_what_a_setting_names_is_tried_even_if_it_seems_too_large():
    (way,) = choose(4.0, "cuda", precision="nf4", offload="model")

    assert way.name == "nf4, offload model"


def test_a_setting_for_one_leaves_the_other_open():
    assert choose(30.0, "cuda", precision="bf16")[0].offload == "model"
    assert choose(30.0, "cuda", offload="none")[0].name == "fp8"


def test_shared_memory_has_nowhere_to_offload_to():
    assert {way.offload for way in choose(200.0, "mps")} == {"none"}
    assert choose(30.0, "mps") == []


def test_smaller_precisions_and_smaller_pictures_need_less():
    needs = [needs_gb(precision, "none") for precision in PRECISIONS]

    assert needs == sorted(needs, reverse=True)
    assert needs_gb(PRECISIONS[0], "model") < needs[0]
    assert needs_gb(PRECISIONS[0], "none", megapixels=0.25) < needs[0]


def test_a_whole_folder_is_found_and_measured(folder):
    assert weights.locate(EngineConfig(model=str(folder))) == folder
    assert weights.missing_parts(folder) == ()
    assert weights.sizes_gb(folder) == {"transformer": 6e-6, "vae": 1e-6, "text_encoder": 1e-6}


@pytest.mark.parametrize("lost", [f"transformer/{SHARD}", "vae/model.safetensors", "scheduler/config.json"])
def test_a_download_that_was_cut_short_is_noticed(folder, lost):
    (folder / lost).unlink()

    assert weights.missing_parts(folder) == (lost.partition("/")[0],)


def test_an_unreadable_index_is_a_missing_part(folder):
    (folder / "model_index.json").write_text("[]")

    assert weights.missing_parts(folder) == ("model_index.json",)


def test_a_folder_that_is_none_and_a_model_never_fetched_are_not_found(tmp_path):
    assert weights.locate(EngineConfig(model=str(tmp_path / "none"))) is None
    assert weights.locate(EngineConfig(model="nobody/never-fetched")) is None


def test_the_first_thing_missing_is_named_with_its_remedy(folder):
    def answer(model=str(folder), installed=True, gpu=True, **fields):
        return readiness(EngineConfig(model=model, **fields), lambda _: installed, lambda: gpu)

    assert answer().ready
    without = answer(installed=False)
    assert not without.ready
    assert "torch" in without.reason
    assert "pip install -r requirements-local.txt" in without.hint
    absent = answer("nobody/never-fetched")
    assert not absent.ready
    assert "licence" in absent.hint
    assert "doctor --download" in absent.hint
    assert answer("nobody/never-fetched", download=True).ready
    assert not answer("nobody/never-fetched", download=True, gpu=False).ready
    (folder / "vae" / "model.safetensors").unlink()
    assert "vae" in answer().reason


def test_large_weights_without_a_gpu_are_refused_unless_the_processor_was_named(folder):
    with (folder / "transformer" / SHARD).open("r+b") as file:
        file.truncate(3_000_000_000)  # sparse: takes no room

    def answer(**fields):
        return readiness(EngineConfig(model=str(folder), **fields), lambda _: True, lambda: False)

    assert "an hour" in answer().reason
    assert answer(device="cpu").ready
    assert answer(lent=True).ready


def test_the_models_own_sizes_are_kept_and_smaller_ones_can_be_drawn():
    assert kontext.size_rule(1.0).sizes == kontext.SIZES
    for share in (0.5, 0.25, 0.01):
        for size in kontext.SIZES:
            small = kontext.scaled(size, share)
            assert small.width % 16 == small.height % 16 == 0
            assert small.megapixels == pytest.approx(size.megapixels * share, rel=0.35)
    assert kontext.scaled(Size(1024, 1024), 0.25) == Size(512, 512)
