"""What is chosen on the page is what is sent, and what a tool is for is what it does."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import photo

PAINTED_SHARE = """() => {
    const canvas = document.querySelector('.kx-mask-canvas');
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return data.filter((value, index) => index % 4 === 3 && value > 127).length * 4 / data.length;
}"""


@pytest.fixture
def sent(customer):
    """The drafts that the page asked to be carried out, oldest first."""
    drafts = []

    def note(request):
        if request.url.endswith("/kontext/do/submit"):
            drafts.append(request.post_data_json["draft"])
        elif request.url.endswith("/kontext/do/submit_all"):
            drafts.extend(request.post_data_json["drafts"])

    customer.page.on("request", note)
    return drafts


@pytest.fixture
def customer(make_hosted, make_person):
    return make_person(make_hosted()).visit()


def paint(person, start=0.3, end=0.6):
    """One stroke across a part of the picture, given as shares of its size."""
    box = person.page.locator(".kx-world").bounding_box()
    at = [(box["x"] + box["width"] * share, box["y"] + box["height"] * share) for share in (start, end)]
    person.page.mouse.move(*at[0])
    person.page.mouse.down()
    person.page.mouse.move(*at[1], steps=8)
    person.page.mouse.up()


def test_a_lasso_goes_round_what_is_meant_and_the_selection_grows_and_shrinks(customer, sent):
    page = customer.page
    customer.opens_photo(photo(400, 300), tier="pro")
    page.locator("#kx-mask").click()
    page.get_by_role("button", name="Lasso").click()
    box = page.locator(".kx-world").bounding_box()
    corners = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y, steps=4)
    page.mouse.up()
    round_it = page.evaluate(PAINTED_SHARE)
    assert round_it == pytest.approx(0.25, abs=0.01)

    page.get_by_role("button", name="Grow").click()
    larger = page.evaluate(PAINTED_SHARE)
    assert larger > round_it + 0.004
    page.get_by_role("button", name="Shrink").click()
    page.get_by_role("button", name="Shrink").click()
    assert page.evaluate(PAINTED_SHARE) < round_it - 0.004
    page.get_by_role("button", name="Undo in the mask").click()
    page.get_by_role("button", name="Undo in the mask").click()
    assert page.evaluate(PAINTED_SHARE) == larger

    customer.says("make it red")
    customer.sees_versions(2)
    assert sent[0]["mask"]


def choose_everything(person):
    page = person.page
    page.locator("#kx-mask").click()
    page.get_by_label("Soft edge in pixels of the photo").fill("12")
    page.get_by_label("Soft edge in pixels of the photo").press("Tab")
    paint(person)
    page.locator("#kx-mask-done").click()
    page.get_by_label("repaint only the mask").check()
    page.get_by_role("button", name="Settings of this edit").click()
    page.get_by_label("Protect unchanged areas").select_option("Always")
    page.get_by_label("Keep faces").select_option("always")
    page.get_by_label("Seed").fill("42")
    page.get_by_label("Seed").press("Tab")


def test_what_is_chosen_is_sent_and_trying_again_sends_all_of_it_again(customer, sent, bfl):
    customer.opens_photo(photo(200, 140), tier="pro")
    choose_everything(customer)

    customer.edits("make the door red", 2)

    first = sent[0]
    assert first["lock"] == "always"
    assert first["keep_character"] is True
    assert first["feather_px"] == 12
    assert first["native_mask"] is True
    assert first["parameters"]["seed"] == 42
    assert first["mask"]

    customer.turns.last.get_by_role("button", name="Try again with a new seed").click()
    customer.sees_versions(3)
    customer.chooses("Try again with the same seed")
    customer.sees_versions(4)

    usual = {"backend", "model", "parent", "parameters", "after"}
    for again in sent[1:]:
        assert {name: again[name] for name in first if name not in usual} == {
            name: first[name] for name in first if name not in usual
        }
        assert again["backend"] == "bfl"
    assert sent[1]["parameters"]["seed"] is None
    assert sent[2]["parameters"]["seed"] is not None


def test_an_instruction_edited_and_sent_again_goes_where_it_went_before(customer, sent):
    customer.opens_photo(photo(200, 140))
    customer.edits("make it darker", 2)
    customer.page.select_option("#kx-tier", "pro/")

    customer.turns.last.get_by_role("button", name="Edit the instruction and send it again").click()

    expect(customer.prompt).to_have_value("make it darker")
    expect(customer.page.locator("#kx-tier")).to_have_value(re.compile("^local/"))
    expect(customer.page.locator(".kx-strip")).to_contain_text("editing v")
    customer.edits("make it brighter", 3)
    assert (sent[-1]["tier"], sent[-1]["parent"]) == (sent[0]["tier"], sent[1]["parent"])
    assert sent[-1]["backend"] == "builtin"


def test_a_mask_is_erased_and_inverted(person):
    page = person.page
    person.opens_photo(photo(200, 140))
    page.locator("#kx-mask").click()
    page.get_by_role("button", name="Invert").click()
    assert page.evaluate(PAINTED_SHARE) == 1

    page.get_by_role("button", name="Eraser").click()
    paint(person)
    left = page.evaluate(PAINTED_SHARE)
    assert 0.5 < left < 1

    page.get_by_role("button", name="Invert").click()
    assert abs(page.evaluate(PAINTED_SHARE) - (1 - left)) < 0.02
    page.get_by_role("button", name="Undo in the mask").click()
    assert page.evaluate(PAINTED_SHARE) == left


def test_a_large_photo_is_seen_in_its_own_pixels_when_zoomed_in(person):
    page = person.page
    person.opens_photo(photo(2600, 1800))
    picture = page.locator(".kx-world .kx-picture").first
    expect(picture).to_have_attribute("src", re.compile("/preview$"))
    scale = page.locator(".kx-zoom")
    fitted = scale.text_content()

    page.locator("kx-viewer").hover()
    page.mouse.wheel(0, -300)
    expect(scale).not_to_have_text(fitted)  # the page gets the wheel a moment later
    closer = scale.text_content()
    page.keyboard.press("-")
    expect(scale).not_to_have_text(closer)

    assert _percent(closer) > _percent(fitted)
    assert _percent(scale.text_content()) < _percent(closer)
    page.keyboard.press("1")
    expect(scale).to_have_text("100%")
    expect(picture).to_have_attribute("src", re.compile("/full$"))
    page.keyboard.press("0")
    expect(scale).to_have_text(fitted)


def _percent(text):
    return int(text.removesuffix("%"))


def test_a_version_of_the_tree_is_compared_with_and_gone_on_from(person):
    page = person.page
    root = person.opens_photo()
    person.edits("invert the colours", 2)
    person.edits("make it brighter", 3)
    thumbnail = page.locator(f"[role=treeitem][data-version='{root}'] img").get_attribute("src")

    page.locator(f"[role=treeitem][data-version='{root}']").click(button="right")
    page.get_by_role("menuitem", name="Compare with the current version").click()

    compared = page.get_by_role("dialog", name="Compare")
    expect(compared.locator(".kx-before")).to_have_attribute("src", thumbnail.replace("/thumb", "/preview"))
    expect(compared.locator(".kx-labels")).to_contain_text("v1 · photo.png")
    page.keyboard.press("Escape")
    page.locator(f"[role=treeitem][data-version='{root}']").click(button="right")
    page.get_by_role("menuitem", name="Continue from here").click()
    expect(page.locator("#kx-canvas")).to_have_attribute("data-painted", root)


def test_a_project_is_duplicated(person):
    page = person.page
    person.opens_photo()
    page.locator("#kx-projects-button").click()
    rows = page.locator(".kx-projects li")
    expect(page.locator(".kx-projects .kx-current")).to_be_visible()  # the list is asked for when the dialog opens
    before = rows.count()

    page.locator(".kx-projects .kx-current").get_by_role("button", name="Duplicate").click()

    expect(rows).to_have_count(before + 1)


def test_of_two_projects_with_one_name_the_chosen_one_is_renamed(person):
    page = person.page
    for _ in range(2):
        page.locator("#kx-projects-button").click()
        page.locator("#kx-new-project").click()
        expect(page.locator("dialog")).to_have_count(0)
    page.locator("#kx-projects-button").click()
    twins = page.locator(".kx-projects li:not(.kx-current)").filter(has_text="Untitled")
    chosen = twins.last.get_attribute("data-project")

    twins.last.get_by_role("button", name="Rename").click()
    page.get_by_label("New name").fill("The right one")
    page.get_by_label("New name").press("Enter")

    expect(page.locator(f".kx-projects li[data-project='{chosen}'] b")).to_have_text("The right one")


def test_a_model_within_a_tier_is_picked_with_its_price_and_remembered(customer, bfl):
    customer.opens_photo(photo(300, 200), tier="pro")
    picker, receipt = customer.page.locator("#kx-tier"), customer.page.locator("#kx-receipt")

    picker.select_option("max//flux3-image")
    customer.prompt.fill("make the door red")
    expect(receipt).to_contain_text("$0.048")
    expect(receipt).to_contain_text("it cannot be repeated")
    picker.select_option("pro//flux2-pro")
    expect(receipt).to_contain_text("$0.045")
    expect(receipt).to_contain_text("sent at 1200×800, returned at 300×200")
    customer.edits("make the door red", 2)

    assert bfl.submitted[0]["path"] == "/v1/flux-2-pro"
    expect(customer.turns.last).to_contain_text("FLUX.2 [pro] · Black Forest Labs")
    customer.page.reload()
    customer.ready()
    expect(picker).to_have_value("pro//flux2-pro")
    customer.chooses("Try again with the same seed")
    customer.sees_versions(3)
    assert bfl.submitted[1]["path"] == "/v1/flux-2-pro"
