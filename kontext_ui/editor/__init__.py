"""The editor: the only door the page and the command line know."""

from kontext_ui.editor.editor import Editor
from kontext_ui.editor.looking import FoundMask, Overview
from kontext_ui.editor.values import BackendOffer, Change, EditDraft, ProjectView, Receipt, TierOffer

__all__ = [
    "BackendOffer",
    "Change",
    "EditDraft",
    "Editor",
    "FoundMask",
    "Overview",
    "ProjectView",
    "Receipt",
    "TierOffer",
]
