"""The documents tell the truth: pages that are generated are up to date, commands and links in them exist."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from importers.cli import cli
from tui import commands

TOP = Path(__file__).parents[1]
PAGES = sorted([*TOP.glob("*.md"), *(TOP / "docs").glob("*.md")])


def test_format_page_is_that_of_the_definitions() -> None:
    written = runpy.run_path(str(TOP / "docs" / "format.py"))["page"]()
    assert (TOP / "docs" / "format.md").read_text(encoding="utf-8") == written, "run: python docs/format.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_pages_exist(page: Path) -> None:
    assert commands.demo.name in cli.commands
    for name in re.findall(r"`(?:\.venv/bin/)?obmen ([a-z]+)", page.read_text(encoding="utf-8")):
        assert name in cli.commands, name


@pytest.mark.parametrize("page", ["README.md", "README.ru.md"])
def test_readme_names_the_two_commands_and_what_they_run(page: str) -> None:
    text = (TOP / page).read_text(encoding="utf-8")
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    for command, plain in (("make demo", "bin/obmen demo"), ("make test", 'bin/pytest -n 3 -m "not chaos"')):
        assert command in text
        assert f".venv/{plain}" in text
        assert f"$(BIN)/{plain.removeprefix('bin/')}" in makefile
