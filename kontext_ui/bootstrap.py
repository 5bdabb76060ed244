"""The one place that knows every concrete class: from settings to a working editor."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from kontext_ui.backends import BACKENDS, load_backend
from kontext_ui.backends.base import Backend, NamesModels
from kontext_ui.editor import Editor
from kontext_ui.editor.budgets import Budgets
from kontext_ui.editor.ceilings import Ceilings
from kontext_ui.editor.jobs.router import Router
from kontext_ui.editor.pixel_store import PixelStore
from kontext_ui.edits import Tier
from kontext_ui.errors import InvalidSetting
from kontext_ui.history.blobs import BlobStore
from kontext_ui.history.mounts import has_no_locks
from kontext_ui.history.store import HistoryStore
from kontext_ui.images.codec import ImageLimits
from kontext_ui.settings import Settings, successors, variables_of

log = logging.getLogger(__name__)


def build_editor(settings: Settings, registry: Mapping[str, str] = BACKENDS) -> Editor:
    """Opens (or creates) the data folder and runs pending migrations. No network, no model."""
    bucket = settings.storage == "bucket" or (settings.storage == "auto" and has_no_locks(settings.data_dir))
    if bucket:
        log.info("The data folder is kept as in a bucket, where only one process may use it.")
    blobs = BlobStore(settings.data_dir / "images", bucket=bucket)
    store = HistoryStore(settings.data_dir / "history.sqlite3", bucket=bucket)
    backends = {backend_id: load_backend(backend_id, settings, registry) for backend_id in registry}
    _check_successors(settings, backends)
    limits = ImageLimits(
        max_bytes=int(settings.max_upload_mb * 1_000_000), max_pixels=int(settings.max_megapixels * 1_000_000)
    )
    budgets = Budgets(
        store,
        project_usd=settings.project_budget_usd,
        day_usd=settings.day_budget_usd,
        ceilings=Ceilings.of(settings.limits()),
        unknown_usd=settings.unknown_price_usd,
    )
    order = {tier: _order(settings, f"{tier.value}_backends", backends) for tier in Tier}
    return Editor(
        store,
        PixelStore(blobs),
        Router(backends, order),
        limits,
        budgets,
        min_free_bytes=int(settings.min_free_mb * 1e6),
        fallback=settings.fallback,
        tell_credit=settings.show_credit,
        public_url=settings.public_url,
        keep_deleted=timedelta(days=settings.keep_deleted_days) if settings.keep_deleted_days else None,
        expire_after=timedelta(days=settings.expire_days) if settings.expire_days else None,
    )


def _check_successors(settings: Settings, backends: Mapping[str, Backend]) -> None:
    """A misspelt name would be ignored silently, and the old model would still be used and paid for."""
    known = {name for each in backends.values() if isinstance(each, NamesModels) for name in each.model_names}
    for old in successors(settings):
        if old not in known:
            raise InvalidSetting(
                f"{variables_of('successors')[0]} names {old!r}, which no backend uses; "
                f"known are {', '.join(sorted(known))}.",
                hint="Correct it and start again.",
            )


def _order(settings: Settings, name: str, known: Mapping[str, object]) -> tuple[str, ...]:
    ids = tuple(part.strip() for part in getattr(settings, name).split(",") if part.strip())
    for backend_id in ids:
        if backend_id not in known:
            raise InvalidSetting(
                f"{variables_of(name)[0]} names {backend_id!r}, which is not a backend; known are {', '.join(known)}.",
                hint="Correct it and start again.",
            )
    return ids
