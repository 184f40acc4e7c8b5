"""The control room over a million sessions, in a pseudo-terminal of 80×24: its frames, its keys and its end against
those of a bare Textual app with a table (`bare.py`)."""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.measure import environment, p95
from bench.ratios import Ratio
from bench.room import READY, ROOM, start
from bench.streaming import claimed, streaming
from importers.sample import EXPORT
from importers.sessions import open_journal
from tests.support.many_sessions import fill, multiply
from tests.support.terminal import Terminal

BARE = (sys.executable, "-m", "bench.bare")
WRITTEN, TIMES = 1000, 1000
"""So many sessions are written one by one, and then so many times copied."""
ROWS_MS, DOWN_BYTES, CELLS_BYTES, CELLS = 150, 1000, 400, 10
DOWN = "\x1b[B"
QUIET = 0.4
"""Seconds of silence behind which nothing more is to come of a key, or of a start once there is a first frame."""


def run(
    folder: Path, times: int = TIMES, visits: int = 9, keys: int = 40, idle: float = 10.0
) -> Iterator[Ratio]:
    env = environment(folder, EXPORT)
    asyncio.run(write_sessions(folder / "journal.sqlite3", WRITTEN))
    multiply(folder / "journal.sqlite3", times)
    yield from frames(env, visits)
    yield from moves(env, keys, idle)
    yield asyncio.run(cells(env, min(keys, 10)))
    yield from asyncio.run(streaming(env))


async def write_sessions(path: Path, count: int) -> None:
    """A journal of so many, all of which have ended."""
    journal = await open_journal(f"sqlite:///{path}")
    try:
        await fill(journal.database, count + 3)  # the last three are active
        async with journal.database.transaction() as db:
            await db.execute("DELETE FROM session WHERE finished_at IS NULL")
    finally:
        await journal.close()


class Visit(NamedTuple):
    """Seconds."""

    frame: float
    """From the start to the first frame."""
    rows: float
    """From there to the rows."""
    exit: float
    """From the key to the end of the process."""


def visit(command: Sequence[str], env: Mapping[str, str]) -> Visit:
    with start(command, env) as terminal:
        open_calmly(terminal)
        pressed = terminal.now()
        terminal.press("q")
        terminal.ended()
        left = terminal.now() - pressed
        frame, rows = terminal.shown_at(READY), terminal.shown_at("completed")
    assert frame
    assert rows
    return Visit(frame, rows - frame, left)


def open_calmly(terminal: Terminal) -> None:
    """Until it has painted all, without taking the time to draw before it has."""
    while b"completed" not in terminal.raw:
        assert terminal.read(30)
    terminal.rest(QUIET)


def frames(env: Mapping[str, str], visits: int) -> Iterator[Ratio]:
    visit(ROOM, env)  # which compiles what is not
    pairs = [(visit(ROOM, env), visit(BARE, {})) for _visit in range(visits)]
    ours, bare = (
        Visit(*map(statistics.median, zip(*side, strict=True))) for side in zip(*pairs, strict=True)
    )
    yield Ratio("first frame over a bare Textual app", ours.frame, bare.frame, 1.15, "s")
    rows = ours.rows * 1000
    yield Ratio(f"rows after the first frame, over {ROWS_MS} ms", rows, ROWS_MS, 1, "ms", noise=1.5)
    yield Ratio("exit over that of a bare app", ours.exit, bare.exit, 1.1, "s")


class Moves:
    """What it costs to go down row by row, in one program after the other."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.command, self.env = command, env
        self.taken: list[float] = []
        """Seconds from each key to its paint."""
        self.sizes: list[int] = []
        """Bytes of each, until nothing more comes: with what is below the list."""
        self.idle = 0
        """Bytes while nobody does anything."""

    def go(self, keys: int, idle: float = 0) -> None:
        """From the first row on."""
        with start(self.command, self.env) as terminal:
            open_calmly(terminal)
            terminal.rest(3 * QUIET)
            for _key in range(keys):
                pressed, before = terminal.now(), len(terminal.pieces)
                terminal.press(DOWN)
                self.sizes.append(len(terminal.rest(QUIET)))
                self.taken.append(terminal.pieces[before].at - pressed)
            self.idle += len(terminal.watch(idle))


def moves(env: Mapping[str, str], keys: int, idle: float) -> Iterator[Ratio]:
    """What one row down costs in a list of sessions, against that in a bare table: in pairs, as noise comes in
    bursts."""
    ours, bare = Moves(ROOM, env), Moves(BARE, {})
    for pause in (0.0, idle):
        ours.go(keys, pause)
        bare.go(keys)
    pair = p95(ours.taken), p95(bare.taken)
    yield Ratio("key to paint, p95, over that of a bare table", *pair, 1.2, "s", noise=1.5)
    yield Ratio(f"a row down, over {DOWN_BYTES} bytes", statistics.median(ours.sizes), DOWN_BYTES, 1, "B")
    yield Ratio(f"bytes in {idle:.0f} idle seconds", ours.idle, 1, 0, "B", noise=1)


async def cells(env: Mapping[str, str], updates: int) -> Ratio:
    """Half as many sessions run, and of each how far it is and how long it took are other ones each second."""
    journal = await open_journal(env["OBMEN_JOURNAL__URL"])
    try:
        running = [await claimed(journal) for _session in range(CELLS // 2)]
        with start(ROOM, env) as terminal:
            terminal.wait_for("running", 30)
            await asyncio.to_thread(terminal.watch, 2)
            sizes = []
            for number in range(1, updates + 1):
                for session in running:
                    await session.go_on(number)
                sizes.append(len(await asyncio.to_thread(terminal.watch, 1)))
        for session in running:
            await session.end()
    finally:
        await journal.close()
    what = f"an update of {CELLS} cells, over {CELLS_BYTES} bytes"
    return Ratio(what, statistics.median(sizes), CELLS_BYTES, 1, "B")
