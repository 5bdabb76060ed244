"""What goes in and out of the editor's door. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kontext_ui.edits import Capabilities, EditOptions, EditRequest, Running, Tier
from kontext_ui.images.geometry import Fit
from kontext_ui.projects import Job, Project, Version


@dataclass(frozen=True)
class EditDraft(EditOptions):
    """What the user is about to send. The editor turns it into an ``EditRequest``."""

    tier: Tier = Tier.LOCAL
    backend: str | None = None
    """A pinned backend; ``None`` lets the router choose among the tier's ready ones."""
    parent: str | None = None
    """The version to edit; ``None`` means the head."""
    from_text: bool = False
    """Generate a new root from the text alone, although the project has a picture."""
    after: str | None = None
    """The running job whose result is to be edited, instead of a version."""


@dataclass(frozen=True)
class Route:
    """What was agreed with a backend about one edit."""

    capabilities: Capabilities
    fit: Fit | None
    """How the picture is fitted to the backend's size; ``None`` where it works on the photo's own pixels."""


@dataclass(frozen=True)
class Receipt:
    """What would happen if the draft were sent now: shown before sending."""

    request: EditRequest
    backend_label: str
    model: str
    price_usd: float | None
    price_note: str
    typical_s: float
    """0 where nothing is known."""
    geometry: str
    """One line on sizes, for example ``4032×3024, sent at 1184×880, returned at 4032×3024``."""
    route: Route
    """What the job needs to know of its backend; asked for once and taken along."""
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    """How the model differs from the usual one of its tier, where that matters for this edit."""
    own_key: bool = False
    """Whether a key of the visitor's own pays."""


@dataclass(frozen=True)
class BackendOffer:
    """One backend as the tier picker shows it."""

    id: str
    label: str
    ready: bool
    reason: str
    hint: str
    capabilities: Capabilities
    takes_key: bool = False
    """Whether a visitor may paste a key of their own."""
    own_key: bool = False
    """Whether this visitor has pasted one."""


@dataclass(frozen=True)
class ModelOffer:
    """One model with the backends that carry it, in order of preference."""

    id: str
    name: str
    backends: tuple[BackendOffer, ...]

    @property
    def chosen(self) -> BackendOffer | None:
        """The backend that a request would go to now, if any is ready."""
        return next((offer for offer in self.backends if offer.ready), None)


@dataclass(frozen=True)
class TierOffer:
    """One tier: the backends of its usual model, in order of preference, and the other models to be had in it."""

    tier: Tier
    backends: tuple[BackendOffer, ...]
    others: tuple[ModelOffer, ...] = ()

    @property
    def chosen(self) -> BackendOffer | None:
        """The backend that a request for the usual model would go to now, if any is ready."""
        return next((offer for offer in self.backends if offer.ready), None)

    def carrying(self, model: str) -> tuple[BackendOffer, ...]:
        """The backends of one model, by its id; of the usual one where it is empty or its own."""
        return next((other.backends for other in self.others if other.id == model), self.backends)


@dataclass(frozen=True)
class Facts:
    """What the editor knows about backends that versions and jobs name by id only."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """Backend id → the name shown to users. A backend that no longer exists has none."""
    can_check: frozenset[str] = frozenset()
    """Ids of jobs that the provider can be asked about again."""

    def label(self, backend_id: str) -> str:
        return self.labels.get(backend_id, backend_id)


@dataclass(frozen=True)
class ProjectView:
    """A whole project as it stands, for opening a page."""

    project: Project
    versions: tuple[Version, ...]
    jobs: tuple[Job, ...]
    progress: Mapping[str, Running]
    revision: int
    facts: Facts


@dataclass(frozen=True)
class Change:
    """What became different in a project; rows are complete and merged by id."""

    revision: int = 0
    project: Project | None = None
    versions: tuple[Version, ...] = ()
    jobs: tuple[Job, ...] = ()
    removed: tuple[str, ...] = ()
    """Ids of versions that are not shown any more."""
    progress: Mapping[str, Running] = field(default_factory=dict)
    """By job id; nothing of it is stored."""
    facts: Facts = Facts()
    elsewhere: bool = False
    """Something began or ended in another project of the same owner, and nothing in this one."""
