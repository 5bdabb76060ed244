"""What a visitor can do, as plain async functions on the editor. No components, no HTTP.

Each takes the owner and the page's message and answers with a row or a list of rows. Errors are
raised as :class:`~kontext_ui.errors.KontextError`; the route turns them into sentences.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from anyio import to_thread
from pydantic import TypeAdapter, ValidationError

from kontext_ui.editor import Budget, EditDraft, Editor, FoundMask, KeyCheck
from kontext_ui.errors import InvalidRequest
from kontext_ui.images.export import RecipeStep
from kontext_ui.projects import Project
from kontext_ui.prompting import Hint, Sentence, compose
from kontext_ui.web import rows
from kontext_ui.web.examples import EXAMPLES
from kontext_ui.web.rows import project_row, receipt_row, version_row
from kontext_ui.web.row_types import BuilderRow, OverviewRow, Patch, ProjectRow, ReceiptRow, VersionRow

Message: TypeAlias = Mapping[str, Any]
Action: TypeAlias = Callable[[str, Message], Awaitable[object]]
DRAFTS = TypeAdapter(EditDraft)
SENTENCES = TypeAdapter(Sentence)
STEPS = TypeAdapter(tuple[RecipeStep, ...])
MAX_REPLAYED = 50
PREFERENCES = ("theme", "composer", "last_project")
MAX_TEXT = 20_000
"""Longest text taken from the page, in characters; a prompt has a limit of its own per backend."""


@dataclass(frozen=True)
class Moved:
    """The head moved: the answer carries what changed, before the event stream does."""

    patch: Patch


class Handlers:
    """One method per action of the page."""

    def __init__(self, editor: Editor, assets: Path) -> None:
        self._editor = editor
        self._assets = assets

    def action(self, name: str) -> Action | None:
        """The method behind a name that the page may use."""
        return getattr(self, name) if name in ACTIONS else None

    async def create_project(self, owner: str, message: Message) -> ProjectRow:
        return project_row(await self._editor.projects.create(owner, text(message, "title", "")))

    async def list_projects(self, owner: str, message: Message) -> list[ProjectRow]:
        projects = await self._editor.projects.all(owner, deleted=message.get("deleted") is True)
        return [project_row(project) for project in projects]

    async def rename_project(self, owner: str, message: Message) -> ProjectRow:
        return project_row(await self._editor.projects.rename(owner, text(message, "project"), text(message, "title")))

    async def duplicate_project(self, owner: str, message: Message) -> ProjectRow:
        return project_row(await self._editor.projects.duplicate(owner, text(message, "project")))

    async def delete_project(self, owner: str, message: Message) -> ProjectRow:
        return project_row(await self._editor.projects.delete(owner, text(message, "project")))

    async def restore_project(self, owner: str, message: Message) -> ProjectRow:
        return project_row(await self._editor.projects.restore(owner, text(message, "project")))

    async def save_draft(self, owner: str, message: Message) -> None:
        await self._editor.projects.save_draft(owner, text(message, "project"), text(message, "text"))

    async def set_preference(self, owner: str, message: Message) -> None:
        key = text(message, "key")
        value = message.get("value")
        if key not in PREFERENCES or len(repr(value)) > MAX_TEXT:
            raise InvalidRequest("There is no such preference.")
        await self._editor.preferences.set(owner, key, value)

    async def check(self, owner: str, message: Message) -> ReceiptRow:
        return receipt_row(await self._editor.edits.check(owner, text(message, "project"), read_draft(message)))

    async def look(self, owner: str, message: Message) -> OverviewRow:
        """What is seen in a version and the instructions that fit it."""
        overview = await self._editor.help.look(owner, text(message, "project"), text(message, "version"))
        return rows.overview_row(overview)

    async def hints(self, owner: str, message: Message) -> tuple[Hint, ...]:
        return await self._editor.help.hints(owner, text(message, "project"), read_draft(message))

    async def builder(self, owner: str, message: Message) -> BuilderRow:
        """What the sentence builder offers; the same for everybody."""
        return rows.builder_row()

    async def compose(self, owner: str, message: Message) -> Mapping[str, object]:
        """The sentence that the parts make, empty while one is missing."""
        try:
            sentence = SENTENCES.validate_python(message.get("sentence"))
        except ValidationError:
            raise InvalidRequest("The parts of the sentence cannot be read.") from None
        return {"text": compose(sentence)}

    async def find_mask(self, owner: str, message: Message) -> FoundMask:
        return await self._editor.help.find_mask(
            owner, text(message, "project"), text(message, "version"), text(message, "name")
        )

    async def submit(self, owner: str, message: Message) -> Mapping[str, object]:
        job = await self._editor.edits.submit(owner, text(message, "project"), read_draft(message))
        return {"job": job.id}

    async def cancel(self, owner: str, message: Message) -> Mapping[str, object]:
        return {"state": (await self._editor.edits.cancel(owner, text(message, "job"))).state.value}

    async def check_again(self, owner: str, message: Message) -> Mapping[str, object]:
        return {"state": (await self._editor.edits.check_again(owner, text(message, "job"))).state.value}

    async def dismiss(self, owner: str, message: Message) -> None:
        await self._editor.edits.dismiss(owner, text(message, "job"))

    async def undo(self, owner: str, message: Message) -> Moved:
        return _moved(await self._editor.versions.undo(owner, text(message, "project")))

    async def redo(self, owner: str, message: Message) -> Moved:
        return _moved(await self._editor.versions.redo(owner, text(message, "project")))

    async def select(self, owner: str, message: Message) -> Moved:
        return _moved(await self._editor.versions.select(owner, text(message, "project"), text(message, "version")))

    async def star(self, owner: str, message: Message) -> None:
        starred = message.get("starred") is True
        await self._editor.versions.star(owner, text(message, "project"), text(message, "version"), starred)

    async def name_version(self, owner: str, message: Message) -> None:
        name = text(message, "name", "") or None
        await self._editor.versions.name(owner, text(message, "project"), text(message, "version"), name)

    async def prune(self, owner: str, message: Message) -> list[str]:
        return list(await self._editor.versions.prune(owner, text(message, "project"), text(message, "version")))

    async def pruned(self, owner: str, message: Message) -> list[VersionRow]:
        branches = await self._editor.versions.pruned(owner, text(message, "project"))
        return [version_row(version, self._editor.facts) for version in branches]

    async def restore_version(self, owner: str, message: Message) -> list[str]:
        restored = await self._editor.versions.restore(owner, text(message, "project"), text(message, "version"))
        return [version.id for version in restored]

    async def undo_open(self, owner: str, message: Message) -> list[str]:
        """A picture that was dropped as a root, but meant as a reference."""
        return await self.prune(owner, message)

    async def search(self, owner: str, message: Message) -> list[str]:
        found = await self._editor.versions.search(owner, text(message, "project"), text(message, "text"))
        return [version.id for version in found]

    async def replay(self, owner: str, message: Message) -> None:
        try:
            steps = STEPS.validate_python(message.get("steps"))
        except ValidationError:
            raise InvalidRequest("These steps cannot be read.") from None
        if not 0 < len(steps) <= MAX_REPLAYED:
            raise InvalidRequest(f"At most {MAX_REPLAYED} steps can be replayed at once.")
        await self._editor.edits.replay(owner, text(message, "project"), text(message, "version"), steps)

    async def change_mask(self, owner: str, message: Message) -> Mapping[str, object]:
        how = message.get("how")
        if isinstance(how, bool) or not isinstance(how, int | str):
            raise InvalidRequest("Say by how many pixels the mask should change, or name a mask.")
        made = await self._editor.pictures.change_mask(owner, text(message, "project"), text(message, "version"), how)
        return {"version": made.id}

    async def open_example(self, owner: str, message: Message) -> Mapping[str, object]:
        index = message.get("index")
        if not isinstance(index, int) or not 0 <= index < len(EXAMPLES):
            raise InvalidRequest("There is no such example.")
        example = EXAMPLES[index]
        data = await to_thread.run_sync((self._assets / "examples" / example.file).read_bytes)
        version = await self._editor.pictures.open(owner, text(message, "project"), data, example.file)
        return {"version": version.id}

    async def set_key(self, owner: str, message: Message) -> None:
        self._editor.accounts.set_key(owner, text(message, "backend"), text(message, "key"))

    async def check_key(self, owner: str, message: Message) -> KeyCheck:
        return await self._editor.accounts.check_key(owner, text(message, "backend"))

    async def forget_key(self, owner: str, message: Message) -> None:
        self._editor.accounts.forget_key(owner, text(message, "backend"))

    async def budgets(self, owner: str, message: Message) -> tuple[Budget, ...]:
        return await self._editor.budgets.of(owner, text(message, "project"))

    async def spending(self, owner: str, message: Message) -> Mapping[str, object]:
        spent = await self._editor.budgets.spending(owner, text(message, "project"))
        days = [{"day": day.isoformat(), "usd": usd} for day, usd in spent.days]
        return {"project_usd": spent.project_usd, "branch_usd": spent.branch_usd, "days": days}

    async def set_budget(self, owner: str, message: Message) -> None:
        usd = message.get("usd")
        if usd is not None and (isinstance(usd, bool) or not isinstance(usd, int | float) or not 0 <= usd < 1e6):
            raise InvalidRequest("A budget is an amount in US dollars, or nothing.")
        if message.get("name") == "day":
            await self._editor.budgets.set_day(owner, usd)
        else:
            await self._editor.projects.set_budget(owner, text(message, "project"), usd)


ACTIONS = frozenset(name for name in vars(Handlers) if not name.startswith("_") and name != "action")


def text(message: Message, name: str, default: str | None = None) -> str:
    """A text of the message. Raises ``InvalidRequest`` for anything else, or one of absurd length."""
    value = message.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise InvalidRequest(f"The page sent no usable {name}.", hint="Reload the page and try again.")
    return value


def read_draft(message: Message) -> EditDraft:
    """The composer's draft. Raises ``InvalidRequest`` naming what cannot be read."""
    try:
        return DRAFTS.validate_python(message.get("draft"))
    except ValidationError as error:
        first = error.errors()[0]
        where = " ".join(str(part).replace("_", " ") for part in first["loc"]) or "The draft"
        raise InvalidRequest(f"{where} cannot be read: {first['msg'].lower()}.") from None


def _moved(project: Project) -> Moved:
    return Moved(Patch(project=project_row(project)))
