"""The process that reads beside a worker, in real processes: it is there only where it helps, and never outlives
anything."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.engine_stage import Stage, no_processes, staged

from importers.processes import start_of
from importers.sample import EXPORT
from importers.sessions import Session, Status
from importers.worker import reader_process
from tests.commerceml.exports import PRODUCT, goods, xml

SCRIPT = Path(__file__).with_name("stopped_reader.py")
TWO_CORES = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")
KINDS = ("catalog", "stocks", "prices", "customers")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Sessions are begun by the tests; the export is the sample."""
    async with staged(tmp_path, source={"path": str(EXPORT)}) as made:
        no_processes(made)
        yield made


class Worker:
    """See `stopped_reader.py`."""

    def __init__(self, stage: Stage, session: int, point: str, *, core: int | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, SCRIPT, str(session), point],
            env={**os.environ, **stage.settings.to_env()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
        )
        told = self.line().split()
        self.reader = int(told[1]) if told[0] == "forked" else 0

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def go_on(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n" * 1000)
        self.process.stdin.flush()

    async def end(self) -> int:
        try:
            return await asyncio.wait_for(asyncio.to_thread(self.process.wait), 30)
        finally:
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe:
                    pipe.close()


async def launched(stage: Stage, *kinds: str) -> Session:
    result = await stage.launch(*(kinds or KINDS))
    assert result.session
    return result.session


async def gone(pid: int) -> None:
    """Not there, or waits to be reaped by whoever adopted it."""
    async with asyncio.timeout(10):
        while pid and start_of(pid):  # noqa: ASYNC110 (another process's end)
            await asyncio.sleep(0.005)


async def counts_of(folder: Path, point: str, **rest: int) -> tuple[Session, str, list[str]]:
    """Of an import in a folder of its own: the session, what was logged, and its lines."""
    async with staged(folder, source={"path": str(EXPORT)}) as stage:
        no_processes(stage)
        session = await launched(stage)
        worker = Worker(stage, session.id, point, **rest)
        assert bool(worker.reader) == (not rest)
        assert await worker.end() == 0
        lines = [
            line.message
            for line in await stage.journal.events(session.id)
            if "seconds" not in line.args and line.type != "received"
        ]
        ended = await stage.journal.session(session.id)
        await gone(worker.reader)
        return ended, stage.log(), lines


@TWO_CORES
async def test_two_processes_tell_what_one_tells(tmp_path: Path) -> None:
    alone, _log, lines_alone = await counts_of(tmp_path / "one", "none", core=min(os.sched_getaffinity(0)))
    beside, _log, lines_beside = await counts_of(tmp_path / "two", "none")
    assert beside.by_kind == alone.by_kind
    assert lines_beside == lines_alone


@TWO_CORES
async def test_a_bug_of_this_way_is_logged_and_the_worker_reads_alone(tmp_path: Path) -> None:
    session, log, _lines = await counts_of(tmp_path / "one", "bug")
    assert session.status is Status.COMPLETED
    assert "ZeroDivisionError: by design" in log


@TWO_CORES
@pytest.mark.parametrize("bad", [(1,), (4,), (2, 3), (1, 4)])
async def test_the_first_bad_file_is_told(tmp_path: Path, bad: tuple[int, ...]) -> None:
    """In whichever half, and no traceback of it."""
    async with staged(tmp_path, source={"path": str(tmp_path / "1c")}) as stage:
        no_processes(stage)
        (tmp_path / "1c").mkdir()
        for number in range(1, 5):
            body = goods(PRODUCT.format(number)) + "<" * (number in bad)
            (tmp_path / "1c" / f"import0_{number}.xml").write_text(xml(body), encoding="utf-8")
        session = await launched(stage, "catalog")
        assert await Worker(stage, session.id, "none").end() == 1
        ended = await stage.journal.session(session.id)
        assert str(ended.error).startswith(f"import0_{bad[0]}.xml:2: not well-formed XML")
        assert "Traceback" not in stage.log()


@TWO_CORES
async def test_it_dies_with_the_worker_in_the_middle_of_reading(stage: Stage) -> None:
    session = await launched(stage)
    worker = Worker(stage, session.id, "read")
    assert worker.line() == "at read"
    worker.process.kill()
    await gone(worker.reader)
    assert stage.customers() == {}
    assert await worker.end() == -signal.SIGKILL


@TWO_CORES
async def test_it_ends_with_a_worker_that_has_nothing_to_claim(stage: Stage) -> None:
    worker = Worker(stage, 99, "none")
    assert await worker.end() == 0
    await gone(worker.reader)


SIGNALLED = """
import os, signal
from pathlib import Path
from importers.worker import reader_process
numbers = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
wanted = sum(1 << number - 1 for number in numbers)
reader = reader_process.fork_reader()
while True:
    status = Path(f"/proc/{reader.pid}/status").read_text(encoding="ascii")
    if int(status.partition("SigIgn:")[2].split()[0], 16) & wanted == wanted:
        break
for number in numbers:
    os.kill(reader.pid, number)
print(reader.close())
"""


@TWO_CORES
def test_signals_to_all_processes_are_for_the_worker() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.stdout.strip() == str(-signal.SIGKILL), ("until then it was there", done.stderr)


@TWO_CORES
def test_it_ends_with_a_worker_that_is_killed_before_it_has_a_task() -> None:
    program = (
        "from importers.worker import reader_process as r; it = r.fork_reader(); print(it.pid, flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", f"{program}; input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout
        reader = int(worker.stdout.readline())
        assert start_of(reader)
        worker.kill()
    asyncio.run(gone(reader))


@TWO_CORES
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_its_death_fails_the_session_plainly(stage: Stage, number: signal.Signals) -> None:
    session = await launched(stage)
    worker = Worker(stage, session.id, "read")
    assert worker.line() == "at read"
    os.kill(worker.reader, number)
    assert await worker.end() == 1
    ended = await stage.journal.session(session.id)
    assert ended.status is Status.FAILED
    assert str(ended.error) == (
        f"The process that reads beside the worker died ({number.name}), perhaps for lack of memory; nothing is "
        "changed. Start the import again"
    )
    assert stage.customers() == {}


@TWO_CORES
async def test_a_cancel_ends_both_while_one_waits_for_the_other(stage: Stage) -> None:
    session = await launched(stage)
    worker = Worker(stage, session.id, "read")
    assert worker.line() == "at read"
    assert start_of(worker.reader)
    await stage.journal.cancel(session.id, "anna")
    assert await worker.end() == 1
    assert (await stage.journal.session(session.id)).status is Status.CANCELLED
    await gone(worker.reader)


@TWO_CORES
async def test_the_lease_is_renewed_and_progress_told_while_it_waits(stage: Stage) -> None:
    session = await launched(stage, "catalog")
    worker = Worker(stage, session.id, "read")
    assert worker.line() == "at read"
    watch = stage.journal.watch()
    target = session.target
    (before,) = await stage.journal.active_sessions(target)
    async with asyncio.timeout(20):
        while (
            (now := (await stage.journal.active_sessions(target))[0]).session.done == before.session.done == 0
        ):
            while not await watch.changed():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert not now.lease_over
    worker.go_on()
    assert await worker.end() == 0


async def test_with_one_core_there_is_none(stage: Stage) -> None:
    session = await launched(stage)
    worker = Worker(stage, session.id, "none", core=min(os.sched_getaffinity(0)))
    assert worker.reader == 0
    assert await worker.end() == 0
    assert (await stage.journal.session(session.id)).status is Status.COMPLETED


@pytest.mark.parametrize(
    ("limit", "cores"),
    [
        ("max 100000", math.inf),
        ("200000 100000", 2),
        ("100000 100000", 1),
        ("50000 100000", 0.5),
        ("", math.inf),
    ],
)
def test_a_control_group_of_one_core_has_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, cores: float
) -> None:
    """As a container of one core, which sees all cores of its host."""
    (tmp_path / "cgroup").write_text("1:cpu:/\n0::/shop.slice/obmen.service\n", encoding="utf-8")
    if limit:
        group = tmp_path / "shop.slice" / "obmen.service"
        group.mkdir(parents=True)
        (group / "cpu.max").write_text(f"{limit}\n", encoding="ascii")
    monkeypatch.setattr(reader_process, "CONTROL_GROUP", tmp_path / "cgroup")
    monkeypatch.setattr(reader_process, "CONTROL_GROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a process") if cores < 2 else -1)
    assert reader_process._allowed_cores() == cores
    assert reader_process.fork_reader() is None
