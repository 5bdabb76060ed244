"""What the catalogue says of each model holds for any photo: what is sent obeys it, and what comes back fits."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kontext_ui.edits import Parameters, PriceRule, Size, Tier
from kontext_ui.errors import InvalidRequest
from kontext_ui.images.geometry import asked_size, pad_to_fit, plan_fit, restore, size_of
from kontext_ui.models import catalogue, flux2, flux3, kontext

PHOTOS = st.tuples(st.integers(64, 9000), st.integers(64, 9000)).filter(lambda sides: sides[0] * sides[1] <= 50e6)
RULES = [
    pytest.param(rule, id=f"{model.id} {resolution}")
    for model in catalogue.MODELS.values()
    for resolution, rule in ({"usual": model.size_rule} | dict(model.size_rules)).items()
]


def fitted(photo, rule):
    """``None`` for a shape that is refused before anything is sent."""
    try:
        return plan_fit(Size(*photo), rule)
    except InvalidRequest:
        return None


@pytest.mark.parametrize("rule", RULES)
@given(photo=PHOTOS)
@example(photo=(1000, 1503))
@example(photo=(257, 300))
@example(photo=(3000, 1000))
@example(photo=(64, 64))
@settings(max_examples=25, deadline=None)
def test_what_is_sent_obeys_the_models_rule(rule, photo):
    fit = fitted(photo, rule)
    if fit is None:
        return
    canvas = fit.canvas
    if rule.kind == "list":
        assert canvas in rule.sizes
        return
    assert canvas.width % rule.multiple_px == canvas.height % rule.multiple_px == 0
    assert min(canvas) >= rule.min_side_px
    assert canvas.megapixels <= rule.max_megapixels
    assert rule.min_ratio <= canvas.ratio <= rule.max_ratio


@pytest.mark.parametrize("rule", [pytest.param(rule, id=name) for name, rule in flux2.SIZES.items()])
@given(photo=PHOTOS.filter(lambda sides: max(sides) <= 7 * min(sides)))
@example(photo=(1000, 1503))
@example(photo=(257, 300))
@settings(max_examples=60, deadline=None)
def test_flux_2_draws_the_photos_own_shape_without_padding(rule, photo):
    fit = plan_fit(Size(*photo), rule)

    assert fit.padded == 0
    assert abs(math.log(fit.canvas.ratio / Size(*photo).ratio)) < 0.01
    assert "padded" not in fit.receipt()


@given(photo=PHOTOS, u=st.floats(0, 1), v=st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_a_point_of_the_photo_comes_back_to_its_pixel(photo, u, v):
    for rule in (*flux2.SIZES.values(), *flux3.SIZES.values()):
        fit = fitted(photo, rule)
        if fit is not None:
            point = np.array([u * photo[0], v * photo[1]])
            assert np.abs(fit.to_source(fit.to_canvas(point)) - point).max() < 1e-6 * max(photo)


@pytest.mark.parametrize("model", catalogue.MODELS.values(), ids=lambda model: model.id)
@pytest.mark.parametrize("photo", [(1000, 1503), (257, 300), (960, 320)])
def test_what_comes_back_lands_on_the_photos_own_pixels(model, photo):
    width, height = photo
    y, x = np.mgrid[0:height, 0:width]
    before = np.stack((x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)), 2).astype(np.uint8)
    fit = plan_fit(Size(*photo), model.size_rule)

    after = restore(pad_to_fit(before, fit), fit)

    assert size_of(after) == photo
    assert np.abs(after.astype(int) - before).max() <= 4


def test_each_hosted_tier_means_flux_1_kontext():
    for tier in (Tier.PRO, Tier.MAX, Tier.DEV):
        assert catalogue.MODELS[catalogue.usual(tier)].name == kontext.MODEL_LABELS[tier]


@pytest.mark.parametrize("model", catalogue.MODELS.values(), ids=lambda model: model.id)
def test_a_model_without_a_seed_says_so_before_sending(model):
    assert model.repeatable or ("cannot be repeated" in " ".join(model.remarks) and "seed" in model.not_taken)


def test_older_recipes_named_the_usual_model_by_its_name():
    assert catalogue.id_of("FLUX.1 Kontext [pro]") == ""
    assert catalogue.id_of("flux2-pro") == "flux2-pro"
    assert catalogue.id_of("flux9-later") == "flux9-later"


@pytest.mark.parametrize(
    ("drawn", "sent", "usd"), [(0.98, [0.98], 0.045), (0.3, [], 0.03), (1.2, [1.0], 0.06), (3.9, [3.9, 1.0], 0.15)]
)
def test_a_price_counts_whole_megapixels_of_every_picture(drawn, sent, usd):
    assert PriceRule(0.03, 0.015, 0.015).usd(drawn, sent) == usd


def test_a_price_by_resolution_is_told_only_where_it_is_known():
    rule = PriceRule(by_resolution={"1k": 0.048})

    assert (rule.usd(1, []), rule.usd(1, [], "1k"), rule.usd(4, [], "2k")) == (0.048, 0.048, None)


@pytest.mark.parametrize(("ratio", "sent"), [("16:9", Size(992, 992)), ("1:2", None), (None, None)])
def test_another_shape_is_asked_for_in_pixels(ratio, sent):
    size = asked_size(ratio, sent, flux2.SIZES[flux2.USUAL])

    wide, high = map(int, (ratio or "1:1").split(":"))
    assert abs(math.log(size.ratio / (wide / high))) < 0.01
    assert size.megapixels <= 1


def test_the_photos_own_shape_is_asked_for_as_it_is_sent():
    sent = plan_fit(Size(1500, 1000), flux2.SIZES[flux2.USUAL]).canvas

    assert asked_size("3:2", sent, flux2.SIZES[flux2.USUAL]) == sent


def test_parameters_choose_the_size_rule():
    offer = flux2.PRO.offer((flux2.RESOLUTION,))

    assert offer.at(Parameters()).size_rule.max_megapixels == 1
    assert offer.at(Parameters(resolution=flux2.LARGEST)).size_rule.max_megapixels == 4
