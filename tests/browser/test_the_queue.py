"""What runs and waits, on whichever project one looks at."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_everybody_can_use_it import serious

pytestmark = pytest.mark.browser


def test_what_runs_is_seen_stopped_and_reported_from_another_project(own_server, make_person):
    person = make_person(at=own_server).visit()
    page = person.page
    person.opens_photo(tier="pro")
    chip = page.locator("#kx-queue-button")
    expect(chip).to_be_hidden()
    person.says("make the door red")
    expect(chip).to_have_text("1 running1")
    person.says("then the window blue")
    expect(chip).to_have_attribute("aria-label", "Queue: 1 running, 1 waiting")
    page.locator(".kx-title").fill("Doors")
    page.keyboard.press("Enter")

    page.keyboard.press("Control+k")
    page.keyboard.type("new project")
    page.keyboard.press("Enter")
    person.sees_versions(0)
    expect(chip).to_have_attribute("aria-label", "Queue: 1 running, 1 waiting")
    chip.click()
    queue = page.get_by_role("dialog", name="Queue")
    rows = queue.locator("li")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("make the door red")
    expect(rows.first).to_contain_text("Doors")
    assert serious(page) == []
    rows.nth(1).get_by_role("button", name="Stop").click()
    expect(rows).to_have_count(1)
    page.keyboard.press("Escape")

    own_server.touch("gate")
    expect(chip).to_be_hidden()
    notice = page.locator(".kx-toast", has_text="“make the door red” in Doors has ended.")
    notice.get_by_role("button", name="Show").click()
    person.sees_versions(2)
    expect(page.locator("[data-state=cancelled]")).to_contain_text("then the window blue")
