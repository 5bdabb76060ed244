"""Strangers on one server: coming to another browser, what is used of the limits, and not being let in."""

import pytest
from playwright.sync_api import expect

from tests.browser.servers import Server

pytestmark = pytest.mark.browser
LIMITS = {
    "KONTEXT_UI_LIMIT_USD_PER_DAY": "server 5, address 1, visitor 0.5",
    "KONTEXT_UI_LIMIT_EDITS_PER_HOUR": "visitor 60",
    "KONTEXT_UI_LIMIT_VISITORS_PER_HOUR": "address 2",
}


@pytest.fixture
def limited(tmp_path, process_environment):
    server = Server(tmp_path / "limited", process_environment, "app", **LIMITS).start()
    yield server
    server.stop()


def settings_of(person):
    person.page.locator("#kx-settings-button").click()
    return person.page.get_by_role("dialog", name="Settings")


def test_a_link_carries_the_projects_to_another_browser_and_this_ones_along(limited, make_person):
    ann, other = make_person(limited).visit(), make_person(limited).visit()
    ann.opens_photo()
    other.opens_photo()
    own = other.page.url.split("#")[1]
    dialog = settings_of(ann)
    dialog.get_by_role("button", name="Make a link").click()
    link = dialog.get_by_label("Open this on the other device").input_value()
    assert link.startswith(f"{limited.url}/#move=")

    with other.page.expect_navigation():
        other.page.goto(link)
        other.page.reload()
    asked = other.page.get_by_role("dialog", name="Follow this link?")
    expect(asked).to_contain_text("This browser has 1 project of its own.")
    assert "move=" not in other.page.url
    with other.page.expect_navigation():
        asked.get_by_role("button", name="Go on and bring it along").click()
    other.ready()

    expect(asked).to_have_count(0)
    other.page.locator("#kx-projects-button").click()
    expect(other.page.get_by_role("dialog", name="Projects").get_by_role("listitem")).to_have_count(2)
    other.visit(f"/#{own}")
    other.sees_versions(1)


def test_the_settings_say_what_is_used_of_the_limits(limited, make_person):
    ann = make_person(limited).visit()
    ann.opens_photo()
    ann.edits("make it warmer", versions=2)

    dialog = settings_of(ann)

    expect(dialog).to_contain_text("Limits of this server")
    expect(dialog).to_contain_text("you $0.00 of $0.50 · your address $0.00 of $1.00 · everybody $0.00 of $5.00")
    expect(dialog).to_contain_text("you 1 of 60")


def test_who_is_not_let_in_reads_why(limited, make_person):
    for _ in range(2):
        make_person(limited).visit()

    refused = make_person(limited)
    refused.page.goto(limited.url)

    notice = refused.page.get_by_role("alert").filter(has_text="new visitors came from your address")
    expect(notice).to_contain_text("2 new visitors came from your address within an hour, and no more than 2 may.")
    expect(notice).to_contain_text("There is room again at")
