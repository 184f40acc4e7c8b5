"""`obmen worker` as a process, with its log."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from importers.settings import Settings

READY_SECONDS = 40


class CeleryWorker:
    """Its log is read line by line; `said` waits for one."""

    def __init__(
        self,
        settings: Settings | Path,
        *options: str,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = ("-m", "tui", "worker"),
    ) -> None:
        """`settings`: those, or the file that has them; `env` beside them; `command`: of Python."""
        if isinstance(settings, Path):
            told, folder = {"OBMEN_CONFIG": str(settings)}, settings.parent
        else:
            told, folder = settings.to_env() | {"OBMEN_CONFIG": ""}, Path(settings.log.path).parent
        self._process = subprocess.Popen(
            [sys.executable, *command, *options],
            env={**os.environ, **told, **(env or {})},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
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

    def wait(self, seconds: float = 60) -> int:
        code = self._process.wait(seconds)
        self._reader.join()
        return code

    def end(self) -> None:
        if self._process.poll() is None:
            self.signal(signal.SIGKILL, group=True)
            self._process.wait()
        self._reader.join()
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
    settings: Settings | Path, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[CeleryWorker]:
    worker = CeleryWorker(settings, *options, env=env)
    try:
        worker.said(r" ready\.")
        yield worker
    finally:
        worker.end()
