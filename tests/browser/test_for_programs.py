"""What somebody who writes a program finds: a key with a budget, and the lines to copy."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect


def test_a_key_with_a_budget_says_what_is_left_and_leads_to_the_lines_to_copy(person):
    person.page.click("#kx-settings-button")
    person.page.get_by_label("Name of a new access key").fill("Night shift")
    person.page.get_by_label("What the key may spend").fill("2")
    person.page.get_by_role("button", name="Make a key").click()
    expect(person.page.locator(".kx-access-keys")).to_contain_text("$0.00 of $2.00 spent")
    key = person.page.get_by_label("The new access key").input_value()

    with person.page.expect_popup() as opened:
        person.page.get_by_role("link", name="How it does that").click()
    page = opened.value
    page.get_by_label("Your access key").fill(key)
    for name in ("python", "curl", "agent"):
        expect(page.locator(f"#kx-{name}")).to_contain_text(key)
        expect(page.locator(f"#kx-{name}")).to_contain_text(person.url.split("//")[1])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_for_programs_fits_a_phone(person, scheme):
    person.page.set_viewport_size({"width": 390, "height": 844})
    person.page.emulate_media(color_scheme=scheme)
    person.page.goto(f"{person.url}/api")
    expect(person.page.locator("html")).to_have_attribute("data-kx-ready", "yes")

    assert person.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert [each["id"] for each in Axe().run(person.page).response["violations"]] == []
