"""A message that leans on the turn before says in full what it means, before anything is planned or sent."""

import numpy as np
import pytest

from kontext_ui import basic
from kontext_ui.backends.base import LastTurn, StandsAlone
from kontext_ui.backends.basic import BasicBackend
from kontext_ui.editor import EditDraft
from kontext_ui.edits import Done, EditResult, Tier
from kontext_ui.images import codec
from tests.unit.editor.conftest import OWNER
from tests.unit.editor.scripted import ScriptedBackend


@pytest.fixture
async def desk(make_desk):
    return await make_desk(BasicBackend(), ScriptedBackend())


async def says(desk, *messages):
    """The versions that messages make, one after the other."""
    turns = [await desk.edit(message, tier=Tier.LOCAL) for message in messages]
    for turn in turns:
        assert turn.version is not None, turn.job.failure
    return [turn.version for turn in turns]


def left_half():
    mask = np.zeros((48, 64), np.uint8)
    mask[:, :32] = 255
    return codec.encode_mask_png(mask)


async def test_more_is_done_onto_the_last_edit_and_the_card_says_what_was_sent(desk):
    first, more = await says(desk, "make it brighter", "a bit more")

    assert more.parent == first.id
    assert (more.instruction, more.request.sent_prompt) == ("a bit more", "make it brighter a bit")


async def test_less_replaces_the_last_edit_and_becomes_current(desk):
    first, less = await says(desk, "make it much brighter", "less")

    assert (first.parent, less.parent) == (desk.root, desk.root)
    assert less.request.sent_prompt == "make it brighter slightly"
    assert (await desk.project_now()).head == less.id


async def test_a_receipt_says_it_before_anything_is_sent(desk):
    await says(desk, "make it brighter")
    receipt = await desk.editor.edits.check(OWNER, desk.project, EditDraft("a bit more", Tier.LOCAL))

    assert receipt.request.sent_prompt == "make it brighter a bit"


async def test_it_is_done_again_as_it_was_meant_then(desk):
    """Trying again is about the same picture, which is not the one that the words were about."""
    _, less = await says(desk, "make it much brighter", "less")
    options = less.request.options()
    again = await desk.edit(options.pop("instruction"), tier=Tier.LOCAL, parent=less.parent, **options)

    assert (again.version.parent, again.version.digest) == (less.parent, less.digest)


async def test_words_that_stand_alone_and_other_engines_get_what_was_typed(desk):
    _, warmer = await says(desk, "make it brighter", "now make it warmer")
    assert warmer.request.sent_prompt == "now make it warmer"

    sent = await desk.edit("a bit more", tier=Tier.PRO)
    assert sent.version.request.sent_prompt == "a bit more"
    assert sent.version.parent == warmer.id


async def test_a_place_that_was_painted_stays_the_place(desk):
    mask = await desk.editor.pictures.add_mask(OWNER, desk.project, desk.root, left_half())
    first = await desk.edit("make it brighter", tier=Tier.LOCAL, mask=mask)
    more = await desk.edit("a bit more", tier=Tier.LOCAL)

    assert first.version.request.mask == more.version.request.mask == mask
    before, after = (desk.pixels(turn.version.digest) for turn in (first, more))
    assert (before[:, 50:] == after[:, 50:]).all()
    assert (before[:, :20] != after[:, :20]).any()


async def test_what_waits_leans_on_the_turn_that_it_waited_for(desk):
    first = await desk.send("make it brighter", tier=Tier.LOCAL)
    second = await desk.send("a bit more", tier=Tier.LOCAL, after=first)
    third = await desk.send("less", tier=Tier.LOCAL, after=second)
    turns = [await desk.editor.edits.wait(OWNER, job) for job in (first, second, third)]

    versions = [turn.version for turn in turns]
    sent = [version.request.sent_prompt for version in versions]
    assert sent == ["make it brighter", "make it brighter a bit", "make it brighter slightly"]
    assert versions[2].parent == versions[0].id
    assert (await desk.project_now()).head == versions[2].id


async def test_the_hints_know_that_it_will_be_understood(desk):
    draft = EditDraft("a bit more", Tier.LOCAL)
    before = await desk.editor.help.hints(OWNER, desk.project, draft)
    await says(desk, "make it brighter")
    after = await desk.editor.help.hints(OWNER, desk.project, draft)

    assert len(after) < len(before)


class Follower(ScriptedBackend):
    """One that takes every message for one about ``elsewhere`` or the same place."""

    elsewhere = False

    def follow(self, message, last):
        return StandsAlone("the full words", elsewhere=self.elsewhere)


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_message_that_names_another_place_is_not_bound_to_the_painted_one(make_desk, elsewhere):
    def planned(task):
        return Done(EditResult(255 - task.input_image, plan={"steps": [{"operation": "recolour"}]}))

    backend = Follower().enqueue(planned)
    backend.elsewhere = elsewhere
    desk = await make_desk(backend)
    mask = await desk.editor.pictures.add_mask(OWNER, desk.project, desk.root, left_half())
    await desk.edit("make the car red", mask=mask)

    said = (await desk.edit("the same for the dog")).version.request

    assert said.sent_prompt.startswith("the full words")
    assert said.mask == (None if elsewhere else mask)


def test_the_basic_engine_says_when_another_thing_is_meant():
    steps = tuple(basic.read("make the car red").as_json()["steps"])
    last = LastTurn("make the car red", steps, ("make the right car red",))
    found = {said: BasicBackend().follow(said, last) for said in ("no, blue", "the same for the dog", "the other one")}

    assert {said: one.elsewhere for said, one in found.items()} == {
        "no, blue": False, "the same for the dog": True, "the other one": True,
    }  # fmt: skip
