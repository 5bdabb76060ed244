"""A provider's places are given out first come, first served, and never more than it has."""

import asyncio

from kontext_ui.editor.jobs.limits import Limits


async def settle():
    """Let every task that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


class Visitor:
    def __init__(self, lanes, limit, key="lane", **who):
        self.positions = []
        self.inside = asyncio.Event()
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._visit(lanes, key, limit, who))

    async def _visit(self, lanes, key, limit, who):
        async with lanes.place(key, limit, self.positions.append, **who):
            self.inside.set()
            await self.leave.wait()


async def test_no_more_than_the_limit_are_inside():
    lanes = Limits()
    visitors = [Visitor(lanes, 2) for _ in range(5)]
    await settle()

    assert [visitor.inside.is_set() for visitor in visitors] == [True, True, False, False, False]
    assert [visitor.positions for visitor in visitors[2:]] == [[1], [2], [3]]
    for visitor in visitors:
        visitor.leave.set()
    await asyncio.gather(*(visitor.task for visitor in visitors))


async def test_the_first_in_line_goes_next_and_the_others_move_up():
    lanes = Limits()
    visitors = [Visitor(lanes, 1) for _ in range(3)]
    await settle()
    visitors[0].leave.set()
    await settle()

    assert visitors[1].inside.is_set()
    assert not visitors[2].inside.is_set()
    assert visitors[2].positions == [2, 1]
    for visitor in visitors:
        visitor.leave.set()
    await asyncio.gather(*(visitor.task for visitor in visitors))


async def test_who_gives_up_waiting_frees_the_place_in_line():
    lanes = Limits()
    visitors = [Visitor(lanes, 1) for _ in range(3)]
    await settle()
    visitors[1].task.cancel()
    await settle()

    assert visitors[2].positions == [2, 1]
    visitors[0].leave.set()
    await settle()
    assert visitors[2].inside.is_set()
    visitors[2].leave.set()
    await asyncio.gather(*(visitor.task for visitor in visitors), return_exceptions=True)


async def test_a_place_handed_over_to_somebody_who_gave_up_is_not_lost():
    lanes = Limits()
    visitors = [Visitor(lanes, 1) for _ in range(3)]
    await settle()
    visitors[0].leave.set()
    await asyncio.sleep(0)
    visitors[1].task.cancel()
    visitors[1].leave.set()
    await settle()

    assert visitors[2].inside.is_set()
    visitors[2].leave.set()
    await asyncio.gather(*(visitor.task for visitor in visitors), return_exceptions=True)


async def test_lanes_do_not_wait_for_each_other_and_no_limit_means_no_lane():
    lanes = Limits()
    visitors = [Visitor(lanes, 1, "a"), Visitor(lanes, 1, "b"), Visitor(lanes, None, "a"), Visitor(lanes, None, "a")]
    await settle()

    assert all(visitor.inside.is_set() for visitor in visitors)
    for visitor in visitors:
        visitor.leave.set()
    await asyncio.gather(*(visitor.task for visitor in visitors))
    assert not lanes._lanes


async def test_who_asks_goes_before_their_own_others_and_before_nobody_elses():
    lanes = Limits()
    first = Visitor(lanes, 1)
    await settle()
    line = [Visitor(lanes, 1, owner=owner, name=name) for owner, name in ("a1", "b1", "a2", "b2", "a3")]
    await settle()

    assert lanes.sooner("a", "3")
    assert [visitor.positions[-1] for visitor in line] == [3, 2, 5, 4, 1]
    assert not lanes.sooner("a", "3"), "it is the first of them already"
    assert not lanes.sooner("b", "3")
    assert not lanes.sooner("b", "unheard of")

    entered = []
    for visitor in line:
        visitor.task.add_done_callback(lambda _, visitor=visitor: entered.append(line.index(visitor)))
        visitor.leave.set()
    first.leave.set()
    await asyncio.gather(*(visitor.task for visitor in (first, *line)))
    assert entered == [4, 1, 0, 3, 2]
