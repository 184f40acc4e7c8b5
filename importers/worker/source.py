"""Where a worker finds the source of its session: at the path of the launch, or in the journal, if it was sent along.

A folder that only one host sees is read there alone, as the claim sees to it. What all hosts should see is compared
first, by its fingerprint: this one may see another folder at that path, or an older state of it. A local folder is not
compared: it is that of the launch, and what 1C has written there meanwhile is imported like anything else.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from importers.errors import ObmenError, SourceError
from importers.events import Log
from importers.fingerprint import difference, fingerprint
from importers.texts import N_, Message

if TYPE_CHECKING:
    from importers.sessions import Journal, Session

SETTLE_SECONDS = 30.0
"""So long another host may remember what a shared folder held before (NFS: acdirmin)."""
LOOK_SECONDS = 1.0
Tell = Callable[[Log], Awaitable[None]]


@asynccontextmanager
async def source_of(
    session: Session, journal: Journal, tell: Tell, check: Callable[[], None]
) -> AsyncIterator[str]:
    """Where it is now; errors name it as the launch did. `check` is called while one waits, and may raise. Raises
    SourceError where something else is there, ObmenError where what was sent along is gone."""
    if session.upload is None:
        if session.source_host is None and session.source_print:
            await _require_same(session, tell, check)
        yield session.source
        return
    from importers.sessions.uploads import Uploads
    from importers.upload import received

    uploads = Uploads(journal.database)
    async with received(uploads, session.upload, session.source, check) as (path, size):
        text = N_("The source was sent along from {host}: {size} kB packed")
        await tell(Log("info", text, {"host": session.host, "size": -(-size // 1000)}))
        try:
            yield str(path)
        except ObmenError as error:
            error.message = _named(error.message, str(path), session.source)
            raise


def _named(message: Message, place: str, source: str) -> Message:
    return Message(message.text, {name: arg.replace(place, source) for name, arg in message.args.items()})


async def _require_same(session: Session, tell: Tell, check: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    host = socket.gethostname()
    end = loop.time() + (SETTLE_SECONDS if host != session.host else 0)
    told = False
    while True:
        here = await asyncio.to_thread(_fingerprint_here, session.source)
        differs = difference(session.source_print, here)
        if differs is None:
            return
        if loop.time() >= end or here == fingerprint({}):
            raise SourceError(
                N_(
                    "{source} on {here} is not what {operator} launched on {host}: {why}. Wait until 1C has finished "
                    "writing and launch again; if only {host} sees this folder, set source.shared = false there, or "
                    "send it along: --upload"
                ),
                source=session.source,
                here=host,
                operator=session.operator,
                host=session.host,
                why=differs,
            )
        if not told:
            text = N_("{source} does not look as on {host} yet: {why}; looking again for {seconds} s")
            args = {"source": session.source, "host": session.host, "seconds": str(round(end - loop.time()))}
            message = Message.of(text, **args, why=differs)
            await tell(Log.of("warning", message))
            told = True
        check()
        await asyncio.sleep(LOOK_SECONDS)


def _fingerprint_here(source: str) -> str:
    from importers.commerceml.scan import identities_in

    try:
        identities = identities_in(Path(source))
    except (FileNotFoundError, NotADirectoryError):
        identities = {}
    except OSError as error:
        raise SourceError(
            N_("{path}: cannot be read: {error}"), path=error.filename or source, error=error.strerror
        ) from error
    return fingerprint(identities)
