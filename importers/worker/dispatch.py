"""Sending a session to a worker, once: a compare-and-set on its row comes first (guarantee 5)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from importers.errors import BrokerDown, BrokerRefuses, ObmenError
from importers.events import Log
from importers.processes import this_process
from importers.sessions.models import Status
from importers.texts import N_
from importers.worker.process import ProcessDispatcher

if TYPE_CHECKING:
    from importers.processes import WorkerProcess
    from importers.sessions import ActiveSession, Journal, Session
    from importers.settings import Settings

NOT_STARTED = N_("No worker could be started: {error}")
WAITING = N_("waiting for the broker: {error}")


class Dispatcher(Protocol):
    """How sessions reach their workers, and what can be known of these. It keeps no book: what was sent stands in the
    journal, so any dispatcher of the same settings, in any process, can answer for it.

    One contract for all (tests/contract/test_dispatcher.py).
    """

    lost_seconds: float
    """A session that was sent, does not wait, and is claimed by no worker for so long is sent again."""

    def check(self) -> None:
        """Raises SettingsError when sessions could not be sent: better before there is one. It asks nothing that could
        keep a launch waiting."""
        ...

    def reaches(self, session: Session) -> bool:
        """Whether what this sends can come to a worker that sees the session's source."""
        ...

    async def send(self, session: Session) -> WorkerProcess | None:
        """Start a worker for a session that `dispatch` has marked, or put it where one fetches it; does not wait for
        the worker. The process that was started, None where it is not known yet.

        Raises whatever kept it from being sent; a worker that comes all the same finds nothing to claim. Sent twice, a
        session is claimed once: both are the journal's work.
        """
        ...

    async def is_lost(self, active: ActiveSession) -> bool:
        """Whether the worker that holds the session or was to claim it is known to be gone; of a session whose worker
        nobody knows, whoever was to send it. False where it cannot be known: then time decides, the lease of a session
        that was claimed, `lost_seconds` of another."""
        ...

    async def is_waiting(self, active: ActiveSession) -> bool:
        """Whether what was sent still waits for a worker that is free: then nothing is lost, however long it takes.
        Raises BrokerDown where that cannot be asked."""
        ...

    async def end(self, active: ActiveSession) -> None:
        """End the worker of a session for good, also a frozen one, and wait until it is gone. Raises ObmenError when it
        should be ended from here and cannot.

        One of elsewhere, or one that may be something else by now, is left alone: the fence and the catalog's lock
        protect from it.
        """
        ...


def dispatcher_for(settings: Settings) -> Dispatcher:
    """By worker.engine. Raises nothing: whether it can send is what `check` says."""
    if settings.worker.engine == "process":
        return ProcessDispatcher(settings)
    from importers.worker.celery_dispatch import CeleryDispatcher

    return CeleryDispatcher(settings)


class OneLook:
    """A dispatcher for one look at all sessions: a broker that gave no answer for one of them is not asked for others,
    each of which would wait for it as long."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._down: BrokerDown | None = None
        self.lost_seconds = dispatcher.lost_seconds
        self.check = dispatcher.check
        self.reaches = dispatcher.reaches
        self.is_lost = dispatcher.is_lost
        self.end = dispatcher.end

    async def send(self, session: Session) -> WorkerProcess | None:
        with self._once():
            return await self._dispatcher.send(session)

    async def is_waiting(self, active: ActiveSession) -> bool:
        with self._once():
            return await self._dispatcher.is_waiting(active)

    @contextmanager
    def _once(self) -> Iterator[None]:
        if self._down:
            raise self._down
        try:
            yield
        except BrokerRefuses:  # it answers at once, and for another queue perhaps otherwise
            raise
        except BrokerDown as error:
            self._down = error
            raise


async def dispatch(session: Session, dispatcher: Dispatcher, journal: Journal) -> bool:
    """Send the session to a worker unless somebody else has; whether this call did.

    A session that cannot be sent ends as failed at once, with the reason, and blocks nobody; but one whose broker is
    down waits for it, and whoever reaps sends it then. One whose source another host has is left to those there.
    """
    if not dispatcher.reaches(session):
        return False
    number = await journal.mark_dispatched(session.id, this_process())
    if number is None:
        return False
    try:
        worker = await dispatcher.send(session)
    except BrokerDown as error:
        await journal.wait_for(session.id, number, ObmenError(WAITING, error=error).message)
        return False
    except Exception as error:  # noqa: BLE001 (whatever it is, the session must not wait for a worker that never comes)
        reason = error if isinstance(error, (OSError, ObmenError)) else f"{type(error).__name__}: {error}"
        why = ObmenError(NOT_STARTED, error=reason).message
        await journal.finish(session.id, session.fence, Status.FAILED, {}, why, Log.of("error", why))
        return False
    if worker is not None:
        await journal.dispatched_to(session.id, number, worker)
    return True
