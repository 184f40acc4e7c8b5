"""Launchers, workers, an operator and a reaper in random order on a clock that is moved, against what must always hold.

The journal, the reaper and the dispatch are the real ones. Processes are numbers that can be killed or just not act
for a while; the catalog is a list of commits with the real one's rule.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from engine_mutants import attribute, sql
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.committed import CommittedCatalog
from support.dispatchers import SendsAnywhere
from support.engine_stage import MovedClock, make_settings, write_export

from importers.errors import LeaseLost
from importers.kinds import Log, Options
from importers.launch import new_request
from importers.launch.launching import _new_session
from importers.processes import WorkerProcess
from importers.sessions import (
    ACTIVE,
    FINAL,
    ActiveSession,
    Attempt,
    NewSession,
    Outcome,
    Session,
    Status,
    open_journal,
)
from importers.sessions.store import JournalStore
from importers.texts import Message
from importers.worker import reaper
from importers.worker.dispatch import dispatch
from importers.worker.heartbeat import CancelRequested, must_go_on

RECENCY, LEASE = 5.0, 30.0
KEYS = ("k1", "k2", "k3", "k4")
REQUESTS = (Options(), Options(force=True))
STAGES = st.integers(0, 3)
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


@dataclass
class Worker:
    session: Session
    pid: int
    may_commit: bool = False
    committed: bool = False


class Machine(SendsAnywhere, RuleBasedStateMachine):
    met: ClassVar[Counter[str]] = Counter()
    """How often runs came across a state."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="obmen-model-", dir=MEMORY))
        write_export(self.folder / "export")
        self.settings = make_settings(self.folder)
        self.target = f"sqlite:///{self.folder}/catalog.sqlite3"
        self.clock = MovedClock()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(reaper, "GRACE_SECONDS", 0.0)
        self.patch.setattr("importers.catalog.open_catalog", self._open_catalog)
        self.runner = asyncio.Runner()
        self.journals = [
            self.do(open_journal(self.settings.journal.url, self.clock)) for _process in range(2)
        ]
        self.journal = self.journals[0]
        self.alive = {1}
        self.next_pid = 100
        self.pending: list[NewSession] = []
        self.messages: list[int] = []
        self.workers: list[Worker] = []
        self.commits: list[tuple[int, str, int]] = []
        self.answers: dict[str, int] = {}
        self.starts: dict[Options, float] = {}
        self.ended: dict[int, Any] = {}
        self.reader = sqlite3.connect(self.folder / "journal.sqlite3")

    def teardown(self) -> None:
        self.reader.close()
        for journal in self.journals:
            self.do(journal.close())
        self.runner.close()
        self.patch.undo()
        shutil.rmtree(self.folder)

    def do(self, step: Any) -> Any:
        return self.runner.run(step)

    def _owner(self, pid: int, host: str = "here") -> WorkerProcess:
        return WorkerProcess(host, pid, "1", self.clock.boot_name)

    # As a Dispatcher: it sends messages

    async def send(self, session: Session) -> WorkerProcess:
        """The process that brings the message lives until it is killed."""
        self.messages.append(session.id)
        self.next_pid += 1
        self.alive.add(self.next_pid)
        return self._owner(self.next_pid)

    def reaches(self, session: Session) -> bool:
        return True

    async def is_waiting(self, active: ActiveSession) -> bool:
        return False

    async def is_lost(self, active: ActiveSession) -> bool:
        owner = active.owner
        return owner is not None and owner.host == "here" and owner.pid not in self.alive

    async def end(self, active: ActiveSession) -> None:
        if active.owner and active.owner.host == "here":
            self._kill(active.owner.pid)

    # Processes and catalog

    def _kill(self, pid: int) -> None:
        self.alive.discard(pid)
        self.workers = [worker for worker in self.workers if worker.pid != pid]

    async def _open_catalog(self, _url: str) -> CommittedCatalog:
        return CommittedCatalog(self.commits, self.lock_holder)

    def lock_holder(self) -> Worker | None:
        """Who holds the catalog's write lock: from the last check to the commit."""
        return next((worker for worker in self.workers if worker.may_commit and not worker.committed), None)

    @initialize(retries=st.integers(0, 1))
    def configure(self, retries: int) -> None:
        self.settings = make_settings(self.folder, worker={"retries": retries})

    # Launching

    def new(self, key: str, options: Options) -> NewSession:
        request = new_request(self.settings, ("customers",), key=key, options=options)
        attempt = Attempt(key, key, request.kinds, request.source, self.target, "anna", "host", 1, "")
        return _new_session(attempt, request, self.target)

    def answered(self, new: NewSession, found: tuple[Outcome, Session]) -> None:
        outcome, session = found
        known = self.answers.setdefault(new.idempotency_key, session.id)
        assert known == session.id, "a key was answered with two sessions"
        if outcome is Outcome.CREATED:
            now = self.clock.boot()
            before = self.starts.get(new.options, float("-inf"))
            assert now - before >= RECENCY, "the same request started twice within the recency"
            self.starts[new.options] = now
            self.do(dispatch(session, self, self.journal))

    @rule(key=st.sampled_from(KEYS), options=st.sampled_from(REQUESTS), which=st.integers(0, 1))
    def look(self, key: str, options: Options, which: int) -> None:
        new = self.new(key, options)
        found = self.do(self.journals[which].find_answer(new, RECENCY))
        if found is None:
            self.pending.append(new)
        else:
            self.answered(new, found)

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), which=st.integers(0, 1))
    def create(self, data: st.DataObject, which: int) -> None:
        new = self.pending.pop(data.draw(st.integers(0, len(self.pending) - 1)))
        self.answered(new, self.do(self.journals[which].create(new, RECENCY, [Log("info", "made")])))

    @rule(key=st.sampled_from(KEYS), options=st.sampled_from(REQUESTS), until=STAGES)
    def launch(self, key: str, options: Options, until: int) -> None:
        """As a rule it goes without a hitch, up to some stage."""
        new = self.new(key, options)
        self.answered(new, self.do(self.journal.create(new, RECENCY, [Log("info", "made")])))
        if until and self.messages and (worker := self._claim(self.messages.pop(), "here")):
            self.go_on_until(worker, until - 1)

    # Working

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), again=st.booleans(), host=st.sampled_from(("here", "elsewhere")))
    def claim(self, data: st.DataObject, again: bool, host: str) -> None:
        """A message is delivered, and may be delivered again. A worker elsewhere cannot be looked at, nor ended."""
        place = data.draw(st.integers(0, len(self.messages) - 1))
        self._claim(self.messages[place] if again else self.messages.pop(place), host)

    def _claim(self, session_id: int, host: str) -> Worker | None:
        self.next_pid += 1
        pid = self.next_pid
        session = self.do(self.journal.claim(session_id, self.target, self._owner(pid, host), LEASE))
        if session is None:
            return None
        self.alive.add(pid)
        self.workers.append(Worker(session, pid))
        return self.workers[-1]

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), until=STAGES, fails=st.booleans())
    def go_on(self, data: st.DataObject, until: int, fails: bool) -> None:
        worker = data.draw(st.sampled_from(self.workers))
        if fails and not worker.may_commit:
            self.leave(worker, Status.FAILED, "bad file")
        else:
            self.go_on_until(worker, until)

    def go_on_until(self, worker: Worker, until: int) -> None:
        """0: a heartbeat, 1: the last check, 2: the commit, 3: the end."""
        session = worker.session
        if not until:
            self.do(self.journal.beat(session.id, session.fence, LEASE))
        if until >= 1 and not worker.may_commit and not self.last_check(worker):
            return
        if until >= 2 and not worker.committed:
            worker.committed = True
            self.commits.append((session.id, session.task_id, session.fence))
        if until >= 3:
            self.leave(worker, Status.COMPLETED)

    def last_check(self, worker: Worker) -> bool:
        session = worker.session
        if self.lock_holder():
            return False
        try:
            if any(task == session.task_id and fence > session.fence for _done, task, fence in self.commits):
                raise LeaseLost
            must_go_on(self.do(self.journal.beat(session.id, session.fence, LEASE)))
        except CancelRequested:
            self.leave(worker, Status.CANCELLED, "cancelled")
        except LeaseLost:
            self.leave(worker)
        else:
            worker.may_commit = True
        return worker.may_commit

    def leave(self, worker: Worker, status: Status | None = None, error: str | None = None) -> None:
        """The process ends, saying so where it still may."""
        if status:
            self.do(
                self.journal.finish(
                    worker.session.id, worker.session.fence, status, {}, error and Message(error)
                )
            )
        self._kill(worker.pid)

    # What happens to them

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), noticed=st.booleans())
    def kill(self, data: st.DataObject, noticed: bool) -> None:
        self._kill(data.draw(st.sampled_from(self.workers)).pid)
        if noticed:
            self.reap(1)

    @precondition(lambda self: self.workers)
    @rule()
    def freeze_all(self) -> None:
        """For longer than their lease."""
        self.time_passes(LEASE + 1)
        self.reap(0)

    @precondition(lambda self: self.workers or self.messages)
    @rule(until=STAGES, fails=st.booleans())
    def take_over(self, until: int, fails: bool) -> None:
        """Somebody elsewhere goes on with what sleeps elsewhere, which wakes up later, or at once and fails."""
        if self.messages:
            self._claim(self.messages.pop(), "elsewhere")
        sleeping = list(self.workers)
        self.freeze_all()
        if self.messages and (worker := self._claim(self.messages.pop(), "elsewhere")):
            self.go_on_until(worker, until)
        for worker in sleeping:
            if fails and worker in self.workers and not worker.may_commit:
                self.leave(worker, Status.FAILED, "bad file")

    @precondition(lambda self: self.messages)
    @rule()
    def lose_a_message(self) -> None:
        self.messages.pop()

    @rule(seconds=st.sampled_from((1.0, 4.0, 6.0, 31.0, 61.0)))
    def time_passes(self, seconds: float) -> None:
        self.clock.seconds += seconds

    @rule(which=st.integers(0, 1))
    def reap(self, which: int) -> None:
        self.do(reaper.reap(self.journals[which], self.settings, dispatcher=self))

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        session_id = data.draw(st.sampled_from(sorted(self.answers.values())))
        self.do(self.journal.cancel(session_id, "anna"))

    # What must always hold

    @invariant()
    def holds(self) -> None:
        sessions = self.look_at("SELECT id, status, idempotency_key, error, finished_at FROM session")
        assert len([row for row in sessions if row[1] in ACTIVE]) <= 1
        assert len({key for _id, _status, key, *_rest in sessions}) == len(sessions)
        received = "SELECT session_id FROM event WHERE type = 'received' GROUP BY 1 HAVING count(*) > 1"
        assert self.look_at(received) == []
        for row in sessions:
            session_id, status, _key, error, _at = row
            commits = [fence for done, _task, fence in self.commits if done == session_id]
            assert len(commits) <= 1, "one session changes the shop once"
            if status in FINAL:
                assert (status == Status.COMPLETED) == bool(commits), row
                assert self.ended.setdefault(session_id, row) == row, "final is final"
            self.met[f"{status} {error}" if status == Status.FAILED else status] += 1
        for (message,) in self.look_at("SELECT DISTINCT message FROM event"):
            self.met[message] += 1

    def look_at(self, statement: str) -> list[Any]:
        return self.reader.execute(statement).fetchall()


def run(examples: int, steps: int, phases: Sequence[Phase] = tuple(Phase)) -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None, derandomize=True,
            phases=phases, report_multiple_bugs=False, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_the_model_holds() -> None:
    Machine.met.clear()
    run(200, 30)
    everything = {*Status} - {Status.FAILED}
    everything |= {f"failed {reason}" for reason in (reaper.DIED, reaper.FROZEN, "bad file")}
    everything |= {"Taken up again by worker {owner}", "Completed; the worker died after its commit"}
    assert everything <= set(Machine.met), "else the runs are too shallow to prove anything"


@pytest.mark.chaos
def test_the_model_holds_for_long() -> None:
    run(3000, 60)


MUTANTS: dict[str, Callable[[], Any]] = {
    "no check in the transaction": lambda: attribute(
        JournalStore, "_existing", _only_look(JournalStore._existing)
    ),
    "joined keys are not answered": lambda: sql(
        ("INSERT INTO launch_key VALUES (?1, ?2, ?3)", "INSERT INTO launch_key SELECT ?1, ?2, ?3 WHERE 0")
    ),
    "no fence": lambda: sql(("AND fence = ?2", "AND ?2 >= 0")),
    "reaper without its guard": lambda: sql(
        ("AND fence = ?2 AND status IN ('started', 'in_progress', 'cancelling')", "AND ?2 >= 0")
    ),
}


def _only_look(existing: Any) -> Any:
    async def changed(self: JournalStore, db: Any, new: NewSession, recency: float) -> Any:
        return await existing(self, db, new, recency) if db is self.database else None

    return changed


@pytest.mark.chaos
@pytest.mark.parametrize("name", MUTANTS)
def test_the_model_kills(name: str) -> None:
    with MUTANTS[name](), pytest.raises((AssertionError, sqlite3.IntegrityError)):
        run(2000, 50, (Phase.generate,))  # that it fails is enough, nobody needs the shortest way
