"""Our own routes: the project's state and events, actions, pictures in and out, the page's files.

Every route but the page's own files asks whose the request is first; a request without an identity is
refused, and what belongs to someone else is answered exactly like what does not exist.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import mimetypes
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from kontext_ui.editor import Change, Editor
from kontext_ui.errors import HistoryError, KontextError
from kontext_ui.web import rows
from kontext_ui.web.actions import ACTIONS, Patched, act, read_as, read_message
from kontext_ui.web.examples import EXAMPLES
from kontext_ui.web.http import NOT_FOUND, as_json, attachment, failed, file_name, owner_of, read_body, written
from kontext_ui.web.identity import ACCESS_KEY, BECOME_KEY, OWNER_KEY, access_key, is_same_origin
from kontext_ui.web.logs import REQUESTS, tag
from kontext_ui.web.messages import Move
from kontext_ui.web.page import content_security_policy, make_page
from kontext_ui.web.row_types import ExampleRow, Snapshot, TierRow

log = logging.getLogger(__name__)
requests = logging.getLogger(REQUESTS)
IMMUTABLE = "private, max-age=31536000, immutable"
"""A picture's address holds the hash of its bytes, so it never changes."""
PING_S = 5.0
"""Silence after which proxies are reminded that an event stream is alive."""
MAX_MESSAGE_BYTES = 200_000
MOVE = TypeAdapter(Move)
MAX_CALL_BYTES = 2_000_000
"""A provider's call may repeat what was sent."""
MAX_EXPORTED = 100
"""Versions in one archive."""
MAX_SPOOLED_BYTES = 64_000_000
"""An archive beyond this is put together on disk."""
PIECE_BYTES = 1_000_000
KINDS = ("full", "preview", "thumb")
PAGE_SUFFIXES = (".js", ".css", ".jpg", ".svg", ".png")


@dataclass(frozen=True)
class _Exported:
    name: str
    data: bytes
    media_type: str


class Pages:
    """Routes on one editor. ``assets`` is the folder of scripts, styles and example pictures."""

    def __init__(
        self, editor: Editor, assets: Path, max_upload_bytes: int, *, embedded: bool = False, notice: str = ""
    ) -> None:
        self._editor = editor
        self._assets = assets.resolve()
        self._max_upload_bytes = max_upload_bytes
        self._notice = notice
        self.version = _hash_of(self._assets)
        """Part of every asset's address, so that a new release is never mixed with cached files."""
        self._page = make_page(self._assets, self.version)
        self._policy = content_security_policy(embedded=embedded, script_hash=self._page.script_hash)

    def routes(self) -> list[Route]:
        return [
            Route("/", self.page),
            Route("/kontext/state", self.state),
            Route("/kontext/events", self.events),
            Route("/kontext/do/{action}", self.act, methods=["POST"]),
            Route("/kontext/move", self.move, methods=["POST"]),
            Route("/kontext/hook/{backend}/{token}", self.hook, methods=["POST"]),
            Route("/kontext/upload", self.upload, methods=["POST"]),
            Route("/kontext/previews/{job}/{number}", self.preview),
            Route("/kontext/images/{project}/{digest}/{kind}", self.image),
            Route("/kontext/export/{project}", self.export_many),
            Route("/kontext/export/{project}/{version}", self.export),
            Route("/kontext/assets/{hash}/{path:path}", self.asset),
        ]

    async def page(self, request: Request) -> Response:
        headers = {"content-security-policy": self._policy, "cache-control": "no-store"}
        return HTMLResponse(self._page.html, headers=headers)

    async def state(self, request: Request) -> Response:
        """Everything that the page needs to begin, of one project or of the visitor's last one."""
        owner = owner_of(request)
        try:
            project_id = request.query_params.get("project") or await self._last_project(owner)
            view = await self._editor.projects.open(owner, project_id)
        except KontextError as error:
            return failed(error)
        with suppress(KontextError):  # a history that cannot be written can still be read
            await self._editor.preferences.set(owner, "last_project", project_id)
        preferences = {key: await self._editor.preferences.get(owner, key) or {} for key in ("theme", "composer")}
        examples = tuple(
            ExampleRow(f"assets/{self.version}/examples/{item.file}", item.alt, item.instruction) for item in EXAMPLES
        )
        patch = rows.view_patch(view)
        whole = Snapshot(
            **vars(patch) | {"tiers": self._tiers(owner)},
            preferences=preferences,
            examples=examples,
            notice=self._notice,
        )
        return as_json(whole)

    async def _last_project(self, owner: str) -> str:
        last = await self._editor.preferences.get(owner, "last_project")
        projects = await self._editor.projects.all(owner)
        known = {project.id for project in projects}
        if isinstance(last, str) and last in known:
            return last
        return projects[0].id if projects else (await self._editor.projects.create(owner)).id

    def _tiers(self, owner: str) -> tuple[TierRow, ...]:
        return rows.tier_rows(self._editor.accounts.tiers(owner))

    async def events(self, request: Request) -> Response:
        """Server-sent events: what changes in a project from now on. A ping says that there is nothing new."""
        owner = owner_of(request)
        project_id = request.query_params.get("project", "")
        try:
            await self._editor.projects.get(owner, project_id)
        except KontextError as error:
            return failed(error)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        since = request.query_params.get("since")
        stream = self._stream(owner, project_id, since)
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    async def _stream(self, owner: str, project_id: str, since: str | None) -> AsyncIterator[str]:
        """With ``since``, the revision that a page has, it ends with the first news or silence.

        For pages behind a proxy that hands on whole answers only.
        """
        with self._editor.projects.subscribe(project_id, owner) as changes:
            yield _event("hello", {"revision": changes.revision})
            while since in (None, str(changes.revision)):
                change = await changes.next(PING_S)
                if changes.overflowed:
                    break
                yield _event("ping", {}) if change is None else await asyncio.to_thread(_patch_event, change)
                if since is not None:
                    return
            if since is None:
                yield _event("stale", {})

    async def act(self, request: Request) -> Response:
        """One action of the page: a JSON message in, ``{result}`` or ``{error}`` out.

        With the result comes what it changed: the stream that tells it too may be held back on its way.
        """
        owner = owner_of(request)
        name = request.path_params["action"]
        if name not in ACTIONS:
            raise HTTPException(404)
        if request.scope[ACCESS_KEY] and not ACTIONS[name].by_key:
            raise HTTPException(403, "An access key is not enough for this: use the page.")
        begun, message = time.monotonic(), None
        try:
            message = read_message(name, await read_body(request, MAX_MESSAGE_BYTES, "message"))
            with self._editor.projects.subscribe(getattr(message, "project", "")) as changes:
                result = await act(self._editor, owner, name, message)
                change = changes.taken()
        except KontextError as error:
            _note(name, getattr(message, "project", ""), type(error).__name__, begun)
            return failed(error)
        _note(name, getattr(message, "project", ""), "done", begun)
        if isinstance(result, Patched):
            return as_json({"result": {}, "patch": result.patch})
        return _answer(result, change)

    async def move(self, request: Request) -> Response:
        """Make this browser that of whoever made a moving link: the link is the proof, so no identity is asked for.

        The link is opened by the page itself, and its secret comes in the body: programs that look at links in a chat
        do not use it up, and it stands in no log.
        """
        if access_key(request.headers) is not None or not is_same_origin(request.headers):
            raise HTTPException(404)
        try:
            message = read_as(MOVE, await read_body(request, MAX_MESSAGE_BYTES))
            bring = request.scope.get(OWNER_KEY) if message.bring else None
            request.scope[BECOME_KEY] = await self._editor.visitors.move(message.token, bring)
        except KontextError as error:
            return failed(error)
        return as_json({"result": {}})

    async def hook(self, request: Request) -> Response:
        """A provider's call that an edit has ended. The only route without an owner: the call carries its own proof."""
        names = request.path_params
        try:
            body = await read_body(request, MAX_CALL_BYTES)
        except KontextError:
            raise HTTPException(404) from None
        if not await self._editor.edits.called_back(names["backend"], names["token"], dict(request.headers), body):
            raise HTTPException(404)
        return Response(status_code=204)

    async def upload(self, request: Request) -> Response:
        """A picture's bytes as the body: a new root, a reference image, or a mask for a version."""
        owner = owner_of(request)
        query = request.query_params
        project_id, name = query.get("project", ""), query.get("name", "")
        try:
            await self._editor.projects.get(owner, project_id)
            await self._editor.pictures.may_bring(owner)
            data = await read_body(request, self._max_upload_bytes)
            if query.get("kind") == "reference":
                return as_json(
                    {"result": {"digest": await self._editor.pictures.add_reference(owner, project_id, data)}}
                )
            if query.get("kind") == "mask":
                digest = await self._editor.pictures.add_mask(owner, project_id, query.get("version", ""), data)
                return as_json({"result": {"digest": digest}})
            with self._editor.projects.subscribe(project_id) as changes:
                version = await self._editor.pictures.open(owner, project_id, data, name)
                change = changes.taken()
            recipe = await self._recipe(owner, data)
        except KontextError as error:
            return failed(error)
        return _answer({"version": version.id, "digest": version.digest, "recipe": recipe}, change)

    async def _recipe(self, owner: str, data: bytes) -> Mapping[str, object] | None:
        """The recipe of a file that was exported here, and whether its project is still there for this visitor."""
        recipe = await self._editor.pictures.read_recipe(data)
        if recipe is None:
            return None
        try:
            await self._editor.versions.get(owner, recipe.project, recipe.version)
        except HistoryError:
            return {"steps": recipe.steps, "project": None}
        return {"steps": recipe.steps, "project": recipe.project, "version": recipe.version}

    async def image(self, request: Request) -> Response:
        owner = owner_of(request)
        kind = request.path_params["kind"]
        if kind not in KINDS:
            raise HTTPException(404)
        try:
            path = await self._editor.pictures.path(
                owner, request.path_params["project"], request.path_params["digest"], kind
            )
        except NOT_FOUND:
            raise HTTPException(404) from None
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return FileResponse(path, media_type=media_type, headers={"cache-control": IMMUTABLE})

    async def preview(self, request: Request) -> Response:
        """What a running edit looks like now; the number in the address only makes each preview's another."""
        owner = owner_of(request)
        try:
            image = await self._editor.edits.preview(owner, request.path_params["job"])
        except KontextError:
            image = None
        if image is None:
            raise HTTPException(404)
        return Response(image.data, media_type=image.media_type, headers={"cache-control": "no-store"})

    async def export(self, request: Request) -> Response:
        """A version as a download: ``format``, ``quality`` (1-100) and ``recipe`` (0 or 1) in the query."""
        made = await self._exported(request, request.path_params["version"])
        headers = {"content-disposition": attachment(made.name), "cache-control": "no-store"}
        return Response(made.data, media_type=made.media_type, headers=headers)

    async def export_many(self, request: Request) -> Response:
        """Several versions as one ZIP archive: ``versions``, separated by commas, and the rest as for one."""
        owner_of(request)
        ids = [part for part in request.query_params.get("versions", "").split(",") if part]
        if not 0 < len(ids) <= MAX_EXPORTED:
            raise HTTPException(422, f"From one to {MAX_EXPORTED} versions can be downloaded at once.")
        file = tempfile.SpooledTemporaryFile(MAX_SPOOLED_BYTES)  # noqa: SIM115  closed once it is sent
        try:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # pictures are compressed already
                for version_id in dict.fromkeys(ids):
                    made = await self._exported(request, version_id)
                    await asyncio.to_thread(archive.writestr, made.name, made.data)
        except BaseException:
            file.close()
            raise
        name = made.name.rsplit("-", 1)[0]
        headers = {"content-disposition": attachment(f"{name}.zip"), "cache-control": "no-store"}
        return StreamingResponse(_pieces(file), media_type="application/zip", headers=headers)

    async def _exported(self, request: Request, version_id: str) -> _Exported:
        """The visitor's version as a file, as the query asks for it."""
        owner, project_id, query = owner_of(request), request.path_params["project"], request.query_params
        try:
            quality = int(query.get("quality", "92"))
        except ValueError:
            raise HTTPException(422, "The quality is a number from 1 to 100.") from None
        try:
            project = await self._editor.projects.get(owner, project_id)
            version = await self._editor.versions.get(owner, project_id, version_id)
            made = await self._editor.pictures.export(
                owner,
                project_id,
                version_id,
                query.get("format", "png"),
                quality=quality,
                with_recipe=query.get("recipe", "1") != "0",
            )
        except KontextError as error:
            raise HTTPException(404 if isinstance(error, NOT_FOUND) else 422, error.message) from None
        return _Exported(f"{file_name(project.title)}-v{version.number}{made.suffix}", made.data, made.media_type)

    async def asset(self, request: Request) -> Response:
        path = (self._assets / request.path_params["path"]).resolve()
        if not path.is_relative_to(self._assets) or path.suffix not in PAGE_SUFFIXES or not path.is_file():
            raise HTTPException(404)
        fresh = request.path_params["hash"] == self.version
        headers = {"cache-control": "public, max-age=31536000, immutable" if fresh else "no-store"}
        media_type = "text/javascript" if path.suffix == ".js" else None
        return FileResponse(path, media_type=media_type, headers=headers)


def _answer(result: object, change: Change | None) -> Response:
    return as_json({"result": result} | ({} if change is None else {"patch": rows.change_patch(change)}))


def _note(action: str, project: str, outcome: str, begun: float) -> None:
    """A line in the log, without a word of what was asked."""
    milliseconds = round((time.monotonic() - begun) * 1000)
    fields = {"action": action, "project": tag(project), "outcome": outcome, "milliseconds": milliseconds}
    requests.info("%s: %s, %d ms", action, outcome, milliseconds, extra={"fields": fields})


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """All of a file, which is closed then."""
    with file:
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            yield piece


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {written(data).decode()}\n\n"


def _patch_event(change: Change) -> str:
    return _event("patch", rows.change_patch(change))


def _hash_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".js", ".css") and path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]
