"""Sending a session to a worker, once: a compare-and-set on its row comes first (guarantee 5)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from importers.errors import SettingsError
from importers.events import Log
from importers.processes import process_of, this_process
from importers.sessions.models import Status
from importers.sharing import make_file
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.sessions import Journal, Session
    from importers.settings import Settings

NOT_STARTED = N_("No worker could be started: {error}")

_children: list[subprocess.Popen[bytes]] = []
"""Workers that this process started: asked now and then, so that none stays a zombie."""


def require_engine(settings: Settings) -> None:
    """Raises SettingsError when sessions could not be sent: better before there is one."""
    if settings.worker.engine != "process":
        raise SettingsError(_('worker.engine = "celery" is not available yet; set it to "process"'))


async def dispatch(session: Session, settings: Settings, journal: Journal) -> bool:
    """Start a worker for the session unless somebody else has; whether this call did.

    A session whose worker cannot be started ends as failed at once, with the reason, and blocks nobody.
    """
    number = await journal.mark_dispatched(session.id, this_process())
    if number is None:
        return False
    try:
        pid = _start_process(session.id, settings)
    except Exception as error:  # noqa: BLE001 (whatever it is, the session must not wait for a worker that never comes)
        args = {"error": f"{type(error).__name__}: {error}" if not isinstance(error, OSError) else str(error)}
        line = Log("error", NOT_STARTED, dict(args))
        await journal.finish(session.id, session.fence, Status.FAILED, {}, NOT_STARTED, args, line)
        return False
    await journal.dispatched_to(session.id, number, process_of(pid))
    return True


def _log_of_process(path: Path) -> BinaryIO:
    """Where a worker's last words go. A log that cannot be written stops no import."""
    try:
        make_file(path)
        return path.open("ab")
    except OSError:
        return Path(os.devnull).open("ab")


def _start_process(session_id: int, settings: Settings) -> int:
    """A process in an OS session of its own: no closed terminal and no killed control room reaches it (guarantee 6)."""
    _children[:] = [child for child in _children if child.poll() is None]
    with _log_of_process(Path(settings.log.path)) as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "importers.worker", str(session_id)],
            env={**os.environ, **settings.to_env()},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _children.append(child)
    return child.pid
