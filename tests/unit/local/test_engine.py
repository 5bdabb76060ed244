"""The engine as the editor sees it, with a painter that does as it is told. Nothing here needs torch."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import threading
from contextlib import aclosing

import numpy as np
import pytest

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.diffusers import DiffusersBackend, EngineConfig
from kontext_ui.backends.diffusers.engine import FAILED_S, make_drawing
from kontext_ui.backends.diffusers.loading import Loaded
from kontext_ui.backends.diffusers.memory import choose
from kontext_ui.backends.diffusers.painter import Drawn, Painter
from kontext_ui.backends.diffusers.zerogpu import Failed, borrowed, seconds_for
from kontext_ui.edits import Done, EditRequest, Parameters, Readiness, Running, Size, Tier
from kontext_ui.errors import Billed, EditCancelled, InvalidRequest, OutOfMemory, RateLimited, UnexpectedAnswer
from kontext_ui.models import kontext

SIZE = Size(112, 96)
WAIT_S = 30.0
LOADED = Loaded(object(), "cuda", choose(80.0, "cuda")[0], "")
CONFIG = EngineConfig(megapixels=0.01, steps=4)


class ScriptedPainter:
    """Draws grey. ``fail`` is raised instead; a ``gate`` holds every drawing between its steps."""

    def __init__(self):
        self.fail = None
        self.load_error = None
        self.gate = None
        self.begun = threading.Event()
        self.left = threading.Event()
        self.drawn = []
        self.freed = 0

    def draw(self, drawing, tell, stopped):
        self.begun.set()
        tell(Running(0.5, "step 2 of 4"))
        while self.gate is not None and not self.gate.wait(0.01):
            if stopped():
                self.left.set()
                raise EditCancelled("You stopped this edit.")
        if self.fail is not None:
            raise self.fail
        self.drawn.append(drawing)
        return Drawn(np.full((drawing.size.height, drawing.size.width, 3), 128, np.uint8), 2.0, {"precision": "bf16"})

    def free(self):
        self.freed += 1


@pytest.fixture
def painter():
    return ScriptedPainter()


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
async def backend(painter, clock):
    backend = DiffusersBackend(CONFIG, painter, clock=lambda: clock[0], check=lambda _: Readiness(True))
    yield backend
    await backend.aclose()


def picture(size=SIZE):
    return np.random.default_rng(1).integers(0, 255, (size.height, size.width, 3), np.uint8)


def request(**parameters):
    return EditRequest("make it red", Tier.LOCAL, "diffusers", input_image="d", parameters=Parameters(**parameters))


async def run(backend, task=None, wanted=None):
    events = backend.edit(wanted or request(), task or EditTask("job", input_image=picture()))
    return await asyncio.wait_for(collect(events), WAIT_S)


async def collect(events):
    return [event async for event in events]


async def until(flag):
    assert await asyncio.to_thread(flag.wait, WAIT_S)


async def test_steps_are_told_and_the_picture_comes_last(backend):
    events = await run(backend, wanted=request(seed=5))

    assert [(event.fraction, event.stage) for event in events[:-1]] == [(0.5, "step 2 of 4")]
    assert events[-1].result.seed == 5
    assert events[-1].result.plan["seed"] == 5
    assert events[-1].result.plan["precision"] == "bf16"


async def test_without_a_seed_one_is_drawn_and_told(backend, painter):
    results = [(await run(backend))[-1].result for _ in range(2)]

    assert [result.seed for result in results] == [drawing.seed for drawing in painter.drawn]
    assert results[0].seed != results[1].seed


async def test_a_stop_is_answered_at_once_and_the_next_edit_is_not_affected(backend, painter):
    painter.gate = threading.Event()
    task = EditTask("job", input_image=picture())
    running = asyncio.create_task(collect(backend.edit(request(), task)))
    await until(painter.begun)
    task.stop.set()

    with pytest.raises(EditCancelled):
        await asyncio.wait_for(running, WAIT_S)
    await until(painter.left)
    painter.gate.set()
    assert isinstance((await run(backend))[-1], Done)


async def test_an_edit_that_waits_is_told_its_place_and_can_be_stopped_there(backend, painter):
    painter.gate = threading.Event()
    first = asyncio.create_task(collect(backend.edit(request(), EditTask("one", "ann", input_image=picture()))))
    await until(painter.begun)
    task = EditTask("two", "bob", input_image=picture())
    async with aclosing(backend.edit(request(), task)) as events:
        waiting = await asyncio.wait_for(anext(events), WAIT_S)
        task.stop.set()
        with pytest.raises(EditCancelled):
            await asyncio.wait_for(anext(events), WAIT_S)
    painter.gate.set()

    assert waiting.queue_position == 1
    assert isinstance((await asyncio.wait_for(first, WAIT_S))[-1], Done)
    assert len(painter.drawn) == 1


async def test_when_the_line_is_full_the_next_edit_is_refused_in_a_sentence_and_later_ones_are_drawn(painter):
    backend = DiffusersBackend(CONFIG, painter, max_waiting=1, check=lambda _: Readiness(True))
    painter.gate = threading.Event()
    first = asyncio.create_task(collect(backend.edit(request(), EditTask("one", "ann", input_image=picture()))))
    await until(painter.begun)
    async with aclosing(backend.edit(request(), EditTask("two", "bob", input_image=picture()))) as waiting:
        assert (await asyncio.wait_for(anext(waiting), WAIT_S)).queue_position == 1
        with pytest.raises(RateLimited) as caught:
            await run(backend, EditTask("three", "cat", input_image=picture()))
    painter.gate.set()

    assert caught.value.message.endswith(".")
    assert "Nothing was started" in caught.value.hint
    assert caught.value.billed is Billed.NO
    assert isinstance((await asyncio.wait_for(first, WAIT_S))[-1], Done)
    assert isinstance((await run(backend))[-1], Done)
    await backend.aclose()


async def test_who_stops_listening_stops_the_work(backend, painter):
    painter.gate = threading.Event()
    async with aclosing(backend.edit(request(), EditTask("job", input_image=picture()))) as events:
        await asyncio.wait_for(anext(events), WAIT_S)

    await until(painter.left)


async def test_a_failure_nobody_foresaw_is_a_sentence_and_the_page_lives_on(backend, painter):
    painter.fail = RuntimeError("CUDA error: an illegal memory access was encountered")
    with pytest.raises(UnexpectedAnswer) as caught:
        await run(backend)
    painter.fail = None

    assert "illegal" not in caught.value.message
    assert caught.value.may_retry
    assert isinstance((await run(backend))[-1], Done)


async def test_a_model_that_cannot_be_loaded_counts_as_not_ready_for_a_while(backend, painter, clock):
    painter.fail = painter.load_error = OutOfMemory("It does not fit.", backend="diffusers", hint="Close something.")
    with pytest.raises(OutOfMemory):
        await run(backend)

    assert backend.check() == Readiness(False, "It does not fit.", "Close something.")
    clock[0] = FAILED_S
    assert backend.check().ready


async def test_running_out_of_memory_while_drawing_leaves_the_engine_ready(backend, painter):
    painter.fail = OutOfMemory("The memory did not suffice.", backend="diffusers")
    with pytest.raises(OutOfMemory):
        await run(backend)

    assert backend.check().ready


async def test_what_is_asked_often_is_looked_up_seldom(painter, clock):
    asked = []
    backend = DiffusersBackend(
        CONFIG, painter, clock=lambda: clock[0], check=lambda config: asked.append(config) or Readiness(True)
    )
    for _ in range(3):
        backend.check()
    assert len(asked) == 1
    clock[0] = 10.0
    backend.check()
    assert len(asked) == 2


async def test_the_time_an_edit_takes_is_learned(backend):
    before = backend.capabilities(Tier.LOCAL).typical_s
    await run(backend)

    assert backend.capabilities(Tier.LOCAL).typical_s != before
    assert backend.capabilities(Tier.LOCAL).typical_s == pytest.approx(2.0, rel=0.1)


def test_a_lost_photo_is_an_error_not_a_new_picture():
    with pytest.raises(InvalidRequest, match="did not reach"):
        make_drawing(request(), EditTask("job"), CONFIG)


def test_size_guidance_and_steps_are_always_said():
    drawing = make_drawing(request(), EditTask("job", input_image=picture()), CONFIG)

    assert (drawing.size, drawing.steps, drawing.guidance) == (Size(112, 96), 4, kontext.GUIDANCE)
    assert kontext.GUIDANCE == 2.5
    assert np.array_equal(drawing.source, picture())


@pytest.mark.parametrize(("speed", "share"), [("draft", 0.5), ("sketch", 0.25)])
def test_a_draft_is_smaller_in_the_same_shape(speed, share):
    config = EngineConfig()
    photo = picture(Size(1248, 832))
    drawing = make_drawing(request(acceleration=speed), EditTask("job", input_image=photo), config)

    assert drawing.size.megapixels == pytest.approx(1248 * 832 / 1e6 * share, rel=0.05)
    assert drawing.size.ratio == pytest.approx(1.5, rel=0.05)
    assert drawing.source.shape[:2] == (drawing.size.height, drawing.size.width)


def test_another_shape_is_drawn_from_the_whole_photo():
    drawing = make_drawing(request(aspect_ratio="9:16"), EditTask("job", input_image=picture()), EngineConfig())

    assert drawing.size == Size(752, 1392)
    assert drawing.source.shape[:2] == (944, 1104)


def test_words_alone_give_a_square_unless_a_shape_is_asked_for():
    wanted = EditRequest("a red door", Tier.LOCAL, "diffusers", parameters=Parameters(seed=1))
    drawing = make_drawing(wanted, EditTask("job"), EngineConfig())

    assert drawing.size == Size(1024, 1024)
    assert drawing.source is None


def test_torch_is_not_imported_to_build_ask_and_check():
    program = (
        "import sys; from kontext_ui.settings import load_settings; from kontext_ui.backends import load_backend; "
        "from kontext_ui.edits import Tier; b = load_backend('diffusers', load_settings(_env_file=None)); "
        "b.check(); b.capabilities(Tier.LOCAL); "
        "sys.exit(','.join(n for n in ('torch', 'diffusers', 'transformers', 'spaces') if n in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=WAIT_S, check=False)

    assert (done.returncode, done.stderr) == (0, "")


class Lent:
    """A decorator such as ``spaces.GPU``: it carries out generators, here, and remembers what was asked for."""

    def __init__(self):
        self.seconds = []

    def __call__(self, *, duration):
        def decorate(function):
            def call(*arguments):
                self.seconds.append(duration(*arguments))
                yield from function(*arguments)

            return call

        return decorate


def test_on_a_lent_gpu_events_and_picture_come_through_a_generator(painter):
    lent, told = Lent(), []
    drawing = make_drawing(request(), EditTask("job", input_image=picture()), CONFIG)
    drawn = borrowed(painter.draw, lent)(drawing, told.append, lambda: False)

    assert drawn.pixels.shape == (96, 112, 3)
    assert [event.stage for event in told] == ["step 2 of 4"]
    assert lent.seconds == [seconds_for(drawing)]
    assert lent.seconds[0] < 60


def test_a_stop_on_a_lent_gpu_ends_the_work_there(painter):
    painter.gate = threading.Event()
    drawing = make_drawing(request(), EditTask("job", input_image=picture()), CONFIG)

    with pytest.raises(EditCancelled):
        borrowed(painter.draw, Lent())(drawing, lambda _: None, lambda: True)
    assert painter.left.wait(WAIT_S)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (MemoryError(), MemoryError),
        (ValueError("broken"), RuntimeError),
        (EditCancelled("You stopped this edit."), EditCancelled),
    ],
)
def test_an_error_on_a_lent_gpu_crosses_as_a_message_and_is_raised_here(painter, error, raised):
    painter.fail = error
    drawing = make_drawing(request(), EditTask("job", input_image=picture()), CONFIG)

    with pytest.raises(raised):
        borrowed(painter.draw, Lent())(drawing, lambda _: None, lambda: False)


def test_what_crosses_to_a_lent_gpu_and_back_can_be_pickled(painter):
    drawing = make_drawing(request(), EditTask("job", input_image=picture()), CONFIG)
    crossing = [drawing, Running(0.5, "step", preview=picture()), Failed("said", False, False)]
    crossing.append(painter.draw(drawing, lambda _: None, lambda: False))

    assert [type(pickle.loads(pickle.dumps(one))) for one in crossing] == [type(one) for one in crossing]


def test_where_gpus_are_lent_the_model_is_loaded_at_the_start_and_kept():
    loads = []
    painter = Painter(CONFIG, lambda config, below: loads.append(below) or LOADED, borrow=lambda draw: draw)
    painter.preload()
    painter.free()
    painter.preload()

    assert loads == [0]
