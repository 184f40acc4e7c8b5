"""Celery: sessions go through a broker to whichever worker is free, on whatever host."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from importers.addresses import without_secrets
from importers.errors import (
    PLACE,
    BrokerDown,
    BrokerRefuses,
    ReadOnly,
    SettingsError,
    Unreachable,
    UsageError,
)
from importers.processes import WorkerProcess
from importers.sessions import await_journal
from importers.sessions.opening import require_writable
from importers.texts import N_, Message

if TYPE_CHECKING:
    from redis import Redis

    from importers.sessions import ActiveSession, Session
    from importers.settings import Settings

NEEDS_BROKER = N_('worker.engine = "celery" needs redis.url, its broker; set that, too')
NO_CELERY = N_('with worker.engine = "process" every session starts its own worker; set it to "celery"')
WAITS = N_("{error}; the worker waits for it")
IN_QUEUE = "queue"
"""In place of a host: what was sent waits for a worker, and nobody knows which one that will be."""


class CeleryDispatcher:
    """Sends the number of a session to the queue of those who see its source."""

    lost_seconds = 20.0
    """The broker knows what waits; a worker that has taken it claims it within a second, if nothing befalls it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self) -> None:
        if not self._settings.redis.url:
            raise SettingsError(NEEDS_BROKER)
        if find_spec("celery") is None:
            raise SettingsError(
                N_('worker.engine = "celery" needs another library: pip install "obmen[cluster]"')
            )

    def reaches(self, session: Session) -> bool:
        return True

    async def send(self, session: Session) -> WorkerProcess:
        """Raises BrokerDown."""
        await asyncio.to_thread(self._send, session)
        return WorkerProcess(IN_QUEUE, 0, "", "")

    async def is_lost(self, active: ActiveSession) -> bool:
        return active.owner is not None and active.owner.is_dead()

    async def is_waiting(self, active: ActiveSession) -> bool:
        """A broker that cannot be asked has lost nothing yet. Raises BrokerDown."""
        return await asyncio.to_thread(self._is_waiting, active.session)

    async def end(self, active: ActiveSession) -> None:
        if active.owner is not None:
            await asyncio.to_thread(active.owner.kill)

    def _send(self, session: Session) -> None:
        from importers.worker.celery_engine import TASK, make_sender, queue_of

        url = self._settings.redis.url
        app = make_sender(url, self._settings.worker.queue)
        with plainly(url), app.connection_for_write() as connection:
            app.send_task(
                TASK,
                args=(session.id,),
                queue=queue_of(session, self._settings),
                task_id=session.task_id,
                connection=connection,
                retry=False,
            )

    def _is_waiting(self, session: Session) -> bool:
        from importers.worker.celery_engine import KEY_PREFIX, queue_of

        with broker(self._settings) as redis:
            waiting = redis.lrange(f"{KEY_PREFIX}{queue_of(session, self._settings)}", 0, -1)
        return any(session.task_id.encode() in message for message in waiting)


async def require_usable(settings: Settings) -> None:
    """What a worker needs: one that cannot open the journal, or may not write it, would take other workers' messages,
    and lose them. For a server that is away one waits, as Celery does for the broker. Raises UsageError, SettingsError,
    DatabaseError, BrokerRefuses."""
    if settings.read_only:
        raise ReadOnly
    if settings.worker.engine != "celery":
        raise UsageError(NO_CELERY)
    CeleryDispatcher(settings).check()
    await (await await_journal(settings.journal.url, trouble=_say_that_it_waits)).close()
    await require_writable(settings.journal.url)
    await asyncio.to_thread(require_account, settings)


def _say_that_it_waits(error: Unreachable) -> None:
    sys.stderr.write(f"{Message.of(WAITS, error=error.message)}\n")


@contextmanager
def broker(settings: Settings) -> Iterator[Redis]:
    """The broker itself, past Celery. It is tried once, without a pause. Raises BrokerDown."""
    from redis import Redis

    from importers.worker.celery_engine import SENDER_SECONDS

    with (
        plainly(settings.redis.url),
        Redis.from_url(
            settings.redis.url,
            socket_timeout=SENDER_SECONDS,
            socket_connect_timeout=SENDER_SECONDS,
        ) as redis,
    ):
        yield redis


def require_broker(settings: Settings) -> None:
    """Raises BrokerDown unless it answers, and knows this account."""
    with broker(settings) as redis:
        redis.ping()


def require_account(settings: Settings) -> None:
    """Raises BrokerRefuses: a worker would try for ever, as it does where the broker is down."""
    try:
        require_broker(settings)
    except BrokerRefuses:
        raise
    except BrokerDown:
        pass  # it may come up at any time


@contextmanager
def plainly(url: str) -> Iterator[None]:
    """Raises BrokerDown in place of all that Celery and redis-py say of a broker."""
    from kombu.exceptions import OperationalError
    from redis.exceptions import RedisError

    from importers.redis_errors import refusal, why_not

    place = without_secrets(url)
    try:
        yield
    except (OperationalError, RedisError, OSError) as error:
        if why := refusal(error):
            raise BrokerRefuses(PLACE, path=place, why=why) from error
        raise BrokerDown(
            N_("{url}: the broker does not answer: {error}"),
            url=place,
            error=why_not(url, error) or type(error).__name__,
        ) from error
