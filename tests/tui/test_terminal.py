"""The control room in a real pseudo-terminal: how it starts, rests and ends."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.terminal import MODES, Terminal

from importers.database.sqlite_errors import lock_holder
from importers.sample.make import write_export

Open = Callable[..., Terminal]


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
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
        terminal.wait_for("To quit press q or ^q")
        terminal.press("?")
        terminal.wait_for("Back")
        terminal.press("\x03")
        terminal.wait_for("To quit press ^q")
        assert terminal.process.poll() is None


def test_rests_in_silence(opened: Open) -> None:
    with opened() as terminal:
        terminal.watch(1)
        assert terminal.watch(3) == b""


def test_a_window_that_is_dragged_is_painted_when_it_has_its_size(opened: Open, env: dict[str, str]) -> None:
    """Sixty sizes in 0.4 s are painted once; a loaded machine may take a pause in between for the end of it. That a
    shell has exported the first size changes nothing."""
    env |= {"COLUMNS": "80", "LINES": "24"}
    with opened() as terminal:
        terminal.rest(0.5)
        before = len(terminal.raw)
        for step in range(1, 61):
            terminal.resize(60 + step, 20 + step // 2)
            terminal.watch(0.4 / 60)
        terminal.wait_for(lambda _text: b" obmen " in terminal.raw[before:])
        terminal.rest(0.5)
        assert terminal.raw[before:].count(b" obmen ") <= 5
        lines = terminal.text.splitlines()
        assert (len(lines), len(lines[0])) == (50, 120)
        assert "No imports yet" in terminal.text
        assert lines[-1].rstrip().endswith("q Quit")


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


def outcomes(obmen: Any) -> list[str]:
    return [attempt["outcome"] for attempt in obmen.json("attempts")]


def test_demo_by_keys_of_the_russian_layout_to_a_completed_import(
    env: dict[str, str], tmp_path: Path
) -> None:
    env |= {"XDG_DATA_HOME": str(tmp_path / "data")}
    with Terminal([sys.executable, "-m", "tui", "--language", "ru", "demo"], env) as terminal:
        terminal.wait_for("Импортов ещё не было")
        terminal.press("т")
        terminal.wait_for(lambda text: "🚀 Запустить импорт из 1С" in text and "[ ] Каталог товаров" in text)
        terminal.press(" ")
        terminal.wait_for("[1] Каталог товаров")
        assert "▶" in terminal.text
        assert "Запустить импорт" in terminal.text
        terminal.press("\r")
        terminal.wait_for("✓ завершён")
        terminal.press("3")
        terminal.wait_for(lambda text: "зап./с" in text and "предложения" in text)
        terminal.press("т")
        terminal.wait_for("[ ] Каталог товаров")
        terminal.press(" \r")
        terminal.wait_for("Импорт уже запущен недавно")
        terminal.watch(0.2)
        terminal.press("й")
        assert terminal.ended() == 0
        assert terminal.left_on() == []


def test_two_terminals_at_once_make_one_session(env: dict[str, str], obmen: Any) -> None:
    env |= {"OBMEN_CONFIG": str(obmen.folder / "config.toml"), "OBMEN_SCREEN__BELL": "true"}
    command = [sys.executable, "-m", "tui"]
    notified, silent = env | {"OBMEN_SCREEN__NOTIFY": "osc777"}, env | {"OBMEN_SCREEN__BELL": "false"}
    with Terminal(command, notified) as one, Terminal(command, silent) as two:
        for terminal in (one, two):
            terminal.wait_for("No imports yet")
            terminal.press("n")
            terminal.wait_for("[ ] Product catalog")
            terminal.press(" ")
            terminal.wait_for("[1] Product catalog")
        for terminal in (one, two):
            terminal.press("\r")
        for terminal in (one, two):
            terminal.wait_for("completed")
        assert sorted(outcomes(obmen)) == ["created", "joined"]
        assert len(obmen.json("sessions")) == 1
        both = one.text + two.text
        assert both.count("already launched") == 1
        told = re.findall(r"\a\x1b]777;notify;obmen;([^\a]*)\a", one.raw.decode())
        assert told == ["obmen: Session 1, Product catalog: ✓ completed, 1 152 records"]
        assert "1 152 records" in two.text.replace("\N{NO-BREAK SPACE}", " ")
        assert b"]777;" not in two.raw


def frozen_worker(journal: Path) -> int:
    """The pid of the worker of session 1, stopped where it does not hold the journal: however fast the machine is, its
    import lasts until the screen is back."""
    with closing(sqlite3.connect(journal)) as db:
        ((owner,),) = db.execute(
            "SELECT owner FROM session WHERE id = 1 AND status = 'in_progress'"
        ).fetchall()
    worker = int(owner.rpartition(":")[2])
    while True:
        os.kill(worker, signal.SIGSTOP)
        if lock_holder(journal) != worker:
            return worker
        os.kill(worker, signal.SIGCONT)


@pytest.mark.parametrize("end", ["hang up", pytest.param("SIGTERM", marks=pytest.mark.chaos)])
def test_the_import_goes_on_without_the_screen_and_is_seen_live_on_reopening(
    env: dict[str, str], obmen: Any, end: str
) -> None:
    export = obmen.folder / "export"
    write_export(export, products=4_000)
    env |= {"OBMEN_CONFIG": str(obmen.folder / "config.toml"), "OBMEN_SOURCE__PATH": str(export)}
    command = [sys.executable, "-m", "tui"]
    with Terminal(command, env) as terminal:
        terminal.wait_for("No imports yet")
        terminal.press("n")
        terminal.wait_for("[ ] Product catalog")
        terminal.press(" \r")
        terminal.wait_for("Received by worker")
        worker = frozen_worker(obmen.folder / "journal.sqlite3")
        if end == "hang up":
            terminal.hang_up()
        else:
            terminal.signal(signal.SIGTERM)
        assert terminal.ended() != 0
    assert obmen.json("show", "1")["status"] == "in_progress"
    with Terminal(command, env) as terminal:
        terminal.wait_for(lambda text: "running" in text and "Session ID: 1" in text)
        os.kill(worker, signal.SIGCONT)
        terminal.wait_for("completed")
    assert obmen.json("show", "1")["counts"]["created"] > 4000


def test_ctrl_c_is_the_pagers_while_it_has_the_terminal(env: dict[str, str]) -> None:
    code = """
from importers.settings import load
from tui.app import run
from tui.screens.main import MainScreen
pager = ["sh", "-c", "trap 'echo interrupted' INT; echo lent; read line; read line"]
async def lend(self, tab): self.run_worker(self.app.lend_terminal(pager))
MainScreen.action_tab = lend
raise SystemExit(run(load()))
"""
    with Terminal([sys.executable, "-c", code], env) as terminal:
        terminal.wait_for("No imports yet")
        terminal.press("3")
        terminal.wait_for("lent")
        terminal.press("\x03")
        terminal.wait_for("interrupted")
        terminal.press("\n\n")
        terminal.wait_for("No imports yet")
        terminal.press("q")
        assert terminal.ended() == 0
        assert terminal.left_on() == []


@pytest.mark.parametrize(
    ("pressed", "where"), [("3", "MainScreen.action_tab"), ("n", "LaunchScreen.compose")]
)
def test_a_bug_ends_in_one_line_with_the_rest_in_the_log(
    env: dict[str, str], tmp_path: Path, pressed: str, where: str
) -> None:
    code = f"""
from pathlib import Path
from importers.settings import load
from tui.app import run
from tui.screens.launch import LaunchScreen
from tui.screens.main import MainScreen
secret = "the value of a local variable"
def broken(*_args): raise KeyError(secret[:9])
{where} = broken
raise SystemExit(run(load()))
"""
    with Terminal([sys.executable, "-c", code], env) as terminal:
        terminal.wait_for("No imports yet")
        terminal.press(pressed)
        assert terminal.ended() == 1
        assert terminal.left_on() == []
        said = terminal.raw.decode(errors="replace").rpartition("\x1b[?1049l")[2]
        assert "Internal error: KeyError" in said
        assert "Traceback" not in said
        assert "local variable" not in said
        assert "NOTE" not in said
    assert "Traceback" in (tmp_path / "obmen.log").read_text()


def test_the_first_frame_imports_nothing_heavy() -> None:
    code = "import sys, tui.app; print([name for name in %r if name in sys.modules])"
    heavy = ("lxml", "redis", "celery", "psycopg", "aiosqlite", "sqlite3", "tui.screens.launch")
    done = subprocess.run([sys.executable, "-c", code % (heavy,)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
