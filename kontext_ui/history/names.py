"""Naming the processes that share one history, and noticing at once when one on this machine has died."""

from __future__ import annotations

import os
import secrets
import socket


def new_token() -> str:
    """``host/pid/random``; the random part tells apart two lives of one process id."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(8)}"


def surely_dead(token: str, own_token: str) -> bool:
    """Whether the named process has certainly ended; ``False`` when that cannot be determined.

    Only a process of this machine can be judged. One with our own process id that is not us lived
    before us: in a container, where every life begins with the same small ids, that is the usual case.
    """
    host, _, rest = token.partition("/")
    pid, _, _ = rest.partition("/")
    if token == own_token or host != socket.gethostname() or not pid.isdecimal():
        return False
    return int(pid) == os.getpid() or not _is_running(int(pid))


def _is_running(pid: int) -> bool:
    if os.name == "nt":
        return True  # os.kill would end the process there; its heartbeat tells soon enough
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
