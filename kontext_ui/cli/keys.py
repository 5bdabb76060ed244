"""``key``: access keys by which programs act for somebody, for the command line unless another owner is named."""

from __future__ import annotations

import sys

from kontext_ui.cli.edit import OWNER
from kontext_ui.cli.exits import DONE, write_json
from kontext_ui.cli.parser import Options
from kontext_ui.editor import Editor
from kontext_ui.projects import AccessKey


async def make(editor: Editor, options: Options) -> int:
    """Prints the key, once; it cannot be shown again."""
    made, key = await editor.access_keys.make(options.owner or OWNER, options.name, options.budget)
    if options.json:
        write_json({"id": made.id, "name": made.name, "key": key})
    else:
        sys.stdout.write(f"{key}\n")
        if not options.quiet:
            sys.stderr.write("Keep it safe: it is not shown again. Programs send it as the header X-Kontext-Key.\n")
    return DONE


def _row(key: AccessKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "made_at": key.made_at.isoformat(),
        "budget_usd": key.budget_usd,
        "spent_usd": key.spent_usd,
    }


async def list_keys(editor: Editor, options: Options) -> int:
    keys = await editor.access_keys.all(options.owner or OWNER)
    if options.json:
        write_json({"keys": [_row(key) for key in keys]})
    else:
        for key in keys:
            limit = "" if key.budget_usd is None else f" of ${key.budget_usd:.2f}"
            sys.stdout.write(f"{key.id}  {key.made_at:%Y-%m-%d}  ${key.spent_usd:.2f}{limit}  {key.name}\n")
    return DONE


async def revoke(editor: Editor, options: Options) -> int:
    await editor.access_keys.revoke(options.owner or OWNER, options.id)
    if options.json:
        write_json({"status": "revoked", "id": options.id})
    elif not options.quiet:
        sys.stdout.write("Revoked.\n")
    return DONE


ACTIONS = {"make": make, "list": list_keys, "revoke": revoke}


async def key(editor: Editor, options: Options) -> int:
    return await ACTIONS[options.action](editor, options)
