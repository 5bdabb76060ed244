"""``projects`` and ``export``: what the command line keeps, and how to get it out.

An edit that was interrupted (the terminal closed, the machine went down) is collected here: its project
is still listed, and exporting it waits for the edit to be run again or picked up at the provider.
"""

from __future__ import annotations

import sys

from kontext_ui.cli.edit import OWNER, find_project
from kontext_ui.cli.exits import DONE, exit_code, tell_failure, write_json
from kontext_ui.cli.output import check_output, write_output
from kontext_ui.cli.parser import Options
from kontext_ui.editor import Editor
from kontext_ui.errors import InvalidRequest, ProjectNotFound


async def list_projects(editor: Editor, options: Options) -> int:
    projects = await editor.projects.all(OWNER)
    if options.json:
        rows = [{"id": p.id, "title": p.title, "versions": p.version_count, "spent_usd": p.spent_usd} for p in projects]
        write_json({"projects": rows})
    else:
        for project in projects:
            count = f"{project.version_count} version{'' if project.version_count == 1 else 's'}"
            sys.stdout.write(f"{project.id}  {count}, ${project.spent_usd:.2f}  {project.title}\n")
    return DONE


async def export(editor: Editor, options: Options) -> int:
    """Write a project's head, after the edits that are still open have ended."""
    check_output(options.output, "-", json_too=options.json)
    project = await find_project(editor, options.project or "")
    if project is None:
        raise ProjectNotFound(f"There is no project {options.project}.", hint="`projects` lists them.")
    await editor.start()
    await editor.recovered()
    view = await editor.projects.open(OWNER, project.id)
    for job in view.jobs:
        if job.state.is_open:
            turn = await editor.edits.wait(OWNER, job.id)
            if turn.job.failure is not None:
                tell_failure(turn.job.failure, options.json)
                return exit_code(turn.job.failure.kind)
    head = (await editor.projects.open(OWNER, project.id)).project.head
    if head is None:
        raise InvalidRequest("This project has no picture yet.")
    version = await editor.versions.get(OWNER, project.id, head)
    await write_output(editor, OWNER, version, options)
    if options.json:
        write_json({"status": "done", "output": options.output, "digest": version.digest, "version": version.id})
    return DONE
