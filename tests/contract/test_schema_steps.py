"""Schemas newer than a program: used where the step says that it disturbs none, else refused with the cure."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.engines import Hand

from importers.database.migrations import write_made
from importers.database.opening import open_database
from importers.database.protocol import Database
from importers.errors import DatabaseError
from importers.events import Options
from importers.processes import this_process
from importers.sessions import open_journal
from importers.sessions.models import NewSession, Status
from importers.sessions.opening import SCHEMAS
from importers.sessions.store import JournalStore

NEW = NewSession("r", "k", "h", "t", ("prices",), "/srv/1c", Options(), "a catalog", "anna", "host")
EXPANDS = "ALTER TABLE session ADD COLUMN colour TEXT;"


def next_version(tmp_path: Path, header: str, statements: str = EXPANDS) -> Path:
    """The schemas of a program to come."""
    folder = tmp_path / "to come"
    shutil.copytree(SCHEMAS, folder)
    for engine in ("sqlite", "postgres"):
        number = len(list((folder / engine).glob("[0-9]*_*.sql"))) + 1
        text = header.format(before=number - 1, itself=number) + statements
        (folder / engine / f"{number:03}_colour.sql").write_text(text, encoding="utf-8")
    write_made(folder / "sqlite")
    return folder


@asynccontextmanager
async def opened(hand: Hand, folder: Path) -> AsyncIterator[Database]:
    database = await open_database(hand.url, folder, "obmen")
    try:
        yield database
    finally:
        await database.close()


async def test_a_worker_goes_on_while_the_schema_grows_and_older_programs_after_it(
    hand: Hand, tmp_path: Path
) -> None:
    async with opened(hand, SCHEMAS) as older:
        journal = await JournalStore.open(older)
        _outcome, session = await journal.create(NEW, 5, [])
        held = await journal.claim(session.id, session.target, this_process(), 30)
        assert held
        async with opened(hand, next_version(tmp_path, "-- oldest: {before}\n")) as newer:
            assert await newer.fetch("SELECT colour FROM session")
            assert await journal.beat(held.id, held.fence, 30) is Status.IN_PROGRESS
            again = await open_journal(hand.url)  # another one of the older program
            try:
                assert await again.finish(held.id, held.fence, Status.COMPLETED, {})
                assert (await again.session(held.id)).status is Status.COMPLETED
            finally:
                await again.close()
            grown = await JournalStore.open(newer)
            assert (await grown.session(held.id)).status is Status.COMPLETED


@pytest.mark.parametrize("header", ["", "-- oldest: {itself}\n"])
async def test_a_step_that_does_not_say_so_shuts_older_programs_out(
    hand: Hand, tmp_path: Path, header: str
) -> None:
    async with opened(hand, SCHEMAS):
        pass
    async with opened(hand, next_version(tmp_path, header)):
        pass
    with pytest.raises(
        DatabaseError, match=r"made by a newer obmen \(schema \d+, this one knows \d+\); update obmen"
    ):
        await open_journal(hand.url)


async def test_what_a_step_promises_counts_for_its_own_number_only(hand: Hand, tmp_path: Path) -> None:
    async with opened(hand, next_version(tmp_path, "-- oldest: {before}\n")):
        pass
    hand.change("UPDATE obmen_schema SET version = 99")
    with pytest.raises(DatabaseError, match="made by a newer obmen"):
        await open_journal(hand.url)
