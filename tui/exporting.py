"""Sessions and rejects as files of CSV, logs as text: what the commands print, in files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from importers.errors import UnknownSession, UsageError
from importers.events import Counts
from importers.output import REJECT_COLUMNS, log_line, reject_row, write_csv
from importers.sessions.finding import Order, SessionFilter
from importers.texts import N_

if TYPE_CHECKING:
    from importers.sessions import Journal, Session

PAGE = 1000
COUNTS = Counts.__struct_fields__
SESSION_COLUMNS = (
    "id", "request_id", "shop", "kinds", "status", "dry_run", "created_at", "started_at", "finished_at", "operator",
    "host", "source", *COUNTS, "error",
)  # fmt: skip


async def write_sessions(
    journal: Journal, wanted: SessionFilter, order: Order, marked: frozenset[int], now: datetime
) -> tuple[Path, int]:
    """The marked sessions, or else all that match; the file, and how many are in it. Raises UsageError."""
    with _opened("sessions", now) as (path, file):
        write = partial(_write, file)
        await write([SESSION_COLUMNS])
        count = 0
        if marked:
            rows: list[Sequence[object]] = []
            for session_id in sorted(marked, reverse=True):
                try:
                    rows.append(_session_row(await journal.session(session_id)))
                except UnknownSession:
                    continue
            await write(rows)
            return path, len(rows)
        place = None
        while True:
            page = await journal.find(wanted, order, after=place, limit=PAGE)
            await write(_session_row(session) for session in page.sessions)
            count += len(page.sessions)
            if (place := page.rest) is None:
                return path, count


async def write_log(
    journal: Journal, session_id: int, now: datetime, folder: Path | None = None
) -> tuple[Path, int]:
    """The whole log of a session as text; the file, and how many lines are in it. Raises UsageError."""
    with _opened(f"log-{session_id}", now, ".txt", folder) as (path, file):
        count = last = 0
        while found := await journal.events(session_id, after=last, limit=PAGE):
            await asyncio.to_thread(file.writelines, [f"{log_line(line)}\n" for line in found])
            count, last = count + len(found), found[-1].id
        return path, count


async def write_rejects(journal: Journal, session_id: int, now: datetime) -> tuple[Path, int]:
    """All rejects of a session that are kept; the file, and how many are in it. Raises UsageError."""
    with _opened(f"rejects-{session_id}", now) as (path, file):
        write = partial(_write, file)
        await write([REJECT_COLUMNS])
        count = last = 0
        while found := await journal.rejects(session_id, after=last, limit=PAGE):
            await write(map(reject_row, found))
            count, last = count + len(found), found[-1].id
        return path, count


async def _write(file: TextIO, rows: Iterable[Sequence[object]]) -> None:
    """Without holding up the screen."""
    await asyncio.to_thread(write_csv, file, list(rows))


def _session_row(session: Session) -> tuple[object, ...]:
    counts = session.counts
    return (
        session.id, session.request_id, session.shop, " ".join(session.kinds), session.status.value,
        int(session.options.dry_run), session.created_at, session.started_at, session.finished_at, session.operator,
        session.host, session.source, *(getattr(counts, field) for field in COUNTS), str(session.error or ""),
    )  # fmt: skip


@contextmanager
def _opened(
    what: str, now: datetime, suffix: str = ".csv", folder: Path | None = None
) -> Iterator[tuple[Path, TextIO]]:
    """A new file in the working directory, or in `folder`."""
    path = (folder or Path.cwd()) / f"obmen-{what}-{now.astimezone():%Y%m%d-%H%M%S}{suffix}"
    try:
        with path.open("x", encoding="utf-8", newline="" if suffix == ".csv" else None) as file:
            yield path, file
    except OSError as error:
        raise UsageError(N_("{path} cannot be written: {error}"), path=path, error=error.strerror) from None
