"""The log file of launches and workers: one line an entry, appended by any number of processes and accounts.

A log that cannot be written stops nothing: the journal has the same.
"""

from __future__ import annotations

import logging
import time
from functools import cache
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path

from importers.shared_files import make_file
from importers.texts import N_, Message, plain, shorten

LONGEST_ENTRY = 20_000
"""Characters: a traceback is well within it, what an export calls an id may not be."""


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = shorten(super().format(record), LONGEST_ENTRY)
        return "\n".join(map(plain, text.split("\n")))  # a traceback has several lines


class _LogFile(WatchedFileHandler):
    """Opened with the first entry, and anew after a rotation."""

    def _open(self) -> TextIOWrapper:
        make_file(Path(self.baseFilename))
        return super()._open()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Nothing: the standard one writes a traceback over the screen."""


@cache
def log_to(path: str) -> logging.Logger:
    """A logger that appends to `path` (made, with its folder) and nowhere else."""
    formatter = _Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(process)d %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = _LogFile(path, encoding="utf-8", delay=True)
    handler.setFormatter(formatter)
    logger = logging.Logger(path, logging.INFO)
    logger.addHandler(handler)
    return logger


def unexpected(error: Exception, path: str) -> Message:
    """What is told of a bug, of which the log at `path` has the traceback."""
    return Message.of(
        N_("unexpected {error}; the log {path} has the details"),
        error=f"{type(error).__name__}: {error}"[:200],
        path=path,
    )
