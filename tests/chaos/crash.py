"""A launcher or a worker that kills or stops itself at one point of its way.

crash.py launch KEY POINT SIGNAL     prints [outcome, session] if it lives so long
crash.py work ID POINT SIGNAL
crash.py celery TRAP                 `obmen worker`; one of its sessions falls into what is written in the file TRAP

A trap is `POINT,SIGNAL,WHOM`: it strikes the session's process ("child"), or the worker with all of its processes.
Whoever falls into it leaves its pid in TRAP.fell.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from importers import settings
from importers.kinds import Counted
from importers.launch import launch, new_request
from importers.launch.table_lock import TableLock
from importers.sessions import open_journal
from importers.sessions.store import JournalStore
from importers.worker.celery_worker import run_worker
from importers.worker.process import ProcessDispatcher
from importers.worker.run import _Run, work

Point = tuple[Any, str, str, Callable[..., bool]]


def always(*_: object) -> bool:
    return True


def before(of: Any, name: str, when: Callable[..., bool] = always) -> Point:
    return of, name, "before", when


def after(of: Any, name: str, when: Callable[..., bool] = always) -> Point:
    return of, name, "after", when


LAUNCHER = {
    "before the attempt": before(JournalStore, "begin_attempt"),
    "after the attempt": after(JournalStore, "begin_attempt"),
    "holding the lock": before(JournalStore, "create"),
    "in the transaction that creates": before(JournalStore, "_answer"),
    "created": after(JournalStore, "create"),
    "lock released": after(TableLock, "release"),
    "before the dispatch": before(JournalStore, "mark_dispatched"),
    "dispatch marked": after(JournalStore, "mark_dispatched"),
    "worker started": after(ProcessDispatcher, "send"),
    "worker noted": after(JournalStore, "dispatched_to"),
    "attempt ended": after(JournalStore, "end_attempt"),
}
WORKER = {
    "before the claim": before(JournalStore, "claim"),
    "in the transaction that claims": before(JournalStore, "_read"),
    "claimed": after(JournalStore, "claim"),
    "reading": before(_Run, "_observe"),
    "rows written": before(_Run, "_observe", lambda _self, event: isinstance(event, Counted)),
    "before the check": before(_Run, "_may_commit"),
    "between check and commit": after(_Run, "_may_commit"),
    "committed": before(_Run, "_end"),
    "in the transaction that finishes": before(JournalStore, "_write_lines", lambda *args: "summary" in args),
    "finished": after(JournalStore, "finish"),
}


def arm(point: Point, fall: Callable[[], None]) -> None:
    of, name, side, when = point
    original = getattr(of, name)

    def crash(*args: Any) -> None:
        if when(*args):
            fall()

    @functools.wraps(original)
    async def wrapped(*args: Any, **rest: Any) -> Any:
        if side == "before":
            crash(*args)
        result = await original(*args, **rest)
        if side == "after":
            crash(*args)
        return result

    @functools.wraps(original)
    def wrapped_plain(*args: Any, **rest: Any) -> Any:
        result = original(*args, **rest)
        crash(*args)
        return result

    setattr(of, name, wrapped if inspect.iscoroutinefunction(original) else wrapped_plain)


async def confirm(key: str) -> None:
    config = settings.load()
    journal = await open_journal(config.journal.url)
    try:
        result = await launch(new_request(config, ("customers",), key=key), config, journal)
        sys.stdout.write(f"{result.outcome} {result.session and result.session.id}\n")
    finally:
        await journal.close()


def fall_into(trap: Path, here: str) -> None:
    if not trap.exists():
        return
    point, number, whom = trap.read_text(encoding="utf-8").split(",")
    if point == here:
        trap.rename(trap.with_suffix(".sprung"))
        trap.with_suffix(".fell").write_text(str(os.getpid()), encoding="utf-8")
        strike = os.killpg if whom == "worker" else os.kill
        strike(os.getpgid(0) if whom == "worker" else os.getpid(), signal.Signals[number])


def serve(trap: Path) -> int:
    for name, point in WORKER.items():
        arm(point, functools.partial(fall_into, trap, name))
    return run_worker(settings.load(), concurrency=2)


def main() -> int:
    role, what, *trap = sys.argv[1:]
    if role == "celery":
        return serve(Path(what))
    point, number = trap
    shots = [signal.Signals[number]]
    arm(
        (LAUNCHER if role == "launch" else WORKER)[point],
        lambda: os.kill(os.getpid(), shots.pop()) if shots else None,
    )
    if role == "launch":
        asyncio.run(confirm(what))
        return 0
    return asyncio.run(work(int(what), settings.load()))


if __name__ == "__main__":
    sys.exit(main())
