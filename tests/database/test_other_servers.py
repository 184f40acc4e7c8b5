"""Every server that is installed here, in short: schemas, a launch, an import. One is used by all other tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.catalogs import write
from support.engine_stage import no_processes, staged
from support.engines import PostgresHand
from support.postgres import all_binaries, running_server

from importers.catalog import open_catalog
from importers.events import Log
from importers.processes import this_process
from importers.sessions import Status


@pytest.fixture(
    params=all_binaries()[1:] or [None], ids=lambda place: str(place and place.parent.name), scope="module"
)
def hand(request: pytest.FixtureRequest) -> Iterator[PostgresHand]:
    if request.param is None:
        pytest.skip("no other PostgreSQL here")
    with running_server(request.param) as server:
        yield PostgresHand(server.url)


async def test_a_journal(hand: PostgresHand, tmp_path: Path) -> None:
    async with staged(tmp_path, hand=hand) as stage:
        no_processes(stage)
        watch = stage.journal.watch()
        assert await watch.changed()
        session = (await stage.launch()).session
        assert session
        assert await watch.changed(10)
        taken = await stage.journal.claim(session.id, session.target, this_process(), 30)
        assert taken
        assert await stage.journal.finish(
            taken.id, taken.fence, Status.COMPLETED, {}, None, Log("info", "end")
        )
        assert [line.message for line in await stage.journal.events(taken.id)][-1] == "end"


async def test_a_catalog(hand: PostgresHand) -> None:
    catalog = await open_catalog(PostgresHand(hand._server).url)
    await write(catalog, "a", session=1)
    assert await catalog.applied(journal_id="j", task_id="t1") == b"note 1"
    await catalog.close()
