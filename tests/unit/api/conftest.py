"""The list of actions over an editor whose only backend does what a test tells it. No server."""

import base64

import pytest

from kontext_ui.api import ACTIONS, Caller, Services, read
from kontext_ui.api.fetch import Fetcher
from kontext_ui.api.uploads import Uploads
from kontext_ui.edits import Size, SizeRule
from tests.unit.editor.conftest import make_editor, picture
from tests.unit.editor.scripted import HostedBackend

__all__ = ["make_editor"]
GRID = SizeRule("list", sizes=(Size(64, 48),))
ADDRESS = "https://pictures.example"


def data_uri(data=None):
    return "data:image/png;base64," + base64.b64encode(data or picture()).decode()


class Program:
    """Somebody's script, with the list of actions at hand."""

    def __init__(self, services, owner, key=None, progress=None) -> None:
        self.services = services
        self.who = Caller(owner, key, ADDRESS, progress)

    async def does(self, name, /, **values):
        action = ACTIONS[name]
        return await action.use(self.services, self.who, read(action.message, values))

    async def opens(self, image=None, **values):
        return await self.does("open_picture", image=image or data_uri(), **values)

    async def edits(self, project, instruction="make it so", **values):
        values = {"tier": "pro", "max_price_usd": 0.05, **values}
        return await self.does("edit", project=project, instruction=instruction, **values)


@pytest.fixture
def backend():
    return HostedBackend(size_rule=GRID)


@pytest.fixture
async def services(make_editor, backend, tmp_path):
    editor, _, _ = make_editor(backend)
    await editor.start()
    yield Services(editor, Uploads(tmp_path / "uploads"), Fetcher(1_000_000))
    await editor.aclose()


@pytest.fixture
def ann(services):
    return Program(services, "ann")


@pytest.fixture
def eve(services):
    return Program(services, "eve")
