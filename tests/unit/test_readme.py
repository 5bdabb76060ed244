"""The README says what is: its generated parts follow the code, and what it names exists."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest
import yaml

from kontext_ui.cli.parser import Options, build_parser
from kontext_ui.settings import Settings, variables_of
from tests import readme
from tests.conftest import ROOT

TEXT = readme.README.read_text(encoding="utf-8")
DOCUMENTS = [readme.README, ROOT / "ARCHITECTURE.md", *sorted(readme.DOCS.glob("*.md"))]
ALL = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
SPACE_COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def front_matter() -> dict[str, object]:
    _, block, _ = TEXT.split("---\n", 2)
    return dict(yaml.safe_load(block))


def tracked_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return listed.stdout.splitlines()


def test_generated_parts_follow_the_code():
    assert readme.stale() == [], "run `make tables`"


def test_a_document_without_its_markers_is_refused():
    with pytest.raises(ValueError, match="settings"):
        readme.render(readme.DOCS / "settings.md", "no markers here")


def test_every_setting_is_in_the_table():
    table = readme.settings_table()
    for name in Settings.model_fields:
        for variable in variables_of(name):
            assert f"`{variable}`" in table


def test_a_bar_in_a_description_does_not_break_the_table():
    assert readme._table(("a",), [("x|y",)]).splitlines()[-1] == "| x\\|y |"


def test_the_block_that_a_space_needs_is_valid():
    block = front_matter()
    assert TEXT.startswith("---\n")
    assert block["sdk"] == "gradio"
    assert (ROOT / str(block["app_file"])).is_file()
    assert re.fullmatch(r"\d+\.\d+\.\d+", str(block["sdk_version"]))
    assert block["license"] == "apache-2.0"
    assert {block["colorFrom"], block["colorTo"]} <= SPACE_COLOURS
    assert len(str(block["short_description"])) <= 60


def test_the_space_and_requirements_agree_on_gradio():
    lower = re.search(r"^gradio>=([\d.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert lower is not None
    parts = [[int(part) for part in text.split(".")] for text in (str(front_matter()["sdk_version"]), lower[1])]
    assert parts[0] >= parts[1]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_picture_and_file_that_a_document_names_exists(document):
    text = document.read_text(encoding="utf-8")
    linked = [document.parent / name for name in re.findall(r"\]\((?!https?://)([^)#]+)\)", text)]
    names = re.findall(r"`((?:kontext_ui|tests|assets|backends|editor|docs|web|basic|images|history)/[\w./*]+)`", text)
    places = [ROOT, ROOT / "kontext_ui"]
    missing = [path.name for path in linked if not path.exists()]
    missing += [name for name in names if not any(list(place.glob(name.rstrip("/"))) for place in places)]
    assert not missing


def test_every_make_target_that_the_readme_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    phrases = re.findall(r"(?:^|`)make ([a-z-]+(?: [a-z-]+)*)", ALL, re.MULTILINE)
    words = {word for phrase in phrases for word in phrase.split()}
    assert {"run", "test", "check"} <= words
    assert words <= targets


def test_every_command_line_in_the_readme_is_accepted():
    commands = re.findall(r"^python -m kontext_ui ([^#\n]+)", ALL, re.MULTILINE)
    assert len(commands) >= 3
    for command in commands:
        options = build_parser().parse_args(shlex.split(command), namespace=Options())
        assert options.command in command


def test_no_file_names_a_folder_of_somebodys_machine():
    pattern = re.compile(r"(?<![\w.:/<])/(?:home|Users|root|tmp|work)/\w")
    found = []
    for name in tracked_files():
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".js", ".css", ".html", ""} and path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found += [f"{name}:{number}" for number, line in enumerate(lines, 1) if pattern.search(line)]
    assert not found


def test_the_changelog_has_this_version_or_an_unreleased_part():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    assert headings[0] == "Unreleased" or re.fullmatch(r"\d+\.\d+\.\d+", headings[0])
    kinds = set(re.findall(r"^### (\w+)", changelog, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
