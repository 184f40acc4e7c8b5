"""The detached process: a worker of one session, on the machine of whoever sends it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from importers.processes import WorkerProcess, process_of
from importers.sessions.rules import LOST_SECONDS
from importers.shared_files import make_file

if TYPE_CHECKING:
    from importers.sessions import ActiveSession, Session
    from importers.settings import Settings


ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": "1000000",
    "MALLOC_TRIM_THRESHOLD_": "4000000",
    "MALLOC_ARENA_MAX": "1",
}
"""The C library keeps the memory for pieces of files, which come by the thousand, instead of getting each anew; and all
threads share it, as each would keep megabytes for itself."""


class ProcessDispatcher:
    """Starts `python -m importers.worker ID`, with the settings in its environment."""

    lost_seconds = LOST_SECONDS
    _children: ClassVar[list[subprocess.Popen[bytes]]] = []
    """Workers that this process started: asked now and then, so that none stays a zombie."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self) -> None:
        """A process can always be tried."""

    def reaches(self, session: Session) -> bool:
        return session.source_host in (None, socket.gethostname())

    async def send(self, session: Session) -> WorkerProcess:
        """A process in an OS session of its own: no closed terminal and no killed control room reaches it (guarantee
        6). Raises OSError, ValueError."""
        self._children[:] = [child for child in self._children if child.poll() is None]
        with _log_of_process(Path(self._settings.log.path)) as output:
            child = subprocess.Popen(  # noqa: ASYNC220 (it starts, and no more)
                [sys.executable, "-m", "importers.worker", str(session.id)],
                env={**ALLOCATOR, **os.environ, **self._settings.to_env()},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._children.append(child)
        return process_of(child.pid)

    async def is_lost(self, active: ActiveSession) -> bool:
        return active.owner is not None and active.owner.is_dead()

    async def is_waiting(self, active: ActiveSession) -> bool:
        return False

    async def end(self, active: ActiveSession) -> None:
        if active.owner is not None:
            await asyncio.to_thread(active.owner.kill)


def _log_of_process(path: Path) -> BinaryIO:
    """Where a worker's last words go. A log that cannot be written stops no import."""
    try:
        make_file(path)
        return path.open("ab")
    except OSError:
        return Path(os.devnull).open("ab")
