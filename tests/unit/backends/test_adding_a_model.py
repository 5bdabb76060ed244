"""What ARCHITECTURE.md says under "Adding a model", followed step by step with a model that does not exist."""

import re

import httpx
import numpy as np
import pytest

from kontext_ui.backends.hosted.carried import Carried
from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers import bfl
from kontext_ui.bootstrap import build_editor
from kontext_ui.editor import EditDraft
from kontext_ui.edits import PriceRule, Tier
from kontext_ui.models import catalogue, flux2
from kontext_ui.models.model import Model
from kontext_ui.web.rows import tier_rows
from tests import readme
from tests.fakes import bfl as fakes
from tests.fakes.pictures import encoded

TOY = Model("flux2-toy", "FLUX.2 [toy]", flux2.FAMILY, Tier.PRO, flux2.SIZES[flux2.USUAL], 4, flux2.SIZES)
PHOTO = np.full((90, 130, 3), (40, 90, 160), np.uint8)


async def no_pause(_):
    return None


@pytest.fixture
def steps_taken(monkeypatch):
    monkeypatch.setattr(catalogue, "MODELS", {**catalogue.MODELS, TOY.id: TOY})  # step 1
    row = Carried(TOY, "/v1/flux-2-toy", bfl.FLUX2, PriceRule(0.01, 0.01, 0.01))
    monkeypatch.setattr(bfl, "CARRIED", {**bfl.CARRIED, TOY.id: row})  # step 2
    monkeypatch.setattr(fakes, "PATHS", {**fakes.PATHS, "/v1/flux-2-toy": fakes.FLUX2_FIELDS})  # step 3
    monkeypatch.setitem(fakes.CENTS_BY_SIZE, "/v1/flux-2-toy", (1.0, 1.0))


@pytest.mark.usefixtures("steps_taken")
async def test_the_page_and_the_editor_have_it_without_another_line(make_settings, tmp_path):
    fake = fakes.FakeBfl()
    editor = build_editor(make_settings(data_dir=tmp_path, bfl_api_key="bfl_test"))
    provider = Provider(
        "bfl", "BFL", "https://api.bfl.ai", bfl.HOSTS, transport=httpx.ASGITransport(app=fake.app), sleep=no_pause
    )
    editor.edits._router.backends["bfl"]._http = provider
    await editor.start()
    try:
        project = await editor.projects.create("ann")
        await editor.pictures.open("ann", project.id, encoded(PHOTO, "png"), "photo.png")
        job = await editor.edits.submit("ann", project.id, EditDraft("make it a toy", Tier.PRO, model="flux2-toy"))
        turn = await editor.edits.wait("ann", job.id)
        (row,) = (row for row in tier_rows(editor.accounts.tiers("ann")) if row.tier == "pro")
    finally:
        await editor.aclose()

    assert turn.version is not None, turn.job.failure
    assert (turn.version.outcome.model, turn.version.outcome.price_usd) == ("FLUX.2 [toy]", 0.02)
    assert ("flux2-toy", "FLUX.2 [toy]", "bfl") in [(other.model, other.label, other.chosen) for other in row.others]
    assert fake.trouble == []


@pytest.mark.usefixtures("steps_taken")
def test_make_tables_would_write_it_into_the_documents(make_settings):
    assert "| `flux2-toy` | FLUX.2 [toy] | `pro` | 4 |" in readme.models_table(catalogue.MODELS)
    table = readme.backends_table(settings=make_settings())
    assert re.search(r"`pro` \| Black Forest Labs \(`bfl`\) \| FLUX\.2 \[toy\] \| from \$0\.020 ", table)


def test_the_architecture_names_every_step_taken_here():
    text = (readme.ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.partition("## Adding a model")[2].partition("\n## ")[0]

    for named in (
        "models/model.py", "models/catalogue.py", "CARRIED", "providers/bfl.py", "tests/fakes/", "make tables",
    ):  # fmt: skip
        assert named in section, named
