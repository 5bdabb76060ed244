"""The thread that owns the pipeline, and the line before it. Nothing here needs torch."""

from __future__ import annotations

import math
import threading
from concurrent.futures import CancelledError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_ui.backends.diffusers.caches import BytesCache
from kontext_ui.backends.diffusers.owner import OPEN_TO_ALL, FairLine, LineFull, Owner, Ticket

WAIT_S = 30.0


def ticket(visitor, number=0):
    return Ticket(visitor, lambda _: number, lambda _: None)


class Gate:
    """Work that tells when it has begun and ends when it is let go or withdrawn."""

    def __init__(self):
        self.begun = threading.Event()
        self.released = threading.Event()

    def __call__(self, ticket):
        self.begun.set()
        while not self.released.wait(0.01):
            if ticket.withdrawn.is_set():
                return "stopped"
        return "done"


@pytest.fixture
def owner():
    owner = Owner("test")
    yield owner
    assert owner.close(WAIT_S)


def test_one_visitor_is_served_in_the_order_of_asking():
    line = FairLine()
    tickets = [ticket("ann") for _ in range(3)]
    for one in tickets:
        line.push(one)

    assert [line.pop() for _ in range(3)] == tickets


def test_visitors_take_turns_however_many_edits_each_has_sent():
    line = FairLine()
    ann = [ticket("ann") for _ in range(3)]
    for one in ann:
        line.push(one)
    bob = ticket("bob")
    line.push(bob)

    assert line.in_order() == [ann[0], bob, ann[1], ann[2]]
    assert [line.pop() for _ in range(4)] == [ann[0], bob, ann[1], ann[2]]


def test_who_has_just_been_served_comes_after_those_who_wait():
    line = FairLine()
    first, waiting, again = ticket("ann"), ticket("bob"), ticket("ann")
    line.push(first)
    line.push(waiting)
    line.pop()
    line.push(again)

    assert line.in_order() == [waiting, again]


@given(st.lists(st.tuples(st.sampled_from("push pop remove".split()), st.integers(0, 3)), max_size=40))
def test_the_foretold_order_is_the_order_of_serving_and_nobody_is_lost(moves):
    line, inside = FairLine(), []
    for move, visitor in moves:
        if move == "push":
            inside.append(ticket(str(visitor)))
            line.push(inside[-1])
        elif inside and move == "pop":
            foretold = line.in_order()[0]
            assert line.pop() is foretold
            inside.remove(foretold)
        elif inside:
            gone = inside.pop(visitor % len(inside))
            assert line.remove(gone)
            assert not line.remove(gone)
    foretold = line.in_order()
    assert len(line) == len(inside)
    assert set(map(id, foretold)) == set(map(id, inside))
    assert [line.pop() for _ in foretold] == foretold


def test_work_runs_on_one_thread_one_after_the_other(owner):
    names = [owner.submit("ann", lambda _: threading.current_thread().name).future for _ in range(3)]

    assert {future.result(WAIT_S) for future in names} == {"test"}


def test_those_who_wait_are_told_their_place_and_every_change(owner):
    gate, told = Gate(), []
    running = owner.submit("ann", gate)
    assert gate.begun.wait(WAIT_S)
    second = owner.submit("ann", lambda _: "second", lambda place: told.append(("second", place)))
    third = owner.submit("ann", lambda _: "third", lambda place: told.append(("third", place)))
    owner.withdraw(second)
    gate.released.set()

    assert third.future.result(WAIT_S) == "third"
    assert running.future.result(WAIT_S) == "done"
    assert told == [("second", 1), ("second", 1), ("third", 2), ("third", 1)]


def test_who_leaves_the_line_is_never_served(owner):
    gate = Gate()
    owner.submit("ann", gate)
    assert gate.begun.wait(WAIT_S)
    served = threading.Event()
    leaving = owner.submit("bob", lambda _: served.set())
    owner.withdraw(leaving)
    gate.released.set()

    assert owner.submit("bob", lambda _: "later").future.result(WAIT_S) == "later"
    assert leaving.future.cancelled()
    assert not served.is_set()


def test_running_work_sees_that_it_was_withdrawn_and_the_next_is_served(owner):
    gate = Gate()
    running = owner.submit("ann", gate)
    assert gate.begun.wait(WAIT_S)
    owner.withdraw(running)

    assert running.future.result(WAIT_S) == "stopped"
    assert owner.submit("bob", lambda _: "next").future.result(WAIT_S) == "next"


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(1), KeyboardInterrupt()])
def test_an_error_reaches_the_one_who_asked_and_the_thread_lives_on(owner, error):
    def fail(_):
        raise error

    with pytest.raises(type(error)):
        owner.submit("ann", fail).future.result(WAIT_S)

    assert owner.submit("bob", lambda _: "next").future.result(WAIT_S) == "next"


def test_beyond_its_limit_nobody_is_taken_in_and_once_somebody_left_again():
    owner, gate = Owner("test", max_waiting=2), Gate()
    owner.submit("ann", gate)
    assert gate.begun.wait(WAIT_S)
    first, second = owner.submit("bob", lambda _: "first"), owner.submit("cat", lambda _: "second")
    with pytest.raises(LineFull):
        owner.submit("dan", lambda _: "too many")
    owner.withdraw(first)
    again = owner.submit("dan", lambda _: "again")
    gate.released.set()

    assert [ticket.future.result(WAIT_S) for ticket in (second, again)] == ["second", "again"]
    assert owner.close(WAIT_S)


@given(st.lists(st.sampled_from("abcdef"), max_size=40), st.integers(1, 12))
def test_the_line_never_holds_more_than_its_limit(visitors, limit):
    line = FairLine()
    for visitor in visitors:
        if line.takes(visitor, limit):
            line.push(ticket(visitor))

    assert len(line) <= limit


@pytest.mark.parametrize("limit", range(1, 13))
def test_one_visitor_alone_never_fills_the_line(limit):
    line = FairLine()
    for _ in range(2 * limit):
        if line.takes("a", limit):
            line.push(ticket("a"))

    assert line.takes("b", limit) is (limit > 1)
    assert len(line) == max(1, min(limit - 1, math.ceil(limit * OPEN_TO_ALL)))


def test_closing_sends_everybody_home_and_takes_nobody_in(owner):
    gate = Gate()
    running = owner.submit("ann", gate)
    assert gate.begun.wait(WAIT_S)
    waiting = owner.submit("ann", lambda _: "never")

    assert owner.close(WAIT_S)
    assert running.future.result(0) == "stopped"
    late = owner.submit("bob", lambda _: "never")
    for future in (waiting.future, late.future):
        with pytest.raises(CancelledError):
            future.result(0)


def test_after_a_pause_it_is_told_once_that_nothing_is_left_to_do():
    rested, times = threading.Event(), []

    def rest():
        times.append(threading.current_thread().name)
        rested.set()

    owner = Owner("test", when_idle=rest, idle_s=0.0)
    owner.submit("ann", lambda _: "work").future.result(WAIT_S)

    assert rested.wait(WAIT_S)
    assert owner.close(WAIT_S)
    assert set(times) == {"test"}
    assert len(times) <= 2


def test_a_cache_makes_each_thing_once_and_forgets_the_least_used_when_full():
    made = []
    cache = BytesCache(10, len)

    def get(key):
        return cache.get_or_make(key, lambda: made.append(key) or key * 4)

    assert [get(key) for key in "abab"] == ["aaaa", "bbbb", "aaaa", "bbbb"]
    get("a")
    get("c")
    assert made == ["a", "b", "c"]
    get("a")
    get("b")
    assert made == ["a", "b", "c", "b"]
    assert cache.bytes == 8
    assert (cache.hits, cache.misses) == (4, 4)


def test_a_cache_never_holds_more_bytes_than_it_may():
    cache = BytesCache(10, len)
    cache.get_or_make("small", lambda: "x" * 3)

    assert cache.get_or_make("huge", lambda: "x" * 11) == "x" * 11
    assert (cache.bytes, len(cache)) == (3, 1)
    cache.clear()
    assert (cache.bytes, len(cache)) == (0, 0)
