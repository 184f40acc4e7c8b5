"""obmen as another Unix account: `as_account.py UID GID SCRATCH`, then a command a line on stdin, JSON on stdout.

The account may be unable to read this Python, so everything is imported, by an import into SCRATCH, before root is
given up for good. No session is given a process: the test says when the worker comes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
from support.dispatchers import RecordingDispatcher
from support.engine_stage import make_settings, write_export

from importers import settings
from importers.launch import launch, new_request
from importers.processes import account
from importers.sessions import Journal, Session, open_journal
from importers.worker.reaper import reap
from importers.worker.run import work


async def obey(command: str, config: settings.Settings, journal: Journal) -> Any:
    match command.split():
        case ["launch"]:
            request = new_request(config, ("customers",))
            result = await launch(request, config, journal, dispatcher=RecordingDispatcher(config))
            return [result.outcome, result.session and result.session.id, str(result.reason)]
        case ["work", number]:
            return await work(int(number), config)
        case ["cancel", number]:
            return told(await journal.cancel(int(number), account()))
        case ["delete", number]:
            return await journal.delete([int(number)])
        case ["sessions"]:
            return [told(session) for session in await journal.sessions()]
        case ["reap"]:
            return await reap(journal, config, dispatcher=RecordingDispatcher(config))
        case _:
            raise ValueError(command)


def told(session: Session) -> list[object]:
    return [session.id, session.operator, session.status]


async def warm_up(scratch: Path) -> None:
    write_export(scratch / "export")
    config = make_settings(scratch)
    journal = await open_journal(config.journal.url)
    for command in ("launch", "work 1", "sessions", "cancel 1", "reap"):
        await obey(command, config, journal)
    await journal.close()


async def serve(config: settings.Settings) -> None:
    journal = None
    for line in sys.stdin:
        try:
            journal = journal or await open_journal(config.journal.url)
            answer = await obey(line, config, journal)
        except Exception as error:  # noqa: BLE001 (the test shall see it)
            answer = f"{type(error).__name__}: {error}"
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
        sys.stdout.flush()
    if journal:
        await journal.close()


def main() -> None:
    uid, gid, scratch = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    os.umask(0o077)
    config = settings.load()
    asyncio.run(warm_up(scratch))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    asyncio.run(serve(config))


if __name__ == "__main__":
    main()
