"""Processes that race for the same launches: `race.py FOLDER PROCESSES TARGETS [naive]`.

Every process confirms once for every target, a shop of FOLDER/config.toml, all at a barrier; neighbours share an
idempotency key, as a double click does. Prints one JSON object: how often each outcome came, and what the journal
holds. With "naive" the check and the insert are two steps, as in the program that this one replaces.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import shutil
import sys
from collections import Counter
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import aiosqlite  # noqa: F401 (before the processes are forked)
from support.dispatchers import RecordingDispatcher
from support.engines import Hand, PostgresHand, SqliteHand

import importers.commerceml.source
import importers.launch.launching
import importers.launch.redis_lock
from importers.addresses import is_postgres
from importers.launch import launch, new_request
from importers.launch.lock import LaunchLock, Locked
from importers.sessions import open_journal, opening
from importers.sessions.store import JournalStore
from importers.settings import Settings, load


async def confirm(settings: Settings, number: int, targets: int, barrier: Barrier) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    dispatcher = None if settings.worker.engine == "celery" else RecordingDispatcher(settings)
    barrier.wait(60)  # all open the journal at the same time, the first of them makes it
    journal = await open_journal(settings.journal.url)
    try:
        for target in range(targets):
            request = new_request(settings, ("customers",), shop=f"t{target}", key=f"{target}-{number // 2}")
            barrier.wait(60)
            result = await launch(request, settings, journal, dispatcher=dispatcher)
            outcomes[result.outcome] += 1
            if result.outcome == "error":
                sys.stderr.write(f"{result.reason}\n")
    finally:
        await journal.close()
    return outcomes


def process(settings: Settings, number: int, targets: int, barrier: Barrier, answer: Any) -> None:
    try:
        answer.put(dict(asyncio.run(confirm(settings, number, targets, barrier))))
    finally:
        answer.put(None)  # the last word, also of a process that failed


class NoLock(LaunchLock):
    async def acquire(self, key: str, token: str, seconds: float) -> Locked:
        return Locked.ACQUIRED

    async def release(self, key: str, token: str) -> bool:
        return True

    async def close(self) -> None:
        pass


def make_naive(settings: Settings) -> None:
    """Check, then insert, and neither lock nor index to catch it."""
    constraints = (
        ("idempotency_key TEXT NOT NULL UNIQUE", "idempotency_key TEXT NOT NULL"),
        ("CREATE UNIQUE INDEX one_active", "CREATE INDEX one_active"),
    )
    folder = Path(settings.source.path).parent / "schema"
    shutil.copytree(opening.SCHEMAS, folder, ignore=shutil.ignore_patterns("made.tsv", "whole.sql"))
    schema = folder / "sqlite" / "001_journal.sql"
    script = schema.read_text(encoding="utf-8")
    for constraint, nothing in constraints:
        assert constraint in script
        script = script.replace(constraint, nothing)
    schema.write_text(script, encoding="utf-8")
    opening.SCHEMAS = folder
    existing = JournalStore._existing

    async def unchecked(self: JournalStore, db: Any, *rest: Any) -> Any:
        return await existing(self, db, *rest) if db is self.database else None

    JournalStore._existing = unchecked  # type: ignore[method-assign]
    importers.launch.launching.lock_for = lambda *_: NoLock()  # type: ignore[assignment]


def main(folder: Path, processes: int, targets: int, *naive: str) -> None:
    settings = load(folder / "config.toml", {})
    journal = settings.journal.url
    hand: Hand = (
        PostgresHand(*journal.split("&schema="))
        if is_postgres(journal)
        else SqliteHand(folder / "journal.sqlite3")
    )
    if naive:
        make_naive(settings)
    forks = multiprocessing.get_context("fork")
    barrier, answers = forks.Barrier(processes), forks.SimpleQueue()
    children = [
        forks.Process(target=process, args=(settings, number, targets, barrier, answers))
        for number in range(processes)
    ]
    for child in children:
        child.start()
    outcomes: Counter[str] = Counter()
    for _last_word in range(processes):
        while found := answers.get():
            outcomes.update(found)
    for child in children:
        child.join()
    found = {
        "outcomes": outcomes,
        "sessions": hand.rows("SELECT count(*) FROM session")[0][0],
        "targets": hand.rows("SELECT count(DISTINCT target) FROM session")[0][0],
        "attempts": dict(hand.rows("SELECT outcome, count(*) FROM attempt GROUP BY outcome")),
        "request_ids": hand.rows("SELECT count(DISTINCT request_id) FROM attempt")[0][0],
        "dispatches": int(hand.rows("SELECT sum(dispatches) FROM session")[0][0]),
        "locks_left": hand.rows("SELECT count(*) FROM lock")[0][0],
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
