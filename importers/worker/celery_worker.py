"""A worker of Celery, until it is told to go; a process beside it looks after sessions, also while nobody watches."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from celery.signals import worker_ready, worker_shutting_down

from importers.worker.celery_engine import make_app

if TYPE_CHECKING:
    from importers.settings import Settings


def run_worker(settings: Settings, concurrency: int) -> int:
    """Take sessions of all queues that this host can serve, `concurrency` of them at a time; the exit code. SIGTERM
    lets those that run come to their end, SIGQUIT ends them."""
    prepare(settings)
    app = make_app(settings)
    name = f"{settings.worker.queue}.{os.getpid()}@%h"
    options = ["--loglevel=INFO", f"--concurrency={concurrency}", f"--hostname={name}"]
    try:
        app.worker_main(["worker", *options, "--without-gossip", "--without-mingle"])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def prepare(settings: Settings) -> None:
    """What the worker of this process needs beside its app."""
    _load()
    _reap_beside(settings)


def _load() -> None:
    """What each session would load anew: its process is forked from this one."""
    import importers.catalog.store
    import importers.kinds.registry
    import importers.kinds.summary
    import importers.sessions.store
    import importers.worker.reader_process
    import importers.worker.run
    import importers.worker.sharing

    for kind in importers.kinds.registry.KINDS:
        importers.kinds.registry.load(kind)


def _reap_beside(settings: Settings) -> None:
    """While a worker of this process is up. A process, and no thread: the worker forks for each session."""
    running: list[subprocess.Popen[bytes]] = []

    def start(**_of_signal: Any) -> None:
        command = [sys.executable, "-m", "importers.worker.reaping", str(os.getpid())]
        running.append(subprocess.Popen(command, env={**os.environ, **settings.to_env()}, cwd="/"))

    def stop(**_of_signal: Any) -> None:
        for process in running:
            process.terminate()
            process.wait()
        running.clear()

    worker_ready.connect(start, weak=False)
    worker_shutting_down.connect(stop, weak=False)
