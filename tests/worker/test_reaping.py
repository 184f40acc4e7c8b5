"""The process beside a worker that looks after sessions goes on, whatever one look meets."""

from __future__ import annotations

import asyncio

import pytest
from support.engine_stage import Stage

from importers.errors import DatabaseError
from importers.settings import Settings
from importers.worker import reaping


async def test_what_keeps_it_from_looking_is_logged_once_and_it_looks_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    down, bug = DatabaseError("the journal is gone"), ZeroDivisionError("a bug")
    looks = [down, down, bug, bug, bug, None, bug]
    done = asyncio.Event()

    async def reap_once(_settings: Settings) -> None:
        if not looks:
            done.set()
        elif error := looks.pop(0):
            raise error

    monkeypatch.setattr(reaping, "_reap_once", reap_once)
    monkeypatch.setattr(reaping, "REAP_SECONDS", 0)
    looking = asyncio.create_task(reaping.keep_reaping(stage.settings))
    await asyncio.wait({looking, asyncio.create_task(done.wait())}, return_when=asyncio.FIRST_COMPLETED)
    assert not looking.done()
    looking.cancel()
    log = stage.log()
    assert log.count("looking after sessions: the journal is gone") == 1
    assert log.count("looking after sessions: a bug") == 2
    assert log.count("Traceback") == 2
