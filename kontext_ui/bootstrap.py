"""The one place that knows every concrete class: from settings to a working editor."""

from __future__ import annotations

from collections.abc import Mapping

from kontext_ui.backends import BACKENDS, load_backend
from kontext_ui.editor import Editor
from kontext_ui.editor.routing import Router
from kontext_ui.editor.vault import Vault
from kontext_ui.history.blobs import BlobStore
from kontext_ui.history.store import HistoryStore
from kontext_ui.images.codec import ImageLimits
from kontext_ui.settings import Settings


def build_editor(settings: Settings, registry: Mapping[str, str] = BACKENDS) -> Editor:
    """Opens (or creates) the data folder and runs pending migrations. No network, no model."""
    blobs = BlobStore(settings.data_dir / "images")
    store = HistoryStore(settings.data_dir / "history.sqlite3")
    backends = {backend_id: load_backend(backend_id, settings, registry) for backend_id in registry}
    limits = ImageLimits(
        max_bytes=int(settings.max_upload_mb * 1_000_000), max_pixels=int(settings.max_megapixels * 1_000_000)
    )
    return Editor(store, Vault(blobs), Router(backends), limits)
