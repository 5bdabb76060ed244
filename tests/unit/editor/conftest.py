from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from kontext_ui.editor import EditDraft, Editor
from kontext_ui.editor.budgets import Budgets
from kontext_ui.editor.ceilings import Ceilings
from kontext_ui.editor.jobs.router import Router
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.edits import Tier
from kontext_ui.history.blobs import BlobStore
from kontext_ui.history.store import HistoryStore
from kontext_ui.images import codec
from tests.unit.editor.scripted import ScriptedBackend

OWNER = "ann"
LIMITS = codec.ImageLimits(max_bytes=10_000_000, max_pixels=10_000_000)


@dataclass
class Desk:
    """An editor with its parts within reach, and a project with one picture."""

    editor: Editor
    store: HistoryStore
    blobs: BlobStore
    project: str
    root: str

    async def send(self, instruction="make it so", tier=Tier.PRO, **fields):
        job = await self.editor.edits.submit(OWNER, self.project, EditDraft(instruction, tier, **fields))
        return job.id

    async def edit(self, instruction="make it so", tier=Tier.PRO, **fields):
        return await self.editor.edits.wait(OWNER, await self.send(instruction, tier, **fields))

    async def until(self, job_id, reached):
        """Wait until the job satisfies a condition."""
        with self.editor.projects.subscribe(self.project) as changes:
            while not reached(job := await self.editor.edits.get(OWNER, job_id)):
                assert await changes.next(5) is not None, f"job stays {job.state}"
        return job

    def pixels(self, digest):
        """The stored picture, from its file."""
        return codec.decode(self.blobs.read(digest))

    async def project_jobs(self):
        return [*(await self.editor.projects.open(OWNER, self.project)).jobs]

    async def project_now(self):
        return (await self.editor.projects.open(OWNER, self.project)).project


def picture(width=64, height=48, seed=0):
    """PNG bytes of smooth random colours."""
    small = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    pixels = np.kron(small, np.ones((height // 6, width // 8, 1), np.uint8)).astype(np.uint8)
    return codec.encode_png(pixels)


@pytest.fixture
def make_editor(tmp_path):
    """Build an editor on the test's data folder; calling it again is a restart on the same files."""

    return partial(editor_in, tmp_path)


def editor_in(folder, *backends, order=None, project_usd=None, day_usd=None, limits=None, **options):
    store = HistoryStore(folder / "history.sqlite3")
    blobs = BlobStore(folder / "images")
    router = Router({backend.id: backend for backend in backends}, order)
    purse = Budgets(store, project_usd=project_usd, day_usd=day_usd, ceilings=Ceilings.of(limits or {}))
    editor = Editor(store, PixelStore(blobs), router, LIMITS, purse, **options)
    return editor, store, blobs


@pytest.fixture
async def make_desk(make_editor):
    editors = []

    async def build(*backends, **options):
        editor, store, blobs = make_editor(*(backends or (ScriptedBackend(),)), **options)
        editors.append(editor)
        await editor.start()
        project = await editor.projects.create(OWNER, "Test")
        root = await editor.pictures.open(OWNER, project.id, picture(), "photo.png")
        return Desk(editor, store, blobs, project.id, root.id)

    yield build
    for editor in editors:
        await editor.aclose()
