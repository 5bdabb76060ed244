"""Masks are of the photo's size whatever was painted or uploaded, and a soft edge ends where it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_ui.edits import Rectangle, Size
from kontext_ui.errors import InvalidRequest
from kontext_ui.images import masks


def disc(size: int = 101, radius: int = 20) -> np.ndarray:
    y, x = np.ogrid[:size, :size]
    return np.where((x - size // 2) ** 2 + (y - size // 2) ** 2 <= radius**2, 255, 0).astype(np.uint8)


@pytest.mark.parametrize(
    "values",
    [
        disc() > 0,
        (disc() > 0).astype(np.uint8),
        (disc() > 0).astype(np.int64) * 255,
        disc().astype(np.uint16) * 257,
        disc().astype(np.float32) / 255,
        disc()[..., None],
        np.dstack([disc()] * 3),
        np.dstack([disc()] * 3 + [np.full_like(disc(), 255)]),
        np.dstack([np.full_like(disc(), 255)] * 3 + [disc()]),
        np.dstack([np.zeros_like(disc())] * 3 + [disc()]),
        np.dstack([np.full_like(disc(), 255), disc()]),
    ],
    ids=[
        "bool",
        "0 and 1",
        "int64",
        "16 bit",
        "float",
        "one channel",
        "rgb",
        "rgba",
        "white brush",
        "black brush",
        "la",
    ],
)
def test_every_way_to_write_a_mask_means_the_same(values):
    assert np.array_equal(masks.normalise(values, Size(101, 101)), disc())


def test_a_mask_of_another_resolution_is_brought_to_the_photos_and_stays_black_and_white():
    out = masks.normalise(disc(101), Size(404, 404))
    assert out.shape == (404, 404)
    assert set(np.unique(out)) == {0, 255}
    assert abs(masks.coverage(out) - masks.coverage(disc(101))) < 0.005


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(InvalidRequest) as caught:
        masks.normalise(disc(101), Size(200, 100))
    assert "shape differs" in caught.value.message


def test_a_mask_that_is_no_picture_is_refused():
    with pytest.raises(InvalidRequest):
        masks.normalise(np.zeros((4, 4, 7), np.uint8), Size(4, 4))
    with pytest.raises(InvalidRequest):
        masks.normalise(np.array([["a"]]), Size(1, 1))


@given(st.integers(0, 30))
def test_the_soft_edge_ends_where_it_says_and_leaves_the_inside_alone(px):
    hard = disc()
    soft = masks.feather(hard, px)
    y, x = np.ogrid[:101, :101]
    away = np.hypot(x - 50, y - 50) - 20
    assert (soft[hard == 255] == 255).all()
    assert (soft[away > px * 1.05 + 1] == 0).all()
    if px >= 3:
        assert ((soft > 0) & (soft < 255)).any()


@given(st.integers(1, 12), st.integers(1, 12))
def test_the_soft_edge_only_falls_with_distance(px, wider):
    assert (masks.feather(disc(), px) <= masks.feather(disc(), px + wider)).all()


def test_empty_and_full_masks_have_no_edge():
    for value in (0, 255):
        plain = np.full((20, 30), value, np.uint8)
        assert np.array_equal(masks.feather(plain, 5), plain)


@given(st.integers(1, 15))
def test_growing_widens_by_that_many_pixels_and_shrinking_undoes_it(px):
    grown = masks.grow(disc(), px)
    row = np.flatnonzero(grown[50])
    assert (row[0], row[-1]) == (50 - 20 - px, 50 + 20 + px)
    back = masks.shrink(grown, px)
    assert (back >= disc()).all()
    assert masks.coverage(back) - masks.coverage(disc()) < 0.01


def test_negative_growth_shrinks_and_nothing_grows_out_of_nothing():
    assert np.array_equal(masks.grow(disc(), -3), masks.shrink(disc(), 3))
    assert not masks.grow(masks.empty(Size(9, 9)), 4).any()
    assert (masks.shrink(np.full((9, 9), 255, np.uint8), 4) == 255).all()


def test_soft_masks_grow_too():
    soft = masks.feather(disc(), 6)
    assert (masks.grow(soft, 2) >= soft).all()
    assert masks.coverage(masks.grow(soft, 2)) > masks.coverage(soft)


def test_combining_adds_subtracts_and_intersects():
    size = Size(10, 10)
    left = masks.from_rectangle(Rectangle(0, 0, 6, 10), size)
    right = masks.from_rectangle(Rectangle(4, 0, 6, 10), size)
    assert masks.coverage(masks.combine(left, right)) == 1.0
    assert masks.bounds(masks.combine(left, right, "intersect")) == Rectangle(4, 0, 2, 10)
    assert masks.bounds(masks.combine(left, right, "subtract")) == Rectangle(0, 0, 4, 10)


def test_inverting_twice_changes_nothing():
    assert np.array_equal(masks.invert(masks.invert(disc())), disc())
    assert masks.coverage(disc()) + masks.coverage(masks.invert(disc())) == pytest.approx(1.0)


def test_bounds_are_the_smallest_rectangle():
    assert masks.bounds(disc()) == Rectangle(30, 30, 41, 41)
    assert masks.bounds(masks.empty(Size(5, 5))) is None


def test_the_usual_feather_grows_with_the_photo_within_limits():
    sizes = [Size(100, 100), Size(1184, 880), Size(4032, 3024), Size(20000, 15000)]
    widths = [masks.default_feather_px(size) for size in sizes]
    assert widths == sorted(widths)
    assert (widths[0], widths[-1]) == (2, 24)
