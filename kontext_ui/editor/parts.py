"""What every part of the editor works with."""

from __future__ import annotations

from kontext_ui.editor.changes import ChangeFeed
from kontext_ui.editor.values import Change
from kontext_ui.editor.vault import Vault
from kontext_ui.history.store import HistoryStore
from kontext_ui.images import codec
from kontext_ui.projects import Project, Version


class Parts:
    """The store, the pictures and who is told of changes."""

    def __init__(self, store: HistoryStore, vault: Vault, limits: codec.ImageLimits) -> None:
        self._store = store
        self._vault = vault
        self._limits = limits
        self._feed = ChangeFeed()

    def _tell(self, project: Project) -> Project:
        self._feed.publish(project.id, Change(project=project))
        return project

    def _tell_version(self, version: Version) -> Version:
        self._feed.publish(version.project, Change(versions=(version,)))
        return version
