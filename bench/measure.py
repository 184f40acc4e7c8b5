"""Whole-process figures: CPU seconds and peak memory of a command and of everything it leaves behind."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Usage:
    cpu: float
    """User + system seconds of all processes."""
    worker_cpu: float
    """The same of the costliest single process: for an import, its worker."""
    peak_mb: float
    """Peak RSS of that process. (Of a short one it would be ours: a child starts as our copy.)"""
    wall: float


@dataclass(frozen=True)
class Ratio:
    what: str
    ours: float
    floor: float
    limit: float
    unit: str

    @property
    def value(self) -> float:
        return self.ours / self.floor

    @property
    def holds(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "" if self.holds else "   OVER"
        ours, floor = (f"{figure:.2f} {self.unit}" for figure in (self.ours, self.floor))
        return f"{self.what:58} {ours:>10} {floor:>10} {self.value:>7.2f} {self.limit:>7.2f}{verdict}"


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> Usage:
    """Run `command` to the end of its last descendant; detached workers are counted, too."""
    ctypes.CDLL(None).prctl(
        PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0
    )  # orphans come to us, and so does their rusage
    start = time.perf_counter()
    child = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL)
    processes: list[tuple[float, float]] = []
    failed = False
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            failed = child.returncode != 0
        processes.append((usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
    if failed:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    worker_cpu, peak = max(processes)
    return Usage(sum(cpu for cpu, _peak in processes), worker_cpu, peak, time.perf_counter() - start)


def best(runs: Sequence[Usage]) -> Usage:
    """The run with the least CPU: noise only ever adds."""
    return min(runs, key=lambda usage: usage.cpu)
