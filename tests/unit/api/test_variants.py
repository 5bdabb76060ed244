"""Several answers to one instruction: all or none, by one model or by several."""

import dataclasses

import pytest

from kontext_ui.api import Services
from kontext_ui.api.fetch import Fetcher
from kontext_ui.api.uploads import Uploads
from kontext_ui.edits import Parameter, Tier
from kontext_ui.errors import BudgetExceeded, InvalidRequest
from tests.unit.api.conftest import Program
from tests.unit.editor.scripted import HostedBackend


async def test_variants_are_all_or_none(ann, backend):
    project = (await ann.opens()).project
    message = {"project": project, "instruction": "go", "tier": "pro", "count": 3}
    with pytest.raises(BudgetExceeded):
        await ann.does("variants", **message, max_price_usd=0.11)
    assert backend.submits == []

    made = await ann.does("variants", **message, max_price_usd=0.12)
    assert [edit.state for edit in made.edits] == ["done"] * 3
    assert len({edit.version.parent for edit in made.edits}) == 1


async def test_variants_by_several_models_are_paid_together(make_editor, tmp_path):
    pro, top = HostedBackend("pro"), HostedBackend("top", tiers=(Tier.MAX,), price_usd=0.08)
    editor, _, _ = make_editor(pro, top)
    await editor.start()
    ann = Program(Services(editor, Uploads(tmp_path / "uploads"), Fetcher(1000)), "ann")
    message = {"project": (await ann.opens()).project, "instruction": "go", "models": ["pro", "max"]}
    with pytest.raises(BudgetExceeded):
        await ann.does("variants", **message, max_price_usd=0.11)

    made = await ann.does("variants", **message, max_price_usd=0.12)
    await editor.aclose()
    assert [(edit.tier, edit.state) for edit in made.edits] == [("pro", "done"), ("max", "done")]


async def test_variants_of_a_seed_have_seeds_of_their_own(ann, backend):
    seed = Parameter("seed", "Seed", "int", None, 0, 100)
    backend._caps = dataclasses.replace(backend._caps, parameters=(seed,))
    project = (await ann.opens()).project
    await ann.does("variants", project=project, instruction="go", tier="pro", seed=7, max_price_usd=1)

    assert sorted(request.parameters.seed for request, _ in backend.submits) == [7, 8]


@pytest.mark.parametrize("choice", ["ultra", "pro/", "pro/x y", "", "PRO"])
async def test_what_is_no_tier_or_model_is_named(ann, backend, choice):
    project = (await ann.opens()).project
    with pytest.raises(InvalidRequest, match="models 0 cannot be read"):
        await ann.does("variants", project=project, instruction="go", models=[choice], max_price_usd=1)
    assert backend.submits == []
