"""The panels at every width: where they stand, how large they are, which of them are open."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import photo
from tests.browser.test_everybody_can_use_it import serious
from tests.browser.test_the_history import key

pytestmark = pytest.mark.browser
UPRIGHT = {"width": 820, "height": 1180}
ACROSS = {"width": 1024, "height": 768}


def box(person, name):
    return person.page.locator(f"#kx-{name}").bounding_box()


def test_held_upright_a_tablet_has_the_picture_on_top_and_the_history_in_a_drawer(make_person):
    person = make_person(viewport=UPRIGHT, reduced_motion="reduce").visit()
    person.opens_photo(photo(900, 600))
    page = person.page
    picture, words = box(person, "canvas"), box(person, "chat")
    assert picture["width"] == words["width"] == 820
    assert picture["y"] + picture["height"] <= words["y"]
    assert page.locator(".kx-world").bounding_box()["width"] > 700
    expect(person.prompt).to_be_in_viewport()
    expect(page.locator("#kx-tree")).to_be_hidden()

    page.get_by_role("button", name="Show the history").click()
    expect(page.locator("[role=treeitem]").first).to_be_in_viewport()
    assert serious(page) == []
    page.get_by_role("button", name="Hide the history").click()
    expect(page.locator("#kx-tree")).to_be_hidden()

    edge = page.get_by_role("separator", name="Height of the conversation")
    edge.press("ArrowUp")
    assert box(person, "chat")["height"] == round(words["height"]) + 24


def test_held_across_a_tablet_has_the_conversation_beside_a_wide_picture(make_person):
    person = make_person(viewport=ACROSS).visit()
    person.opens_photo(photo(900, 600))
    picture, words = box(person, "canvas"), box(person, "chat")
    assert picture["width"] > 600
    assert words["x"] + words["width"] <= picture["x"]

    key(person, "h")
    expect(person.page.locator("[role=treeitem]").first).to_be_in_viewport()
    assert box(person, "canvas") == picture, "the drawer lies over the picture"


def test_panels_are_closed_opened_and_resized_and_stay_so(make_person):
    person = make_person(viewport={"width": 1440, "height": 900}).visit()
    person.opens_photo()
    page = person.page
    page.get_by_role("separator", name="Width of the conversation").press("ArrowRight")
    wide = box(person, "chat")["width"]
    key(person, "h")
    expect(page.locator("#kx-tree")).to_be_hidden()

    page.reload()
    person.ready()
    expect(page.locator("#kx-tree")).to_be_hidden()
    assert box(person, "chat")["width"] == wide
    expect(page.get_by_role("button", name="Show the history")).to_have_attribute("aria-expanded", "false")

    key(person, ".")
    expect(page.locator("[role=treeitem][aria-selected=true]")).to_be_focused()
    key(person, "t")
    expect(person.prompt).to_be_hidden()
    key(person, "/")
    expect(person.prompt).to_be_focused()


def test_the_picture_alone_has_the_whole_window_and_escape_gives_it_back(person):
    person.opens_photo()
    page = person.page
    key(person, "f")
    expect(person.prompt).to_be_hidden()
    whole = box(person, "canvas")
    assert (whole["x"], whole["y"], whole["width"]) == (0, 0, page.evaluate("innerWidth"))
    page.locator("#kx-alone").click()
    expect(person.prompt).to_be_visible()

    key(person, "f")
    expect(page.locator("#kx-top")).to_be_hidden()
    key(person, "Escape")
    expect(page.locator("#kx-top")).to_be_visible()
    expect(page.locator("#kx-tree")).to_be_visible()


def test_a_large_screen_is_used(make_person):
    person = make_person(viewport={"width": 2560, "height": 1440}).visit()
    assert box(person, "chat")["width"] >= 480
    assert box(person, "tree")["width"] >= 420


@pytest.mark.parametrize("width", [390, 701, 820, 1024, 1100, 1440])
def test_nothing_is_cut_off_at_the_side(make_person, width):
    person = make_person(viewport={"width": width, "height": 900}).visit()
    person.opens_photo()
    person.edits("make it brighter", 2)
    over = person.page.evaluate(
        """() => [...document.querySelectorAll('.kx-bar > *, .kx-toolbar > *, .kx-composer-row > *')]
            .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1)
            .map((one) => one.id || one.className)"""
    )
    assert over == []
