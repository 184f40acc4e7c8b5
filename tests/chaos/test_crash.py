"""kill -9 and stop/continue at every point of a launch and of a worker, then the same key again, rivals, a reaper.

Whatever happens: one session, all of its rows or none, one `received`, a final status with a plain reason, and the
next launch is not blocked for longer than the lease.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from crash import LAUNCHER, WORKER
from support.engine_stage import PEOPLE, Stage, rows, staged
from support.engines import Hand, PostgresHand, SqliteHand

from importers.database import sqlite, sqlite_errors
from importers.kinds import Options
from importers.launch import lock as locks
from importers.processes import WorkerProcess, process_of, this_process
from importers.sessions import Outcome, Session, Status, rules
from importers.targets import target_of
from importers.worker import reaper
from importers.worker.process import ProcessDispatcher
from importers.worker.run import work

HERE = Path(__file__).parent
KEY = "the-one-key"
LEASE = 0.8
"""Of workers that are to crash. Others have the usual one, lest a busy machine should make them seem frozen."""
BLOCKED_FOR_SECONDS = 20.0
"""Lease and grace are 0.9 s; the rest is for a busy machine. What this must tell apart waits a minute or for ever."""
IN_A_TRANSACTION = {"in the transaction that creates", "in the transaction that claims"}
"""Stopped there, a process keeps the journal from everybody: they are told, and go on once it does."""
TOO_LONG = "it took too long and was ended; try again"
"""What others are told whom it keeps from a server. That frees itself of it after 10 seconds."""
UNCHANGED = {"claimed", "reading", "rows written", "before the check", "between check and commit"}
"""Points from which a worker that is gone leaves a failed session and the catalog as before."""


def points(everywhere: Iterable[str], *always: str) -> list[Any]:
    """Some in every run, all of them as chaos."""
    assert set(always) <= set(everywhere)
    return [pytest.param(p, marks=[] if p in always else [pytest.mark.chaos]) for p in everywhere]


def on_both(everywhere: Iterable[str], on_file: Sequence[str], on_server: Sequence[str]) -> list[Any]:
    """The engine of journal and catalog, and the point."""
    chosen = {"sqlite": points(everywhere, *on_file), "postgres": points(everywhere, *on_server)}
    return [
        pytest.param(engine, *param.values, marks=param.marks)
        for engine, params in chosen.items()
        for param in params
    ]


class Crashing(Stage):
    """A stage whose later workers run here, in this process, as soon as they are dispatched."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.folder, stage.settings, stage.journal, stage.clock, stage.hand)
        self.dispatcher = Trapping(self)
        self.workers: list[asyncio.Task[int]] = []
        self.children: list[subprocess.Popen[str]] = []
        self.trap: tuple[str, str] | None = None
        self.catalog: Hand = SqliteHand(self.folder / "catalog.sqlite3")

    def customers(self) -> dict[str, str]:
        return dict(self.catalog.rows("SELECT id, name FROM customer ORDER BY id"))

    def child(self, *args: str, **env: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, str(HERE / "crash.py"), *args],
            env={**os.environ, **self.settings.to_env(), "PYTHONPATH": str(HERE.parents[1]), **env},
            cwd="/",
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.children.append(child)
        return child

    @property
    def pid(self) -> int:
        (child,) = self.children
        return child.pid

    @property
    def is_served(self) -> bool:
        """By a server, not from files."""
        return isinstance(self.hand, PostgresHand)

    @property
    def stopped(self) -> str:
        """What others are told whom the child keeps from a file."""
        return f"locked by process {self.pid}, which is stopped (to wake it: kill -CONT {self.pid})"

    async def fell(self) -> int:
        """Once the child has met its point: how."""
        (child,) = self.children
        how = await asyncio.to_thread(os.waitid, os.P_PID, child.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
        assert how
        return how.si_status

    async def thaw(self) -> tuple[int, str]:
        """Let the stopped child go on to its end: (exit code, what it printed)."""
        (child,) = self.children
        child.send_signal(signal.SIGCONT)
        out, _ = await asyncio.to_thread(child.communicate, timeout=20)
        return child.returncode, out

    def close(self) -> None:
        for child in self.children:
            child.kill()
            child.communicate()


class Trapping(ProcessDispatcher):
    """The first worker of a stage with a trap is a process that falls into it."""

    def __init__(self, stage: Crashing) -> None:
        super().__init__(stage.settings)
        self._stage = stage

    async def send(self, session: Session) -> WorkerProcess:
        stage = self._stage
        if stage.trap:
            trap, stage.trap = stage.trap, None
            lease = {"OBMEN_WORKER__LEASE_SECONDS": str(LEASE), "OBMEN_WORKER__HEARTBEAT_SECONDS": "0.1"}
            return process_of(stage.child("work", str(session.id), *trap, **lease).pid)
        stage.workers.append(asyncio.create_task(work(session.id, stage.settings)))
        return this_process()


@pytest.fixture
async def stage(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[Crashing]:
    monkeypatch.setattr(reaper, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(rules, "UNSENT_SECONDS", 0.2)
    monkeypatch.setattr(ProcessDispatcher, "lost_seconds", 0.5)
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.3)
    with ExitStack() as stack:
        hands: list[PostgresHand] = []
        if engine == "postgres":
            hands = [PostgresHand(request.getfixturevalue("postgres")) for _database in range(2)]
            for hand in hands:
                stack.callback(hand.drop)
        sections: dict[str, dict[str, object]] = {"catalog": {"url": hands[1].url}} if hands else {}
        sections["launch"] = {
            "recency_seconds": 600
        }  # what is looked after for long is the same import still
        async with staged(tmp_path, hand=hands[0] if hands else None, **sections) as made:
            crashing = Crashing(made)
            crashing.catalog = hands[1] if hands else crashing.catalog
            try:
                yield crashing
            finally:
                crashing.close()
                await asyncio.gather(*crashing.workers)


async def aftermath(stage: Crashing) -> Session:
    """The same key again and three rivals at once; then somebody looks after the sessions until there is an end."""
    start = time.monotonic()
    results = await asyncio.gather(stage.launch(key=KEY), *(stage.launch() for _ in range(3)))
    outcomes = [result.outcome for result in results]
    assert set(outcomes) <= {Outcome.CREATED, Outcome.JOINED, Outcome.REPLAYED}, results
    (number,) = {result.session.id for result in results if result.session}
    session = await looked_after(stage, number)
    assert time.monotonic() - start < BLOCKED_FOR_SECONDS
    return session


async def looked_after(stage: Crashing, number: int = 1) -> Session:
    async with asyncio.timeout(40):
        while not (session := await stage.journal.session(number)).status.final:
            await stage.reap()
            await asyncio.sleep(0.02)
    return session


async def check(stage: Crashing, session: Session, expected: Status, reason: str) -> None:
    told = str(session.error or "")
    assert session.status == expected, told
    assert (reason in told) if reason else not told, told
    assert stage.rows("SELECT id FROM session") == [(session.id,)], "the only one, whatever its number"
    assert stage.rows("SELECT session_id FROM event WHERE type = 'received'") == [(session.id,)]
    assert await stage.journal.active(await target_of(stage.settings).key()) is None
    assert stage.customers() == (PEOPLE if expected is Status.COMPLETED else {})
    # A new confirm, of something else, is not held up.
    another = await stage.launch(options=Options(force=True))
    assert another.outcome is Outcome.CREATED, another
    assert another.session
    assert (await stage.ended(another.session.id)).status is Status.COMPLETED
    assert stage.customers() == PEOPLE
    for name in () if stage.is_served else ("journal", "catalog"):
        assert rows(stage.folder / f"{name}.sqlite3", "PRAGMA integrity_check") == [("ok",)]
    assert "Traceback" not in stage.log()


async def launched_with_trap(stage: Crashing, point: str, number: str) -> None:
    stage.trap = (point, number)
    assert (await stage.launch(key=KEY)).outcome is Outcome.CREATED


@pytest.mark.parametrize(
    ("engine", "point"),
    on_both(
        LAUNCHER,
        [
            "after the attempt",
            "in the transaction that creates",
            "created",
            "dispatch marked",
            "worker started",
        ],
        ["in the transaction that creates", "created"],
    ),
)
async def test_a_launcher_is_killed(stage: Crashing, point: str) -> None:
    """Its confirm has made a session or none; asked again, there is one, and it is imported."""
    stage.child("launch", KEY, point, "SIGKILL")
    assert await stage.fell() == signal.SIGKILL
    await check(stage, await aftermath(stage), Status.COMPLETED, "")
    killed = stage.rows("SELECT outcome FROM attempt ORDER BY id LIMIT 1")
    if point not in ("before the attempt", "attempt ended"):
        assert killed == [(None,)], "plainly unfinished"


@pytest.mark.parametrize(
    ("engine", "point"),
    on_both(
        WORKER,
        [
            "before the claim",
            "in the transaction that claims",
            "claimed",
            "rows written",
            "between check and commit",
            "committed",
            "finished",
        ],
        ["in the transaction that claims", "between check and commit", "committed"],
    ),
)
async def test_a_worker_is_killed(stage: Crashing, point: str) -> None:
    """Before the claim another one comes; then the session fails at once, with a reason; after the commit it is
    completed."""
    await launched_with_trap(stage, point, "SIGKILL")
    assert await stage.fell() == signal.SIGKILL
    session = await aftermath(stage)
    if point in UNCHANGED:
        await check(
            stage, session, Status.FAILED, "died while it ran; nothing is changed. Start the import again"
        )
    else:
        await check(stage, session, Status.COMPLETED, "")


@pytest.mark.parametrize(
    ("engine", "point"),
    on_both(
        LAUNCHER,
        ["holding the lock", "in the transaction that creates", "dispatch marked"],
        ["dispatch marked"],
    ),
)
async def test_a_launcher_is_stopped_and_goes_on_late(
    stage: Crashing, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others do its work meanwhile; when it goes on, it finds the session and makes no second one."""
    stage.child("launch", KEY, point, "SIGSTOP")
    assert await stage.fell() == signal.SIGSTOP
    if point in IN_A_TRANSACTION:
        with monkeypatch.context() as patch:
            patch.setattr(sqlite, "PATIENCE_SECONDS", 0.2)
            shut_out = await stage.launch()
        assert shut_out.outcome is Outcome.ERROR
        assert (TOO_LONG if stage.is_served else stage.stopped) in str(shut_out.reason)
        thawed = await stage.thaw()
        session = await aftermath(stage)
    else:
        session = await aftermath(stage)
        thawed = await stage.thaw()
    code, said = thawed
    assert (code, said.split()[1]) == (0, "1")
    assert said.split()[0] in ("created", "joined", "replayed")
    await check(stage, session, Status.COMPLETED, "")


@pytest.mark.parametrize(
    ("engine", "point"),
    on_both(WORKER, ["before the claim", "reading", "in the transaction that finishes"], ["reading"]),
)
async def test_a_worker_is_stopped_and_ended(
    stage: Crashing, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease runs out, whoever notices ends the process: it keeps neither journal nor catalog from others."""
    await launched_with_trap(stage, point, "SIGSTOP")
    assert await stage.fell() == signal.SIGSTOP
    if point in IN_A_TRANSACTION:
        with monkeypatch.context() as patch:
            patch.setattr(sqlite, "PATIENCE_SECONDS", 0.2)
            # On a server it keeps the row of its session only, which a launch reads.
            assert (await stage.launch()).outcome is (Outcome.JOINED if stage.is_served else Outcome.ERROR)
        await stage.thaw()
    # Its heartbeat may be in a transaction of its own, at any point. Whoever looks first frees the journal.
    journal = Path(stage.settings.journal.url.removeprefix("sqlite:///"))
    if point == "in the transaction that finishes" or (
        not stage.is_served and sqlite_errors.lock_holder(journal)
    ):
        await looked_after(stage)
    session = await aftermath(stage)
    if point in UNCHANGED:
        await check(stage, session, Status.FAILED, "gave no sign of life for its lease and was ended")
    else:
        await check(stage, session, Status.COMPLETED, "")
    if point == "before the claim":  # it comes late, and finds nothing to do
        assert (await stage.thaw())[0] == 0
        assert "session 1: nothing to claim" in stage.log()
        assert stage.rows("SELECT count(*) FROM event WHERE type = 'received' AND session_id = 1") == [(1,)]


@pytest.mark.parametrize(
    ("engine", "point"),
    on_both(sorted(UNCHANGED), ["claimed", "between check and commit"], ["between check and commit"]),
)
async def test_a_worker_that_cannot_be_ended_goes_on_too_late(
    stage: Crashing, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs in another container, say. What it does after its session was ended reaches no catalog, and it says so.
    A server ends what it has begun; in a file nobody calls its session ended while it may stand before its commit."""
    await launched_with_trap(stage, point, "SIGSTOP")
    assert await stage.fell() == signal.SIGSTOP
    monkeypatch.setattr(WorkerProcess, "is_here", False)
    monkeypatch.setattr("importers.database.sqlite.PATIENCE_SECONDS", 0.2)
    async with asyncio.timeout(40):
        while not (await stage.journal.active_sessions(await target_of(stage.settings).key()))[0].lease_over:  # noqa: ASYNC110 (time itself)
            await asyncio.sleep(0.02)
    if point in ("claimed", "reading") or stage.is_served:  # it holds nothing, or not any more
        session = await looked_after(stage)  # its heartbeat may be in a transaction of its own, at any point
        assert session.status is Status.FAILED
        assert (await stage.thaw())[0] == 1
        assert "was taken from this worker" in stage.log()
        await check(stage, session, Status.FAILED, "gave no sign of life")
    else:
        assert await stage.reap() == 0
        assert (await stage.thaw())[0] == 0
        assert stage.stopped in stage.log()
        await check(stage, await stage.journal.session(1), Status.COMPLETED, "")
