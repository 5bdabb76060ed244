"""A fake provider on a real socket, for programs that run in a process of their own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import uvicorn
from starlette.applications import Starlette


class Fake(Protocol):
    app: Starlette


AnyFake = TypeVar("AnyFake", bound=Fake)


@contextmanager
def serving(make: Callable[[str], AnyFake]) -> Iterator[tuple[AnyFake, str]]:
    """``make`` gets the address; yields the fake and the address. The socket listens before this returns."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        fake = make(address)
        server = uvicorn.Server(uvicorn.Config(fake.app, log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield fake, address
        finally:
            server.should_exit = True
            thread.join(10)
