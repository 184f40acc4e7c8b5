"""Celery: does the broker answer, and has each queue a worker that does what obmen counts on? A worker for a trial."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from importers import __version__
from importers.addresses import is_postgres, sqlite_path
from importers.clock import boot_id, is_another_boot
from importers.doctor.finding import Check
from importers.errors import BrokerDown, BrokerRefuses
from importers.texts import N_, _, ngettext

if TYPE_CHECKING:
    from importers.settings import Settings

REPLY_SECONDS = 1.2
"""So long workers are given to say that they are there."""
END_SECONDS = 20.0
COUNTED_ON = {"task_acks_late": False, "worker_prefetch_multiplier": 1, "worker_disable_prefetch": True}
"""Of the configuration of a worker; see `importers.worker.celery_engine`."""


async def check_workers(config: Settings) -> Check:
    """Nothing is sent to a queue."""
    return await asyncio.to_thread(_check_workers, config)


def _check_workers(config: Settings) -> Check:
    from importers.targets import all_targets
    from importers.worker.celery_dispatch import plainly, require_broker
    from importers.worker.celery_engine import MACHINE, VERSION, make_sender, queue_on

    name = N_("worker")
    here = queue_on(config, socket.gethostname())
    needed = {config.worker.queue if target.shared else here for target in all_targets(config)}
    try:
        require_broker(config)
        with plainly(config.redis.url):
            asking = make_sender(config.redis.url, config.worker.queue, 2 * REPLY_SECONDS)
            asked = asking.control.inspect(timeout=REPLY_SECONDS)
            served = asked.active_queues() or {}
            told = (asked.conf() or {}) if served else {}
    except BrokerRefuses as error:
        return Check(name, False, str(error), _("mend that; sessions wait for it"))
    except BrokerDown as error:
        return Check(
            name, False, str(error), _("start the broker, or correct redis.url; sessions wait for it")
        )
    unserved = needed - {queue["name"] for queues in served.values() for queue in queues}
    if unserved:
        return Check(
            name,
            False,
            _("no worker takes sessions from: {queues}").format(queues=", ".join(sorted(unserved))),
            _("start one on a host that sees the source: obmen worker"),
        )
    for worker, conf in sorted(told.items()):
        wrong = [key for key, value in COUNTED_ON.items() if conf.get(key) != value]
        if wrong:
            return Check(
                name,
                False,
                _("{worker} is configured otherwise: {settings}").format(
                    worker=worker, settings=", ".join(wrong)
                ),
                _("start it by: obmen worker"),
            )
        if (version := conf.get(VERSION)) != __version__:
            return Check(
                name,
                False,
                _("{worker} runs obmen {version}, this is {ours}").format(
                    worker=worker, version=version or "?", ours=__version__
                ),
                _("update the older one, and restart its worker"),
            )
        if is_another_boot(conf.get(MACHINE) or "", boot_id()) and (file := _file_of(config)):
            return Check(
                name,
                False,
                _("{worker} is on another host, where {file} is another file or none").format(
                    worker=worker, file=file
                ),
                _("move journal and catalogs to a server: obmen migrate"),
            )
    detail = ngettext("{n} Celery worker: {names}", "{n} Celery workers: {names}", len(served))
    return Check(name, True, detail.format(n=len(served), names=", ".join(sorted(served))))


def _file_of(config: Settings) -> str:
    """The first database that only this machine has, "" where all are on a server."""
    from importers.targets import all_targets

    urls = (config.journal.url, *(target.catalog for target in all_targets(config)))
    return next((sqlite_path(url) for url in urls if not is_postgres(url)), "")


@contextmanager
def trial_worker(scratch: Settings) -> Iterator[None]:
    """A worker for the queue of these settings alone, whose journal only this host sees; nothing of both is left in the
    broker, nor is it when this process is killed. Raises BrokerDown."""
    from importers.worker.celery_dispatch import require_broker

    require_broker(scratch)
    worker = subprocess.Popen(
        [sys.executable, "-m", "importers.doctor.trial_worker", str(os.getpid())],
        env={**os.environ, **scratch.to_env(), "OBMEN_CONFIG": ""},
        cwd=Path(scratch.log.path).parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        worker.terminate()
        try:
            worker.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
            forget(scratch)


def forget(scratch: Settings) -> None:
    """All that the broker keeps of the queue of these settings. Raises BrokerDown."""
    from importers.worker.celery_dispatch import broker
    from importers.worker.celery_engine import KEY_PREFIX

    with broker(scratch) as redis:
        for key in redis.scan_iter(f"{KEY_PREFIX}*{scratch.worker.queue}*"):
            redis.delete(key)
