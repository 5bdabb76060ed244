"""By keyboard alone, on a phone, in the dark, and with what axe can find."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_by_keyboard_alone(person):
    page = person.page
    person.opens_photo()
    page.locator("body").click(position={"x": 640, "y": 20})
    page.keyboard.press("/")
    expect(person.prompt).to_be_focused()
    page.keyboard.type("make it brighter")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("and warmer")
    expect(person.prompt).to_have_value("make it brighter\nand warmer")
    page.keyboard.press("Enter")
    person.sees_versions(2)
    version = person.sees_painted_head()

    page.locator("[role=treeitem][tabindex='0']").focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("[role=treeitem][aria-level='1']")).to_be_focused()
    page.keyboard.press("Enter")
    expect(person.turns).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#kx-canvas")).to_have_attribute("data-painted", version)

    page.keyboard.press("Control+z")
    expect(person.turns).to_have_count(1)
    page.keyboard.press("Control+Shift+z")
    expect(person.turns).to_have_count(2)
    page.keyboard.press("c")
    expect(page.locator("#kx-canvas")).to_have_attribute("data-mode", "compare")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    expect(page.locator("#kx-canvas")).to_have_attribute("data-mode", "mask")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_the_prompt_is_a_few_tab_stops_away_however_long_the_conversation_is(person):
    page = person.page
    person.opens_photo()
    for number in range(12):
        person.edits(f"make it {('brighter', 'warmer', 'darker')[number % 3]}", number + 2)
    page.locator("body").evaluate("() => document.activeElement.blur()")

    stops = 0
    while not person.prompt.evaluate("(field) => field === document.activeElement"):
        page.keyboard.press("Tab")
        stops += 1
        assert stops <= 25
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.closest('.kx-turn, .kx-ideas') !== null")

    page.get_by_role("button", name="Skip to the instruction").focus()
    page.keyboard.press("Enter")
    expect(person.prompt).to_be_focused()


def test_arrows_go_from_turn_to_turn_and_through_what_can_be_done_with_each(person):
    page = person.page
    person.opens_photo()
    person.edits("make it brighter", 2)
    person.edits("make it warmer", 3)
    page.get_by_role("button", name="Show v3").focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("button", name="Show v2")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Edit the instruction and send it again").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Continue from here").first).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("button", name="More for v2")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Star").click()
    expect(page.locator("[role=treeitem]").nth(1)).to_contain_text("★")


def test_the_page_has_landmarks_and_headings_and_says_what_happened(person):
    page = person.page
    for role, name in (("banner", None), ("main", "Picture"), ("region", "Conversation"), ("region", "History")):
        expect(page.get_by_role(role, name=name)).to_have_count(1)
    headings = page.get_by_role("heading")
    assert {"kontext_ui", "Conversation", "History"} <= set(headings.all_inner_texts())

    voice = page.locator("#kx-voice")
    person.opens_photo()
    person.edits("make it brighter", 2)
    expect(voice).to_contain_text("Done. ")
    person.says("add a dragon")
    expect(voice).to_contain_text("dragon")
    names = page.evaluate("[...document.querySelectorAll('.kx-thumb')].map((one) => one.getAttribute('aria-label'))")
    assert len(set(names)) == len(names), "no two pictures have the same name"


def test_undo_keys_while_typing_belong_to_the_text(person):
    person.opens_photo()
    person.edits("make it brighter", 2)
    person.prompt.fill("half a thought")

    person.prompt.press("Control+z")

    expect(person.turns).to_have_count(2)


def test_an_input_methods_enter_does_not_send(person):
    person.opens_photo()
    person.prompt.fill("あかるく")

    person.prompt.evaluate(
        """(element) => element.dispatchEvent(
            new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"""
    )

    expect(person.prompt).to_have_value("あかるく")


def test_on_a_phone(make_person):
    person = make_person(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).visit()
    page = person.page
    person.opens_photo()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(person.prompt).to_be_visible()
    person.edits("make it brighter", 2)

    page.get_by_role("button", name="Chat").click()
    expect(person.turns.last).to_be_visible()
    page.get_by_role("button", name="History").click()
    expect(page.locator("[role=treeitem]").first).to_be_visible()
    page.get_by_role("button", name="Gallery", exact=True).click()
    expect(page.get_by_role("gridcell")).to_have_count(2)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Picture").click()
    expect(page.locator("#kx-canvas .kx-world")).to_be_visible()
    small = page.evaluate(
        """() => [...document.querySelectorAll('.kx-toolbar button, .kx-tabs button, #kx-send')]
            .filter((button) => button.offsetParent && Math.min(button.offsetWidth, button.offsetHeight) < 43)
            .map((button) => button.getAttribute('aria-label'))"""
    )
    assert small == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(make_person, theme):
    # Half-faded letters have half the contrast, so nothing may be on its way in while it is measured.
    person = make_person(color_scheme=theme, reduced_motion="reduce").visit()
    assert serious(person.page) == []

    person.opens_photo()
    person.edits("make it brighter", 2)
    person.says("add a dragon")
    expect(person.page.locator(".kx-failure")).to_be_visible()
    assert serious(person.page) == []

    person.page.locator("#kx-settings-button").click()
    expect(person.page.get_by_role("dialog")).to_be_visible()
    assert serious(person.page) == []


def serious(page):
    found = Axe().run(page).response["violations"]
    return [
        (item["id"], [node["html"][:120] for node in item["nodes"]])
        for item in json.loads(json.dumps(found))
        if item["impact"] in ("serious", "critical")
    ]


def test_a_stored_theme_that_is_none_leaves_the_choice_to_the_system(person):
    answer = person.page.request.post(f"{person.url}/kontext/do/set_preference", data={"key": "theme", "value": {}})
    assert answer.ok
    person.page.reload()
    person.ready()
    expect(person.page.locator("html")).to_have_attribute("data-theme", "system")


def test_the_theme_can_be_switched_and_is_remembered(make_person):
    person = make_person(color_scheme="light").visit()
    person.page.get_by_role("button", name="Light or dark").click()
    expect(person.page.locator("html")).to_have_attribute("data-theme", "dark")

    person.page.reload()
    person.ready()

    expect(person.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_at_200_percent_on_a_small_laptop_the_picture_has_room_and_writing_too(make_person):
    person = make_person(viewport={"width": 640, "height": 320}).visit()
    person.prompt.click()
    person.opens_photo()
    room = "viewer => viewer.getBoundingClientRect().height"
    viewer = person.page.locator("kx-viewer")

    person.page.locator("#kx-canvas").click()
    expect(person.page.locator(".kx-composer-row")).to_be_hidden()
    assert viewer.evaluate(room) >= 120

    person.prompt.click()
    expect(person.page.locator("#kx-tier")).to_be_visible()
    assert viewer.evaluate(room) >= 60


def test_words_from_right_to_left_begin_on_the_right(person):
    person.opens_photo()
    direction = "field => [getComputedStyle(field).direction, field.maxLength]"

    person.prompt.fill("הפוך את השמיים לכחולים, please.")
    assert person.prompt.evaluate(direction) == ["rtl", -1]
    person.prompt.fill("make it red")
    assert person.prompt.evaluate(direction) == ["ltr", -1]


PASTE = """([field, texts, names]) => {
    const data = new DataTransfer();
    for (const [type, text] of Object.entries(texts)) data.setData(type, text);
    for (const name of names) data.items.add(new File(['x'], name, {type: 'image/png'}));
    return field.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
}"""


def test_cells_of_a_spreadsheet_are_words_and_no_reference(person):
    person.opens_photo()
    field = person.prompt.element_handle()
    uploads = []
    person.page.on("request", lambda request: uploads.append(request.url) if "/upload" in request.url else None)

    left_to_browser = person.page.evaluate(PASTE, [field, {"text/plain": "sky\tblue"}, ["image.png"]])

    assert left_to_browser
    person.page.evaluate(PASTE, [field, {}, ["image.png"]])
    expect(person.page.locator(".kx-toast")).to_be_visible()  # "x" is no picture, and that is told
    assert len(uploads) == 1


def test_an_address_dropped_instead_of_a_picture_is_told(person):
    person.opens_photo()
    drop = """target => {
        const data = new DataTransfer();
        data.setData('text/uri-list', 'https://pictures.example/a.png');
        target.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
    }"""

    person.page.locator("#kx-canvas").evaluate(drop)

    expect(person.page.locator(".kx-toast")).to_contain_text("an address and no picture")
