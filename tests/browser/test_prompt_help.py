"""Help with saying it: suggestions that fit, a builder, gentle hints, and masks by name."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from kontext_ui.basic.vision.networks import DETECTOR
from tests.browser.conftest import photo
from tests.browser.test_everybody_can_use_it import serious

pytestmark = pytest.mark.browser
needs_networks = pytest.mark.skipif(not DETECTOR.available, reason="the networks are not installed")
CAT = (Path(__file__).resolve().parents[2] / "assets" / "examples" / "cat.jpg").read_bytes()


def chips(person):
    return person.page.locator("#kx-ideas .kx-chip")


def hint(person):
    return person.page.locator("#kx-hint")


@needs_networks
def test_suggestions_fit_the_picture_and_one_click_fills_the_box(person):
    person.opens_photo(CAT)
    behind = chips(person).filter(has_text="Blur the background")
    behind.click()

    expect(person.prompt).to_have_value("Blur the background")
    expect(person.prompt).to_be_focused()
    person.prompt.press("Enter")
    person.sees_versions(2)

    person.picks("pro")
    expect(chips(person).filter(has_text="the cat").first).to_be_visible()
    expect(behind).to_have_count(0)


def test_suggestions_are_one_stop_for_the_keyboard(person):
    person.opens_photo()
    expect(chips(person).nth(1)).to_be_attached()
    chips(person).first.focus()
    person.page.keyboard.press("ArrowRight")
    expect(chips(person).nth(1)).to_be_focused()
    text = chips(person).nth(1).inner_text()
    person.page.keyboard.press("Enter")
    expect(person.prompt).to_have_value(text)
    assert person.page.locator("#kx-ideas [tabindex='0']").count() == 1


def test_a_picked_suggestion_can_be_undone_like_typing(person):
    person.opens_photo()
    person.prompt.fill("my own words")
    chips(person).first.click()
    expect(person.prompt).not_to_have_value("my own words")

    person.prompt.press("Control+z")

    expect(person.prompt).to_have_value("my own words")


def test_a_hint_is_applied_with_one_click(person):
    person.opens_photo(tier="pro")
    person.prompt.fill("transform into a viking")
    expect(hint(person)).to_contain_text("another person")

    hint(person).get_by_role("button", name="Keep the person").click()

    expect(person.prompt).to_have_value(
        re.compile("Change the person's clothes to those of a viking, while preserving")
    )
    expect(hint(person)).to_be_hidden()
    expect(person.prompt).to_be_focused()


def test_a_dismissed_hint_stays_away_and_nothing_is_held_up(person):
    person.opens_photo()
    person.prompt.fill("make it better")
    hint(person).get_by_role("button", name="Do not show this hint again").click()
    expect(hint(person)).to_be_hidden()
    expect(person.prompt).to_be_focused()

    person.says("enhance this photo and make it brighter")

    expect(person.page.locator(".kx-turn")).to_have_count(2)


def test_a_request_beyond_the_engine_here_is_offered_to_a_tier_that_can(person):
    person.opens_photo()
    person.prompt.fill("add a dragon")
    expect(hint(person)).to_contain_text("“dragon”")

    hint(person).get_by_role("button", name="Use Pro").click()

    expect(person.page.locator("#kx-tier")).to_have_value("pro/")
    expect(person.page.locator("#kx-receipt")).to_contain_text("Test provider")


def test_the_switch_to_keep_everything_else_shows_in_the_exact_prompt_and_is_remembered(person):
    person.opens_photo(tier="pro")
    person.prompt.fill("make the car red")
    hint(person).get_by_role("button", name="Ask to keep the rest").click()

    receipt = person.page.locator("#kx-receipt")
    expect(receipt).to_contain_text("Sent as: make the car red, while keeping everything else")
    person.page.reload()
    person.ready()
    expect(receipt).to_contain_text("while keeping everything else")
    person.page.get_by_role("button", name="Settings of this edit").click()
    person.page.get_by_role("switch", name="Ask the model to keep everything else").uncheck()
    expect(receipt).not_to_contain_text("while keeping")


@needs_networks
def test_the_builder_writes_the_sentence_from_what_is_seen(person):
    page = person.page
    person.opens_photo(CAT)
    page.locator("#kx-build").click()
    builder = page.get_by_role("group", name="Build an instruction")
    expect(builder.get_by_role("button", name="Insert")).to_be_disabled()
    builder.get_by_role("group", name="Seen in this picture").get_by_role("button", name="the cat").click()
    builder.get_by_role("button", name="teal").click()
    builder.get_by_role("group", name="What should stay").get_by_role("button", name="the lighting").click()
    sentence = "Change the colour of the cat to teal, while preserving the lighting"
    expect(builder.locator("output")).to_have_text(sentence)

    builder.get_by_role("button", name="Insert").click()

    expect(person.prompt).to_have_value(sentence)
    expect(builder).to_be_hidden()


def test_the_builder_works_by_keyboard_and_escape_leaves_it(person):
    page = person.page
    person.opens_photo()
    page.locator("#kx-build").focus()
    page.keyboard.press("Enter")
    builder = page.get_by_role("group", name="Build an instruction")
    expect(builder.get_by_label("Action")).to_be_focused()
    builder.get_by_label("Action").select_option("add")
    builder.get_by_label("What to add").fill("a <b>hat</b>")
    expect(builder.locator("output")).to_have_text("Add a <b>hat</b>")
    builder.get_by_label("What to add").press("Enter")
    expect(person.prompt).to_have_value("Add a <b>hat</b>")

    page.locator("#kx-build").click()
    page.keyboard.press("Escape")
    expect(builder).to_be_hidden()
    expect(page.locator("#kx-build")).to_be_focused()


PAINTED_SHARE = """() => {
    const canvas = document.querySelector('.kx-mask-canvas');
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return data.filter((value, index) => index % 4 === 3 && value > 127).length * 4 / data.length;
}"""


@needs_networks
def test_a_mask_by_name_is_painted_can_be_undone_and_bounds_the_edit(person):
    page = person.page
    person.opens_photo(CAT)
    page.locator("#kx-mask").click()
    page.locator("#kx-find-mask").click()
    things = page.get_by_role("group", name="Things to mask")
    found = page.locator("#kx-auto-mask [role=status]")
    things.get_by_role("button", name="Background").click()
    expect(found).to_contain_text("of the picture")
    background = page.evaluate(PAINTED_SHARE)
    things.get_by_role("button", name="Cat").click()
    expect(found).to_contain_text("found by name")
    cat = page.evaluate(PAINTED_SHARE)
    assert 0.05 < background < 0.6 < cat < 0.9
    page.get_by_role("button", name="Undo in the mask").click()
    assert page.evaluate(PAINTED_SHARE) == background
    page.get_by_role("button", name="Redo in the mask").click()

    page.locator("#kx-mask-done").click()
    expect(page.locator(".kx-strip")).to_contain_text("mask")
    person.edits("make it much darker", 2)

    changed = float(re.search(r"(\d+)% changed", person.turns.last.inner_text())[1])
    assert 50 < changed < 95


@needs_networks
def test_what_cannot_be_found_is_said_beside_the_tool(person):
    page = person.page
    person.opens_photo(CAT)
    page.locator("#kx-mask").click()
    page.locator("#kx-find-mask").click()
    page.get_by_label("Name what to mask").fill("giraffe")
    page.get_by_label("Name what to mask").press("Enter")

    expect(page.locator("#kx-auto-mask [role=status]")).to_contain_text("could not make out a giraffe")
    assert page.evaluate(PAINTED_SHARE) == 0


def test_nobody_can_look_at_somebody_elses_picture(make_visitor):
    ann, bob = make_visitor(), make_visitor()
    version = ann.upload()["result"]["version"]

    for action, fields in (("look", {}), ("find_mask", {"name": "sky"}), ("hints", {"draft": {"instruction": "x"}})):
        answer = bob.http.post(f"/kontext/do/{action}", json={"project": ann.project, "version": version, **fields})
        assert answer.status_code == 404
        assert "error" in answer.json()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_help(make_person, theme):
    person = make_person(color_scheme=theme).visit()
    page = person.page
    person.opens_photo(tier="pro")
    expect(chips(person).first).to_be_visible()
    person.prompt.fill("transform into a viking")
    expect(hint(person)).to_be_visible()
    page.locator("#kx-build").click()
    page.get_by_role("group", name="Colours").get_by_role("button", name="red").click()
    page.locator("#kx-mask").click()
    page.locator("#kx-find-mask").click()
    page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished))")

    assert serious(page) == []


def test_on_a_phone_the_help_fits(make_person):
    person = make_person(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).visit()
    page = person.page
    person.opens_photo(photo(300, 200), tier="pro")
    expect(chips(person).first).to_be_visible()
    chips(person).first.tap()
    expect(page.locator("#kx-ideas")).to_be_hidden()
    page.locator("#kx-build").tap()
    builder = page.get_by_role("group", name="Build an instruction")
    box = builder.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["y"] >= 48
    expect(builder.get_by_role("button", name="Insert")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
