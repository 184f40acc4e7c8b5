"""A worker of Celery, until it is told to go; a process beside it looks after sessions, also while nobody watches."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from celery.signals import celeryd_init, worker_ready, worker_shutting_down
from celery.utils.log import worker_logger

from importers.addresses import without_secrets
from importers.errors import PLACE, ObmenError
from importers.redis_errors import refusal
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
    workers: list[Any] = []

    def note(instance: Any, **_of_signal: Any) -> None:
        workers.append(instance)

    celeryd_init.connect(note)
    try:
        app.worker_main(["worker", *options, "--without-gossip", "--without-mingle"])
    except SystemExit as end:
        return int(end.code or 0)
    return int(workers[0].exitcode or 0)  # which Celery would keep to itself


def prepare(settings: Settings) -> None:
    """What the worker of this process needs beside its app."""
    _load()
    _reap_beside(settings)
    worker_logger.addFilter(partial(_tell_refusal, without_secrets(settings.redis.url)))


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


def _tell_refusal(place: str, record: logging.LogRecord) -> bool:
    """In place of a traceback, where Redis forbids the worker what it needs."""
    error = record.exc_info[1] if record.exc_info else None
    if error and (why := refusal(error)):
        record.msg, record.args, record.exc_info = "%s", (ObmenError(PLACE, path=place, why=why),), None
    return True


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
