"""Named endpoints for programs, carried out by Gradio's engine: ``gradio_client`` calls them with an access key.

Files never go through Gradio's public cache. What is sent comes in by our own upload route and is kept in a
folder of its owner until the call has read it; what is handed out is an address that names a version, and
is answered only to the version's owner.

No ``from __future__ import annotations`` here: Gradio reads what an endpoint returns from the annotation itself.
"""

import dataclasses
import hashlib
import secrets
import shutil
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path, PurePosixPath
from typing import Literal, cast

import gradio as gr
from anyio import to_thread
from gradio.utils import get_upload_folder
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from kontext_ui.editor import EditDraft, Editor
from kontext_ui.errors import InvalidRequest, KontextError
from kontext_ui.projects import Turn, Version
from kontext_ui.web.actions import unreadable
from kontext_ui.web.http import owner_of, read_body
from kontext_ui.web.identity import OWNER_KEY

FOLDER = "kontext"
ENVELOPE_BYTES = 100_000
"""What a form may hold besides its file."""
MAX_NAME_BYTES = 120
KEEP_UPLOADS_S = 3600.0
"""Uploads that no call has asked for are removed after this."""
DRAFTS = TypeAdapter(EditDraft)
TierName = Literal["pro", "max", "dev", "local"]


class Api:
    """The endpoints on one editor, and the two routes by which their files come and go."""

    def __init__(self, editor: Editor, max_upload_bytes: int) -> None:
        self._editor = editor
        self._max_upload_bytes = max_upload_bytes
        self._folder = Path(get_upload_folder()) / FOLDER
        """Inside Gradio's own, or it would copy every file."""

    def routes(self) -> list[Route]:
        """They stand before Gradio's routes of the same paths."""
        return [
            Route("/gradio_api/upload", self.upload, methods=["POST"]),
            Route("/gradio_api/file={path:path}", self.file),
        ]

    async def edit(
        self,
        image: gr.FileData,
        instruction: str,
        tier: TierName = "local",
        backend: str = "",
        project: str = "",
        seed: int | None = None,
        model: str = "",
        request: gr.Request | None = None,
    ) -> tuple[gr.FileData, str]:
        """Apply one instruction to a picture. The edit is kept in a project of the key's owner.

        Args:
            image: The picture's file.
            instruction: What should change, in plain words.
            tier: Who does it: pro or max (hosted, paid), dev, or local (this machine, free).
            backend: Which backend of the tier; empty for the first that is ready.
            project: Id of the project to keep the edit in; empty for a new one.
            seed: The same seed, picture and instruction give the same result where the backend can.
            model: Which model of the tier, by its id; empty for FLUX.1 Kontext.

        Returns:
            The edited picture and a sentence on what was done.
        """
        assert request is not None
        assert request.request is not None
        owner = request.request.scope[OWNER_KEY]
        try:
            draft = _draft(instruction, tier, backend, seed, model)
            upload = self._own_upload(owner, str(cast(Mapping[str, object], image)["path"]))
            data = await to_thread.run_sync(_take, upload)
            turn = await self._carry_out(owner, project, data, upload.name, draft)
        except KontextError as error:
            raise gr.Error(" ".join((error.message, error.hint)).strip(), print_exception=False) from None
        assert turn.version is not None
        name = f"{self._folder}/{turn.job.project}/{turn.version.id}.png"
        return gr.FileData(path=name, mime_type="image/png"), _sentence(turn.version)

    async def _carry_out(self, owner: str, project_id: str, data: bytes, name: str, draft: EditDraft) -> Turn:
        """Open the picture and edit it. Raises what went wrong; what was not even sent leaves no new project."""
        into = project_id or (await self._editor.projects.create(owner, PurePosixPath(name).stem)).id
        try:
            opened = await self._editor.pictures.open(owner, into, data, name)
            job = await self._editor.edits.submit(owner, into, dataclasses.replace(draft, parent=opened.id))
        except KontextError:
            if not project_id:
                await self._editor.projects.delete(owner, into)
            raise
        turn = await self._editor.edits.wait(owner, job.id)
        if turn.job.failure is not None:
            raise KontextError(turn.job.failure.message, hint=turn.job.failure.hint)
        return turn

    def _own_upload(self, owner: str, sent: str) -> Path:
        """Raises ``InvalidRequest`` for a file that this owner did not upload."""
        path = Path(sent)
        if not path.is_relative_to(self._of(owner)) or ".." in path.parts:
            raise InvalidRequest("This picture was not uploaded with this key.", hint="Send the file itself.")
        return path

    def _of(self, owner: str) -> Path:
        return self._folder / hashlib.sha256(owner.encode()).hexdigest()[:32]

    async def upload(self, request: Request) -> Response:
        """Files of a form, each into a folder of the owner; the answer is their paths, as Gradio's clients expect."""
        owner = owner_of(request)
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            return PlainTextResponse("The upload has to be a form with one file.", 400)
        try:
            body = await read_body(request, self._max_upload_bytes + ENVELOPE_BYTES)
            form = await MultiPartParser(request.headers, _once(body), max_files=1).parse()
        except KontextError as error:
            return PlainTextResponse(error.message, 413)
        except MultiPartException as error:
            return PlainTextResponse(error.message, 400)
        files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
        folder = self._of(owner)
        paths = [
            await to_thread.run_sync(_keep, folder, file.filename or "picture", await file.read()) for file in files
        ]
        await to_thread.run_sync(_forget_old, folder)
        return JSONResponse([str(path) for path in paths])

    async def file(self, request: Request) -> Response:
        """A version as a file. Only the last two parts of the path count: its project and itself."""
        owner = owner_of(request)
        path = PurePosixPath(request.path_params["path"])
        try:
            made = await self._editor.pictures.export(owner, path.parent.name, path.stem, "png")
        except KontextError:
            raise HTTPException(404) from None
        return Response(made.data, media_type=made.media_type, headers={"cache-control": "no-store"})


def _draft(instruction: object, tier: object, backend: object, seed: object, model: object) -> EditDraft:
    """Gradio does not check what it is sent. Raises ``InvalidRequest``."""
    options = {
        "instruction": instruction,
        "tier": tier,
        "backend": backend or None,
        "model": model or "",
        "parameters": {"seed": seed},
    }
    try:
        return DRAFTS.validate_python(options)
    except ValidationError as error:
        raise InvalidRequest(unreadable(error)) from None


def _sentence(version: Version) -> str:
    outcome = version.outcome
    assert outcome is not None
    price = f"It cost ${outcome.price_usd:.2f}." if outcome.price_usd else ""
    return " ".join(filter(None, (outcome.description or "The picture was edited.", price, *outcome.warnings)))


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def _keep(folder: Path, name: str, data: bytes) -> Path:
    own = folder / secrets.token_urlsafe(16)
    own.mkdir(parents=True, mode=0o700)
    path = own / (_storable(name) or "picture")
    path.write_bytes(data)
    return path


def _storable(name: str) -> str:
    """The end of a file's name as every file system takes it: few bytes, no control characters, no half ones."""
    last = "".join(character for character in PurePosixPath(name.replace("\\", "/")).name if character.isprintable())
    return last.encode("utf-8", "replace")[-MAX_NAME_BYTES:].decode("utf-8", "ignore").lstrip(".")


def _take(path: Path) -> bytes:
    """An upload's bytes; the file is gone afterwards. Raises ``InvalidRequest`` when it no longer exists."""
    try:
        data = path.read_bytes()
    except OSError:
        raise InvalidRequest("The uploaded picture no longer exists.", hint="Upload it again.") from None
    shutil.rmtree(path.parent, ignore_errors=True)
    return data


def _forget_old(folder: Path) -> None:
    for own in folder.iterdir():
        if time.time() - own.stat().st_mtime > KEEP_UPLOADS_S:
            shutil.rmtree(own, ignore_errors=True)
