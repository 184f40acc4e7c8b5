"""A worker that does nothing but tell: `python -m bench.writer JOURNAL SESSION LINES PER_SECOND` writes log lines of a
claimed session as every worker does, and prints how many seconds and how much CPU that took."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any, cast

from importers.events import Log
from importers.sessions import Journal, open_journal
from importers.worker.run import FLUSH_EVENTS, _Run

TEXT = "{kind}: {id}: changed from {old} to {new}"


class NoHeartbeat:
    def check(self) -> None:
        """Nobody cancels."""


def told(number: int) -> dict[str, str | int]:
    """Hardly a character like the one before: the screen has to paint whole rows."""
    mixed = number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)
    return {"kind": "prices", "id": f"{mixed:032x}", "old": mixed % 999_983, "new": mixed % 999_979}


async def tell(journal: Journal, session_id: int, lines: int, per_second: float) -> None:
    """Write so many lines, and at most so many a second (0: as many as can be)."""
    nothing = cast("Any", None)
    session = await journal.session(session_id)
    worker = _Run(session, nothing, nothing, journal, cast("Any", NoHeartbeat()))
    began = time.monotonic()
    for number in range(1, lines + 1):
        await worker._observe(Log("info", TEXT, told(number)))
        if per_second and number % (FLUSH_EVENTS // 10) == 0:
            ahead = began + number / per_second - time.monotonic()
            await asyncio.sleep(max(0.0, ahead))
    await worker._flush()


async def main(url: str, session_id: int, lines: int, per_second: float) -> None:
    journal = await open_journal(url)
    try:
        began, worked = time.perf_counter(), time.process_time()
        await tell(journal, session_id, lines, per_second)
        print(time.perf_counter() - began, time.process_time() - worked)
    finally:
        await journal.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
