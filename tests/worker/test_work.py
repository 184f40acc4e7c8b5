"""One session from claim to finish, in the worker's own code and in real worker processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from support.engine_stage import PEOPLE, Stage, no_processes, staged, write_export
from support.workers import worked

from importers import texts
from importers.errors import BadFile, LimitExceeded
from importers.kinds import Counted, Counts, Event, Job, Log, Options, Progress, Reject
from importers.processes import WorkerProcess, this_process
from importers.sample import EXPORT
from importers.sessions import LogLine, Session, Status
from importers.sessions.store import JournalStore
from importers.worker import run as running
from importers.worker.process import ProcessDispatcher
from importers.worker.run import work
from tests.conftest import Obmen

INSERT = "INSERT INTO customer (id, name, removed) VALUES ('x', 'X', 0)"
Run = Callable[[Job], AsyncIterator[Event]]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The machine's own clock, and real worker processes."""
    async with staged(tmp_path) as made:
        yield made


@pytest.fixture
def here(stage: Stage) -> None:
    """No process is started: tests call `work` themselves."""
    no_processes(stage)


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run], None]:
    """Replace what every kind runs."""

    def replace(run: Run) -> None:
        monkeypatch.setattr(running, "load", lambda _kind: SimpleNamespace(run=run))

    return replace


async def lines(stage: Stage, session_id: int) -> list[LogLine]:
    return await stage.journal.events(session_id)


def error_of(session: Session) -> str:
    return str(session.error or "")


async def test_a_real_worker_process_imports(stage: Stage) -> None:
    result = await stage.launch()
    assert result.session is not None
    session = await stage.ended(result.session.id)
    assert (session.status, session.error) == (Status.COMPLETED, None)
    assert session.counts == Counts(read=3, created=3)
    assert stage.customers() == PEOPLE
    told = await lines(stage, session.id)
    assert [line.type for line in told].count("received") == 1
    assert (told[2].type, told[-1].type) == ("received", "summary")
    assert session.owner == told[2].args["owner"] != this_process().name
    assert session.started_at is not None
    assert session.finished_at is not None
    assert session.created_at <= session.started_at <= session.finished_at


async def test_its_process_has_a_session_of_its_own(stage: Stage) -> None:
    """No closed terminal reaches it (guarantee 6)."""
    started: list[tuple[int, int]] = []

    class Watched(ProcessDispatcher):
        async def send(self, session: Session) -> WorkerProcess:
            worker = await super().send(session)
            started.append((worker.pid, os.getsid(worker.pid)))
            return worker

    stage.dispatcher = Watched(stage.settings)
    result = await stage.launch()
    assert result.session is not None
    await stage.ended(result.session.id)
    ((pid, session_of_pid),) = started
    assert session_of_pid == pid != os.getsid(0)


@pytest.mark.usefixtures("here")
async def test_kinds_run_in_their_order_in_one_transaction(stage: Stage) -> None:
    session = await worked(stage, "prices", "customers", "catalog", source=str(EXPORT))
    assert session.status is Status.COMPLETED, error_of(session)
    assert session.kinds == ("prices", "customers", "catalog")
    begun = [
        line.args["kind"] for line in await lines(stage, session.id) if line.message == "{kind}: started"
    ]
    assert begun == ["catalog", "prices", "customers"]
    assert list(session.by_kind) == begun
    for counts in session.by_kind.values():
        assert counts.created > 0


@pytest.mark.usefixtures("here")
async def test_the_second_import_changes_nothing(stage: Stage) -> None:
    await worked(stage)
    second = await worked(stage, options=Options(force=True))
    assert (second.id, second.counts) == (2, Counts(read=3, unchanged=3))


@pytest.mark.usefixtures("here")
async def test_a_dry_run_counts_and_changes_nothing(stage: Stage) -> None:
    session = await worked(stage, options=Options(dry_run=True))
    assert (session.status, session.counts) == (Status.COMPLETED, Counts(read=3, created=3))
    assert stage.customers() == {}
    assert (await lines(stage, 1))[-1].message.startswith("Dry run done")


@pytest.mark.usefixtures("here")
async def test_a_second_delivery_is_refused(stage: Stage) -> None:
    await worked(stage)
    before = stage.rows("SELECT * FROM session"), stage.rows("SELECT * FROM event")
    assert await work(1, stage.settings) == 0
    assert (stage.rows("SELECT * FROM session"), stage.rows("SELECT * FROM event")) == before
    assert "session 1: nothing to claim" in stage.log()


@pytest.mark.usefixtures("here")
async def test_a_worker_of_another_catalog_does_not_touch_the_session(stage: Stage) -> None:
    await stage.launch()
    other = msgspec.structs.replace(
        stage.settings, catalog=type(stage.settings.catalog)(url=f"sqlite:///{stage.folder}/other.sqlite3")
    )
    assert await work(1, other) == 0
    session = await stage.journal.session(1)
    assert session.status is Status.STARTED
    assert "has no shop with this catalog in its settings" in str(session.waiting)
    assert "session 1: the worker on " in stage.log()
    assert not (stage.folder / "other.sqlite3").exists()


# What goes wrong


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "error", [BadFile("cut off", "a.xml", 7), LimitExceeded("too many rejects: 9 of 10")]
)
async def test_an_expected_error_fails_the_session_with_its_words(
    stage: Stage, kind: Callable[[Run], None], error: Exception
) -> None:
    async def run(job: Job) -> AsyncIterator[Event]:
        yield Reject(job.kind, "a.xml", 3, "c9", "no name")
        yield Counted(job.kind, Counts(read=1, rejected=1))
        raise error

    kind(run)
    session = await worked(stage)
    assert (session.status, error_of(session)) == (Status.FAILED, str(error))
    assert session.counts == Counts(read=1, rejected=1), "the operator sees what would have happened"
    (reject,) = await stage.journal.rejects(1)
    assert (reject.file, reject.line, reject.record_id, reject.reason) == ("a.xml", 3, "c9", "no name")
    last = (await lines(stage, 1))[-1]
    told = texts.render(last.message, last.args)
    assert (last.type, last.level, told) == ("summary", "error", str(error))
    assert "Traceback" not in stage.log()


@pytest.mark.usefixtures("here")
async def test_a_bug_fails_the_session_and_leaves_its_traceback_in_the_log(
    stage: Stage, kind: Callable[[Run], None]
) -> None:
    async def run(job: Job) -> AsyncIterator[Event]:
        await job.catalog.execute(INSERT)
        yield Log("info", "so far")
        raise ZeroDivisionError("by nothing")

    kind(run)
    session = await worked(stage)
    assert session.status is Status.FAILED
    assert error_of(session) == (
        "Unexpected ZeroDivisionError: by nothing; nothing is changed. "
        f"The log {stage.folder}/obmen.log has the details"
    )
    assert "Traceback" in stage.log()
    assert stage.customers() == {}
    assert "so far" in [line.message for line in await lines(stage, 1)]


@pytest.mark.usefixtures("here")
async def test_a_source_that_vanished_fails_the_session(stage: Stage) -> None:
    await stage.launch()
    (stage.folder / "export").rename(stage.folder / "away")
    await work(1, stage.settings)
    session = await stage.journal.session(1)
    assert session.status is Status.FAILED
    assert str(stage.folder / "export") in error_of(session)


@pytest.mark.usefixtures("here")
async def test_an_import_type_that_is_not_there_any_more(stage: Stage) -> None:
    await stage.launch()
    stage.change("""UPDATE session SET kinds = '["customers", "gone"]'""")
    await work(1, stage.settings)
    session = await stage.journal.session(1)
    assert (session.status, "unknown import type gone" in error_of(session)) == (Status.FAILED, True)


@pytest.mark.usefixtures("here")
async def test_rejects_beyond_the_cap_are_counted_not_kept(
    stage: Stage, kind: Callable[[Run], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "MAX_REJECTS", 5)

    async def run(job: Job) -> AsyncIterator[Event]:
        for n in range(12):
            yield Reject(job.kind, "a.xml", n, str(n), "no")
        yield Counted(job.kind, Counts(read=12, rejected=12))

    kind(run)
    session = await worked(stage)
    assert session.counts.rejected == 12
    assert len(await stage.journal.rejects(1)) == 5
    assert "12 records were rejected; the first 5 are kept" in [
        texts.render(line.message, line.args) for line in await lines(stage, 1)
    ]


@pytest.mark.usefixtures("here")
async def test_events_are_written_in_batches_while_it_runs(
    stage: Stage, kind: Callable[[Run], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[int] = []
    write = JournalStore.write

    async def counted(self: JournalStore, *args: Any, **rest: Any) -> bool:
        writes.append(len(args[2]))
        return await write(self, *args, **rest)

    monkeypatch.setattr(JournalStore, "write", counted)
    monkeypatch.setattr(running, "FLUSH_EVENTS", 500)
    seen: list[Session] = []

    async def run(job: Job) -> AsyncIterator[Event]:
        for n in range(2000):
            yield Log("info", "line {n}", {"n": n})
        yield Progress(job.kind, "read", 5, 10, 2000)
        await asyncio.sleep(running.FLUSH_SECONDS)
        yield Log("info", "later")
        seen.append(await stage.journal.session(1))
        yield Counted(job.kind, Counts())

    kind(run)
    await worked(stage)
    assert 4 <= len(writes) <= 4 + 3
    assert sum(writes) == 2000 + 2
    assert seen[0].done / seen[0].total == pytest.approx(0.99 * 0.7 / 2, abs=0.001), (
        "half of what is to be read"
    )
    assert seen[0].running_kind == "customers"


# Cancelling


async def test_cancelled_before_the_claim(stage: Stage) -> None:
    no_processes(stage)
    await stage.launch()
    assert (await stage.journal.cancel(1, "anna")).status is Status.CANCELLED
    assert await work(1, stage.settings) == 0
    session = await stage.journal.session(1)
    assert (session.status, session.started_at) == (Status.CANCELLED, None)
    assert error_of(session) == "Cancelled by anna; the catalog is as before"
    assert not (stage.folder / "catalog.sqlite3").exists()


@pytest.mark.usefixtures("here")
async def test_cancelled_in_the_middle(stage: Stage, kind: Callable[[Run], None]) -> None:
    async def run(job: Job) -> AsyncIterator[Event]:
        await job.catalog.execute(INSERT)
        assert (await stage.journal.cancel(1, "anna")).status is Status.CANCELLING
        async with asyncio.timeout(30):
            while True:
                yield Progress(job.kind, "read", 1, 2, 1)
                await asyncio.sleep(0.05)

    kind(run)
    session = await worked(stage)
    assert (session.status, stage.customers()) == (Status.CANCELLED, {})
    assert error_of(session) == "Cancelled by anna; the catalog is as before"
    assert any("asked to cancel" in line.message for line in await lines(stage, 1))


@pytest.mark.usefixtures("here")
async def test_cancelled_at_the_last_moment(
    stage: Stage, kind: Callable[[Run], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the last event, before the commit."""

    async def run(job: Job) -> AsyncIterator[Event]:
        await job.catalog.execute(INSERT)
        yield Counted(job.kind, Counts(read=1, created=1))

    kind(run)
    beat = running._Run._may_commit

    async def cancel_first(self: Any) -> None:
        await stage.journal.cancel(1, "anna")
        await beat(self)

    monkeypatch.setattr(running._Run, "_may_commit", cancel_first)
    session = await worked(stage)
    assert (session.status, stage.customers()) == (Status.CANCELLED, {})


@pytest.mark.usefixtures("here")
async def test_cancelled_after_the_commit_is_too_late(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    end = running._Run._end

    async def cancel_first(self: Any, *args: Any) -> int:
        await stage.journal.cancel(1, "anna")
        return await end(self, *args)

    monkeypatch.setattr(running._Run, "_end", cancel_first)
    session = await worked(stage)
    assert (session.status, stage.customers()) == (Status.COMPLETED, PEOPLE)


def test_the_worker_says_plainly_that_it_has_no_journal(tmp_path: Path) -> None:
    """Not even the journal could be told: one line in the log file."""
    settings = {"OBMEN_JOURNAL__URL": f"sqlite:///{write_export(tmp_path / 'export')}/contragents_1_1.xml"}
    done = subprocess.run(
        [sys.executable, "-m", "importers.worker", "1"],
        env={**os.environ, **settings}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip().endswith("not a SQLite database; choose another file")
    assert done.stderr.count("\n") == 1


async def test_products_that_cannot_be_sold_are_told_once_after_the_session(obmen: Obmen) -> None:
    """Whoever should have brought the price: it is what the shop holds in the end that counts."""
    source = obmen.folder / "1c"
    source.mkdir()
    goods = "".join(f"<Товар><Ид>{ident}</Ид><Наименование>x</Наименование></Товар>" for ident in "abc")
    priced = "<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>1</ЦенаЗаЕдиницу></Цена></Цены>"
    offers = (
        f"<Предложение><Ид>a#1</Ид><Наименование>x</Наименование>{priced}</Предложение>"
        "<Предложение><Ид>b</Ид><Наименование>x</Наименование><Количество>0</Количество></Предложение>"
    )
    (source / "import.xml").write_text(
        "<КоммерческаяИнформация><Каталог><Ид>k</Ид><Товары>" + goods + "</Товары></Каталог>"
        f"<ПакетПредложений><Ид>k#</Ид><Предложения>{offers}</Предложения></ПакетПредложений>"
        "</КоммерческаяИнформация>",
        encoding="utf-8",
    )

    def told_after(*kinds: str) -> list[str]:
        session = obmen.json("import", *kinds, "--source", str(source), process=True)
        texts = [line["text"] for line in obmen.json("logs", str(session["id"]), process=True)]
        return [text for text in texts if "in this shop" in text]

    assert told_after("catalog") == [
        "Products without a price in this shop (3): a, b, c",
        "Products without a stock in this shop, not even zero (3): a, b, c",
    ]
    assert told_after("stocks", "prices") == [
        "Products without a price in this shop (2): b, c",
        "Products without a stock in this shop, not even zero (2): a, c",
    ]
