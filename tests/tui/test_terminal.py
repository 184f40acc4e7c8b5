"""The control room in a real pseudo-terminal: how it starts, rests and ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pty_stage import MODES, Terminal
from tui_stage import CONFIG

Open = Callable[..., Terminal]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OBMEN_")}
    return kept | {"OBMEN_CONFIG": str(config), "TERM": "xterm-256color", "HOME": str(tmp_path)}


@pytest.fixture
def opened(env: dict[str, str]) -> Open:
    def open_terminal(**options: object) -> Terminal:
        terminal = Terminal([sys.executable, "-m", "tui"], env, **options)  # type: ignore[arg-type]
        terminal.wait_for("No imports yet")
        return terminal

    return open_terminal


@pytest.mark.parametrize("key", ["q", "й", "\x11"])
def test_leaves_by_key_and_restores_the_terminal(opened: Open, key: str) -> None:
    with opened() as terminal:
        terminal.press(key)
        assert terminal.ended() == 0
        assert all(on in terminal.raw for on, _off in MODES.values())
        assert terminal.left_on() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_restore_the_terminal(opened: Open, number: signal.Signals) -> None:
    with opened() as terminal:
        terminal.signal(number)
        assert terminal.ended() == 128 + number
        assert terminal.left_on() == []


@pytest.mark.parametrize("controlling", [True, False], ids=["with SIGHUP", "without SIGHUP"])
def test_a_closed_terminal_ends_it(opened: Open, *, controlling: bool) -> None:
    with opened(controlling=controlling) as terminal:
        terminal.hang_up()
        assert terminal.ended() != 0


def test_ctrl_c_does_not_quit_but_says_how(opened: Open) -> None:
    with opened() as terminal:
        terminal.press("\x03")
        terminal.wait_for("To quit press q")
        assert terminal.process.poll() is None


def test_rests_in_silence(opened: Open) -> None:
    with opened() as terminal:
        terminal.watch(1)
        assert terminal.watch(3) == b""


def test_a_journal_that_cannot_be_opened_is_told_and_nothing_falls_over(
    env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"this is no database" * 100)
    with Terminal([sys.executable, "-m", "tui"], env) as terminal:
        terminal.wait_for("not a SQLite database")
        terminal.press("n")
        terminal.wait_for("Source")
        terminal.press("\x1b")
        terminal.watch(0.3)
        terminal.press("q")
        assert terminal.ended() == 0
        assert terminal.left_on() == []
        assert "Traceback" not in terminal.raw.decode(errors="replace")
