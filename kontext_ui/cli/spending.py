"""``spending``: who spent what, by day, project and model, for whoever runs the program."""

from __future__ import annotations

import dataclasses
import sys

from kontext_ui.cli.exits import DONE, write_json
from kontext_ui.cli.parser import Options
from kontext_ui.editor import Editor
from kontext_ui.models.catalogue import name_of

HEADINGS = ("day", "who", "project", "model", "edits", "paid", "not sure")


async def spending(editor: Editor, options: Options) -> int:
    ledger = await editor.budgets.ledger()
    if options.json:
        write_json({"spending": [dataclasses.asdict(entry) for entry in ledger]})
        return DONE
    rows = [
        (
            entry.day,
            entry.owner,
            entry.title or "(deleted)",
            name_of(entry.model),
            str(entry.edits),
            f"${entry.paid_usd:.2f}",
            f"${entry.unsure_usd:.2f}" if entry.unsure_usd else "",
        )
        for entry in ledger
    ]
    if not rows:
        sys.stdout.write("Nothing has been paid yet.\n")
        return DONE
    widths = [max(len(row[column]) for row in (HEADINGS, *rows)) for column in range(len(HEADINGS))]
    for row in (HEADINGS, *rows):
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
    paid, unsure = (sum(getattr(entry, name) for entry in ledger) for name in ("paid_usd", "unsure_usd"))
    may = f"; ${unsure:.2f} more may have been billed" if unsure else ""
    sys.stdout.write(f"${paid:.2f} paid{may}.\n")
    return DONE
