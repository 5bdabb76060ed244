"""A first visit, and an hour of ordinary work."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from kontext_ui.basic.vision import reader
from tests.browser.conftest import photo
from tests.unit.basic.photos import sign

pytestmark = pytest.mark.browser


def test_a_first_visit_shows_where_to_begin(person):
    expect(person.page.locator(".kx-dropzone")).to_be_visible()
    expect(person.page.locator(".kx-example")).to_have_count(3)
    expect(person.page.locator("#kx-send")).to_be_disabled()
    expect(person.page.locator("footer")).to_have_count(0)


def test_an_example_is_one_click_away(person):
    person.page.locator(".kx-example").nth(0).click()

    person.sees_versions(2)
    expect(person.turns.last).to_contain_text("Recoloured the cup, found by name")


def test_the_frame_is_painted_before_any_script_of_ours_has_come(make_person):
    person = make_person()
    held = []
    person.page.route("**/kontext/assets/**/*.js", lambda route: held.append(route))
    person.page.goto(person.url, wait_until="commit")

    expect(person.page.locator("#kx-skeleton .kx-skeleton-canvas")).to_be_visible()
    person.page.unroute_all(behavior="ignoreErrors")


def test_dropping_a_photo_opens_it_at_its_own_size(person):
    person.drop(photo(300, 200), "holiday.png")

    person.sees_versions(1)
    expect(person.turns.first).to_contain_text("holiday.png")
    expect(person.turns.first).to_contain_text("300 × 200")
    person.sees_painted_head()


def test_edit_three_times_undo_twice_fork_and_redo(person):
    root = person.opens_photo()
    first = person.edits("make it brighter", 2)
    second = person.edits("make it warmer", 3)
    person.edits("add grain", 4)
    expect(person.turns).to_have_count(4)

    person.page.locator("#kx-undo").click()
    expect(person.page.locator("#kx-canvas")).to_have_attribute("data-painted", second)
    person.page.locator("#kx-undo").click()
    expect(person.page.locator("#kx-canvas")).to_have_attribute("data-painted", first)
    expect(person.turns).to_have_count(2)
    person.page.locator("#kx-redo").click()
    expect(person.page.locator("#kx-canvas")).to_have_attribute("data-painted", second)

    person.page.locator("#kx-undo").click()
    expect(person.page.locator("#kx-canvas")).to_have_attribute("data-painted", first)
    branch = person.edits("black and white", 5)
    assert branch not in (root, first, second)
    expect(person.page.locator("#kx-redo")).to_be_disabled()
    person.page.locator("#kx-undo").click()
    person.page.locator("#kx-redo").click()
    expect(person.page.locator("#kx-canvas")).to_have_attribute("data-painted", branch)


def test_clicking_in_the_tree_goes_there(person):
    root = person.opens_photo()
    person.edits("make it brighter", 2)

    person.page.locator(f"[role=treeitem][data-version='{root}']").click()

    expect(person.page.locator("#kx-canvas")).to_have_attribute("data-painted", root)
    expect(person.turns).to_have_count(1)


def test_comparing_with_the_version_before(person):
    person.opens_photo()
    person.edits("make it much darker", 2)

    person.page.locator("#kx-compare").click()
    handle = person.page.get_by_role("slider", name="Border between before and after")
    expect(handle).to_have_attribute("aria-valuenow", "50")
    handle.press("ArrowRight")
    expect(handle).to_have_attribute("aria-valuenow", "52")
    expect(person.page.locator(".kx-before")).to_have_attribute("style", re.compile("clip-path"))
    person.page.keyboard.press("Escape")
    expect(person.page.locator("#kx-canvas")).to_have_attribute("data-mode", "view")

    person.page.locator("#kx-peek").hover()
    person.page.mouse.down()
    expect(person.page.locator(".kx-before")).to_be_visible()
    person.page.mouse.up()
    expect(person.page.locator(".kx-before")).to_be_hidden()


def test_a_refused_instruction_says_why_offers_what_works_and_gives_the_prompt_back(person):
    person.opens_photo()
    person.says("give her a bowler hat")

    card = person.page.locator(".kx-failure")
    expect(card).to_contain_text("“bowler”")
    expect(card).to_contain_text("Nothing was billed.")
    expect(person.prompt).to_have_value("")
    card.get_by_role("button", name="Edit and resend").click()
    expect(person.prompt).to_have_value("give her a bowler hat")
    expect(person.prompt).to_be_focused()
    card.locator(".kx-chips button").first.click()
    person.sees_versions(2)
    card.get_by_role("button", name="Dismiss").click()
    expect(card).to_have_count(0)
    person.page.reload()
    person.ready()
    expect(person.page.locator(".kx-failure")).to_have_count(0)


@pytest.mark.skipif(not reader.available(), reason="the networks are not installed")
def test_an_offer_with_a_gap_is_written_into_the_box_to_be_filled_in(person):
    buffer = io.BytesIO()
    Image.fromarray(sign()).save(buffer, "PNG")
    person.opens_photo(buffer.getvalue())
    person.says('replace "BANANA" with "KIWI"')

    person.page.locator(".kx-failure").get_by_role("button", name="replace “OPEN” with “…”").click()
    expect(person.prompt).to_have_value("replace “OPEN” with “…”")
    person.page.keyboard.type("SHUT")
    expect(person.prompt).to_have_value("replace “OPEN” with “SHUT”")
    person.sees_versions(1)


def test_a_turn_tells_how_it_was_understood(person):
    person.opens_photo()
    person.edits("make it brighter and rotate it 90 degrees", 2)

    details = person.turns.last.locator("details")
    details.locator("summary").click()

    expect(details.locator("dt").filter(has_text="Understood as")).to_be_visible()
    expect(details).to_contain_text("rotate · 90°")


def test_a_broken_upload_is_explained_and_opens_nothing(person):
    person.drop(photo()[:150], "broken.png")

    expect(person.page.locator(".kx-toast")).to_contain_text("missing")
    person.sees_versions(0)


def test_a_mask_bounds_the_edit(person):
    person.opens_photo(photo(200, 140))
    person.page.locator("#kx-mask").click()
    box = person.page.locator(".kx-world").bounding_box()
    person.page.mouse.move(box["x"] + 60, box["y"] + 60)
    person.page.mouse.down()
    person.page.mouse.move(box["x"] + 120, box["y"] + 80, steps=6)
    person.page.mouse.up()
    person.page.locator("#kx-mask-done").click()
    expect(person.page.locator(".kx-strip")).to_contain_text("mask")

    person.edits("make it much darker", 2)

    expect(person.page.locator(".kx-strip")).to_be_hidden()
    text = person.turns.last.inner_text()
    changed = float(re.search(r"([\d.]+)% changed", text)[1])
    assert 0 < changed < 60
    person.page.locator("#kx-changed").click()
    expect(person.page.locator(".kx-change-tools")).to_contain_text("of the picture changed")
    person.page.locator("#kx-mask").click()
    expect(person.page.locator(".kx-change-tools")).to_be_hidden()
    person.page.locator("#kx-last-mask").click()
    expect(person.page.locator(".kx-strip")).to_contain_text("mask")


def test_the_download_is_the_whole_picture(person):
    person.opens_photo(photo(120, 90))
    person.page.locator("#kx-download").click()

    with person.page.expect_download() as download:
        person.page.get_by_role("link", name="PNG, lossless").click()

    assert download.value.suggested_filename.endswith(".png")
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_the_format_of_the_last_download_is_the_first_choice_of_the_next(person):
    person.opens_photo()
    page = person.page
    page.locator("#kx-download").click()
    page.get_by_label("Include the edit recipe").uncheck()
    with page.expect_download():
        page.get_by_role("link", name="WebP").click()
    page.reload()
    person.ready()

    page.locator("#kx-download").click()

    expect(page.get_by_role("link", name="WebP")).to_be_focused()
    expect(page.get_by_label("Include the edit recipe")).not_to_be_checked()
    assert "recipe=0" in page.get_by_role("link", name="WebP").get_attribute("href")


def test_star_name_search_hide_and_bring_back(person):
    person.opens_photo()
    version = person.edits("make it brighter", 2)
    node = person.page.locator(f"[role=treeitem][data-version='{version}']")

    node.click(button="right")
    person.page.get_by_role("menuitem", name="Star", exact=True).click()
    expect(node).to_have_class(re.compile("kx-starred"))
    node.click(button="right")
    person.page.get_by_role("menuitem", name="Name…").click()
    person.page.get_by_label("Name of this version").fill("Sunny")
    person.page.get_by_label("Name of this version").press("Enter")
    expect(node).to_contain_text("Sunny")
    person.page.locator("#kx-tree-search").fill("sunny")
    expect(person.page.locator("[role=treeitem]")).to_have_count(1)
    expect(person.page.locator(".kx-tree-foot")).to_contain_text("1 of 1 hit in 2")
    person.page.locator("#kx-tree-search").fill("rainy")
    expect(person.page.locator(".kx-tree-foot")).to_contain_text("No version matches")
    person.page.locator("#kx-tree-search").fill("")
    expect(person.page.locator("[role=treeitem]")).to_have_count(2)
    expect(person.page.locator(".kx-tree-foot")).to_contain_text("2 versions")

    node.click(button="right")
    person.page.get_by_role("menuitem", name="Hide this branch").click()
    person.sees_versions(1)
    person.page.locator(".kx-toast button").click()
    person.sees_versions(2)

    node.click(button="right")
    person.page.get_by_role("menuitem", name="Hide this branch").click()
    person.sees_versions(1)
    person.page.reload()
    person.ready()
    person.page.locator("#kx-pruned").click()
    person.page.get_by_role("dialog", name="Hidden branches").get_by_role("button", name="Show again").click()
    person.sees_versions(2)


def test_projects_are_made_renamed_binned_and_restored(person):
    person.opens_photo()
    title = person.page.get_by_label("Project name")
    title.fill("Holiday")
    title.press("Enter")
    person.page.locator("#kx-projects-button").click()
    expect(person.page.locator(".kx-projects")).to_contain_text("Holiday")
    person.page.locator("#kx-new-project").click()
    expect(title).to_have_value("Untitled")
    person.sees_versions(0)

    person.page.locator("#kx-projects-button").click()
    person.page.get_by_role("button", name="Move Holiday to the bin").click()
    expect(person.page.locator(".kx-projects")).not_to_contain_text("Holiday")
    person.page.get_by_role("button", name="Show the bin").click()
    person.page.get_by_role("button", name="Restore").click()
    person.page.get_by_role("button", name="Back to the projects").click()
    person.page.locator(".kx-project", has_text="Holiday").click()
    person.sees_versions(1)
