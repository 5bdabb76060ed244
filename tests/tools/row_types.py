"""Writes the types of the page's scripts from the rows and values that the server sends and reads.

``python -m tests.tools.row_types --write`` writes ``assets/app/core/types.d.ts``; ``--check`` says
whether the file is as it would be written, so that the two sides cannot drift apart.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import sys
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from kontext_ui.editor import EditDraft, FoundMask
from kontext_ui.edits import EditRequest, Parameters
from kontext_ui.images.export import RecipeStep
from kontext_ui.prompting import Hint
from kontext_ui.web import row_types

TARGET = Path(__file__).resolve().parents[2] / "assets" / "app" / "core" / "types.d.ts"
ROOTS = (
    row_types.Snapshot,
    row_types.Patch,
    row_types.QueueRow,
    row_types.ReceiptRow,
    row_types.OverviewRow,
    row_types.BuilderRow,
    row_types.SpendingRow,
    row_types.AccessKeyRow,
    row_types.ErrorRow,
    EditDraft,
    FoundMask,
    Hint,
    RecipeStep,
)
SPARSE = (EditRequest, Parameters)
"""Of these only the fields travel that are not at their defaults."""
PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "any", object: "any"}
HEADER = "// Written by `make tables` from the Python rows (tests/tools/row_types.py). Do not edit.\n"


def module() -> str:
    """All types that the roots reach, by name."""
    found: dict[str, type] = {}
    for root in ROOTS:
        _collect(root, found)
    return HEADER + "".join(_interface(found[name]) for name in sorted(found))


def _collect(kind: Any, found: dict[str, type]) -> None:
    """Add the dataclass ``kind`` and every one that its fields name."""
    for part in (*get_args(kind), *getattr(kind, "__metadata__", ())):
        _collect(part, found)
    if not dataclasses.is_dataclass(kind) or not isinstance(kind, type) or kind.__name__ in found:
        return
    found[kind.__name__] = kind
    for hint in _fields(kind).values():
        _collect(hint, found)


def _fields(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _interface(kind: type) -> str:
    optional = {each.name for each in dataclasses.fields(kind) if kind in SPARSE and _has_default(each)}
    lines = [
        f"  {name}{'?' if name in optional else ''}: {_script_type(hint)};\n" for name, hint in _fields(kind).items()
    ]
    return f"\nexport interface {kind.__name__} {{\n{''.join(lines)}}}\n"


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING


def _script_type(hint: Any) -> str:
    """The type of a value once it has been through JSON. Raises ``TypeError`` for what has no such form."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _script_type(hint.__metadata__[0])
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(_script_type(part) for part in arguments)
    if (origin is tuple and arguments[1:] == (...,)) or origin in (list, collections.abc.Sequence):
        part = _script_type(arguments[0])
        return f"({part})[]" if " | " in part else f"{part}[]"
    if origin in (dict, collections.abc.Mapping):
        return f"Record<string, {_script_type(arguments[1])}>"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " | ".join(f'"{member.value}"' for member in hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return hint.__name__
    raise TypeError(f"{typing.cast(object, hint)!r} has no form in the scripts.")


def main(arguments: list[str]) -> int:
    written = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    if arguments == ["--write"]:
        TARGET.write_text(module(), encoding="utf-8")
        return 0
    if arguments == ["--check"] and written == module():
        return 0
    sys.stderr.write("The scripts' types do not follow the Python rows. Run: make tables\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
