from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from kontext_ui.edits import Reference
from kontext_ui.errors import Billed, HistoryError, ImageMissing, ProjectNotFound, StorageFull, VersionNotFound
from kontext_ui.history.project_store import MAX_TITLE_CHARS
from kontext_ui.history.store import HistoryStore
from kontext_ui.history.tree_store import MAX_NAME_CHARS
from kontext_ui.projects import ImageKind, Version
from tests.unit.history_kit import (
    OWNER,
    SIZE,
    START,
    STRANGER,
    Clock,
    add_root,
    chain,
    children,
    digest,
    edit,
    failure,
    new_job,
    outcome,
    request,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite3"


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[HistoryStore]:
    with HistoryStore(path, clock=clock) as store:
        yield store


@pytest.fixture
def project(store: HistoryStore) -> str:
    return store.projects.create(OWNER, "Holiday").id


def ids(versions: list[Version]) -> list[str]:
    return [version.id for version in versions]


# Projects


def test_a_new_project_is_empty_and_belongs_to_its_owner(store: HistoryStore) -> None:
    project = store.projects.create(OWNER, "  Holiday \n by the sea ")
    assert (project.title, project.head, project.redo, project.cover) == ("Holiday by the sea", None, None, None)
    assert (project.version_count, project.spent_usd, project.draft) == (0, 0.0, "")
    assert project.created_at == START
    assert len(project.id) >= 22
    assert store.projects.get(OWNER, project.id) == project


def test_titles_are_cut_and_never_empty(store: HistoryStore) -> None:
    assert store.projects.create(OWNER, " \t").title == "Untitled"
    assert len(store.projects.create(OWNER, "x" * 1000).title) == MAX_TITLE_CHARS


def test_text_that_utf8_cannot_hold_is_still_saved(store: HistoryStore) -> None:
    project = store.projects.create(OWNER, "half \ud83d")
    store.projects.save_draft(OWNER, project.id, "draft \ud83d 🙂")
    assert store.projects.get(OWNER, project.id).draft == "draft ? 🙂"


def test_the_list_has_the_last_changed_first(store: HistoryStore, clock: Clock) -> None:
    first, second = (store.projects.create(OWNER, title).id for title in ("one", "two"))
    store.projects.create(STRANGER, "not mine")
    assert ids(store.projects.all(OWNER)) == [second, first]
    clock.advance(seconds=1)
    root = add_root(store, first)
    listed = store.projects.all(OWNER)
    assert ids(listed) == [first, second]
    assert (listed[0].cover, listed[0].version_count) == (root.digest, 1)


def test_the_bin_holds_what_was_deleted_until_it_is_restored(store: HistoryStore, project: str, clock: Clock) -> None:
    deleted = store.projects.delete(OWNER, project)
    clock.advance(days=1)
    assert store.projects.delete(OWNER, project).deleted_at == deleted.deleted_at == START
    assert store.projects.all(OWNER) == []
    assert ids(store.projects.all(OWNER, deleted=True)) == [project]
    assert store.projects.restore(OWNER, project).deleted_at is None
    assert ids(store.projects.all(OWNER)) == [project]


def test_a_project_in_the_bin_can_be_read_but_not_worked_on(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    store.projects.delete(OWNER, project)
    assert ids(store.tree.all(OWNER, project)) == [root.id]
    assert store.images.get(OWNER, project, root.digest).digest == root.digest
    store.projects.save_draft(OWNER, project, "still typed")
    assert store.projects.get(OWNER, project).draft == "still typed"
    with pytest.raises(ProjectNotFound, match="bin"):
        add_root(store, project)
    with pytest.raises(ProjectNotFound, match="bin"):
        store.jobs.create(new_job(project, root.id))


def test_purging_removes_only_what_was_binned_before(store: HistoryStore, clock: Clock) -> None:
    old, young, kept = (store.projects.create(OWNER, title).id for title in ("old", "young", "kept"))
    chain(store, old, "one", "two")
    store.projects.delete(OWNER, old)
    clock.advance(days=10)
    store.projects.delete(OWNER, young)
    assert store.projects.purge_deleted(clock.now - timedelta(days=5)) == [old]
    with pytest.raises(ProjectNotFound):
        store.projects.get(OWNER, old)
    assert {project.id for project in store.projects.all(OWNER, deleted=True)} == {young}
    assert ids(store.projects.all(OWNER)) == [kept]


def test_what_nobody_changed_for_long_goes_to_the_bin_unless_an_edit_runs(store: HistoryStore, clock: Clock) -> None:
    old, busy = (store.projects.create(OWNER, title).id for title in ("old", "busy"))
    store.jobs.create(new_job(busy, add_root(store, busy).id))
    clock.advance(days=10)
    fresh = store.projects.create(OWNER, "fresh").id
    assert store.projects.expire(clock.now - timedelta(days=5)) == 1
    assert {project.id for project in store.projects.all(OWNER)} == {busy, fresh}
    assert [project.id for project in store.projects.all(OWNER, deleted=True)] == [old]


def test_purging_waits_for_a_job_that_is_still_open(store: HistoryStore, project: str, clock: Clock) -> None:
    job = store.jobs.create(new_job(project, None))
    store.projects.delete(OWNER, project)
    clock.advance(days=1)
    assert store.projects.purge_deleted(clock.now) == []
    version = store.jobs.commit(job.id, digest("x"), SIZE, False, outcome()).version
    assert store.projects.restore(OWNER, project).head == version.id
    store.projects.delete(OWNER, project)
    clock.advance(seconds=1)
    assert store.projects.purge_deleted(clock.now) == [project]


def test_a_duplicate_has_the_same_tree_with_ids_of_its_own(store: HistoryStore, project: str) -> None:
    root, one, two = chain(store, project, "one", "two")
    branch = edit(store, project, root.id, "other")
    store.tree.select(OWNER, project, two.id)
    store.tree.undo(OWNER, project)
    store.tree.star(OWNER, project, one.id, True)
    store.tree.name(OWNER, project, two.id, "the best")
    store.tree.prune(OWNER, project, branch.id)
    store.projects.save_draft(OWNER, project, "half")
    store.projects.set_budget(OWNER, project, 2.5)
    copy = store.projects.duplicate(OWNER, project)
    copies = store.tree.all(OWNER, copy.id)
    assert copy.title == "Copy of Holiday"
    assert (copy.draft, copy.budget_usd, copy.version_count) == ("half", 2.5, 3)
    assert [v.digest for v in copies] == [root.digest, one.digest, two.digest]
    assert [v.request for v in copies] == [None, one.request, two.request]
    assert [v.starred for v in copies] == [False, True, False]
    assert copies[2].name == "the best"
    assert [v.parent for v in copies] == [None, copies[0].id, copies[1].id]
    assert set(ids(copies)).isdisjoint(ids(store.tree.all(OWNER, project)))
    assert (copy.head, copy.redo) == (copies[1].id, copies[2].id)
    assert store.images.get(OWNER, copy.id, root.digest).kind is ImageKind.VERSION
    (hidden,) = store.tree.pruned(OWNER, copy.id)
    assert hidden.digest == branch.digest
    assert store.tree.restore(OWNER, copy.id, hidden.id) == [hidden.id]


def test_work_on_a_duplicate_leaves_the_original_alone(store: HistoryStore, project: str) -> None:
    root, _ = chain(store, project, "one")
    before = store.projects.get(OWNER, project)
    copy = store.projects.duplicate(OWNER, project)
    edit(store, copy.id, copy.head, "two")
    store.tree.prune(OWNER, copy.id, store.tree.all(OWNER, copy.id)[0].id)
    assert store.projects.get(OWNER, project) == before
    assert len(store.tree.all(OWNER, project)) == 2
    assert store.tree.all(OWNER, project)[0].id == root.id


# Versions


def test_an_opened_picture_is_a_root_and_the_head(store: HistoryStore, project: str) -> None:
    root = store.tree.add_root(OWNER, project, digest("a"), SIZE, True, {"format": "HEIC", "icc": "Display P3"})
    assert (root.parent, root.request, root.outcome, root.job) == (None, None, None, None)
    assert (root.size, root.has_alpha, root.source) == (SIZE, True, {"format": "HEIC", "icc": "Display P3"})
    second = add_root(store, project, "b")
    assert store.projects.get(OWNER, project).head == second.id
    assert store.tree.all(OWNER, project) == [root, second]


def test_everything_that_influenced_an_edit_is_read_back(path: Path, store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    asked = request("blend “these” 🙂", references=(Reference(digest("r")),), mask=digest("m"), native_mask=True)
    made = outcome(
        plan={"steps": [{"op": "warm", "by": 0.1}]},
        meters={"shift_px": 0.25, "zoom": float("inf")},
        warnings=("small",),
        change_mask=digest("c"),
        price_usd=0.04,
    )
    job = store.jobs.create(new_job(project, root.id, request=asked))
    version = store.jobs.commit(job.id, digest("x"), SIZE, False, made).version
    with HistoryStore(path) as other:
        again = other.tree.get(OWNER, project, version.id)
    assert again == version
    assert (again.request, again.outcome, again.instruction) == (asked, made, asked.instruction)
    assert again.job == job.id


def test_the_path_runs_from_the_root_to_the_version(store: HistoryStore, project: str) -> None:
    versions = chain(store, project, "one", "two", "three")
    edit(store, project, versions[1].id, "aside")
    assert ids(store.tree.path_to_root(OWNER, project, versions[3].id)) == ids(versions)
    assert ids(store.tree.path_to_root(OWNER, project, versions[3].id, limit=2)) == ids(versions[2:])
    assert ids(store.tree.path_to_root(OWNER, project, versions[0].id)) == [versions[0].id]


def test_children_are_the_direct_ones(store: HistoryStore, project: str) -> None:
    root, one, two = chain(store, project, "one", "two")
    other = edit(store, project, root.id, "other")
    assert ids(children(store, project, root.id)) == [one.id, other.id]
    assert children(store, project, two.id) == []


def test_a_version_of_another_project_is_not_found(store: HistoryStore, project: str) -> None:
    elsewhere = add_root(store, store.projects.create(OWNER).id)
    add_root(store, project)
    with pytest.raises(VersionNotFound):
        store.tree.get(OWNER, project, elsewhere.id)
    with pytest.raises(VersionNotFound):
        store.tree.select(OWNER, project, elsewhere.id)
    with pytest.raises(VersionNotFound):
        store.jobs.create(new_job(project, elsewhere.id))


def test_stars_and_names(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    assert store.tree.star(OWNER, project, root.id, True).starred
    assert store.tree.name(OWNER, project, root.id, " the \n original ").name == "the original"
    assert store.tree.get(OWNER, project, root.id).starred
    assert len(store.tree.name(OWNER, project, root.id, "x" * 500).name or "") == MAX_NAME_CHARS
    assert store.tree.name(OWNER, project, root.id, "  ").name is None
    assert store.tree.name(OWNER, project, root.id, None).name is None
    assert not store.tree.star(OWNER, project, root.id, False).starred


# Head, undo, redo


def test_undo_three_times_and_redo_three_times_walks_back_the_same_way(
    path: Path, store: HistoryStore, project: str
) -> None:
    root, one, two, three = chain(store, project, "one", "two", "three")
    edit(store, project, one.id, "a branch")  # younger than two, and not where undo came from
    store.tree.select(OWNER, project, three.id)
    assert [store.tree.undo(OWNER, project).head for _ in range(3)] == [two.id, one.id, root.id]
    with HistoryStore(path) as restarted:
        assert restarted.projects.get(OWNER, project).redo == one.id
        assert [restarted.tree.redo(OWNER, project).head for _ in range(3)] == [one.id, two.id, three.id]


def test_undo_at_a_root_and_redo_with_nothing_change_nothing(store: HistoryStore, project: str, clock: Clock) -> None:
    empty = store.projects.get(OWNER, project)
    assert store.tree.undo(OWNER, project) == store.tree.redo(OWNER, project) == empty
    add_root(store, project)
    before = store.projects.get(OWNER, project)
    clock.advance(hours=1)
    assert store.tree.undo(OWNER, project) == store.tree.redo(OWNER, project) == before


def test_redo_goes_to_the_child_that_undo_left_last(store: HistoryStore, project: str) -> None:
    root, one = chain(store, project, "one")
    two = edit(store, project, root.id, "two")
    for version in (one, two, one):
        store.tree.select(OWNER, project, version.id)
        assert store.tree.undo(OWNER, project).redo == version.id


def test_a_variant_is_a_sibling_with_the_same_request_and_costs_nothing(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    job = store.jobs.create(new_job(project, root.id, price_usd=0.04))
    first = store.jobs.commit(job.id, digest("x"), SIZE, False, outcome(change_mask=digest("m"))).version
    store.tree.undo(OWNER, project)
    variant = store.tree.add_variant(OWNER, project, first.id, digest("y"), outcome(change_mask=digest("n")))
    assert (variant.parent, variant.request, variant.digest) == (root.id, first.request, digest("y"))
    assert store.images.get(OWNER, project, digest("n")).kind is ImageKind.CHANGE_MASK
    assert (store.projects.get(OWNER, project).head, store.spend.of_project(project)) == (variant.id, 0.04)
    assert store.tree.select(OWNER, project, root.id).redo is None
    assert ids(store.tree.search(OWNER, project, "red")) == [variant.id, first.id]


def test_a_new_edit_takes_redo_away_but_not_the_version(store: HistoryStore, project: str) -> None:
    root, one = chain(store, project, "one")
    assert store.tree.undo(OWNER, project).redo == one.id
    two = edit(store, project, root.id, "two")
    assert store.projects.get(OWNER, project).head == two.id
    store.tree.select(OWNER, project, root.id)
    assert store.projects.get(OWNER, project).redo is None
    assert store.tree.redo(OWNER, project).head == root.id
    assert one.id in ids(children(store, project, root.id))


def test_a_look_elsewhere_keeps_redo(store: HistoryStore, project: str) -> None:
    root, one, two = chain(store, project, "one", "two")
    store.tree.undo(OWNER, project)
    store.tree.select(OWNER, project, root.id)
    assert store.projects.get(OWNER, project).redo is None  # undo never came to the root
    assert store.tree.select(OWNER, project, one.id).redo == two.id


def test_pruning_the_redo_child_takes_redo_away_until_it_is_restored(store: HistoryStore, project: str) -> None:
    _, one = chain(store, project, "one")
    store.tree.undo(OWNER, project)
    store.tree.prune(OWNER, project, one.id)
    assert store.projects.get(OWNER, project).redo is None
    store.tree.restore(OWNER, project, one.id)
    assert store.projects.get(OWNER, project).redo == one.id


# Pruning


def test_pruning_hides_the_subtree_and_moves_the_head_to_the_parent(store: HistoryStore, project: str) -> None:
    root, one, two, three = chain(store, project, "one", "two", "three")
    aside = edit(store, project, two.id, "aside")
    assert set(store.tree.prune(OWNER, project, two.id)) == {two.id, three.id, aside.id}
    assert ids(store.tree.all(OWNER, project)) == [root.id, one.id]
    assert store.projects.get(OWNER, project).head == one.id
    assert store.projects.get(OWNER, project).version_count == 2
    assert store.tree.get(OWNER, project, three.id).pruned_at == START
    assert store.tree.restore(OWNER, project, two.id) == [two.id, three.id, aside.id]
    assert store.projects.get(OWNER, project).head == one.id
    assert len(store.tree.all(OWNER, project)) == 5


def test_pruning_a_root_moves_the_head_to_another_root_or_nowhere(store: HistoryStore, project: str) -> None:
    first = add_root(store, project, "a")
    second = add_root(store, project, "b")
    store.tree.prune(OWNER, project, second.id)
    assert store.projects.get(OWNER, project).head == first.id
    store.tree.prune(OWNER, project, first.id)
    assert store.projects.get(OWNER, project).head is None
    store.tree.restore(OWNER, project, first.id)
    assert store.projects.get(OWNER, project).head == first.id


def test_pruning_elsewhere_leaves_the_head(store: HistoryStore, project: str) -> None:
    root, one = chain(store, project, "one")
    other = edit(store, project, root.id, "other")
    store.tree.select(OWNER, project, one.id)
    store.tree.prune(OWNER, project, other.id)
    assert store.projects.get(OWNER, project).head == one.id


def test_versions_are_numbered_from_one_and_hiding_renumbers_nothing(store: HistoryStore, project: str) -> None:
    _, one, two = chain(store, project, "one", "two")
    assert [version.number for version in store.tree.all(OWNER, project)] == [1, 2, 3]
    store.tree.prune(OWNER, project, two.id)
    assert edit(store, project, one.id, "three").number == 4
    copy = store.projects.duplicate(OWNER, project).id
    assert [version.number for version in store.tree.all(OWNER, copy)] == [1, 2, 4]
    assert chain(store, store.projects.create(OWNER).id)[0].number == 1


def test_restoring_brings_back_only_what_that_pruning_hid(store: HistoryStore, project: str) -> None:
    _, one, two, three = chain(store, project, "one", "two", "three")
    store.tree.prune(OWNER, project, three.id)
    store.tree.prune(OWNER, project, one.id)
    assert ids(store.tree.pruned(OWNER, project)) == [three.id, one.id]
    assert store.tree.restore(OWNER, project, one.id) == [one.id, two.id]
    assert store.tree.restore(OWNER, project, three.id) == [three.id]


def test_a_branch_restored_inside_a_pruned_one_comes_back_with_it(store: HistoryStore, project: str) -> None:
    _, one, two = chain(store, project, "one", "two")
    store.tree.prune(OWNER, project, two.id)
    store.tree.prune(OWNER, project, one.id)
    assert store.tree.restore(OWNER, project, two.id) == []
    assert two.id not in ids(store.tree.all(OWNER, project))
    assert store.tree.restore(OWNER, project, one.id) == [one.id, two.id]


def test_restoring_what_was_not_pruned_itself_does_nothing(store: HistoryStore, project: str) -> None:
    _, one, two = chain(store, project, "one", "two")
    assert store.tree.restore(OWNER, project, two.id) == []
    store.tree.prune(OWNER, project, one.id)
    assert store.tree.restore(OWNER, project, two.id) == []
    assert two.id not in ids(store.tree.all(OWNER, project))


def test_a_pruned_version_can_be_neither_selected_nor_edited_nor_pruned_again(
    store: HistoryStore, project: str
) -> None:
    _, one, two = chain(store, project, "one", "two")
    store.tree.prune(OWNER, project, one.id)
    for version in (one, two):
        with pytest.raises(VersionNotFound):
            store.tree.select(OWNER, project, version.id)
        with pytest.raises(VersionNotFound):
            store.tree.prune(OWNER, project, version.id)
        with pytest.raises(VersionNotFound):
            store.jobs.create(new_job(project, version.id))


# Search


@pytest.mark.parametrize(
    ("needle", "found"),
    [
        ("DOOR", ["make the door red"]),
        ("oor re", ["make the door red"]),
        ("  door   RED ", ["make the door red"]),
        ("ÜBER", ["mach es über und über blau"]),
        ("ΌΡΟΦΟΣ", ["άλλος όροφος"]),
        ("красный", ["сделай дом КРАСНЫЙ"]),
        ("strasse", ["die STRAẞE heller"]),
        ("100%", ["100% brighter"]),
        ("0_b", []),
        ("%", ["100% brighter"]),
        ("'; DROP TABLE versions; --", []),
        ("red\nkeep", []),
        ("the ne", []),
    ],
)
def test_search_finds_parts_of_instructions(store: HistoryStore, project: str, needle: str, found: list[str]) -> None:
    texts = ("make the door red", "mach es über und über blau", "άλλος όροφος", "сделай дом КРАСНЫЙ")
    for text in (*texts, "die STRAẞE heller", "100% brighter", "plain"):
        edit(store, project, None, text)
    assert [version.instruction for version in store.tree.search(OWNER, project, needle)] == found


def test_search_looks_in_names_newest_first_and_not_in_pruned_branches(store: HistoryStore, project: str) -> None:
    root, one, two, three = chain(store, project, "sky", "bluer sky", "even bluer SKY")
    store.tree.name(OWNER, project, root.id, "Skyline")
    assert ids(store.tree.search(OWNER, project, "sky")) == [three.id, two.id, one.id, root.id]
    assert ids(store.tree.search(OWNER, project, "sky", limit=2)) == [three.id, two.id]
    store.tree.prune(OWNER, project, two.id)
    assert ids(store.tree.search(OWNER, project, "sky")) == [one.id, root.id]
    store.tree.name(OWNER, project, root.id, None)
    assert ids(store.tree.search(OWNER, project, "line")) == []
    assert store.tree.search(OWNER, project, " ") == []


# Spend


def test_spend_counts_results_and_billed_failures_once(store: HistoryStore, project: str, clock: Clock) -> None:
    root = add_root(store, project)
    for _ in range(3):
        job = store.jobs.create(new_job(project, root.id, price_usd=0.04))
        store.jobs.commit(job.id, digest("x"), SIZE, False, outcome())
    told = store.jobs.create(new_job(project, root.id, price_usd=0.04))
    store.jobs.commit(told.id, digest("y"), SIZE, False, outcome(price_usd=0.05))
    for billed in Billed:
        job = store.jobs.create(new_job(project, root.id, price_usd=1.0))
        store.jobs.close_failed(job.id, failure(billed))
    assert store.spend.of_project(project) == store.projects.get(OWNER, project).spent_usd == 2.17
    clock.advance(days=1)
    assert store.spend.today(OWNER) == 0.0
    later = store.jobs.create(new_job(project, root.id, price_usd=0.08))
    store.jobs.mark_uncertain(later.id, failure(Billed.MAYBE))
    assert store.spend.today(OWNER) == 0.08
    assert store.spend.today(STRANGER) == 0.0


def test_todays_spend_survives_purge_and_is_not_doubled_by_a_duplicate(
    store: HistoryStore, project: str, clock: Clock
) -> None:
    root = add_root(store, project)
    job = store.jobs.create(new_job(project, root.id, price_usd=0.04))
    store.jobs.commit(job.id, digest("x"), SIZE, False, outcome())
    assert store.projects.duplicate(OWNER, project).spent_usd == 0.0
    store.projects.delete(OWNER, project)
    clock.advance(seconds=1)
    assert store.projects.purge_deleted(clock.now) == [project]
    assert store.spend.today(OWNER) == 0.04


def test_spending_is_told_per_day_project_and_model_and_what_is_not_sure_apart(
    store: HistoryStore, project: str, clock: Clock
) -> None:
    another = store.projects.create(OWNER, "Another").id
    first = clock.now.date().isoformat()
    pay(store, project, 0.04, "kontext-pro")
    pay(store, another, 0.08, "kontext-max")
    clock.advance(days=2)
    later = clock.now.date().isoformat()
    pay(store, project, 0.5, "kontext-pro")
    pay(store, project, 0.0, "kontext-pro")
    for billed in Billed:
        job = store.jobs.create(new_job(project, None, price_usd=0.04, request=request(model="kontext-pro")))
        store.jobs.close_failed(job.id, failure(billed))

    said = lambda what, limit=7: [  # noqa: E731
        (row.key, row.title, row.paid_usd, row.unsure_usd, row.edits) for row in store.spend.by(OWNER, what, limit)
    ]
    assert said("day") == [(later, "", 0.54, 0.04, 3), (first, "", 0.12, 0.0, 2)]
    assert said("day", 1) == [(later, "", 0.54, 0.04, 3)]
    assert said("project") == [(project, "Holiday", 0.58, 0.04, 4), (another, "Another", 0.08, 0.0, 1)]
    assert said("model") == [("kontext-pro", "", 0.58, 0.04, 4), ("kontext-max", "", 0.08, 0.0, 1)]
    assert store.spend.by(STRANGER, "day", 7) == []
    kept = store.projects.get(OWNER, project)
    assert (kept.spent_usd, kept.unsure_usd) == (0.62, 0.04)


def test_what_a_purged_project_cost_is_still_told_without_its_name(
    store: HistoryStore, project: str, clock: Clock
) -> None:
    pay(store, project, 0.04, "kontext-pro")
    store.projects.delete(OWNER, project)
    clock.advance(seconds=1)
    store.projects.purge_deleted(clock.now)

    (row,) = store.spend.by(OWNER, "project", 7)
    assert (row.key, row.title, row.paid_usd) == (project, "", 0.04)
    assert [row.paid_usd for row in store.spend.by(OWNER, "model", 7)] == [0.04]


def test_whoever_runs_the_program_sees_who_spent_what(store: HistoryStore, project: str) -> None:
    pay(store, project, 0.04, "kontext-pro")
    pay(store, project, 0.04, "kontext-pro")
    theirs = store.projects.create(STRANGER, "Theirs").id
    pay(store, theirs, 0.08, "kontext-max", owner=STRANGER)

    said = [(row.owner, row.title, row.model, row.paid_usd, row.edits) for row in store.spend.ledger()]
    assert said == [(OWNER, "Holiday", "kontext-pro", 0.08, 2), (STRANGER, "Theirs", "kontext-max", 0.08, 1)]


def pay(store: HistoryStore, project: str, usd: float, model: str, owner: str = OWNER) -> None:
    job = store.jobs.create(new_job(project, None, price_usd=usd, request=request(model=model), owner=owner))
    store.jobs.commit(job.id, digest("x"), SIZE, False, outcome())


def test_cost_of_a_path(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    parents = [root.id]
    for price in (0.1, 0.2, 0.4):
        job = store.jobs.create(new_job(project, parents[-1], price_usd=price))
        parents.append(store.jobs.commit(job.id, digest("x"), SIZE, False, outcome()).version.id)
    assert store.tree.path_cost_usd(OWNER, project, parents[2]) == 0.3
    assert store.tree.path_cost_usd(OWNER, project, root.id) == 0.0


# Images and preferences


def test_a_project_shows_the_images_noted_for_it_and_no_others(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    job = store.jobs.create(new_job(project, root.id))
    store.jobs.commit(job.id, digest("x"), SIZE, False, outcome(change_mask=digest("changed")))
    store.images.add(project, digest("mask"), ImageKind.MASK, SIZE)
    store.images.add(project, digest("ref"), "reference", SIZE, "image/jpeg", icc=digest("icc"))
    kinds = {
        root.digest: ImageKind.VERSION,
        digest("x"): ImageKind.VERSION,
        digest("changed"): ImageKind.CHANGE_MASK,
        digest("mask"): ImageKind.MASK,
        digest("ref"): ImageKind.REFERENCE,
    }
    assert {image: store.images.get(OWNER, project, image).kind for image in kinds} == kinds
    shown = store.images.get(OWNER, project, digest("ref"))
    assert (shown.size, shown.media_type, shown.icc) == (SIZE, "image/jpeg", digest("icc"))
    other = store.projects.create(OWNER).id
    with pytest.raises(ImageMissing):
        store.images.get(OWNER, other, root.digest)
    with pytest.raises(ProjectNotFound):
        store.images.get(STRANGER, project, root.digest)
    with pytest.raises(ProjectNotFound):
        store.images.add("nowhere", digest("x"), ImageKind.MASK, SIZE)


def test_a_version_used_as_reference_stays_a_version(store: HistoryStore, project: str) -> None:
    store.images.add(project, digest("photo"), ImageKind.REFERENCE, SIZE)
    root = add_root(store, project, "photo")
    store.images.add(project, root.digest, ImageKind.REFERENCE, SIZE)
    assert store.images.get(OWNER, project, root.digest).kind is ImageKind.VERSION


def test_preferences_are_kept_per_owner(path: Path, store: HistoryStore) -> None:
    assert store.preferences.get(OWNER, "tier", "local") == "local"
    store.preferences.set(OWNER, "tier", "pro")
    store.preferences.set(OWNER, "panel", {"open": ["tree"], "width": 0.3})
    store.preferences.set(STRANGER, "tier", "max")
    with HistoryStore(path) as other:
        assert other.preferences.get(OWNER, "tier") == "pro"
        assert other.preferences.get(OWNER, "panel") == {"open": ["tree"], "width": 0.3}
    store.preferences.set(OWNER, "tier", None)
    assert store.preferences.get(OWNER, "tier") is None


# The file


def test_a_full_disk_is_told_and_nothing_half_is_kept(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    before = store.projects.get(OWNER, project)
    with store._connections.writing() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
    job = store.jobs.create(new_job(project, root.id))
    with pytest.raises(StorageFull) as caught:
        store.jobs.commit(job.id, digest("x"), SIZE, False, outcome(description="x" * 100_000))
    assert caught.value.hint
    assert store.projects.get(OWNER, project) == before
    assert store.jobs.running(OWNER) == [job]
    with store._connections.writing() as db:
        db.execute("PRAGMA max_page_count = 100000")
    assert store.jobs.commit(job.id, digest("x"), SIZE, False, outcome()).version.parent == root.id


def test_a_reader_never_waits_for_a_writer(store: HistoryStore, project: str) -> None:
    with store._connections.writing() as db:
        db.execute("UPDATE projects SET title = 'not committed'")
        assert store.projects.get(OWNER, project).title == "Holiday"
        assert store.projects.all(OWNER)[0].title == "Holiday"


def test_a_file_kept_busy_by_another_is_told_in_words(path: Path, project: str, store: HistoryStore) -> None:
    with store._connections.writing(), HistoryStoreInAHurry(path) as hurried:
        with pytest.raises(HistoryError, match="busy"):
            hurried.projects.rename(OWNER, project, "x")
        assert hurried.projects.get(OWNER, project).title == "Holiday"
    assert store.projects.rename(OWNER, project, "free again").title == "free again"


def test_many_threads_work_at_once_and_nothing_is_lost(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)

    def work(name: int) -> None:
        for number in range(5):
            edit(store, project, root.id, f"{name}-{number}")
            store.tree.all(OWNER, project)
            store.tree.undo(OWNER, project)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(children(store, project, root.id)) == 40


def test_after_closing_calls_fail_in_words_and_closing_again_is_harmless(path: Path) -> None:
    store = HistoryStore(path)
    store.projects.create(OWNER)
    store.close()
    store.close()
    with pytest.raises(HistoryError, match="closed"):
        store.projects.all(OWNER)
    with pytest.raises(HistoryError, match="closed"):
        store.projects.create(OWNER)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


class HistoryStoreInAHurry(HistoryStore):
    """Gives up on a busy file after a tenth of a second."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, busy_timeout_s=0.1)
