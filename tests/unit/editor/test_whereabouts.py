"""What changed and where, in words."""

import numpy as np
import pytest

from kontext_ui.editor.jobs.whereabouts import told_change


def changed(rows, columns, size=(300, 400)):
    mask = np.zeros(size, np.uint8)
    mask[rows, columns] = 255
    return mask


@pytest.mark.parametrize(
    ("rows", "columns", "place"),
    [
        (slice(120, 180), slice(160, 240), "the middle"),
        (slice(0, 60), slice(0, 90), "the upper left"),
        (slice(0, 60), slice(150, 260), "the upper part"),
        (slice(240, 300), slice(330, 400), "the lower right"),
        (slice(240, 300), slice(0, 400), "the lower part"),
        (slice(100, 200), slice(0, 80), "the left"),
        (slice(10, 290), slice(20, 380), "places all over the picture"),
        (slice(151, 152), slice(201, 202), "the middle"),
    ],
)
def test_a_change_is_told_by_where_it_lies(rows, columns, place):
    assert told_change(changed(rows, columns), 0.12) == f"Changed {place}, 12% of the picture."


def test_little_all_and_nothing_are_called_so():
    somewhere = changed(slice(120, 180), slice(160, 240))
    assert told_change(somewhere, 0.004) == "Changed the middle, under 1% of the picture."
    assert told_change(somewhere, None) == "Changed the middle."
    assert told_change(somewhere, 0.9) == "Changed nearly all of the picture."
    assert told_change(None, None) == "Changed nearly all of the picture."
    assert told_change(somewhere, 0.0) == "Nothing changed in the picture."
    assert told_change(np.zeros((30, 40), np.uint8), None) == "Nothing changed in the picture."


def test_a_large_mask_is_looked_at_as_if_it_were_small():
    large = changed(slice(0, 600), slice(0, 900), size=(3000, 4000))
    assert told_change(large, 0.05) == "Changed the upper left, 5% of the picture."
