"""The walls of docs/architecture.md: who may import whom, and what stays unloaded until it is needed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
ENGINE = sorted((TOP / "importers").rglob("*.py"))

MAY_NOT = {
    "importers/commerceml": (
        "importers.catalog",
        "importers.sessions",
        "importers.launch",
        "importers.worker",
        "sqlite3",
    ),
    "importers/kinds": ("importers.sessions", "importers.launch", "importers.worker", "lxml", "sqlite3"),
    "importers/catalog": (
        "importers.kinds",
        "importers.sessions",
        "importers.launch",
        "importers.worker",
        "lxml",
    ),
    "importers/sessions": (
        "importers.commerceml",
        "importers.catalog",
        "importers.kinds",
        "importers.launch",
        "importers.worker",
        "lxml",
        "sqlite3",
        "aiosqlite",
    ),
}
"""Data flow one way: commerceml → kinds → catalog, and launch → sessions ← worker."""


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: str(path.relative_to(TOP)))
def test_the_engine_never_imports_the_screen(path: Path) -> None:
    assert not [name for name in imported(path) if name.split(".")[0] in ("tui", "textual", "rich")]


@pytest.mark.parametrize("room", MAY_NOT)
def test_rooms_import_one_way(room: str) -> None:
    for path in sorted((TOP / room).rglob("*.py")):
        wrong = [n for n in imported(path) for bad in MAY_NOT[room] if n == bad or n.startswith(f"{bad}.")]
        assert not wrong, f"{path.relative_to(TOP)} imports {wrong}"


def test_contracts_name_no_backend() -> None:
    suites = sorted((TOP / "tests" / "contract").glob("test_*.py"))
    assert suites
    for path in suites:
        named = [name for name in imported(path) if re.search("sqlite|redis|table_lock|worker.process", name)]
        assert not named, f"{path.name} imports {named}"


def test_only_the_launch_makes_sessions() -> None:
    inserts = [p for p in ENGINE if "INSERT INTO session " in p.read_text(encoding="utf-8")]
    assert [str(path.relative_to(TOP)) for path in inserts] == ["importers/sessions/statements.py"]
    callers = [
        str(path.relative_to(TOP))
        for path in [*ENGINE, *sorted((TOP / "tui").rglob("*.py"))]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "create"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "journal"
    ]
    assert callers == ["importers/launch/launching.py"]


@pytest.mark.parametrize("module", ["tui.app", "importers.launch", "importers.sessions", "importers.kinds"])
def test_heavy_libraries_wait_until_they_are_needed(module: str) -> None:
    code = (
        f"import sys, {module}\n"
        "print(*{n.split('.')[0] for n in sys.modules} & {'lxml', 'redis', 'celery', 'psycopg', 'aiosqlite'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
