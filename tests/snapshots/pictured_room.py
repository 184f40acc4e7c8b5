"""The room as pictures are taken of it: over fixed sessions, a source that holds the same each time, a clock that
stands, and without painting what nobody looks at."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
import pytest
from fixed_journal import NOW, SOURCE, FixedJournal
from taking_pictures import taken
from textual._compositor import Compositor
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot
from textual.widgets import Input
from told_journal import SlowJournal, ToldJournal
from tui_stage import settled

from importers import doctor
from importers.launch import LaunchRequest, LaunchResult
from importers.launch.holdings import Held, RecordCounts, View
from importers.origins import Value
from importers.settings import Catalog, Settings, Shop
from importers.texts import Message
from tui.app import ObmenApp
from tui.screens import launch
from tui.screens import settings as settings_screen

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
SIZES = {"60x20": (60, 20), "80x24": (80, 24), "140x40": (140, 40)}

Keys = Sequence[str]


@dataclass(frozen=True)
class Walk:
    """Through one room: what is pressed from state to state, each of which is pictured."""

    states: Mapping[str, Keys]
    journal: Callable[[], FixedJournal] = ToldJournal
    answer: LaunchResult | None = None
    """What comes of a confirm."""
    shops: tuple[str, ...] = ()
    read_only: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)


class Answering:
    """Stands for the engine, of which a confirm asks."""

    def __init__(self, answer: LaunchResult) -> None:
        self._answer = answer

    async def launch(self, _request: LaunchRequest) -> LaunchResult:
        return self._answer

    async def retry(self, _session_id: int) -> LaunchResult:
        return self._answer


@dataclass(frozen=True)
class Studio:
    settings: Settings
    monkeypatch: pytest.MonkeyPatch

    async def pictures(
        self, walk: Walk, language: str, sizes: Sequence[str] = tuple(SIZES)
    ) -> dict[str, dict[str, str]]:
        """By state, by size: of one room that is resized to and fro. It looks as one that has always had that size,
        which `test_a_resized_room_looks_as_if_it_had_always_been_so` holds."""
        for name, value in walk.environ.items():
            self.monkeypatch.setenv(name, value)
        app = ObmenApp(self._settings(walk, language), journal=walk.journal(), now=lambda: NOW)
        app.room.record_counts = RecordCounts()
        if walk.answer:
            app.room._control = lambda: Answering(walk.answer)
        found: dict[str, dict[str, str]] = {}
        async with app.run_test(size=SIZES[sizes[0]]) as pilot:
            await quiet(pilot, walk)
            for state, keys in walk.states.items():
                for key, following in pairwise([*keys, ""]):
                    await pilot.press(key)
                    if len(following) != 1 or not isinstance(app.focused, Input):
                        await quiet(pilot, walk)
                now = {sizes[0]: taken(app)}
                for size in sizes[1:]:
                    await pilot.resize_terminal(*SIZES[size])
                    await quiet(pilot, walk)
                    now[size] = taken(app)
                found[state] = {size: now[size] for size in SIZES if size in now}
                sizes = sizes[::-1]  # the next state is come to at the size that the room has
        return found

    def _settings(self, walk: Walk, language: str) -> Settings:
        source = msgspec.structs.replace(self.settings.source, path=SOURCE)
        return msgspec.structs.replace(
            self.settings,
            language=language,
            source=source,
            read_only=walk.read_only,
            shops={
                name: Shop(source, Catalog(f"sqlite:////srv/{name}/catalog.sqlite3")) for name in walk.shops
            },
        )


async def quiet(pilot: Pilot[int], walk: Walk) -> None:
    """Nothing changes any more; a journal that does not answer is not waited for."""
    if walk.journal is SlowJournal:
        await pilot.pause()
    else:
        await settled(pilot)


@pytest.fixture
def studio(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """Where rooms are opened that have HELD, CHECKS and VALUES, and paint nothing but pictures."""

    async def has_products(_settings: object) -> bool:
        return False

    async def check(_settings: object, _file: object = None) -> AsyncIterator[doctor.Check]:
        for finding in CHECKS:
            yield finding

    async def views(_counts: RecordCounts, _source: str) -> AsyncIterator[View]:
        yield View(HELD)

    monkeypatch.setattr(doctor, "check", check)
    monkeypatch.setattr(settings_screen, "values", lambda *_settings: VALUES)
    monkeypatch.setattr(RecordCounts, "views", views)
    monkeypatch.setattr(launch, "has_products", has_products)
    monkeypatch.setattr(Compositor, "render_update", _paint_nothing)
    monkeypatch.setattr(Stylesheet, "_parse_rules", _parse_once)
    gc.collect()
    gc.freeze()
    gc.disable()
    yield Studio(settings, monkeypatch)
    gc.enable()


def _paint_nothing(compositor: Compositor, *_asked: object, **_named: object) -> None:
    compositor._dirty_regions.clear()


_parse_rules = Stylesheet._parse_rules
_parsed: dict[Hashable, list[RuleSet]] = {}


def _parse_once(stylesheet: Stylesheet, *args: Hashable, **named: Hashable) -> list[RuleSet]:
    """The same styles for all rooms."""
    key = (args, *named.items(), *stylesheet._variables.items())
    if key not in _parsed:
        _parsed[key] = _parse_rules(stylesheet, *args, **named)
    return _parsed[key]
