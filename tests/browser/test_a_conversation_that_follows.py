"""A result that was asked for is shown, several answers stand side by side, and nothing said disappears."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import photo

pytestmark = pytest.mark.browser


@pytest.fixture
def waiting(own_server, make_person):
    """Somebody with a picture and one answer of the provider, which then waits again."""
    person = make_person(own_server).visit()
    person.opens_photo(tier="pro")
    own_server.touch("gate")
    person.edits("invert it", 2)
    own_server.gate.unlink()
    return person


def asks_again(person):
    person.turns.last.get_by_role("button", name="Try again with a new seed").click()
    expect(person.page.locator(".kx-running")).to_be_visible()


def test_trying_again_shows_the_new_answer_and_keeps_the_old_one_at_hand(waiting, own_server):
    first = waiting.head
    asks_again(waiting)
    tray = waiting.page.locator("#kx-tray")
    expect(tray.locator(".kx-answer-coming")).to_have_count(1)

    own_server.touch("gate")

    waiting.sees_versions(3)
    expect(waiting.page.locator("#kx-canvas")).not_to_have_attribute("data-painted", first)
    assert waiting.sees_painted_head() != first
    expect(waiting.page.locator("#kx-voice")).to_have_text("Done. Inverted it, slowly.")
    expect(tray.locator(".kx-answer-choice")).to_have_count(2)
    expect(tray.get_by_role("button", name="Answer B")).to_have_attribute("aria-pressed", "true")

    tray.get_by_role("button", name="Answer A").click()
    expect(waiting.page.locator("#kx-canvas")).to_have_attribute("data-painted", first)


def test_an_answer_that_comes_elsewhere_says_so_and_is_one_click_away(waiting, own_server):
    asks_again(waiting)
    waiting.page.locator("#kx-undo").click()
    expect(waiting.turns).to_have_count(1)
    waiting.page.get_by_role("button", name="Send it as a branch").click()
    waiting.says("and another")
    expect(waiting.page.locator(".kx-running")).to_have_count(2)

    own_server.touch("gate")

    waiting.sees_versions(4)
    expect(waiting.page.locator("#kx-toasts")).to_contain_text("is done.")
    waiting.page.locator("#kx-toasts").get_by_role("button", name="Show").click()
    expect(waiting.page.locator("#kx-tray .kx-answer-choice")).to_have_count(3)


def test_the_pager_of_a_turn_leads_to_the_other_answer_and_what_followed_it(waiting, own_server):
    own_server.touch("gate")
    followed = waiting.edits("and then this", 3)
    waiting.page.locator("#kx-undo").click()
    waiting.page.locator("#kx-undo").click()
    expect(waiting.page.locator("[data-undone-turn]")).to_have_count(2)
    waiting.edits("something else", 4)
    pager = waiting.turns.last.get_by_role("group", name="Answers to this message")
    expect(pager).to_contain_text("2 of 2")

    pager.get_by_role("button", name="Previous answer").click()

    expect(waiting.page.locator("#kx-canvas")).to_have_attribute("data-painted", followed)
    expect(waiting.turns).to_have_count(3)


def test_what_was_undone_stays_in_the_conversation_until_something_else_is_said(waiting, own_server):
    own_server.touch("gate")
    last = waiting.edits("and then this", 3)
    for _ in range(2):
        waiting.page.locator("#kx-undo").click()
    expect(waiting.turns).to_have_count(1)
    undone = waiting.page.locator("[data-undone-turn]")
    expect(undone).to_have_count(2)
    expect(undone.first).to_contain_text("invert it")

    undone.last.get_by_role("button", name="Redo up to here").click()

    expect(waiting.page.locator("#kx-canvas")).to_have_attribute("data-painted", last)
    expect(undone).to_have_count(0)


def test_stopping_gives_the_words_back_and_is_no_failure(waiting):
    waiting.says("make it purple")
    expect(waiting.page.locator(".kx-running")).to_be_visible()

    waiting.prompt.press("Escape")

    expect(waiting.prompt).to_have_value("make it purple")
    card = waiting.page.locator(".kx-stopped")
    expect(card).to_contain_text("may still finish and bill it")
    expect(card.locator(".kx-icon").first).not_to_have_css("color", "rgb(255, 0, 0)")
    expect(card.get_by_text("warning")).to_have_count(0)


def test_undo_works_from_the_empty_prompt_and_is_the_texts_own_while_there_is_one(person):
    person.opens_photo()
    person.edits("make it brighter", 2)
    person.prompt.focus()

    person.prompt.press("Control+z")
    expect(person.turns).to_have_count(1)

    person.prompt.press("Control+y")
    expect(person.turns).to_have_count(2)
    person.prompt.press_sequentially("warm")
    person.prompt.press("Control+z")
    expect(person.turns).to_have_count(2)


def test_the_newest_answer_is_in_view_after_a_reload_and_when_the_composer_grows(person):
    person.opens_photo()
    for number in range(3):
        person.edits(f"make it {10 + number}% brighter", number + 2)
    person.page.reload()
    person.ready()
    expect(person.turns.last.locator(".kx-actions")).to_be_in_viewport()

    person.prompt.fill("\n".join("many lines" for _ in range(8)))

    expect(person.turns.last.locator(".kx-actions")).to_be_in_viewport()


def test_messages_sent_while_an_edit_runs_follow_it_one_after_the_other(waiting, own_server):
    for number in range(3):
        waiting.says(f"step {number}")
    line = waiting.page.locator(".kx-running")
    expect(line).to_have_count(3)
    expect(line.last).to_contain_text("Next, when the edit before it is done")
    waiting.page.reload()
    waiting.ready()
    expect(line).to_have_count(3)

    own_server.touch("gate")

    waiting.sees_versions(5)
    expect(waiting.turns).to_have_count(5)
    expect(waiting.turns.last).to_contain_text("step 2")
    assert own_server.submits == ["invert it", "step 0", "step 1", "step 2"]


def test_a_killed_server_goes_on_with_what_waited(waiting, own_server):
    for number in range(2):
        waiting.says(f"step {number}")
    expect(waiting.page.locator(".kx-running")).to_have_count(2)

    own_server.kill()
    own_server.touch("gate")
    own_server.start()

    waiting.sees_versions(4)
    expect(waiting.turns.last).to_contain_text("step 1")
    assert own_server.submits == ["invert it", "step 0", "step 1"]


def test_when_the_edit_before_is_stopped_what_waited_says_so_and_can_be_sent(waiting):
    waiting.says("step 0")
    waiting.says("step 1")
    expect(waiting.page.locator(".kx-running")).to_have_count(2)

    waiting.page.locator("#kx-stop").click()

    card = waiting.page.locator(".kx-failure", has_text="was not sent")
    expect(card).to_contain_text("Nothing was billed.")
    expect(card.get_by_role("button", name="Send again")).to_be_visible()


def test_two_answers_are_asked_for_at_once_at_the_price_that_stands_on_send(waiting, own_server):
    send = waiting.page.locator("#kx-send")
    waiting.page.get_by_label("How many answers").select_option("2")
    expect(send).to_have_text("$0.08")
    expect(send).to_have_attribute("aria-label", "Send for 2 answers, $0.08 (Enter)")

    waiting.says("make it purple")

    expect(waiting.page.locator(".kx-running")).to_have_count(2)
    own_server.touch("gate")
    waiting.sees_versions(4)
    expect(waiting.page.locator("#kx-tray .kx-answer-choice")).to_have_count(2)
    expect(waiting.turns.last.get_by_role("group", name="Answers to this message")).to_contain_text("of 2")


def test_what_was_said_comes_back_with_the_arrow_key(person):
    person.opens_photo()
    person.edits("make it brighter", 2)
    person.edits("make it warmer", 3)
    person.prompt.press("ArrowUp")
    expect(person.prompt).to_have_value("make it warmer")

    person.prompt.press("ArrowUp")

    expect(person.prompt).to_have_value("make it brighter")


def test_the_first_stop_of_the_keyboard_leads_to_the_prompt(person):
    person.opens_photo()
    person.page.evaluate("document.activeElement.blur()")
    person.page.keyboard.press("Tab")
    expect(person.page.get_by_role("button", name="Skip to the instruction")).to_be_focused()

    person.page.keyboard.press("Enter")

    expect(person.prompt).to_be_focused()


def test_several_dropped_files_all_open(person):
    person.page.evaluate(
        """(photos) => {
            const transfer = new DataTransfer();
            photos.forEach((bytes, at) =>
                transfer.items.add(new File([new Uint8Array(bytes)], `photo ${at}.png`, {type: 'image/png'})));
            document.querySelector('#kx-canvas').dispatchEvent(
                new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));
        }""",
        [list(photo(seed=seed)) for seed in range(3)],
    )

    person.page.get_by_role("button", name="Open all in this project").click()

    person.sees_versions(3)
    expect(person.page.get_by_label("Project name")).to_have_value("photo 0")


def test_a_mask_that_was_painted_is_used_without_being_confirmed(waiting, own_server):
    page = waiting.page
    page.locator("#kx-mask").click()
    box = page.locator("kx-viewer").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 20, y)
    page.mouse.down()
    page.mouse.move(x + 20, y, steps=5)
    page.mouse.up()
    expect(page.locator("#kx-composer .kx-strip")).to_contain_text("of the picture")

    own_server.touch("gate")
    waiting.edits("make it green", 3)

    state = page.evaluate("fetch('kontext/state').then((answer) => answer.json())")
    assert [bool(row["request"] and row["request"].get("mask")) for row in state["versions"]] == [False, False, True]


def test_a_mask_stays_with_the_version_that_it_was_drawn_on(waiting):
    page = waiting.page
    page.locator("#kx-mask").click()
    box = page.locator("kx-viewer").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator("#kx-mask-done").click()
    expect(page.locator(".kx-marked")).to_be_visible()

    page.locator("#kx-undo").click()
    expect(page.locator(".kx-marked")).to_be_hidden()
    expect(page.get_by_role("button", name="Remove the mask")).to_have_count(0)

    page.locator("#kx-redo").click()
    expect(page.locator(".kx-marked")).to_be_visible()
    expect(page.get_by_role("button", name="Remove the mask").first).to_be_visible()


def test_a_refusal_stays_until_something_changes_it(make_hosted, make_person):
    person = make_person(make_hosted(KONTEXT_UI_PROJECT_BUDGET_USD="0.01")).visit()
    person.opens_photo(tier="pro")
    person.prompt.fill("make it red")
    receipt = person.page.locator("#kx-receipt")
    expect(receipt).to_contain_text("Raise the budget")
    person.prompt.press("Enter")
    person.page.wait_for_timeout(1000)  # longer than the pause before the next look
    expect(receipt).to_contain_text("Raise the budget")
    expect(person.prompt).to_have_value("make it red")


def test_what_is_no_edit_is_done_and_never_sent_unless_that_was_meant(waiting, own_server):
    waiting.says("undo that, please")
    expect(waiting.turns).to_have_count(1)
    toast = waiting.page.locator("#kx-toasts")
    expect(toast).to_contain_text("was taken as: Undo.")
    assert own_server.submits == ["invert it"]
    own_server.touch("gate")

    toast.get_by_role("button", name="Send it as an instruction").click()

    waiting.sees_versions(3)
    assert own_server.submits == ["invert it", "undo that, please"]


def test_thanks_cost_nothing(waiting, own_server):
    waiting.says("thank you!")

    expect(waiting.page.locator("#kx-toasts")).to_contain_text("You are welcome.")
    expect(waiting.prompt).to_have_value("")
    assert own_server.submits == ["invert it"]


def test_the_title_of_a_hidden_tab_tells_of_an_arrival_until_it_is_looked_at(waiting, own_server):
    page = waiting.page
    hidden = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s})"
    waiting.says("make it purple")
    expect(page.locator(".kx-running")).to_be_visible()
    page.evaluate(hidden % "true")

    own_server.touch("gate")
    expect(page).to_have_title("● photo · kontext_ui")

    page.evaluate(hidden % "false" + "; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page).to_have_title("photo · kontext_ui")
