"""Looking at a picture, hints on a draft, and masks by name."""

import asyncio
from pathlib import Path

import cv2
import numpy as np
import pytest

from kontext_ui.backends.basic import BasicBackend
from kontext_ui.basic import sight
from kontext_ui.basic.vision import detector, networks, reader
from kontext_ui.editor import EditDraft
from kontext_ui.editor.help import Overview, Overviews
from kontext_ui.edits import Parameter, Parameters, Rectangle, SizeRule, Tier
from kontext_ui.errors import InvalidRequest, ProjectNotFound, VersionNotFound
from kontext_ui.images import codec
from kontext_ui.prompting import Look
from tests.unit.editor.conftest import OWNER
from tests.unit.editor.scripted import ScriptedBackend

EXAMPLES = Path(__file__).resolve().parents[3] / "assets" / "examples"
REDRAWS = SizeRule("range", max_side_px=2048)
EXPANDS = Parameter("prompt_upsampling", "Expand the prompt", "bool", False)
needs_networks = pytest.mark.skipif(not networks.DETECTOR.available, reason="the networks are not installed")


def understood(text):
    return BasicBackend().explain(text, has_mask=False) is None


async def open_example(desk, name):
    version = await desk.editor.pictures.open(OWNER, desk.project, (EXAMPLES / name).read_bytes(), name)
    return version.id


def texts(suggestions):
    return [one.text for one in suggestions]


@needs_networks
async def test_a_cat_is_seen_and_the_suggestions_are_about_it(make_desk):
    desk = await make_desk(BasicBackend())
    version = await open_example(desk, "cat.jpg")

    overview = await desk.editor.help.look(OWNER, desk.project, version)

    assert overview.look.has("cat")
    assert overview.look.subject
    assert not overview.look.sky
    assert "Blur the background" in texts(overview.for_reader)
    assert any("the cat" in text for text in texts(overview.for_model))


@needs_networks
async def test_everything_offered_for_the_engine_here_is_understood_by_it(make_desk):
    desk = await make_desk(BasicBackend())
    version = await open_example(desk, "rocket.jpg")

    overview = await desk.editor.help.look(OWNER, desk.project, version)

    assert overview.look.sky
    assert "Make the sky stormy" in texts(overview.for_reader)
    assert all(understood(text) for text in texts(overview.for_reader) if "…" not in text)
    assert not understood("add a dragon")


@pytest.mark.skipif(not reader.available(), reason="the reader of texts is not installed")
async def test_a_sign_is_read_and_hints_quote_it_as_it_is_written(make_desk):
    sign = np.full((240, 480, 3), 235, np.uint8)
    cv2.putText(sign, "OPEN", (70, 150), cv2.FONT_HERSHEY_DUPLEX, 4, (20, 20, 90), 10)
    desk = await make_desk(ScriptedBackend(size_rule=REDRAWS), BasicBackend())
    version = await desk.editor.pictures.open(OWNER, desk.project, codec.encode_png(sign), "sign.png")

    overview = await desk.editor.help.look(OWNER, desk.project, version.id)
    [hint] = await desk.editor.help.hints(OWNER, desk.project, EditDraft("replace open with closed", Tier.PRO))

    assert overview.look.words == ("OPEN",)
    assert 'Replace "OPEN" with "…"' in texts(overview.for_model)
    assert hint.replacement == 'Replace "OPEN" with "closed"'


@needs_networks
@pytest.mark.parametrize("name", ["main subject", "the background", "cat", "the left cat", "everything except the cat"])
def test_names_are_found_as_people_say_them(name):
    pixels = codec.decode((EXAMPLES / "cat.jpg").read_bytes())

    region = sight.find(pixels, name)
    mask, how = region.mask, region.how

    assert mask.shape == pixels.shape[:2]
    assert 0.05 < mask.mean() / 255 < 0.95
    assert "of the picture" in how


@pytest.mark.parametrize("boxes", [[("cat", 0.9, (0, 0, 100, 100)), ("dog", 0.4, (5, 0, 95, 98))]])
def test_a_box_has_one_name(boxes):
    found = [detector.Found(name, score, Rectangle(*box)) for name, score, box in boxes]

    assert [one.name for one in detector.distinct(found)] == ["cat"]


async def test_without_the_networks_less_is_offered_and_nothing_fails(make_desk, monkeypatch):
    for network in (networks.DETECTOR, networks.SUBJECT):
        monkeypatch.setattr(network, "_path", Path("nowhere.onnx"))
    monkeypatch.setattr("kontext_ui.basic.vision.reader.available", lambda: False)
    desk = await make_desk(BasicBackend())
    version = await open_example(desk, "cat.jpg")

    overview = await desk.editor.help.look(OWNER, desk.project, version)

    assert overview.look == Look()
    assert overview.for_reader
    with pytest.raises(InvalidRequest, match="missing from this installation"):
        await desk.editor.help.find_mask(OWNER, desk.project, version, "cat")


async def test_nobody_looks_at_or_finds_things_in_somebody_elses_picture(make_desk):
    desk = await make_desk(BasicBackend())

    for ask in (
        desk.editor.help.look("bob", desk.project, desk.root),
        desk.editor.help.find_mask("bob", desk.project, desk.root, "sky"),
        desk.editor.help.hints("bob", desk.project, EditDraft("make it better")),
    ):
        with pytest.raises((ProjectNotFound, VersionNotFound)):
            await ask


async def test_a_picture_is_looked_at_once_however_many_ask():
    overviews, made = Overviews(), []

    async def make():
        made.append(1)
        await asyncio.sleep(0)
        return Overview(Look(), (), ())

    await asyncio.gather(*(overviews.of("a", make) for _ in range(5)))
    await overviews.of("a", make)

    assert len(made) == 1
    assert overviews.known("a") == Look()
    assert overviews.known("b") is None


async def test_a_look_that_failed_is_tried_again():
    overviews = Overviews()

    async def fail():
        raise OSError("the disk is away")

    async def make():
        return Overview(Look(sky=True), (), ())

    with pytest.raises(OSError, match="away"):
        await overviews.of("a", fail)
    assert overviews.known("a") is None
    assert (await overviews.of("a", make)).look.sky


async def test_who_leaves_does_not_take_the_look_from_the_others():
    overviews, gate = Overviews(), asyncio.Event()

    async def make():
        await gate.wait()
        return Overview(Look(), (), ())

    leaver = asyncio.create_task(overviews.of("a", make))
    other = asyncio.create_task(overviews.of("a", make))
    await asyncio.sleep(0)
    leaver.cancel()
    gate.set()

    assert await other == Overview(Look(), (), ())


async def test_only_so_many_pictures_are_remembered():
    overviews = Overviews(most=2)

    async def make():
        return Overview(Look(), (), ())

    for digest in "abc":
        await overviews.of(digest, make)

    assert [overviews.known(digest) is not None for digest in "abc"] == [False, True, True]


@needs_networks
async def test_a_named_thing_becomes_a_mask_of_this_project(make_desk):
    desk = await make_desk(BasicBackend())
    version = await open_example(desk, "cat.jpg")

    found = await desk.editor.help.find_mask(OWNER, desk.project, version, "cat")
    around = await desk.editor.help.find_mask(OWNER, desk.project, version, "background")

    assert found.how.startswith("the cat, found by name")
    paths = [await desk.editor.pictures.path(OWNER, desk.project, one.digest) for one in (found, around)]
    cat, rest = (codec.decode_mask(path.read_bytes()) for path in paths)
    assert cat.mean() > 0.3 * 255
    assert ((cat > 200) & (rest > 200)).mean() < 0.2


@needs_networks
@pytest.mark.parametrize("name", ["giraffe", "sky", "happiness", "", "  "])
async def test_what_is_not_there_is_refused_in_a_sentence(make_desk, name):
    desk = await make_desk(BasicBackend())
    version = await open_example(desk, "cat.jpg")

    with pytest.raises(InvalidRequest) as refused:
        await desk.editor.help.find_mask(OWNER, desk.project, version, name)

    assert refused.value.message.endswith(".")


async def test_hints_know_the_tiers_and_what_the_backend_takes(make_desk):
    pro = ScriptedBackend("pro", size_rule=REDRAWS, parameters=(EXPANDS,))
    desk = await make_desk(pro, ScriptedBackend("big", tiers=(Tier.MAX,), size_rule=REDRAWS), BasicBackend())

    async def ids(instruction, tier=Tier.PRO, **fields):
        return [
            hint.id
            for hint in await desk.editor.help.hints(OWNER, desk.project, EditDraft(instruction, tier, **fields))
        ]

    assert await ids("turn him into a viking") == ["identity"]
    assert await ids("add a hat, then blur the background") == ["several"]
    assert await ids("add a hat") == ["upsampling", "preserve"]
    assert await ids("add a hat", preserve=True) == ["upsampling"]
    assert await ids("add a hat", preserve=True, parameters=Parameters(prompt_upsampling=True)) == []
    assert await ids("add a hat", Tier.MAX) == ["preserve"]
    assert await ids("make it brighter", Tier.LOCAL) == []


async def test_what_the_engine_here_cannot_do_is_sent_to_a_tier_that_is_ready(make_desk):
    alone = await make_desk(BasicBackend())
    [hint] = await alone.editor.help.hints(OWNER, alone.project, EditDraft("add a dragon"))
    assert "dragon" in hint.text
    assert understood(hint.replacement)

    helped = await make_desk(BasicBackend(), ScriptedBackend(size_rule=REDRAWS))
    [hint] = await helped.editor.help.hints(OWNER, helped.project, EditDraft("add a dragon"))
    assert hint.settings["tier"] == "pro"


async def test_the_switch_to_keep_the_rest_shows_in_the_exact_prompt(make_desk):
    desk = await make_desk(ScriptedBackend(size_rule=REDRAWS), BasicBackend())

    async def prompt(tier=Tier.PRO, **fields):
        receipt = await desk.editor.edits.check(OWNER, desk.project, EditDraft("make the car red", tier, **fields))
        return receipt.request.sent_prompt

    assert await prompt() == "make the car red"
    assert await prompt(preserve=True) == (
        "make the car red, while keeping everything else in the picture exactly the same"
    )
    assert await prompt(preserve=True, prompt="exactly this") == "exactly this"
    assert await prompt(Tier.LOCAL, preserve=True) == "make the car red"
