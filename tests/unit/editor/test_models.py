"""Within a tier, the usual model until another is asked for; then that one and no other."""

import dataclasses

import pytest

from kontext_ui.editor import EditDraft
from kontext_ui.editor.jobs.receipt import draft_of
from kontext_ui.edits import Parameter, Parameters, PriceRule, Reference, Tier
from kontext_ui.errors import BackendUnavailable, Billed, InvalidRequest
from kontext_ui.images.export import RecipeStep
from kontext_ui.models import flux2
from tests.unit.editor.conftest import OWNER, picture
from tests.unit.editor.scripted import ScriptedBackend

GONE = BackendUnavailable("It is down.", backend="one", billed=Billed.NO)


class Carrier(ScriptedBackend):
    """One with FLUX.1 Kontext, and beside it FLUX.2 [pro]."""

    def models(self, tier):
        usual = dataclasses.replace(self._caps, model_id=f"kontext-{tier.value}")
        newer = flux2.PRO.offer(
            (flux2.RESOLUTION, Parameter("seed", "Seed", "int")),
            price_usd=0.045,
            price_rule=PriceRule(0.03, 0.015, 0.015),
            max_reference_megapixels=1.0,
        )
        return (usual, newer)


async def check(desk, **fields):
    draft = EditDraft("make the door red", Tier.PRO, parent=desk.root, **fields)
    return await desk.editor.edits.check(OWNER, desk.project, draft)


async def test_the_usual_model_is_asked_unless_another_is_named(make_desk):
    desk = await make_desk(Carrier())

    assert (await check(desk)).request.model == "kontext-pro"
    assert (await check(desk, model="flux2-pro")).model == "FLUX.2 [pro]"


async def test_the_request_and_the_version_name_the_model(make_desk):
    desk = await make_desk(Carrier())

    turn = await desk.edit(model="flux2-pro")

    assert (turn.version.request.model, turn.version.outcome.model) == ("flux2-pro", "FLUX.2 [pro]")


async def test_an_older_request_for_the_usual_model_goes_to_a_backend_that_names_none(make_desk):
    desk = await make_desk(ScriptedBackend())

    assert (await check(desk, model="kontext-pro")).request.backend == "scripted"


@pytest.mark.parametrize("backend", [None, "plain"])
async def test_a_model_that_nobody_carries_is_refused_before_anything_is_sent(make_desk, backend):
    desk = await make_desk(ScriptedBackend("plain"))

    with pytest.raises(InvalidRequest, match=r"FLUX\.2 \[max\]") as caught:
        await check(desk, model="flux2-max", backend=backend)

    assert "kontext-pro" in caught.value.hint


async def test_a_failed_edit_goes_on_only_at_a_backend_with_the_same_model(make_desk):
    one, plain, other = Carrier("one", price_usd=0.01), ScriptedBackend("plain", price_usd=0.02), Carrier("two")
    one.enqueue(GONE)
    desk = await make_desk(one, plain, other)

    turn = await desk.edit(model="flux2-pro")

    assert (turn.version.outcome.backend, turn.version.request.model) == ("two", "flux2-pro")
    assert plain.submits == []


async def test_a_failed_edit_fails_where_nobody_else_has_its_model(make_desk):
    one, plain = Carrier("one", price_usd=0.01), ScriptedBackend("plain", price_usd=0.02)
    one.enqueue(GONE)
    desk = await make_desk(one, plain)

    turn = await desk.edit(model="flux2-pro")

    assert turn.version is None
    assert plain.submits == []


async def test_the_price_is_for_this_picture_at_this_size(make_desk):
    desk = await make_desk(Carrier())
    big = await desk.editor.pictures.open(OWNER, desk.project, picture(1600, 1200), "big.png")
    reference = await desk.editor.pictures.add_reference(OWNER, desk.project, picture(1600, 1200, seed=4))

    async def price(**fields):
        draft = EditDraft("go", Tier.PRO, model="flux2-pro", parent=big.id, **fields)
        return (await desk.editor.edits.check(OWNER, desk.project, draft)).price_usd

    large = Parameters(resolution=flux2.LARGEST)
    assert await price() == 0.045
    assert await price(references=(Reference(reference),)) == 0.06
    assert await price(parameters=large) == 0.075  # two megapixels drawn and two sent
    assert await price(parameters=large, references=(Reference(reference),)) == 0.09


async def test_what_is_sent_is_as_large_as_what_was_priced(make_desk):
    backend = Carrier()
    desk = await make_desk(backend)
    big = await desk.editor.pictures.open(OWNER, desk.project, picture(1600, 1200), "big.png")
    reference = await desk.editor.pictures.add_reference(OWNER, desk.project, picture(1600, 1200, seed=4))

    await desk.edit(model="flux2-pro", parent=big.id, references=(Reference(reference),))

    _, task = backend.submits[0]
    for pixels in (task.input_image, *task.reference_images):
        assert pixels.shape[0] * pixels.shape[1] <= 1_000_000


async def test_the_tier_lists_its_usual_model_apart_from_the_others(make_desk):
    desk = await make_desk(Carrier(), ScriptedBackend("plain"))

    (offer,) = desk.editor.accounts.tiers(OWNER)

    assert [backend.id for backend in offer.backends] == ["scripted", "plain"]
    assert [(other.id, other.name, other.chosen.id) for other in offer.others] == [
        ("flux2-pro", "FLUX.2 [pro]", "scripted")
    ]


def test_a_step_of_an_older_recipe_means_the_usual_model():
    assert draft_of(RecipeStep("go", model="FLUX.1 Kontext [pro]", tier=Tier.PRO), "root").model == ""
    assert draft_of(RecipeStep("go", model="flux3-image", tier=Tier.MAX), "root").model == "flux3-image"


async def test_references_are_called_what_the_model_calls_them(make_desk):
    desk = await make_desk(Carrier())
    added = [await desk.editor.pictures.add_reference(OWNER, desk.project, picture(seed=seed)) for seed in (3, 4)]
    two = tuple(map(Reference, added))

    assert (await check(desk, model="flux2-pro")).remarks == ()
    assert (await check(desk, model="flux2-pro", references=two[:1])).remarks == (
        "In your words, the reference is “image 2”.",
    )
    assert (await check(desk, model="flux2-pro", references=two)).remarks == (
        "In your words, the references are “image 2”, “image 3”.",
    )


async def test_a_small_reference_is_enlarged_for_a_model_that_takes_none_so_small(make_desk):
    backend = ScriptedBackend(max_reference_images=1, min_reference_side_px=256, size_rule=flux2.SIZES[flux2.USUAL])
    desk = await make_desk(backend)
    small = await desk.editor.pictures.add_reference(OWNER, desk.project, picture(64, 48, seed=4))

    await desk.edit(references=(Reference(small),))

    (looked_at,) = backend.submits[0][1].reference_images
    assert looked_at.shape[:2] == (256, 341)
