"""An edit has one shape: whatever a person chose is there again wherever the edit is repeated.

Each test below runs over every field of ``EditOptions``; a field that is added without a value in
``CHOSEN`` fails the first test, and from then on has to travel as all others do.
"""

import dataclasses
import json
import subprocess

import pytest
from pydantic_core import to_json

from kontext_ui.cli.edit import make_draft
from kontext_ui.cli.parser import Options, build_parser
from kontext_ui.editor import EditDraft, Facts
from kontext_ui.editor.jobs.receipt import draft_of
from kontext_ui.edits import (
    EditOptions,
    EditRequest,
    LockMode,
    Mode,
    Parameter,
    Parameters,
    Rectangle,
    Reference,
    Tier,
)
from kontext_ui.errors import InvalidRequest
from kontext_ui.history.rows import REQUESTS
from kontext_ui.web.actions import read_message
from kontext_ui.web.rows import job_row, version_row
from tests.tools.scripts import ROOT, find
from tests.unit.editor.conftest import OWNER, picture
from tests.unit.editor.scripted import ScriptedBackend

MASK, REFERENCE = "m" * 64, "r" * 64
CHOSEN = {
    "instruction": "make the door red",
    "prompt": "a red door, nothing else",
    "references": (Reference(REFERENCE),),
    "mask": MASK,
    "region": Rectangle(1, 2, 30, 20),
    "lock": LockMode.ALWAYS,
    "feather_px": 7,
    "native_mask": True,
    "side_by_side": True,
    "preserve": True,
    "keep_character": False,
    "model": "flux2-pro",
    "parameters": Parameters(seed=5, aspect_ratio="3:2", prompt_upsampling=True),
}
TYPED = (
    "edit", "photo.png", "make the door red", "-o", "out.png", "--tier", "pro", "--backend", "scripted",
    "--model", "flux2-pro",
    "--prompt", "a red door, nothing else", "--region", "1,2,30,20", "--lock", "always", "--feather-px", "7",
    "--native-mask", "--side-by-side", "--preserve", "--no-keep-character",
    "--seed", "5", "--aspect-ratio", "3:2", "--prompt-upsampling",
)  # fmt: skip
FILLED = """
    import { readFileSync } from "node:fs";
    import { toDraft } from "./assets/app/core/draft.js";
    console.log(JSON.stringify(toDraft({ request: JSON.parse(readFileSync(0)), parent: "parent" })));
"""
FIELDS = [field.name for field in dataclasses.fields(EditOptions)]
each_field = pytest.mark.parametrize("name", FIELDS)


def able():
    """A backend that takes everything there is."""
    parameters = (
        Parameter("seed", "Seed", "int"),
        Parameter("aspect_ratio", "Aspect ratio", "text"),
        Parameter("prompt_upsampling", "Upsampling", "bool"),
    )
    modes = frozenset({Mode.EDIT, Mode.INPAINT})
    return ScriptedBackend(parameters=parameters, modes=modes, max_reference_images=2, model_id="flux2-pro")


async def edited(make_desk):
    """A desk and a finished edit with every field chosen."""
    desk = await make_desk(able())
    reference = await desk.editor.pictures.add_reference(OWNER, desk.project, picture(seed=3))
    mask = await desk.editor.pictures.add_mask(OWNER, desk.project, desk.root, picture(seed=4))
    chosen = CHOSEN | {"references": (Reference(reference),), "mask": mask}
    turn = await desk.edit(**chosen)
    assert turn.version is not None, turn.job.failure
    return desk, turn, chosen


def as_sent_by_the_page(request, **changes):
    """The row's request, straight back from the page."""
    message = {"project": "p", "draft": json.loads(to_json(request)) | changes}
    return read_message("submit", json.dumps(message).encode()).draft


@each_field
def test_every_field_is_chosen_to_differ_from_its_default(name):
    assert CHOSEN[name] != getattr(EditOptions(""), name)


@each_field
async def test_try_again_sends_it_again(make_desk, name):
    _, turn, chosen = await edited(make_desk)
    row = version_row(turn.version, Facts())

    again = as_sent_by_the_page(row.request, parent=turn.version.parent)

    assert getattr(again, name) == chosen[name]
    assert (again.tier, again.backend, again.parent) == (Tier.PRO, "scripted", turn.version.parent)


@each_field
async def test_a_card_that_failed_sends_it_again(make_desk, name):
    _, turn, chosen = await edited(make_desk)
    row = job_row(turn.job, Facts())

    assert getattr(as_sent_by_the_page(row.request), name) == chosen[name]


async def test_what_is_sent_again_makes_the_same_request(make_desk):
    desk, turn, _ = await edited(make_desk)

    job = await desk.editor.edits.submit(OWNER, desk.project, as_sent_by_the_page(turn.job.request, parent=desk.root))

    assert job.request == turn.job.request


def test_a_row_leaves_out_what_the_page_fills_in():
    plain = EditRequest("make it brighter", tier=Tier.LOCAL, backend="basic", input_image="p" * 64)
    filled = subprocess.check_output(
        [find().program, "--input-type=module", "-e", FILLED], input=to_json(plain.given()), cwd=ROOT
    )

    usual = EditDraft("make it brighter", tier=Tier.LOCAL, backend="basic", parent="parent")

    assert set(plain.given()) == {"instruction", "tier", "backend", "input_image"}
    assert EditDraft(**json.loads(filled)) == dataclasses.replace(usual, references=[], parameters={})


@each_field
def test_the_journal_keeps_it(name):
    request = EditRequest(**CHOSEN, tier=Tier.PRO, backend="scripted")

    assert getattr(REQUESTS.read(REQUESTS.write(request)), name) == CHOSEN[name]


@each_field
async def test_a_recipe_carries_it(make_desk, name):
    desk, turn, chosen = await edited(make_desk)
    file = await desk.editor.pictures.export(OWNER, desk.project, turn.version.id, "png")

    (step,) = (await desk.editor.pictures.read_recipe(file.data)).steps

    assert getattr(draft_of(step, desk.root), name) == chosen[name]


async def test_a_recipe_whose_mask_is_elsewhere_is_refused_before_anything_is_sent(make_desk):
    desk, turn, _ = await edited(make_desk)
    file = await desk.editor.pictures.export(OWNER, desk.project, turn.version.id, "png")
    steps = (await desk.editor.pictures.read_recipe(file.data)).steps
    other = await desk.editor.projects.create(OWNER)
    root = await desk.editor.pictures.open(OWNER, other.id, picture(), "photo.png")

    with pytest.raises(InvalidRequest, match="Step 1 used a mask"):
        await desk.editor.edits.replay(OWNER, other.id, root.id, steps)

    assert (await desk.editor.projects.open(OWNER, other.id)).jobs == ()


@each_field
def test_the_command_line_takes_it(name):
    typed = build_parser().parse_args(TYPED, namespace=Options())

    draft = make_draft(typed, "root", [REFERENCE], MASK)

    assert getattr(draft, name) == CHOSEN[name]
    assert (draft.tier, draft.backend, draft.parent) == (Tier.PRO, "scripted", "root")
