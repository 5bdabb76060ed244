"""Bringing a key of one's own, running out of credit, passing a budget, being refused, changing one's mind."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def settings_of(person):
    person.page.locator("#kx-settings-button").click()
    return person.page.get_by_role("dialog", name="Settings")


def test_a_pasted_key_is_said_to_be_accepted_or_refused_and_its_credit_is_shown(make_hosted, make_person, bfl):
    person = make_person(make_hosted(BFL_API_KEY="")).visit()
    dialog = settings_of(person)
    bfl_row = dialog.locator(".kx-backend", has=person.page.get_by_label("Your key for Black Forest Labs"))
    field = bfl_row.get_by_label("Your key for Black Forest Labs")
    status = bfl_row.locator(".kx-key-check")
    expect(bfl_row).to_contain_text("BFL_API_KEY is not set.")

    field.fill("bfl_wrong-key-0123")
    bfl_row.get_by_role("button", name="Use").click()
    expect(status).to_contain_text("Black Forest Labs refused the key.")

    field.fill(bfl.key)
    bfl_row.get_by_role("button", name="Use").click()
    expect(status).to_contain_text("accepts the key; $1.24 of credit is left.")
    expect(field).to_have_value("")

    bfl_row.get_by_role("button", name="Forget my key").click()
    expect(bfl_row).to_contain_text("BFL_API_KEY is not set.")


def test_what_was_spent_is_shown_for_project_branch_and_day(make_hosted, make_person, bfl):
    bfl.pending = 0
    person = make_person(make_hosted()).visit()
    person.opens_photo(tier="pro")
    person.edits("make the door red", 2)
    person.page.locator("#kx-undo").click()
    person.edits("make the door blue", 3)

    dialog = settings_of(person)

    expect(dialog).to_contain_text("This project: $0.08 spent")
    expect(dialog).to_contain_text("Today, all projects: $0.08 spent")
    spending = dialog.locator(".kx-spending")
    expect(spending.locator("summary")).to_have_text("This branch: $0.04")
    spending.locator("summary").click()
    expect(spending.locator("dd")).to_have_text("$0.08")


def test_the_credit_behind_the_programs_own_key_is_shown_unless_that_is_switched_off(make_hosted, make_person):
    dialog = settings_of(make_person(make_hosted()).visit())
    expect(dialog.locator('.kx-key-check[data-backend="bfl"]')).to_contain_text("$1.24 of credit is left.")
