"""The line that tells how far an import is: on a terminal, in a pipe, and what is left of it afterwards."""

from __future__ import annotations

import io
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from support.terminal import Terminal

from importers import texts
from importers.cli.live import PLAIN_SECONDS, Live
from importers.cli.progress import Course, Standing, Teller, told_in
from importers.events import Counts
from importers.output import Output
from importers.sample.make import write_export
from importers.sessions import Journal, LogLine, Session, Status, StoredReject
from importers.sessions.details import Standing as Measured
from tests.cli.conftest import Printed
from tests.conftest import Obmen

FULL = Standing(0.43, "Product prices", rate=12_400, seconds_left=35, rejected=3)
UTF8 = {"TERM": "xterm", "LANG": "C.UTF-8"}


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


@pytest.mark.parametrize("signs", [True, False])
@pytest.mark.parametrize(
    "standing",
    [
        FULL,
        Standing(None, "waiting for a worker"),
        Standing(1.0, "名" * 40),
        Standing(0.0, ""),
        Standing(None, ""),
    ],
)
def test_the_line_is_never_wider_than_there_is_room(standing: Standing, signs: bool) -> None:
    for width in range(200):
        text = told_in(width, standing, signs=signs, colours=True)
        assert texts.width(without_colours(text)) <= width
        assert signs or standing.state.startswith("名") or without_colours(text).isascii()


def test_what_matters_most_stays_when_there_is_little_room() -> None:
    def told(width: int) -> str:
        return told_in(width, FULL, signs=False, colours=False)

    assert told(79).endswith(" 43%  Product prices  3 rejected  0:35 left  12 400 records/s")
    assert told(79).startswith("#######..........")
    assert told(59) == "######.........  43%  Product prices  3 rejected  0:35 left", (
        "a bar rather than how fast"
    )
    assert told(40) == "###....  43%  Product prices  3 rejected"
    assert told(32) == " 43%  Product prices  3 rejected"
    assert told(12) == "###....  43%"
    assert told(10) == " 43%"
    assert told_in(200, FULL, signs=True, colours=False).count("█") == 12, "of 30"
    assert texts.fitted("abcdef", 4, "~") == "abc~"


class Told:
    """What the journal tells, look by look, with one reject more at each."""

    def __init__(self, session: Session, *changes: dict[str, Any]) -> None:
        self._looks = [msgspec.structs.replace(session, **change) for change in changes]
        self._rejects = 0

    async def session(self, _session_id: int) -> Session:
        return self._looks.pop(0)

    async def detail(self, _session_id: int, of: type[Measured]) -> Measured:
        return of(0.1, "stocks", "read", "a.xml", 1, 5.5, 7.0, {})

    async def rejects(self, session_id: int, *, after: int) -> list[StoredReject]:
        if after > self._rejects:
            return []
        self._rejects = after + 1
        return [StoredReject(after + 1, session_id, "stocks", "a.xml", 1, "x", "")] if after % 2 == 0 else []


async def test_what_a_journal_tells_of_a_session_that_runs() -> None:
    session = Session(
        1, "r", "t", ("stocks", "prices"), Status.IN_PROGRESS, "s", "t", "o", "h", "2026-01-02T03:04:05.678Z"
    )
    through = {"by_kind": {"stocks": Counts(rejected=7)}}
    told = Told(
        session, {"status": Status.STARTED}, {"done": 10, "total": 100, "running_kind": "stocks"},
        {"done": 98, "total": 100, **through},
        {"status": Status.CANCELLING, **through},
    )  # fmt: skip
    course = Course(cast("Journal", told), 1)
    found = [await course.standing() for _look in range(4)]
    assert [standing.share for standing in found] == [None, 0.1, 0.98, None]
    assert [standing.state for standing in found] == [
        "waiting for a worker",
        "Product stocks",
        "",
        "cancelling",
    ]
    assert [standing.rejected for standing in found][-2:] == [7, 7]
    assert {(standing.rate, standing.seconds_left) for standing in found} == {(5.5, 7.0)}


def teller_in(terminal: Printed, monkeypatch: pytest.MonkeyPatch, environ: Mapping[str, str]) -> Teller:
    monkeypatch.setattr(sys, "stdout", terminal.output)
    teller = Teller(err=False, plain=True)
    teller.live = Live(err=False, environ=environ, clock=Clock())
    return teller


class Clock:
    """Each look at it is a second later."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


WARNING = LogLine(1, 1, "2026-01-02T03:04:05.678Z", "log", "warning", "{path}: left", {"path": "\x1b[2J"})


@pytest.mark.parametrize(("name", "value"), [("LC_ALL", "C"), ("TERM", "linux"), ("LC_ALL", "en_US.UTF-8")])
def test_a_terminal_of_letters_gets_no_signs(
    terminal: Printed, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for variable, set_to in {**UTF8, "LC_ALL": "en_US.UTF-8", name: value}.items():
        monkeypatch.setenv(variable, set_to)
    text = "Чай… → «готово»"
    print(text, end="", file=terminal.output, flush=True)
    assert terminal.read() == (text if value == "en_US.UTF-8" else "Чай~ > <готово>")
    piped = io.StringIO()
    print(text, end="", file=Output(piped))
    assert piped.getvalue() == text, "what programs read is as it is"


@pytest.mark.parametrize(
    ("environ", "colours", "signs"),
    [
        (UTF8, True, True),
        ({**UTF8, "NO_COLOR": "1"}, False, True),
        ({**UTF8, "LANG": "C"}, True, False),
        ({**UTF8, "LC_ALL": "ru_RU.KOI8-R"}, True, False),
        ({**UTF8, "TERM": "linux"}, True, False),
    ],
)
def test_what_a_terminal_can_show(
    terminal: Printed, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], colours: bool, signs: bool
) -> None:
    teller = teller_in(terminal, monkeypatch, environ)
    teller.show(FULL)
    drawn = terminal.read()
    assert drawn.startswith("\r")
    assert drawn.endswith("\x1b[K")
    assert ("\x1b[32m" in drawn, "█" in drawn, "#" in drawn) == (colours, signs, not signs)
    teller.log([WARNING])
    logged = terminal.read()
    assert logged.startswith("\r\x1b[K")
    assert ("\x1b[33mWARNING\x1b[m" in logged) is colours
    assert "\x1b[2J" not in logged, "nothing of the export's"
    terminal.resize(30)
    teller.show(FULL)
    assert texts.width(without_colours(terminal.read()).strip("\r").removesuffix("\x1b[K")) < 30 - len("^C")
    teller.live.clear()
    assert terminal.read() == "\r\x1b[K"
    teller.live.clear()
    assert terminal.read() == "", "nothing to clear"


def test_a_dumb_terminal_has_a_plain_line_now_and_then(
    terminal: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    teller = teller_in(terminal, monkeypatch, {**UTF8, "TERM": "dumb"})
    for percent in range(60):  # as many seconds
        teller.show(FULL._replace(share=percent / 100))
    lines = terminal.read().splitlines()
    assert len(lines) == 60 // PLAIN_SECONDS
    assert all(
        re.fullmatch(r"\d\d:\d\d:\d\d\S{6} \d+% Product prices, 3 rejected, 0:35 left, .*", line)
        for line in lines
    )


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large") / "export"
    write_export(folder, products=8000)
    return folder


@pytest.fixture
def start(obmen: Obmen, export: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Terminal]:
    monkeypatch.chdir(obmen.folder)
    command = [sys.executable, "-m", "tui", "import", "catalog", "--source", str(export)]
    return lambda: Terminal(command, {**os.environ, **UTF8}, size=(80, 24))


def test_an_import_on_a_terminal_ends_with_its_summary(start: Callable[..., Terminal]) -> None:
    with start() as terminal:
        assert terminal.ended(30) == 0
        assert "%  Product catalog" in without_colours(terminal.raw.decode())
        assert "%" not in terminal.text
        assert re.search(r"Type +Read .*\ncatalog +\d+", terminal.text)
        drawn = re.findall(r"\r([^\r\n]*)\x1b\[K", terminal.raw.decode())
        shares = [int(found[1]) for line in drawn if (found := re.search(r"(\d+)%", line))]
        assert shares == sorted(shares)
        assert max(texts.width(without_colours(line)) for line in drawn) < 80 - len("^C")
        assert terminal.left_on() == []


def test_ctrl_c_leaves_a_clean_line(start: Callable[..., Terminal], obmen: Obmen) -> None:
    obmen.json("import", "customers")
    with closing(sqlite3.connect(obmen.catalog, isolation_level=None)) as holder, start() as terminal:
        holder.execute("BEGIN IMMEDIATE")  # however fast the machine is, the import lasts
        terminal.wait_for("Received by worker", 30)
        terminal.press("\x03")
        assert terminal.ended(10) == 130
        last = terminal.text.rstrip().splitlines()
        assert last[-1].startswith("The import goes on. Follow: obmen logs -f 2")
        assert "%" not in terminal.text
        assert "^C" not in terminal.text
