"""The editor's values as results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kontext_ui.api import results as r
from kontext_ui.api.caller import Caller
from kontext_ui.editor import BackendOffer, Budget, TierOffer
from kontext_ui.edits import Running
from kontext_ui.errors import Billed
from kontext_ui.projects import Failure, Job, Outcome, Project, Version


def version_info(version: Version, who: Caller) -> r.VersionInfo:
    return r.VersionInfo(
        id=version.id,
        number=version.number,
        parent=version.parent,
        instruction=version.instruction,
        width=version.size.width,
        height=version.size.height,
        created_at=version.created_at.isoformat(),
        name=version.name,
        starred=version.starred,
        picture=who.address_of("picture", project=version.project, version=version.id, size="full"),
        **({} if version.outcome is None else _made(version.outcome)),
    )


def _made(outcome: Outcome) -> dict[str, Any]:
    return {
        "tier": outcome.tier,
        "backend": outcome.backend,
        "model": outcome.model,
        "seconds": outcome.seconds,
        "price_usd": outcome.price_usd,
        "seed": outcome.seed,
        "changed": outcome.changed_fraction,
        "description": outcome.description,
        "warnings": list(outcome.warnings),
    }


def edit_state(job: Job, version: Version | None, who: Caller, running: Running | None = None) -> r.EditState:
    shown = running if job.state.is_open else None
    return r.EditState(
        id=job.id,
        project=job.project,
        state=job.state,
        instruction=job.request.instruction,
        tier=job.request.tier.value,
        backend=job.request.backend,
        model=job.request.model,
        price_usd=job.price_usd,
        billed=_billed(job),
        progress=None if shown is None else shown.fraction,
        stage="" if shown is None else shown.stage,
        version=None if version is None else version_info(version, who),
        failure=None if job.failure is None else _failure(job.failure),
    )


def _billed(job: Job) -> Billed | None:
    if job.state.is_open:
        return None
    if job.failure is not None:
        return Billed.NO if job.price_usd == 0 else job.failure.billed
    return Billed.YES if job.price_usd else Billed.NO


def _failure(failure: Failure) -> r.Failure:
    return r.Failure(
        kind=failure.kind,
        message=failure.message,
        hint=failure.hint,
        may_retry=failure.may_retry,
        suggestions=list(failure.suggestions),
    )


def head_of(project: Project) -> r.Head:
    return r.Head(project=project.id, head=project.head, redo=project.redo)


def project_info(project: Project) -> r.ProjectInfo:
    return r.ProjectInfo(
        id=project.id,
        title=project.title,
        head=project.head,
        versions=project.version_count,
        spent_usd=project.spent_usd,
        budget_usd=project.budget_usd,
        updated_at=project.updated_at.isoformat(),
    )


def tree_info(project: Project, versions: Iterable[Version], edits: Iterable[r.EditState], who: Caller) -> r.TreeInfo:
    return r.TreeInfo(
        project=project.id,
        title=project.title,
        head=project.head,
        spent_usd=project.spent_usd,
        versions=[version_info(version, who) for version in versions],
        edits=list(edits),
    )


def tier_info(offer: TierOffer) -> r.TierInfo:
    usual = r.ModelInfo(
        id="",
        name=offer.backends[0].capabilities.model if offer.backends else "",
        backends=[_backend(each) for each in offer.backends],
    )
    others = [
        r.ModelInfo(id=other.id, name=other.name, backends=[_backend(each) for each in other.backends])
        for other in offer.others
    ]
    return r.TierInfo(tier=offer.tier.value, models=[usual, *others])


def _backend(offer: BackendOffer) -> r.BackendInfo:
    can = offer.capabilities
    return r.BackendInfo(
        id=offer.id,
        label=offer.label,
        ready=offer.ready,
        reason=offer.reason,
        hint=offer.hint,
        price_usd=can.price_usd,
        price_note=can.price_note,
        typical_s=can.typical_s,
        modes=sorted(mode.value for mode in can.modes),
        parameters=[parameter.name for parameter in can.parameters],
        max_reference_images=can.max_reference_images,
    )


def budget_info(budget: Budget) -> r.BudgetInfo:
    return r.BudgetInfo(limit_usd=budget.limit_usd, spent_usd=budget.spent_usd)
