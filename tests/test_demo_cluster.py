"""`make demo-cluster` in a terminal: two shops, real servers and workers, and nothing of it afterwards."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pexpect
import pytest

TOP = Path(__file__).parents[1]
SECONDS = 90


def valkeys(parent: int | None = None) -> list[str]:
    """Commands of its servers in folders of the demo: they write their title over their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text()
            is_child = f"PPid:\t{parent}\n" in (process / "status").read_text()
        except OSError:
            continue
        if (
            (is_child or parent is None)
            and "valkey-server" in command
            and f"{os.sep}obmen-cluster-" in command
        ):
            found.append(command)
    return found


def marked(mark: str) -> list[str]:
    """Commands of all processes with this variable in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"DEMO_CLUSTER={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def mark_of(pid: int) -> str:
    """As the children of the demo have it."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(re.findall(r"PPid:\s(\d+)", (process / "status").read_text())[0]) == pid and (
                mark := re.findall(rb"DEMO_CLUSTER=(\w+)", (process / "environ").read_bytes())
            ):
                return str(mark[0].decode())
        except (OSError, IndexError):
            continue
    raise AssertionError("it has no children")


@pytest.mark.parametrize(
    "how",
    [
        pytest.param("q", marks=pytest.mark.chaos),
        pytest.param(signal.SIGTERM, marks=pytest.mark.chaos),
        signal.SIGKILL,
    ],
)
def test_it_opens_on_two_shops_and_leaves_nothing(how: str | signal.Signals) -> None:
    env = {
        **os.environ, "PYTHONPATH": f"{TOP}:{TOP / 'tests'}", "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
    }  # fmt: skip
    demo = pexpect.spawn(sys.executable, ["-m", "demo.cluster"], cwd=str(TOP), env=env, dimensions=(24, 80))
    try:
        demo.expect("No imports yet", timeout=SECONDS)
        mark = mark_of(demo.pid)
        running = "\n".join(marked(mark))
        assert running.count("importers.worker.reaping") == 2
        assert "postgres" in running
        (ours,) = valkeys(demo.pid)
        if isinstance(how, signal.Signals):
            demo.kill(how)
        else:
            demo.send(how)
        demo.expect(pexpect.EOF, timeout=SECONDS)
    finally:
        demo.close(force=True)
    end = time.monotonic() + SECONDS
    while marked(mark) or ours in valkeys():
        assert time.monotonic() < end, (marked(mark), valkeys())
        time.sleep(0.05)
