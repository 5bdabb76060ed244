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
    return store.create_project(OWNER, "Holiday").id


def ids(versions: list[Version]) -> list[str]:
    return [version.id for version in versions]


# Projects


def test_a_new_project_is_empty_and_belongs_to_its_owner(store: HistoryStore) -> None:
    project = store.create_project(OWNER, "  Holiday \n by the sea ")
    assert (project.title, project.head, project.redo, project.cover) == ("Holiday by the sea", None, None, None)
    assert (project.version_count, project.spent_usd, project.draft) == (0, 0.0, "")
    assert project.created_at == START
    assert len(project.id) >= 22
    assert store.project(OWNER, project.id) == project


def test_titles_are_cut_and_never_empty(store: HistoryStore) -> None:
    assert store.create_project(OWNER, " \t").title == "Untitled"
    assert len(store.create_project(OWNER, "x" * 1000).title) == MAX_TITLE_CHARS


def test_text_that_utf8_cannot_hold_is_still_saved(store: HistoryStore) -> None:
    project = store.create_project(OWNER, "half \ud83d")
    store.save_draft(OWNER, project.id, "draft \ud83d 🙂")
    assert store.project(OWNER, project.id).draft == "draft ? 🙂"


def test_the_list_has_the_last_changed_first(store: HistoryStore, clock: Clock) -> None:
    first, second = (store.create_project(OWNER, title).id for title in ("one", "two"))
    store.create_project(STRANGER, "not mine")
    assert ids(store.list_projects(OWNER)) == [second, first]
    clock.advance(seconds=1)
    root = add_root(store, first)
    listed = store.list_projects(OWNER)
    assert ids(listed) == [first, second]
    assert (listed[0].cover, listed[0].version_count) == (root.digest, 1)


def test_the_bin_holds_what_was_deleted_until_it_is_restored(store: HistoryStore, project: str, clock: Clock) -> None:
    deleted = store.delete_project(OWNER, project)
    clock.advance(days=1)
    assert store.delete_project(OWNER, project).deleted_at == deleted.deleted_at == START
    assert store.list_projects(OWNER) == []
    assert ids(store.list_projects(OWNER, deleted=True)) == [project]
    assert store.restore_project(OWNER, project).deleted_at is None
    assert ids(store.list_projects(OWNER)) == [project]


def test_a_project_in_the_bin_can_be_read_but_not_worked_on(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    store.delete_project(OWNER, project)
    assert ids(store.versions(OWNER, project)) == [root.id]
    assert store.project_image(OWNER, project, root.digest).digest == root.digest
    store.save_draft(OWNER, project, "still typed")
    assert store.project(OWNER, project).draft == "still typed"
    with pytest.raises(ProjectNotFound, match="bin"):
        add_root(store, project)
    with pytest.raises(ProjectNotFound, match="bin"):
        store.create_job(new_job(project, root.id))


def test_purging_removes_only_what_was_binned_before(store: HistoryStore, clock: Clock) -> None:
    old, young, kept = (store.create_project(OWNER, title).id for title in ("old", "young", "kept"))
    chain(store, old, "one", "two")
    store.delete_project(OWNER, old)
    clock.advance(days=10)
    store.delete_project(OWNER, young)
    assert store.purge_deleted(clock.now - timedelta(days=5)) == [old]
    with pytest.raises(ProjectNotFound):
        store.project(OWNER, old)
    assert {project.id for project in store.list_projects(OWNER, deleted=True)} == {young}
    assert ids(store.list_projects(OWNER)) == [kept]


def test_purging_waits_for_a_job_that_is_still_open(store: HistoryStore, project: str, clock: Clock) -> None:
    job = store.create_job(new_job(project, None))
    store.delete_project(OWNER, project)
    clock.advance(days=1)
    assert store.purge_deleted(clock.now) == []
    version = store.commit_version(job.id, digest("x"), SIZE, False, outcome())
    assert store.restore_project(OWNER, project).head == version.id
    store.delete_project(OWNER, project)
    clock.advance(seconds=1)
    assert store.purge_deleted(clock.now) == [project]


def test_a_duplicate_has_the_same_tree_with_ids_of_its_own(store: HistoryStore, project: str) -> None:
    root, one, two = chain(store, project, "one", "two")
    branch = edit(store, project, root.id, "other")
    store.select(OWNER, project, two.id)
    store.undo(OWNER, project)
    store.star(OWNER, project, one.id, True)
    store.name_version(OWNER, project, two.id, "the best")
    store.prune(OWNER, project, branch.id)
    store.save_draft(OWNER, project, "half")
    store.set_budget(OWNER, project, 2.5)
    copy = store.duplicate_project(OWNER, project)
    copies = store.versions(OWNER, copy.id)
    assert copy.title == "Copy of Holiday"
    assert (copy.draft, copy.budget_usd, copy.version_count) == ("half", 2.5, 3)
    assert [v.digest for v in copies] == [root.digest, one.digest, two.digest]
    assert [v.request for v in copies] == [None, one.request, two.request]
    assert [v.starred for v in copies] == [False, True, False]
    assert copies[2].name == "the best"
    assert [v.parent for v in copies] == [None, copies[0].id, copies[1].id]
    assert set(ids(copies)).isdisjoint(ids(store.versions(OWNER, project)))
    assert (copy.head, copy.redo) == (copies[1].id, copies[2].id)
    assert store.project_image(OWNER, copy.id, root.digest).kind is ImageKind.VERSION
    (hidden,) = store.pruned_branches(OWNER, copy.id)
    assert hidden.digest == branch.digest
    assert store.restore_pruned(OWNER, copy.id, hidden.id) == [hidden.id]


def test_work_on_a_duplicate_leaves_the_original_alone(store: HistoryStore, project: str) -> None:
    root, _ = chain(store, project, "one")
    before = store.project(OWNER, project)
    copy = store.duplicate_project(OWNER, project)
    edit(store, copy.id, copy.head, "two")
    store.prune(OWNER, copy.id, store.versions(OWNER, copy.id)[0].id)
    assert store.project(OWNER, project) == before
    assert len(store.versions(OWNER, project)) == 2
    assert store.versions(OWNER, project)[0].id == root.id


# Versions


def test_an_opened_picture_is_a_root_and_the_head(store: HistoryStore, project: str) -> None:
    root = store.add_root(OWNER, project, digest("a"), SIZE, True, {"format": "HEIC", "icc": "Display P3"})
    assert (root.parent, root.request, root.outcome, root.job) == (None, None, None, None)
    assert (root.size, root.has_alpha, root.source) == (SIZE, True, {"format": "HEIC", "icc": "Display P3"})
    second = add_root(store, project, "b")
    assert store.project(OWNER, project).head == second.id
    assert store.versions(OWNER, project) == [root, second]


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
    job = store.create_job(new_job(project, root.id, request=asked))
    version = store.commit_version(job.id, digest("x"), SIZE, False, made)
    with HistoryStore(path) as other:
        again = other.version(OWNER, project, version.id)
    assert again == version
    assert (again.request, again.outcome, again.instruction) == (asked, made, asked.instruction)
    assert again.job == job.id


def test_the_path_runs_from_the_root_to_the_version(store: HistoryStore, project: str) -> None:
    versions = chain(store, project, "one", "two", "three")
    edit(store, project, versions[1].id, "aside")
    assert ids(store.path_to_root(OWNER, project, versions[3].id)) == ids(versions)
    assert ids(store.path_to_root(OWNER, project, versions[3].id, limit=2)) == ids(versions[2:])
    assert ids(store.path_to_root(OWNER, project, versions[0].id)) == [versions[0].id]


def test_children_are_the_direct_ones(store: HistoryStore, project: str) -> None:
    root, one, two = chain(store, project, "one", "two")
    other = edit(store, project, root.id, "other")
    assert ids(store.children(OWNER, project, root.id)) == [one.id, other.id]
    assert store.children(OWNER, project, two.id) == []


def test_a_version_of_another_project_is_not_found(store: HistoryStore, project: str) -> None:
    elsewhere = add_root(store, store.create_project(OWNER).id)
    add_root(store, project)
    with pytest.raises(VersionNotFound):
        store.version(OWNER, project, elsewhere.id)
    with pytest.raises(VersionNotFound):
        store.select(OWNER, project, elsewhere.id)
    with pytest.raises(VersionNotFound):
        store.create_job(new_job(project, elsewhere.id))


def test_stars_and_names(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    assert store.star(OWNER, project, root.id, True).starred
    assert store.name_version(OWNER, project, root.id, " the \n original ").name == "the original"
    assert store.version(OWNER, project, root.id).starred
    assert len(store.name_version(OWNER, project, root.id, "x" * 500).name or "") == MAX_NAME_CHARS
    assert store.name_version(OWNER, project, root.id, "  ").name is None
    assert store.name_version(OWNER, project, root.id, None).name is None
    assert not store.star(OWNER, project, root.id, False).starred


# Head, undo, redo


def test_undo_three_times_and_redo_three_times_walks_back_the_same_way(
    path: Path, store: HistoryStore, project: str
) -> None:
    root, one, two, three = chain(store, project, "one", "two", "three")
    edit(store, project, one.id, "a branch")  # younger than two, and not where undo came from
    store.select(OWNER, project, three.id)
    assert [store.undo(OWNER, project).head for _ in range(3)] == [two.id, one.id, root.id]
    with HistoryStore(path) as restarted:
        assert restarted.project(OWNER, project).redo == one.id
        assert [restarted.redo(OWNER, project).head for _ in range(3)] == [one.id, two.id, three.id]


def test_undo_at_a_root_and_redo_with_nothing_change_nothing(store: HistoryStore, project: str, clock: Clock) -> None:
    empty = store.project(OWNER, project)
    assert store.undo(OWNER, project) == store.redo(OWNER, project) == empty
    add_root(store, project)
    before = store.project(OWNER, project)
    clock.advance(hours=1)
    assert store.undo(OWNER, project) == store.redo(OWNER, project) == before


def test_redo_goes_to_the_child_that_undo_left_last(store: HistoryStore, project: str) -> None:
    root, one = chain(store, project, "one")
    two = edit(store, project, root.id, "two")
    for version in (one, two, one):
        store.select(OWNER, project, version.id)
        assert store.undo(OWNER, project).redo == version.id


def test_a_variant_is_a_sibling_with_the_same_request_and_costs_nothing(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    job = store.create_job(new_job(project, root.id, price_usd=0.04))
    first = store.commit_version(job.id, digest("x"), SIZE, False, outcome(change_mask=digest("m")))
    store.undo(OWNER, project)
    variant = store.add_variant(OWNER, project, first.id, digest("y"), outcome(change_mask=digest("n")))
    assert (variant.parent, variant.request, variant.digest) == (root.id, first.request, digest("y"))
    assert store.project_image(OWNER, project, digest("n")).kind is ImageKind.CHANGE_MASK
    assert (store.project(OWNER, project).head, store.spent_usd(project)) == (variant.id, 0.04)
    assert store.select(OWNER, project, root.id).redo is None
    assert ids(store.search(OWNER, project, "red")) == [variant.id, first.id]


def test_a_new_edit_takes_redo_away_but_not_the_version(store: HistoryStore, project: str) -> None:
    root, one = chain(store, project, "one")
    assert store.undo(OWNER, project).redo == one.id
    two = edit(store, project, root.id, "two")
    assert store.project(OWNER, project).head == two.id
    store.select(OWNER, project, root.id)
    assert store.project(OWNER, project).redo is None
    assert store.redo(OWNER, project).head == root.id
    assert one.id in ids(store.children(OWNER, project, root.id))


def test_a_look_elsewhere_keeps_redo(store: HistoryStore, project: str) -> None:
    root, one, two = chain(store, project, "one", "two")
    store.undo(OWNER, project)
    store.select(OWNER, project, root.id)
    assert store.project(OWNER, project).redo is None  # undo never came to the root
    assert store.select(OWNER, project, one.id).redo == two.id


def test_pruning_the_redo_child_takes_redo_away_until_it_is_restored(store: HistoryStore, project: str) -> None:
    _, one = chain(store, project, "one")
    store.undo(OWNER, project)
    store.prune(OWNER, project, one.id)
    assert store.project(OWNER, project).redo is None
    store.restore_pruned(OWNER, project, one.id)
    assert store.project(OWNER, project).redo == one.id


# Pruning


def test_pruning_hides_the_subtree_and_moves_the_head_to_the_parent(store: HistoryStore, project: str) -> None:
    root, one, two, three = chain(store, project, "one", "two", "three")
    aside = edit(store, project, two.id, "aside")
    assert set(store.prune(OWNER, project, two.id)) == {two.id, three.id, aside.id}
    assert ids(store.versions(OWNER, project)) == [root.id, one.id]
    assert store.project(OWNER, project).head == one.id
    assert store.project(OWNER, project).version_count == 2
    assert store.version(OWNER, project, three.id).pruned_at == START
    assert store.restore_pruned(OWNER, project, two.id) == [two.id, three.id, aside.id]
    assert store.project(OWNER, project).head == one.id
    assert len(store.versions(OWNER, project)) == 5


def test_pruning_a_root_moves_the_head_to_another_root_or_nowhere(store: HistoryStore, project: str) -> None:
    first = add_root(store, project, "a")
    second = add_root(store, project, "b")
    store.prune(OWNER, project, second.id)
    assert store.project(OWNER, project).head == first.id
    store.prune(OWNER, project, first.id)
    assert store.project(OWNER, project).head is None
    store.restore_pruned(OWNER, project, first.id)
    assert store.project(OWNER, project).head == first.id


def test_pruning_elsewhere_leaves_the_head(store: HistoryStore, project: str) -> None:
    root, one = chain(store, project, "one")
    other = edit(store, project, root.id, "other")
    store.select(OWNER, project, one.id)
    store.prune(OWNER, project, other.id)
    assert store.project(OWNER, project).head == one.id


def test_restoring_brings_back_only_what_that_pruning_hid(store: HistoryStore, project: str) -> None:
    _, one, two, three = chain(store, project, "one", "two", "three")
    store.prune(OWNER, project, three.id)
    store.prune(OWNER, project, one.id)
    assert ids(store.pruned_branches(OWNER, project)) == [three.id, one.id]
    assert store.restore_pruned(OWNER, project, one.id) == [one.id, two.id]
    assert store.restore_pruned(OWNER, project, three.id) == [three.id]


def test_a_branch_restored_inside_a_pruned_one_comes_back_with_it(store: HistoryStore, project: str) -> None:
    _, one, two = chain(store, project, "one", "two")
    store.prune(OWNER, project, two.id)
    store.prune(OWNER, project, one.id)
    assert store.restore_pruned(OWNER, project, two.id) == []
    assert two.id not in ids(store.versions(OWNER, project))
    assert store.restore_pruned(OWNER, project, one.id) == [one.id, two.id]


def test_restoring_what_was_not_pruned_itself_does_nothing(store: HistoryStore, project: str) -> None:
    _, one, two = chain(store, project, "one", "two")
    assert store.restore_pruned(OWNER, project, two.id) == []
    store.prune(OWNER, project, one.id)
    assert store.restore_pruned(OWNER, project, two.id) == []
    assert two.id not in ids(store.versions(OWNER, project))


def test_a_pruned_version_can_be_neither_selected_nor_edited_nor_pruned_again(
    store: HistoryStore, project: str
) -> None:
    _, one, two = chain(store, project, "one", "two")
    store.prune(OWNER, project, one.id)
    for version in (one, two):
        with pytest.raises(VersionNotFound):
            store.select(OWNER, project, version.id)
        with pytest.raises(VersionNotFound):
            store.prune(OWNER, project, version.id)
        with pytest.raises(VersionNotFound):
            store.create_job(new_job(project, version.id))


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
    assert [version.instruction for version in store.search(OWNER, project, needle)] == found


def test_search_looks_in_names_newest_first_and_not_in_pruned_branches(store: HistoryStore, project: str) -> None:
    root, one, two, three = chain(store, project, "sky", "bluer sky", "even bluer SKY")
    store.name_version(OWNER, project, root.id, "Skyline")
    assert ids(store.search(OWNER, project, "sky")) == [three.id, two.id, one.id, root.id]
    assert ids(store.search(OWNER, project, "sky", limit=2)) == [three.id, two.id]
    store.prune(OWNER, project, two.id)
    assert ids(store.search(OWNER, project, "sky")) == [one.id, root.id]
    store.name_version(OWNER, project, root.id, None)
    assert ids(store.search(OWNER, project, "line")) == []
    assert store.search(OWNER, project, " ") == []


# Spend


def test_spend_counts_results_and_billed_failures_once(store: HistoryStore, project: str, clock: Clock) -> None:
    root = add_root(store, project)
    for _ in range(3):
        job = store.create_job(new_job(project, root.id, price_usd=0.04))
        store.commit_version(job.id, digest("x"), SIZE, False, outcome())
    told = store.create_job(new_job(project, root.id, price_usd=0.04))
    store.commit_version(told.id, digest("y"), SIZE, False, outcome(price_usd=0.05))
    for billed in Billed:
        job = store.create_job(new_job(project, root.id, price_usd=1.0))
        store.close_failed(job.id, failure(billed))
    assert store.spent_usd(project) == store.project(OWNER, project).spent_usd == 2.17
    clock.advance(days=1)
    assert store.spent_today_usd(OWNER) == 0.0
    later = store.create_job(new_job(project, root.id, price_usd=0.08))
    store.mark_uncertain(later.id, failure(Billed.MAYBE))
    assert store.spent_today_usd(OWNER) == 0.08
    assert store.spent_today_usd(STRANGER) == 0.0


def test_todays_spend_survives_purge_and_is_not_doubled_by_a_duplicate(
    store: HistoryStore, project: str, clock: Clock
) -> None:
    root = add_root(store, project)
    job = store.create_job(new_job(project, root.id, price_usd=0.04))
    store.commit_version(job.id, digest("x"), SIZE, False, outcome())
    assert store.duplicate_project(OWNER, project).spent_usd == 0.0
    store.delete_project(OWNER, project)
    clock.advance(seconds=1)
    assert store.purge_deleted(clock.now) == [project]
    assert store.spent_today_usd(OWNER) == 0.04


def test_spending_is_told_per_day_over_all_projects_newest_first(
    store: HistoryStore, project: str, clock: Clock
) -> None:
    first = clock.now.date()
    for price, of_project in ((0.04, project), (0.08, store.create_project(OWNER, "Another").id)):
        job = store.create_job(new_job(of_project, add_root(store, of_project).id, price_usd=price))
        store.commit_version(job.id, digest("x"), SIZE, False, outcome())
    clock.advance(days=2)
    job = store.create_job(new_job(project, add_root(store, project).id, price_usd=0.5))
    store.commit_version(job.id, digest("x"), SIZE, False, outcome())

    assert store.spent_by_day(OWNER, 7) == [(clock.now.date(), 0.5), (first, 0.12)]
    assert store.spent_by_day(OWNER, 1) == [(clock.now.date(), 0.5)]
    assert store.spent_by_day(STRANGER, 7) == []


def test_cost_of_a_branch_and_of_a_path(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    parents = [root.id]
    for price in (0.1, 0.2, 0.4):
        job = store.create_job(new_job(project, parents[-1], price_usd=price))
        parents.append(store.commit_version(job.id, digest("x"), SIZE, False, outcome()).id)
    assert store.branch_cost_usd(OWNER, project, parents[1]) == 0.7
    assert store.branch_cost_usd(OWNER, project, parents[2]) == 0.6
    assert store.path_cost_usd(OWNER, project, parents[2]) == 0.3
    assert store.path_cost_usd(OWNER, project, root.id) == 0.0


# Images and preferences


def test_a_project_shows_the_images_noted_for_it_and_no_others(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    job = store.create_job(new_job(project, root.id))
    store.commit_version(job.id, digest("x"), SIZE, False, outcome(change_mask=digest("changed")))
    store.add_image(project, digest("mask"), ImageKind.MASK, SIZE)
    store.add_image(project, digest("ref"), "reference", SIZE, "image/jpeg", icc=digest("icc"))
    kinds = {image.digest: image.kind for image in store.project_images(OWNER, project)}
    assert kinds == {
        root.digest: ImageKind.VERSION,
        digest("x"): ImageKind.VERSION,
        digest("changed"): ImageKind.CHANGE_MASK,
        digest("mask"): ImageKind.MASK,
        digest("ref"): ImageKind.REFERENCE,
    }
    shown = store.project_image(OWNER, project, digest("ref"))
    assert (shown.size, shown.media_type, shown.icc) == (SIZE, "image/jpeg", digest("icc"))
    other = store.create_project(OWNER).id
    with pytest.raises(ImageMissing):
        store.project_image(OWNER, other, root.digest)
    with pytest.raises(ProjectNotFound):
        store.project_image(STRANGER, project, root.digest)
    with pytest.raises(ProjectNotFound):
        store.add_image("nowhere", digest("x"), ImageKind.MASK, SIZE)


def test_a_version_used_as_reference_stays_a_version(store: HistoryStore, project: str) -> None:
    store.add_image(project, digest("photo"), ImageKind.REFERENCE, SIZE)
    root = add_root(store, project, "photo")
    store.add_image(project, root.digest, ImageKind.REFERENCE, SIZE)
    assert store.project_image(OWNER, project, root.digest).kind is ImageKind.VERSION


def test_preferences_are_kept_per_owner(path: Path, store: HistoryStore) -> None:
    assert store.get_preference(OWNER, "tier", "local") == "local"
    store.set_preference(OWNER, "tier", "pro")
    store.set_preference(OWNER, "panel", {"open": ["tree"], "width": 0.3})
    store.set_preference(STRANGER, "tier", "max")
    with HistoryStore(path) as other:
        assert other.get_preference(OWNER, "tier") == "pro"
        assert other.get_preference(OWNER, "panel") == {"open": ["tree"], "width": 0.3}
    store.set_preference(OWNER, "tier", None)
    assert store.get_preference(OWNER, "tier") is None


# The file


def test_a_full_disk_is_told_and_nothing_half_is_kept(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)
    before = store.project(OWNER, project)
    with store._connections.writing() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
    job = store.create_job(new_job(project, root.id))
    with pytest.raises(StorageFull) as caught:
        store.commit_version(job.id, digest("x"), SIZE, False, outcome(description="x" * 100_000))
    assert caught.value.hint
    assert store.project(OWNER, project) == before
    assert store.open_jobs() == [job]
    with store._connections.writing() as db:
        db.execute("PRAGMA max_page_count = 100000")
    assert store.commit_version(job.id, digest("x"), SIZE, False, outcome()).parent == root.id


def test_a_reader_never_waits_for_a_writer(store: HistoryStore, project: str) -> None:
    with store._connections.writing() as db:
        db.execute("UPDATE projects SET title = 'not committed'")
        assert store.project(OWNER, project).title == "Holiday"
        assert store.list_projects(OWNER)[0].title == "Holiday"


def test_a_file_kept_busy_by_another_is_told_in_words(path: Path, project: str, store: HistoryStore) -> None:
    with store._connections.writing(), HistoryStoreInAHurry(path) as hurried:
        with pytest.raises(HistoryError, match="busy"):
            hurried.rename_project(OWNER, project, "x")
        assert hurried.project(OWNER, project).title == "Holiday"
    assert store.rename_project(OWNER, project, "free again").title == "free again"


def test_many_threads_work_at_once_and_nothing_is_lost(store: HistoryStore, project: str) -> None:
    root = add_root(store, project)

    def work(name: int) -> None:
        for number in range(5):
            edit(store, project, root.id, f"{name}-{number}")
            store.versions(OWNER, project)
            store.undo(OWNER, project)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(store.children(OWNER, project, root.id)) == 40


def test_after_closing_calls_fail_in_words_and_closing_again_is_harmless(path: Path) -> None:
    store = HistoryStore(path)
    store.create_project(OWNER)
    store.close()
    store.close()
    with pytest.raises(HistoryError, match="closed"):
        store.list_projects(OWNER)
    with pytest.raises(HistoryError, match="closed"):
        store.create_project(OWNER)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


class HistoryStoreInAHurry(HistoryStore):
    """Gives up on a busy file after a tenth of a second."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, busy_timeout_s=0.1)
