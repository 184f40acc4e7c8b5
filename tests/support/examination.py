"""Having `obmen doctor` examine settings, and what may be found before and after it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from importers import doctor
from importers.catalog import open_catalog
from importers.doctor import Check
from importers.sessions import open_journal
from importers.settings import Settings


async def make_databases(settings: Settings) -> None:
    await (await open_journal(settings.journal.url)).close()
    await (await open_catalog(settings.catalog.url)).close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def examine(settings: Settings) -> dict[str, Check]:
    return {result.name: result async for result in doctor.check(settings)}


def failing(found: dict[str, Check]) -> dict[str, str]:
    """What fails, and with which cure."""
    return {name: result.cure for name, result in found.items() if not result.ok}


def query(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(sql)
