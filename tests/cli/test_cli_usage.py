"""Usage, help and settings of the command line: what each command needs, and what it loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from importers.cli import cli, main
from importers.settings import Settings
from tests.conftest import Obmen

BROKEN = ["broken", "[source]\npaht = 'x'", "[catalog]\nurl = 'postgresql://x?y=z'"]


@pytest.mark.parametrize("text", BROKEN)
def test_what_needs_no_settings_works_with_broken_ones(
    obmen: Obmen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    source = obmen.settings.source.path
    (obmen.folder / "config.toml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(obmen.folder)
    for args in (
        ["--version"],
        ["--help"],
        ["inspect", source],
        ["completion", "bash"],
        *([name, "--help"] for name in cli.commands),
    ):
        assert main(args) == 0, args
    assert main(["--language", "ru", "inspect", "--help"]) == 0
    assert "Показать" in capsys.readouterr().out
    others = (
        ["import", "catalog"], ["sessions"], ["show", "1"], ["attempts"], ["logs", "1"], ["rejects", "1"], ["doctor"],
        ["cancel", "1"], ["retry", "1"], ["delete", "1"], ["worker"], ["metrics"], ["migrate"],
    )  # fmt: skip
    assert {args[0] for args in others} == engine_commands() - {"inspect", "completion"}
    for args in others:
        assert main(args) == 2, args
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n")) == ("", 1)
        assert "config.toml:" in told.err
    room = obmen.run("--language", "en")
    assert (room.returncode, room.stderr.count("\n"), "config.toml:" in room.stderr) == (2, 1, True)


def engine_commands() -> set[str]:
    return {
        name
        for name, command in cli.commands.items()
        if command.callback.__module__.startswith("importers.cli.")
    }


def test_the_demo_needs_no_settings(obmen: Obmen, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui import commands

    opened = []

    def open_room(config: Settings, *, demo: bool, file: Path) -> None:
        opened.append((config.language, config.journal.url, demo, file.is_file()))

    (obmen.folder / "config.toml").write_text("broken", encoding="utf-8")
    monkeypatch.chdir(obmen.folder)
    monkeypatch.setenv("XDG_DATA_HOME", str(obmen.folder / "data"))
    monkeypatch.setattr(commands, "open_room", open_room)
    assert main(["--language", "ru", "demo"]) == 0
    assert opened == [("ru", f"sqlite:///{obmen.folder}/data/obmen/demo/journal.sqlite3", True, True)]


def test_unknown_setting_is_exit_2(obmen: Obmen) -> None:
    (obmen.folder / "config.toml").write_text("[source]\npaht = 'x'\n", encoding="utf-8")
    done = obmen.call("sessions")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "source.paht" in done.stderr
    assert "source.path" in done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["import"], ["import", "price"], ["nonsense"], ["sessions", "--status", "done"],
        *(["import", "customers", "--wait", seconds] for seconds in ("nan", "inf", "1e999", "-1")),
        ["sessions", "--kind", "prics"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_exit_2(obmen: Obmen, args: list[str]) -> None:
    done = obmen.call(*args)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert not obmen.catalog.exists(), "nothing was begun"


def test_the_room_needs_a_terminal(obmen: Obmen) -> None:
    room = obmen.run(OBMEN_LANGUAGE="ru")
    assert (room.returncode, room.stdout, room.stderr.count("\n")) == (2, "", 1)
    assert "терминал" in room.stderr


@pytest.mark.parametrize("command", sorted({*cli.commands, "demo"}))
def test_every_command_has_help_in_both_languages(obmen: Obmen, command: str) -> None:
    english = obmen.call("--language", "en", command, "--help")
    russian = obmen.call("--language", "ru", command, "--help")
    assert english.returncode == russian.returncode == 0
    assert english.stdout != russian.stdout
    assert any("а" <= letter <= "я" for letter in russian.stdout)


@pytest.mark.parametrize("args", [["--version"], ["--help"]])
def test_cheap_commands_load_nothing_heavy(args: list[str]) -> None:
    """No screen, no XML, no Redis, no database before they are needed."""
    code = (
        "import sys\nfrom tui.__main__ import main\n"
        f"sys.argv = ['obmen', *{args!r}]\n"
        "try: main()\n"
        "except SystemExit as done: assert not done.code, done.code\n"
        "heavy = {'textual', 'lxml', 'redis', 'aiosqlite', 'celery', 'psycopg', 'prometheus_client'}\n"
        "print(*{name.split('.')[0] for name in sys.modules} & heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


def test_engine_works_without_the_screen(obmen: Obmen) -> None:
    """Nothing that an import needs loads textual."""
    code = (
        "import sys\nimport importers.cli as c\n"
        "c.main(['import', 'customers'])\n"
        "import importers.worker.run, importers.worker.reaper, importers.doctor, importers.kinds.inspect\n"
        "assert not {n for n in sys.modules if n.split('.')[0] in ('tui', 'textual')}"
    )
    subprocess.run([sys.executable, "-c", code], cwd=obmen.folder, check=True, capture_output=True)
