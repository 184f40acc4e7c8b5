"""How fast a journal of many sessions answers what a table of them asks: `PYTHONPATH=.:tests python -m bench.finding
1000000`, or with the address of a PostgreSQL database behind the number."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator

from support.many_sessions import OPERATORS, fill

from importers.sessions import By, Journal, Order, Place, SessionFilter, Status, Word, open_journal

ROWS = 50
TIMES = 5


def questions(journal: Journal, count: int) -> Iterator[tuple[str, Callable[[], Awaitable[object]]]]:
    middle, longest = Place(count // 2, count // 2), Order(By.DURATION)
    rare = SessionFilter(operator=OPERATORS[-1])
    failed = SessionFilter(frozenset((Status.FAILED,)))
    day = SessionFilter(since="2020-01-20", until="2020-01-21")
    word = SessionFilter(words=(Word("no such word"),))
    yield "newest page", lambda: journal.find(limit=ROWS)
    yield "page behind the middle", lambda: journal.find(after=middle, limit=ROWS)
    yield "page around the middle", lambda: journal.around(middle.id, limit=ROWS)
    yield "longest", lambda: journal.find(order=longest, limit=ROWS)
    yield "failed, longest", lambda: journal.find(failed, longest, limit=ROWS)
    yield "an operator of one in 10,000", lambda: journal.find(rare, limit=ROWS)
    yield "the same, longest", lambda: journal.find(rare, longest, limit=ROWS)
    yield "a day, longest", lambda: journal.find(day, longest, limit=ROWS)
    yield "how many in all", journal.count
    yield "how many failed", lambda: journal.count(failed)
    yield "how many in front of the middle", lambda: journal.count(before=middle)
    yield "a word: one search", lambda: journal.find(word, limit=ROWS)
    yield "a word: all of it", lambda: journal.sessions(word)


async def main(count: int, url: str) -> None:
    journal = await open_journal(url)
    try:
        if not await journal.count():
            await fill(journal.database, count)
        for name, ask in questions(journal, count):
            taken = []
            for _time in range(TIMES):
                start = time.perf_counter()
                await ask()
                taken.append((time.perf_counter() - start) * 1000)
            print(f"{name:35} {statistics.median(taken):9.1f} ms")
    finally:
        await journal.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        place = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder}/journal.sqlite3"
        asyncio.run(main(int(sys.argv[1]), place))
