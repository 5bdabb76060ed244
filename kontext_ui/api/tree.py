"""What there is, and moving in it."""

from __future__ import annotations

from pydantic import TypeAdapter

from kontext_ui.api import messages as m
from kontext_ui.api import results as r
from kontext_ui.api import telling
from kontext_ui.api.caller import Caller, Services
from kontext_ui.errors import VersionNotFound
from kontext_ui.images.export import RecipeStep
from kontext_ui.projects import Version

STEPS = TypeAdapter(tuple[RecipeStep, ...])


async def offers(at: Services, who: Caller, asked: m.Nothing) -> r.OffersInfo:
    """The tiers with their models and backends: what is ready, what an edit costs and how long it takes; and what is
    left of the access key's budget.
    """
    budget = None if who.key is None else await at.editor.budgets.of_key(who.owner, who.key)
    return r.OffersInfo(
        tiers=[telling.tier_info(offer) for offer in at.editor.accounts.tiers(who.owner)],
        key_budget=None if budget is None else telling.budget_info(budget),
    )


async def projects(at: Services, who: Caller, asked: m.Nothing) -> r.Projects:
    """Your projects, the one worked on last first."""
    return r.Projects(projects=[telling.project_info(each) for each in await at.editor.projects.all(who.owner)])


async def undo(at: Services, who: Caller, asked: m.InProject) -> r.Head:
    """Go back to the version that the current one was made from. Nothing is lost: redo leads back."""
    return telling.head_of(await at.editor.versions.undo(who.owner, asked.project))


async def redo(at: Services, who: Caller, asked: m.InProject) -> r.Head:
    """Go forward again to where undo came from."""
    return telling.head_of(await at.editor.versions.redo(who.owner, asked.project))


async def go_to(at: Services, who: Caller, asked: m.GoTo) -> r.Head:
    """Make any version the current one; the next edit grows a branch from there."""
    return telling.head_of(await at.editor.versions.select(who.owner, asked.project, asked.version))


async def tree(at: Services, who: Caller, asked: m.Tree) -> r.TreeInfo:
    """A project: its versions, each with its instruction, maker and price, and the edits that run or failed."""
    view = await at.editor.projects.open(who.owner, asked.project)
    versions = [version for version in view.versions if version.number > asked.since]
    edits = [telling.edit_state(job, None, who, view.progress.get(job.id)) for job in view.jobs]
    return telling.tree_info(view.project, versions, edits, who)


async def recipe(at: Services, who: Caller, asked: m.OfVersion) -> r.RecipeInfo:
    """The instructions that lead from the opened picture to a version, to be carried out on another with replay."""
    version = await version_of(at, who, asked.project, asked.version)
    steps = await at.editor.pictures.recipe(who.owner, asked.project, version.id)
    told = STEPS.dump_python(steps, mode="json", exclude_defaults=True)
    return r.RecipeInfo(project=asked.project, version=version.id, steps=list(told))


async def version_of(at: Services, who: Caller, project_id: str, version_id: str) -> Version:
    """A version by its id, or the head where that is empty."""
    if not version_id:
        version_id = (await at.editor.projects.get(who.owner, project_id)).head or ""
    if not version_id:
        raise VersionNotFound("This project has no picture yet.", hint="Open one in it.")
    return await at.editor.versions.get(who.owner, project_id, version_id)
