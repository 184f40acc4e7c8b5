"""Stopped by ctrl+z or a signal and continued: the terminal is clean meanwhile, and the room is right afterwards."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pty_stage import MODES, Terminal
from tui_stage import CONFIG

LENDING = """
from importers.settings import load
from tui.app import run
from tui.screens.main import MainScreen
async def lend(self, tab):
    self.run_worker(self.app.lend_terminal(["sh", "-c", "echo lent; read line; echo read; read line"]))
MainScreen.action_tab = lend
raise SystemExit(run(load()))
"""
"""A control room that lends its terminal when 3 is pressed."""


@pytest.fixture
def prompt(tmp_path: Path) -> Iterator[Terminal]:
    """An interactive shell."""
    (tmp_path / "config.toml").write_text(CONFIG)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OBMEN_")}
    env = kept | {
        "OBMEN_CONFIG": str(tmp_path / "config.toml"),
        "TERM": "xterm-256color",
        "HOME": str(tmp_path),
        "PS1": "shell> ",
    }
    with Terminal(["bash", "--norc", "--noprofile", "-i"], env) as terminal:
        terminal.wait_for("shell>")
        yield terminal


@pytest.fixture
def shell(prompt: Terminal) -> Terminal:
    """With the control room in its foreground, started by a script as `make demo` does."""
    prompt.press(f"sh -c '{sys.executable} -m tui; true'\n")
    prompt.wait_for("No imports yet")
    return prompt


def modes_on(terminal: Terminal) -> list[str]:
    return [name for name, (on, off) in MODES.items() if terminal.raw.rfind(on) > terminal.raw.rfind(off)]


def room(terminal: Terminal) -> int:
    """The pid of the control room below the shell."""
    (script,) = children(terminal.process.pid)
    (found,) = children(script)
    return found


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("key", ["\x1a", "\x1b[1103;5u"], ids=["ctrl+z", "ctrl+я of the Kitty protocol"])
def test_ctrl_z_gives_the_terminal_back_and_fg_the_room(shell: Terminal, key: str) -> None:
    shell.press(key)
    shell.wait_for("Stopped")
    assert [mode for mode in modes_on(shell) if mode != "bracketed paste"] == []  # bash has its own
    shell.press("echo $((40 + 2))n\n")
    assert "Run an import" not in shell.wait_for("42n")
    shell.press("fg\n")
    shell.wait_for(lambda text: "No imports yet" in text and "Stopped" not in text)
    shell.press("n")
    shell.wait_for("Run an import from 1C")


def test_a_continued_room_in_the_background_waits_for_its_terminal(shell: Terminal) -> None:
    shell.press("\x1a")
    assert "No imports yet" not in shell.wait_for("Stopped")
    shell.press("bg\n")
    shell.press("echo still $((40 + 2))\n")
    assert "No imports yet" not in shell.wait_for("still 42")
    shell.press("fg\n")
    shell.wait_for("No imports yet")


def test_stopped_and_continued_by_others_it_is_as_before(shell: Terminal) -> None:
    for number in (signal.SIGTSTP, signal.SIGSTOP):
        os.kill(room(shell), number)
        shell.wait_for(lambda _text: is_stopped(room(shell)))
        os.kill(room(shell), signal.SIGCONT)
        shell.press("?")
        shell.wait_for("Mark or unmark")
        shell.press("\x1b")
        shell.wait_for("No imports yet")
    shell.press("q")
    shell.wait_for(lambda text: text.count("shell>") == 2)
    shell.press("stty -a\n")
    text = shell.wait_for("icanon")
    assert " -icanon" not in text
    assert " -echo " not in text


def test_stopped_with_a_pager_the_terminal_is_still_the_pagers(prompt: Terminal, tmp_path: Path) -> None:
    (tmp_path / "lending.py").write_text(LENDING)
    prompt.press(f"{sys.executable} {tmp_path}/lending.py\n")
    prompt.wait_for("No imports yet")
    prompt.press("3")
    prompt.wait_for("lent")
    prompt.press("\x1a")
    prompt.wait_for("Stopped")
    prompt.press("fg\n")
    prompt.wait_for(lambda text: text.count("lending.py") == 3)
    prompt.press("one\n")
    assert "No imports yet" not in prompt.wait_for("read")
    assert modes_on(prompt) == []
    prompt.press("two\n")
    prompt.wait_for("No imports yet")
