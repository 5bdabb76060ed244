"""The editor: the only door the page and the command line know."""

from kontext_ui.editor.accounts import KeyCheck
from kontext_ui.editor.budgets import Budget, Spending
from kontext_ui.editor.drafts import (
    BackendOffer,
    Change,
    EditDraft,
    Facts,
    ModelOffer,
    ProjectView,
    Receipt,
    TierOffer,
)
from kontext_ui.editor.editor import Editor
from kontext_ui.editor.feed import Subscription
from kontext_ui.editor.help import FoundMask, Overview
from kontext_ui.editor.jobs.failures import describe
from kontext_ui.editor.queue import Queued
from kontext_ui.history.spend_store import Spent

__all__ = [
    "BackendOffer",
    "Budget",
    "Change",
    "EditDraft",
    "Editor",
    "Facts",
    "FoundMask",
    "KeyCheck",
    "ModelOffer",
    "Overview",
    "ProjectView",
    "Queued",
    "Receipt",
    "Spending",
    "Spent",
    "Subscription",
    "TierOffer",
    "describe",
]
