"""The store against a plain model: whatever is done, in whatever order, both agree."""

from __future__ import annotations

import copy
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kontext_ui.errors import ProjectNotFound, VersionNotFound
from kontext_ui.history.blobs import BlobStore
from kontext_ui.history.store import HistoryStore
from tests.unit.history_kit import OWNER, SIZE, STRANGER, digest, new_job, outcome

PRICE_USD = 0.25
"""A binary fraction, so that sums are exact."""
OWNERS = (OWNER, STRANGER)
MAX_PROJECTS = 3
"""Few, so that their trees grow."""
words = st.sampled_from(["make it red", "Brighter SKY", "über", "100% sepia", "crop_it"])
places = st.integers(0, 99)
"""Which project, version or job a step is about, counted round and round; so that every step has one."""
SHAPE = (None, 0, 1, 2, 1, 0, None, 6)
"""The tree that every run begins with: for each version the number of its parent."""


@dataclass
class Node:
    """A version as the model sees it. It is live when nothing on its path is marked pruned."""

    key: str
    parent: str | None
    text: str
    starred: bool = False
    name: str | None = None
    redo: str | None = None
    pruned: bool = False


@dataclass
class Tree:
    owner: str
    nodes: dict[str, Node] = field(default_factory=dict)
    head: str | None = None
    deleted: bool = False
    spent_usd: float = 0.0
    draft: str = ""

    def path(self, key: str | None) -> list[str]:
        path = []
        while key is not None:
            path.append(key)
            key = self.nodes[key].parent
        return path

    def live(self, key: str | None) -> bool:
        return key is not None and not any(self.nodes[step].pruned for step in self.path(key))

    def live_keys(self) -> list[str]:
        return [key for key in self.nodes if self.live(key)]

    def redo(self) -> str | None:
        redo = self.nodes[self.head].redo if self.head else None
        return redo if self.live(redo) else None

    def nearest(self, parent: str | None) -> str | None:
        roots = [key for key in self.live_keys() if self.nodes[key].parent is None]
        return parent or (roots[-1] if roots else None)


class Histories(RuleBasedStateMachine):
    @initialize()
    def open_store(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="history-model-"))
        self.store = HistoryStore(self.folder / "history.sqlite3")
        self.trees: dict[str, Tree] = {}
        self.jobs: list[tuple[str, str, str | None, str, str]] = []
        for owner in OWNERS:
            self.create(owner)
        self.grow(self.project(0))

    def grow(self, project: str) -> None:
        keys: list[str] = []
        for parent in SHAPE:
            if parent is None:
                keys.append(self.open_picture_in(project, "photo"))
            else:
                self.start_edit_of(project, keys[parent], "make it red")
                keys.append(self.finish_edit_at(-1))

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def tree(self, project: str) -> Tree:
        return self.trees[project]

    def project(self, place: int) -> str:
        return list(self.trees)[place % len(self.trees)]

    def version(self, place: int) -> tuple[str, str]:
        """Any version of any project, hidden ones too. The first project has some from the start."""
        everything = [(project, key) for project, tree in self.trees.items() for key in tree.nodes]
        return everything[place % len(everything)]

    def refused(self, project: str, version: str | None = None) -> type[Exception] | None:
        """The error that work on this project, or on this version of it, must meet."""
        tree = self.tree(project)
        if tree.deleted:
            return ProjectNotFound
        if version is not None and not tree.live(version):
            return VersionNotFound
        return None

    # Growing

    @precondition(lambda self: len(self.trees) < MAX_PROJECTS)
    @rule(owner=st.sampled_from(OWNERS))
    def create(self, owner: str) -> None:
        self.trees[self.store.projects.create(owner).id] = Tree(owner)

    @rule(place=places, text=words)
    def open_picture(self, place: int, text: str) -> None:
        project = self.project(place)
        if (error := self.refused(project)) is not None:
            with pytest.raises(error):
                self.store.tree.add_root(self.tree(project).owner, project, digest(text), SIZE, False, {})
            return
        self.open_picture_in(project, text)

    def open_picture_in(self, project: str, text: str) -> str:
        tree = self.tree(project)
        version = self.store.tree.add_root(tree.owner, project, digest(text), SIZE, False, {})
        tree.nodes[version.id] = Node(version.id, None, "")
        tree.head = version.id
        return version.id

    @rule(place=places, text=words)
    def start_edit(self, place: int, text: str) -> None:
        self.start_edit_of(*self.version(place), text)

    def start_edit_of(self, project: str, version: str, text: str) -> bool:
        job = new_job(project, version, text, owner=self.tree(project).owner, price_usd=PRICE_USD)
        if (error := self.refused(project, version)) is not None:
            with pytest.raises(error):
                self.store.jobs.create(job)
            return False
        self.store.jobs.create(job)
        self.jobs.append((project, version, self.tree(project).head, job.id, text))
        return True

    @precondition(lambda self: self.jobs)
    @rule(place=places)
    def finish_edit(self, place: int) -> None:
        self.finish_edit_at(place % len(self.jobs))

    def finish_edit_at(self, index: int) -> str:
        project, parent, stood, job_id, text = self.jobs.pop(index)
        tree = self.tree(project)
        version = self.store.jobs.commit(job_id, digest(text), SIZE, False, outcome()).version
        tree.nodes[version.id] = Node(version.id, parent, text)
        tree.nodes[parent].redo = None
        tree.spent_usd += PRICE_USD
        if tree.head in (parent, stood) and tree.live(version.id):
            tree.head = version.id
        return version.id

    @rule(place=places, text=words)
    def edit_the_head(self, place: int, text: str) -> None:
        project = self.project(place)
        head = self.tree(project).head
        if head is not None and self.start_edit_of(project, head, text):
            self.finish_edit_at(-1)

    @precondition(lambda self: len(self.trees) < MAX_PROJECTS)
    @rule(place=places)
    def duplicate(self, place: int) -> None:
        project = self.project(place)
        tree = self.tree(project)
        if (error := self.refused(project)) is not None:
            with pytest.raises(error):
                self.store.projects.duplicate(tree.owner, project)
            return
        twin = self.store.projects.duplicate(tree.owner, project)
        with self.store._connections.reading() as db:
            rows = db.execute("SELECT id FROM versions WHERE project_id = ? ORDER BY seq", [twin.id])
            new_ids: dict[str | None, str | None] = dict(zip(tree.nodes, (row[0] for row in rows), strict=True))
        new_ids[None] = None
        copied = Tree(tree.owner, head=new_ids[tree.head], draft=tree.draft)
        for old, node in tree.nodes.items():
            key = new_ids[old]
            assert key is not None
            changes = {"key": key, "parent": new_ids[node.parent], "redo": new_ids[node.redo]}
            copied.nodes[key] = Node(**{**vars(copy.copy(node)), **changes})
        self.trees[twin.id] = copied

    # Moving

    @rule(place=places, times=st.integers(1, 4))
    def undo(self, place: int, times: int) -> None:
        self.undo_in(self.project(place), times)

    def undo_in(self, project: str, times: int) -> None:
        tree = self.tree(project)
        for _ in range(times if not tree.deleted else 0):
            head = tree.nodes[tree.head] if tree.head else None
            if head is not None and head.parent is not None:
                tree.nodes[head.parent].redo = head.key
                tree.head = head.parent
            assert self.store.tree.undo(tree.owner, project).head == tree.head

    @rule(place=places, times=st.integers(1, 4))
    def redo(self, place: int, times: int) -> None:
        self.redo_in(self.project(place), times)

    def redo_in(self, project: str, times: int) -> None:
        tree = self.tree(project)
        for _ in range(times if not tree.deleted else 0):
            tree.head = tree.redo() or tree.head
            assert self.store.tree.redo(tree.owner, project).head == tree.head

    @rule(place=places, times=st.integers(1, 4))
    def undo_and_redo_as_often_comes_back(self, place: int, times: int) -> None:
        project = self.project(place)
        tree = self.tree(project)
        if tree.deleted or not tree.head or len(tree.path(tree.head)) <= times:
            return
        before = tree.head
        self.undo_in(project, times)
        self.redo_in(project, times)
        assert self.store.projects.get(tree.owner, project).head == before

    @rule(place=places)
    def select(self, place: int) -> None:
        self.select_version(*self.version(place))

    def select_version(self, project: str, version: str) -> None:
        tree = self.tree(project)
        if (error := self.refused(project, version)) is not None:
            with pytest.raises(error):
                self.store.tree.select(tree.owner, project, version)
            return
        assert self.store.tree.select(tree.owner, project, version).head == version
        tree.head = version

    @rule(place=places)
    def go_there_and_step_back(self, place: int) -> None:
        self.select_version(*self.version(place))
        self.undo_in(self.version(place)[0], 1)

    # Marking

    @rule(place=places, starred=st.booleans(), name=st.none() | words)
    def mark(self, place: int, starred: bool, name: str | None) -> None:
        project, version = self.version(place)
        tree = self.tree(project)
        if self.refused(project, version) is not None:
            return
        self.store.tree.star(tree.owner, project, version, starred)
        self.store.tree.name(tree.owner, project, version, name)
        tree.nodes[version].starred, tree.nodes[version].name = starred, name

    @rule(place=places)
    def prune(self, place: int) -> None:
        project, version = self.version(place)
        tree = self.tree(project)
        if (error := self.refused(project, version)) is not None:
            with pytest.raises(error):
                self.store.tree.prune(tree.owner, project, version)
            return
        before = set(tree.live_keys())
        tree.nodes[version].pruned = True
        hidden = before - set(tree.live_keys())
        assert set(self.store.tree.prune(tree.owner, project, version)) == hidden
        if tree.head in hidden:
            tree.head = tree.nearest(tree.nodes[version].parent)

    @rule(place=places)
    def restore(self, place: int) -> None:
        project, version = self.version(place)
        tree = self.tree(project)
        if tree.deleted:
            return
        before = set(tree.live_keys())
        tree.nodes[version].pruned = False
        back = set(tree.live_keys()) - before
        assert set(self.store.tree.restore(tree.owner, project, version)) == back
        if back and tree.head is None:
            tree.head = version

    @rule(place=places, text=words)
    def type_a_draft(self, place: int, text: str) -> None:
        project = self.project(place)
        self.store.projects.save_draft(self.tree(project).owner, project, text)
        self.tree(project).draft = text

    @rule(place=places, deleted=st.sampled_from([True, False, False]))
    def bin_or_restore(self, place: int, deleted: bool) -> None:
        project = self.project(place)
        tree = self.tree(project)
        change = self.store.projects.delete if deleted else self.store.projects.restore
        change(tree.owner, project)
        tree.deleted = deleted

    # Surviving

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = HistoryStore(self.folder / "history.sqlite3")

    @rule(place=places, needle=words)
    def search(self, place: int, needle: str) -> None:
        project = self.project(place)
        tree = self.tree(project)
        found = {version.id for version in self.store.tree.search(tree.owner, project, needle.upper())}
        texts = {key: (tree.nodes[key].text, tree.nodes[key].name or "") for key in tree.live_keys()}
        assert found == {key for key, pair in texts.items() if any(needle.lower() in text.lower() for text in pair)}

    @invariant()
    def store_and_model_agree(self) -> None:
        for owner in OWNERS:
            for deleted in (False, True):
                listed = {project.id for project in self.store.projects.all(owner, deleted=deleted)}
                assert listed == {
                    key for key, tree in self.trees.items() if tree.owner == owner and tree.deleted == deleted
                }
        for key, tree in self.trees.items():
            project = self.store.projects.get(tree.owner, key)
            assert (project.head, project.redo, project.draft) == (tree.head, tree.redo(), tree.draft)
            assert (project.version_count, project.spent_usd) == (len(tree.live_keys()), tree.spent_usd)
            versions = self.store.tree.all(tree.owner, key)
            assert [(v.id, v.parent, v.instruction, v.starred, v.name) for v in versions] == [
                (n.key, n.parent, n.text, n.starred, n.name) for n in map(tree.nodes.get, tree.live_keys()) if n
            ]
            if tree.head is not None:
                path = self.store.tree.path_to_root(tree.owner, key, tree.head)
                assert [version.id for version in path] == tree.path(tree.head)[::-1]

    @invariant()
    def every_version_remembers_the_same_redo(self) -> None:
        with self.store._connections.reading() as db:
            remembered = dict(db.execute("SELECT id, redo_child FROM versions").fetchall())
        assert remembered == {key: node.redo for tree in self.trees.values() for key, node in tree.nodes.items()}

    @invariant()
    def nobody_sees_anothers_project(self) -> None:
        for key, tree in self.trees.items():
            other = OWNERS[1 - OWNERS.index(tree.owner)]
            with pytest.raises(ProjectNotFound):
                self.store.tree.all(other, key)

    @rule()
    def verify_finds_nothing_but_missing_files(self) -> None:
        findings = self.store.upkeep.verify(BlobStore(self.folder / "none"))
        assert {finding.kind for finding in findings} <= {"image_missing"}


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=40,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
