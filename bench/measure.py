"""Whole-process figures: CPU, time and memory of a command and of everything it leaves behind."""

from __future__ import annotations

import ctypes
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

OBMEN = (sys.executable, "-m", "tui")
KINDS = ("catalog", "prices", "stocks")
"""What a first import brings."""
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
"""As an installed program is: its modules are compiled once, whatever the shell of who measures says."""
PR_SET_CHILD_SUBREAPER = 36
SAMPLE = 0.03
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Usage:
    cpu: float
    """User + system seconds of all processes."""
    wall: float
    peak_mb: float = 0
    """Of all processes together at one moment; pages that they share count once (PSS)."""

    def __add__(self, other: Usage) -> Usage:
        """One after the other."""
        return Usage(self.cpu + other.cpu, self.wall + other.wall, max(self.peak_mb, other.peak_mb))


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> Usage:
    """Run `command` to the end of its last descendant; detached workers are counted, too."""
    ctypes.CDLL(None).prctl(
        PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0
    )  # orphans come to us, and so does their rusage
    with Memory() as memory:
        start = time.perf_counter()
        child = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL)
        cpu = 0.0
        with suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, 0)
                cpu += usage.ru_utime + usage.ru_stime
                if pid == child.pid:
                    child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    return Usage(cpu, wall, memory.peak_kb / 1024)


class Memory:
    """Watches the memory of all descendants of this process, in a thread."""

    def __init__(self) -> None:
        self.peak_kb = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE):
            self.peak_kb = max(self.peak_kb, sum(map(_pss_kb, descendants(os.getpid()))))


def descendants(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # it ended meanwhile
            for child in children.read_text().split():
                yield int(child)
                yield from descendants(int(child))


def _pss_kb(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/smaps_rollup").read_text().partition("\nPss:")[2].split()[0])
    return 0


def median(runs: Sequence[Usage]) -> Usage:
    """Not the least: a short command finds a quiet moment sooner than a long one. Of memory the most."""
    return Usage(
        statistics.median(usage.cpu for usage in runs),
        statistics.median(usage.wall for usage in runs),
        max(usage.peak_mb for usage in runs),
    )


def p95(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return sorted(values)[int(0.95 * len(values))]


def environment(folder: Path, export: Path) -> dict[str, str]:
    """obmen with all its files in `folder`."""
    return {
        "OBMEN_CATALOG__URL": f"sqlite:///{folder}/catalog.sqlite3",
        "OBMEN_JOURNAL__URL": f"sqlite:///{folder}/journal.sqlite3",
        "OBMEN_IMAGES__PATH": f"{folder}/images",
        "OBMEN_LOG__PATH": f"{folder}/obmen.log",
        "OBMEN_SOURCE__PATH": str(export),
        "OBMEN_LAUNCH__RECENCY_SECONDS": "0",
        "OBMEN_LANGUAGE": "en",
        **COMPILED,
    }
