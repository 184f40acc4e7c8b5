"""A worker of Celery, until it is told to go; a process beside it looks after sessions, also while nobody watches."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from celery.signals import celeryd_init, worker_ready
from celery.utils.log import get_logger, worker_logger
from celery.utils.nodenames import default_nodename

from importers.addresses import without_secrets
from importers.errors import PLACE, ObmenError
from importers.redis_errors import refusal
from importers.worker.celery_engine import make_app

if TYPE_CHECKING:
    from importers.settings import Settings


LOOK_SECONDS = 2.0
"""So often a worker looks whether the process beside it is there."""


def run_worker(settings: Settings, concurrency: int) -> int:
    """Take sessions of all queues that this host can serve, `concurrency` of them at a time; the exit code. See
    `drain_on_signals` for how it ends."""
    prepare(settings)
    app = make_app(settings)
    workers: list[Any] = []

    def note(instance: Any, **_of_signal: Any) -> None:
        workers.append(instance)

    celeryd_init.connect(note)
    try:
        app.worker_main(["worker", "--loglevel=INFO", f"--concurrency={concurrency}"])
    except SystemExit as end:
        return int(end.code or 0)
    return int(workers[0].exitcode or 0)  # which Celery would keep to itself


def prepare(settings: Settings) -> None:
    """What a worker of this process, should there be one, needs beside its app."""

    def begin(instance: Any, **_of_signal: Any) -> None:
        if instance.hostname == default_nodename(""):  # several on a host must not have the same
            instance.hostname = f"{settings.worker.queue}.{os.getpid()}@{socket.gethostname()}"
        _load()

    celeryd_init.connect(begin, weak=False)
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
    """While a worker of this process is up. A process, and no thread: the worker forks for each session. It is killed
    with the worker, and looks after sessions until then."""
    running: list[subprocess.Popen[bytes]] = []

    def start(**_of_signal: Any) -> None:
        command = [sys.executable, "-m", "importers.worker.reaping", str(os.getpid())]
        env = {**os.environ, **settings.to_env()}
        running[:] = [subprocess.Popen(command, env=env, cwd="/", start_new_session=True)]

    def look() -> None:
        if (code := running[0].poll()) is not None:
            get_logger(__name__).warning(
                "the process that looks after sessions ended (%s): starting anew", code
            )
            start()

    def ready(sender: Any, **_of_signal: Any) -> None:
        start()
        sender.timer.call_repeatedly(LOOK_SECONDS, look)

    worker_ready.connect(ready, weak=False)
