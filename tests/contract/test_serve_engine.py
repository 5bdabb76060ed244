"""``serve-engine`` as an operator starts it, and our own client before it, each in its own process."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.diffusers import DiffusersBackend
from kontext_ui.edits import Done, EditRequest, Parameters, Running, Tier
from kontext_ui.errors import EditCancelled, OutOfMemory
from kontext_ui.images.geometry import size_of
from tests import engine_process, tiny_kontext

WAIT_S = engine_process.PATIENCE_S

needs_torch = pytest.mark.local


@pytest.fixture
def address():
    return engine_process.shared_address()


@pytest.fixture
async def backend(address):
    backend = engine_process.client_of(address)
    yield backend
    await backend.aclose()


@pytest.fixture
def picture():
    return np.random.default_rng(8).integers(40, 215, (96, 112, 3), np.uint8)


def request(instruction="make it red", **parameters):
    return EditRequest(instruction, Tier.LOCAL, "imageserver", input_image="d", parameters=Parameters(**parameters))


async def run(backend, picture, wanted):
    return [event async for event in backend.edit(wanted, EditTask("job", owner="ann", input_image=picture))]


def cancelled(address):
    """How many edits the server counts as cancelled."""
    return int(re.search(r'edits_total\{outcome="cancelled"\} (\d+)', engine_process.ask(address, "/metrics").text)[1])


async def until_idle(address):
    """A client has its answer a little before the server counts it."""

    def idle():
        return engine_process.ask(address, "/ready").json()["running"] == 0

    await asyncio.to_thread(engine_process.wait_until, idle, "nothing runs any more")


@needs_torch
async def test_steps_are_told_over_the_wire_and_the_pixels_are_those_of_the_engine_itself(backend, picture):
    events = await run(backend, picture, request(seed=5, num_inference_steps=4))

    stages = [event.stage for event in events if isinstance(event, Running)]
    assert [stage for stage in stages if stage.startswith("step")] == [f"step {n} of 4" for n in range(1, 5)]
    result = events[-1].result
    assert (result.seed, result.plan["server"]) == (5, "kontext")

    engine = DiffusersBackend(tiny_kontext.config(text_tokens=512))
    same = (await run(engine, picture, request(seed=5, num_inference_steps=4)))[-1].result
    await engine.aclose()
    assert size_of(result.pixels) == size_of(same.pixels)
    assert np.array_equal(result.pixels, same.pixels)


@needs_torch
async def test_a_stopped_edit_stops_on_the_server_and_the_next_one_is_drawn(address, backend, picture):
    task = EditTask("job", input_image=picture)
    await until_idle(address)
    before = cancelled(address)

    async def stopped_at_the_first_step():
        async for event in backend.edit(request(num_inference_steps=50, seed=1), task):
            if isinstance(event, Running) and event.stage.startswith("step"):
                task.stop.set()

    with pytest.raises(EditCancelled):
        await stopped_at_the_first_step()
    events = await run(backend, picture, request(seed=1))

    assert isinstance(events[-1], Done)
    await until_idle(address)
    assert cancelled(address) == before + 1


@needs_torch
async def test_an_error_of_the_engine_arrives_as_itself_and_the_next_edit_is_drawn(backend, picture):
    with pytest.raises(OutOfMemory) as caught:
        await run(backend, picture, request(engine_process.TOO_MUCH))

    assert "draft" in caught.value.hint
    assert isinstance((await run(backend, picture, request()))[-1], Done)


@needs_torch
def test_the_command_serves_says_where_and_ends_orderly():
    command = ("-m", "kontext_ui", "serve-engine", "--port", "0", "--no-warm-up")
    with engine_process.running(*command, until="The engine is at") as (process, address):
        models = engine_process.ask(address, "/v1/models").json()["data"]
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 0

    assert models[0]["owned_by"] == "kontext_ui"


def test_without_the_model_the_command_says_what_is_missing(tmp_path, process_environment):
    environment = process_environment(tmp_path, KONTEXT_UI_DIFFUSERS_MODEL=str(tmp_path / "nothing"))
    ended = subprocess.run(
        [sys.executable, "-m", "kontext_ui", "serve-engine", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )

    assert ended.returncode == 6
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip().endswith(".")
