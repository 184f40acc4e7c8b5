"""Shells complete commands, options, and the names that an installation knows."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.terminal import Terminal

from importers.cli import cli
from tests.conftest import Obmen
from tui.commands import main

BASH = shutil.which("bash") or "no bash"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """With an `obmen` in it that is this one."""
    command = tmp_path / "bin" / "obmen"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m tui "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return f"{command.parent}:{os.environ['PATH']}"


@pytest.mark.parametrize(
    ("shell", "holds"),
    [
        ("bash", '_OBMEN_COMPLETE=bash_complete "$1" completion)'),
        ("zsh", "_OBMEN_COMPLETE=zsh_complete obmen completion)"),
        ("fish", "_OBMEN_COMPLETE=fish_complete obmen completion)"),
    ],
)
def test_each_shell_has_a_script(shell: str, holds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert holds in script
    assert "compdef" in script or "complete " in script
    if program := shutil.which(shell):
        subprocess.run([program, "-n", "-c", script], check=True)


COMPLETED = {
    "obmen import catalog c": "obmen import catalog customers",
    "obmen show ": "obmen show 1",
    "obmen inspect conf": "obmen inspect config.toml",
    "obmen --language=r": "obmen --language=ru",
    "obmen sessions --status=com": "obmen sessions --status=completed",
    "obmen sessions --limit=5 --kind=pri": "obmen sessions --limit=5 --kind=prices",
    "obmen import --shop=": "obmen import --shop=main",
    "obmen import --source=fol": "obmen import --source=folder/",
    "obmen import --source=~/folder/my": "obmen import --source=~/folder/my\\ export.zip",
    "obmen --config=conf": "obmen --config=config.toml",
    "obmen --config=other.toml import --shop=": "obmen --config=other.toml import --shop=north",
    "obmen --config=~/other.toml import --shop ": "obmen --config=~/other.toml import --shop north",
}
"""What stands in the line after Tab."""


@pytest.fixture
def home(used: Obmen) -> Path:
    """Where sessions, settings of two kinds, and names that are not easy, can be completed."""
    home = used.folder / "home"
    home.mkdir()
    for file in list(used.folder.glob("*.*")):
        file.rename(home / file.name)
    north = '[shops.north.catalog]\nurl = "sqlite:///north.sqlite3"\n[shops.north.images]\npath = "north"\n'
    (home / "other.toml").write_text(north, encoding="utf-8")
    (home / "folder").mkdir()
    (home / "folder" / "my export.zip").touch()
    return home


def terminal(home: Path, path: str, *command: str, **env: str) -> Terminal:
    """With a shell at home."""
    return Terminal(
        ["sh", "-c", 'cd "$HOME" && exec "$@"', "sh", *command],
        {**os.environ, "PATH": path, "TERM": "xterm", "PS1": "% ", "HOME": str(home), **env},
        size=(160, 50),
    )


ZSH_READY = 'autoload -U compinit; compinit -D -u; eval "$(obmen completion zsh)"; echo re""ady\r'
BASH_READY = 'eval "$(obmen completion bash)"; echo re""ady\r'


@pytest.mark.skipif(not Path(BASH).exists(), reason="no bash")
@pytest.mark.parametrize("breaks", ["", "COMP_WORDBREAKS=${COMP_WORDBREAKS//=};"])
def test_a_real_bash_completes(home: Path, path: str, breaks: str) -> None:
    """Keys of a person, also of one to whom "=" does not part words."""
    with terminal(home, path, BASH, "--norc", "-i") as shell:
        shell.press(breaks + BASH_READY)
        shell.wait_for("\nready")
        for typed, completed in COMPLETED.items():
            shell.press(f"\x15{typed}\t")
            shell.wait_for(completed.removesuffix("/") if breaks else completed)


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
def test_a_real_zsh_completes(home: Path, path: str) -> None:
    """It completes nowhere but on a terminal."""
    with terminal(home, path, "zsh", "-f", "-i") as shell:
        shell.press(ZSH_READY)
        shell.wait_for("\nready")
        for typed, completed in COMPLETED.items():
            shell.press(f"\x15{typed}\t")
            shell.wait_for(completed)


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
def test_zsh_describes(home: Path, path: str) -> None:
    with terminal(home, path, "zsh", "-f", "-i", OBMEN_LANGUAGE="ru") as shell:
        shell.press(ZSH_READY)
        shell.wait_for("\nready")
        for typed, described in (
            (
                "obmen c",
                'completion  -- Вывести сценарий, с которым оболочка дополняет команды obmen: eval "$(obmen',
            ),
            (
                "obmen d",
                "doctor  -- Проверить настройки, источник, базы, блокировку, обработчик и терминал; для",
            ),
            (
                "obmen import --s",
                "--shop    -- Магазин, в который импортировать, вместо заданного по умолчанию.",
            ),
        ):
            shell.press(f"\x15{typed}\t")
            shell.wait_for(described)


def fish(home: Path, path: str, *typed: str, **env: str) -> list[str]:
    """What it would offer."""
    script = "obmen completion fish | source; for line in $argv; complete -C $line; end"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script, *typed],
        cwd=home,
        env={**os.environ, "PATH": path, "HOME": str(home), "TERM": "xterm", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
def test_a_real_fish_completes(home: Path, path: str) -> None:
    offered = [line.partition("\t")[0] for line in fish(home, path, *COMPLETED)]
    assert offered == [shlex.split(completed)[-1] for completed in COMPLETED.values()]


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
def test_fish_describes(home: Path, path: str) -> None:
    """Whole, with all the commas and colons."""
    command, session, an_option = fish(home, path, "obmen do", "obmen show ", "obmen import --sh")
    assert (
        command
        == "doctor\tCheck settings, source, databases, lock, worker and terminal; each failure with a cure"
    )
    assert session.startswith("1\tcustomers: completed, ")
    assert an_option == "--shop\tThe shop to import into, instead of the default one."


Complete = Callable[..., dict[str, str]]


@pytest.fixture
def complete(used: Obmen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Complete:
    """What is told to fish, with descriptions."""

    def complete(typed: str, **env: str) -> dict[str, str]:
        with monkeypatch.context() as patch:
            patch.chdir(used.folder)
            for name, value in {"_OBMEN_COMPLETE": "fish_complete", "COMP_WORDS": typed, **env}.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit):
                main(["completion"])
        lines = capsys.readouterr().out.splitlines()
        pairs = (line.removeprefix("plain,").partition("\t") for line in lines if line)
        return {word: told for word, _tab, told in pairs}

    return complete


def test_all_is_described_in_the_readers_language(complete: Complete) -> None:
    """Every command and every option, the screen's, too."""
    commands = complete("obmen ", OBMEN_LANGUAGE="ru")
    assert commands.keys() == cli.commands.keys()
    for within in ("", *commands):
        options = complete(f"obmen {within} -".replace("  ", " "), OBMEN_LANGUAGE="ru")
        assert {"-h", "--help"} <= options.keys()
        assert not [name for name, told in options.items() if not re.search("[а-я]", told)], within
    assert not [name for name, told in commands.items() if not re.search("[а-я]", told)]


def test_the_language_is_that_of_the_commands_answer(used: Obmen, complete: Complete) -> None:
    russian, english = "Магазин, в который импортировать", "The shop to import into"
    assert complete("obmen import --shop")["--shop"].startswith(english)
    assert complete("obmen import --shop", LANG="ru_RU.UTF-8")["--shop"].startswith(russian)
    assert complete("obmen --language=ru import --shop")["--shop"].startswith(russian)
    assert complete("obmen --language en import --shop", OBMEN_LANGUAGE="ru")["--shop"].startswith(english)
    settings = used.folder / "config.toml"
    settings.write_text('language = "ru"\n' + settings.read_text(encoding="utf-8"), encoding="utf-8")
    assert complete("obmen import --shop")["--shop"].startswith(russian)
    assert complete("obmen --config none.toml import --shop")["--shop"].startswith(english)


def test_sessions_read_as_in_listings_and_are_of_use(used: Obmen, complete: Complete) -> None:
    """What has ended cannot be cancelled, what has not can be neither deleted nor launched again."""
    used.json("import", "catalog", "prices", "--dry-run")
    with closing(sqlite3.connect(used.folder / "journal.sqlite3")) as db, db:
        db.execute("UPDATE session SET status = 'in_progress', finished_at = NULL WHERE id = 2")
    ended, running = {"1": "клиенты: завершён"}, {"2": "каталог, цены: идёт (проба)"}

    def told(command: str) -> dict[str, str]:
        found = complete(f"obmen {command} ", OBMEN_LANGUAGE="ru")
        return {number: told.rpartition(", ")[0] for number, told in found.items()}

    assert told("show") == told("logs") == told("rejects") == running | ended
    assert told("cancel") == running
    assert told("delete") == told("retry") == ended


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("obmen imp", "plain,import\n"),
        ("obmen import ca", "plain,catalog\n"),
        ("obmen import --shop ", "plain,main\n"),
        ("obmen sessions --status can", "plain,cancelling\nplain,cancelled\n"),
        ("obmen completion z", "plain,zsh\n"),
        ("obmen sessions --ki", "plain,--kind\n"),
        ("obmen inspect x", "file,x\n"),
        ("obmen --language=r", "plain,ru\n"),
        ("obmen import --source=/a b --sh", "plain,--shop\n"),
        ("obmen import --source='a b", "file,a b\n"),
        ("obmen import --source=a:b=c", "file,a:b=c\n"),
        ("obmen import 'catalog' --shop=", "plain,main\n"),
    ],
)
def test_what_is_completed(
    obmen: Obmen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, found: str
) -> None:
    monkeypatch.chdir(obmen.folder)
    monkeypatch.setenv("_OBMEN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    with pytest.raises(SystemExit):
        main(["completion"])
    assert capsys.readouterr().out == found


def test_completing_makes_nothing(obmen: Obmen, path: str) -> None:
    before = sorted(obmen.folder.iterdir())
    done = obmen.run("completion", _OBMEN_COMPLETE="bash_complete", COMP_WORDS="obmen show ", PATH=path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
    assert sorted(obmen.folder.iterdir()) == before
