"""Domain values as the page's rows."""

import pytest

from kontext_ui.basic import read as make_plan
from kontext_ui.web.rows import plan_lines


@pytest.mark.parametrize(
    ("instruction", "lines"),
    [
        ("make the car red", ["recolour · the car · red"]),
        ("remove the man on the left", ["remove · the man on the left"]),
        ("make it 20% brighter then rotate 90 degrees", ["brightness · 20%", "rotate · 90°"]),
        ("resize to 800x600", ["resize · width 800 · height 600"]),
        ("make everything except the car black and white", ["greyscale · all but the car · 100%"]),
        ("make it black and white but keep the sky", ["greyscale · 100%", "keep · the sky"]),
    ],
)
def test_a_plan_is_told_in_a_line_for_each_step(instruction, lines):
    assert plan_lines(make_plan(instruction).as_json()) == tuple(lines)


@pytest.mark.parametrize(
    "plan", [None, {}, [], "text", {"steps": None}, {"steps": ["text"]}, {"steps": 8}, {"steps": [{"a": 1}], "keep": 3}]
)
def test_what_is_no_plan_gives_no_lines(plan):
    assert plan_lines(plan) == ()
