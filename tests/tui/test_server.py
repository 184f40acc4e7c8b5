"""A journal on a server: what another host does is seen at once, a lost server is said, and nothing is lost with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import msgspec
import pytest
from support.engines import PostgresHand
from support.proxy import Line, line_to
from textual.widgets import Static

from importers.events import Log
from importers.processes import this_process
from importers.sessions import Status, open_journal
from importers.sessions.models import NewSession, Options
from importers.settings import Journal, Settings
from importers.texts import Message
from importers.worker.dispatch import WAITING
from tests.tui.tui_stage import settled
from tui.app import ObmenApp
from tui.room import WATCH_SECONDS
from tui.widgets.sessions import SessionTable

NEW = NewSession("r0000001", "k", "h", "t", ("prices",), "/srv/1c", Options(), "a catalog", "anna", "host")


@pytest.fixture
def line(hand: PostgresHand) -> Iterator[Line]:
    with line_to(hand.url) as line:
        yield line


@pytest.fixture
def served(settings: Settings, line: Line) -> Settings:
    return msgspec.structs.replace(settings, journal=Journal(line.url))


async def test_another_hosts_session_is_seen_at_once(served: Settings) -> None:
    app = ObmenApp(served)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        other = await open_journal(served.journal.url)
        try:
            table = app.screen.query_one(SessionTable)
            assert not table.sessions
            await other.create(NEW, 5, [])
            began = time.monotonic()
            while not table.sessions:  # noqa: ASYNC110 (what is shown can only be looked at)
                await asyncio.sleep(0.005)
            assert time.monotonic() - began < WATCH_SECONDS / 2, "it was told, and not asked for"
            assert table.sessions[0].operator == "anna"
        finally:
            await other.close()


async def test_a_lost_server_is_said_for_as_long_as_it_is_lost(served: Settings, line: Line) -> None:
    app = ObmenApp(served)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        line.go_down()
        while not (found := app.screen.query("#trouble")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        said = str(found.first(Static).render())
        assert "no connection to the journal: reconnecting since " in said
        line.is_down = False
        while app.screen.query("#trouble"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        other = await open_journal(served.journal.url)
        try:
            await other.create(NEW, 5, [])
            while not app.screen.query_one(SessionTable).sessions:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        finally:
            await other.close()


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_why_no_worker_has_a_session_yet_is_said(settings: Settings, size: tuple[int, int]) -> None:
    journal = await open_journal(settings.journal.url)
    try:
        _outcome, session = await journal.create(NEW, 5, [])
        await journal.mark_dispatched(session.id, this_process())
        await journal.note_waiting(session.id, Message.of(WAITING, error="redis://…: refused"))
        app = ObmenApp(settings)
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            line = app.screen.query_one("#waiting", Static)
            assert line.region.height, "it is seen"
            assert str(line.render()) == "waiting for the broker: redis://…: refused"
            await journal.finish(session.id, session.fence, Status.FAILED, {}, None, Log("info", "x"))
            while line.display:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        await journal.close()
