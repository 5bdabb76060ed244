"""kill -9 between every pair of steps of a hosted job, and what the next life makes of it."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.fakes.bfl import FakeBfl
from tests.fakes.serving import serving

COLLECTED = ("a result", 1)
UNSURE = ("a card", 1)
STEPS = {
    "before sending": COLLECTED,  # nothing had left, so the next life sends it
    "before submit": ("a card", 0),  # on its way: nobody here can tell whether it arrived
    "after submit": UNSURE,
    "before the id is written": UNSURE,
    "after the id is written": COLLECTED,
    "after ready": COLLECTED,
    "during download": COLLECTED,
    "before the picture is written": COLLECTED,
    "before commit": COLLECTED,
    "after commit": COLLECTED,
}
"""By the step at which the process is killed: what is there afterwards, and how many submits reached the provider."""


@pytest.fixture
def fake():
    with serving(FakeBfl) as (fake, address):
        fake.pending = 1
        yield fake, address


@pytest.fixture
def live(fake, tmp_path, process_environment):
    processes = []

    def start(what):
        environment = process_environment(
            tmp_path / "data", BFL_API_KEY=fake[0].key, KONTEXT_UI_BFL_BASE_URL=fake[1], PYTHONWARNINGS="ignore"
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.durability.life", what], cwd=ROOT, env=environment, stdout=subprocess.PIPE
        )
        processes.append(process)
        return process

    (tmp_path / "data").mkdir()
    yield start
    for process in processes:
        process.kill()
        process.wait(10)
        process.stdout.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_job_killed_at_any_step_is_sent_at_most_once_and_never_forgotten(step, live, fake):
    process = live(step)
    assert process.stdout.readline().decode().strip() == step
    process.kill()
    process.wait(10)

    output, _ = live("collect").communicate(timeout=60)
    found = json.loads(output)
    outcome, submits = STEPS[step]

    assert len(fake[0].submitted) == submits
    assert found["faults"] == []
    if outcome == "a result":
        assert (found["results"], found["head_is_result"], found["cards"]) == (1, True, [])
        assert found["spent_usd"] == pytest.approx(0.04)
    else:
        assert found["results"] == 0
        assert [card["state"] for card in found["cards"]] == ["uncertain"]
        assert "may have been billed" in found["cards"][0]["message"]


def test_a_second_kill_while_collecting_sends_nothing_again(live, fake):
    for step in ("after the id is written", "collect: during download"):
        process = live(step)
        assert process.stdout.readline().decode().strip() == step.removeprefix("collect: ")
        process.kill()
        process.wait(10)

    found = json.loads(live("collect").communicate(timeout=60)[0])

    assert len(fake[0].submitted) == 1
    assert (found["results"], found["head_is_result"], found["cards"]) == (1, True, [])
