"""`obmen worker` as a process, with its log."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from threading import Event, Thread

from importers.catalog import open_catalog
from importers.sessions import Session, Status
from importers.settings import Settings
from importers.worker.celery_dispatch import CeleryDispatcher
from importers.worker.dispatch import dispatcher_for
from support.engine_stage import RedisServer, Stage, staged

CELERY = ("celery", "-A", "importers.worker.celery_app", "worker", "--loglevel=INFO")
"""Celery's own command."""
READY_SECONDS = 40


class CeleryWorker:
    """Its log is read line by line; `said` waits for one."""

    def __init__(
        self,
        settings: Settings | Path,
        *options: str,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = ("tui", "worker"),
    ) -> None:
        """`settings`: those, or the file that has them; `env` beside them. `command`: a module or a file, and its
        arguments."""
        if isinstance(settings, Path):
            told, folder = {"OBMEN_CONFIG": str(settings)}, settings.parent
        else:
            told, folder = settings.to_env() | {"OBMEN_CONFIG": ""}, Path(settings.log.path).parent
        self._terminal, terminal = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, *(() if command[0].endswith(".py") else ("-m",)), *command, *options],
            env={**os.environ, **told, **(env or {})},
            cwd=folder,
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(terminal)
        self.pid = self._process.pid
        self.lines: list[str] = []
        self._came = Event()
        self._reader = Thread(target=self._read)
        self._reader.start()

    def said(self, pattern: str, seconds: float = READY_SECONDS) -> str:
        """The first line that matches, once there is one."""
        checked = 0
        while True:
            self._came.clear()
            is_over = not self._reader.is_alive()
            for line in self.lines[checked:]:
                checked += 1
                if re.search(pattern, line):
                    return line
            if is_over or not self._came.wait(seconds):
                raise AssertionError(f"{pattern} never came:\n" + "".join(self.lines))

    def count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, line)) for line in self.lines)

    def signal(self, number: int, *, group: bool = False) -> None:
        (os.killpg if group else os.kill)(self.pid, number)

    def press(self, keys: bytes) -> None:
        """In its terminal."""
        os.write(self._terminal, keys)

    def hang_up(self) -> None:
        """Close its terminal."""
        terminal, self._terminal = self._terminal, -1
        os.close(terminal)

    def wait(self, seconds: float = 60) -> int:
        code = self._process.wait(seconds)
        self._reader.join()
        return code

    def end(self) -> None:
        if self._process.poll() is None:
            self.signal(signal.SIGKILL, group=True)
            self._process.wait()
        self._reader.join()
        if self._terminal >= 0:
            self.hang_up()
        assert self._process.stdout
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(line)
            self._came.set()
        self._came.set()


@contextmanager
def celery_worker(
    settings: Settings | Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    command: tuple[str, ...] = ("tui", "worker"),
) -> Iterator[CeleryWorker]:
    worker = CeleryWorker(settings, *options, env=env, command=command)
    try:
        worker.said(r" ready\.")
        yield worker
    finally:
        worker.end()


@asynccontextmanager
async def celery_stage(folder: Path, redis: RedisServer) -> AsyncIterator[Stage]:
    """A stage whose sessions go through this broker."""
    sections = {"redis": {"url": redis.url}, "worker": {"engine": "celery"}}
    async with staged(folder, **sections) as stage:
        await (await open_catalog(stage.settings.catalog.url)).close()
        stage.dispatcher = dispatcher_for(stage.settings)
        assert isinstance(stage.dispatcher, CeleryDispatcher)
        yield stage


async def launched(stage: Stage) -> Session:
    result = await stage.launch()
    assert result.session, result
    return await stage.journal.session(result.session.id)


@contextmanager
def catalog_locked(stage: Stage) -> Iterator[None]:
    """Meanwhile a worker that has claimed its session gets no further."""
    with closing(sqlite3.connect(stage.folder / "catalog.sqlite3", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield


async def claimed(stage: Stage, session_id: int) -> int:
    """The pid of its worker, once it has one."""
    watch = stage.journal.watch()
    async with asyncio.timeout(40):
        while (session := await stage.journal.session(session_id)).status is not Status.IN_PROGRESS:
            await watch.changed(1)
    assert session.owner
    return int(session.owner.rpartition(":")[2])
