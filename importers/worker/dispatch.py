"""Sending a session to a worker, once: a compare-and-set on its row comes first (guarantee 5)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from importers.errors import DatabaseError, SettingsError
from importers.texts import _

if TYPE_CHECKING:
    from importers.sessions import Journal, Session
    from importers.settings import Settings

_children: list[subprocess.Popen[bytes]] = []
"""Workers that this process started: asked now and then, so that none stays a zombie."""


async def dispatch(session: Session, settings: Settings, journal: Journal) -> bool:
    """Start a worker for the session unless somebody else has; whether this call did. Raises ObmenError."""
    if not await journal.mark_dispatched(session.id):
        return False
    if settings.worker.engine == "celery":
        raise SettingsError(_('worker.engine = "celery" is not available yet; set it to "process"'))
    _start_process(session.id, settings)
    return True


def _start_process(session_id: int, settings: Settings) -> None:
    """A process in an OS session of its own: no closed terminal and no killed control room reaches it (guarantee 6)."""
    _children[:] = [child for child in _children if child.poll() is None]
    log = Path(settings.log.path)
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("ab") as output:
            _children.append(
                subprocess.Popen(
                    [sys.executable, "-m", "importers.worker", str(session_id)],
                    env={**os.environ, **settings.to_env()},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )
    except OSError as error:
        raise DatabaseError(
            _("no worker could be started: {error}; session {id} waits for one").format(
                error=error, id=session_id
            )
        ) from error
