"""Writes the parts of the documents and of .env.example that follow from the code.

``python -m tests.readme --write`` (``make tables``) writes them; ``--check`` says whether they are as
they would be written. In a document they stand between ``<!-- NAME -->`` and ``<!-- /NAME -->``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from kontext_ui.api import ACTIONS
from kontext_ui.backends import BACKENDS, load_backend
from kontext_ui.backends.base import Backend, models_of
from kontext_ui.cli.exits import MEANINGS
from kontext_ui.edits import Capabilities, Tier
from kontext_ui.models.catalogue import MODELS
from kontext_ui.models.model import Model
from kontext_ui.settings import Settings, is_secret, load_settings, variables_of
from kontext_ui.web.api_examples import EXAMPLES, USUAL_ADDRESS
from tests.tools.scripts import key_table

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
EXAMPLE = ROOT / ".env.example"


def settings_table() -> str:
    rows = [
        (" or ".join(f"`{variable}`" for variable in variables_of(name)), _shown_default(field), field.description)
        for name, field in Settings.model_fields.items()
    ]
    return _table(("Variable", "Default", "What it does"), rows)


def backends_table(registry: Mapping[str, str] = BACKENDS, settings: Settings | None = None) -> str:
    settings = settings or load_settings(_env_file=None)
    backends = [load_backend(backend_id, settings, registry) for backend_id in registry]
    rows = [
        (f"`{tier.value}`", f"{backend.label} (`{backend.id}`)", *_offer(backend, capabilities))
        for tier in Tier
        for backend in backends
        if tier in backend.tiers
        for capabilities in models_of(backend, tier)
    ]
    return _table(("Tier", "Backend", "Model", "Price per edit", "Typically", "Needs"), rows)


def models_table(models: Mapping[str, Model] = MODELS) -> str:
    rows = [
        (
            f"`{model.id}`",
            model.name,
            f"`{model.tier.value}`",
            model.pictures,
            _sizes_text(model),
            "yes" if model.repeatable else "no",
            model.licence or "not published",
        )
        for model in models.values()
    ]
    return _table(("Id", "Model", "Tier", "Pictures", "Draws", "Seed", "Weights"), rows)


def _sizes_text(model: Model) -> str:
    choices = f" ({', '.join(model.size_rules)})" if len(model.size_rules) > 1 else ""
    if model.size_rule.fills:
        return f"the photo's own shape{choices}"
    return f"{len(model.size_rule.sizes)} shapes{choices}"


def exit_codes_table() -> str:
    return _table(("Code", "Meaning"), [(f"`{code}`", meaning) for code, meaning in MEANINGS.items()])


def keys_table() -> str:
    return _table(("Key", "What it does"), [(f"`{key}`", does) for key, does in key_table()])


def _offer(backend: Backend, capabilities: Capabilities) -> tuple[str, str, str, str]:
    price = "told afterwards" if capabilities.price_usd is None else f"${capabilities.price_usd:.3f}"
    if capabilities.price_usd == 0:
        price = "free"
    if capabilities.price_rule is not None and capabilities.price_rule.by_size:
        price = f"from {price}"
    takes = f"{capabilities.typical_s:g} s" if capabilities.typical_s else "—"
    return capabilities.model, price, takes, _needs(backend)


LOCAL_NEEDS = {
    "builtin": "nothing",
    "diffusers": "a GPU, `requirements-local.txt`, the weights",
    "imageserver": "`KONTEXT_UI_IMAGE_SERVER_URLS`",
}


def _needs(backend: Backend) -> str:
    """The variables of its keys, found in what it says is missing when nothing is set."""
    if backend.id in LOCAL_NEEDS:  # what these say depends on the machine
        return LOCAL_NEEDS[backend.id]
    readiness = backend.check()
    said = f"{readiness.reason} {readiness.hint}"
    keys = [variable for name in Settings.model_fields if is_secret(name) for variable in variables_of(name)]
    named = [variable for variable in keys if re.search(rf"\b{variable}\b", said)]
    if named:
        return " or ".join(f"`{variable}`" for variable in named)
    return "see below"


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _default(field: FieldInfo) -> object:
    """The default, or ``None`` when it depends on the machine."""
    return None if field.default is PydanticUndefined else field.default


def _text(value: object) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _shown_default(field: FieldInfo) -> str:
    text = _text(_default(field))
    return f"`{text}`" if text else "—"


def api_example(name: str) -> Callable[[], str]:
    example = EXAMPLES[name]
    return lambda: f"```{example.language}\n{example.at(USUAL_ADDRESS)}```"


def actions_table() -> str:
    methods = {True: "GET", False: "POST"}
    rows = [(f"`{name}`", methods[action.reads], action.about) for name, action in ACTIONS.items()]
    return _table(("Action", "HTTP", "What it does"), rows)


def example_env() -> str:
    parts = ["# Copy to .env and remove the # of what you want to change. The environment has precedence over .env.\n"]
    for name, field in Settings.model_fields.items():
        parts.append(f"\n# {field.description}\n# {variables_of(name)[0]}={_text(_default(field))}\n")
    return "".join(parts)


BLOCKS: Mapping[Path, Mapping[str, Callable[[], str]]] = {
    README: {"keys": keys_table, "python": api_example("python")},
    DOCS / "settings.md": {"settings": settings_table},
    DOCS / "tiers.md": {"models": models_table, "backends": backends_table},
    DOCS / "programs.md": {
        "python": api_example("python"),
        "curl": api_example("curl"),
        "agent": api_example("agent"),
        "actions": actions_table,
    },
    DOCS / "command-line.md": {"exit codes": exit_codes_table},
}


def render(path: Path, text: str) -> str:
    """A document with its generated parts written again. Raises ``ValueError`` for a missing marker."""
    for name, make in BLOCKS[path].items():
        opening, closing = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if text.count(opening) != 1 or text.count(closing) != 1:
            raise ValueError(f"{path.name} must have <!-- {name} --> and <!-- /{name} --> once")
        before, _, rest = text.partition(opening)
        text = f"{before}{opening}{make()}\n{closing}{rest.partition(closing)[2]}"
    return text


def wanted() -> dict[Path, str]:
    """Every generated file as it should be."""
    documents = {path: render(path, path.read_text(encoding="utf-8")) for path in BLOCKS}
    return {**documents, EXAMPLE: example_env()}


def stale() -> list[str]:
    """The files that are not as they would be written."""
    return [path.name for path, text in wanted().items() if path.read_text(encoding="utf-8") != text]


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        for path, text in wanted().items():
            path.write_text(text, encoding="utf-8")
        return 0
    if arguments != ["--check"]:
        sys.stderr.write("usage: python -m tests.readme --write | --check\n")
        return 2
    for name in (names := stale()):
        sys.stderr.write(f"{name} does not follow the code any more: run `make tables`.\n")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
