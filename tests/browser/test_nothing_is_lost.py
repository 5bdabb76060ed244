"""Reloads, second tabs, restarts and kills, also in the middle of a paid edit."""

import random

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor, photo

pytestmark = pytest.mark.browser


def test_a_half_typed_prompt_survives_a_reload(person):
    person.opens_photo()
    person.prompt.fill("make the door")

    person.page.reload()
    person.ready()

    expect(person.prompt).to_have_value("make the door")


def test_typing_on_while_an_edit_runs_is_never_wiped(person):
    person.opens_photo()
    person.says("make it brighter")
    person.prompt.press_sequentially("and then the next one")

    person.sees_versions(2)
    person.sees_painted_head()
    expect(person.prompt).to_have_value("and then the next one")


def test_a_reload_in_the_middle_of_an_edit_loses_nothing(own_server, make_person):
    person = make_person(own_server).visit()
    person.opens_photo(tier="pro")
    person.says("invert it")
    expect(person.page.locator(".kx-running")).to_contain_text("Drawing")
    expect(person.page.locator("#kx-stop")).to_be_visible()

    person.page.reload()
    person.ready()
    expect(person.page.locator(".kx-running")).to_contain_text("Drawing")
    own_server.touch("gate")

    person.sees_versions(2)
    expect(person.turns.last).to_contain_text("Inverted it, slowly.")
    expect(person.turns.last).to_contain_text("$0.04")
    assert own_server.submits == ["invert it"]


def test_a_killed_server_picks_the_paid_edit_up_again_and_sends_nothing_twice(own_server, make_person):
    person = make_person(own_server).visit()
    person.opens_photo(tier="pro")
    person.says("invert it")
    expect(person.page.locator(".kx-running")).to_contain_text("Drawing")

    own_server.kill()
    expect(person.page.locator(".kx-offline")).to_be_visible()
    own_server.touch("gate")
    own_server.start()

    expect(person.page.locator(".kx-offline")).to_be_hidden(timeout=20_000)
    person.sees_versions(2)
    person.sees_painted_head()
    assert own_server.submits == ["invert it"]


def test_a_restart_keeps_versions_head_and_redo(own_server, make_person):
    person = make_person(own_server).visit()
    person.opens_photo()
    first = person.edits("make it brighter", 2)
    second = person.edits("make it warmer", 3)
    person.page.locator("#kx-undo").click()
    expect(person.page.locator("#kx-canvas")).to_have_attribute("data-painted", first)

    own_server.stop()
    own_server.start()
    person.visit()

    person.sees_versions(3)
    assert person.sees_painted_head() == first
    person.page.locator("#kx-redo").click()
    expect(person.page.locator("#kx-canvas")).to_have_attribute("data-painted", second)


def test_stopping_a_paid_edit_tells_the_truth_about_the_bill(own_server, make_person):
    person = make_person(own_server).visit()
    person.opens_photo(tier="pro")
    person.says("invert it")
    expect(person.page.locator(".kx-running")).to_contain_text("Drawing")

    person.page.locator("#kx-stop").click()

    card = person.page.locator(".kx-failure")
    expect(card).to_contain_text("may still finish and bill it")
    own_server.touch("gate")
    person.sees_versions(2)
    expect(person.turns).to_have_count(1)


def test_a_refusal_by_the_provider_is_a_card_whose_words_are_only_words(own_server, make_person):
    person = make_person(own_server).visit()
    person.opens_photo(tier="pro")
    own_server.touch("refuse")
    person.says("something forbidden")

    card = person.page.locator(".kx-failure")
    expect(card).to_contain_text("The provider refused this <b>picture</b> ${1+1}.")
    expect(card).to_contain_text("A new try often passes.")
    expect(card.get_by_role("button", name="Send again")).to_be_visible()


def test_several_edits_run_at_once_and_become_branches(own_server, make_person):
    person = make_person(own_server).visit()
    person.opens_photo(tier="pro")
    person.says("edit 0")
    person.page.get_by_role("button", name="Send it as a branch").click()
    for number in (1, 2):
        person.says(f"edit {number}")
    expect(person.page.locator(".kx-running")).to_have_count(3)
    expect(person.page.locator(".kx-ghost")).to_have_count(3)

    own_server.touch("gate")

    person.sees_versions(4)
    expect(person.page.locator(".kx-ghost")).to_have_count(0)


def test_two_tabs_on_one_project_stay_in_step(make_person):
    person = make_person().visit()
    person.opens_photo()
    other = type(person)(person.page.context.new_page(), person.url).visit()
    other.sees_versions(1)

    version = person.edits("make it brighter", 2)
    other.sees_versions(2)
    expect(other.page.locator("#kx-canvas")).to_have_attribute("data-painted", version)

    other.page.locator("#kx-undo").click()
    expect(person.turns).to_have_count(1)


@pytest.mark.slow
def test_fifty_edits_and_kills_at_random_moments_lose_no_acknowledged_version(own_server):
    chance = random.Random(11)
    visitor = Visitor(own_server.url)
    visitor.upload(photo(64, 48))
    known = {row["id"] for row in visitor.state()["versions"]}
    killings = sorted(chance.sample(range(2, 50), 6))

    for number in range(50):
        how = chance.choice(["brighter", "darker", "warmer", "cooler"])
        answer = visitor.do("submit", draft={"instruction": f"make it a bit {how}", "tier": "local"}).json()
        assert "error" not in answer
        if number in killings:
            own_server.kill()
            visitor.http.close()
            own_server.start()
            visitor = reborn(own_server, visitor)
        state = settled(visitor)
        assert known <= {row["id"] for row in state["versions"]}
        known = {row["id"] for row in state["versions"]}

    state = settled(visitor)
    assert len(state["versions"]) == 51
    for row in state["versions"]:
        for kind in ("full", "preview", "thumb"):
            visitor.http.get(f"/kontext/images/{visitor.project}/{row['digest']}/{kind}").raise_for_status()
    assert state.get("jobs", []) == []


def reborn(server, before):
    """The same visitor after a restart."""
    visitor = Visitor.__new__(Visitor)
    visitor.http = type(before.http)(base_url=server.url, timeout=20, cookies=before.http.cookies)
    visitor.project = before.project
    return visitor


def settled(visitor):
    """The project once nothing is running; asks as often as the server answers."""
    for _ in range(2000):
        state = visitor.http.get(f"/kontext/state?project={visitor.project}").json()
        if not any(job["state"] in ("queued", "submitted", "running") for job in state.get("jobs", [])):
            return state
    raise AssertionError(f"still running: {state['jobs']}")


def test_an_edit_whose_answer_is_lost_is_neither_told_as_unsent_nor_paid_twice(own_server, make_person):
    person = make_person(own_server).visit()
    person.opens_photo(tier="pro")

    def lose_the_answer(route):
        route.fetch()
        route.abort()

    person.page.route("**/do/submit_all", lose_the_answer)
    person.says("invert it")
    own_server.touch("gate")

    person.sees_versions(2)
    expect(person.prompt).to_have_value("")
    assert own_server.submits == ["invert it"]


def test_sending_again_what_may_have_arrived_pays_once(own_server, make_person):
    person = make_person(own_server).visit()
    person.opens_photo(tier="pro")
    own_server.touch("gate")

    def lose_the_answer(route):
        route.fetch()
        route.abort()

    person.page.route("**/do/submit_all", lose_the_answer)
    person.page.route("**/do/sent", lambda route: route.abort())
    person.says("invert it")
    expect(person.page.locator(".kx-composer")).to_contain_text("It may have arrived")
    expect(person.prompt).to_have_value("invert it")
    person.sees_versions(2)

    person.page.unroute_all()
    person.prompt.press("Enter")
    expect(person.prompt).to_have_value("")
    with person.page.expect_response("**/do/submit_all"):
        person.says("invert it")  # on purpose this time

    person.sees_versions(3)
    assert own_server.submits == ["invert it"] * 2
