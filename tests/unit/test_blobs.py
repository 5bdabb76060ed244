from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest

from kontext_ui.errors import HistoryError, ImageMissing, StorageFull
from kontext_ui.history.blobs import BlobFile, BlobStore, digest_of, write_and_sync

DATA = b"the bytes of a picture"
DIGEST = digest_of(DATA)
DAY_S = 86_400.0


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "images")


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def age(path: Path, days: float = 3) -> None:
    then = path.stat().st_mtime - days * DAY_S
    os.utime(path, (then, then))


def test_what_was_put_is_read_back_and_lies_under_its_hash(blobs: BlobStore, tmp_path: Path) -> None:
    path = blobs.put(DATA, DIGEST)
    assert blobs.read(DIGEST) == DATA
    assert blobs.path(DIGEST) == path
    assert path == tmp_path / "images" / DIGEST[:2] / DIGEST[2:4] / f"{DIGEST}.png"
    assert files(tmp_path) == [path]


def test_files_and_folders_are_private(blobs: BlobStore, tmp_path: Path) -> None:
    path = blobs.put(DATA, DIGEST)
    assert path.stat().st_mode & 0o777 == 0o600
    for folder in (path.parent, path.parent.parent, tmp_path / "images"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_putting_it_again_writes_nothing_but_makes_it_new(tmp_path: Path) -> None:
    writes: list[int] = []

    def count(file: BinaryIO, data: bytes) -> None:
        writes.append(len(data))
        write_and_sync(file, data)

    blobs = BlobStore(tmp_path, write=count)
    path = blobs.put(DATA, DIGEST)
    age(path)
    assert blobs.older_than(DAY_S) == [BlobFile(path, DIGEST)]
    blobs.put(DATA, DIGEST)
    assert len(writes) == 1
    assert blobs.older_than(DAY_S) == []


def test_a_file_cut_short_from_outside_is_written_anew(blobs: BlobStore) -> None:
    path = blobs.put(DATA, DIGEST)
    path.write_bytes(DATA[:3])
    blobs.put(DATA, DIGEST)
    assert blobs.read(DIGEST) == DATA


def test_derived_images_lie_beside_the_full_one(blobs: BlobStore) -> None:
    blobs.put(DATA, DIGEST, ".jpg")
    preview = blobs.put_derived(DIGEST, "preview", b"small", ".webp")
    thumb = blobs.put_derived(DIGEST, "thumb", b"tiny", ".png")
    assert blobs.path(DIGEST, "preview") == preview
    assert blobs.path(DIGEST, "thumb") == thumb
    assert blobs.read(DIGEST, "thumb") == b"tiny"
    assert blobs.read(DIGEST) == DATA
    assert preview.parent == blobs.path(DIGEST).parent


@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg", ".tiff", ".icc"])
def test_any_suffix_is_found_again_and_not_mistaken_for_a_derived_image(blobs: BlobStore, suffix: str) -> None:
    blobs.put_derived(DIGEST, "thumb", b"tiny", ".webp")
    assert not blobs.has(DIGEST)
    blobs.put(DATA, DIGEST, suffix)
    assert blobs.path(DIGEST).name == f"{DIGEST}{suffix}"


def test_an_unknown_digest_is_missing(blobs: BlobStore) -> None:
    for kind in ("full", "preview", "thumb"):
        with pytest.raises(ImageMissing):
            blobs.path(DIGEST, kind)
    with pytest.raises(ImageMissing):
        blobs.read(DIGEST)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../../etc/passwd",
        "a" * 63,
        "a" * 65,
        "A" * 64,
        "g" * 64,
        f"{DIGEST}\n",
        f"../{DIGEST}",
        f"{DIGEST}/..",
    ],
)
def test_a_name_that_is_no_digest_never_becomes_a_path(blobs: BlobStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageMissing):
        blobs.path(name)
    with pytest.raises(ValueError, match="sha256"):
        blobs.put(DATA, name)
    assert files(tmp_path) == []


@pytest.mark.parametrize("kind", ["", "..", "/../x", "*", "Full"])
def test_an_unknown_kind_never_becomes_a_path(blobs: BlobStore, kind: str) -> None:
    blobs.put(DATA, DIGEST)
    with pytest.raises(ImageMissing):
        blobs.path(DIGEST, kind)
    with pytest.raises(ValueError, match="derived"):
        blobs.put_derived(DIGEST, kind, DATA)


@pytest.mark.parametrize("suffix", ["", "png", "./x", ".PNG", ".png/..", ".longer"])
def test_a_strange_suffix_is_refused(blobs: BlobStore, suffix: str) -> None:
    with pytest.raises(ValueError, match="suffix"):
        blobs.put(DATA, DIGEST, suffix)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, code: int) -> None:
    def half_then_full(file: BinaryIO, data: bytes) -> None:
        file.write(data[: len(data) // 2])
        file.flush()
        raise OSError(code, "no space")

    blobs = BlobStore(tmp_path / "images", write=half_then_full)
    with pytest.raises(StorageFull) as caught:
        blobs.put(DATA, DIGEST)
    assert caught.value.hint
    with pytest.raises(StorageFull):
        blobs.put_derived(DIGEST, "thumb", DATA)
    assert files(tmp_path) == []
    assert not blobs.has(DIGEST)


def test_another_disk_error_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    def broken(file: BinaryIO, data: bytes) -> None:
        raise OSError(errno.EIO, "broken")

    with pytest.raises(HistoryError, match="broken"):
        BlobStore(tmp_path / "images", write=broken).put(DATA, DIGEST)
    assert files(tmp_path) == []


def test_nobody_sees_a_file_before_it_is_whole(tmp_path: Path) -> None:
    written, go_on = threading.Event(), threading.Event()

    def pause_half_way(file: BinaryIO, data: bytes) -> None:
        file.write(data[:5])
        file.flush()
        written.set()
        assert go_on.wait(30)
        write_and_sync(file, data[5:])

    blobs = BlobStore(tmp_path, write=pause_half_way)
    with ThreadPoolExecutor(1) as pool:
        putting = pool.submit(blobs.put, DATA, DIGEST)
        assert written.wait(30)
        assert not blobs.has(DIGEST)
        go_on.set()
        putting.result(30)
    assert blobs.read(DIGEST) == DATA


def test_many_threads_may_put_the_same_image(blobs: BlobStore, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: blobs.put(DATA, DIGEST), range(40)))
    assert files(tmp_path) == [blobs.path(DIGEST)]
    blobs.check(DIGEST)


def test_check_notices_a_changed_file(blobs: BlobStore) -> None:
    path = blobs.put(DATA, DIGEST)
    blobs.check(DIGEST)
    path.write_bytes(DATA.upper())
    with pytest.raises(ImageMissing, match="damaged"):
        blobs.check(DIGEST)


def test_an_old_file_is_removed_and_its_size_told(blobs: BlobStore, tmp_path: Path) -> None:
    path = blobs.put(DATA, DIGEST)
    age(path)
    (blob,) = blobs.older_than(DAY_S)
    assert blobs.remove(blob, DAY_S) == len(DATA)
    assert files(tmp_path) == []
    assert blobs.remove(blob, DAY_S) is None


def test_a_file_asked_for_again_after_it_was_listed_is_kept(blobs: BlobStore) -> None:
    age(blobs.put(DATA, DIGEST))
    (blob,) = blobs.older_than(DAY_S)
    blobs.put(DATA, DIGEST)
    assert blobs.remove(blob, DAY_S) is None
    assert blobs.read(DIGEST) == DATA


def test_leftover_temporary_files_are_listed_without_a_digest(blobs: BlobStore) -> None:
    leftover = blobs.put(DATA, DIGEST).with_name(f"{DIGEST}.png.0123456789abcdef.tmp")
    leftover.write_bytes(b"half")
    age(leftover)
    assert blobs.older_than(DAY_S) == [BlobFile(leftover, None)]


def test_files_of_others_in_the_folder_are_left_alone(blobs: BlobStore) -> None:
    stranger = blobs.put(DATA, DIGEST).with_name("notes.txt")
    stranger.write_text("mine")
    age(stranger)
    assert blobs.older_than(DAY_S) == []
