"""A person edits with the local model: the real program, the real diffusers path, a small trained pipeline."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests import tiny_kontext
from tests.browser.servers import Server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.local,
]
PATIENCE_MS = 60_000
"""The first edit imports torch, which takes seconds on a busy machine."""


@pytest.fixture(scope="module")
def local_server(tmp_path_factory, process_environment):
    settings = {
        "KONTEXT_UI_DIFFUSERS_MODEL": str(tiny_kontext.TRAINED),
        "KONTEXT_UI_DIFFUSERS_DEVICE": "cpu",
        "KONTEXT_UI_DIFFUSERS_MEGAPIXELS": "0.006",
        "KONTEXT_UI_DIFFUSERS_STEPS": "8",
        "OMP_NUM_THREADS": "1",
    }
    server = Server(tmp_path_factory.mktemp("data"), process_environment, "app", **settings).start()
    yield server
    server.stop()


@pytest.fixture
def person(make_person, local_server):
    return make_person(local_server).visit()


def house():
    """A grey house on a grey meadow: 96 by 64 pixels, as PNG."""
    pixels = np.full((64, 96, 3), 150, np.uint8)
    pixels[44:] = 110
    pixels[24:52, 30:66] = 190
    pixels[36:52, 44:52] = 80
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def painted(person):
    """The head's pixels as the page has them, once they cover the picture before."""
    expect(person.page.locator(".kx-arriving")).to_have_count(0)
    address = person.page.locator("#kx-canvas img").first.get_attribute("src")
    answer = person.page.request.get(re.sub(r"/preview.*$", "/full", address))
    return np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB")).astype(float)


def says_and_waits(person, instruction, versions):
    person.says(instruction)
    expect(person.page.locator("#kx-tree")).to_have_attribute("data-count", str(versions), timeout=PATIENCE_MS)
    person.sees_painted_head()


def test_words_that_the_model_knows_are_seen_in_the_picture(person):
    person.opens_photo(house())
    before = painted(person)
    says_and_waits(person, "make it red", 2)
    red = painted(person)

    expect(person.turns.last).to_contain_text("Kontext (this computer)")
    assert red.shape == before.shape
    assert red[..., 0].mean() - red[..., 2].mean() > 40
    inside, outside = red[28:34, 34:62, 0].mean(), red[4:20, :, 0].mean()
    assert inside > outside, "the house is still there"

    person.page.locator("#kx-undo").click()
    person.sees_painted_head()
    says_and_waits(person, "make it blue", 3)
    blue = painted(person)
    assert blue[..., 2].mean() - blue[..., 0].mean() > 40


def test_steps_are_seen_to_advance_and_an_edit_is_stopped(person):
    person.opens_photo(house())
    person.page.evaluate(
        """() => {
            window.stages = new Set();
            new MutationObserver(() => {
                for (const node of document.querySelectorAll(".kx-stage")) stages.add(node.textContent);
            }).observe(document.body, {subtree: true, childList: true, characterData: true});
        }"""
    )
    steps(person, 50)
    person.says("make it green")
    seen = "() => [...stages].filter((text) => /step \\d+ of 50/i.test(text)).length >= 3"
    person.page.wait_for_function(seen, timeout=PATIENCE_MS)
    person.page.locator("#kx-stop").click()

    expect(person.page.locator(".kx-failure")).to_contain_text("Nothing was billed")
    person.sees_versions(1)
    steps(person, 4)
    says_and_waits(person, "make it green", 2)


def steps(person, count):
    if person.page.locator("#kx-parameters").is_hidden():
        person.page.get_by_role("button", name="Settings of this edit").click()
    field = person.page.get_by_label("Steps")
    field.fill(str(count))
    field.press("Tab")
