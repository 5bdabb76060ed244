"""``serve-engine`` as OpenAI's own client sees it, over a real socket, used the way its documents use it."""

from __future__ import annotations

import asyncio
import base64

import numpy as np
import openai
import pytest

from kontext_ui.backends.diffusers import DiffusersBackend, EngineConfig
from kontext_ui.backends.diffusers.painter import Drawn
from kontext_ui.edits import Readiness, Running
from kontext_ui.engine_server import EngineServer
from kontext_ui.errors import OutOfMemory
from kontext_ui.images import codec
from tests.fakes.serving import serving

MODEL = "black-forest-labs/FLUX.1-Kontext-dev"
PICTURE = codec.encode_png(np.full((96, 112, 3), 90, np.uint8))
STEPS = 24
KEY = "a-long-secret"


class Painter:
    """Tells every step, with a preview at every other one, and answers with one colour."""

    def __init__(self):
        self.fail = self.load_error = None

    def draw(self, drawing, tell, stopped):
        for number in range(1, STEPS + 1):
            preview = None if number % 2 else np.full((12, 14, 3), number, np.uint8)
            tell(Running(number / (STEPS + 1), f"step {number} of {STEPS}", preview))
        if self.fail is not None:
            raise self.fail
        return Drawn(np.zeros((drawing.size.height, drawing.size.width, 3), np.uint8), 1.0, {})

    def free(self):
        """Nothing is held."""


@pytest.fixture
def painter():
    return Painter()


@pytest.fixture
async def address(painter):
    engine = DiffusersBackend(EngineConfig(megapixels=0.01), painter, check=lambda _: Readiness(True))
    limits = codec.ImageLimits(2_000_000, 1_000_000)
    server = EngineServer(engine, model=MODEL, limits=limits, key=KEY)
    server.open_up()
    with serving(lambda _: server) as (_, address):
        yield address
    await engine.aclose()


@pytest.fixture
async def client(address):
    async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0) as client:
        yield client


async def streamed(client, **options):
    stream = await client.images.edit(model=MODEL, image=PICTURE, prompt="make it red", stream=True, **options)
    return [event async for event in stream]


@pytest.mark.parametrize("wanted", [0, 1, 2, 3])
async def test_the_usual_loop_over_a_stream_reads_every_event_as_a_picture(client, wanted):
    events = await streamed(client, partial_images=wanted, output_format="jpeg", quality="low")

    *partials, last = events
    assert [event.type for event in partials] == ["image_edit.partial_image"] * wanted
    assert [event.partial_image_index for event in partials] == list(range(wanted))
    assert last.type == "image_edit.completed"
    for event in events:
        opened = codec.open_image(base64.b64decode(event.b64_json), codec.ImageLimits(2_000_000, 1_000_000))
        assert event.size == f"{opened.pixels.shape[1]}x{opened.pixels.shape[0]}"
        assert (event.output_format, event.quality, event.background) == ("jpeg", "low", "opaque")
        assert event.created_at > 0
    assert last.usage is None


async def test_partial_pictures_are_spread_over_the_steps(client):
    *partials, _ = await streamed(client, partial_images=3)

    fractions = [event.fraction for event in partials]
    assert fractions == pytest.approx([0.0, 1 / 3, 2 / 3], abs=0.1)


async def test_a_stream_ends_with_the_error_of_the_engine(client, painter):
    painter.fail = OutOfMemory("The memory did not suffice.", backend="diffusers", hint="Send a draft.")

    with pytest.raises(openai.APIError, match=r"did not suffice. Send a draft") as caught:
        await streamed(client)
    assert caught.value.code == "OutOfMemory"


async def test_several_pictures_come_at_once(client):
    answer = await client.images.edit(model=MODEL, image=[PICTURE], prompt="make it red", n=2, size="auto")

    assert len(answer.data) == 2
    assert (answer.output_format, answer.background, answer.size) == ("png", "opaque", "112x96")


@pytest.mark.parametrize(
    ("wrong", "param"),
    [({"n": 11}, "n"), ({"size": "huge"}, "size"), ({"prompt": " "}, "prompt"), ({"output_compression": 101},
     "output_compression"), ({"image": b"no picture"}, "image"), ({"mask": PICTURE[:100]}, "mask")],
)  # fmt: skip
async def test_an_error_names_the_field_and_says_what_to_do(client, wrong, param):
    with pytest.raises(openai.BadRequestError) as caught:
        await client.images.edit(**{"model": MODEL, "image": PICTURE, "prompt": "make it red", **wrong})

    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert caught.value.body["message"].endswith(caught.value.body["hint"])


async def test_models_are_listed_and_found_by_name(client):
    listed = [model.id async for model in client.models.list()]
    found = await client.models.retrieve(MODEL)

    assert listed == [found.id] == [MODEL]
    with pytest.raises(openai.NotFoundError) as caught:
        await client.models.retrieve("gpt-image-2")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


async def test_a_wrong_key_is_noticed_at_the_first_call(client):
    stranger = client.with_options(api_key="wrong")

    for call in (stranger.models.list(), stranger.models.retrieve(MODEL), streamed(stranger)):
        with pytest.raises(openai.AuthenticationError):
            await asyncio.ensure_future(_first(call))


async def _first(call):
    if hasattr(call, "__aiter__"):
        return [item async for item in call]
    return await call
