"""What a program can do here: one list of actions, told to Gradio's client, over HTTP and to agents (MCP) alike."""

from kontext_ui.api.actions import ACTIONS, Action, Shown
from kontext_ui.api.caller import Caller, Services
from kontext_ui.api.problems import Problem, problem_of, status_of
from kontext_ui.api.reading import read, unreadable

__all__ = [
    "ACTIONS",
    "Action",
    "Caller",
    "Problem",
    "Services",
    "Shown",
    "problem_of",
    "read",
    "status_of",
    "unreadable",
]
