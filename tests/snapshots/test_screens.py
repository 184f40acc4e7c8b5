"""What the screens look like, reached by keys only, with fixed sessions and a clock that stands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
from fixed_journal import NOW, RUNNING, SESSIONS, SOURCE, FixedJournal, at, session
from textual.pilot import Pilot
from tui_stage import settled

from importers import doctor
from importers.errors import DatabaseError
from importers.events import Counts, Options
from importers.launch import LaunchRequest, LaunchResult
from importers.launch.holdings import Held, RecordCounts, View
from importers.origins import Value
from importers.sessions.finding import Page
from importers.sessions.models import Outcome, Status
from importers.texts import Message
from tui.app import ObmenApp
from tui.screens import launch
from tui.screens import settings as settings_screen

SIZES = {"60x20": (60, 20), "80x24": (80, 24), "140x40": (140, 40)}
SCREENS = {
    "main": (),
    "log_from_the_beginning": ("tab", "home"),
    "failed_summary": ("down", "down", "3"),
    "rejects": ("down", "2"),
    "launch": ("n",),
    "launch_chosen": ("n", "space", "down", "down", "down", "down", "space", "d"),
    "launch_unavailable": ("n", "down", "down", "space"),
    "marked": ("down", "space", "space", "space"),
    "delete": ("down", "space", "space", "x"),
    "filter": ("f", *"customers"),
    "session": ("down", "enter"),
    "session_summary": ("down", "enter", "3"),
    "session_details": ("enter", "6"),
    "jump": (":", "1", "2"),
    "sorted": ("s", "s", "s"),
    "messages": ("ctrl+c", "m"),
    "attempts": ("a", "down"),
    "doctor": ("d",),
    "settings": ("i", "down"),
    "setting": ("i", "down", "enter"),
    "question": ("c",),
    "help": ("question_mark",),
    "palette": ("ctrl+p",),
}
HELD = (
    Held("catalog", 1314, 12, 4_200_000, "2026-03-14T07:12:00Z"),
    Held("attributes", 40, 12, 42_000, "2026-03-14T07:12:00Z"),
    Held("variants", 0, 0, 0, served=False),
    Held("stocks", 12, 2, 812, "2026-03-14T07:15:00Z"),
    Held("prices", 120_400, 1, 42_000_000, "2026-03-14T07:15:00Z"),
    Held("customers", 0, 1, 42_000, "2026-03-13T19:02:00Z"),
    Held("images"),
)
CHECKS = (
    doctor.Check("settings", True, "/etc/obmen/config.toml"),
    doctor.Check("source", True, "/srv/1c/webdata: 14 files, 2026-03-14 07:15 UTC"),
    doctor.Check(
        "redis",
        False,
        "redis://cache:6379 does not answer within 0.3 s",
        'start it, or set [redis] url to ""',
    ),
    doctor.Check("one session per confirm", True, "1 session of 3 presses"),
)


VALUES = [
    Value("language", "ru", "/etc/obmen/config.toml"),
    Value(
        "source.path", "/srv/1c/Обмен с сайтом (основная торговая площадка)/webdata", "$OBMEN_SOURCE__PATH"
    ),
    Value(
        "journal.url", "postgresql://obmen@db.example.internal/shop?schema=journal", "/etc/obmen/config.toml"
    ),
    Value("worker.heartbeat_seconds", "10.0", Message.of("default")),
]


@pytest.fixture
def make(settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ObmenApp]:
    """An app over the fixed journal, and a source that holds HELD."""

    async def has_products(_settings: object) -> bool:
        return False

    async def check(_settings: object, _file: object = None) -> AsyncIterator[doctor.Check]:
        for finding in CHECKS:
            yield finding

    monkeypatch.setattr(doctor, "check", check)
    monkeypatch.setattr(settings_screen, "values", lambda *_settings: VALUES)

    async def views(_counts: RecordCounts, _source: str) -> AsyncIterator[View]:
        yield View(HELD)

    monkeypatch.setattr(RecordCounts, "views", views)
    monkeypatch.setattr(launch, "has_products", has_products)

    def app(language: str, journal: FixedJournal | None = None) -> ObmenApp:
        replaced = msgspec.structs.replace(
            settings, language=language, source=msgspec.structs.replace(settings.source, path=SOURCE)
        )
        return ObmenApp(replaced, journal=journal or FixedJournal(), now=lambda: NOW)

    return app


def pressing(*keys: str) -> Callable[[Pilot[int]], object]:
    async def press(pilot: Pilot[int]) -> None:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)

    return press


@pytest.mark.parametrize(("size", "language"), [("60x20", "ru"), ("80x24", "en"), ("140x40", "ru")])
@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, size: str, language: str, make, snap_compare) -> None:
    assert snap_compare(make(language), run_before=pressing(*SCREENS[name]), terminal_size=SIZES[size])


def test_without_colour(make, snap_compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(make("en"), run_before=pressing("down", "space"), terminal_size=(80, 24))


def test_over_ssh(make, snap_compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    assert snap_compare(make("ru"), run_before=pressing("n", "space"), terminal_size=(80, 24))


def test_empty_journal(make, snap_compare) -> None:
    assert snap_compare(make("ru", FixedJournal(())), run_before=pressing(), terminal_size=(80, 24))


LONG = session(
    1_234_567,
    Status.COMPLETED,
    "stocks",
    "prices",
    operator="Константинопольская Александра Владимировна",
    source="/srv/1c/Обмен с сайтом (основная торговая площадка)/webdata",
    host="server-with-a-long-name.example.internal",
    options=Options(dry_run=True),
    created_at=at(5),
    started_at=at(5),
    finished_at=at(3),
    by_kind={"stocks": Counts(1_234_567, 0, 25, 1_232_084, 0, 2_458, 0)},
)


class Slow(FixedJournal):
    """Does not answer yet."""

    async def find(self, *_wanted: object, **_page: object) -> Page:
        await asyncio.Event().wait()
        raise AssertionError


class Locked(FixedJournal):
    async def find(self, *_wanted: object, **_page: object) -> Page:
        raise DatabaseError("/srv/obmen/journal.sqlite3: locked by another program; close it")


class Joining:
    """A confirm joins what runs already."""

    async def launch(self, request: LaunchRequest) -> LaunchResult:
        return LaunchResult("0badf00d", Outcome.JOINED, RUNNING)


@pytest.mark.parametrize(("size", "language"), [("60x20", "ru"), ("80x24", "en"), ("140x40", "ru")])
@pytest.mark.parametrize(
    ("state", "keys"),
    [
        ("loading", ()),
        ("no_journal", ()),
        ("joined", ("n", "space", "enter")),
        ("long", ()),
        ("long", ("enter", "6")),
        ("long", ("a",)),
    ],
)
def test_state(state: str, keys: tuple[str, ...], size: str, language: str, make, snap_compare) -> None:
    journals = {"loading": Slow, "no_journal": Locked, "long": lambda: FixedJournal((LONG, *SESSIONS))}
    app = make(language, journals.get(state, FixedJournal)())
    app.room._control = Joining
    before = pressing(*keys) if state != "loading" else lambda pilot: pilot.pause()
    assert snap_compare(app, run_before=before, terminal_size=SIZES[size])


@pytest.mark.parametrize("name", ["launch_chosen", "attempts", "doctor", "help"])
def test_without_colour_at_60(name: str, make, snap_compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(make("en"), run_before=pressing(*SCREENS[name]), terminal_size=(60, 20))


@pytest.mark.parametrize("name", ["main", "launch_chosen"])
def test_on_a_light_terminal(name: str, make, snap_compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORFGBG", "0;15")
    assert snap_compare(make("ru"), run_before=pressing(*SCREENS[name]), terminal_size=(80, 24))


def test_very_narrow(make, snap_compare) -> None:
    assert snap_compare(make("ru"), run_before=pressing(), terminal_size=(50, 16))
