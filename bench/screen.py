"""The first frame of the control room against that of a bare Textual app, both in a pseudo-terminal of 80×24."""

from __future__ import annotations

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
from typing import Self

from bench.measure import environment
from bench.ratios import Ratio
from importers.sample import EXPORT

BARE = """
from textual.app import App, ComposeResult
from textual.widgets import Static
class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("obmen is here")
Bare().run()
"""


def run(folder: Path) -> Iterator[Ratio]:
    env = environment(folder / "screen", EXPORT)
    ours, floor = [], []
    for _ in range(7):
        floor.append(first_frame([sys.executable, "-c", BARE], {}, "obmen is here"))
        ours.append(first_frame([sys.executable, "-m", "tui"], env, "Rejects"))
    yield Ratio(
        "first frame over a bare Textual app", statistics.median(ours), statistics.median(floor), 1.4, "s"
    )


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
