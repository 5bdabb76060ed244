"""The list of what a program can do: each action with its message, its result and a plain async function."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from kontext_ui.api import edits, pictures, results, tree
from kontext_ui.api import messages as m
from kontext_ui.api.caller import Caller, Services
from kontext_ui.api.pictures import Shown

M = TypeVar("M", bound=m.Message)
Use: TypeAlias = Callable[[Services, Caller, M], Awaitable[results.Result | Shown]]

__all__ = ["ACTIONS", "Action", "Shown"]


@dataclass(frozen=True)
class Action(Generic[M]):
    """One thing that a program can do."""

    message: type[M]
    result: type[results.Result]
    use: Use[M]
    page: str
    """What the page does the same by: an action of its table, or a route."""
    reads: bool = False
    """Whether it changes nothing; over HTTP such a one is asked with GET."""
    shows: bool = False
    """Whether it hands over a picture; its result is then what is known about it."""

    @property
    def about(self) -> str:
        """What a program reads about it."""
        return " ".join((inspect.getdoc(self.use) or "").split())


ACTIONS: Mapping[str, Action[Any]] = {
    "offers": Action(m.Nothing, results.OffersInfo, tree.offers, "state", reads=True),
    "projects": Action(m.Nothing, results.Projects, tree.projects, "list_projects", reads=True),
    "open_picture": Action(m.OpenPicture, results.Opened, pictures.open_picture, "upload"),
    "edit": Action(m.Edit, results.EditState, edits.edit, "submit"),
    "variants": Action(m.Variants, results.Edits, edits.variants, "submit_all"),
    "wait": Action(m.Wait, results.EditState, edits.wait, "events", reads=True),
    "cancel": Action(m.OnEdit, results.EditState, edits.cancel, "cancel"),
    "undo": Action(m.InProject, results.Head, tree.undo, "undo"),
    "redo": Action(m.InProject, results.Head, tree.redo, "redo"),
    "go_to": Action(m.GoTo, results.Head, tree.go_to, "select"),
    "tree": Action(m.Tree, results.TreeInfo, tree.tree, "state", reads=True),
    "picture": Action(m.Picture, results.PictureInfo, pictures.picture, "images", reads=True, shows=True),
    "compare": Action(m.Compare, results.ComparedInfo, pictures.compare, "images", reads=True, shows=True),
    "export": Action(m.Export, results.PictureInfo, pictures.export, "export", reads=True, shows=True),
    "recipe": Action(m.OfVersion, results.RecipeInfo, tree.recipe, "export", reads=True),
    "replay": Action(m.Replay, results.Replaying, edits.replay, "replay"),
}
