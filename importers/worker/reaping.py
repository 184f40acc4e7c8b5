"""`python -m importers.worker.reaping PID`: looks after the sessions of the settings in its environment for as long as
the process PID lives, which started it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from importers import settings, texts
from importers.errors import ObmenError
from importers.logs import log_to
from importers.sessions import open_journal
from importers.worker.reaper import reap

REAP_SECONDS = 5.0


async def keep_reaping(config: settings.Settings, parent: int) -> None:
    """What keeps it from looking is logged once for as long as it lasts."""
    said = ""
    while os.getppid() == parent:
        try:
            journal = await open_journal(config.journal.url)
            try:
                await reap(journal, config)
            finally:
                await journal.close()
            said = ""
        except ObmenError as error:
            if str(error) != said:
                said = str(error)
                log_to(config.log.path).warning("%s", said)
        await asyncio.sleep(REAP_SECONDS)


def main() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that of a terminal is for the worker
    config = settings.from_env()
    texts.use(config.language)
    asyncio.run(keep_reaping(config, int(sys.argv[1])))


if __name__ == "__main__":
    main()
