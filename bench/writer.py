"""A worker that does nothing but tell: `python -m bench.writer JOURNAL SESSION LINES PER_SECOND` writes log lines of a
claimed session as every worker does, and prints how many seconds and how much CPU that took: from the first line that
is told until the last one is committed. What the lines say is made up before."""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import cycle
from typing import Any, cast

from importers.events import Log
from importers.sessions import Journal, open_journal
from importers.worker.run import _Run

TEXT = "{kind}: {id}: changed from {old} to {new}"
AT_ONCE = 200
"""So many lines are told at once, where they come calmly."""
MADE_UP = 9_973
"""So many lines are different ones; then they come again, to whoever looks at them once in a while in another order."""


class NoHeartbeat:
    def check(self) -> None:
        """Nobody cancels."""


def line(number: int) -> dict[str, str | int]:
    """What that line tells, from 0: hardly a character like the one before, so that whole rows have to be painted."""
    number = number % MADE_UP + 1
    mixed = number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)
    return {"kind": "prices", "id": f"{mixed:032x}", "old": mixed % 999_983, "new": mixed % 999_979}


async def tell(journal: Journal, session_id: int, lines: int, per_second: float) -> tuple[float, float]:
    """Write so many lines, and at most so many a second (0: as many as can be). Seconds that it took, and of CPU."""
    nothing = cast("Any", None)
    session = await journal.session(session_id)
    worker = _Run(session, nothing, nothing, journal, cast("Any", NoHeartbeat()))
    mixed = cycle([line(number) for number in range(min(lines, MADE_UP))])
    began, worked = time.perf_counter(), time.process_time()
    for number in range(1, lines + 1):
        await worker._observe(Log("info", TEXT, next(mixed)))
        if per_second and number % AT_ONCE == 0:
            ahead = began + number / per_second - time.perf_counter()
            await asyncio.sleep(max(0.0, ahead))
    await worker._flush()
    return time.perf_counter() - began, time.process_time() - worked


async def main(url: str, session_id: int, lines: int, per_second: float) -> None:
    journal = await open_journal(url)
    try:
        print(*await tell(journal, session_id, lines, per_second))
    finally:
        await journal.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
