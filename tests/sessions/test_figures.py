"""Reading the journal's figures: whoever may only read, whatever schema is there, and at what cost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.engine_stage import MovedClock
from support.engines import PostgresHand

from importers.errors import DatabaseError
from importers.sessions import open_journal
from importers.sessions import statements as sql
from importers.sessions.figures import Ended, LastGood, read_figures
from importers.sessions.opening import SCHEMA

STEPS = sorted(SCHEMA.glob("[0-9]*_*.sql"))
COLUMNS = (
    "request_id, idempotency_key, task_id, kinds, source, options, target, status, operator, host, created_at, "
    "created_clock, boot_id, started_at, finished_at, retries, by_kind"
)


def make_old(path: Path, version: int) -> None:
    """A journal as the obmen of that version left it."""
    with closing(sqlite3.connect(path)) as db:
        for step in STEPS[:version]:
            db.executescript(step.read_text(encoding="utf-8"))
        db.execute("CREATE TABLE obmen_schema (version INTEGER NOT NULL)")
        db.execute("INSERT INTO obmen_schema VALUES (?)", (version,))
        db.commit()


def add_session(
    path: Path,
    kinds: str,
    status: str,
    *,
    took: float | None,
    by_kind: str = "{}",
    options: str = "{}",
    retries: int = 0,
) -> None:
    """One that ended `took` seconds after its claim; None: nobody claimed it."""
    with closing(sqlite3.connect(path)) as db:
        (number,) = db.execute("SELECT count(*) FROM session").fetchone()
        ended = f"2026-11-0{number + 1}T10:00:{took or 0:06.3f}Z"
        begun = None if took is None else f"2026-11-0{number + 1}T10:00:00.000Z"
        db.execute(
            f"INSERT INTO session ({COLUMNS}) VALUES ({', '.join('?' * 17)})",
            (
                f"r{number}", f"k{number}", f"t{number}", kinds, "", options, "target", status, "anna", "host",
                "2026-11-01T09:00:00.000Z", 0, "boot", begun, ended, retries, by_kind,
            ),
        )  # fmt: skip
        db.commit()


async def test_sessions_that_ended_before_there_were_figures_count(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    make_old(path, 3)
    of_both = '{"catalog": {"read": 10, "created": 10}, "prices": {"read": 5, "rejected": 2, "created": 3}}'
    add_session(path, '["catalog", "prices"]', "completed", took=2.5, by_kind=of_both, retries=1)
    add_session(path, '["catalog"]', "completed", took=1.25, by_kind='{"catalog": {"read": 1}}')
    add_session(path, '["catalog"]', "completed", took=9, options='{"dry_run": true}')
    add_session(path, '["prices"]', "failed", took=None, by_kind="{}", retries=2)
    await (await open_journal(f"sqlite:///{path}")).close()
    found = read_figures(f"sqlite:///{path}")
    rounded = [Ended(e.shop, e.type, e.status, e.sessions, round(e.seconds, 3), e.read, e.rejected, e.taken)
               for e in found.ended]  # fmt: skip
    assert rounded == [
        Ended("main", "catalog", "completed", 3, 12.75, 16, 2, 1),
        Ended("main", "prices", "failed", 1, 0.0, 0, 0, 2),
    ]
    good = [LastGood(g.shop, g.type, g.at, round(g.seconds, 3), g.read) for g in found.last_good]
    assert good == [
        LastGood("main", "catalog", "2026-11-02T10:00:01.250Z", 1.25, 1),
        LastGood("main", "prices", "2026-11-01T10:00:02.500Z", 2.5, 15),
    ]


def test_nothing_is_made_where_there_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    with pytest.raises(DatabaseError, match="there is no such file yet"):
        read_figures(f"sqlite:///{path}")
    assert list(tmp_path.iterdir()) == []
    path.touch()
    with pytest.raises(DatabaseError, match="none of obmen's tables yet"):
        read_figures(f"sqlite:///{path}")
    assert path.stat().st_size == 0


@pytest.mark.parametrize("version", range(1, len(STEPS)))
def test_an_older_journal_is_not_migrated(tmp_path: Path, version: int) -> None:
    path = tmp_path / "journal.sqlite3"
    make_old(path, version)
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match=rf"schema {version}, this one knows {len(STEPS)}"):
        read_figures(f"sqlite:///{path}")
    assert path.read_bytes() == before


async def test_a_newer_journal_is_read_where_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    await (await open_journal(f"sqlite:///{path}")).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE obmen_schema SET version = 77")
        db.commit()
        with pytest.raises(DatabaseError, match="made by a newer obmen"):
            read_figures(f"sqlite:///{path}")
        db.execute("DELETE FROM obmen_schema_oldest")
        db.execute("INSERT INTO obmen_schema_oldest VALUES (77, ?)", (len(STEPS),))
        db.commit()
        assert read_figures(f"sqlite:///{path}").schema == 77
        db.execute("CREATE TABLE obmen_moved (place TEXT NOT NULL)")
        db.execute("INSERT INTO obmen_moved VALUES ('postgresql://server/shop')")
        db.commit()
        with pytest.raises(DatabaseError, match="was moved to postgresql://server/shop"):
            read_figures(f"sqlite:///{path}")


async def test_an_account_that_may_only_read(hand: PostgresHand) -> None:
    try:
        await (await open_journal(hand.url)).close()
        hand.change("CREATE ROLE scraper LOGIN")
        url = hand.url.replace("//obmen@", "//scraper@")
        with pytest.raises(DatabaseError, match="this account may not do that; grant it the right"):
            read_figures(url)
        hand.change(f"GRANT USAGE ON SCHEMA {hand.schema} TO scraper")
        hand.change(f"GRANT SELECT ON ALL TABLES IN SCHEMA {hand.schema} TO scraper")
        assert read_figures(url).ended == []
        journal = await open_journal(url)
        try:
            with pytest.raises(DatabaseError, match="this account may not do that"):
                await journal.cancel(1, "anna")
        finally:
            await journal.close()
    finally:
        hand.change("DROP OWNED BY scraper")
        hand.change("DROP ROLE IF EXISTS scraper")


async def test_a_server_without_the_journal(hand: PostgresHand) -> None:
    with pytest.raises(DatabaseError, match="none of obmen's tables yet"):
        read_figures(hand.url)
    assert hand.rows("SELECT 1 FROM pg_namespace WHERE nspname = ?1", hand.schema) == []


async def test_no_figure_asks_all_sessions_or_all_of_an_attempt(tmp_path: Path) -> None:
    """Else a scrape would take longer with every import."""
    path = tmp_path / "journal.sqlite3"
    await (await open_journal(f"sqlite:///{path}", MovedClock())).close()
    with closing(sqlite3.connect(path)) as db:
        for statement in (sql.ENDED, sql.GOOD, sql.ACTIVE_NOW, sql.OUTCOMES):
            plan = " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}"))
            assert "SCAN session" not in plan or "USING INDEX one_active" in plan, plan
            assert "SCAN attempt" not in plan or "USING COVERING INDEX attempt_outcome" in plan, plan
        for statement in (sql.ACTIVE_OF, sql.ACTIVE_SESSIONS_OF):
            plan = " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", ("target",)))
            assert "session USING INDEX one_active" in plan, plan
