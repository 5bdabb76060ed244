"""Who calls, and what the actions work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from kontext_ui.api.fetch import Fetcher
from kontext_ui.api.uploads import Uploads
from kontext_ui.editor import Editor
from kontext_ui.edits import Running

ROOT = "/kontext/api/v1"
"""Below this the API is found over HTTP."""


@dataclass(frozen=True)
class Services:
    """What every action is given."""

    editor: Editor
    uploads: Uploads
    fetcher: Fetcher


@dataclass(frozen=True)
class Caller:
    """For whom an action is carried out."""

    owner: str
    key: str | None = None
    """Id of the access key that the call was made with; its budget holds."""
    address: str = ""
    """Of this server, as the caller knows it, without a slash at the end."""
    progress: Callable[[Running], Awaitable[None]] | None = None
    """Told how far an edit is while the call waits for it."""

    def address_of(self, action: str, **query: str) -> str:
        """Where the answer of a reading action is found over HTTP, with the same key."""
        return f"{self.address}{ROOT}/{action}?{urlencode({name: value for name, value in query.items() if value})}"
