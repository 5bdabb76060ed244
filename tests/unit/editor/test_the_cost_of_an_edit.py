"""How much work an edit is for the store and the backend: counts, so that they cannot creep up unnoticed."""

from contextlib import contextmanager

import pytest

from kontext_ui.edits import Size, SizeRule
from kontext_ui.images import geometry
from tests.unit.editor.scripted import WAIT, HostedBackend, done, running, submitted


class Counted(HostedBackend):
    """One that counts how often it is asked what it can do."""

    asked = 0

    def capabilities(self, tier):
        self.asked += 1
        return super().capabilities(tier)


class Transactions:
    """Reads and writes of the store since the last ``reset``."""

    def __init__(self, connections):
        self.reset()
        self._reading, self._writing = connections.reading, connections.writing
        connections.reading, connections.writing = self.reading, self.writing

    def reset(self):
        self.reads = self.writes = 0

    @contextmanager
    def reading(self):
        self.reads += 1
        with self._reading() as db:
            yield db

    @contextmanager
    def writing(self):
        self.writes += 1
        with self._writing() as db:
            yield db


@pytest.fixture
async def counted(make_desk):
    backend = Counted(size_rule=SizeRule("list", sizes=(Size(64, 48),)))
    backend.enqueue(WAIT, submitted(), running(), done)
    desk = await make_desk(backend)
    await desk.editor.recovered()
    return desk, backend, Transactions(desk.store._connections)


async def test_a_paid_edit_is_submitted_with_one_read_and_one_write(counted):
    desk, backend, transactions = counted

    job = await desk.send()

    assert (transactions.reads, transactions.writes) == (1, 1)
    backend.release()
    await desk.editor.edits.wait("ann", job)


async def test_an_edit_is_carried_out_with_four_writes_and_one_look_at_its_chain(counted):
    desk, backend, transactions = counted
    job = await desk.send()
    await backend.called.wait()
    with desk.editor.projects.subscribe(desk.project) as changes:
        transactions.reset()
        backend.release()
        while not (await changes.next(5)).versions:
            pass

    # submitted, running, committed; "sending" was written before the backend was called
    assert (transactions.reads, transactions.writes) == (1, 3)
    await desk.editor.edits.wait("ann", job)


async def test_a_backend_is_asked_once_per_edit_what_it_can_do(counted):
    desk, backend, _ = counted
    backend.asked = 0
    backend.release()

    await desk.edit()

    assert backend.asked == 1


async def test_the_fit_that_the_receipt_tells_is_the_one_that_is_used(counted, monkeypatch):
    desk, backend, _ = counted
    planned = []
    plan_fit = geometry.plan_fit
    monkeypatch.setattr(geometry, "plan_fit", lambda *given, **more: planned.append(given) or plan_fit(*given, **more))
    backend.release()

    await desk.edit()

    assert len(planned) == 1
