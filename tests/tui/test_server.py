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

from importers.sessions import open_journal
from importers.sessions.models import NewSession, Options
from importers.settings import Journal, Settings
from tests.tui.tui_stage import settled
from tui.app import ObmenApp
from tui.widgets.sessions import SessionTable

NEW = NewSession("r0000001", "k", "h", "t", ("prices",), "/srv/1c", Options(), "a catalog", "anna", "host")


@pytest.fixture
def line(postgres: str) -> Iterator[Line]:
    hand = PostgresHand(postgres)
    with line_to(hand.url) as line:
        yield line
    hand.drop()


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
            assert time.monotonic() - began < 2, "it was told, and not asked for"
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
