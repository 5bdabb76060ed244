"""The server: Gradio in Server mode, with our page at ``/``, our routes, and Gradio's engine for named endpoints.

What a visitor does goes to our own routes (``routes.py``): they answer in a quarter of the time of a Gradio
event, hold no place in its queue, and survive a restart. What programs do goes through one list of actions
(``kontext_ui/api``), which is told in three ways: ``api_http.py``, ``api_gradio.py`` and, for agents, ``api_mcp.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import gradio as gr
from starlette.applications import Starlette
from starlette.types import ASGIApp

from kontext_ui.api import Services
from kontext_ui.api.fetch import Fetcher
from kontext_ui.editor import Editor
from kontext_ui.history.mounts import forgets
from kontext_ui.paths import ASSETS
from kontext_ui.settings import Settings, on_space
from kontext_ui.web.api_gradio import GradioApi, make_uploads
from kontext_ui.web.api_http import HttpApi
from kontext_ui.web.api_mcp import AgentApi
from kontext_ui.web.api_page import ApiPage
from kontext_ui.web.doorway import Doorway, our_names, our_proxies
from kontext_ui.web.identity import Identity, load_secret
from kontext_ui.web.metrics import Metrics
from kontext_ui.web.routes import Pages

GONE_AT_RESTART = (
    "This server has no lasting storage: all projects are gone when it restarts. Download what you want to keep."
)
MAX_CALLS = 200
"""Endpoint calls that run at once; those that wait for a model hold no thread."""


class Server(gr.Server):
    """The whole program over HTTP. Works under any ASGI server, without ``launch`` but for the named endpoints."""

    def __init__(self, editor: Editor, settings: Settings) -> None:
        self.max_upload_bytes = int(settings.max_upload_mb * 1_000_000)
        self._editor = editor
        given = settings.cookie_secret
        self._secret = load_secret(settings.data_dir) if given is None else given.get_secret_value()
        self._embedded = on_space()
        self._names, self._proxies = our_names(settings), our_proxies(settings)
        notice = _notice(settings)
        pages = Pages(editor, ASSETS, self.max_upload_bytes, embedded=self._embedded, notice=notice)
        services = Services(editor, make_uploads(), Fetcher(self.max_upload_bytes))
        rest = (services, self.max_upload_bytes, settings.public_url)
        by_gradio, self._for_agents = GradioApi(*rest), AgentApi(*rest)
        about = ApiPage(editor, pages.version, settings.public_url)
        token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""
        metrics = Metrics(editor, settings.data_dir, token)
        parts = (pages, about, HttpApi(*rest), by_gradio, self._for_agents, metrics)
        super().__init__(
            title="kontext_ui",
            routes=[route for part in parts for route in part.routes()],
            lifespan=self.running,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
        )
        by_gradio.add_to(self)

    @asynccontextmanager
    async def running(self, app: Starlette) -> AsyncIterator[None]:
        """From the first request to the last the editor's heart beats."""
        await self._editor.start()
        try:
            async with self._for_agents.running():
                yield
        finally:
            await self._editor.aclose()

    def build_middleware_stack(self) -> ASGIApp:
        """Gradio puts its CORS layer, which trusts every origin, outside of all middleware it is given: ours has
        to stand before it."""
        known = Identity(
            super().build_middleware_stack(),
            secret=self._secret,
            embedded=self._embedded,
            holder_of_key=self._editor.access_keys.holder_of,
            arrive=self._editor.visitors.arrive,
            root_path=self.root_path,
        )
        return Doorway(known, self._names, self._proxies)


def _notice(settings: Settings) -> str:
    """What everybody should know of how long projects are kept."""
    said = [GONE_AT_RESTART] if on_space() and forgets(settings.data_dir) else []
    if settings.expire_days:
        said.append(f"A project that is not changed for {settings.expire_days:g} days is moved to the bin.")
    return " ".join(said)


def build_server(editor: Editor, settings: Settings) -> Server:
    return Server(editor, settings)


def launch_options(server: Server) -> dict[str, Any]:
    """Keyword arguments for ``Server.launch``: Gradio's extras switched off."""
    return {
        "app_kwargs": {"lifespan": server.running},  # launching puts Gradio's own in place of the one that it has
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "mcp_server": False,  # ours stands beside it: Gradio's own does not know whose its calls are
        "show_error": False,
        "max_file_size": server.max_upload_bytes,  # told to clients; files come in by our own upload route
        "max_threads": MAX_CALLS,
        "state_session_capacity": 1000,
        "theme": gr.themes.Base(font="system-ui", font_mono="ui-monospace"),
    }
