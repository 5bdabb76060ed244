"""Looking for, comparing, marking and hiding versions, in the list and in the gallery."""

import re
import zipfile

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import photo
from tests.browser.test_everybody_can_use_it import serious

pytestmark = pytest.mark.browser
STEPS = ("make it brighter", "make it warmer", "add grain", "black and white")
WIDTHS = {"desktop": (1440, 900), "tablet": (820, 1180), "phone": (390, 844)}


def node(person, version):
    return person.page.locator(f"[role=treeitem][data-version='{version}']")


def cell(person, version):
    return person.page.locator(f".kx-gallery [data-version='{version}']")


def paints(person, version):
    expect(person.page.locator("#kx-canvas")).to_have_attribute("data-painted", version)


def key(person, name):
    """Press a key while nothing has the focus."""
    person.page.evaluate("document.activeElement.blur()")
    person.page.keyboard.press(name)


@pytest.fixture
def worked(person):
    """A photo, two edits one after the other, and a third that branches off the first."""
    person.ids = [person.opens_photo(photo(120, 80))]
    person.ids += [person.edits(STEPS[number], number + 2) for number in (0, 1)]
    node(person, person.ids[1]).click()
    paints(person, person.ids[1])
    person.ids.append(person.edits(STEPS[3], 4))
    return person


def open_gallery(person):
    person.page.locator("#kx-gallery").click()
    expect(person.page.get_by_role("dialog", name="Gallery")).to_be_visible()


def test_a_row_says_what_was_asked_for_and_its_number_beside_a_picture_large_enough_to_see(worked):
    row = node(worked, worked.ids[3])
    expect(row).to_contain_text("black and white")
    expect(row).to_contain_text("v4")
    picture = row.locator("img").bounding_box()
    assert picture["width"] >= 84
    assert node(worked, worked.ids[0]).inner_text().startswith("photo.png")


def test_a_branch_beside_the_line_is_one_row_that_opens_and_closes(worked):
    page = worked.page
    node(worked, worked.ids[2]).click()
    paints(worked, worked.ids[2])
    worked.edits("add grain", 5)
    node(worked, worked.ids[3]).click()
    paints(worked, worked.ids[3])
    worked.edits("make it much darker", 6)

    side = node(worked, worked.ids[2])
    expect(side).to_have_attribute("aria-expanded", "false")
    expect(side).to_contain_text("then add grain")
    expect(page.locator("[role=treeitem]")).to_have_count(5)
    side.get_by_role("button", name="Open the branch, 1 more").click()
    expect(page.locator("[role=treeitem]")).to_have_count(6)
    side.get_by_role("button", name="Close the branch").click()
    expect(page.locator("[role=treeitem]")).to_have_count(5)

    side.focus()
    page.keyboard.press("ArrowRight")
    expect(side).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowLeft")
    expect(side).to_have_attribute("aria-expanded", "false")


def test_a_long_straight_history_is_folded_and_opens_with_a_click(person):
    person.opens_photo(photo(60, 40))
    for number in range(9):
        person.edits(STEPS[number % 3], number + 2)

    fold = person.page.locator(".kx-fold-row")
    expect(fold).to_contain_text("6 steps: make it brighter, make it warmer")
    expect(person.page.locator("[role=treeitem][data-version]")).to_have_count(4)
    fold.click()
    expect(fold).to_have_count(0)
    expect(person.page.locator("[role=treeitem][data-version]")).to_have_count(10)


def test_the_menu_of_a_version_opens_by_button_right_click_and_key_and_the_picture_has_it_too(worked):
    page = worked.page
    menu = page.get_by_role("menu")
    row = node(worked, worked.ids[0])

    row.get_by_role("button", name="What to do with v1").click()
    expect(menu).to_contain_text("photo.png")
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(row).to_be_focused()

    row.click(button="right")
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")

    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menuitem", name="Continue from here")).to_be_focused()
    page.keyboard.press("Escape")

    page.locator("#kx-canvas kx-viewer").click(button="right")
    expect(menu).to_contain_text("black and white")
    page.get_by_role("menuitem", name="Star", exact=True).click()
    expect(node(worked, worked.ids[3])).to_contain_text("★")


def test_a_finger_that_rests_opens_the_menu_and_does_not_choose_the_version(make_person):
    person = make_person(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).visit()
    root = person.opens_photo()
    edited = person.edits("make it brighter", 2)
    person.page.get_by_role("button", name="History").click()
    touch(person.page, node(person, root), "pointerdown")

    expect(person.page.get_by_role("menu")).to_be_visible()
    touch(person.page, node(person, root), "pointerup")
    node(person, root).dispatch_event("click")
    expect(person.page.get_by_role("menu")).to_be_visible()
    assert person.sees_painted_head() == edited


def touch(page, at, kind):
    box = at.bounding_box()
    where = {"clientX": box["x"] + 60, "clientY": box["y"] + 20}
    at.dispatch_event(kind, {"pointerType": "touch", "isPrimary": True, "bubbles": True, "pointerId": 5, **where})


def test_a_search_lists_what_it_finds_and_enter_walks_through_it(worked):
    page = worked.page
    field = page.locator("#kx-tree-search")
    foot = page.locator(".kx-tree-foot")

    field.fill("MAKE it")
    expect(page.locator("[role=treeitem]")).to_have_count(2)
    expect(foot).to_contain_text("1 of 2 hits in 4")
    expect(node(worked, worked.ids[2])).to_have_attribute("tabindex", "0")
    field.press("Enter")
    expect(foot).to_contain_text("2 of 2 hits")
    expect(node(worked, worked.ids[1])).to_have_attribute("tabindex", "0")
    field.press("Shift+Enter")
    expect(foot).to_contain_text("1 of 2 hits")

    field.press("ArrowDown")
    expect(node(worked, worked.ids[2])).to_be_focused()
    page.keyboard.press("Enter")
    paints(worked, worked.ids[2])
    field.press("Escape")
    expect(field).to_have_value("")
    expect(page.locator("[role=treeitem]")).to_have_count(4)


def test_a_failed_edit_is_found(person):
    person.opens_photo()
    person.says("give her a bowler hat")
    expect(person.page.locator(".kx-failure")).to_be_visible()

    person.page.locator("#kx-tree-search").fill("bowler failed")

    expect(person.page.locator("[role=treeitem].kx-failed")).to_contain_text("give her a bowler hat")


def test_one_key_leads_back_to_the_current_version(person):
    person.opens_photo(photo(60, 40))
    for number in range(9):
        person.edits(STEPS[number % 3], number + 2)
    page = person.page
    page.locator(".kx-fold-row").click()
    page.locator(".kx-tree-scroll").evaluate("(element) => element.scrollTo(0, 0)")
    back = page.get_by_role("button", name="To the current version")
    expect(back).to_be_visible()

    key(person, ".")

    expect(page.locator("[role=treeitem][aria-selected=true]")).to_be_focused()
    expect(page.locator("[role=treeitem][aria-selected=true]")).to_be_in_viewport()
    expect(back).to_be_hidden()


def test_undo_and_redo_say_what_they_will_undo(worked):
    undo, redo = worked.page.locator("#kx-undo"), worked.page.locator("#kx-redo")
    expect(undo).to_have_attribute("aria-label", re.compile("Undo “black and white”"))
    undo.click()
    expect(undo).to_have_attribute("title", re.compile("Undo “make it brighter”"))
    expect(redo).to_have_attribute("aria-label", re.compile("Redo “black and white”"))


def test_taking_back_a_hidden_branch_restores_where_one_stood(worked):
    stood = worked.ids[3]
    node(worked, worked.ids[1]).click(button="right")
    worked.page.get_by_role("menuitem", name="Hide this branch").click()
    worked.sees_versions(1)
    paints(worked, worked.ids[0])
    expect(worked.page.get_by_role("button", name="Hidden (1)")).to_be_visible()

    worked.page.locator(".kx-toast").get_by_role("button", name="Undo").click()

    worked.sees_versions(4)
    expect(worked.page.locator("#kx-canvas")).to_have_attribute("data-painted", stood)
    expect(worked.page.locator("#kx-pruned")).to_be_hidden()


def test_the_history_is_as_wide_as_somebody_made_it_and_stays_so(worked):
    page = worked.page
    border = page.get_by_role("separator", name="Width of the history")
    width = lambda: page.locator("#kx-tree").bounding_box()["width"]  # noqa: E731
    before = width()
    border.press("ArrowLeft")
    assert width() == round(before) + 24

    box = border.bounding_box()
    page.mouse.move(box["x"] + 4, 400)
    page.mouse.down()
    page.mouse.move(box["x"] - 76, 400, steps=4)
    page.mouse.up()
    wide = width()
    assert wide > before + 60
    page.reload()
    worked.ready()
    assert width() == wide


@pytest.mark.parametrize("device", WIDTHS)
def test_the_gallery_shows_every_version_at_every_width(make_person, device):
    width, height = WIDTHS[device]
    person = make_person(viewport={"width": width, "height": height}, reduced_motion="reduce").visit()
    person.opens_photo()
    person.edits("make it brighter", 2)
    key(person, "g")

    for view in ("Branches", "Grid", "Timeline"):
        person.page.locator(".kx-gallery").get_by_role("button", name=view, exact=True).click()
        expect(person.page.locator(".kx-gallery [role=gridcell]")).to_have_count(2)
        boxes = [one.bounding_box() for one in person.page.locator(".kx-gallery [role=gridcell]").all()]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
        assert boxes[0]["y"] == boxes[1]["y"], "at least two beside each other"
        assert serious(person.page) == []


def test_a_version_is_chosen_in_the_gallery_by_click_and_by_key(worked):
    page = worked.page
    open_gallery(worked)
    expect(cell(worked, worked.ids[3])).to_be_focused()
    cell(worked, worked.ids[0]).click()
    expect(page.get_by_role("dialog", name="Gallery")).to_have_count(0)
    paints(worked, worked.ids[0])

    key(worked, "g")
    expect(cell(worked, worked.ids[0])).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    paints(worked, worked.ids[1])


def test_filters_search_and_sorting_in_the_gallery(worked):
    page = worked.page
    node(worked, worked.ids[1]).click(button="right")
    page.get_by_role("menuitem", name="Star", exact=True).click()
    expect(node(worked, worked.ids[1])).to_contain_text("★")
    worked.says("give her a bowler hat")
    expect(page.locator(".kx-failure")).to_be_visible()
    open_gallery(worked)
    cells = page.locator(".kx-gallery [role=gridcell]")
    expect(cells).to_have_count(5)

    page.get_by_role("button", name="★ Starred 1").click()
    expect(cells).to_have_count(1)
    page.get_by_role("button", name="Show all", exact=True).click()
    page.get_by_role("button", name="Failed 1").click()
    expect(cells).to_have_count(1)
    expect(cells).to_contain_text("give her a bowler hat")
    page.get_by_role("button", name="Show all", exact=True).click()

    field = page.locator("#kx-gallery-search")
    field.fill("warmer")
    expect(cells).to_have_count(1)
    field.fill("nothing of the kind")
    expect(page.get_by_text("No version matches.")).to_be_visible()
    field.fill("")
    page.locator(".kx-gallery").get_by_role("button", name="Grid").click()
    page.get_by_label("Sort by").select_option("oldest")
    expect(cells.first).to_have_attribute("data-version", worked.ids[0])
    page.get_by_label("Size of the pictures").fill("400")
    assert cells.first.bounding_box()["width"] > 300


def test_marked_versions_are_compared_saved_and_hidden_together(worked):
    page = worked.page
    open_gallery(worked)
    page.keyboard.press("Space")
    cell(worked, worked.ids[2]).click()
    bar = page.locator(".kx-gallery-marked")
    expect(bar).to_contain_text("2 marked")

    page.keyboard.press("c")
    compared = page.get_by_role("dialog", name="Compare")
    expect(compared.locator(".kx-labels")).to_contain_text("v3 · make it warmer")
    expect(compared.locator(".kx-labels")).to_contain_text("v4 · current · black and white")
    page.keyboard.press("Escape")
    expect(compared).to_have_count(0)

    bar.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="JPEG").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert [name.rsplit("-", 1)[1] for name in archive.namelist()] == ["v3.jpg", "v4.jpg"]

    bar.get_by_role("button", name="Hide").click()
    worked.sees_versions(2)
    page.locator(".kx-toast").get_by_role("button", name="Undo").click()
    worked.sees_versions(4)
    page.keyboard.press("Escape")
    expect(page.locator("#kx-canvas")).to_have_attribute("data-painted", worked.ids[3])


def test_two_versions_are_compared_in_four_ways_that_each_say_which_is_which(worked):
    page = worked.page
    node(worked, worked.ids[0]).click(button="right")
    page.get_by_role("menuitem", name="Compare with the current version").click()
    compared = page.get_by_role("dialog", name="Compare")
    labels = compared.locator(".kx-labels")
    assert serious(page) == []

    compared.get_by_role("button", name="Slider").click()
    expect(labels).to_have_text(re.compile("v1 · photo.*v4 · current"))
    expect(compared.get_by_role("slider")).to_be_visible()
    compared.get_by_role("button", name="Swap").click()
    expect(labels).to_have_text(re.compile("v4 · current.*v1 · photo"))
    compared.get_by_role("button", name="Swap").click()

    compared.get_by_role("button", name="Side by side").click()
    expect(labels).to_have_count(2)
    scales = compared.locator(".kx-world")
    page.keyboard.press("+")
    styles = {scales.nth(number).get_attribute("style") for number in (0, 1)}
    assert len(styles) == 1, "both are zoomed alike"

    compared.get_by_role("button", name="Blink").click()
    compared.get_by_role("button", name="Stop").click()
    other = compared.get_by_role("button", name="Show the other")
    first = labels.inner_text()
    other.click()
    expect(labels).not_to_have_text(first)
    other.click()
    expect(labels).to_have_text(first)

    compared.get_by_role("button", name="Difference").click()
    expect(labels).to_contain_text("What differs between v1")


def test_a_version_in_the_gallery_has_the_same_menu(worked):
    page = worked.page
    open_gallery(worked)
    cell(worked, worked.ids[0]).click(button="right")
    page.get_by_role("menuitem", name="Continue from here").click()

    expect(page.get_by_role("dialog", name="Gallery")).to_have_count(0)
    paints(worked, worked.ids[0])
