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

from bench.measure import Ratio
from bench.reading import environment
from importers.sample import EXPORT

BARE = """
from textual.app import App, ComposeResult
from textual.widgets import Static
class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("obmen is here")
Bare().run()
"""


def run(folder: Path, *, quick: bool) -> Iterator[Ratio]:
    env = {**environment(folder / "screen", EXPORT), "OBMEN_LANGUAGE": "en"}
    ours, floor = [], []
    for _ in range(3 if quick else 7):
        floor.append(first_frame([sys.executable, "-c", BARE], {}, "obmen is here"))
        ours.append(first_frame([sys.executable, "-m", "tui"], env, "Rejects"))
    yield Ratio(
        "first frame over a bare Textual app", statistics.median(ours), statistics.median(floor), 1.4, "s"
    )


def first_frame(command: list[str], env: Mapping[str, str], marker: str) -> float:
    """Seconds from the start of the process until `marker` is written to its terminal."""
    start = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update({"TERM": "xterm-256color", **env})
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.execv(command[0], command)
    try:
        seen = b""
        while marker.encode() not in seen:
            if not select.select([terminal], [], [], 30)[0]:
                raise TimeoutError(f"{command}: {marker!r} did not come")
            seen += os.read(terminal, 65536)
        return time.perf_counter() - start
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
