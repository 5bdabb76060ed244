"""What a model's answer does to the photo, and what can be done about it afterwards."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import photo

pytestmark = pytest.mark.browser


@pytest.fixture
def hosted(own_server, make_person):
    """Somebody at a server whose provider answers at once."""
    own_server.touch("gate")
    person = make_person(own_server).visit()
    person.opens_photo(photo(384, 256), tier="pro")
    return person


def changed(person):
    return float(re.search(r"([\d.]+)% changed", person.turns.last.inner_text())[1])


def test_only_what_changed_is_taken_and_more_or_less_of_it_afterwards(hosted):
    hosted.edits("invert the middle", 2)
    before = changed(hosted)
    assert 5 < before < 30

    hosted.page.locator("#kx-changed").click()
    expect(hosted.page.locator(".kx-overlay")).to_be_visible()
    hosted.page.get_by_role("button", name="Narrow the change").click()
    hosted.sees_versions(3)
    hosted.sees_painted_head()
    narrowed = changed(hosted)
    assert narrowed < before
    hosted.page.get_by_role("button", name="Widen the change").click()
    expect(hosted.page.get_by_role("treeitem", name="v4")).to_be_visible()
    hosted.sees_versions(3)  # an adjustment of an adjustment takes its place
    assert changed(hosted) > narrowed
    expect(hosted.turns).to_have_count(2)


def test_an_answer_without_a_change_is_one_click_away(hosted):
    hosted.edits("a touch warmer, else as it is", 2)
    expect(hosted.turns.last).to_contain_text("No change was found")

    hosted.turns.last.get_by_role("button", name="Use the whole answer").click()
    hosted.sees_versions(3)
    hosted.sees_painted_head()
    assert changed(hosted) > 50
    expect(hosted.turns.last.get_by_role("button", name="Use the whole answer")).to_have_count(0)


def test_trying_again_with_a_new_seed_or_the_same(hosted):
    hosted.edits("invert the middle", 2)
    expect(hosted.turns.last).to_contain_text("seed 7")

    hosted.chooses("Try again with the same seed")
    hosted.sees_versions(3)
    hosted.turns.last.get_by_role("button", name="Try again with a new seed").click()
    hosted.sees_versions(4)
    expect(hosted.page.locator("[role=treeitem][aria-level='2']")).to_have_count(3)


def test_the_receipt_tells_sizes_price_and_the_words_that_are_sent(hosted):
    hosted.prompt.fill("make her hair red")

    receipt = hosted.page.locator("#kx-receipt")
    expect(receipt).to_contain_text("384×256, sent at 192×128")
    expect(receipt).to_contain_text("$0.04")
    expect(receipt).to_contain_text("Sent as: make her hair red, while preserving the person's facial features")


def test_a_version_is_dropped_into_the_composer_as_a_reference(hosted):
    hosted.edits("invert the middle", 2)
    root = hosted.page.locator("[role=treeitem]").first

    root.drag_to(hosted.page.locator("#kx-composer .kx-composer"))

    expect(hosted.page.locator(".kx-strip")).to_contain_text("image 2")
    root.click(button="right")
    hosted.page.get_by_role("menuitem", name="Use as a reference image").click()
    hosted.prompt.fill("in the style of the others")
    expect(hosted.page.locator("#kx-receipt")).to_contain_text("up to 1 reference image")
    hosted.page.get_by_label("combine into one image").check()
    expect(hosted.page.locator("#kx-receipt")).to_contain_text("$0.04")
    hosted.prompt.press("Enter")
    hosted.sees_versions(3)


def test_an_exported_picture_is_opened_again_and_its_project_gone_on_with(hosted, tmp_path):
    hosted.edits("invert the middle", 2)
    version = hosted.sees_painted_head()
    hosted.page.locator("#kx-download").click()
    with hosted.page.expect_download() as download:
        hosted.page.get_by_role("link", name="PNG, lossless").click()
    data = download.value.path().read_bytes()

    hosted.page.locator("#kx-projects-button").click()
    hosted.page.locator("#kx-new-project").click()
    hosted.sees_versions(0)
    hosted.drop(data, "again.png")
    dialog = hosted.page.get_by_role("dialog", name="A picture made here")
    expect(dialog).to_contain_text("invert the middle")
    dialog.get_by_role("button", name="Go on with its project").click()

    hosted.sees_versions(2)
    expect(hosted.page.locator("#kx-canvas")).to_have_attribute("data-painted", version)


def test_a_recipe_is_replayed_on_another_picture(hosted):
    hosted.edits("invert the middle", 2)
    hosted.edits("invert the middle again", 3)
    hosted.page.locator("#kx-download").click()
    with hosted.page.expect_download() as download:
        hosted.page.get_by_role("link", name="PNG, lossless").click()
    data = download.value.path().read_bytes()
    hosted.page.locator("#kx-projects-button").click()
    hosted.page.locator("#kx-new-project").click()
    hosted.sees_versions(0)
    hosted.drop(photo(384, 256, seed=9))
    hosted.sees_versions(1)
    hosted.sees_painted_head()

    hosted.drop(data, "recipe.png")
    hosted.page.get_by_role("button", name="2 instructions: replay on the picture that was open").click()

    expect(hosted.page.locator(".kx-toast", has_text="All 2 steps are done.")).to_be_visible()
    hosted.sees_versions(3)
    expect(hosted.turns).to_have_count(3)
    hosted.sees_painted_head()
    expect(hosted.turns.last).to_contain_text("invert the middle again")


def test_a_chain_is_asked_for_again_from_the_first_picture(hosted):
    hosted.edits("invert the middle", 2)
    hosted.edits("invert the middle again", 3)

    hosted.page.locator("[role=treeitem]").last.click(button="right")
    hosted.page.get_by_role("menuitem", name="Redo all steps in one edit").click()
    expect(hosted.prompt).to_have_value("invert the middle. Then invert the middle again")
    hosted.prompt.press("Enter")

    hosted.sees_versions(4)
    expect(hosted.page.locator("[role=treeitem][aria-level='2']")).to_have_count(2)


def test_a_rectangle_bounds_the_edit(hosted):
    hosted.page.locator("#kx-mask").click()
    hosted.page.get_by_role("button", name="Select a rectangle").click()
    box = hosted.page.locator(".kx-world").bounding_box()
    hosted.page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    hosted.page.mouse.down()
    hosted.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5, steps=4)
    hosted.page.mouse.up()
    expect(hosted.page.locator(".kx-strip")).to_contain_text("px")

    hosted.edits("invert it all", 2)

    assert changed(hosted) < 15
