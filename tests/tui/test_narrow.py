"""What is too long for a narrow screen is shortened so that it says the same, or stands on a line of its own."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from fixed_journal import NOW, RUNNING, session
from main_stage import MovingJournal, staged
from rich.text import Text
from textual.widgets import Static

from importers import doctor
from importers.doctor import Check
from importers.events import Changes, Counts, FileRead, Options, PriceChange, StockLoss
from importers.sessions import Status
from importers.sessions.details import Files, FileTold, Gains, KindStanding, Standing
from importers.sessions.models import StoredReject
from importers.settings import Settings
from importers.texts import _
from tui import present, reports
from tui.widgets.bars import Bar, KeyBar, TabBar
from tui.widgets.rejects import RejectsPane
from tui.widgets.sessions import fitting
from tui.widgets.text_pane import TextPane

NAME = "rests/rests_1_1_5c086757-7615-4ff4-9811-99df1f4f5dd7.xml"
SIZES = pytest.mark.parametrize("size", [(60, 20), (80, 24), (140, 40)])
LANGUAGES = pytest.mark.parametrize("language", ["en", "ru"])


class LongNames(MovingJournal):
    """Files as 1C names them now."""

    async def rejects(
        self, session_id: int, *, after: int = 0, reason: str | None = None, limit: int = 1000
    ) -> list[StoredReject]:
        found = await super().rejects(session_id, after=after, reason=reason, limit=limit)
        return [msgspec.structs.replace(one, file=NAME, line=123_000 + one.id) for one in found]


@SIZES
async def test_the_line_of_a_reject_is_seen_whatever_its_file_is_called(
    settings: Settings, size: tuple[int, int]
) -> None:
    async with staged(settings, LongNames(), size) as stage:
        await stage.press("down", "enter", "2")
        table = stage.app.screen.query_one(RejectsPane).table
        room = table.ordered_columns[0].width
        places = [str(table.get_row_at(y)[0]) for y in range(table.row_count)]
        assert [place.rpartition(":")[2] for place in places] == ["123001", "123002", "123003"]
        assert all(place.startswith("rests") and len(place) <= room for place in places)


@LANGUAGES
@SIZES
async def test_files_stand_in_rows_with_their_numbers(
    settings: Settings, size: tuple[int, int], language: str
) -> None:
    numbers = FileRead(NAME, {"offer": 123_456}, 789, 1.25)
    files = Files(
        tuple(FileTold(f"{n}{NAME}", 999_000_000, "2026-03-14T07:12:00Z", {"a": numbers}) for n in "12")
    )
    async with staged(msgspec.structs.replace(settings, language=language)):
        width = size[0] - 3
        lines = reports.files(reports.Details(files=files), NOW, width).plain.splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == (6 if size[0] == 60 else 3)
    assert lines[-1].split()[-1] in {"1.2", "1,2", "1.3", "1,3"}
    assert "789" in lines[-1]
    if size[0] != 80:
        assert any(line.startswith(f"1{NAME}") for line in lines)


@SIZES
async def test_files_of_one_name_can_be_told_apart(settings: Settings, size: tuple[int, int]) -> None:
    names = [f"exchange/webdata/files/{place}/goods_1_1_872a8dd1.xml" for place in ("one", "two")]
    files = Files(tuple(FileTold(name, 1_000, "2026-03-14T07:12:00Z", {}) for name in names))
    async with staged(settings):
        lines = reports.files(reports.Details(files=files), NOW, size[0] - 3).plain.splitlines()
    told = [line.split()[0] for line in lines if line.startswith("exchange")]
    assert told == names


@LANGUAGES
async def test_a_dry_run_is_called_so_as_long_as_that_matters(settings: Settings, language: str) -> None:
    word = {"en": "dry", "ru": "проба"}[language]
    async with staged(msgspec.structs.replace(settings, language=language)):
        for status in (Status.STARTED, Status.IN_PROGRESS, Status.COMPLETED, Status.FAILED):
            told = present.state(
                session(1, status, "prices", options=Options(dry_run=True), done=9_900, total=10_000)
            )
            assert word in told
            assert present.width(told) <= 14
            assert word not in present.state(session(1, status, "prices"))


def test_records_of_an_ended_session_are_those_of_its_counts() -> None:
    ended = session(1, Status.COMPLETED, "prices", by_kind={"prices": Counts(4884, 0, 0, 4599, 0, 285)})
    standing = Standing(1.0, None, "", "", 4599, 10.0, 0.0, {}, (4599.0,), 1.0)
    page: Text = reports.summary(ended, reports.Details(standing), NOW, 80)
    assert page.plain.startswith("4\N{NO-BREAK SPACE}884 records, 27 records/s"), "of three minutes"


def test_an_export_that_was_not_read_again_has_no_rate() -> None:
    ended = session(1, Status.COMPLETED, "prices", by_kind={"prices": Counts(4884, 0, 0, 4884)})
    standing = Standing(1.0, None, "", "", 0, 0.0, None, {}, (0.0,), 1.0)
    page: Text = reports.summary(ended, reports.Details(standing), NOW, 80)
    assert page.plain.splitlines()[0] == "4\N{NO-BREAK SPACE}884 records"


@LANGUAGES
async def test_how_far_each_type_is_stands_in_percent(settings: Settings, language: str) -> None:
    running = session(1, Status.IN_PROGRESS, "prices", done=9_900, total=10_000)
    standing = Standing(
        0.26, "prices", "read", NAME, 75_091, 9935.4, 59.0, {"prices": KindStanding(0.26, 0.0, 75_091)}
    )
    async with staged(msgspec.structs.replace(settings, language=language)):
        page = reports.summary(running, reports.Details(standing), NOW, 57).plain
    told = {
        "en": ("26% read, 0% merged", "75 091 records, 9 935 records/s"),
        "ru": ("прочитано 26%, записано 0%", "75 091 запись, 9 935 зап./с"),
    }
    assert all(text in page.replace("\N{NO-BREAK SPACE}", " ") for text in told[language])


@pytest.mark.parametrize("width", [60, 80, 140])
def test_each_file_that_is_read_tells_how_far_it_is(width: int) -> None:
    running = session(1, Status.IN_PROGRESS, "prices", done=4_300, total=10_000)
    files = {"webdata/prices0_1.xml": 0.999, "webdata/prices1_1.xml": 0.04}
    standing = Standing(0.43, "prices", "read", "webdata/prices0_1.xml", 0, 0.0, None, {}, reading=files)
    lines = reports.summary(running, reports.Details(standing), NOW, width).plain.splitlines()
    read_now = ["  webdata/prices0_1.xml  99%", "  webdata/prices1_1.xml  4%"]
    assert lines[1:4] == ["Product prices: reading", *read_now]
    lines = reports.files(reports.Details(standing), NOW, width, ended=False).plain.splitlines()
    assert lines == ["Being read now:", *read_now]
    read = Files((FileTold("webdata/import.xml", 1_000, "2026-03-14T07:12:00Z", {}),))
    lines = reports.files(reports.Details(standing, read), NOW, width, ended=False).plain.splitlines()
    assert lines[:4] == ["Being read now:", *read_now, ""]
    assert any(line.startswith("webdata/import.xml") for line in lines[4:])


@pytest.mark.parametrize("width", [57, 77, 137])
@LANGUAGES
async def test_every_count_of_the_summary_has_its_title(
    settings: Settings, width: int, language: str
) -> None:
    many = Counts(1_234, 0, 12, 4_599, 0, 285)
    ended = session(1, Status.COMPLETED, "properties", by_kind={"properties": many})
    tables = {"property_value": many, "product_type": many}
    details = reports.Details(gains=Gains({"properties": Changes("properties", tables)}))
    async with staged(msgspec.structs.replace(settings, language=language)):
        head, row, *_rest = reports.summary(ended, details, NOW, width).plain.splitlines()
    assert "…" not in head
    assert len(head) == len(row) <= width
    *columns, _orphans = reports.COLUMNS
    with_titles = ("".join(_(column[place]) for column in columns) for place in (1, 2))
    assert head.strip().removeprefix(present.kind("properties")).replace(" ", "") in {
        titles.replace(" ", "") for titles in with_titles
    }
    assert row.replace("\N{NO-BREAK SPACE}", "").split()[-6:] == ["1234", "0", "12", "4599", "0", "285"]


@LANGUAGES
async def test_amounts_in_changes_are_written_as_the_reader_does(settings: Settings, language: str) -> None:
    price = PriceChange("1", "Чай", "Розничная", "1250000.50", "0.5", "руб", -100.0)
    losses = (StockLoss("1", "Чай", 1_234_567.0, 0.1 + 0.2),)
    changes = Changes("prices", {}, prices=(price,), raised=0, lowered=1, stocks=losses, emptied=0)
    ended = session(1, Status.COMPLETED, "prices")
    async with staged(msgspec.structs.replace(settings, language=language)):
        page = reports.changes(ended, Gains({"prices": changes})).plain.replace("\N{NO-BREAK SPACE}", " ")
    sign = {"en": ".", "ru": ","}[language]
    assert f"-100%  1 250 000{sign}50 > 0{sign}5 руб  Чай" in page
    assert f"1 234 567 > 0{sign}3  Чай" in page


@pytest.mark.parametrize(
    ("zone", "offset"), [("UTC-3", "+03"), ("XXX-5:30", "+05:30"), ("XXX+3:30", "-03:30")]
)
def test_a_time_of_day_has_its_offset(monkeypatch: pytest.MonkeyPatch, zone: str, offset: str) -> None:
    at = "2026-03-14T12:00:07.000Z"
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert present.when(at, present.parse(at)).endswith(offset)
        assert present.clock(at) == f"{present.parse(at).astimezone():%H:%M:%S}{offset}"
        assert present.clock(at, seconds=False).endswith(offset)
        assert present.moment(at).endswith(f" {offset}" if ":" in offset else f" {offset}:00")
        assert present.when(at, present.parse("2027-03-14T12:00:07.000Z")) == "2026-03-14"
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_pages_of_a_session_scroll_by_letters_of_both_layouts(settings: Settings) -> None:
    async with staged(settings, size=(60, 10)) as stage:
        await stage.press("down", "enter", "6")
        pane = stage.app.screen.query_one("#details", TextPane)
        pane.focus()
        end = pane.max_scroll_y
        assert end > 2
        for key, wanted in (
            ("j", 1),
            ("о", 2),
            ("k", 1),
            ("л", 0),
            ("G", end),
            ("п", 0),
            ("end", end),
            ("b", 0),
        ):
            await stage.press(key)
            assert pane.scroll_offset.y == wanted, key


async def test_that_a_retry_would_be_dry_is_asked_as_well(settings: Settings) -> None:
    dry = session(1, Status.COMPLETED, "prices", options=Options(dry_run=True))
    async with staged(settings, MovingJournal([dry])) as stage:
        await stage.press("r")
        (question,) = (str(text.render()) for text in stage.app.screen.query(Static))
        assert question.endswith("again? (dry run: nothing is written)")


@LANGUAGES
@pytest.mark.parametrize("width", [50, 60, 80, 140])
@pytest.mark.parametrize("shops", [True, False])
async def test_how_many_were_rejected_stands_in_the_row_at_every_width(
    settings: Settings, language: str, width: int, shops: bool
) -> None:
    ended = session(1, Status.COMPLETED, "prices", by_kind={"prices": Counts(9000, 0, 0, 6091, 0, 2909)})
    async with staged(msgspec.structs.replace(settings, language=language)):
        fields = fitting(width, shops=shops)
        row = [(field.text(ended, NOW, field.column.width), field.column.width) for field in fields]
    told = [(text, room) for text, room in row if "2909" in text.plain.replace("\N{NO-BREAK SPACE}", "")]
    assert told
    assert all(text.cell_len <= room for text, room in told)


@LANGUAGES
@pytest.mark.parametrize("width", [50, 60, 80, 140])
@pytest.mark.parametrize("shops", [True, False])
async def test_how_many_types_there_are_stands_behind_a_cut_name(
    settings: Settings, language: str, width: int, shops: bool
) -> None:
    several = session(1, Status.COMPLETED, "attributes", "catalog", "prices")
    async with staged(msgspec.structs.replace(settings, language=language)):
        (field,) = (field for field in fitting(width, shops=shops) if field.column.key == "type")
        cell = field.cell(several, NOW)
        names = present.kind("attributes"), _("attributes")
    assert cell.cell_len <= field.column.width
    assert cell.plain.endswith(" +2")
    shown = cell.plain.removesuffix(" +2").removesuffix("…")
    assert any(name.startswith(shown) for name in names)


class Under(MovingJournal):
    """A session runs, and tells how long it will."""

    async def detail(self, session_id: int, of: type) -> Any:
        return Standing(0.5, "prices", "read", NAME, 1, 1.0, 59.0, {}) if of is Standing else None


@LANGUAGES
@SIZES
async def test_how_far_it_is_and_whose_it_is_stand_in_the_top_line_at_every_width(
    settings: Settings, size: tuple[int, int], language: str
) -> None:
    async with staged(msgspec.structs.replace(settings, language=language), Under(), size) as stage:
        line = stage.screen.query_one("#head", Bar).render().plain
        assert {"en": "0:59 left", "ru": "осталось 0:59"}[language] in line
        state = present.state(RUNNING) if size[0] > 80 else present.short_state(RUNNING)
        assert f" {state} #{RUNNING.id} " in line
        assert f" · {RUNNING.operator}" in line
        assert (present.kinds(RUNNING) in line) == (size[0] > 60)


@LANGUAGES
@SIZES
async def test_how_far_a_session_is_stands_above_its_log_at_every_width(
    settings: Settings, size: tuple[int, int], language: str
) -> None:
    async with staged(msgspec.structs.replace(settings, language=language), Under(), size) as stage:
        line = stage.screen.query_one("#standing", Static)
        told = str(line.render())
        assert "█" in told
        assert " 43%" in told
        assert {"en": "0:59 left  1 records/s", "ru": "осталось 0:59  1 зап./с"}[language] in told
        assert len(told) <= line.size.width
        await stage.press("3")
        assert not line.display
        await stage.press("1", "down")
        assert not line.display


async def test_tabs_that_just_fit_are_whole(settings: Settings) -> None:
    async with staged(settings, MovingJournal([session(1, Status.COMPLETED, "prices")]), (60, 20)) as stage:
        await stage.press("enter")
        bar = stage.app.screen.query_one(TabBar).render().plain
        assert bar == "[1 Log] 2 Rejects  3 Summary  4 Changes  5 Files  6 Details "
        await stage.press("5")
        pane = stage.app.screen.query_one("#files", TextPane)
        assert "No file was read" in str(pane.query_one(Static).render())


async def test_what_a_running_session_has_not_told_yet_is_not_denied(settings: Settings) -> None:
    async with staged(settings) as stage:
        await stage.press("enter")
        for key, tab in (("4", "changes"), ("5", "files")):
            await stage.press(key)
            pane = stage.app.screen.query_one(f"#{tab}", TextPane)
            assert str(pane.query_one(Static).render()) == "Not known yet: the session has not ended."


@pytest.mark.parametrize(("width", "digits"), [(65, 5), (80, 7)])
def test_when_a_session_began_stands_in_the_row_before_how_long_it_took(width: int, digits: int) -> None:
    """Also where there are several shops and a million sessions."""
    keys = [field.column.key for field in fitting(width, shops=digits > 5, digits=digits)]
    assert "started" in keys
    assert "duration" not in keys
    assert {"started", "duration"} <= {field.column.key for field in fitting(80)}


async def test_that_more_was_copied_than_is_told_is_seen(settings: Settings) -> None:
    async with staged(settings) as stage:
        stage.app.room.taking.copy("one\ntwo")
        stage.app.room.taking.copy("a" * 41)
        assert [said.rpartition(": ")[2] for said in stage.said()] == ["one …", "a" * 39 + "…"]


def test_paths_are_broken_between_folders() -> None:
    text = "» /srv/exchange/shop/obmen.log cannot be written"
    assert present.broken(text, 18).split("\n") == ["» /srv/exchange/", "shop/obmen.log", "cannot be written"]
    assert present.broken("a" * 7 + " b", 5).replace("\n", "").replace(" ", "") == "a" * 7 + "b"


@LANGUAGES
@SIZES
async def test_the_doctor_breaks_no_name(
    settings: Settings, size: tuple[int, int], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/srv/1c/webdata/exchange-of-the-shop/obmen/state/obmen.log"

    async def check(*_args: object) -> AsyncIterator[Check]:
        yield Check("log", False, f"{path}: cannot be written", f"give {path} to this account")

    monkeypatch.setattr(doctor, "check", check)
    settings = msgspec.structs.replace(settings, language=language)
    async with staged(settings, MovingJournal(), size) as stage:
        await stage.press("d")
        pane = stage.app.screen.query_one("#page", Static)
        lines = [pane.render_line(y).text.strip() for y in range(pane.size.height)]
        assert sum("obmen.log" in line for line in lines) == 2


@LANGUAGES
@SIZES
async def test_keys_of_a_pair_are_shown_together(
    settings: Settings, size: tuple[int, int], language: str
) -> None:
    settings = msgspec.structs.replace(settings, language=language)
    async with staged(settings, MovingJournal(), size) as stage:
        await stage.press("down", "enter")
        for width in range(40, size[0] + 1, 7):
            await stage.pilot.resize_terminal(width, size[1])
            bar = stage.app.screen.query_one(KeyBar).render().plain
            assert (" [ " in bar) == (" ] " in bar), width


def test_how_far_they_are_takes_no_room_where_none_runs() -> None:
    assert "progress" in [field.column.key for field in fitting(140, running=True)]
    assert "progress" not in [field.column.key for field in fitting(140, running=False)]
