"""Domain values as the page's rows: plain values, texts as texts. The page merges rows by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kontext_ui.editor import (
    BackendOffer,
    Change,
    Facts,
    ModelOffer,
    Overview,
    ProjectView,
    Queued,
    Receipt,
    Spending,
    Spent,
    TierOffer,
)
from kontext_ui.edits import Running
from kontext_ui.errors import KontextError, NotUnderstood
from kontext_ui.models.catalogue import name_of
from kontext_ui.projects import AccessKey, Failure, Job, Outcome, Project, Version
from kontext_ui.prompting import ACTIONS
from kontext_ui.prompting.seen import said
from kontext_ui.prompting.sentence import PRESERVABLE
from kontext_ui.web.row_types import (
    AccessKeyRow,
    BackendRow,
    BuilderActionRow,
    BuilderRow,
    ErrorRow,
    FailureRow,
    JobRow,
    ModelRow,
    OutcomeRow,
    OverviewRow,
    Patch,
    ProgressRow,
    ProjectRow,
    QueueRow,
    ReceiptRow,
    SpendingRow,
    SpentRow,
    ThingRow,
    TierRow,
    VersionRow,
)

TIER_LABELS = {"pro": "Pro", "max": "Max", "dev": "Dev", "local": "Local"}


def project_row(project: Project) -> ProjectRow:
    return ProjectRow(
        id=project.id,
        title=project.title,
        head=project.head,
        redo=project.redo,
        draft=project.draft,
        hidden_count=project.hidden_count,
        spent_usd=project.spent_usd,
        unsure_usd=project.unsure_usd,
        budget_usd=project.budget_usd,
        version_count=project.version_count,
        cover=project.cover,
        updated_at=project.updated_at.isoformat(),
        deleted=project.deleted_at is not None,
    )


def version_row(version: Version, facts: Facts) -> VersionRow:
    return VersionRow(
        id=version.id,
        number=version.number,
        parent=version.parent,
        digest=version.digest,
        width=version.size.width,
        height=version.size.height,
        alpha=version.has_alpha,
        instruction=version.instruction,
        name=version.name,
        starred=version.starred,
        created_at=version.created_at.isoformat(),
        job=version.job,
        source=version.source or None,
        request=None if version.request is None else version.request.given(),
        outcome=None if version.outcome is None else _outcome_row(version.outcome, facts),
    )


def _outcome_row(outcome: Outcome, facts: Facts) -> OutcomeRow:
    return OutcomeRow(
        tier=outcome.tier,
        backend=outcome.backend,
        backend_label=facts.label(outcome.backend),
        model=outcome.model,
        seconds=outcome.seconds,
        price_usd=outcome.price_usd,
        seed=outcome.seed,
        description=outcome.description,
        changed=outcome.changed_fraction,
        change_mask=outcome.change_mask,
        adjustable=outcome.answer is not None and outcome.change_mask is not None,
        adjusted_px=outcome.adjusted_px,
        warnings=outcome.warnings,
        alternatives=outcome.alternatives,
        meters=outcome.meters,
        understood=plan_lines(outcome.plan),
    )


def plan_lines(plan: Any) -> tuple[str, ...]:
    """How the instruction was understood, a line for each step: ``recolour · the car · red``.

    ``plan`` is what a backend recorded; anything else than steps with arguments gives no lines.
    """
    if not isinstance(plan, Mapping) or not isinstance(plan.get("steps"), list):
        return ()
    steps = [step for step in plan["steps"] if isinstance(step, Mapping) and isinstance(step.get("arguments"), Mapping)]
    kept = plan.get("keep")
    keeping = kept if isinstance(kept, list) else []
    return (*map(_step_line, steps), *(f"keep · {thing}" for thing in keeping))


def _step_line(step: Mapping[str, Any]) -> str:
    arguments = dict(step["arguments"])
    target = str(arguments.pop("said", ""))
    if arguments.pop("inverted", False) and target:
        target = f"all but {target}"
    inner = ("target", "name", "which", "source")  # all of them are in what was said
    values = [_argument_text(name, value) for name, value in arguments.items() if name not in inner]
    operation = str(step.get("operation", "")).replace("_", " ")
    return " · ".join(part for part in (operation, target, *values) if part)


def _argument_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return name.replace("_", " ") if value else ""
    if not isinstance(value, int | float):
        return str(value)
    if name == "amount":
        return f"{value:.0%}"
    return f"{value:g}°" if name == "degrees" else f"{name.replace('_', ' ')} {value:g}"


def job_row(job: Job, facts: Facts) -> JobRow:
    return JobRow(
        id=job.id,
        parent=job.parent,
        instruction=job.request.instruction,
        request=job.request.given(),
        backend_label=facts.label(job.request.backend),
        state=job.state.value,
        price_usd=job.price_usd,
        created_at=job.created_at.isoformat(),
        version=job.version,
        after=job.after,
        dismissed=job.dismissed_at is not None,
        fallback_from=job.fallback_from,
        can_check=job.id in facts.can_check,
        failure=None if job.failure is None else _failure_row(job.failure),
    )


def queue_row(queued: Queued, facts: Facts) -> QueueRow:
    job, progress = queued.job, queued.progress or Running()
    return QueueRow(
        id=job.id,
        project=job.project,
        project_title=queued.title,
        instruction=job.request.instruction,
        backend_label=facts.label(job.request.backend),
        state=job.state.value,
        waits=job.waits,
        stage=progress.stage,
        fraction=progress.fraction,
        queue_position=progress.queue_position,
        price_usd=job.price_usd,
        created_at=job.created_at.isoformat(),
    )


def _failure_row(failure: Failure) -> FailureRow:
    return FailureRow(
        kind=failure.kind,
        message=failure.message,
        hint=failure.hint,
        billed=failure.billed.value,
        backend=failure.backend,
        request_id=failure.request_id,
        may_retry=failure.may_retry,
        suggestions=failure.suggestions,
        capable_tier=failure.capable_tier,
    )


def progress_rows(progress: Mapping[str, Running], revision: int) -> tuple[ProgressRow, ...]:
    return tuple(
        ProgressRow(
            id=job_id,
            fraction=running.fraction,
            stage=running.stage,
            queue_position=running.queue_position,
            preview=None if running.preview is None else f"previews/{job_id}/{revision}",
        )
        for job_id, running in progress.items()
    )


def change_patch(change: Change) -> Patch:
    return Patch(
        revision=change.revision,
        project=None if change.project is None else project_row(change.project),
        versions=tuple(version_row(version, change.facts) for version in change.versions),
        removed_versions=change.removed,
        jobs=(*(job_row(job, change.facts) for job in change.jobs), *progress_rows(change.progress, change.revision)),
        elsewhere=change.elsewhere,
    )


def view_patch(view: ProjectView) -> Patch:
    """A whole project in the shape of a patch."""
    change = Change(view.revision, view.project, view.versions, view.jobs, progress=view.progress, facts=view.facts)
    return change_patch(change)


def tier_rows(tiers: Iterable[TierOffer]) -> tuple[TierRow, ...]:
    return tuple(
        TierRow(
            tier=offer.tier.value,
            label=TIER_LABELS[offer.tier.value],
            chosen=None if offer.chosen is None else offer.chosen.id,
            backends=tuple(_backend_row(backend) for backend in offer.backends),
            others=tuple(_model_row(other) for other in offer.others),
        )
        for offer in tiers
    )


def _model_row(offer: ModelOffer) -> ModelRow:
    chosen = None if offer.chosen is None else offer.chosen.id
    return ModelRow(offer.id, offer.name, chosen, tuple(_backend_row(backend) for backend in offer.backends))


def _backend_row(offer: BackendOffer) -> BackendRow:
    capabilities = offer.capabilities
    return BackendRow(
        id=offer.id,
        label=offer.label,
        ready=offer.ready,
        reason=offer.reason,
        hint=offer.hint,
        model=capabilities.model,
        price_usd=capabilities.price_usd,
        price_note=capabilities.price_note,
        price_by_size=capabilities.price_rule is not None and capabilities.price_rule.by_size,
        inpaint_price_usd=capabilities.inpaint_price_usd,
        typical_s=capabilities.typical_s,
        modes=tuple(sorted(mode.value for mode in capabilities.modes)),
        parameters=capabilities.parameters,
        unsupported=capabilities.unsupported,
        max_reference_images=capabilities.max_reference_images,
        notes=capabilities.notes,
        examples=capabilities.examples,
        full_resolution=capabilities.size_rule.kind == "any",
        takes_key=offer.takes_key,
        own_key=offer.own_key,
    )


def receipt_row(receipt: Receipt) -> ReceiptRow:
    return ReceiptRow(
        tier=receipt.request.tier.value,
        backend=receipt.request.backend,
        backend_label=receipt.backend_label,
        model=receipt.model,
        price_usd=receipt.price_usd,
        price_note=receipt.price_note,
        typical_s=receipt.typical_s,
        geometry=receipt.geometry,
        prompt=receipt.request.sent_prompt,
        warnings=receipt.warnings,
        remarks=receipt.remarks,
    )


def overview_row(overview: Overview) -> OverviewRow:
    look = overview.look
    return OverviewRow(
        things=tuple(ThingRow(thing.name, said(thing), thing.count, thing.place.value) for thing in look.things),
        sky=look.sky,
        subject=look.subject,
        words=look.words,
        for_reader=overview.for_reader,
        for_model=overview.for_model,
    )


def spending_row(spent: Spending) -> SpendingRow:
    return SpendingRow(
        spent.branch_usd,
        projects=tuple(_spent_row(row, row.title or "A deleted project") for row in spent.projects),
        models=tuple(_spent_row(row, name_of(row.key)) for row in spent.models),
        days=tuple(_spent_row(row, row.key) for row in spent.days),
    )


def _spent_row(spent: Spent, label: str) -> SpentRow:
    return SpentRow(spent.key, label, spent.paid_usd, spent.unsure_usd, spent.edits)


def access_key_row(key: AccessKey) -> AccessKeyRow:
    return AccessKeyRow(key.id, key.name, key.made_at.isoformat(), key.budget_usd, key.spent_usd)


def builder_row() -> BuilderRow:
    actions = tuple(
        BuilderActionRow(
            id=action.id,
            label=action.label,
            needs_subject=not action.bare,
            needs_state=action.needs_state,
            state_label=action.state_label,
            example=action.example,
        )
        for action in ACTIONS
    )
    return BuilderRow(actions, tuple(PRESERVABLE))


def error_row(error: KontextError) -> ErrorRow:
    return ErrorRow(
        kind=type(error).__name__,
        message=error.message,
        hint=error.hint,
        billed=error.billed.value,
        suggestions=error.suggestions if isinstance(error, NotUnderstood) else (),
    )
