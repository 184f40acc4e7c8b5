"""Where the CPU of a worker goes: `python -m bench.stages PRODUCTS` prints the shares of a first import and of the same
again, by module and function of obmen; what C code costs stands with the function that calls it.

A timer of CPU time interrupts the worker: a thread that looked would get its turn where the worker lets others have
theirs, as in reading a file, and find it there too often.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import aiosqlite

from bench.export import write_export
from bench.measure import KINDS, environment

ROOM = Path(__file__).parents[1] / "importers"
PERIOD = 0.002
"""Seconds of CPU between two looks."""
LEAST = 0.01
"""Functions of a smaller share are not printed."""


VERBS: dict[int, str] = {}
"""What each thread of a database is at, or was at last."""


def note_verbs() -> None:
    """(Looking into the frame of such a thread instead would keep its cursors alive, and COMMIT refuses then.)"""
    execute = aiosqlite.Connection._execute

    async def noting(self: aiosqlite.Connection, function: Callable[..., Any], *args: Any) -> Any:
        def noted(*args: Any) -> Any:
            VERBS[threading.get_ident()] = str(args[0]).split()[0] if args else function.__name__
            return function(*args)

        return await execute(self, noted, *args)  # type: ignore[no-untyped-call]

    aiosqlite.Connection._execute = noting  # type: ignore[method-assign]


class Sampler:
    """Asks every other millisecond of CPU what each thread is at, and how much it used since."""

    def __init__(self) -> None:
        self.seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._before: dict[int, float] = {}

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, PERIOD, PERIOD)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _sample(self, _signal: int, frame: FrameType | None) -> None:
        for ident, current in sys._current_frames().items():
            try:
                used = time.clock_gettime(time.pthread_getcpuclockid(ident))
            except OSError:  # it ended meanwhile
                continue
            at = frame if ident == threading.get_ident() else current
            place = ("SQLite", VERBS[ident]) if ident in VERBS else place_of(at)
            self.seconds[place] += used - self._before.get(ident, 0)
            self._before[ident] = used


def place_of(frame: FrameType | None) -> tuple[str, str]:
    """The module and function of obmen that runs, or waits for what runs."""
    while frame:
        module = Path(frame.f_code.co_filename)
        if module.is_relative_to(ROOM) and frame.f_code.co_name not in ("main", "<module>"):
            return str(module.relative_to(ROOM)), frame.f_code.co_name
        frame = frame.f_back
    return "Python", "start, imports, event loop"


async def launch(env: dict[str, str]) -> int:
    """A session that nobody was sent to."""
    from importers.launch.launching import launch, new_request
    from importers.processes import WorkerProcess, this_process
    from importers.sessions import Session, open_journal
    from importers.settings import from_env
    from importers.worker.process import ProcessDispatcher

    class Nobody(ProcessDispatcher):
        async def send(self, session: Session) -> WorkerProcess:
            return this_process()

    settings = from_env({**os.environ, **env})
    journal = await open_journal(settings.journal.url)
    try:
        request = new_request(settings, KINDS)
        result = await launch(request, settings, journal, dispatcher=Nobody(settings))
    finally:
        await journal.close()
    assert result.session, result
    return result.session.id


def work(session_id: str) -> None:
    """The worker, in this process, under the sampler."""
    note_verbs()
    sampler = Sampler()
    sampler.start()
    from importers.worker import __main__ as worker

    sys.argv = ["worker", session_id]
    code = worker.main()
    sampler.stop()
    assert code == 0
    print_shares(dict(sampler.seconds))


def print_shares(seconds: dict[tuple[str, str], float]) -> None:
    total = sum(seconds.values())
    modules: defaultdict[str, float] = defaultdict(float)
    for (module, _function), used in seconds.items():
        modules[module] += used
    for module, used in sorted(modules.items(), key=lambda each: each[1], reverse=True):
        functions = {name: part / total for (of, name), part in seconds.items() if of == module}
        shown = sorted(functions, key=functions.__getitem__, reverse=True)
        told = ", ".join(f"{name} {functions[name]:.1%}" for name in shown if functions[name] >= LEAST)
        if used >= LEAST * total:
            print(f"{used:6.2f} s {used / total:6.1%}  {module:32} {told}")
    print(f"{total:6.2f} s in all")


def main() -> None:
    if sys.argv[1] == "--session":
        work(sys.argv[2])
        return
    with tempfile.TemporaryDirectory(prefix="obmen-bench-") as folder:
        export, env = Path(folder) / "export", environment(Path(folder), Path(folder) / "export" / "xml")
        write_export(export, range(int(sys.argv[1])))
        for what in ("first import", "the same again"):
            print(f"\n{what}", flush=True)
            session = asyncio.run(launch(env))
            command = [sys.executable, "-m", "bench.stages", "--session", str(session)]
            subprocess.run(command, env={**os.environ, **env}, check=True)


if __name__ == "__main__":
    main()
