"""The list of sessions: its window over a journal of any length, filter, order, marks, files of it."""

from __future__ import annotations

import asyncio
import csv
import time
from datetime import date
from pathlib import Path

import msgspec
import pytest
from fixed_journal import RUNNING, SESSIONS, at, session
from main_stage import MovingJournal, staged
from tui_stage import settled

from importers import texts
from importers.sessions.finding import ALL, NEWEST, Order, Place, SessionFilter
from importers.sessions.models import Status
from importers.settings import Settings
from tui.filters import Filter, Names
from tui.widgets.bars import Bar
from tui.widgets.filter_line import FilterLine
from tui.widgets.sessions import SORTED, fitting


@pytest.mark.parametrize(
    ("text", "ids"),
    [("failed", [14]), ("customers", [13, 12]), ("customers completed", [12]), ("olga", [14, 11, 8, 5, 2]),
     (RUNNING.request_id, [16]), ("nobody", [])],
)  # fmt: skip
async def test_filter(settings: Settings, text: str, ids: list[int]) -> None:
    async with staged(settings) as stage:
        await stage.press("f", *text, "enter")
        assert [row.id for row in stage.table.sessions] == ids
        assert stage.table.has_focus
        await stage.press("escape")
        assert len(stage.table.sessions) == len(SESSIONS)
        assert not stage.screen.query_one(FilterLine).display


async def test_a_filter_understands_the_language_shown(settings: Settings) -> None:
    russian = msgspec.structs.replace(settings, language="ru")
    async with staged(russian) as stage:
        await stage.press("f", *"сбой")
        assert [row.id for row in stage.table.sessions] == [14]


async def test_going_to_a_session_drops_a_filter_that_hides_it(settings: Settings) -> None:
    async with staged(settings) as stage:
        await stage.press("f", *"failed", "enter")
        stage.app.room.show_session.publish(12)
        await settled(stage.pilot)
        assert stage.screen.session is not None
        assert stage.screen.session.id == 12


async def test_the_window_moves_with_the_cursor_through_all_sessions(settings: Settings) -> None:
    many = MovingJournal(
        [session(number, Status.COMPLETED, "prices", created_at=at(1)) for number in range(1, 281)]
    )
    async with staged(settings, many) as stage:
        seen = set()
        for _page in range(11):
            assert stage.screen.session is not None
            assert stage.table.row_count <= 200
            seen |= {row.id for row in stage.table.sessions}
            await stage.press("pagedown", "pagedown")
        assert seen == set(range(1, 281))
        assert stage.screen.session.id == 1
        for _page in range(11):
            await stage.press("pageup", "pageup")
        assert stage.screen.session.id == 280


async def test_both_ends_of_the_journal_are_one_key_away(settings: Settings) -> None:
    many = MovingJournal(
        [session(number, Status.COMPLETED, "prices", created_at=at(1)) for number in range(1, 451)]
    )
    async with staged(settings, many) as stage:
        await stage.press("end")
        assert stage.screen.session is not None
        assert stage.screen.session.id == 1
        assert [row.id for row in stage.table.sessions] == list(range(200, 0, -1))
        stage.journal.put(session(451, Status.STARTED, "stocks"))
        await stage.look()
        assert stage.screen.session.id == 1
        await stage.press("x", "y")
        assert 1 not in [row.id for row in stage.table.sessions]
        await stage.press("home")
        assert stage.screen.session.id == 451


async def test_marks_survive_a_filter_and_are_deleted_wherever_they_are(settings: Settings) -> None:
    async with staged(settings) as stage:
        await stage.press("down", "space", "f", *"customers", "enter")
        assert [row.id for row in stage.table.sessions] == [13, 12]
        await stage.press("space")
        assert stage.table.marks == {15, 13}
        await stage.press("escape")
        assert len(stage.table.sessions) == len(SESSIONS)
        await stage.press("x", "y")
        assert not {15, 13} & set(stage.journal.rows)


class SlowToCount(MovingJournal):
    """Words are counted when `may` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()

    async def count(
        self, wanted: SessionFilter = ALL, order: Order = NEWEST, *, before: Place | None = None
    ) -> int:
        if wanted.words:
            await self.may.wait()
        return await super().count(wanted, order, before=before)


async def test_how_many_match_is_told_when_it_is_known_and_for_the_filter_that_is_typed(
    settings: Settings,
) -> None:
    journal = SlowToCount()

    def told() -> str:
        return stage.screen.query_one("#head", Bar).render().plain.rstrip()

    async def listed(*ids: int) -> None:
        while [row.id for row in stage.table.sessions] != [*ids]:
            await stage.pilot.pause()

    async with asyncio.timeout(20), staged(settings, journal) as stage:
        await stage.press("f", *"customers")
        assert told().endswith(f"2 of {len(SESSIONS)}")
        for letter in " olgax":
            await stage.pilot.press(letter)
        await listed()
        assert told().endswith(f"… of {len(SESSIONS)}"), "not 0, and not that of the filter before"
        for _letter in " olgax":
            await stage.pilot.press("backspace")
        await listed(13, 12)
        await settled(stage.pilot)
        assert told().endswith(f"2 of {len(SESSIONS)}"), "the count of the longer filter is not waited for"
        for letter in " olgax":
            await stage.pilot.press(letter)
        journal.may.set()
        await settled(stage.pilot)
        assert told().endswith(f"0 of {len(SESSIONS)}")


async def test_a_number_leads_to_its_session_past_a_filter(settings: Settings) -> None:
    async with staged(settings) as stage:
        await stage.press("f", *"prices", "enter", ":", *"12", "enter")
        assert stage.screen.session is not None
        assert stage.screen.session.id == 12
        await stage.press("Ж", *"99", "enter")
        assert "There is no session 99" in stage.said()[-1]
        assert stage.screen.session.id == 12


async def test_sorted_by_a_column_and_back(settings: Settings) -> None:
    async with staged(settings) as stage:
        await stage.press("s", "s", "s")  # type, status, rejected
        assert stage.table.sessions[0].counts.rejected == 3
        assert "Rejected▾" in [str(column.label).strip() for column in stage.table.columns.values()]
        await stage.press("S")
        assert stage.table.sessions[0].counts.rejected == 0


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_title_of_the_column_it_is_sorted_by_has_room_for_its_sign(language: str) -> None:
    texts.use(language)
    cut = [
        (width, field.column.title)
        for width in range(60, 200)
        for key, by in SORTED.items()
        for field in fitting(width, sorted_by=by)
        if field.column.key == key and texts.width(texts._(field.column.title)) >= field.column.width
    ]
    assert cut == []


def rows_of(folder: Path) -> list[dict[str, str]]:
    (path,) = folder.glob("obmen-sessions-*.csv")
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


async def test_sessions_are_written_as_csv(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with staged(settings) as stage:
        await stage.press("f", *"failed", "enter", "w")
        (row,) = await asyncio.to_thread(rows_of, tmp_path)
        assert (row["id"], row["status"], row["kinds"]) == ("14", "failed", "catalog prices")
        assert "not well-formed XML: import.xml:77" in row["error"]
        assert "1 session written to" in stage.said()[-1]


async def test_words_find_sessions_of_older_pages(settings: Settings) -> None:
    many = [
        session(number, Status.COMPLETED, "prices", created_at=at(1), operator="anna")
        for number in range(2, 900)
    ]
    old = session(1, Status.FAILED, "customers", created_at=at(1), operator="dmitry")
    async with staged(settings, MovingJournal([old, *many])) as stage:
        await stage.press("f", *"dmitry")
        assert [row.id for row in stage.table.sessions] == [1]
        await stage.press("escape")
        stage.app.room.show_session.publish(1)
        await settled(stage.pilot)
        assert stage.screen.session is not None
        assert stage.screen.session.id == 1


@pytest.mark.parametrize("typed", ["иван", "ИВ"])
def test_an_operator_of_two_names_is_found_by_the_first(typed: str) -> None:
    names = Names(operators={"иван п.": "Иван П.", "ivan": "ivan"})
    assert Filter.parse(f"by:{typed}", names).sessions.operator == "Иван П."
    two = Names(operators={"иван п.": "Иван П.", "иван к.": "Иван К."})
    assert Filter.parse(f"by:{typed}", two).sessions.operator == typed.casefold()


@pytest.mark.parametrize("typed", ["by:иван", "иван", "by:ИВАН"])
def test_an_operator_is_found_however_the_name_is_typed(typed: str) -> None:
    names = Names(operators={"иван": "Иван"})
    assert Filter.parse(typed, names).sessions.operator == "Иван"


@pytest.mark.parametrize(
    ("typed", "since", "until"),
    [
        ("2026-03-14", "2026-03-14T00:00:00.000Z", "2026-03-15T00:00:00.000Z"),
        ("14.3.2026", "2026-03-14T00:00:00.000Z", "2026-03-15T00:00:00.000Z"),
        ("2026-02", "2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"),
        ("2026-12..", "2026-12-01T00:00:00.000Z", None),
        ("..2026-03-14", None, "2026-03-15T00:00:00.000Z"),
        ("2026-03-01..2026-03-14", "2026-03-01T00:00:00.000Z", "2026-03-15T00:00:00.000Z"),
        ("2026-02..14.03.2026", "2026-02-01T00:00:00.000Z", "2026-03-15T00:00:00.000Z"),
        ("2026-03-01.. ..2026-03-14", "2026-03-01T00:00:00.000Z", "2026-03-15T00:00:00.000Z"),
        ("today", "2026-03-14T00:00:00.000Z", None),
        ("yesterday", "2026-03-13T00:00:00.000Z", "2026-03-14T00:00:00.000Z"),
        ("2026-13-99", None, None),
    ],
)
def test_days(typed: str, since: str | None, until: str | None) -> None:
    wanted = Filter.parse(typed, Names(today=date(2026, 3, 14))).sessions
    assert (wanted.since, wanted.until) == (since, until)


@pytest.mark.parametrize(
    ("zone", "since"),
    [
        ("UTC-3", "2026-03-13T21:00:00.000Z"),
        ("XXX-5:45", "2026-03-13T18:15:00.000Z"),
        ("XXX+8", "2026-03-14T08:00:00.000Z"),
    ],
)
def test_days_are_those_of_the_readers_clock(monkeypatch: pytest.MonkeyPatch, zone: str, since: str) -> None:
    """In the journal's own form: times are compared as texts."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert Filter.parse("2026-03-14").sessions.since == since
        assert Filter.parse("14.03.2026..").attempts.since == since
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_request_id_of_digits_alone_may_be_a_number_too() -> None:
    assert Filter.parse("12345678").request_id == "12345678"
    assert Filter.parse("1234567a").request_id == "1234567a"
    assert [word.text for word in Filter.parse("12345678").sessions.words] == ["12345678"]


async def test_no_cell_of_a_written_file_is_a_formula(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    journal = MovingJournal([session(1, Status.COMPLETED, "prices", source="=1+1")])
    async with staged(settings, journal) as stage:
        await stage.press("w")
        (row,) = await asyncio.to_thread(rows_of, tmp_path)
        assert row["source"] == "'=1+1"
