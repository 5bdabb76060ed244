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
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from kontext_ui.errors import ProjectNotFound, VersionNotFound
from kontext_ui.history.blobs import BlobStore
from kontext_ui.history.store import HistoryStore
from tests.unit.history_kit import OWNER, SIZE, STRANGER, digest, new_job, outcome

PRICE_USD = 0.25
"""A binary fraction, so that sums are exact."""
OWNERS = (OWNER, STRANGER)
words = st.sampled_from(["make it red", "Brighter SKY", "über", "100% sepia", "crop_it"])


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
    projects = Bundle("projects")
    versions = Bundle("versions")
    jobs = Bundle("jobs")

    @initialize()
    def open_store(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="history-model-"))
        self.store = HistoryStore(self.folder / "history.sqlite3")
        self.trees: dict[str, Tree] = {}

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def tree(self, project: str) -> Tree:
        return self.trees[project]

    def refused(self, project: str, version: str | None = None) -> type[Exception] | None:
        """The error that work on this project, or on this version of it, must meet."""
        tree = self.tree(project)
        if tree.deleted:
            return ProjectNotFound
        if version is not None and not tree.live(version):
            return VersionNotFound
        return None

    # Growing

    @rule(target=projects, owner=st.sampled_from(OWNERS))
    def create(self, owner: str) -> str:
        project = self.store.create_project(owner)
        self.trees[project.id] = Tree(owner)
        return project.id

    @rule(target=versions, project=projects, text=words)
    def open_picture(self, project: str, text: str) -> object:
        tree = self.tree(project)
        if (error := self.refused(project)) is not None:
            with pytest.raises(error):
                self.store.add_root(tree.owner, project, digest(text), SIZE, False, {})
            return multiple()
        version = self.store.add_root(tree.owner, project, digest(text), SIZE, False, {})
        tree.nodes[version.id] = Node(version.id, None, "")
        tree.head = version.id
        return (project, version.id)

    @rule(target=jobs, at=versions, text=words)
    def start_edit(self, at: tuple[str, str], text: str) -> object:
        project, version = at
        job = new_job(project, version, text, owner=self.tree(project).owner, price_usd=PRICE_USD)
        if (error := self.refused(project, version)) is not None:
            with pytest.raises(error):
                self.store.create_job(job)
            return multiple()
        self.store.create_job(job)
        return (project, version, job.id, text)

    @rule(target=versions, job=consumes(jobs))
    def finish_edit(self, job: tuple[str, str, str, str]) -> tuple[str, str]:
        project, parent, job_id, text = job
        tree = self.tree(project)
        version = self.store.commit_version(job_id, digest(text), SIZE, False, outcome())
        tree.nodes[version.id] = Node(version.id, parent, text)
        tree.nodes[parent].redo = None
        tree.spent_usd += PRICE_USD
        if tree.head == parent:
            tree.head = version.id
        return (project, version.id)

    @rule(target=projects, project=projects)
    def duplicate(self, project: str) -> object:
        tree = self.tree(project)
        if (error := self.refused(project)) is not None:
            with pytest.raises(error):
                self.store.duplicate_project(tree.owner, project)
            return multiple()
        twin = self.store.duplicate_project(tree.owner, project)
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
        return twin.id

    # Moving

    @rule(project=projects, times=st.integers(1, 4))
    def undo(self, project: str, times: int) -> None:
        tree = self.tree(project)
        for _ in range(times if not tree.deleted else 0):
            head = tree.nodes[tree.head] if tree.head else None
            if head is not None and head.parent is not None:
                tree.nodes[head.parent].redo = head.key
                tree.head = head.parent
            assert self.store.undo(tree.owner, project).head == tree.head

    @rule(project=projects, times=st.integers(1, 4))
    def redo(self, project: str, times: int) -> None:
        tree = self.tree(project)
        for _ in range(times if not tree.deleted else 0):
            tree.head = tree.redo() or tree.head
            assert self.store.redo(tree.owner, project).head == tree.head

    @rule(project=projects, times=st.integers(1, 4))
    def undo_and_redo_as_often_comes_back(self, project: str, times: int) -> None:
        tree = self.tree(project)
        if tree.deleted or not tree.head or len(tree.path(tree.head)) <= times:
            return
        before = tree.head
        self.undo(project, times)
        self.redo(project, times)
        assert self.store.project(tree.owner, project).head == before

    @rule(at=versions)
    def select(self, at: tuple[str, str]) -> None:
        project, version = at
        tree = self.tree(project)
        if (error := self.refused(project, version)) is not None:
            with pytest.raises(error):
                self.store.select(tree.owner, project, version)
            return
        assert self.store.select(tree.owner, project, version).head == version
        tree.head = version

    # Marking

    @rule(at=versions, starred=st.booleans(), name=st.none() | words)
    def mark(self, at: tuple[str, str], starred: bool, name: str | None) -> None:
        project, version = at
        tree = self.tree(project)
        if self.refused(project, version) is not None:
            return
        self.store.star(tree.owner, project, version, starred)
        self.store.name_version(tree.owner, project, version, name)
        tree.nodes[version].starred, tree.nodes[version].name = starred, name

    @rule(at=versions)
    def prune(self, at: tuple[str, str]) -> None:
        project, version = at
        tree = self.tree(project)
        if (error := self.refused(project, version)) is not None:
            with pytest.raises(error):
                self.store.prune(tree.owner, project, version)
            return
        before = set(tree.live_keys())
        tree.nodes[version].pruned = True
        hidden = before - set(tree.live_keys())
        assert set(self.store.prune(tree.owner, project, version)) == hidden
        if tree.head in hidden:
            tree.head = tree.nearest(tree.nodes[version].parent)

    @rule(at=versions)
    def restore(self, at: tuple[str, str]) -> None:
        project, version = at
        tree = self.tree(project)
        if tree.deleted:
            return
        before = set(tree.live_keys())
        tree.nodes[version].pruned = False
        back = set(tree.live_keys()) - before
        assert set(self.store.restore_pruned(tree.owner, project, version)) == back
        if back and tree.head is None:
            tree.head = version

    @rule(project=projects, text=words)
    def type_a_draft(self, project: str, text: str) -> None:
        self.store.save_draft(self.tree(project).owner, project, text)
        self.tree(project).draft = text

    @rule(project=projects, deleted=st.booleans())
    def bin_or_restore(self, project: str, deleted: bool) -> None:
        tree = self.tree(project)
        change = self.store.delete_project if deleted else self.store.restore_project
        change(tree.owner, project)
        tree.deleted = deleted

    # Surviving

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = HistoryStore(self.folder / "history.sqlite3")

    @rule(project=projects, needle=words)
    def search(self, project: str, needle: str) -> None:
        tree = self.tree(project)
        found = {version.id for version in self.store.search(tree.owner, project, needle.upper())}
        texts = {key: (tree.nodes[key].text, tree.nodes[key].name or "") for key in tree.live_keys()}
        assert found == {key for key, pair in texts.items() if any(needle.lower() in text.lower() for text in pair)}

    @invariant()
    def store_and_model_agree(self) -> None:
        for owner in OWNERS:
            for deleted in (False, True):
                listed = {project.id for project in self.store.list_projects(owner, deleted=deleted)}
                assert listed == {
                    key for key, tree in self.trees.items() if tree.owner == owner and tree.deleted == deleted
                }
        for key, tree in self.trees.items():
            project = self.store.project(tree.owner, key)
            assert (project.head, project.redo, project.draft) == (tree.head, tree.redo(), tree.draft)
            assert (project.version_count, project.spent_usd) == (len(tree.live_keys()), tree.spent_usd)
            versions = self.store.versions(tree.owner, key)
            assert [(v.id, v.parent, v.instruction, v.starred, v.name) for v in versions] == [
                (n.key, n.parent, n.text, n.starred, n.name) for n in map(tree.nodes.get, tree.live_keys()) if n
            ]
            if tree.head is not None:
                path = self.store.path_to_root(tree.owner, key, tree.head)
                assert [version.id for version in path] == tree.path(tree.head)[::-1]

    @invariant()
    def nobody_sees_anothers_project(self) -> None:
        for key, tree in self.trees.items():
            other = OWNERS[1 - OWNERS.index(tree.owner)]
            with pytest.raises(ProjectNotFound):
                self.store.versions(other, key)

    @rule()
    def verify_finds_nothing_but_missing_files(self) -> None:
        findings = self.store.verify(BlobStore(self.folder / "none"))
        assert {finding.kind for finding in findings} <= {"image_missing"}


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
