"""A history in a bucket: what was answered is there after the machine is gone, whatever was half written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kontext_ui.errors import HistoryError, StorageFull
from kontext_ui.history import bucket as buckets
from kontext_ui.history.blobs import BlobStore, digest_of
from kontext_ui.history.bucket import STALE_AFTER_S, Bucket
from kontext_ui.history.mounts import has_no_locks, mount_of
from kontext_ui.history.store import HistoryStore
from tests.conftest import ROOT
from tests.unit.history_kit import OWNER, add_root, edit, failure, new_job

MOUNTS = """\
22 1 0:21 / / rw,relatime - overlay overlay rw
23 22 0:22 / /data rw,relatime shared:1 - fuse.hf-mount hf rw
24 22 0:23 / /srv/with\\040space rw - ext4 /dev/sda1 rw
25 22 0:24 / /mnt rw - ext4 /dev/sdb1 rw
26 22 0:25 / /mnt rw - cifs //nas/pictures rw
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.sqlite3"


def open_at(path: Path) -> HistoryStore:
    return HistoryStore(path, bucket=True)


def vanish(store: HistoryStore) -> None:
    """The container goes: nothing is closed, the local disk is gone, and so is the process."""
    bucket = store._connections._bucket
    shutil.rmtree(bucket.path.parent)
    (bucket._folder / "owner.json").unlink()


@pytest.mark.parametrize(
    ("folder", "kind", "unsafe"),
    [
        ("/data/kontext_ui", "fuse.hf-mount", True),
        ("/srv/with space/x", "ext4", False),
        ("/mnt/projects", "cifs", True),
        ("/database", "overlay", False),
        ("/", "overlay", False),
    ],
)
def test_the_nearest_mount_and_the_one_on_top_tell_what_a_folder_lies_on(folder, kind, unsafe, monkeypatch):
    mount = mount_of(Path(folder), MOUNTS)
    monkeypatch.setattr("kontext_ui.history.mounts.mount_of", lambda folder: mount)

    assert mount.kind == kind
    assert has_no_locks(Path(folder)) is unsafe


def test_where_no_mounts_are_told_a_folder_is_taken_for_a_disk():
    assert mount_of(Path("/data"), "") == (Path("/"), "")


def test_all_of_a_history_is_there_after_the_machine_is_gone(path):
    store = open_at(path)
    project = store.projects.create(OWNER, "it's “ö”\nand a nul \x00 too").id
    root = add_root(store, project)
    version = edit(store, project, root.id)
    store.tree.prune(OWNER, project, version.id)
    store.preferences.set(OWNER, "theme", {"dark": True})
    running = store.jobs.create(new_job(project, root.id))
    store.jobs.mark_sending(running.id)
    store.jobs.mark_submitted(running.id, "remote-1", price_usd=0.04)
    before = _all_rows(store)
    vanish(store)

    again = open_at(path)

    assert _all_rows(again) == before
    assert again.jobs.find(running.id).remote_id == "remote-1"
    again.close()


def test_life_after_life_goes_on_from_where_it_was(path):
    ids = []
    for life in range(5):
        store = open_at(path)
        assert [project.id for project in store.projects.all(OWNER)][::-1] == ids
        ids.append(store.projects.create(OWNER, f"life {life}").id)
        vanish(store)

    journal = path.parent / "journal"
    assert len(list(journal.glob("snapshot-*.sqlite3"))) == len(list(journal.glob("since-*"))) == 2


def test_each_step_is_in_the_bucket_before_it_is_answered(path, monkeypatch):
    store = open_at(path)
    project = store.projects.create(OWNER).id
    root = add_root(store, project)
    job = store.jobs.create(new_job(project, root.id))
    connection = store._connections._writer.conn
    written = []
    record = Bucket.record

    def watched(self, changes):
        kept = record(self, changes)
        written.append((kept is not None and kept.exists(), connection.in_transaction))
        return kept

    monkeypatch.setattr(Bucket, "record", watched)
    store.jobs.mark_sending(job.id)

    assert written == [(True, True)]
    store.close()


def test_a_step_that_was_cut_off_is_as_if_it_had_not_been(path):
    store = open_at(path)
    kept = store.projects.create(OWNER, "kept")
    store.projects.create(OWNER, "cut off")
    last = max(store._connections._bucket._since.iterdir())
    last.write_bytes(last.read_bytes()[:-5])
    vanish(store)

    again = open_at(path)

    assert [project.id for project in again.projects.all(OWNER)] == [kept.id]
    again.close()


def test_a_snapshot_that_was_cut_off_leaves_the_one_before_with_all_that_followed(path):
    store = open_at(path)
    kept = store.projects.create(OWNER, "kept")
    vanish(store)
    store = open_at(path)
    newest = max((path.parent / "journal").glob("snapshot-*.sqlite3"))
    newest.write_bytes(newest.read_bytes()[:1000])
    vanish(store)

    again = open_at(path)

    assert [project.id for project in again.projects.all(OWNER)] == [kept.id]
    again.close()


def test_a_hole_in_the_journal_is_told_and_what_follows_is_not_made_up(path, caplog):
    store = open_at(path)
    first = store.projects.create(OWNER, "first")
    for title in ("lost", "after it"):
        store.projects.create(OWNER, title)
    since = store._connections._bucket._since
    (since / "00000002.json").unlink()
    vanish(store)

    again = open_at(path)

    assert [project.id for project in again.projects.all(OWNER)] == [first.id]
    assert "number 2 before them is missing" in caplog.text
    again.close()


def test_a_refused_step_leaves_nothing_in_the_bucket(path):
    store = open_at(path)
    project = store.projects.create(OWNER).id
    job = store.jobs.create(new_job(project, add_root(store, project).id))
    store.jobs.close_failed(job.id, failure())
    count = len(list(store._connections._bucket._since.iterdir()))

    with pytest.raises(HistoryError):
        store.jobs.close_failed(job.id, failure())

    assert len(list(store._connections._bucket._since.iterdir())) == count
    store.close()


def test_when_the_bucket_takes_no_more_the_step_did_not_happen(path, monkeypatch):
    store = open_at(path)
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(buckets, "_write", lambda *anything: (_ for _ in ()).throw(full))

    with pytest.raises(StorageFull):
        store.projects.create(OWNER)

    assert store.projects.all(OWNER) == []
    store.close()


def test_a_history_from_before_is_taken_into_the_bucket(path):
    with HistoryStore(path) as store:
        project = store.projects.create(OWNER, "older").id

    again = open_at(path)

    assert again.projects.get(OWNER, project).title == "older"
    again.close()


def test_who_is_only_alive_writes_no_steps(path):
    store = open_at(path)
    for _ in range(3):
        store.claims.take_over(20)

    assert list(store._connections._bucket._since.iterdir()) == []
    store.close()


def test_only_one_process_has_a_bucket_and_a_silent_one_loses_it(tmp_path):
    now = [1000.0]
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        now[0] += seconds

    def bucket(token):
        return Bucket(tmp_path / "journal", token, sleep=sleep, clock=lambda: now[0])

    first, second = bucket("elsewhere/1/a"), bucket("elsewhere/2/b")
    first.restore(tmp_path / "none")
    for _ in range(3):
        now[0] += 25
        first.record([])

    second.restore(tmp_path / "none")

    assert STALE_AFTER_S - 25 <= sum(waited) <= STALE_AFTER_S + 1
    for one in (first, second):
        one.close()


def test_a_living_process_keeps_its_bucket(tmp_path):
    now = [1000.0]
    first = Bucket(tmp_path / "journal", "elsewhere/1/a", clock=lambda: now[0])

    def sleep(seconds):
        now[0] += seconds
        first.record([])

    first.restore(tmp_path / "none")
    second = Bucket(tmp_path / "journal", "elsewhere/2/b", sleep=sleep, clock=lambda: now[0])

    with pytest.raises(HistoryError, match="Another process uses this data folder"):
        second.restore(tmp_path / "none")
    first.close()
    second.close()


PROGRAM = """
import os, sys
from pathlib import Path
from kontext_ui.history.store import HistoryStore
store = HistoryStore(Path(sys.argv[1]), bucket=True)
print(store._connections._bucket.path.parent, flush=True)
while True:
    print(store.projects.create("ann", "one more").id, flush=True)
"""


def test_what_a_killed_process_had_answered_is_there_without_its_disk(path, tmp_path):
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path)],
            stdout=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        local = process.stdout.readline().strip()
        answered = {process.stdout.readline().strip() for _ in range(25)}
        process.send_signal(signal.SIGKILL)
        answered |= {line.strip() for line in process.stdout if len(line.strip()) == 22}
        process.wait()
        shutil.rmtree(local)

        again = open_at(path)
        kept = {project.id for project in again.projects.all("ann")}
        again.close()

        assert answered <= kept


def test_pictures_in_a_bucket_are_written_under_their_own_name(tmp_path, monkeypatch):
    """Nothing is renamed, and touching a file may be refused."""

    def refused(*anything, **more):
        raise PermissionError("not on this mount")

    blobs = BlobStore(tmp_path, bucket=True)
    monkeypatch.setattr(os, "utime", refused)
    monkeypatch.setattr(Path, "replace", refused)
    data = b"a picture"
    place = blobs.put(data, digest_of(data))
    place.write_bytes(b"cut o")

    assert blobs.put(data, digest_of(data)) == place
    assert blobs.read(digest_of(data)) == data
    assert blobs.put(data, digest_of(data)) == place


def _all_rows(store):
    with store._connections.reading() as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        kept = [name for name in names if name != "processes"]
        return json.dumps({name: [list(row) for row in db.execute(f'SELECT * FROM "{name}"')] for name in kept})
