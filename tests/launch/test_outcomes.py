"""Guarantee 4: every confirm has one outcome, an attempt row and log lines with its request id."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.dispatchers import FailingDispatcher
from support.engine_stage import MovedClock, Stage, staged, write_export
from support.launches import attempt, end, sessions
from support.looks import Looks

from importers import texts
from importers.commerceml.parts import HEAD
from importers.errors import DatabaseError
from importers.kinds import Options
from importers.launch import launch
from importers.launch.survey import newest
from importers.launch.table_lock import TableLock
from importers.processes import account
from importers.sample import EXPORT
from importers.sessions import Outcome, Status
from importers.sessions.store import JournalStore
from importers.texts import Message


async def test_a_launch_looks_at_the_heads_of_files_only(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And at none where the names tell. What stands behind them in a file of gigabytes is the worker's business."""
    many = "<Товар><Ид>p</Ид><Наименование>x</Наименование></Товар>" * 2000
    text = f"<КоммерческаяИнформация><Каталог><Товары>{many}</Товары></Каталог></КоммерческаяИнформация>"
    source = stage.folder / "1c"
    source.mkdir()
    for name in ("import.xml", "contragents.xml", "any.xml"):
        (source / name).write_text(text, encoding="utf-8")
    looks = Looks(monkeypatch)
    assert (await stage.launch("customers", source=str(source))).outcome is Outcome.CREATED
    assert looks.pop() == {}
    assert newest(str(source))
    assert looks.pop() == {"import.xml": [HEAD], "contragents.xml": [HEAD], "any.xml": [HEAD]}
    for name in ("import.xml", "contragents.xml"):
        (source / name).unlink()
    await end(stage)
    assert (await stage.launch("catalog", source=str(source))).outcome is Outcome.CREATED
    assert looks.pop() == {"any.xml": [HEAD]}


async def test_created(stage: Stage) -> None:
    result = await stage.launch("customers")
    session = result.session
    assert session is not None
    assert (result.outcome, result.lock, result.reason) == (Outcome.CREATED, "acquired", None)
    assert (session.status, session.kinds, session.type) == (Status.STARTED, ("customers",), "customers")
    assert session.target == f"sqlite:///{stage.folder}/catalog.sqlite3"
    assert session.operator == account()
    assert stage.sent == [session.id]
    told = await attempt(stage, result)
    assert (told.outcome, told.session_id, told.lock) == (Outcome.CREATED, session.id, "acquired")
    first, second = await stage.journal.events(session.id)
    assert texts.render(first.message, first.args) == (
        f"[Request {result.request_id}] Import launch attempt: ['customers']"
    )
    assert texts.render(second.message, second.args) == (
        f"[Request {result.request_id}] Import launched. Session ID: {session.id}, Task ID: {session.task_id}"
    )
    lines = [line.partition(" [Request ")[2] for line in stage.log().splitlines()]
    assert lines == [
        f"{result.request_id}] Import launch attempt: ['customers']",
        f"{result.request_id}] Import launched. Session ID: {session.id}, Task ID: {session.task_id}",
    ]


async def test_the_log_speaks_the_words_of_the_founding_report(stage: Stage) -> None:
    texts.use("ru")
    result = await stage.launch("customers")
    session = result.session
    assert session
    assert f"[Request {result.request_id}] Попытка запуска импорта: ['customers']\n" in stage.log()
    assert (
        f"[Request {result.request_id}] Импорт запущен успешно. Session ID: {session.id}, "
        f"Task ID: {session.task_id}\n"
    ) in stage.log()


async def test_joined_while_any_import_of_the_target_is_active(stage: Stage, clock: MovedClock) -> None:
    first = await stage.launch("customers")
    clock.seconds += 3600
    other = await stage.launch("customers", options=Options(force=True))
    assert first.session is not None
    assert other.session is not None
    assert (other.outcome, other.session.id, stage.sent) == (Outcome.JOINED, first.session.id, [1])
    since = texts.when(first.session.created_at)
    assert str(other.reason) == (
        f"session 1 is running, launched by {account()}@{first.session.host} at {since}"
    )
    assert (await attempt(stage, other)).session_id == 1
    assert f"[Request {other.request_id}] No new import: joined. session 1 is running" in stage.log()


async def test_the_same_request_within_five_seconds_is_joined_though_the_first_has_ended(
    stage: Stage, clock: MovedClock
) -> None:
    await stage.launch()
    await end(stage, Status.FAILED)
    clock.seconds += 4.9
    second = await stage.launch()
    assert second.outcome is Outcome.JOINED
    assert (second.session and second.session.id, second.session and second.session.status) == (
        1,
        Status.FAILED,
    )
    clock.seconds += 0.2
    assert (await stage.launch()).outcome is Outcome.CREATED


async def test_a_row_from_the_future_does_not_block_for_ever(stage: Stage, clock: MovedClock) -> None:
    await stage.launch()
    await end(stage)
    clock.seconds -= 60
    assert (await stage.launch()).outcome is Outcome.CREATED


async def test_a_boot_since_then_is_no_recency(stage: Stage, clock: MovedClock) -> None:
    await stage.launch()
    await end(stage)
    clock.boot_name = "boot-2"
    assert (await stage.launch()).outcome is Outcome.CREATED


@pytest.mark.parametrize("change", ["options", "source"])
async def test_another_request_right_after_the_end_is_a_new_launch(
    stage: Stage, tmp_path: Path, change: str
) -> None:
    """Scripts chain them."""
    await stage.launch()
    await end(stage)
    other: dict[str, Any] = {
        "options": {"options": Options(dry_run=True)},
        "source": {"source": str(write_export(tmp_path / "other"))},
    }[change]
    assert (await stage.launch(**other)).outcome is Outcome.CREATED


@pytest.mark.parametrize("later", [0.0, 4.0, 6.0, 86400.0])
async def test_replayed_by_its_key_however_late(stage: Stage, clock: MovedClock, later: float) -> None:
    await stage.launch(key="k")
    await end(stage)
    clock.seconds += later
    again = await stage.launch(key="k")
    assert (again.outcome, again.session and again.session.id) == (Outcome.REPLAYED, 1)
    assert (sessions(stage), stage.sent) == (1, [1])


async def test_a_key_that_was_joined_stays_answered(stage: Stage, clock: MovedClock) -> None:
    """Else a late retry of it would start a second import once the first has ended."""
    await stage.launch(key="a")
    joined = await stage.launch(key="b")
    await end(stage)
    clock.seconds += 60
    again = await stage.launch(key="b")
    assert (joined.outcome, again.outcome) == (Outcome.JOINED, Outcome.JOINED)
    assert (again.session and again.session.id) == 1
    assert sessions(stage) == 1


async def test_a_key_whose_session_was_deleted_starts_nothing(stage: Stage, clock: MovedClock) -> None:
    await stage.launch(key="a")
    await end(stage)
    assert await stage.journal.delete([1]) == [1]
    clock.seconds += 60
    again = await stage.launch(key="a")
    assert (again.outcome, again.session) == (Outcome.ERROR, None)
    assert "session 1, which was deleted since" in str(again.reason)
    assert sessions(stage) == 0


@pytest.mark.parametrize(
    "other", [{"options": Options(dry_run=True)}, {"source": "/elsewhere"}, {"kinds": ("prices",)}]
)
async def test_mismatch_when_a_key_comes_with_another_request(stage: Stage, other: dict[str, Any]) -> None:
    await stage.launch("customers", key="k")
    kinds = other.get("kinds", ("customers",))
    rest = {name: value for name, value in other.items() if name != "kinds"}
    second = await stage.launch(*kinds, key="k", **rest)
    assert (second.outcome, second.session and second.session.id) == (Outcome.MISMATCH, 1)
    assert (sessions(stage), stage.sent) == (1, [1])


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        (("nonsense",), "nonsense: there is no such import type"),
        (("catalog",), "catalog: the export at {source} has no file for it"),
        (("catalog", "stocks"), "catalog, stocks: the export at {source} has no file for it"),
    ],
)
async def test_refused(stage: Stage, kinds: tuple[str, ...], reason: str) -> None:
    result = await stage.launch(*kinds)
    assert (result.outcome, result.session, result.lock) == (Outcome.REFUSED, None, "off")
    assert str(result.reason) == reason.format(source=stage.settings.source.path)
    assert (await attempt(stage, result)).outcome is Outcome.REFUSED
    assert (sessions(stage), stage.sent) == (0, [])


async def test_with_strict_every_kind_must_have_files(stage: Stage) -> None:
    strict = msgspec.structs.replace(stage.request("customers", "catalog"), options=Options(strict=True))
    result = await launch(strict, stage.settings, stage.journal, dispatcher=stage.dispatcher)
    assert (result.outcome, result.reason.args["kinds"]) == (Outcome.REFUSED, "catalog")
    lenient = await stage.launch("customers", "catalog")
    assert lenient.outcome is Outcome.CREATED


async def test_refused_without_any_kind(stage: Stage) -> None:
    request = msgspec.structs.replace(stage.request(), kinds=())
    result = await launch(request, stage.settings, stage.journal, dispatcher=stage.dispatcher)
    assert (result.outcome, result.reason) == (Outcome.REFUSED, Message("no import type was chosen"))


@pytest.mark.parametrize("kind", ["prices", "stocks", "variants", "images"])
async def test_refused_before_there_is_a_product(stage: Stage, kind: str) -> None:
    result = await stage.launch(kind, source=str(EXPORT))
    assert result.outcome is Outcome.REFUSED
    assert "holds no product yet; import the catalog first" in str(result.reason)
    with_catalog = await stage.launch(kind, "catalog", source=str(EXPORT))
    assert with_catalog.outcome is Outcome.CREATED
    assert with_catalog.session is not None
    assert with_catalog.session.kinds == (kind, "catalog"), "the order selected is kept"


async def test_a_kind_chosen_twice_counts_once(stage: Stage) -> None:
    result = await stage.launch("customers", "customers")
    assert result.session is not None
    assert result.session.kinds == ("customers",)


async def test_error_for_a_source_that_is_not_there(stage: Stage) -> None:
    result = await stage.launch(source="/nowhere")
    assert (result.outcome, result.session) == (Outcome.ERROR, None)
    assert "/nowhere" in str(result.reason)
    told = await attempt(stage, result)
    assert (told.outcome, told.reason) == (Outcome.ERROR, result.reason)
    assert sessions(stage) == 0


async def test_error_for_an_engine_that_cannot_send(tmp_path: Path) -> None:
    async with staged(tmp_path, worker={"engine": "celery"}) as stage:
        result = await stage.launch()
        assert result.outcome is Outcome.ERROR
        assert "needs redis.url" in str(result.reason)
        assert sessions(stage) == 0


async def test_error_when_the_journal_cannot_be_written(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise DatabaseError("the disk is full")

    for name in ("create", "end_attempt"):
        monkeypatch.setattr(JournalStore, name, full)
    result = await stage.launch()
    assert (result.outcome, result.reason) == (Outcome.ERROR, Message("the disk is full"))
    assert f"[Request {result.request_id}] No new import: error. the disk is full" in stage.log()
    assert (await attempt(stage, result)).outcome is None


async def test_a_log_that_cannot_be_written_stops_no_launch(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    (stage.folder / "obmen.log").mkdir()
    assert (await stage.launch()).outcome is Outcome.CREATED
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("cannot allocate memory"), "cannot allocate memory"),
        (ValueError("embedded null byte"), "ValueError: embedded null byte"),
    ],
)
async def test_a_worker_that_cannot_be_started_ends_the_session_at_once(
    stage: Stage, error: Exception, told: str
) -> None:
    stage.dispatcher = FailingDispatcher(stage.settings, error)
    result = await stage.launch()
    assert result.outcome is Outcome.CREATED
    session = await stage.journal.session(1)
    assert session.status is Status.FAILED
    assert str(session.error) == (f"No worker could be started: {told}")
    assert await stage.journal.active(session.target) is None, "nobody is blocked"


@pytest.mark.parametrize("running", [True, False])
async def test_a_joined_key_of_another_type_is_told_the_same_again(
    stage: Stage, clock: MovedClock, running: bool
) -> None:
    first = await stage.launch("catalog", source=str(EXPORT))
    joined = await stage.launch("customers", key="k")
    if not running:
        await end(stage)
        clock.seconds += 3600
    again = await stage.launch("customers", key="k")
    assert first.session
    for result in (joined, again):
        assert (result.outcome, result.session and result.session.id) == (Outcome.JOINED, first.session.id)
    told = str(again.reason)
    assert told.startswith("session 1 is running" if running else "this confirm had joined session 1")
    other = await stage.launch("catalog", source=str(EXPORT), key="k")
    assert other.outcome is Outcome.MISMATCH
    assert str(other.reason) == (
        "this confirm came before with other types, source or options, and led to session 1"
    )
    assert (sessions(stage), stage.sent) == (1, [1])


@pytest.mark.parametrize(
    ("of", "where"),
    [
        (JournalStore, "find_answer"),
        (JournalStore, "create"),
        (TableLock, "acquire"),
        (TableLock, "release"),
        (JournalStore, "mark_dispatched"),
    ],
)
@pytest.mark.parametrize(
    "error",
    [sqlite3.InterfaceError("bad {parameter}"), RecursionError("too deep\nby far"), OSError(5, "I/O")],
)
async def test_error_for_whatever_nobody_foresaw(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, of: type, where: str, error: Exception
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(of, where, fail)
        result = await stage.launch()
    told = await attempt(stage, result)
    assert (result.outcome, told.outcome, told.reason) == (Outcome.ERROR, Outcome.ERROR, result.reason)
    reason = str(told.reason)
    assert reason.startswith(f"unexpected {type(error).__name__}: ")
    assert reason.endswith(f"; the log {stage.folder}/obmen.log has the details")
    assert "\n" not in reason
    assert "Traceback" in stage.log()


async def test_many_confirms_at_once_in_one_process(stage: Stage) -> None:
    results = await asyncio.gather(*(stage.launch(key=f"{n % 3}") for n in range(12)))
    outcomes = [result.outcome for result in results]
    assert outcomes.count(Outcome.CREATED) == 1
    assert set(outcomes) <= {Outcome.CREATED, Outcome.JOINED, Outcome.REPLAYED}
    assert (sessions(stage), stage.sent) == (1, [1])
    assert len({result.request_id for result in results}) == 12
    attempts = await stage.journal.attempts()
    assert {a.request_id: a.outcome for a in attempts} == {r.request_id: r.outcome for r in results}
