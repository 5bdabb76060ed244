"""``serve-engine``: this machine's engine behind HTTP, one process per GPU."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from kontext_ui.backends.base import Backend
from kontext_ui.backends.diffusers import build
from kontext_ui.cli.exits import DONE, exit_code, tell
from kontext_ui.cli.parser import Options
from kontext_ui.engine_server import EngineServer
from kontext_ui.engine_server.starting import for_others, load, server_of
from kontext_ui.errors import InvalidSetting, KontextError
from kontext_ui.settings import Settings, is_loopback

log = logging.getLogger(__name__)
DRAIN_S = 120
"""How long to wait for running edits when the server is stopped, in seconds."""


class _Server(uvicorn.Server):
    """Shuts down cleanly on Ctrl+C and SIGTERM and returns, whereas uvicorn would raise the signal again."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {name: signal.signal(name, self.handle_exit) for name in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


async def serve(settings: Settings, options: Options, make_engine: Callable[[Settings], Backend] = build) -> int:
    """Serve until stopped. The exit code says why it could not start."""
    logging.getLogger().setLevel(settings.log_level)
    engine = make_engine(for_others(settings, options.host, options.max_waiting))
    service = server_of(settings, engine, options.max_waiting)
    listening = _listen(options.host, options.port)
    server = _Server(
        uvicorn.Config(service.app, log_level="warning", timeout_graceful_shutdown=DRAIN_S, access_log=False)
    )
    if settings.image_server_key is None and not is_loopback(options.host):
        log.warning("anyone who reaches %s can use this GPU; KONTEXT_UI_IMAGE_SERVER_KEY requires a key", options.host)
    _say(f"The engine is at {_address(options.host, listening)} (Ctrl+C stops it).", options)
    try:
        return await _run(service, server, listening, options)
    finally:
        await engine.aclose()


async def _run(service: EngineServer, server: _Server, listening: socket.socket, options: Options) -> int:
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    loading = asyncio.create_task(_load(service, options))
    done, _ = await asyncio.wait({serving, loading}, return_when=asyncio.FIRST_COMPLETED)
    error = loading.result() if loading in done else None
    if error is not None:
        server.should_exit = True
    await serving
    loading.cancel()
    await asyncio.gather(loading, return_exceptions=True)
    if error is None:
        return DONE
    tell(error, options.json)
    return exit_code(type(error).__name__)


async def _load(service: EngineServer, options: Options) -> KontextError | None:
    """The error that keeps the model from being loaded, if any."""
    if not options.warm_up:
        service.open_up()
        return None
    try:
        await load(service)
    except KontextError as error:
        return error
    _say("The engine is ready.", options)
    return None


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise InvalidSetting(
            f"Cannot listen on {host}:{port}: {error.strerror or error}.",
            hint="Stop the program that uses the port, or choose another with --port.",
        ) from error


def _address(host: str, listening: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}"


def _say(line: str, options: Options) -> None:
    if not options.quiet:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
