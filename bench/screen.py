"""The first frame of the control room against that of a bare Textual app, both in a pseudo-terminal of 80×24."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from bench.measure import environment
from bench.ratios import Ratio
from importers.sample import EXPORT
from importers.sessions import open_journal
from tests.support.many_sessions import fill

BARE = """
from textual.app import App, ComposeResult
from textual.widgets import Static
class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("obmen is here")
Bare().run()
"""


BARE_TABLE = """
from textual.app import App, ComposeResult
from textual.widgets import DataTable
class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")
    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns(*(f"column {n}" for n in range(6)))
        for row in range(200):
            table.add_row(*(f"{row} {n} 999" for n in range(6)))
Bare().run()
"""
SESSIONS = 20_000
KEYS = 30
IDLE_SECONDS = 10.0


def run(folder: Path) -> Iterator[Ratio]:
    env = environment(folder / "screen", EXPORT)
    ours, floor = [], []
    for _ in range(7):
        floor.append(first_frame([sys.executable, "-c", BARE], {}, "obmen is here"))
        ours.append(first_frame([sys.executable, "-m", "tui"], env, "Rejects"))
    yield Ratio(
        "first frame over a bare Textual app", statistics.median(ours), statistics.median(floor), 1.4, "s"
    )


def keys(folder: Path) -> Iterator[Ratio]:
    """What one row down costs in a list of sessions, against that in a bare table."""
    env = environment(folder / "keys", EXPORT)
    asyncio.run(_fill(env["OBMEN_JOURNAL__URL"]))
    ours = rows_down([sys.executable, "-m", "tui"], env, "sessions")
    bare = rows_down([sys.executable, "-c", BARE_TABLE], {}, "999")
    yield Ratio("a row down over that of a bare table", ours.seconds, bare.seconds, 1.2, "s", noise=1.5)
    yield Ratio("bytes of a row down over 1 kB", ours.bytes, 1000, 1.0, "B", noise=1.0)
    yield Ratio("bytes in ten idle seconds", ours.idle + 1, 1, 1.0, "B", noise=1.0)


async def _fill(url: str) -> None:
    journal = await open_journal(url)
    try:
        await fill(journal.database, SESSIONS)
    finally:
        await journal.close()


class Cost(NamedTuple):
    seconds: float
    """From the key to the first byte, the median."""
    bytes: float
    """Until all is quiet, the median: with what is below the list."""
    idle: int


def rows_down(command: list[str], env: Mapping[str, str], marker: str) -> Cost:
    taken, sizes = [], []
    with Terminal(command, env) as terminal:
        terminal.wait_for(marker)
        while terminal.read(1.5):
            pass
        for _key in range(KEYS):
            start = time.perf_counter()
            terminal.press("\x1b[B")
            data = terminal.read(5)
            taken.append(time.perf_counter() - start)
            while more := terminal.read(0.02):
                data += more
            sizes.append(len(data))
        while terminal.read(1):
            pass
        end, idle = time.monotonic() + IDLE_SECONDS, 0
        while (left := end - time.monotonic()) > 0:
            idle += len(terminal.read(left))
    return Cost(statistics.median(taken), statistics.median(sizes), idle)


def first_frame(command: list[str], env: Mapping[str, str], marker: str) -> float:
    """Seconds from the start of the process until `marker` is written to its terminal."""
    start = time.perf_counter()
    with Terminal(command, env) as terminal:
        terminal.wait_for(marker)
        return time.perf_counter() - start


class Terminal:
    """A command in a pseudo-terminal of 80×24; killed at the end."""

    def __init__(self, command: list[str], env: Mapping[str, str]) -> None:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.environ.update({"TERM": "xterm-256color", **env})
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execv(command[0], command)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def press(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def wait_for(self, marker: str) -> None:
        """Read on until `marker` is written, in one piece."""
        seen = b""
        while marker.encode() not in seen:
            if not (data := self.read(30)):
                raise TimeoutError(f"{marker!r} did not come")
            seen += data

    def read(self, seconds: float) -> bytes:
        """What is written within so many seconds, or the first piece of it."""
        ready = select.select([self._terminal], [], [], seconds)[0]
        return os.read(self._terminal, 65536) if ready else b""
