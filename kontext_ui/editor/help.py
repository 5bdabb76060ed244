"""Help with writing instructions for one picture: what is in it, what fits it, what a draft lacks, where things are."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path

from anyio import CapacityLimiter, to_thread

from kontext_ui.backends.base import Reads
from kontext_ui.editor.accounts import Accounts
from kontext_ui.editor.drafts import BackendOffer, EditDraft, TierOffer
from kontext_ui.editor.jobs.leaning import in_full
from kontext_ui.editor.jobs.router import Router
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.edits import Tier
from kontext_ui.errors import InvalidRequest, NotUnderstood
from kontext_ui.history.store import HistoryStore
from kontext_ui.images import codec
from kontext_ui.projects import ImageKind
from kontext_ui.prompting import Hint, LintContext, Look, Suggestion, for_model, for_reader, lint

_io = to_thread.run_sync
REMEMBERED = 500
"""Pictures whose look is kept: a few hundred bytes each."""
CAPABLE = (Tier.PRO, Tier.MAX, Tier.DEV, Tier.LOCAL)
"""Tiers to send what the engine on this computer cannot read, best first."""


@dataclass(frozen=True)
class Overview:
    """A look at a picture, with the instructions that fit it."""

    look: Look
    for_reader: tuple[Suggestion, ...]
    """For the engine on this computer; all are understood by it."""
    for_model: tuple[Suggestion, ...]


@dataclass(frozen=True)
class FoundMask:
    """A stored mask of something named. ``how`` says what was found and how large it is."""

    digest: str
    how: str
    others: tuple[str, ...]
    """Names of what could also have been meant."""


class Overviews:
    """Recent overviews by digest, one made at a time so that edits keep their cores. Works on one event loop."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._tasks: OrderedDict[str, asyncio.Task[Overview]] = OrderedDict()
        self.limiter = CapacityLimiter(1)

    async def of(self, digest: str, make: Callable[[], Coroutine[None, None, Overview]]) -> Overview:
        """The overview of a picture. Several who ask at once wait for the same one; a failed one is not kept."""
        task = self._tasks.get(digest)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._tasks[digest] = asyncio.create_task(make(), name=f"look at {digest[:8]}")
        self._tasks.move_to_end(digest)
        while len(self._tasks) > self._most:
            self._tasks.popitem(last=False)[1].cancel()
        # Someone who leaves must not cancel the look for the others.
        return await asyncio.shield(task)

    def known(self, digest: str) -> Look | None:
        """What is already known; does not look."""
        task = self._tasks.get(digest)
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result().look

    def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()


class Help:
    """Use cases that only help to write an instruction."""

    def __init__(self, store: HistoryStore, pixels: PixelStore, router: Router, accounts: Accounts) -> None:
        self._store = store
        self._pixels = pixels
        self._router = router
        self._accounts = accounts
        self._overviews = Overviews()

    def close(self) -> None:
        self._overviews.close()

    async def look(self, owner: str, project_id: str, version_id: str) -> Overview:
        """What is seen in a version and what could be done with it.

        Without onnxruntime nothing is seen, and the suggestions are those that fit every picture.
        """
        version = await _io(self._store.tree.get, owner, project_id, version_id)
        return await self._overviews.of(version.digest, lambda: self._overview(version.digest))

    async def _overview(self, digest: str) -> Overview:
        path = await self._pixels.derived_path(digest, "preview")
        return await to_thread.run_sync(self._overview_of, path, limiter=self._overviews.limiter)

    def _overview_of(self, preview: Path) -> Overview:
        sight = self._router.sight
        look = Look() if sight is None else sight.look(codec.decode(preview.read_bytes()))
        return Overview(look, tuple(one for one in for_reader(look) if self._understood(one)), for_model(look))

    def _reads(self, offer: BackendOffer) -> bool:
        return isinstance(self._router.backends[offer.id], Reads)

    def _understood(self, suggestion: Suggestion) -> bool:
        """A text that is still to be filled in counts as any other."""
        reader = self._router.reader
        return reader is None or reader.explain(suggestion.text.replace("…", "text"), False) is None

    async def find_mask(self, owner: str, project_id: str, version_id: str, name: str) -> FoundMask:
        """Find something by name ("car", "the sky", "background", "main subject") and store its mask.

        Raises ``InvalidRequest`` when it is not there or does not stand out from what is around it.
        """
        version = await _io(self._store.tree.get, owner, project_id, version_id)
        sight = self._router.sight
        if sight is None:
            raise InvalidRequest("Nothing here can find things by name.", hint="Paint over it instead.")
        pixels = await self._pixels.load(version.digest)
        found = await self._pixels.compute(sight.find, pixels, name)
        digest = await self._pixels.save_mask(found.mask)
        assert digest is not None
        await _io(self._store.images.add, project_id, digest, ImageKind.MASK, version.size, "image/png")
        return FoundMask(digest, found.how, found.others)

    async def hints(self, owner: str, project_id: str, draft: EditDraft) -> tuple[Hint, ...]:
        """What would make the draft's instruction better. Never looks at the picture, never refuses a draft."""
        tiers = self._accounts.tiers(owner)
        _, version = await _io(self._store.tree.for_edit, owner, project_id, draft.parent, ())
        look = None if version is None else self._overviews.known(version.digest)
        ready = {offer.tier: offer.chosen for offer in tiers if offer.chosen is not None}
        backend = _chosen(draft, tiers)
        reader: object = None if backend is None or version is None else self._router.backends[backend.id]
        refusal: NotUnderstood | None = None
        if isinstance(reader, Reads):
            words = (None if version is None else in_full(reader, draft, version)) or draft.instruction
            refusal = await _io(reader.explain, words, draft.mask is not None)
        capable = next((tier for tier in CAPABLE if tier in ready and not self._reads(ready[tier])), None)
        context = _context(draft, backend, ready, version is not None, look or Look(), refusal, capable)
        return await _io(lint, draft.instruction, context)


def _chosen(draft: EditDraft, tiers: tuple[TierOffer, ...]) -> BackendOffer | None:
    """The backend that the draft would go to, ready or not."""
    offer = next((offer for offer in tiers if offer.tier is draft.tier), None)
    if offer is None:
        return None
    backends = offer.carrying(draft.model)
    pinned = next((backend for backend in backends if backend.id == draft.backend), None)
    ready = next((backend for backend in backends if backend.ready), None)
    return pinned or ready or next(iter(backends), None)


def _context(
    draft: EditDraft,
    backend: BackendOffer | None,
    ready: Mapping[Tier, BackendOffer],
    has_picture: bool,
    look: Look,
    refusal: NotUnderstood | None,
    capable: Tier | None,
) -> LintContext:
    redraws = backend is None or backend.capabilities.size_rule.kind != "any"
    expands = None if backend is None else backend.capabilities.parameter("prompt_upsampling")
    expanding = draft.parameters.prompt_upsampling
    return LintContext(
        tier=draft.tier,
        redraws=redraws,
        has_picture=has_picture,
        has_mask=draft.mask is not None,
        preserving=draft.preserve,
        upsampling=None if expands is None else bool(expands.default if expanding is None else expanding),
        max_ready=Tier.MAX in ready,
        look=look,
        refusal="" if refusal is None else refusal.message,
        nearest="" if refusal is None or not refusal.suggestions else refusal.suggestions[0],
        capable=capable,
    )
