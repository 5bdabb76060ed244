"""The list of actions as named endpoints of Gradio's engine: ``gradio_client`` calls them with an access key.

Files never go through Gradio's public cache. What is sent comes in by our own upload route, what is handed out
lies in a folder of its owner, and both are answered only to that owner, for an hour.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import gradio as gr
from gradio.utils import get_upload_folder
from pydantic.fields import FieldInfo
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from kontext_ui.api import ACTIONS, Action, Caller, Services, Shown, problem_of, read
from kontext_ui.api.uploads import Uploads
from kontext_ui.edits import Running
from kontext_ui.errors import InvalidImage, InvalidRequest, KontextError, LimitReached
from kontext_ui.web.http import FORM_BYTES, address_of, owner_of, read_form, retry_after
from kontext_ui.web.identity import ACCESS_KEY, OWNER_KEY, remember_sender

log = logging.getLogger(__name__)
FOLDER = "kontext"
BROKEN = "Something went wrong here. Whoever runs this server finds it in the log."
SIMPLE = (str, int, float, bool)


def make_uploads() -> Uploads:
    """Inside Gradio's own folder, or it would copy every file."""
    return Uploads(Path(get_upload_folder()) / FOLDER)


class GradioApi:
    """The endpoints over the list, and the two routes by which their files come and go."""

    def __init__(self, services: Services, max_upload_bytes: int, public_url: str = "") -> None:
        self._services = services
        self._max_upload_bytes = max_upload_bytes
        self._public_url = public_url

    def add_to(self, server: gr.Server) -> None:
        for name, action in ACTIONS.items():
            server.api(self._endpoint(name, action), name=name, concurrency_limit=None)

    def routes(self) -> list[Route]:
        """They stand before Gradio's routes of the same paths."""
        return [
            Route("/gradio_api/upload", self.upload, methods=["POST"]),
            Route("/gradio_api/file={path:path}", self.file),
        ]

    def _endpoint(self, name: str, action: Action[Any]) -> Callable[..., Awaitable[Any]]:
        """A function with the signature that Gradio reads an endpoint from."""
        fields = dict(sorted(action.message.model_fields.items(), key=lambda item: not item[1].is_required()))

        async def call(*values: Any) -> Any:
            given = dict(zip(fields, values, strict=False))
            return await self._carry_out(action, given, cast(gr.Request, values[len(fields)]))

        parameters = [
            inspect.Parameter(field, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=_default(info))
            for field, info in fields.items()
        ]
        asked = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)
        returns: Any = tuple[gr.FileData, dict] if action.shows else dict  # type: ignore[type-arg]
        signature = inspect.Signature([*parameters, asked], return_annotation=returns)
        call.__name__, call.__doc__ = name, _documentation(action)
        call.__annotations__ = {field: _type(info) for field, info in fields.items()} | {"request": gr.Request | None}
        call.__signature__ = signature  # type: ignore[attr-defined]
        return call

    async def _carry_out(self, action: Action[Any], given: Mapping[str, Any], request: gr.Request) -> Any:
        assert request.request is not None
        scope, progress = request.request.scope, gr.Progress()
        remember_sender(scope)

        async def tell(now: Running) -> None:
            progress(now.fraction or 0.0, desc=now.stage)

        address = address_of(request.request, self._public_url)
        who = Caller(scope[OWNER_KEY], scope[ACCESS_KEY], address, tell)
        try:
            message = read(action.message, {name: _plain(value) for name, value in given.items() if value is not None})
            made = await action.use(self._services, who, message)
        except KontextError as error:
            raise gr.Error(_sentence(error), print_exception=False) from None
        except Exception:
            log.exception("an endpoint failed unexpectedly")
            raise gr.Error(BROKEN, print_exception=False) from None
        if not isinstance(made, Shown):
            return made.model_dump(mode="json")
        path = await self._services.uploads.keep(who.owner, made.name, made.data)
        return gr.FileData(path=str(path), mime_type=made.facts.media_type), made.facts.model_dump(mode="json")

    async def upload(self, request: Request) -> Response:
        """Files of a form, each into a folder of the owner; the answer is their paths, as Gradio's clients expect."""
        owner = owner_of(request)
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            return PlainTextResponse("The upload has to be a form with one file.", 400)
        try:
            await self._services.editor.pictures.may_bring(owner)
            form = await read_form(request, self._max_upload_bytes + FORM_BYTES, 1)
        except LimitReached as error:
            return PlainTextResponse(f"{error.message} {error.hint}", 429, retry_after(error))
        except KontextError as error:
            return PlainTextResponse(error.message, 413 if isinstance(error, InvalidImage) else 400)
        files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
        kept = [await self._services.uploads.keep(owner, file.filename or "", await file.read()) for file in files]
        return JSONResponse([str(path) for path in kept])

    async def file(self, request: Request) -> Response:
        """What was made for this owner, or sent by them."""
        owner = owner_of(request)
        try:
            path = await self._services.uploads.find(owner, request.path_params["path"])
        except InvalidRequest:
            raise HTTPException(404) from None
        return FileResponse(path, headers={"cache-control": "no-store"})


def _default(info: FieldInfo) -> Any:
    if info.is_required():
        return inspect.Parameter.empty
    value = info.get_default(call_default_factory=True)
    return value if value is None or isinstance(value, str | int | float | bool) else ([] if value == () else None)


def _is_picture(info: FieldInfo) -> bool:
    return isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("x-kontext") == "image"


def _type(info: FieldInfo) -> Any:
    """The simple type that Gradio's description has a word for; what is sent is read by the message itself."""
    if _is_picture(info):
        return gr.FileData
    whole = info.annotation
    if get_origin(whole) not in (Union, UnionType):
        return _simple(whole)
    return _simple(next(kind for kind in get_args(whole) if kind is not NoneType)) | None


def _simple(kind: Any) -> Any:
    if get_origin(kind) is Annotated:
        return _simple(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return kind
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Literal[tuple(str(each.value) for each in kind)]
    return list if get_origin(kind) is tuple else kind if kind in SIMPLE else dict


def _plain(value: Any) -> Any:
    """Gradio's files by their paths; in lists too."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping) and "path" in value:
        return str(value["path"])
    return value


def _documentation(action: Action[Any]) -> str:
    fields = action.message.model_fields.items()
    about = [f"    {name}: {' '.join((info.description or '').split())}" for name, info in fields]
    returns = (
        "The picture's file, and what is known about it." if action.shows else (action.result.__doc__ or "").strip()
    )
    return "\n".join([action.about, "", *(["Args:", *about, ""] if about else []), "Returns:", f"    {returns}"])


def _sentence(error: KontextError) -> str:
    problem = problem_of(error)
    billed = {"yes": "It was billed.", "maybe": "It may have been billed."}.get(problem.billed.value, "")
    return " ".join(filter(None, (problem.message, problem.hint, billed)))
