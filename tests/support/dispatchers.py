"""Dispatchers that a test gives to `launch` and `reap` in place of the one of its settings."""

from __future__ import annotations

from importers.processes import WorkerProcess, this_process
from importers.sessions import Session
from importers.sessions.rules import LOST_SECONDS
from importers.settings import Settings
from importers.worker.process import ProcessDispatcher


class RecordingDispatcher(ProcessDispatcher):
    """Starts no process, but notes the session; its worker seems to be this process."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.sent: list[int] = []

    async def send(self, session: Session) -> WorkerProcess:
        self.sent.append(session.id)
        return this_process()


class FailingDispatcher(ProcessDispatcher):
    """Cannot start a worker."""

    def __init__(self, settings: Settings, error: Exception) -> None:
        super().__init__(settings)
        self._error = error

    async def send(self, session: Session) -> WorkerProcess:
        raise self._error


class SendsAnywhere:
    """What a dispatcher says that can always send, wherever the source is."""

    lost_seconds = LOST_SECONDS

    def check(self) -> None:
        pass

    def reaches(self, session: Session) -> bool:
        return True
