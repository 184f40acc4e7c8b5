"""The control room while a session's log grows: keys, bytes and memory; and whether every line is there in the end.

`python -m bench.streaming SECONDS` watches for so long whether memory stays flat."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from uuid import uuid4

from bench.measure import environment, p95
from bench.ratios import Ratio
from bench.room import ROOM, start
from bench.writer import line
from importers.events import Options
from importers.processes import this_process
from importers.sample import EXPORT
from importers.sessions import Journal, Status, open_journal
from importers.sessions.models import NewSession
from tests.support.terminal import FRAME_END, Terminal

CALM, FAST = 10_000, 100_000
"""Lines a second."""
KEY_MS, SLOW_KEY_MS, SLOW_LINE = 30, 100, 256_000
FRAME_BYTES, SECOND_BYTES, MEMORY_MB = 2200, 35_000, 60
MARKED = "1 marked"
"""What the key that is pressed while the log grows makes come and go, in the top line."""


class Held:
    """A session that this process has claimed."""

    def __init__(self, journal: Journal, session_id: int, fence: int) -> None:
        self.journal, self.id, self.fence = journal, session_id, fence

    async def go_on(self, percent: int) -> None:
        await self.journal.write(
            self.id, self.fence, [], [], done=10 * percent, total=1000, running_kind="prices", by_kind={}
        )

    async def end(self) -> None:
        await self.journal.finish(self.id, self.fence, Status.CANCELLED, {})

    async def lines(self) -> int:
        ((count,),) = await self.journal.database.fetch(
            "SELECT count(*) FROM event WHERE session_id = ?1 AND type = 'log'", self.id
        )
        return int(count)


async def claimed(journal: Journal) -> Held:
    key = uuid4().hex
    new = NewSession(key[:8], key, key, key, ("prices",), "/srv/1c", Options(), key, "bench", "bench")
    _outcome, session = await journal.create(new, 0, [])
    mine = await journal.claim(session.id, key, this_process(), 100_000)
    assert mine
    return Held(journal, mine.id, mine.fence)


class Writer:
    """`writer.py` as a process; the terminal is read on while it writes."""

    def __init__(self, url: str, session_id: int, lines: int, per_second: int) -> None:
        command = [sys.executable, "-m", "bench.writer", url, str(session_id), str(lines), str(per_second)]
        self.process = Popen(command, stdout=PIPE, text=True)
        self.last = str(line(lines - 1)["id"])
        """What the last line has in it."""

    def watched(self, terminal: Terminal) -> tuple[float, float]:
        """Seconds that it took, and those of CPU."""
        while self.process.poll() is None:
            terminal.watch(0.1)
        assert self.process.stdout
        wall, cpu = map(float, self.process.stdout.read().split())
        return wall, cpu


@contextmanager
def following(env: Mapping[str, str], **options: int) -> Iterator[Terminal]:
    """A room whose list holds nothing but the session that runs, and so shows its log."""
    with start(ROOM, env, **options) as terminal:
        terminal.wait_for("running", 60)
        terminal.press("f")
        terminal.wait_for("Filter:", 30)
        terminal.press("running\r")
        terminal.wait_for("1 of ", 30)
        terminal.watch(1)
        yield terminal


def keys_while(terminal: Terminal, keys: int) -> float:
    """Seconds from a key to its paint, the 95th percentile, while other things are painted all the time."""
    pressed = []
    for _key in range(keys):
        pressed.append(terminal.now())
        terminal.press(" ")
        terminal.watch(0.25)
    terminal.watch(2)
    tops = [(at, MARKED in screen.display[0]) for at, screen in terminal.replayed()]
    taken = []
    for count, moment in enumerate(pressed):
        taken.append(
            next(at for at, marked in tops if at > moment and marked is not bool(count % 2)) - moment
        )
    return p95(taken)


def frame_sizes(data: bytes) -> list[int]:
    return [len(frame) + len(FRAME_END) for frame in data.split(FRAME_END)[1:-1]]


async def streaming(
    env: Mapping[str, str], seconds: float = 8, keys: int = 60, many: int = 1_000_000
) -> list[Ratio]:
    """A log of many lines, the last of which come calmly for so many seconds; `many` in all."""
    url = env["OBMEN_JOURNAL__URL"]
    journal = await open_journal(url)
    found: list[Ratio] = []
    try:
        session = await claimed(journal)
        await asyncio.to_thread(_streaming, env, url, session.id, seconds, keys, many, found)
        lost = many - await session.lines()
        found.append(Ratio(f"of {many} log lines lost", lost, 1, 0, "", noise=1))
        await session.end()
    finally:
        await journal.close()
    return found


def _streaming(
    env: Mapping[str, str],
    url: str,
    session_id: int,
    seconds: float,
    keys: int,
    many: int,
    found: list[Ratio],
) -> None:
    calm = int(CALM * (seconds + keys * 0.25 + 4))
    with following(env) as terminal:
        writer = Writer(url, session_id, calm, CALM)
        terminal.watch(2)
        data = terminal.watch(seconds)
        took = keys_while(terminal, keys) * 1000
        writer.watched(terminal)
        early = terminal.memory_mb()
        frame = p95(frame_sizes(data))
        what = f"while a log takes {CALM} lines/s"
        found += [
            Ratio(f"key to paint, p95, {what}, over {KEY_MS} ms", took, KEY_MS, 1, "ms", noise=1.5),
            Ratio(f"a frame {what}, over {FRAME_BYTES} bytes", frame, FRAME_BYTES, 1, "B"),
            Ratio(f"a second {what}, over {SECOND_BYTES} bytes", len(data) / seconds, SECOND_BYTES, 1, "B"),
        ]
        fast = min(3 * FAST, many // 4)
        took = [seconds * FAST / fast for seconds in Writer(url, session_id, fast, 0).watched(terminal)]
        found += [
            Ratio(f"{FAST} log lines stored, {how} over 1 s", seconds, 1, 1, "s", noise=1.5)
            for how, seconds in zip(("time", "CPU of the worker"), took, strict=True)
        ]
        Writer(url, session_id, many - 2 * calm - fast, 0).watched(terminal)
        late = terminal.memory_mb()
    with following(env, bits_per_second=SLOW_LINE) as terminal:
        writer = Writer(url, session_id, calm, CALM)
        terminal.watch(2)
        took = keys_while(terminal, keys) * 1000
        terminal.bits_per_second = 0
        writer.watched(terminal)
        what = f"on a line of {SLOW_LINE // 1000} kbit/s"
        found.append(Ratio(f"the same {what}, over {SLOW_KEY_MS} ms", took, SLOW_KEY_MS, 1, "ms", noise=1.5))
        terminal.wait_for(writer.last, 60)
        most = max(late, terminal.memory_mb())
    found += [
        Ratio(f"memory with {many} log lines, over {MEMORY_MB} MB", most, MEMORY_MB, 1, "MB"),
        Ratio(f"the same over that with the first {calm} of them", late, early, 1.1, "MB"),
    ]


def flat(seconds: int) -> None:
    """Print each minute what the room holds in memory while lines come calmly for so many seconds."""

    async def main(env: Mapping[str, str]) -> None:
        url = env["OBMEN_JOURNAL__URL"]
        journal = await open_journal(url)
        session = await claimed(journal)
        await asyncio.to_thread(watch, env, url, session.id)
        await journal.close()

    def watch(env: Mapping[str, str], url: str, session_id: int) -> None:
        with following(env) as terminal:
            writer = Writer(url, session_id, seconds * CALM, CALM)
            for minute in range(1, seconds // 60 + 1):
                terminal.watch(60)
                print(
                    f"{minute} min, {minute * 60 * CALM:,} lines: {terminal.memory_mb():.1f} MB", flush=True
                )
                terminal.pieces.clear()
            writer.watched(terminal)

    with tempfile.TemporaryDirectory(prefix="obmen-bench-") as folder:
        asyncio.run(main(environment(Path(folder), EXPORT)))


if __name__ == "__main__":
    flat(int(sys.argv[1]))
