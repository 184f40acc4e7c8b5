"""Guarantee 6: an import goes on when the terminal of whoever launched it is gone."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from support.engine_stage import PEOPLE, Stage, staged

from importers.catalog import open_catalog
from importers.sessions import Status


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The machine's own clock, and a real worker process."""
    async with staged(tmp_path) as made:
        yield made


async def test_a_closed_terminal_leaves_the_import_running(stage: Stage) -> None:
    """`obmen import` follows its session on a terminal that hangs up in the middle, as a dropped SSH line does."""
    catalog = await open_catalog(stage.settings.catalog.url)
    await catalog.close()
    master, slave = pty.openpty()
    with closing(sqlite3.connect(stage.folder / "catalog.sqlite3", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")  # so that the worker is in the middle
        command = subprocess.Popen(  # noqa: ASYNC220 (it starts, and no more)
            [sys.executable, "-m", "tui", "import", "customers"],
            env={**os.environ, **stage.settings.to_env()},
            stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        try:
            os.close(slave)
            async with asyncio.timeout(40):
                while not any(found.status is Status.IN_PROGRESS for found in await stage.journal.sessions()):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            os.close(master)
            assert command.wait(20) in (-signal.SIGHUP, 128 + signal.SIGHUP, 1)
            assert (await stage.journal.session(1)).status is Status.IN_PROGRESS
        finally:
            command.kill()
            command.wait()
        holder.execute("ROLLBACK")
    session = await stage.ended(1)
    assert (session.status, session.error) == (Status.COMPLETED, None)
    assert stage.customers() == PEOPLE
