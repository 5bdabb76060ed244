"""What somebody who writes a program finds: a key with a budget, and the lines to copy."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import photo


def test_a_key_with_a_budget_says_what_is_left_and_leads_to_the_lines_to_copy(person):
    person.page.click("#kx-settings-button")
    person.page.get_by_label("Name of a new access key").fill("Night shift")
    budget = person.page.get_by_label("What the key may spend")
    budget.fill("two")
    budget.press("Enter")
    expect(person.page.locator(".kx-toast")).to_contain_text("budget usd cannot be read")
    budget.fill("2")
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


def test_a_program_whose_server_is_killed_gets_its_edit_by_the_same_call_and_pays_once(own_server):
    with httpx.Client(base_url=own_server.url) as visitor:
        visitor.get("/")
        made = visitor.post("/kontext/do/make_access_key", json={"name": "script"})
    headers = {"x-kontext-key": made.json()["result"]["key"]}
    api = f"{own_server.url}/kontext/api/v1"
    project = httpx.post(f"{api}/open_picture", content=photo(), headers=headers).json()["project"]
    message = {"project": project, "instruction": "go", "tier": "pro", "max_price_usd": 0.05, "request_id": "only-once"}

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(httpx.post, f"{api}/edit", json=message, headers=headers, timeout=60)
        while not httpx.get(f"{api}/tree", params={"project": project}, headers=headers).json()["edits"]:
            assert not waiting.done()
        own_server.kill()
        assert isinstance(waiting.exception(60), httpx.TransportError)

    own_server.start()
    own_server.touch("gate")
    again = httpx.post(f"{api}/edit", json=message, headers=headers, timeout=60).json()
    assert (again["state"], again["billed"]) == ("done", "yes")
    assert own_server.submits == ["go"]
