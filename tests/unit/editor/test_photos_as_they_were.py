"""What is opened and downloaded without an edit is the photo; what is edited keeps the rest of it."""

import io

import cv2
import numpy as np
from PIL import Image

from kontext_ui.images import numbered, png
from kontext_ui.images.numbered import Numbered
from tests.unit.editor.conftest import OWNER

P3 = Numbered("Display P3", numbered.PRIMARIES[12][1]).profile()
DEEP = np.random.default_rng(1).integers(0, 65535, (48, 64, 3), np.uint16)


def deep_photo():
    data = cv2.imencode(".png", cv2.cvtColor(DEEP, cv2.COLOR_RGB2BGR))[1].tobytes()
    return png.with_chunks(data, png.profile_chunk(P3))


async def opened(desk):
    return await desk.editor.pictures.open(OWNER, desk.project, deep_photo(), "photo.png")


async def exported(desk, version, project=None):
    data = (await desk.editor.pictures.export(OWNER, project or desk.project, version, "png")).data
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), Image.open(io.BytesIO(data)).info["icc_profile"]


async def test_an_unedited_version_is_the_photo(make_desk):
    desk = await make_desk()
    pixels, profile = await exported(desk, (await opened(desk)).id)

    assert np.array_equal(pixels, DEEP)
    assert profile == P3


async def test_so_it_is_in_a_copy_of_the_project_and_after_a_sweep(make_desk):
    desk = await make_desk()
    await opened(desk)
    copy = await desk.editor.projects.duplicate(OWNER, desk.project)
    desk.store.upkeep.sweep(desk.blobs)

    assert np.array_equal((await exported(desk, copy.head, copy.id))[0], DEEP)
    assert desk.store.upkeep.verify(desk.blobs) == []


async def test_without_the_file_of_its_own_pixels_it_can_still_be_had(make_desk):
    desk = await make_desk()
    version = await opened(desk)
    row = desk.store.images.get(OWNER, desk.project, version.digest)
    desk.blobs.path(row.own).unlink()

    assert (await exported(desk, version.id))[0].dtype == np.uint8
    assert [finding.kind for finding in desk.store.upkeep.verify(desk.blobs)] == ["image_missing"]
