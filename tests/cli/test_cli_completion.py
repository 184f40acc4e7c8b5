"""Shells complete commands, options, and the names that an installation knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.terminal import Terminal

from importers.cli import main
from tests.conftest import Obmen

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
        ("bash", "_OBMEN_COMPLETE=bash_complete $1 completion)"),
        ("zsh", "_OBMEN_COMPLETE=zsh_complete obmen completion)"),
        ("fish", "COMP_CWORD=(commandline -t) obmen completion)"),
    ],
)
def test_each_shell_has_a_script(shell: str, holds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert holds in script
    assert "compdef" in script or "complete " in script
    if program := shutil.which(shell):
        subprocess.run([program, "-n", "-c", script], check=True)


def asked(obmen: Obmen, path: str, *command: str) -> list[str]:
    """What a shell prints."""
    done = subprocess.run(
        command,
        cwd=obmen.folder,
        env={**os.environ, "PATH": path, "HOME": str(obmen.folder), "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.skipif(not Path(BASH).exists(), reason="no bash")
def test_a_real_bash_completes(used: Obmen, path: str) -> None:
    """Import types that are not named yet, and sessions, shops and states as the settings have them."""
    words = {
        "obmen import catalog c": ["customers"],
        "obmen show ": ["1"],
        f"obmen --config {used.folder}/none.toml show ": [],
    }
    lines = ['eval "$(obmen completion bash)"']
    for typed in words:
        given = typed.split(" ")
        quoted = " ".join(f"'{word}'" for word in given)
        lines += [
            f"COMP_WORDS=({quoted}) COMP_CWORD={len(given) - 1} COMPREPLY=()",
            "_obmen_completion obmen",
            'echo "${COMPREPLY[*]}"',
        ]
    told = asked(used, path, BASH, "--norc", "-c", "\n".join(lines))
    assert [line.split() for line in told] == list(words.values())


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
def test_a_real_fish_completes(used: Obmen, path: str) -> None:
    script = """obmen completion fish | source
        for line in "obmen import catalog c" "obmen show " "obmen inspect conf"; complete -C $line; end"""
    import_type, number, file = filter(None, asked(used, path, "fish", "--no-config", "-c", script))
    assert import_type == "customers\tCustomers"
    assert number.startswith("1\tcustomers completed")
    assert file.split("\t")[0] == "config.toml"


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
def test_a_real_zsh_completes(used: Obmen, path: str) -> None:
    """Keys of a person: it completes nowhere but on a terminal."""
    command = ["sh", "-c", f"cd {used.folder} && exec zsh -f -i"]
    environ = {**os.environ, "PATH": path, "TERM": "xterm", "PS1": "% ", "HOME": str(used.folder)}
    with Terminal(command, environ) as shell:
        shell.press('autoload -U compinit; compinit -D -u; eval "$(obmen completion zsh)"; echo re""ady\r')
        shell.wait_for("\nready")
        for typed, completed in (
            ("obmen import catalog c", "obmen import catalog customers"),
            ("obmen show ", "obmen show 1"),
            ("obmen inspect conf", "obmen inspect config.toml"),
        ):
            shell.press(f"\x15{typed}\t")
            shell.wait_for(completed)


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
    ],
)
def test_what_is_completed(
    obmen: Obmen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, found: str
) -> None:
    monkeypatch.chdir(obmen.folder)
    monkeypatch.setenv("_OBMEN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" ")) - 1))
    with pytest.raises(SystemExit):
        main(["completion"])
    assert capsys.readouterr().out == found


def test_completing_makes_nothing(obmen: Obmen, path: str) -> None:
    before = sorted(obmen.folder.iterdir())
    done = obmen.run(
        "completion", _OBMEN_COMPLETE="bash_complete", COMP_WORDS="obmen show ", COMP_CWORD="2", PATH=path
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
    assert sorted(obmen.folder.iterdir()) == before
