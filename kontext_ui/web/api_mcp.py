"""The list of actions as tools for agents, by the Model Context Protocol over HTTP, and pictures as its resources.

The protocol is spoken by its own SDK, which stands beside Gradio: whose a message is comes from the request that it
came with, and an agent that stops waiting stops nothing.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from mcp import types
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kontext_ui import __version__
from kontext_ui.api import ACTIONS, Action, Caller, Services, Shown, problem_of, read
from kontext_ui.api.pictures import MAX_PREVIEW_BYTES
from kontext_ui.edits import Running
from kontext_ui.errors import KontextError
from kontext_ui.web.api_http import unknown_caller
from kontext_ui.web.http import FORM_BYTES, address_of
from kontext_ui.web.identity import ACCESS_KEY, OWNER_KEY, remember_sender

log = logging.getLogger(__name__)
PATH = "/mcp"
MAX_MESSAGE_BYTES = 16_000_000
"""The SDK reads messages between all others; a larger picture is uploaded first, or given by its address."""
INLINE = ("image/jpeg", "image/png", "image/webp")
MAX_LISTED = 100
RESOURCE = re.compile(r"kontext://projects/(?P<project>[\w-]+)(?:/versions/(?P<version>[\w-]+)(?P<small>/preview)?)?")
BROKEN = "Something went wrong here. Whoever runs this server finds it in the log."
INSTRUCTIONS = (
    "Edit pictures by instruction. Call open_picture, then edit; every result is a new version in the project's tree, "
    "and undo, redo and go_to only move in it. offers lists what is ready and what it costs: tier local is free, for "
    "the others say max_price_usd. Use picture to look at a result and compare to see what changed. An edit goes on "
    "when a call ends early: wait gives its result. Repeat a call with the same request_id rather than sending it anew."
)
TEMPLATES = (
    ("Project", "kontext://projects/{project}", "A project's tree, as JSON.", "application/json"),
    ("Picture", "kontext://projects/{project}/versions/{version}", "A version's picture, lossless.", "image/png"),
    ("Preview", "kontext://projects/{project}/versions/{version}/preview", "At most 1024 pixels.", "image/jpeg"),
)
Context = ServerRequestContext[Any, Request]


class AgentApi:
    """The tools and resources, and the route that agents connect to."""

    def __init__(self, services: Services, max_upload_bytes: int, public_url: str = "") -> None:
        self._services = services
        self._max_message_bytes = min(MAX_MESSAGE_BYTES, max_upload_bytes * 4 // 3 + FORM_BYTES)
        self._public_url = public_url
        self._manager: StreamableHTTPSessionManager | None = None
        self._server: Server[Any] = Server(
            "kontext_ui",
            version=__version__,
            instructions=INSTRUCTIONS,
            get_tool_input_schema=lambda name: _tools()[name].input_schema if name in ACTIONS else None,
            on_list_tools=self.list_tools,
            on_call_tool=self.call_tool,
            on_list_resources=self.list_resources,
            on_list_resource_templates=self.list_templates,
            on_read_resource=self.read_resource,
        )

    def routes(self) -> list[Route]:
        return [Route(PATH, self.answer)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """From the first session to the last. Names and origins have been looked at before, and a key is needed."""
        self._manager = StreamableHTTPSessionManager(
            app=self._server,
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            max_request_body_size=self._max_message_bytes,
        )
        async with self._manager.run():
            yield

    @property
    def answer(self) -> _Endpoint:
        return _Endpoint(self)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = scope.get(ACCESS_KEY)
        if key is None:
            await unknown_caller()(scope, receive, send)
        elif self._manager is None:
            await PlainTextResponse("Not started yet.", 503)(scope, receive, send)
        else:
            # A session belongs to the key that began it.
            user = AuthenticatedUser(AccessToken(token="", client_id=key, scopes=[]))
            await self._manager.handle_request({**scope, "user": user}, receive, send)

    async def list_tools(self, ctx: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=list(_tools().values()))

    async def call_tool(self, ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        action = ACTIONS.get(params.name)
        if action is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool of this name. There are: {', '.join(ACTIONS)}.")
        try:
            message = read(action.message, params.arguments or {})
            made = await action.use(self._services, self._caller(ctx), message)
        except KontextError as error:
            return _refused(error)
        except Exception:
            log.exception("a tool failed unexpectedly")
            return types.CallToolResult(content=[types.TextContent(text=BROKEN)], is_error=True)
        facts = (made.facts if isinstance(made, Shown) else made).model_dump(mode="json")
        content: list[types.ContentBlock] = [types.TextContent(text=json.dumps(facts, ensure_ascii=False))]
        if isinstance(made, Shown):
            content += _picture(made)
        return types.CallToolResult(content=content, structured_content=facts)

    def _caller(self, ctx: Context) -> Caller:
        assert ctx.request is not None
        scope = ctx.request.scope
        remember_sender(scope)

        async def tell(now: Running) -> None:
            await ctx.session.report_progress(now.fraction or 0.0, 1.0, now.stage or None)

        return Caller(scope[OWNER_KEY], scope[ACCESS_KEY], address_of(ctx.request, self._public_url), tell)

    async def list_resources(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        projects = (await self._services.editor.projects.all(self._caller(ctx).owner))[:MAX_LISTED]
        return types.ListResourcesResult(
            resources=[
                types.Resource(
                    name=project.title or project.id,
                    uri=f"kontext://projects/{project.id}",
                    description="A project's tree, as JSON.",
                    mime_type="application/json",
                )
                for project in projects
            ]
        )

    async def list_templates(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(name=name, uri_template=uri, description=about, mime_type=kind)
                for name, uri, about, kind in TEMPLATES
            ]
        )

    async def read_resource(self, ctx: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        uri = str(params.uri)
        found = RESOURCE.fullmatch(uri)
        if found is None:
            raise MCPError(types.INVALID_PARAMS, "There is no such resource.", {"uri": uri})
        name = "tree" if found["version"] is None else "picture"
        values = {"project": found["project"]}
        if found["version"] is not None:
            values |= {"version": found["version"], "size": "preview" if found["small"] else "full"}
        try:
            made = await ACTIONS[name].use(self._services, self._caller(ctx), read(ACTIONS[name].message, values))
        except KontextError as error:
            raise MCPError(types.INVALID_PARAMS, error.message, {"uri": uri}) from None
        if isinstance(made, Shown):
            blob = base64.b64encode(made.data).decode()
            kind = made.facts.media_type
            return types.ReadResourceResult(contents=[types.BlobResourceContents(uri=uri, blob=blob, mime_type=kind)])
        text = made.model_dump_json()
        contents = types.TextResourceContents(uri=uri, text=text, mime_type="application/json")
        return types.ReadResourceResult(contents=[contents])


class _Endpoint:
    """What Starlette takes for an ASGI application, of all methods."""

    def __init__(self, api: AgentApi) -> None:
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._api.handle(scope, receive, send)


@cache
def _tools() -> Mapping[str, types.Tool]:
    return {name: _tool(name, action) for name, action in ACTIONS.items()}


def _tool(name: str, action: Action[Any]) -> types.Tool:
    return types.Tool(
        name=name,
        description=action.about,
        input_schema=action.message.model_json_schema(),
        output_schema=action.result.model_json_schema(mode="serialization"),
        annotations=types.ToolAnnotations(
            read_only_hint=action.reads, destructive_hint=False, open_world_hint=not action.reads
        ),
    )


def _picture(made: Shown) -> list[types.ContentBlock]:
    facts = made.facts
    link = types.ResourceLink(
        name=made.name,
        uri=f"kontext://projects/{facts.project}/versions/{facts.version}",
        description="The whole picture.",
        mime_type="image/png",
    )
    if facts.media_type not in INLINE or len(made.data) > MAX_PREVIEW_BYTES:
        return [link]
    return [types.ImageContent(data=base64.b64encode(made.data).decode(), mime_type=facts.media_type), link]


def _refused(error: KontextError) -> types.CallToolResult:
    """What happened, in the words that a person would read; the rest as JSON."""
    problem = problem_of(error)
    said = " ".join(filter(None, (problem.message, problem.hint, f"Billed: {problem.billed.value}.")))
    structured = {"error": problem.model_dump(mode="json")}
    return types.CallToolResult(content=[types.TextContent(text=said)], structured_content=structured, is_error=True)
