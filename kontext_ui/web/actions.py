"""What a visitor can do: a table from an action's name to its message, its use case and its row.

Nothing outside the table can be reached from the page. No components, no HTTP. Errors are raised as
:class:`~kontext_ui.errors.KontextError`; the route turns them into sentences.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from anyio import to_thread
from pydantic import TypeAdapter, ValidationError

from kontext_ui import basic
from kontext_ui.api import unreadable
from kontext_ui.editor import Editor, TierOffer
from kontext_ui.editor.ceilings import sender
from kontext_ui.errors import InvalidRequest
from kontext_ui.paths import ASSETS
from kontext_ui.projects import AccessKey, Job, Project, Version
from kontext_ui.prompting import compose
from kontext_ui.web import messages as m
from kontext_ui.web.examples import EXAMPLES
from kontext_ui.web.row_types import BuilderRow, Patch, ProjectRow, QueueRow, VersionRow
from kontext_ui.web.rows import (
    access_key_row,
    builder_row,
    overview_row,
    project_row,
    queue_row,
    receipt_row,
    spending_row,
    tier_rows,
    version_row,
)

M = TypeVar("M")
R = TypeVar("R")
Use: TypeAlias = Callable[[Editor, str, M], Awaitable[R]]


@dataclass(frozen=True)
class Patched:
    """The answer carries what changed in the page's state, before the event stream does."""

    patch: Patch


@dataclass(frozen=True)
class Action(Generic[M, R]):
    """One thing that a visitor can do."""

    message: type[M]
    use: Use[M, R]
    """What is done: editor, owner, message."""
    row: Callable[[R], object]
    """Its result as the page gets it."""
    by_key: bool = True
    """Whether a program with an access key may do it."""


async def act(editor: Editor, owner: str, name: str, message: Any) -> object:
    """Carry out an action of the table. ``message`` is what :func:`read_message` gave for the same name."""
    action = ACTIONS[name]
    return action.row(await action.use(editor, owner, message))


def read_message(name: str, body: bytes) -> Any:
    """An action's message from JSON. Raises ``InvalidRequest`` that names what cannot be read."""
    return read_as(READERS[ACTIONS[name].message], body)


def read_as(reader: TypeAdapter[M], body: bytes) -> M:
    """The same for a message of a route of its own."""
    try:
        return reader.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] in ("json_invalid", "dataclass_type", "dataclass_exact_type"):
            raise InvalidRequest("The page sent something unreadable.", hint="Reload the page and try again.") from None
        raise InvalidRequest(unreadable(error)) from None


def _as_is(value: object) -> object:
    return value


def _nothing(value: object) -> None:
    return None


def _moved(project: Project) -> Patched:
    return Patched(Patch(project=project_row(project)))


def _tiers(offers: Iterable[TierOffer]) -> Patched:
    return Patched(Patch(tiers=tier_rows(offers)))


def _state(job: Job) -> Mapping[str, str]:
    return {"state": job.state.value}


def _job_ids(jobs: Iterable[Job]) -> Mapping[str, list[str]]:
    return {"jobs": [job.id for job in jobs]}


def _version(version: Version) -> Mapping[str, str]:
    return {"version": version.id}


def _ids(versions: Iterable[Version]) -> list[str]:
    return [version.id for version in versions]


def _projects(projects: Iterable[Project]) -> list[ProjectRow]:
    return [project_row(project) for project in projects]


def _keys(keys: Iterable[AccessKey]) -> list[object]:
    return [access_key_row(key) for key in keys]


def _made_key(made: tuple[AccessKey, str]) -> Mapping[str, object]:
    key, secret = made
    return {"key": secret, "kept": access_key_row(key)}


async def _pruned(editor: Editor, owner: str, message: m.InProject) -> list[VersionRow]:
    facts = editor.facts
    return [version_row(version, facts) for version in await editor.versions.pruned(owner, message.project)]


async def _queue(editor: Editor, owner: str, message: m.Nothing) -> list[QueueRow]:
    facts = editor.facts
    return [queue_row(queued, facts) for queued in await editor.queue.all(owner)]


async def _builder(editor: Editor, owner: str, message: m.Nothing) -> BuilderRow:
    return builder_row()


async def _compose(editor: Editor, owner: str, message: m.Parts) -> Mapping[str, str]:
    """The sentence that the parts make, empty while one is missing."""
    return {"text": compose(message.sentence)}


async def _submit(editor: Editor, owner: str, message: m.Submission) -> Mapping[str, str]:
    return {"job": (await editor.edits.submit(owner, message.project, message.draft, message.key)).id}


async def _command(editor: Editor, owner: str, message: m.Said) -> Mapping[str, str | None]:
    return {"command": basic.command(message.text)}


async def _submit_all(editor: Editor, owner: str, message: m.Drafts) -> Mapping[str, list[str]]:
    return _job_ids(await editor.edits.submit_all(owner, message.project, message.drafts, message.key))


async def _open_example(editor: Editor, owner: str, message: m.ExampleNumber) -> Version:
    example = EXAMPLES[message.index]
    data = await to_thread.run_sync((ASSETS / "examples" / example.file).read_bytes)
    return await editor.pictures.open(owner, message.project, data, example.file)


async def _set_key(editor: Editor, owner: str, message: m.ProviderKey) -> tuple[TierOffer, ...]:
    editor.accounts.set_key(owner, message.backend, message.key)
    return editor.accounts.tiers(owner)


async def _forget_key(editor: Editor, owner: str, message: m.AtBackend) -> tuple[TierOffer, ...]:
    editor.accounts.forget_key(owner, message.backend)
    return editor.accounts.tiers(owner)


async def _set_budget(editor: Editor, owner: str, message: m.NewBudget) -> None:
    if message.name == "day":
        await editor.budgets.set_day(owner, message.usd)
    else:
        await editor.projects.set_budget(owner, message.project, message.usd)


ACTIONS: Mapping[str, Action[Any, Any]] = {
    "create_project": Action(m.NewProject, lambda e, who, a: e.projects.create(who, a.title), project_row),
    "list_projects": Action(m.WhichProjects, lambda e, who, a: e.projects.all(who, deleted=a.deleted), _projects),
    "rename_project": Action(m.Title, lambda e, who, a: e.projects.rename(who, a.project, a.title), project_row),
    "duplicate_project": Action(m.InProject, lambda e, who, a: e.projects.duplicate(who, a.project), project_row),
    "delete_project": Action(m.InProject, lambda e, who, a: e.projects.delete(who, a.project), project_row),
    "restore_project": Action(m.InProject, lambda e, who, a: e.projects.restore(who, a.project), project_row),
    "save_draft": Action(m.Words, lambda e, who, a: e.projects.save_draft(who, a.project, a.text), _nothing),
    "set_preference": Action(m.Preference, lambda e, who, a: e.preferences.set(who, a.key, a.value), _nothing),
    "check": Action(m.Draft, lambda e, who, a: e.edits.check(who, a.project, a.draft), receipt_row),
    # What a program pays for goes through the API, where the budget of its key is asked.
    "submit": Action(m.Submission, _submit, _as_is, by_key=False),
    # What is no edit, "undo" or "thanks", is known before anything is sent, whichever model is chosen.
    "command": Action(m.Said, _command, _as_is),
    "submit_all": Action(m.Drafts, _submit_all, _as_is, by_key=False),
    "sent": Action(m.Sent, lambda e, who, a: e.edits.sent(who, a.key), _job_ids),
    "queue": Action(m.Nothing, _queue, _as_is),
    "sooner": Action(m.OnJob, lambda e, who, a: e.queue.sooner(who, a.job), _as_is),
    "cancel": Action(m.OnJob, lambda e, who, a: e.edits.cancel(who, a.job), _state),
    "check_again": Action(m.OnJob, lambda e, who, a: e.edits.check_again(who, a.job), _state),
    "dismiss": Action(m.OnJob, lambda e, who, a: e.edits.dismiss(who, a.job), _nothing),
    "replay": Action(
        m.Replay, lambda e, who, a: e.edits.replay(who, a.project, a.version, a.steps), _nothing, by_key=False
    ),
    "look": Action(m.OnVersion, lambda e, who, a: e.help.look(who, a.project, a.version), overview_row),
    "hints": Action(m.Draft, lambda e, who, a: e.help.hints(who, a.project, a.draft), _as_is),
    "find_mask": Action(m.Thing, lambda e, who, a: e.help.find_mask(who, a.project, a.version, a.name), _as_is),
    "builder": Action(m.Nothing, _builder, _as_is),
    "compose": Action(m.Parts, _compose, _as_is),
    "undo": Action(m.InProject, lambda e, who, a: e.versions.undo(who, a.project), _moved),
    "redo": Action(m.InProject, lambda e, who, a: e.versions.redo(who, a.project), _moved),
    "select": Action(m.OnVersion, lambda e, who, a: e.versions.select(who, a.project, a.version), _moved),
    "star": Action(m.Star, lambda e, who, a: e.versions.star(who, a.project, a.version, a.starred), _nothing),
    "name_version": Action(
        m.VersionName, lambda e, who, a: e.versions.name(who, a.project, a.version, a.name or None), _nothing
    ),
    "prune": Action(m.OnVersion, lambda e, who, a: e.versions.prune(who, a.project, a.version), list),
    "pruned": Action(m.InProject, _pruned, _as_is),
    "restore_version": Action(m.OnVersion, lambda e, who, a: e.versions.restore(who, a.project, a.version), _ids),
    # A picture that was dropped as a root, but meant as a reference.
    "undo_open": Action(m.OnVersion, lambda e, who, a: e.versions.prune(who, a.project, a.version), list),
    "search": Action(m.Words, lambda e, who, a: e.versions.search(who, a.project, a.text), _ids),
    "change_mask": Action(
        m.MaskChange, lambda e, who, a: e.pictures.change_mask(who, a.project, a.version, a.how), _version
    ),
    "open_example": Action(m.ExampleNumber, _open_example, _version),
    "set_key": Action(m.ProviderKey, _set_key, _tiers),
    "check_key": Action(m.AtBackend, lambda e, who, a: e.accounts.check_key(who, a.backend), _as_is),
    "forget_key": Action(m.AtBackend, _forget_key, _tiers),
    "budgets": Action(m.InProject, lambda e, who, a: e.budgets.of(who, a.project), _as_is),
    "spending": Action(m.InProject, lambda e, who, a: e.budgets.spending(who, a.project), spending_row),
    "limits": Action(m.Nothing, lambda e, who, a: e.budgets.limits(sender(who)), _as_is),
    "set_budget": Action(m.NewBudget, _set_budget, _nothing, by_key=False),
    "make_access_key": Action(
        m.KeyName, lambda e, who, a: e.access_keys.make(who, a.name, a.budget_usd), _made_key, by_key=False
    ),
    "make_moving_link": Action(m.Nothing, lambda e, who, a: e.visitors.make_link(who), _as_is, by_key=False),
    "list_access_keys": Action(m.Nothing, lambda e, who, a: e.access_keys.all(who), _keys, by_key=False),
    "revoke_access_key": Action(m.KeyId, lambda e, who, a: e.access_keys.revoke(who, a.id), _nothing, by_key=False),
}

READERS: Mapping[type[Any], TypeAdapter[Any]] = {
    message: TypeAdapter(message) for message in {action.message for action in ACTIONS.values()}
}
