"""`python -m importers.worker.reaping PID`: looks after the sessions of the settings in its environment for as long as
the process PID lives, which started it."""

from __future__ import annotations

import asyncio
import sys

from importers import settings, texts
from importers.errors import ObmenError
from importers.logs import log_to
from importers.processes import die_with, leave_signals_to_parent
from importers.sessions import open_journal
from importers.worker.reaper import reap

REAP_SECONDS = 5.0


async def keep_reaping(config: settings.Settings) -> None:
    """What keeps it from looking, be it a bug, is logged once for as long as it lasts."""
    said = ""
    while True:
        try:
            await _reap_once(config)
            said = ""
        except Exception as error:  # noqa: BLE001 (the next time may be better)
            why = f"{type(error).__name__}: {error}"
            if why != said:
                said = why
                bug = None if isinstance(error, ObmenError) else error
                log_to(config.log.path).warning("looking after sessions: %s", error, exc_info=bug)
        await asyncio.sleep(REAP_SECONDS)


async def _reap_once(config: settings.Settings) -> None:
    journal = await open_journal(config.journal.url)
    try:
        await reap(journal, config)
    finally:
        await journal.close()


def main() -> None:
    leave_signals_to_parent()
    die_with(int(sys.argv[1]))
    config = settings.from_env()
    texts.use(config.language)
    asyncio.run(keep_reaping(config))


if __name__ == "__main__":
    main()
