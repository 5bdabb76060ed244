"""Asking often enough to be quick, and seldom enough for five hundred edits at once."""

import asyncio

import pytest

from kontext_ui.backends.base import Hook
from kontext_ui.backends.hosted.pauses import POLLS_PER_S, Pauses
from kontext_ui.backends.hosted.providers.replicate import ReplicateBackend, build


class Sleeper:
    """Sleeps until ``wake`` is set; ``full`` says that so many sleep."""

    def __init__(self, places):
        self.asked = []
        self.wake, self.full = asyncio.Event(), asyncio.Event()
        self._places = places

    async def __call__(self, seconds):
        self.asked.append(seconds)
        if len(self.asked) == self._places:
            self.full.set()
        await self.wake.wait()


@pytest.mark.parametrize("polls_per_s", [POLLS_PER_S, ReplicateBackend.polls_per_s])
async def test_a_crowd_asks_no_more_often_than_allowed(polls_per_s):
    sleeper = Sleeper(500)
    pauses = Pauses(sleeper, polls_per_s)
    crowd = [asyncio.create_task(pauses(0)) for _ in range(500)]
    await sleeper.full.wait()

    assert sleeper.asked[0] == 0.5
    assert sleeper.asked[-1] == 500 / polls_per_s
    sleeper.wake.set()
    await asyncio.gather(*crowd)
    await pauses(0)
    assert sleeper.asked[-1] == 0.5


def test_all_edits_at_replicate_stay_below_what_it_allows(settings):
    """3,000 requests a minute, for everything but making predictions."""
    assert build(settings)._http.pause._polls_per_s * 60 < 3000


async def test_a_call_ends_the_pause_once():
    sleeper = Sleeper(1)
    hook = Hook("https://pictures.example/hook", "secret")
    hook.wake()
    await Pauses(sleeper)(0, hook)
    hook.wake()

    assert not hook.called.is_set()


@pytest.mark.parametrize("hook", [None, Hook("https://pictures.example/hook", "secret")])
async def test_a_cancelled_pause_leaves_nothing_behind(hook):
    sleeper = Sleeper(1)
    pauses = Pauses(sleeper)
    task = asyncio.create_task(pauses(0, hook))
    await sleeper.full.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)

    assert pauses._going_on == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
