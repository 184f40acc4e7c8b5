"""Celery as the engine: its app, which workers and senders share, and the task. It is loaded where the settings ask.

A message bears the number of a session and nothing else; that it is claimed once is the journal's work, so duplicates,
late messages and lost ones are harmless.
"""

from __future__ import annotations

import asyncio
import socket
from functools import cache
from typing import TYPE_CHECKING

from celery import Celery
from kombu import Queue

from importers import __version__
from importers.clock import boot_id
from importers.errors import ObmenError
from importers.settings import Settings
from importers.worker.broker import shown_to_celery, transport_of

if TYPE_CHECKING:
    from importers.sessions import Session

TASK = "obmen.work"
KEY_PREFIX = "obmen."
"""Of all that Celery keeps in Redis."""
VERSION, MACHINE = "obmen_version", "obmen_machine"
"""Under these names workers tell theirs within their configuration."""
SENDER_SECONDS = 1
"""A broker that does not answer for so long is down."""


def queues_of(settings: Settings) -> tuple[str, str]:
    """That of sessions whose source every host sees, and that of those whose source is on this host alone."""
    return settings.worker.queue, queue_on(settings, socket.gethostname())


def queue_of(session: Session, settings: Settings) -> str:
    return queue_on(settings, session.source_host) if session.source_host else settings.worker.queue


def queue_on(settings: Settings, host: str) -> str:
    return f"{settings.worker.queue}@{host}"


def make_app(settings: Settings) -> Celery:
    """The app of workers, which do what these settings say."""
    app = _configured(settings.redis.url, settings.worker.queue)
    app.conf[VERSION], app.conf[MACHINE] = __version__, boot_id()
    app.conf.task_queues = [Queue(name) for name in queues_of(settings)]

    @app.task(name=TASK, ignore_result=True)
    def work_one(session_id: int) -> None:
        from celery.utils.log import get_task_logger

        from importers import texts
        from importers.worker.reader_process import fork_reader
        from importers.worker.run import work

        texts.use(settings.language)
        reader = fork_reader()
        try:
            asyncio.run(work(session_id, settings, reader))
        except (
            ObmenError
        ) as error:  # no bug: one line will do, and whoever looks after sessions knows what to do
            get_task_logger(__name__).error("session %s: %s", session_id, error)
        finally:
            if reader:
                reader.close()

    return app


@cache
def make_sender(redis: str, queue: str, seconds: float = SENDER_SECONDS) -> Celery:
    """The app of those who launch, and of those who ask workers, by the address of Redis and the name of the queue: a
    broker that is down, or hangs for so many `seconds`, must not keep them waiting."""
    app = _configured(redis, queue)
    app.conf.broker_transport_options |= {
        "max_retries": 0,
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
    }
    return app


def _configured(redis: str, queue: str) -> Celery:
    """All that obmen's guarantees need of Celery."""
    app = Celery("obmen", broker=shown_to_celery(redis), set_as_current=False)
    app.conf.update(
        broker_transport=transport_of(redis),
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"global_keyprefix": KEY_PREFIX, "visibility_timeout": 24 * 3600},
        task_serializer="json",
        accept_content=["json"],
        task_default_queue=queue,
        task_ignore_result=True,
        # The message goes when the task begins: whether a session runs, and whether again, is the journal's to say.
        task_acks_late=False,
        # None is taken that could not begin: it would wait behind a long import while another worker idles.
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_max_tasks_per_child=1,
        worker_pool="importers.worker.celery_pool:PromptTaskPool",
        worker_consumer="importers.worker.celery_pool:QuietConsumer",
        worker_concurrency=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
    )
    return app
