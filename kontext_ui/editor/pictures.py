"""Pictures in and out of a project."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from anyio import to_thread

from kontext_ui.editor.ceilings import Ceilings, sender
from kontext_ui.editor.drafts import Change
from kontext_ui.editor.jobs import pipeline
from kontext_ui.editor.jobs.journal import Journal
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.editor.room import Room
from kontext_ui.edits import Mask, Pixels, Rectangle, Size
from kontext_ui.errors import InvalidRequest
from kontext_ui.images import codec, lock, masks
from kontext_ui.images.beside import side_by_side
from kontext_ui.images.codec import EncodedImage
from kontext_ui.images.export import Opened, Recipe, RecipeStep, export, read_recipe
from kontext_ui.projects import ImageKind, Project, Version

_io = to_thread.run_sync
PNG = "image/png"
WHOLE = "whole"


class Pictures:
    """Use cases on pixels that need no backend."""

    def __init__(
        self, journal: Journal, pixels: PixelStore, limits: codec.ImageLimits, ceilings: Ceilings, room: Room
    ) -> None:
        self._journal, self._store = journal, journal.store
        self._pixels = pixels
        self._limits = limits
        self._ceilings = ceilings
        self._room = room

    async def may_bring(self, owner: str) -> None:
        """Before a file is even read: raises ``LimitReached`` or ``StorageFull`` when it could not be kept."""
        await self._room.check(owner)
        if self._ceilings:
            await _io(self._store.usage.look, self._ceilings.uploads(sender(owner), note=False))

    async def _count_one(self, owner: str) -> None:
        """A picture is brought. Raises as ``may_bring``."""
        await self._room.check(owner)
        if self._ceilings:
            await _io(self._store.usage.take, self._ceilings.uploads(sender(owner)))

    async def open(self, owner: str, project_id: str, data: bytes, filename: str = "") -> Version:
        """Open a picture as a new root and make it the head. Raises ``InvalidImage``; then nothing is stored."""
        await _io(self._store.projects.get, owner, project_id)
        await self._count_one(owner)
        opened = await self._pixels.compute(codec.open_image, data, self._limits)
        digest = await self._pixels.save(opened.pixels)
        profile = await self._pixels.save_profile(opened.icc_profile)
        kept = await self._pixels.save_own(opened.own)
        source = {**opened.source, "filename": _plain_name(filename)}
        version = await _io(
            lambda: self._store.tree.add_root(
                owner, project_id, digest, opened.size, opened.has_alpha, source, icc=profile, own=kept
            )
        )
        project = await _io(self._store.projects.get, owner, project_id)
        self._tell(project, version)
        return version

    async def add_reference(self, owner: str, project_id: str, data: bytes) -> str:
        """Keep a picture that is only looked at; returns its digest."""
        await _io(self._store.projects.get, owner, project_id)
        await self._count_one(owner)
        opened = await self._pixels.compute(codec.open_image, data, self._limits)
        digest = await self._pixels.save(opened.pixels)
        await _io(self._store.images.add, project_id, digest, ImageKind.REFERENCE, opened.size, PNG)
        return digest

    async def add_mask(self, owner: str, project_id: str, version_id: str, data: bytes) -> str:
        """Keep a black and white mask (white = edit) for a version, scaled to its size; returns the digest."""
        version = await _io(self._store.tree.get, owner, project_id, version_id)
        await self._count_one(owner)
        opened = await self._pixels.compute(codec.open_image, data, self._limits)
        mask = await self._pixels.compute(masks.normalise, opened.pixels, version.size)
        digest = await self._pixels.save_mask(mask)
        assert digest is not None
        await _io(self._store.images.add, project_id, digest, ImageKind.MASK, version.size, PNG)
        return digest

    async def change_mask(self, owner: str, project_id: str, version_id: str, how: int | str) -> Version:
        """Use more or less of the model's picture, without another edit: a new version next to this one.

        One that was adjusted before gives way to the new one, unless something hangs on it: five clicks are one
        adjustment, not five answers.

        ``how`` is by how many pixels the change mask grows (below 0: shrinks), ``WHOLE`` for all of the model's
        picture, or the digest of a mask stored with :meth:`add_mask`. Raises ``InvalidRequest`` for a version without
        a change mask.
        """
        version = await _io(self._store.tree.get, owner, project_id, version_id)
        await self._room.check(owner)
        outcome = version.outcome
        if version.parent is None or outcome is None or outcome.change_mask is None or outcome.answer is None:
            raise InvalidRequest("Nothing of a model's picture was left out of this version.")
        if how == WHOLE:
            mask = await self._pixels.compute(_everywhere, outcome.placement, version.size)
        else:
            wanted: int | Mask = how if isinstance(how, int) else await self._own_mask(owner, project_id, how)
            mask = await self._pixels.compute(_changed, await self._pixels.load_mask(outcome.change_mask), wanted)
        parent = await _io(self._store.tree.get, owner, project_id, version.parent)
        before, answer = await self._pixels.load(parent.digest), await self._pixels.load(outcome.answer)
        pixels = await self._pixels.compute(_reblend, before, answer, outcome.placement, mask)
        fraction = await self._pixels.compute(pipeline.changed_fraction, before, pixels)
        digest, stored = await self._pixels.save(pixels), await self._pixels.save_mask(mask)
        by_px = (outcome.adjusted_px or 0) + how if isinstance(how, int) else 0
        changed = dataclasses.replace(
            outcome,
            change_mask=stored,
            changed_fraction=fraction,
            adjusted_px=by_px,
            description=_adjustment(by_px),
            price_usd=0.0,
            seconds=0.0,
            warnings=(),
        )
        made = await _io(self._store.tree.add_variant, owner, project_id, version_id, digest, changed)
        project = await _io(self._store.projects.get, owner, project_id)
        before_it = await _io(self._store.tree.get, owner, project_id, version_id)
        self._tell(project, made, () if before_it.pruned_at is None else (version_id,))
        return made

    def _tell(self, project: Project, version: Version, removed: tuple[str, ...] = ()) -> None:
        change = Change(project=project, versions=(version,), removed=removed, facts=self._journal.facts())
        self._journal.tell(project.id, change)

    async def _own_mask(self, owner: str, project_id: str, digest: str) -> Mask:
        await _io(self._store.images.get, owner, project_id, digest)
        return await self._pixels.load_mask(digest)

    async def export(
        self,
        owner: str,
        project_id: str,
        version_id: str,
        format_name: str,
        *,
        quality: int = 92,
        with_recipe: bool = True,
    ) -> EncodedImage:
        """A version as a file: full resolution, the opened picture's colour profile and, where nothing was edited, the
        photo's own pixels; optionally the recipe."""
        path = await _io(self._store.tree.path_to_root, owner, project_id, version_id)
        root = await _io(self._store.images.get, owner, project_id, path[0].digest)
        profile = await self._pixels.load_profile(root.icc)
        pixels = await self._pixels.load(path[-1].digest)
        kept = await self._pixels.load_own(root.own)
        opened = None if kept is None else Opened(await self._pixels.load(path[0].digest), kept)
        recipe = _recipe(path) if with_recipe else None
        return await self._pixels.compute(
            lambda: export(pixels, format_name, quality=quality, icc_profile=profile, recipe=recipe, opened=opened)
        )

    async def small(self, owner: str, project_id: str, digest: str, max_side_px: int) -> EncodedImage:
        """A picture of this project as a small file. Raises ``ProjectNotFound`` or ``ImageMissing``."""
        path = await self.path(owner, project_id, digest, "preview")
        return await self._pixels.compute(lambda: codec.make_preview(codec.decode(path.read_bytes()), max_side_px))

    async def beside(self, owner: str, project_id: str, left: str, right: str, max_side_px: int) -> EncodedImage:
        """Two pictures side by side as a small file. Raises ``ProjectNotFound`` or ``ImageMissing``."""
        one, other = await self._both(owner, project_id, left, right)
        return await self._pixels.compute(side_by_side, one, other, max_side_px)

    async def changed(self, owner: str, project_id: str, before: str, after: str) -> float | None:
        """The share of pixels that differ, 0..1; ``None`` where the sizes do. Raises as :meth:`beside` does."""
        one, other = await self._both(owner, project_id, before, after)
        return await self._pixels.compute(pipeline.changed_fraction, one, other)

    async def _both(self, owner: str, project_id: str, *digests: str) -> list[Pixels]:
        for digest in digests:
            await _io(self._store.images.get, owner, project_id, digest)
        return [await self._pixels.load(digest) for digest in digests]

    async def recipe(self, owner: str, project_id: str, version_id: str) -> tuple[RecipeStep, ...]:
        """The turns from the root to a version; none for a picture that was opened."""
        made = _recipe(await _io(self._store.tree.path_to_root, owner, project_id, version_id))
        return () if made is None else made.steps

    async def read_recipe(self, data: bytes) -> Recipe | None:
        """The recipe in a file that was exported by this program, if it is one."""
        return await self._pixels.compute(read_recipe, data)

    async def path(self, owner: str, project_id: str, digest: str, kind: str = "full") -> Path:
        """The file of a picture that this project refers to; ``kind`` is full, preview or thumb.

        Raises ``ProjectNotFound`` or ``ImageMissing``.
        """
        await _io(self._store.images.get, owner, project_id, digest)
        if kind == "full":
            return await _io(self._pixels.blobs.path, digest)
        return await self._pixels.derived_path(digest, kind)


def _recipe(path: Sequence[Version]) -> Recipe | None:
    """From the root to the version; ``None`` when no edit lies between."""
    steps = tuple(
        RecipeStep(
            **version.request.options(),
            tier=version.request.tier,
            backend=version.request.backend,
            drawn_by="" if version.outcome is None else version.outcome.model,
            seed=None if version.outcome is None else version.outcome.seed,
            digest=version.digest,
        )
        for version in path
        if version.request is not None
    )
    return Recipe(steps, path[0].digest, path[0].project, path[-1].id) if steps else None


def _changed(current: Mask, how: int | Mask) -> Mask:
    """A change mask grown (or, below 0, shrunk) by pixels, or replaced by a painted one."""
    if not isinstance(how, int):
        return how
    return masks.grow(current, how) if how >= 0 else masks.shrink(current, -how)


def _everywhere(placement: Mapping[str, list[float]], size: Size) -> Mask:
    """Wherever there is something of the model's picture."""
    x, y, width, height = (round(value) for value in placement["region"])
    return masks.from_rectangle(Rectangle(x, y, width, height), size)


def _reblend(parent: Pixels, answer: Pixels, placement: Mapping[str, list[float]], mask: Mask) -> Pixels:
    return lock.reblend(parent, lock.Candidate.placed(answer, placement), mask)


def _plain_name(filename: str) -> str:
    """The last part of a path as browsers and people send it, at most 120 characters."""
    return PurePosixPath(filename.replace("\\", "/")).name[:120]


def _adjustment(by_px: int) -> str:
    """What was done to a version's change, as a sentence."""
    if by_px == 0:
        return "The change follows another outline."
    return f"{'Widened' if by_px > 0 else 'Narrowed'} the change by {abs(by_px)} px."
