"""Sessions by hundreds or by the million, written past every rule of the program."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from importers.clock import utc_text
from importers.database.protocol import Database
from importers.events import Counts, Options
from importers.sessions.models import FINAL, Status
from importers.sessions.rows import json

OPERATORS = ("anna", "boris", "Ольга", "cron", "Иван П.")
SHOPS = ("main", "outlet")
KINDS = (("prices", "stocks"), ("prices",), ("catalog", "prices", "stocks"), ("customers",), ("images",))
SOURCES = ("/srv/1c/webdata", "/srv/1c/Выгрузка {number}", "/tmp/100%_[a-z]^\\*?")
ERRORS = ("{path}: the file is cut at its end; let 1C write the export again", "no answer from {path}")
BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
COLUMNS = (
    "request_id, idempotency_key, task_id, kinds, source, options, target, operator, host, created_at, created_clock, "
    "boot_id, status, shop, started_at, finished_at, by_kind, done, total, error, error_args, owner"
)
INSERT = (
    f"INSERT INTO session ({COLUMNS}) VALUES ({', '.join(f'?{n}' for n in range(1, COLUMNS.count(',') + 2))})"
)


def rows(count: int, seed: int = 1) -> Iterator[tuple[object, ...]]:
    """So many, the oldest first; the last ones are active. Of 10,000 sessions about one is Иван П.'s."""
    chance = random.Random(seed)
    for number in range(count):
        status = chance.choices(tuple(FINAL_FIRST), (900, 80, 20))[0]
        if number >= count - 3:
            status = (Status.STARTED, Status.IN_PROGRESS, Status.CANCELLING)[count - 1 - number]
        kinds = chance.choices(KINDS, (600, 200, 150, 45, 5))[0]
        created = BEGAN + timedelta(minutes=3 * number, seconds=chance.randrange(-60, 60))
        started = created + timedelta(milliseconds=chance.randrange(1, 4000))
        finished = started + timedelta(milliseconds=int(chance.expovariate(1 / 30_000)))
        was_claimed = status not in (Status.STARTED, Status.CANCELLED)
        rejected = chance.choice((0, 0, 0, 1, 2909))
        read = chance.randrange(rejected, 50_000)
        failed = status is Status.FAILED
        yield (
            f"{chance.getrandbits(32):08x}", f"key{seed}-{number}", f"task{seed}-{number}", json(kinds),
            chance.choices(SOURCES, (90, 9, 1))[0].format(number=number),
            json(Options(dry_run=chance.random() < 0.02)), f"target{number}",
            chance.choices(OPERATORS, (5000, 3000, 1500, 500, 1))[0], "shop1", utc_text(created), 0.0, "",
            status.value, chance.choices(SHOPS, (9, 1))[0], utc_text(started) if was_claimed else None,
            utc_text(finished) if status in FINAL else None,
            json({kind: Counts(read=read, rejected=rejected * (kind == kinds[0])) for kind in kinds}), 100, 100,
            chance.choice(ERRORS) if failed else None,
            json({"path": f"import{number % 100}_Ошибка.xml"} if failed else {}),
            "shop1:4711" if was_claimed else None,
        )  # fmt: skip


FINAL_FIRST = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


async def fill(database: Database, count: int, seed: int = 1) -> None:
    async with database.transaction() as db:
        await db.execute_many(INSERT, rows(count, seed))


def multiply(journal: Path, times: int) -> None:
    """Of a filled journal in a file of SQLite so many times the sessions: those that have ended again, of earlier days,
    in front of what there is. A million in half a minute, as triggers and indexes are made anew afterwards."""
    with closing(sqlite3.connect(journal)) as db:
        names = [name for _n, name, *_rest in db.execute("PRAGMA table_info (session)")]
        ((count,),) = db.execute("SELECT max(id) FROM session")
        made_anew = db.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = 'session' AND type <> 'table' AND sql NOT NULL"
        ).fetchall()
        earlier = {name: _EARLIER.format(name=name) for name in ("created_at", "started_at", "finished_at")}
        changed = earlier | {
            "id": f"id - n * {count}",
            "request_id": "printf('%08x', (id * 7919 + n * 104729) & 4294967295)",
            "idempotency_key": "idempotency_key || '-' || n",
            "task_id": "task_id || '-' || n",
        }
        for kind, name, _sql in made_anew:
            db.execute(f"DROP {kind} {name}")
        db.execute(f"UPDATE session SET id = id + {count * (times - 1)}")
        db.execute(
            f"WITH RECURSIVE copy (n) AS (SELECT {times - 1} UNION ALL SELECT n - 1 FROM copy WHERE n > 1) "
            f"INSERT INTO session ({', '.join(names)}) SELECT {', '.join(changed.get(n, n) for n in names)} "
            "FROM copy CROSS JOIN session WHERE finished_at NOT NULL",
            {"days": 3 * count // 1440 + 1},
        )
        for _kind, _name, sql in sorted(made_anew):
            db.execute(sql)
        db.execute("UPDATE sqlite_sequence SET seq = (SELECT max(id) FROM session) WHERE name = 'session'")
        db.commit()


_EARLIER = "strftime('%Y-%m-%dT%H:%M:%fZ', {name}, printf('-%d days', n * :days))"
