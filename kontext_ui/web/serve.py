"""Serving the page from a port until it is stopped."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

from kontext_ui.editor import Editor
from kontext_ui.errors import HistoryError, InvalidSetting, KontextError
from kontext_ui.proxies import use_proxies
from kontext_ui.settings import Settings, believe_no_forwarded_address, load_settings, silence_telemetry
from kontext_ui.web import logs

WRONG_SETTING, MACHINE = 2, 6
"""Exit codes, as the command line has them."""


def serve(make_editor: Callable[[Settings], Editor]) -> int:
    """Runs until it is stopped and returns the exit code. ``make_editor`` builds the editor from the settings."""
    try:
        settings = load_settings()
        logs.begin(settings.log_level, settings.log_format)
        use_proxies(settings.host)
        port = open_port(settings)
        editor = make_editor(settings)
        silence_telemetry()
        believe_no_forwarded_address()
        from kontext_ui.web.server import build_server, launch_options  # gradio reads the environment while imported

        server = build_server(editor, settings)
    except KontextError as error:
        sys.stderr.write("\n".join(line for line in (error.message, error.hint) if line) + "\n")
        return MACHINE if isinstance(error, HistoryError) else WRONG_SETTING
    stop_in_order(editor)
    _, address, _ = server.launch(
        server_name=f"[{settings.host}]" if ":" in settings.host else settings.host,
        server_port=port,
        quiet=True,
        prevent_thread_lock=True,
        **launch_options(server),
    )
    sys.stdout.write(f"The editor is at {address} (Ctrl+C stops it).\n")
    sys.stdout.flush()
    server.get_blocks().block_thread()
    return 0


def open_port(settings: Settings) -> int:
    """The port to listen on; 0 is replaced by a free one. Raises ``InvalidSetting`` when it is in use."""
    shown = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise InvalidSetting(
                f"Nothing can listen on {shown}: {error.strerror or error}.",
                hint="Stop the program that uses the port, or choose another: KONTEXT_UI_PORT=0 takes a free one.",
            ) from error
        return int(probe.getsockname()[1])


def stop_in_order(editor: Editor) -> None:
    """Make the signal that stops a container end as orderly as Ctrl+C: no stream may hold the server up."""

    def stop(signum: int, frame: FrameType | None) -> None:
        editor.hang_up()
        signal.default_int_handler(signum, frame)

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
