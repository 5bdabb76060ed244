"""The engine as an application of a real Ray on this machine: what an operator types, and our own client before it.

Needs ``pip install "ray[serve]"``, which no requirements file names: it is large, and only clusters use it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.image_server import ImageServerBackend
from kontext_ui.edits import Done, EditRequest, Parameters, Running, Tier
from kontext_ui.errors import Billed, EditCancelled, InvalidSetting, UnexpectedAnswer
from kontext_ui.settings import load_settings
from tests import engine_process
from tests.conftest import a_free_port

pytest.importorskip("ray.serve", reason="Ray is not installed")
pytestmark = [pytest.mark.local, pytest.mark.slow, pytest.mark.timeout(600)]
KEY = "a-long-secret"
REPLICAS = 2
MARK = "KONTEXT_TEST_RAY"
"""A variable that all processes of this test's Ray inherit, so that no other Ray's are touched."""
SHORT_S = 3.0
"""As long as our client waits by default for a server to say how it does."""
REPLICA = b"ray::ServeReplica:"


class Cluster:
    """A Ray of one machine with two replicas, deployed by a command that has ended."""

    def __init__(self, folder: Path) -> None:
        self.mark = uuid.uuid4().hex
        self.gcs, self.port = a_free_port(), a_free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ADDRESS": f"127.0.0.1:{self.gcs}", "PYTHONUNBUFFERED": "1"}
        self._of_ray = {
            **os.environ,
            **quiet,
            MARK: self.mark,
            "PYTHONPATH": engine_process.environment()["PYTHONPATH"],
        }
        self._of_operator = {**engine_process.environment(), **quiet, "KONTEXT_UI_IMAGE_SERVER_KEY": KEY,
                             "KONTEXT_UI_CONTENT_FILTER": "off"}  # fmt: skip

    def start(self) -> None:
        head = ["start", "--head", "--block", f"--port={self.gcs}", "--num-cpus=4", "--include-dashboard=false"]
        log = (self._folder / "ray.log").open("w")
        self._head = subprocess.Popen(
            [_beside("ray"), *head], env=self._of_ray, stdout=log, stderr=log, cwd=self._folder, start_new_session=True
        )
        engine_process.wait_until(lambda: "Ray runtime started" in self._said(), "Ray runs")
        self._type("start", "--http-host", "127.0.0.1", "--http-port", str(self.port))
        self._type("run", "--non-blocking", "kontext_ui.engine_server.on_ray:cluster", f"gpus={REPLICAS}")

    def stop(self) -> None:
        self._head.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._head.wait(60)
        for process in self._processes(b""):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _said(self) -> str:
        assert self._head.poll() is None, (self._folder / "ray.log").read_text()
        return (self._folder / "ray.log").read_text()

    def _type(self, *command: str) -> None:
        ended = subprocess.run(
            [_beside("serve"), *command], env=self._of_operator, cwd=self._folder, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def replicas(self) -> set[int]:
        return set(self._processes(REPLICA))

    def _processes(self, title: bytes) -> list[int]:
        return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if self._is_ours(folder, title)]

    def _is_ours(self, folder: Path, title: bytes) -> bool:
        try:
            inherited = f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes()
            return inherited and (folder / "cmdline").read_bytes().startswith(title)
        except OSError:
            return False


def _beside(name: str) -> str:
    return str(Path(sys.executable).parent / name)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("ray"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
async def connect(cluster):
    made = []

    def make(probe_timeout_s=engine_process.PATIENCE_S):
        size = {"megapixels": engine_process.MEGAPIXELS, "steps": 2, "per_server": 2 * REPLICAS}
        made.append(ImageServerBackend([cluster.address], key=KEY, probe_timeout_s=probe_timeout_s, **size))
        return made[-1]

    yield make
    for backend in made:
        await backend.aclose()


@pytest.fixture
def backend(connect):
    return connect()


@pytest.fixture
def picture():
    return np.random.default_rng(8).integers(40, 215, (96, 112, 3), np.uint8)


def request(**parameters):
    return EditRequest("make it red", Tier.LOCAL, "imageserver", input_image="d", parameters=Parameters(**parameters))


async def run(backend, picture, wanted, seen=None):
    events = []
    async for event in backend.edit(wanted, EditTask("job", owner="ann", input_image=picture)):
        events.append(event)
        if seen is not None and isinstance(event, Running) and event.stage.startswith("step"):
            seen.set()
    return events


async def test_one_address_serves_with_the_key_of_the_terminal_that_deployed(cluster, backend, picture):
    (found,) = await backend.survey()
    assert (found.dialect, found.trouble) == ("kontext", "")

    events = await run(backend, picture, request(seed=5, num_inference_steps=4))
    stages = [event.stage for event in events if isinstance(event, Running)]
    assert [stage for stage in stages if stage.startswith("step")] == [f"step {n} of 4" for n in range(1, 5)]
    assert isinstance(events[-1], Done)

    assert engine_process.ask(cluster.address, "/v1/models").status_code == 401
    assert len(cluster.replicas()) == REPLICAS


def kill(processes):
    for process in processes:
        os.kill(process, signal.SIGKILL)


async def are_replaced(cluster, before):
    def replaced():
        now = cluster.replicas()
        return len(now) == REPLICAS and not now & before

    await asyncio.to_thread(engine_process.wait_until, replaced, "Ray replaces what was killed")
    await asyncio.to_thread(engine_process.wait_until, lambda: engine_process.is_ready(cluster.address), "it is ready")


async def both_at_work(backend, picture):
    seen = [asyncio.Event() for _ in range(REPLICAS)]
    edits = [
        asyncio.create_task(run(backend, picture, request(seed=number, num_inference_steps=100), steps))
        for number, steps in enumerate(seen)
    ]
    await asyncio.wait_for(asyncio.gather(*(steps.wait() for steps in seen)), engine_process.PATIENCE_S)
    return edits


async def test_when_a_replica_is_killed_in_the_middle_of_an_edit_the_edit_goes_on_at_another(cluster, backend, picture):
    before = cluster.replicas()
    edits = await both_at_work(backend, picture)
    killed = min(before)
    kill([killed])

    for number, edit in enumerate(edits):
        done = (await edit)[-1]
        assert isinstance(done, Done)
        assert done.result.seed == number
    await are_replaced(cluster, {killed})


async def test_when_all_replicas_are_killed_their_edits_end_honestly_or_go_on_and_others_come(
    cluster, connect, backend, picture
):
    """Which of the two depends on whether the next replica is there before our client gives up asking."""
    before = cluster.replicas()
    edits = await both_at_work(connect(SHORT_S), picture)
    kill(before)

    for number, ended in enumerate(await asyncio.gather(*edits, return_exceptions=True)):
        if isinstance(ended, list):
            assert ended[-1].result.seed == number
        else:
            assert isinstance(ended, UnexpectedAnswer)
            assert "broke off" in ended.message
            assert (ended.billed, ended.hint) == (Billed.NO, "Send it again.")
    await are_replaced(cluster, before)
    assert isinstance((await run(backend, picture, request(seed=5)))[-1], Done)


async def test_an_edit_that_is_stopped_frees_its_replica(cluster, backend, picture):
    task = EditTask("job", input_image=picture)

    async def stopped_at_the_first_step():
        async for event in backend.edit(request(num_inference_steps=100, seed=1), task):
            if isinstance(event, Running) and event.stage.startswith("step"):
                task.stop.set()

    with pytest.raises(EditCancelled):
        await stopped_at_the_first_step()

    def idle():
        return engine_process.ask(cluster.address, "/ready").json()["running"] == 0

    await asyncio.to_thread(engine_process.wait_until, idle, "nothing runs any more")


@pytest.mark.parametrize("wrong", [{}, {"gpus": "0"}, {"gpus": "1", "least": "2"}, {"gpu": "1"}])
def test_arguments_that_mean_nothing_are_refused(wrong):
    from kontext_ui.engine_server import on_ray

    with pytest.raises(InvalidSetting, match="gpus=N"):
        on_ray.cluster(wrong)


def test_replicas_get_the_engine_s_secrets_and_no_provider_s():
    from kontext_ui.engine_server import on_ray

    mine = load_settings(_env_file=None, image_server_key=KEY, hf_token="hf_x", bfl_api_key="bfl", fal_key="f")
    settings = on_ray.for_replicas(mine)

    assert settings.image_server_key.get_secret_value() == KEY
    assert settings.hf_token.get_secret_value() == "hf_x"
    assert (settings.bfl_api_key, settings.fal_key) == (None, None)
    assert settings.host == "0.0.0.0"
