"""Which settings are in force, and who says so, is told as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from importers import cli as engine
from importers.origins import values
from importers.settings import Settings
from tui import commands


def test_the_demo_names_the_file_of_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: dict[str, Path] = {}

    def open_room(settings: Settings, *, demo: bool, file: Path) -> int:
        opened.update({value.key: value.origin for value in values(settings, file)})  # type: ignore[misc]
        return 0

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(commands, "open_room", open_room)
    done = CliRunner().invoke(engine.cli, ["demo"])
    assert done.exit_code == 0, done.output
    assert opened["source.path"] == str(tmp_path / "obmen" / "demo" / "config.toml")


@pytest.mark.parametrize(
    ("arguments", "variable", "origin"),
    [
        ([], None, "default"),
        ([], "ru", "$OBMEN_LANGUAGE"),
        (["--language", "ru"], None, "command line"),
        (["--language", "ru"], "en", "command line"),
    ],
)
def test_who_says_the_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], variable: str | None, origin: str
) -> None:
    opened: dict[str, object] = {}

    def open_room(settings: Settings, *, file: Path | None) -> int:
        opened.update({value.key: value.origin for value in values(settings, file)})
        return 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("OBMEN_LANGUAGE", raising=False)
    if variable:
        monkeypatch.setenv("OBMEN_LANGUAGE", variable)
    monkeypatch.setattr(commands, "open_room", open_room)
    done = CliRunner().invoke(engine.cli, arguments)
    assert done.exit_code == 0, done.output
    assert getattr(opened["language"], "text", opened["language"]) == origin
