"""What every action does, says and refuses, whichever way it is called."""

import asyncio
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from kontext_ui.api import ACTIONS, Shown
from kontext_ui.api.pictures import MAX_PREVIEW_BYTES, PREVIEW_SIDES_PX
from kontext_ui.api.uploads import Uploads
from kontext_ui.edits import Running
from kontext_ui.errors import (
    BackendUnavailable,
    BudgetExceeded,
    InvalidRequest,
    JobNotFound,
    ProjectNotFound,
    VersionNotFound,
)
from kontext_ui.images.codec import encode_png
from tests.unit.api.conftest import ADDRESS, Program, data_uri
from tests.unit.editor.conftest import picture
from tests.unit.editor.scripted import WAIT, done, running, submitted


def opened(shown):
    return Image.open(io.BytesIO(shown.data))


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_and_every_argument_says_what_it_is(name):
    action = ACTIONS[name]
    fields = action.message.model_fields

    assert len(action.about) > 20
    assert [field for field in fields if len(fields[field].description or "") < 10] == []


async def test_a_picture_is_opened_edited_and_handed_over(ann):
    first = await ann.opens(title="Doors")
    made = await ann.edits(first.project)

    assert (first.title, first.version.width, first.version.height) == ("Doors", 64, 48)
    assert (made.state, made.billed, made.price_usd) == ("done", "yes", 0.04)
    assert made.version.parent == first.version.id
    assert made.version.picture.startswith(f"{ADDRESS}/kontext/api/v1/picture?")
    small = await ann.does("picture", project=first.project)
    whole = await ann.does("picture", project=first.project, size="full")
    assert (opened(small).format, opened(whole).format) == ("JPEG", "PNG")
    assert (whole.facts.version, whole.facts.bytes) == (made.version.id, len(whole.data))


async def test_a_project_takes_several_pictures(ann):
    first = await ann.opens()
    second = await ann.opens(data_uri(picture(seed=1)), project=first.project)

    assert second.project == first.project
    assert len((await ann.does("tree", project=first.project)).versions) == 2


async def test_moving_in_the_tree(ann):
    first = await ann.opens()
    red = await ann.edits(first.project)

    assert (await ann.does("undo", project=first.project)).head == first.version.id
    assert (await ann.does("redo", project=first.project)).head == red.version.id
    assert (await ann.does("go_to", project=first.project, version=first.version.id)).head == first.version.id
    branch = await ann.edits(first.project, "make it blue")
    tree = await ann.does("tree", project=first.project)
    assert branch.version.parent == first.version.id
    assert [version.parent for version in tree.versions] == [None, first.version.id, first.version.id]
    assert tree.head == branch.version.id
    assert [version.number for version in (await ann.does("tree", project=first.project, since=2)).versions] == [3]


async def test_an_edit_that_takes_longer_goes_on_and_is_asked_for_later(ann, backend):
    backend.enqueue(submitted(), running(0.5), WAIT, done)
    project = (await ann.opens()).project
    asked = await ann.edits(project, wait_s=0)
    assert asked.state in ("queued", "submitted", "running")
    assert asked.billed is None

    following = asyncio.create_task(ann.does("wait", edit=asked.id))
    backend.release()
    assert (await following).state == "done"


async def test_who_waits_is_told_how_far_it_is(services, backend):
    backend.enqueue(submitted(), running(0.25), WAIT, done)
    told = []
    seen = asyncio.Event()

    async def progress(now: Running):
        told.append(now.fraction)
        seen.set()

    ann = Program(services, "ann", progress=progress)
    project = (await ann.opens()).project
    edit = asyncio.create_task(ann.edits(project))
    await backend.called.wait()
    await asyncio.wait_for(seen.wait(), 5)
    backend.release()
    await edit
    assert 0.25 in told


async def test_who_stops_waiting_stops_nothing(ann, backend):
    backend.enqueue(submitted(), WAIT, done)
    project = (await ann.opens()).project
    edit = asyncio.create_task(ann.edits(project))
    await backend.called.wait()
    edit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await edit

    (left,) = (await ann.does("tree", project=project)).edits
    backend.release()
    assert (await ann.does("wait", edit=left.id)).state == "done"


async def test_cancelling_says_whether_it_is_billed(ann, backend):
    backend.enqueue(submitted(), WAIT, done)
    project = (await ann.opens()).project
    asked = await ann.edits(project, wait_s=0)
    await backend.called.wait()

    stopped = await ann.does("cancel", edit=asked.id)

    assert stopped.state == "cancelled"
    assert stopped.billed in ("maybe", "no")
    assert stopped.failure.message
    backend.release()


async def test_a_call_that_is_repeated_is_one_edit(ann, backend):
    project = (await ann.opens()).project
    first = await ann.edits(project, request_id="my-first-call")
    again = await ann.edits(project, request_id="my-first-call", max_price_usd=None)

    assert again == first
    assert len(backend.submits) == 1
    with pytest.raises(InvalidRequest, match="Another message"):
        await ann.edits(project, "something else", request_id="my-first-call")


async def test_two_of_one_name_at_once_are_one_edit(ann, backend):
    project = (await ann.opens()).project

    first, second = await asyncio.gather(*(ann.edits(project, request_id="same-name") for _ in range(2)))

    assert first.id == second.id
    assert len(backend.submits) == 1


async def test_a_name_is_its_owners(ann, eve, backend):
    for who in (ann, eve):
        await who.edits((await who.opens()).project, request_id="same-name")

    assert len(backend.submits) == 2


async def test_what_costs_something_needs_a_limit(ann, backend):
    project = (await ann.opens()).project
    with pytest.raises(InvalidRequest, match="sets no limit"):
        await ann.edits(project, max_price_usd=None)
    with pytest.raises(BudgetExceeded):
        await ann.edits(project, max_price_usd=0.01)

    assert backend.submits == []


async def test_a_keys_budget_is_a_limit_and_can_be_asked_for(services, ann):
    project = (await ann.opens()).project
    key, _ = await services.editor.access_keys.make("ann", "script", 0.05)
    script = Program(services, "ann", key.id)
    assert (await script.edits(project, max_price_usd=None)).state == "done"

    with pytest.raises(BudgetExceeded, match="access key"):
        await script.edits(project)
    assert (await script.does("offers")).key_budget.model_dump() == {"limit_usd": 0.05, "spent_usd": 0.04}
    assert (await ann.does("offers")).key_budget is None


async def test_an_edit_follows_a_running_one(ann, backend):
    backend.enqueue(submitted(), WAIT, done)
    project = (await ann.opens()).project
    first = await ann.edits(project, wait_s=0)
    second = await ann.edits(project, "and then", after=first.id, wait_s=0)
    backend.release()

    made = await ann.does("wait", edit=second.id)
    assert made.version.parent == (await ann.does("wait", edit=first.id)).version.id


async def test_an_edit_that_fails_says_why_and_is_no_error(ann, backend):
    backend.enqueue(submitted(), BackendUnavailable("The provider is away.", backend="scripted", hint="Try later."))
    project = (await ann.opens()).project

    made = await ann.edits(project)

    assert (made.state, made.version, made.billed) == ("failed", None, "no")
    assert (made.failure.message, made.failure.hint) == ("The provider is away.", "Try later.")


async def test_comparing_puts_side_by_side_and_measures(ann):
    project = (await ann.opens()).project
    await ann.edits(project)

    shown = await ann.does("compare", project=project)

    assert isinstance(shown, Shown)
    assert opened(shown).size == (64 + 8 + 64, 48)
    assert shown.facts.changed > 0.9
    before, after = np.asarray(opened(shown))[:, :64], np.asarray(opened(shown))[:, 72:]
    assert abs(255 - before.astype(int) - after).mean() < 6  # the backend inverts, the preview is a JPEG


async def test_a_preview_is_small_enough_for_a_message(ann):
    noise = np.random.default_rng(0).integers(0, 255, (800, 1024, 3), np.uint8)
    project = (await ann.opens(data_uri(encode_png(noise)))).project

    small = await ann.does("picture", project=project)

    assert len(small.data) <= MAX_PREVIEW_BYTES
    assert max(opened(small).size) in PREVIEW_SIDES_PX


@pytest.mark.parametrize(
    ("format_name", "found"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP"), ("tiff", "TIFF")]
)
async def test_exporting(ann, format_name, found):
    project = (await ann.opens()).project

    assert opened(await ann.does("export", project=project, format=format_name)).format == found


async def test_a_recipe_is_carried_out_elsewhere(ann):
    first = await ann.opens()
    await ann.edits(first.project, "one")
    await ann.edits(first.project, "two")
    steps = (await ann.does("recipe", project=first.project)).steps
    other = await ann.opens(data_uri(picture(seed=1)))

    run = await ann.does("replay", project=other.project, steps=steps, max_price_usd=0.04, request_id="replay-once")
    again = await ann.does("replay", project=other.project, version=other.version.id, steps=steps,
                           max_price_usd=0.04, request_id="replay-once")  # fmt: skip

    assert (run.finished, again.finished) == (True, True)
    made = (await ann.does("tree", project=other.project)).versions
    assert [version.instruction for version in made] == ["", "one", "two"]


async def test_references_and_masks_come_along(ann, backend, services):
    backend._caps = dataclasses.replace(backend._caps, max_reference_images=2)
    first = await ann.opens()
    upload = await services.uploads.keep("ann", "cat.png", picture(seed=2))

    await ann.edits(first.project, references=[data_uri(), f"version:{first.version.id}"], mask=upload.parent.name)

    request = backend.submits[0][0]
    assert len(request.references) == 2
    assert request.references[1].image == backend.submits[0][0].input_image
    assert request.mask is not None


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ("", "no picture yet"),
        ("data:text/html;base64,AAAA", "cannot be read"),
        ("data:image/png;base64,###", "cannot be read"),
        ("data:image/png;base64,AAAA", r"picture"),
        ("nothing", "not uploaded"),
        ("../../etc/passwd", "not uploaded"),
        ("/etc/passwd", "not uploaded"),
        ("file:///etc/passwd", "not uploaded"),
        ("http://127.0.0.1/x.png", "not on the public internet"),
    ],
)
async def test_what_is_no_picture_leaves_nothing(ann, image, sentence):
    with pytest.raises(InvalidRequest, match=sentence):
        await ann.does("open_picture", image=image)

    assert (await ann.does("projects")).projects == []


async def test_an_upload_is_its_owners(ann, eve, services):
    path = await services.uploads.keep("ann", "../../door.png", picture())
    for sent in (path.parent.name, str(path)):
        assert (await ann.opens(sent)).title == "door"
        with pytest.raises(InvalidRequest) as theirs:
            await eve.opens(sent)
        with pytest.raises(InvalidRequest) as nobodys:
            await eve.opens("x" * 22)
        assert str(theirs.value) == str(nobodys.value)


NAMES = ("صورة الشاطئ.png", "🏖" * 100 + ".png", "..", "a/../../b.png", "nul\0l.png", "C:\\photos\\beach.png", "x" * 400)


@pytest.mark.parametrize("name", NAMES)
async def test_a_file_of_any_name_is_taken(tmp_path, name):
    kept = await Uploads(tmp_path).keep("ann", name, b"data")

    assert kept.read_bytes() == b"data"
    assert kept.parent.parent.parent == tmp_path


OF_SOMEBODY = {
    "open_picture": {"image": data_uri()},
    "edit": {"instruction": "go", "tier": "pro", "max_price_usd": 1},
    "variants": {"instruction": "go", "tier": "pro", "max_price_usd": 1},
    "replay": {"steps": [{"instruction": "go", "tier": "pro"}], "max_price_usd": 1},
}


@pytest.mark.parametrize("name", [name for name, action in ACTIONS.items() if action.message.model_fields])
async def test_what_is_somebody_elses_is_as_what_is_not_there(ann, eve, backend, name):
    first = await ann.opens()
    made = await ann.edits(first.project)
    mine = {"project": first.project, "version": first.version.id, "edit": made.id, "a": first.version.id}
    fields = ACTIONS[name].message.model_fields
    theirs = {field: value for field, value in mine.items() if field in fields}
    nobodys = dict.fromkeys(theirs, "x" * 22)

    errors = []
    for ids in (theirs, nobodys):
        with pytest.raises((ProjectNotFound, JobNotFound, VersionNotFound)) as error:
            await eve.does(name, **OF_SOMEBODY.get(name, {}), **ids)
        errors.append(str(error.value))

    assert errors[0] == errors[1]
    assert len(backend.submits) == 1
