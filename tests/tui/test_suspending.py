"""Stopped by ctrl+z or a signal and continued: the terminal is clean meanwhile, and the room is right afterwards."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pty_stage import MODES, Terminal


@pytest.fixture
def shell(env: dict[str, str]) -> Iterator[Terminal]:
    """An interactive shell with the control room in its foreground, started by a script as `make demo` does."""
    with Terminal(["bash", "--norc", "--noprofile", "-i"], env | {"PS1": "shell> "}) as terminal:
        terminal.wait_for("shell>")
        terminal.press(f"sh -c '{sys.executable} -m tui; true'\n")
        terminal.wait_for("No imports yet")
        yield terminal


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
    shell.wait_for("Stopped")
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
    shell.wait_for("shell>")
    shell.press("stty -a\n")
    text = shell.wait_for("icanon")
    assert " -icanon" not in text
    assert " -echo " not in text
