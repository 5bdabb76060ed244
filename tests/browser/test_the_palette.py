"""Everything by its name, by keyboard alone."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_everybody_can_use_it import serious

pytestmark = pytest.mark.browser


def test_commands_versions_and_projects_are_found_by_name(person):
    page = person.page
    first = person.opens_photo()
    person.edits("make it brighter", 2)
    page.locator(".kx-title").fill("Harbour at dusk")
    page.keyboard.press("Enter")
    person.prompt.fill("half a thought")
    field = page.get_by_role("combobox", name="Find a command")

    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    assert serious(page) == []
    page.keyboard.type("photo v1")
    marked = page.locator("[role=option][aria-selected=true]")
    expect(marked).to_contain_text("photo.png")
    assert field.get_attribute("aria-activedescendant") == marked.get_attribute("id")
    page.keyboard.press("Enter")
    expect(page.locator("#kx-canvas")).to_have_attribute("data-painted", first)
    expect(person.prompt).to_have_value("half a thought")

    page.keyboard.press("Control+k")
    page.keyboard.type("new project")
    expect(page.get_by_text("Nothing is called that.")).to_be_hidden()
    page.keyboard.press("Enter")
    person.sees_versions(0)

    page.keyboard.press("Control+k")
    page.keyboard.type("dusk")
    page.keyboard.press("Enter")
    person.sees_versions(2)

    page.keyboard.press("Control+k")
    page.keyboard.type("light or")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_arrows_walk_through_what_is_found_and_escape_leaves_it(person):
    person.opens_photo()
    page = person.page
    page.locator("#kx-palette-button").click()
    options = page.locator("[role=option]")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    expect(options.last).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
