from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlite_utils import Database

from kontext_ui.edits import Reference
from kontext_ui.history.connections import Connections
from kontext_ui.history.migrations import migrate, migrations
from kontext_ui.history.store import HistoryStore
from tests.unit.history_kit import OWNER, add_root, new_job


def test_from_nothing_every_step_is_applied_in_order() -> None:
    db = Database(memory=True)
    migrate(db)
    assert [step.name for step in migrations.applied(db)] == [step.name for step in migrations._migrations]
    assert {"projects", "versions", "jobs", "images", "spend", "preferences", "processes"} <= set(db.table_names())


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    with HistoryStore(path) as store:
        project = store.projects.create(OWNER, "Holiday")
        root = add_root(store, project.id)
        schema = sqlite3.connect(path).execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    with HistoryStore(path) as store:
        assert store.projects.get(OWNER, project.id).head == root.id
        assert sqlite3.connect(path).execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == schema


def test_each_step_can_be_added_to_the_one_before() -> None:
    db = Database(memory=True)
    names = [step.name for step in migrations._migrations]
    for name in names[1:]:
        migrations.apply(db, stop_before=name)
    migrate(db)
    assert migrations.pending(db) == []


def test_a_step_that_fails_leaves_the_file_as_it_was() -> None:
    db = Database(memory=True)
    db.execute("CREATE TABLE preferences (mine TEXT)")
    with pytest.raises(sqlite3.OperationalError):
        migrate(db)
    assert db.table_names() == ["preferences"]
    assert not db.conn.in_transaction


def test_many_that_open_a_new_file_at_once_all_succeed(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "history.sqlite3"

    def open_and_close(_: int) -> None:
        HistoryStore(path).close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_and_close, range(8)))
    assert sqlite3.connect(path).execute("SELECT count(*) FROM _sqlite_migrations").fetchone()[0] == len(
        migrations._migrations
    )


def test_the_file_is_in_wal_mode_checks_foreign_keys_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "data" / "history.sqlite3"
    connections = Connections(path)
    with connections.reading() as db:
        assert db.journal_mode == "wal"
        assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        with pytest.raises(sqlite3.OperationalError):
            db.execute("DELETE FROM projects")
    with connections.writing() as db:
        assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
    connections.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_references_of_older_rows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    with HistoryStore(path) as store:
        project = store.projects.create(OWNER)
        root = add_root(store, project.id)
        job = store.jobs.create(new_job(project.id, root.id))
    old = {
        "instruction": "blend",
        "tier": "max",
        "backend": "bfl",
        "prompt": "blend them",
        "reference_images": ["a" * 64],
    }
    raw = sqlite3.connect(path)
    raw.execute("UPDATE jobs SET request = ? WHERE id = ?", (json.dumps(old), job.id))
    raw.execute("UPDATE versions SET request = '{broken' WHERE id = ?", (root.id,))
    raw.execute("DELETE FROM _sqlite_migrations WHERE name = 'm004_references_are_objects'")
    raw.commit()

    with HistoryStore(path) as store:
        request = store.jobs.get(OWNER, job.id).request

    assert request.references == (Reference("a" * 64),)
    assert (request.prompt, request.sent_prompt) == ("blend them", "blend them")


def test_older_versions_get_the_numbers_that_they_would_have_had(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    with HistoryStore(path) as store:
        first, second = (store.projects.create(OWNER).id for _ in range(2))
        for project in (first, second, first):
            add_root(store, project)
    raw = sqlite3.connect(path)
    raw.execute("DROP INDEX versions_by_number")
    raw.execute("ALTER TABLE versions DROP COLUMN number")
    raw.execute("DELETE FROM _sqlite_migrations WHERE name = 'm006_version_numbers'")
    raw.commit()

    with HistoryStore(path) as store:
        assert [version.number for version in store.tree.all(OWNER, first)] == [1, 2]
        assert [version.number for version in store.tree.all(OWNER, second)] == [1]


def test_requests_of_older_rows_mean_the_kontext_model_of_their_tier(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    with HistoryStore(path) as store:
        project = store.projects.create(OWNER)
        root = add_root(store, project.id)
        jobs = [store.jobs.create(new_job(project.id, root.id)).id for _ in range(4)]
    raw = sqlite3.connect(path)
    old = [{"instruction": "go", "tier": tier, "backend": "x"} for tier in ("pro", "dev", "local")]
    for job, request in zip(jobs, [*old, {**old[0], "model": "flux2-pro"}], strict=True):
        raw.execute("UPDATE jobs SET request = ? WHERE id = ?", (json.dumps(request), job))
    raw.execute("DELETE FROM _sqlite_migrations WHERE name = 'm008_requests_name_their_model'")
    raw.commit()

    with HistoryStore(path) as store:
        models = [store.jobs.get(OWNER, job).request.model for job in jobs]

    assert models == ["kontext-pro", "kontext-dev", "", "flux2-pro"]


def test_what_was_spent_before_is_put_to_its_model_and_is_sure_unless_the_failure_said_maybe() -> None:
    db = Database(memory=True)
    migrations.apply(db, stop_before="m013_what_was_spent_on")
    db.execute("INSERT INTO projects (id, owner, title, created_at, updated_at) VALUES ('p', 'ann', 't', '', '')")
    jobs = {
        "told": ({"model": "kontext-pro", "backend": "bfl"}, None),
        "older": ({"backend": "fal"}, {"billed": "yes"}),
        "maybe": ({"model": "", "backend": "fal"}, {"billed": "maybe"}),
    }
    for job, (asked, failed) in jobs.items():
        written = (job, json.dumps(asked), None if failed is None else json.dumps(failed))
        db.execute(
            "INSERT INTO jobs (id, project_id, owner, request, failure, state, created_at, updated_at) "
            "VALUES (?, 'p', 'ann', ?, ?, 'done', '', '')",
            written,
        )
    for job in (*jobs, "purged"):
        db.execute("INSERT INTO spend (job_id, project_id, owner, usd, spent_at) VALUES (?, 'p', 'ann', 1, '')", [job])

    migrate(db)

    found = {row["job_id"]: (row["model"], row["sure"]) for row in db["spend"].rows}
    assert found == {"told": ("kontext-pro", 1), "older": ("fal", 1), "maybe": ("fal", 0), "purged": ("", 1)}
