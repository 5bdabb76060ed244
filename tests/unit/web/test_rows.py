"""Domain values as the page's rows: nothing that the page shows is lost or changed on the way."""

import dataclasses
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic_core import to_json

from kontext_ui.basic import read as make_plan
from kontext_ui.editor import BackendOffer, Change, Facts, Overview, ProjectView, Receipt, Spending, Spent, TierOffer
from kontext_ui.editor.drafts import Route
from kontext_ui.edits import Capabilities, EditRequest, Mode, Parameter, Running, Size, SizeRule, Tier
from kontext_ui.errors import Billed, InvalidRequest, NotUnderstood
from kontext_ui.projects import AccessKey, Failure, Job, JobState, Outcome, Project, Version
from kontext_ui.prompting import ACTIONS
from kontext_ui.prompting.seen import Look, Place, Thing
from kontext_ui.web import row_types, rows

NOON = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
SAID = "2026-03-04T12:30:00+00:00"
FACTS = Facts(labels={"bfl": "Black Forest Labs"}, can_check=frozenset({"job"}))
REQUEST = EditRequest(instruction="make it red", tier=Tier.PRO, backend="bfl", input_image="d" * 64)
PROJECT = Project(
    id="p", owner="ann", title="<b>Doors</b>", created_at=NOON, updated_at=NOON, head="v", redo="w", draft="make",
    spent_usd=0.04, unsure_usd=0.01, hidden_count=2, budget_usd=2.0, version_count=3, cover="c", deleted_at=None,
)  # fmt: skip
OUTCOME = Outcome(
    tier=Tier.PRO, backend="bfl", model="Kontext", seconds=3.5, price_usd=0.04, seed=7, description="Painted it.",
    changed_fraction=0.2, change_mask="m", answer="a", warnings=("careful",), alternatives=("other",),
    meters={"drift": 0.1}, plan=None,
)  # fmt: skip
VERSION = Version(
    id="v", project="p", parent="r", digest="d", size=Size(40, 30), has_alpha=True, instruction="make it red",
    created_at=NOON, name="the one", starred=True, job="job", source={}, request=REQUEST, outcome=OUTCOME,
)  # fmt: skip
FAILURE = Failure(
    kind="OutOfCredit", message="Empty.", hint="Pay.", billed=Billed.MAYBE, backend="bfl", request_id="q",
    may_retry=True, suggestions=("less",), capable_tier="max",
)  # fmt: skip
JOB = Job(
    id="job", project="p", owner="ann", parent="v", request=REQUEST, state=JobState.FAILED, created_at=NOON,
    updated_at=NOON, price_usd=0.04, version=None, dismissed_at=NOON, fallback_from="fal", failure=FAILURE,
)  # fmt: skip


def shared(value, row):
    """The fields that a value and its row have in common, as the page gets them."""
    wire = json.loads(to_json(row))
    names = {field.name for field in dataclasses.fields(value)} & wire.keys()
    return {name: wire[name] for name in names}, {name: json.loads(to_json(getattr(value, name))) for name in names}


@pytest.mark.parametrize(
    ("value", "row", "translated"),
    [
        (PROJECT, rows.project_row(PROJECT), {"updated_at"}),
        (VERSION, rows.version_row(VERSION, FACTS), {"created_at", "source", "outcome", "request"}),
        (OUTCOME, rows.version_row(VERSION, FACTS).outcome, set()),
        (JOB, rows.job_row(JOB, FACTS), {"created_at", "request"}),
        (FAILURE, rows.job_row(JOB, FACTS).failure, set()),
    ],
)
def test_a_field_of_the_same_name_has_the_same_value(value, row, translated):
    told, known = shared(value, row)

    assert len(told) > 4
    for name in told.keys() - translated:
        assert told[name] == known[name], name


def test_no_row_tells_whose_it_is():
    fields = {
        field.name
        for kind in vars(row_types).values()
        if dataclasses.is_dataclass(kind) and kind.__module__ == row_types.__name__
        for field in dataclasses.fields(kind)
    }

    assert "digest" in fields
    assert "owner" not in fields


def test_times_are_told_with_their_zone():
    assert rows.project_row(PROJECT).updated_at == SAID
    assert rows.version_row(VERSION, FACTS).created_at == SAID
    assert rows.job_row(JOB, FACTS).created_at == SAID
    assert rows.access_key_row(AccessKey("id", "script", NOON, 2.0, 0.5)) == row_types.AccessKeyRow(
        "id", "script", SAID, 2.0, 0.5
    )


@pytest.mark.parametrize("deleted_at", [None, NOON])
def test_a_project_says_whether_it_is_in_the_bin(deleted_at):
    project = dataclasses.replace(PROJECT, deleted_at=deleted_at)

    assert rows.project_row(project).deleted is (deleted_at is not None)


def test_a_version_says_its_size_and_whether_it_is_see_through():
    row = rows.version_row(VERSION, FACTS)

    assert (row.width, row.height, row.alpha) == (40, 30, True)
    assert row.source is None, "an edit comes from no file"


def test_an_opened_picture_says_its_file_and_no_outcome():
    opened = dataclasses.replace(VERSION, parent=None, request=None, outcome=None, source={"filename": "a.png"})
    row = rows.version_row(opened, FACTS)

    assert row.source == {"filename": "a.png"}
    assert row.outcome is None
    assert row.request is None


def test_backends_are_told_by_the_names_that_people_know():
    unknown = Facts()

    assert rows.version_row(VERSION, FACTS).outcome.backend_label == "Black Forest Labs"
    assert rows.job_row(JOB, FACTS).backend_label == "Black Forest Labs"
    assert rows.job_row(JOB, unknown).backend_label == "bfl"


@pytest.mark.parametrize(("answer", "mask"), [("a", "m"), (None, "m"), ("a", None)])
def test_a_change_can_be_adjusted_where_answer_and_mask_are_kept(answer, mask):
    outcome = dataclasses.replace(OUTCOME, answer=answer, change_mask=mask)
    row = rows.version_row(dataclasses.replace(VERSION, outcome=outcome), FACTS).outcome

    assert row.adjustable is bool(answer and mask)
    assert row.changed == 0.2


def test_a_job_says_what_may_be_done_with_it():
    row = rows.job_row(JOB, FACTS)

    assert row.can_check is True
    assert row.dismissed is True
    assert row.state == "failed"
    assert row.instruction == "make it red"
    assert rows.job_row(dataclasses.replace(JOB, id="other", dismissed_at=None, failure=None), FACTS) == (
        dataclasses.replace(row, id="other", can_check=False, dismissed=False, failure=None)
    )


@pytest.fixture
def pixels():
    return np.zeros((4, 4, 3), np.uint8)


def test_progress_is_told_without_its_picture(pixels):
    running = {"a": Running(0.5, "painting", preview=pixels), "b": Running(queue_position=3)}

    shown, waiting = rows.progress_rows(running, 7)

    assert shown == row_types.ProgressRow("a", 0.5, "painting", None, "previews/a/7")
    assert (waiting.queue_position, waiting.preview) == (3, None)


def test_each_preview_has_an_address_of_its_own(pixels):
    running = {"a": Running(0.5, preview=pixels)}

    assert rows.progress_rows(running, 7)[0].preview != rows.progress_rows(running, 8)[0].preview


def test_a_change_becomes_a_patch_of_what_changed_alone():
    assert rows.change_patch(Change(revision=5)) == row_types.Patch(revision=5)

    patch = rows.change_patch(
        Change(5, PROJECT, (VERSION,), (JOB,), ("gone",), {"other": Running(0.1)}, FACTS),
    )

    assert patch.project.id == "p"
    assert [row.id for row in patch.versions] == ["v"]
    assert patch.removed_versions == ("gone",)
    assert [row.id for row in patch.jobs] == ["job", "other"]


def test_a_whole_project_has_the_shape_of_a_patch():
    view = ProjectView(PROJECT, (VERSION,), (JOB,), {"job": Running(0.1)}, 9, FACTS)

    patch = rows.view_patch(view)

    assert patch == rows.change_patch(Change(9, PROJECT, (VERSION,), (JOB,), (), {"job": Running(0.1)}, FACTS))


def test_a_tier_offers_what_its_backends_can():
    capabilities = Capabilities(
        model="Kontext", modes=frozenset({Mode.INPAINT, Mode.EDIT}), price_usd=0.04, price_note="each",
        parameters=(Parameter("seed", "Seed", "int"),), unsupported={"mask": "No."}, max_reference_images=2,
        size_rule=SizeRule("any"), typical_s=4.0,
    )  # fmt: skip
    ready = BackendOffer("bfl", "BFL", True, "", "", capabilities, takes_key=True, own_key=True)
    away = dataclasses.replace(ready, id="fal", ready=False, reason="No key.", hint="Set one.")

    (row,) = rows.tier_rows([TierOffer(Tier.PRO, (away, ready))])

    assert (row.tier, row.label, row.chosen) == ("pro", "Pro", "bfl")
    second, first = row.backends
    assert (second.id, second.ready, second.reason, second.hint) == ("fal", False, "No key.", "Set one.")
    assert first.modes == ("edit", "inpaint")
    assert (first.takes_key, first.own_key, first.full_resolution) == (True, True, True)
    assert (first.price_usd, first.max_reference_images, first.unsupported) == (0.04, 2, {"mask": "No."})


def test_a_tier_without_a_ready_backend_chooses_none():
    assert rows.tier_rows([TierOffer(Tier.MAX, ())])[0].chosen is None


def test_a_receipt_says_what_would_be_sent_and_at_what_price():
    receipt = Receipt(
        REQUEST, "BFL", "Kontext", 0.04, "each", 4.0, "40x30", Route(Capabilities(model="Kontext"), None), ("careful",)
    )

    row = rows.receipt_row(receipt)

    assert (row.tier, row.backend, row.backend_label, row.model) == ("pro", "bfl", "BFL", "Kontext")
    assert (row.price_usd, row.price_note, row.typical_s, row.geometry) == (0.04, "each", 4.0, "40x30")
    assert (row.prompt, row.warnings) == ("make it red", ("careful",))


def test_an_overview_says_what_is_seen():
    seen = Look(things=(Thing("cup", 2, Place.LEFT),), sky=True, subject=False, words=("EXIT",))

    row = rows.overview_row(Overview(seen, (), ()))

    assert [(thing.name, thing.count, thing.place) for thing in row.things] == [("cup", 2, "left")]
    assert (row.sky, row.subject, row.words) == (True, False, ("EXIT",))


def test_the_builder_offers_every_action():
    row = rows.builder_row()

    assert [action.id for action in row.actions] == [action.id for action in ACTIONS]
    assert all(action.label for action in row.actions)
    assert row.preservable


def test_what_was_spent_is_named():
    projects = (Spent("p1", "Holiday", 0.04, 0.08, 3), Spent("p2", "", 0.04, 0, 1))
    row = rows.spending_row(
        Spending(0.5, projects, (Spent("kontext-pro", "", 0.08, 0, 2),), (Spent("2026-03-04", "", 1, 0, 9),))
    )

    assert [(one.id, one.label) for one in row.projects] == [("p1", "Holiday"), ("p2", "A deleted project")]
    assert (row.projects[0].paid_usd, row.projects[0].unsure_usd, row.projects[0].edits) == (0.04, 0.08, 3)
    assert [one.label for one in row.models] == ["FLUX.1 Kontext [pro]"]
    assert [one.label for one in row.days] == ["2026-03-04"]


def test_an_error_says_what_to_do_and_what_it_cost():
    row = rows.error_row(
        NotUnderstood("What?", backend="builtin", hint="Say it otherwise.", suggestions=("make it red",))
    )

    assert (row.kind, row.message, row.hint, row.billed) == ("NotUnderstood", "What?", "Say it otherwise.", "no")
    assert row.suggestions == ("make it red",)
    assert rows.error_row(InvalidRequest("No.")).suggestions == ()


@pytest.mark.parametrize(
    ("instruction", "lines"),
    [
        ("make the car red", ["recolour · the car · red"]),
        ("remove the man on the left", ["remove · the man on the left"]),
        ("make it 20% brighter then rotate 90 degrees", ["brightness · 20%", "rotate · 90°"]),
        ("resize to 800x600", ["resize · width 800 · height 600"]),
        ("make everything except the car black and white", ["greyscale · all but the car · 100%"]),
        ("make it black and white but keep the sky", ["greyscale · 100%", "keep · the sky"]),
    ],
)
def test_a_plan_is_told_in_a_line_for_each_step(instruction, lines):
    assert rows.plan_lines(make_plan(instruction).as_json()) == tuple(lines)


@pytest.mark.parametrize(
    "plan", [None, {}, [], "text", {"steps": None}, {"steps": ["text"]}, {"steps": 8}, {"steps": [{"a": 1}], "keep": 3}]
)
def test_what_is_no_plan_gives_no_lines(plan):
    assert rows.plan_lines(plan) == ()
