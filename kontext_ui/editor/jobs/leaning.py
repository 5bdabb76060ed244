"""Messages that lean on the turn before ("a bit more", "no, blue"), made to stand alone before anything is planned."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from anyio import to_thread

from kontext_ui.backends.base import Follows, LastTurn, StandsAlone
from kontext_ui.editor.drafts import EditDraft
from kontext_ui.editor.jobs.router import Router
from kontext_ui.history.store import HistoryStore
from kontext_ui.projects import Version


async def standing_alone(
    store: HistoryStore,
    router: Router,
    owner: str,
    project_id: str,
    draft: EditDraft,
    parent: Version | None,
    keys: Mapping[str, str],
) -> tuple[EditDraft, Version | None]:
    """The draft in full words, as its prompt, and the version that it applies to.

    "Less" and "no, blue" are about the picture before the last edit, whose answer they replace. Where a message names
    no place it is that of the last edit. A draft that stands alone comes back as it is.
    """
    if parent is None or not draft.instruction.strip() or not _steps(parent):
        return draft, parent
    found = _found(router.backends[router.choose(draft, keys).id], draft, parent)
    if found is None:
        return draft, parent
    before = parent.request
    if before is not None and not found.elsewhere and draft.mask is None and draft.region is None:
        draft = dataclasses.replace(draft, mask=before.mask, region=before.region)
    if found.replaces and parent.parent is not None:
        parent = await to_thread.run_sync(store.tree.get, owner, project_id, parent.parent)
    return dataclasses.replace(draft, prompt=found.instruction, parent=parent.id), parent


def in_full(backend: object, draft: EditDraft, parent: Version) -> str | None:
    """What the draft's instruction says in full words; ``None`` where it stands alone."""
    found = _found(backend, draft, parent)
    return None if found is None else found.instruction


def _found(backend: object, draft: EditDraft, parent: Version) -> StandsAlone | None:
    """``None`` too for a draft with a prompt of its own, and for engines that read no messages of this kind."""
    if not isinstance(backend, Follows) or parent.outcome is None or draft.prompt.strip():
        return None
    said = "" if parent.request is None else parent.request.sent_prompt
    return backend.follow(draft.instruction.strip(), LastTurn(said, _steps(parent), parent.outcome.alternatives))


def _steps(version: Version) -> tuple[Mapping[str, object], ...]:
    """What was done, where the engine that made the version works by a plan."""
    plan = version.outcome.plan if version.outcome is not None else None
    return tuple(plan.get("steps", ())) if isinstance(plan, Mapping) else ()
