"""The list of actions over HTTP: a route for each, with pictures as files in and out.

What reads is asked with GET and arguments in the address; what does something is sent with POST, as JSON, as a
form (whose files are pictures), or as a picture's bytes alone.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from anyio import to_thread
from pydantic_core import from_json
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kontext_ui.api import ACTIONS, Action, Caller, Problem, Services, Shown, problem_of, read, status_of
from kontext_ui.api.caller import ROOT
from kontext_ui.errors import Billed, InvalidRequest, KontextError
from kontext_ui.web.api_openapi import document
from kontext_ui.web.http import FORM_BYTES, address_of, as_json, read_body, read_form
from kontext_ui.web.identity import ACCESS_KEY, OWNER_KEY

FACTS = "x-kontext-facts"
"""What is known about a picture that is the answer: JSON in a header."""
MAX_FILES = 17
NO_STORE = {"cache-control": "no-store"}


class HttpApi:
    """Routes over the list."""

    def __init__(self, services: Services, max_upload_bytes: int, public_url: str = "") -> None:
        self._services = services
        self._max_upload_bytes = max_upload_bytes
        self._max_message_bytes = max_upload_bytes * 4 // 3 + FORM_BYTES
        """Base64 makes four characters of three bytes."""
        self._public_url = public_url

    def routes(self) -> list[Route]:
        return [
            Route(f"{ROOT}/openapi.json", self.described),
            Route(f"{ROOT}/upload", self._guarded(self.upload), methods=["POST"]),
            *(self._route(name, action) for name, action in ACTIONS.items()),
        ]

    def _route(self, name: str, action: Action[Any]) -> Route:
        async def carry_out(request: Request, who: Caller) -> Response:
            values = dict(request.query_params) if action.reads else await self._values(request, who, action)
            return _answer(await action.use(self._services, who, read(action.message, values)))

        return Route(f"{ROOT}/{name}", self._guarded(carry_out), methods=["GET" if action.reads else "POST"], name=name)

    def _guarded(
        self, carry_out: Callable[[Request, Caller], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Whose request it is comes first; what is refused is told as a problem."""

        async def answer(request: Request) -> Response:
            owner = request.scope.get(OWNER_KEY)
            if not isinstance(owner, str):
                return unknown_caller()
            who = Caller(owner, request.scope[ACCESS_KEY], address_of(request, self._public_url))
            try:
                return await carry_out(request, who)
            except KontextError as error:
                return _refused(error)

        return answer

    async def described(self, request: Request) -> Response:
        """The OpenAPI document. It is the same for everybody and tells nothing of anybody."""
        return JSONResponse(document(address_of(request, self._public_url)), headers=NO_STORE)

    async def upload(self, request: Request, who: Caller) -> Response:
        """A picture's bytes, or a form with one file, to be named by its id in later calls."""
        kind = request.headers.get("content-type", "")
        await self._services.editor.pictures.may_bring(who.owner)
        if kind.startswith("multipart/form-data"):
            form = await read_form(request, self._max_message_bytes, 1)
            files = [file for _, file in form.multi_items() if isinstance(file, UploadFile)]
            if len(files) != 1:
                raise InvalidRequest("Send one file.", hint="Each upload has an id of its own.")
            data, name = await files[0].read(), files[0].filename or ""
        else:
            data, name = await read_body(request, self._max_upload_bytes), request.query_params.get("name", "")
        return as_json({"id": await self._keep(who, name, data)})

    async def _keep(self, who: Caller, name: str, data: bytes) -> str:
        return (await self._services.uploads.keep(who.owner, name or "picture", data)).parent.name

    async def _values(self, request: Request, who: Caller, action: Action[Any]) -> Mapping[str, Any]:
        """A message's arguments; pictures that come along are kept, and stand in it by their ids."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            form = await read_form(request, self._max_message_bytes, MAX_FILES)
            return await self._of_form(form, who)
        if "image" in action.message.model_fields and kind != "application/json":
            data = await read_body(request, self._max_upload_bytes)
            query = dict(request.query_params)
            return {**query, "image": await self._keep(who, query.get("title", ""), data)} if data else query
        try:
            body = await read_body(request, self._max_message_bytes)
            values = await to_thread.run_sync(from_json, body or b"{}")  # it may hold pictures
        except ValueError:
            raise InvalidRequest("The message is no JSON.", hint="Send content-type: application/json.") from None
        if not isinstance(values, dict):
            raise InvalidRequest("The message is no JSON object.")
        return values

    async def _of_form(self, form: FormData, who: Caller) -> Mapping[str, Any]:
        values: dict[str, Any] = {}
        for name, part in form.multi_items():
            value = await self._keep(who, part.filename or "", await part.read()) if not isinstance(part, str) else part
            if name == "references":
                values.setdefault(name, []).append(value)
            else:
                values[name] = _nested(value)
        return values


def _nested(value: str) -> Any:
    """A form's field, which may be JSON where the argument is an object or a list."""
    try:
        return from_json(value) if value[:1] in ("{", "[") else value
    except ValueError:
        return value


def _answer(made: Any) -> Response:
    if not isinstance(made, Shown):
        return as_json(made)
    facts = json.dumps(made.facts.model_dump(mode="json"), separators=(",", ":"))
    headers = {"content-disposition": f'inline; filename="{made.name}"', FACTS: facts, **NO_STORE}
    return Response(made.data, media_type=made.facts.media_type, headers=headers)


def _refused(error: KontextError) -> Response:
    problem = problem_of(error)
    response = as_json({"error": problem}, status_of(error))
    if problem.retry_after_s is not None:
        response.headers["retry-after"] = str(max(1, round(problem.retry_after_s)))
    return response


def unknown_caller() -> Response:
    """401, without a word about why."""
    problem = Problem(
        kind="NotIdentified",
        message="This needs a valid access key.",
        hint="Make one in the page under Settings, Access keys, and send it as the header X-Kontext-Key.",
        billed=Billed.NO,
        may_retry=False,
        retry_after_s=None,
        suggestions=[],
    )
    return as_json({"error": problem}, 401)
