"""The command line: the same editor as the page, for scripts and for maintaining a data folder."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

from kontext_ui.backends.image_server import survey
from kontext_ui.bootstrap import build_editor
from kontext_ui.cli import care, doctor, edit, keys, projects, serve_engine, spending
from kontext_ui.cli.exits import INTERRUPTED, exit_code, tell, write_any_text
from kontext_ui.cli.parser import Options, build_parser
from kontext_ui.editor import Editor
from kontext_ui.errors import InvalidRequest, KontextError
from kontext_ui.proxies import use_proxies
from kontext_ui.settings import Settings, load_settings
from kontext_ui.web.serve import serve

__all__ = ["main"]

COMMANDS: Mapping[str, Callable[[Editor, Options], Awaitable[int]]] = {
    "edit": edit.edit,
    "projects": projects.list_projects,
    "export": projects.export,
    "key": keys.key,
    "spending": spending.spending,
    "verify": care.verify,
    "sweep": care.sweep,
}


def main(arguments: Sequence[str] | None = None, make_editor: Callable[[Settings], Editor] = build_editor) -> int:
    """Run one command and return its exit code; no command at all starts the page.

    Wrong usage exits with ``SystemExit(2)``, as argparse does.
    """
    write_any_text()
    if not (sys.argv[1:] if arguments is None else arguments):
        return serve(make_editor)
    options = build_parser().parse_args(arguments, namespace=Options())
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    try:
        return asyncio.run(_run(options, make_editor))
    except KontextError as error:
        tell(error, options.json)
        return exit_code(type(error).__name__)
    except KeyboardInterrupt:
        sys.stderr.write(
            "Interrupted. An edit that was sent is not lost: `projects` lists it, `export` writes its result.\n"
        )
        return INTERRUPTED


async def _run(options: Options, make_editor: Callable[[Settings], Editor]) -> int:
    settings = load_settings(**({} if options.data_dir is None else {"data_dir": options.data_dir}))
    use_proxies()
    if options.command == "doctor":
        return doctor.examine(settings, options, servers=await survey(settings))
    if options.command == "serve-engine":
        return await serve_engine.serve(settings, options)
    if options.command != "edit" and not settings.data_dir.is_dir():
        raise InvalidRequest(f"There is no data folder {settings.data_dir}.", hint="Name one with --data-dir.")
    editor = make_editor(settings)
    try:
        return await COMMANDS[options.command](editor, options)
    finally:
        await editor.aclose()
