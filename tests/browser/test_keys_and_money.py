"""Bringing a key of one's own, running out of credit, passing a budget, being refused, changing one's mind."""

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.servers import Server
from tests.browser.test_everybody_can_use_it import serious
from tests.fakes.bfl import FakeBfl
from tests.fakes.serving import serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shared(tmp_path_factory, process_environment):
    """One program with its provider for all tests here that need no settings of their own."""
    with serving(FakeBfl) as (fake, address):
        settings = {"BFL_API_KEY": fake.key, "KONTEXT_UI_BFL_BASE_URL": address}
        server = Server(tmp_path_factory.mktemp("shared"), process_environment, "app", **settings).start()
        yield server, fake
        server.stop()


@pytest.fixture
def provider(shared):
    """The provider as it is new: quick, and friendly."""
    fake = shared[1]
    fake.scenario, fake.pending = "success", 0
    fake.submitted.clear()
    return fake


@pytest.fixture
def customer(shared, provider, make_person):
    return make_person(shared[0]).visit()


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

    bfl_row.get_by_role("button", name="Remove key").click()
    expect(bfl_row).to_contain_text("BFL_API_KEY is not set.")


def test_sending_without_a_key_leads_to_where_it_is_pasted_and_enter_takes_it(make_hosted, make_person, bfl):
    bfl.pending = 0
    person = make_person(make_hosted(BFL_API_KEY="")).visit()
    person.opens_photo(tier="pro")
    person.says("make the door red")

    dialog = person.page.get_by_role("dialog", name="Settings")
    field = dialog.get_by_label("Your key for Black Forest Labs")
    expect(field).to_be_focused()
    expect(dialog.get_by_role("link", name="https://api.bfl.ai")).to_have_attribute("rel", "noopener")
    dialog.get_by_role("button", name="Close").click()
    receipt = person.page.locator("#kx-receipt")
    expect(receipt).to_contain_text("Pro needs a key from one of: Black Forest Labs, ")
    expect(person.prompt).to_have_value("make the door red")

    receipt.get_by_role("button", name="Paste a key").click()
    field.fill(bfl.key)
    field.press("Enter")
    expect(dialog).to_contain_text("accepts the key")
    dialog.get_by_role("button", name="Close").click()
    person.prompt.press("Enter")
    person.sees_versions(2)


def test_a_budget_that_is_refused_is_explained_over_the_settings_and_the_old_one_stays(customer):
    dialog = settings_of(customer)
    field = dialog.get_by_label("This project:")
    field.fill("2")
    with customer.page.expect_response("**/do/set_budget"):
        field.press("Tab")
    field.fill("-1")
    field.press("Tab")

    message = dialog.locator(".kx-toast")
    expect(message).to_contain_text("A budget is an amount in US dollars")
    expect(field).to_have_value("2")
    dialog.get_by_role("button", name="Close").click()
    expect(customer.page.locator("body > #kx-toasts")).to_contain_text("A budget is an amount")


def test_what_was_spent_is_shown_for_project_branch_and_day(customer):
    person = customer
    person.opens_photo(tier="pro")
    person.edits("make the door red", 2)
    person.page.locator("#kx-undo").click()
    expect(person.turns).to_have_count(1)
    person.edits("make the door blue", 3)

    dialog = settings_of(person)

    expect(dialog).to_contain_text("This project: $0.08 spent")
    expect(dialog).to_contain_text("Today, all projects: $0.08 spent")
    dialog.get_by_role("button", name="What was spent on what").click()
    spending = person.page.get_by_role("dialog", name="What was spent")
    expect(spending).to_contain_text("This branch$0.04")
    expect(spending.get_by_role("row", name="FLUX.1 Kontext [pro] 2 $0.08")).to_be_visible()
    assert serious(person.page) == []


def test_what_may_have_been_billed_is_not_called_paid_on_a_phone_too(shared, provider, make_person):
    person = make_person(shared[0], viewport={"width": 390, "height": 844}).visit()
    person.opens_photo(tier="pro")
    person.edits("make the door red", 2)
    person.says("make the door blue [[moderated]]")
    expect(person.page.locator(".kx-failure")).to_contain_text("may have been")

    money = person.page.get_by_role("button", name="What was spent: $0.04 paid, $0.04 not sure")
    expect(money).to_be_in_viewport()
    money.click()

    spending = person.page.get_by_role("dialog", name="What was spent")
    expect(spending).to_contain_text("All projects$0.04 paid, $0.04 not sure")
    expect(spending.get_by_role("row", name="FLUX.1 Kontext [pro] 2 $0.04 $0.04")).to_be_visible()


def test_the_credit_behind_the_programs_own_key_is_shown(customer):
    dialog = settings_of(customer)
    expect(dialog.locator('.kx-key-check[data-backend="bfl"]')).to_contain_text("$1.24 of credit is left.")


def test_a_pasted_key_is_enough_to_edit_and_is_the_one_that_is_used(make_hosted, make_person, bfl):
    bfl.key, bfl.pending = "bfl_of-a-visitor-0123", 0
    person = make_person(make_hosted(BFL_API_KEY="")).visit()
    person.opens_photo()
    dialog = settings_of(person)
    bfl_row = dialog.locator(".kx-backend", has=person.page.get_by_label("Your key for Black Forest Labs"))
    bfl_row.get_by_label("Your key for Black Forest Labs").fill(bfl.key)
    bfl_row.get_by_role("button", name="Use").click()
    expect(bfl_row).to_contain_text("accepts the key")
    dialog.get_by_role("button", name="Close").click()

    person.picks("pro")
    person.edits("make the door red", 2)

    expect(person.turns.last).to_contain_text("$0.04")
    assert [body["prompt"] for body in bfl.submitted] == ["make the door red"]


def test_a_moderated_edit_says_who_refused_why_and_gives_the_prompt_back(customer, provider):
    provider.scenario, person = "moderated", customer
    person.opens_photo(tier="pro")
    person.says("something forbidden")

    card = person.page.locator(".kx-failure")
    expect(card).to_contain_text("Black Forest Labs refused the picture it had made (Safety Filter).")
    expect(card).to_contain_text("A new try often passes.")
    expect(card).to_contain_text("It may have been billed.")
    card.get_by_role("button", name="Edit and resend").click()
    expect(person.prompt).to_have_value("something forbidden")
    expect(person.prompt).to_be_focused()

    provider.scenario = "success"
    person.edits("something allowed", 2)
    assert [body["prompt"] for body in provider.submitted] == ["something forbidden", "something allowed"]


def test_checking_for_a_result_shows_that_it_is_asked_and_what_came_of_it(customer, provider):
    provider.scenario, person = "moderated", customer
    person.opens_photo(tier="pro")
    person.says("something forbidden")
    card = person.page.locator(".kx-failure")
    expect(card).to_be_visible()

    provider.pending = 1_000
    card.get_by_role("button", name="Check for a result").click()
    expect(person.page.locator(".kx-running")).to_be_visible()
    expect(card).to_be_hidden()
    provider.pending = 0

    expect(card).to_contain_text("A new try often passes.")
    assert len(provider.submitted) == 1


def test_out_of_credit_is_said_and_nothing_is_lost(customer, provider):
    provider.scenario, person = "no_credit", customer
    person.opens_photo(tier="pro")
    person.says("make the door red")

    card = person.page.locator(".kx-failure")
    expect(card).to_contain_text("The account at Black Forest Labs has no credit left.")
    expect(card).to_contain_text("Nothing was billed.")

    provider.scenario = "success"
    card.get_by_role("button", name="Send again").click()
    person.sees_versions(2)


def test_several_models_are_asked_together_or_none_of_them_and_the_sum_is_known_before(customer, provider):
    person, page = customer, customer.page
    person.opens_photo(tier="pro")
    settings_of(person).get_by_label("This project").fill("0.10")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    person.prompt.fill("make the door red")
    page.locator("#kx-count").select_option("several")
    several = page.get_by_role("dialog", name="The same to several models")
    expect(several.get_by_role("checkbox", name="Pro $0.04")).to_be_checked()
    several.get_by_role("checkbox", name="Max $0.08").check()
    assert serious(page) == []
    several.get_by_role("button", name="Send 2 · $0.12").click()

    expect(several.get_by_role("alert")).to_contain_text("$0.120")
    assert provider.submitted == []
    several.get_by_role("checkbox", name="Max $0.08").uncheck()
    several.get_by_role("checkbox", name="FLUX.2 [pro]").check()
    several.get_by_role("button", name="Send 2 · $0.085").click()

    person.sees_versions(3)
    expect(person.prompt).to_have_value("")
    expect(page.locator("#kx-tray .kx-answer-choice")).to_have_count(2)
    expect(person.turns.last.locator(".kx-pager")).to_contain_text("of 2")
    assert len(provider.submitted) == 2


def test_a_budget_stops_before_it_is_passed_and_can_be_raised_in_place(make_hosted, make_person, bfl):
    bfl.pending = 0
    person = make_person(make_hosted(KONTEXT_UI_PROJECT_BUDGET_USD="0.05")).visit()
    person.opens_photo(tier="pro")
    person.edits("make the door red", 2)

    person.says("make the door blue")
    receipt = person.page.locator("#kx-receipt")
    expect(receipt).to_contain_text("$0.04 of $0.05 is spent in this project.")
    expect(person.prompt).to_have_value("make the door blue")
    assert len(bfl.submitted) == 1

    receipt.get_by_role("button", name="Raise the budget").click()
    dialog = person.page.get_by_role("dialog", name="Settings")
    field = dialog.get_by_label("This project:")
    field.fill("1")
    field.press("Tab")
    dialog.get_by_role("button", name="Close").click()
    person.prompt.press("Enter")
    person.sees_versions(3)


def test_a_stopped_edit_is_kept_when_it_arrives_and_the_bill_is_not_denied(customer, provider):
    provider.scenario, person = "stall", customer
    person.opens_photo(tier="pro")
    person.says("make the door red")
    expect(person.page.locator(".kx-running")).to_contain_text("Drawing")

    person.page.locator(".kx-running").get_by_role("button", name="Stop").click()

    card = person.page.locator(".kx-failure")
    expect(card).to_contain_text("Black Forest Labs may still finish and bill it.")
    provider.finish()
    person.sees_versions(2)
    expect(person.turns).to_have_count(1)
    assert len(provider.submitted) == 1


def test_an_access_key_is_made_shown_once_and_revoked(person, server):
    person.page.click("#kx-settings-button")
    person.page.get_by_label("Name of a new access key").fill("My script")
    person.page.get_by_role("button", name="Make a key").click()
    shown = person.page.get_by_label("The new access key")
    expect(shown).to_be_visible()
    headers = {"x-kontext-key": shown.input_value()}
    assert httpx.post(f"{server.url}/kontext/do/list_projects", json={}, headers=headers).status_code == 200

    person.page.keyboard.press("Escape")
    person.page.click("#kx-settings-button")
    expect(person.page.locator(".kx-access-keys")).to_contain_text("My script")
    expect(person.page.get_by_label("The new access key")).to_have_count(0)

    person.page.get_by_role("button", name="Revoke My script").click()
    expect(person.page.locator(".kx-access-keys")).not_to_contain_text("My script")
    assert httpx.post(f"{server.url}/kontext/do/list_projects", json={}, headers=headers).status_code == 401
