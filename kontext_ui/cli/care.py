"""``verify`` and ``sweep``: whether the data folder is intact, and removing what it no longer needs."""

from __future__ import annotations

import sys
from datetime import timedelta

from kontext_ui.cli.exits import DONE, FINDINGS, write_json
from kontext_ui.cli.parser import Options
from kontext_ui.editor import Editor


async def verify(editor: Editor, options: Options) -> int:
    findings = await editor.upkeep.verify()
    if options.json:
        write_json({"status": "damaged" if findings else "whole", "findings": findings})
    elif findings:
        sys.stdout.write("\n".join(findings) + "\n")
    elif not options.quiet:
        sys.stdout.write("All is well: every version's picture is there and unchanged.\n")
    return FINDINGS if findings else DONE


async def sweep(editor: Editor, options: Options) -> int:
    files, size = await editor.upkeep.sweep(timedelta(hours=options.older_than_h))
    if options.json:
        write_json({"status": "swept", "files": files, "bytes": size})
    elif not options.quiet:
        noun = "file" if files == 1 else "files"
        sys.stdout.write(f"Removed {files} {noun} that nothing refers to, {size / 1e6:.1f} MB.\n")
    return DONE
