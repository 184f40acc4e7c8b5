"""Mutants of the program, each with one guard taken away, must break the interleaving that is named beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from engine_mutants import attribute, sql
from laboratory import Interleaving, laboratory
from support.engine_stage import RedisServer, redis_server
from support.engines import Hand
from test_interleavings import (
    INTERLEAVINGS,
    THROUGH_CELERY,
    a_host_without_the_source_claims_first,
    a_joined_key_is_retried_when_all_is_long_over,
    a_launcher_fails_to_start_a_worker_that_came_all_the_same,
    a_launcher_is_cancelled_while_it_waits_for_redis,
    a_message_comes_again_after_the_end,
    a_reaper_acts_on_what_it_read_before_the_worker_finished,
    a_reaper_gives_up_a_session_that_is_claimed_meanwhile,
    a_retry_comes_when_all_is_long_over,
    a_slow_holder_lets_go_of_anothers_lock,
    a_slow_holder_lets_go_of_anothers_lock_on_redis,
    a_thawed_worker_commits_after_its_successor,
    a_thawed_worker_commits_before_its_successor,
    a_thawed_worker_finishes_what_was_started_again,
    a_writer_of_another_program_breaks_in,
    both_claim,
    both_dispatch,
    both_look_in_their_transactions_then_both_create,
    both_look_then_both_create,
    both_look_then_one_is_through_before_the_other_creates,
    two_reapers_send_the_same_lost_session,
)

from importers.database.postgres import PostgresDatabase
from importers.launch import redis_lock
from importers.launch.redis_lock import RedisLock
from importers.sessions import NewSession, Status
from importers.sessions.store import JournalStore


async def no_release(*_: object) -> None:
    pass


class _Guard:
    """`_existing` for create() only: find_answer() still looks."""

    existing = JournalStore._existing

    @staticmethod
    async def forgotten(self: JournalStore, db: Any, new: NewSession, recency: float) -> Any:
        return await _Guard.existing(self, db, new, recency) if db is self.database else None


class _Gate:
    transaction = PostgresDatabase.transaction

    @staticmethod
    def left_open(self: PostgresDatabase, gate: str | None = None) -> Any:
        return _Gate.transaction(self)


ANSWERED_BY_NONE = "INSERT INTO launch_key SELECT ?1, ?2, CAST(?3 AS BIGINT) WHERE 1 = 0"
INDEXES = "CREATE UNIQUE INDEX one_active"
MUTANTS: dict[str, tuple[Callable[[], Any], Interleaving]] = {
    "no unique index": (
        lambda: sql((INDEXES, "CREATE INDEX one_active")),
        a_writer_of_another_program_breaks_in,
    ),
    "no index, no check in the transaction": (
        lambda: _both(
            sql((INDEXES, "CREATE INDEX one_active")), attribute(JournalStore, "_existing", _Guard.forgotten)
        ),
        both_look_then_both_create,
    ),
    "no check in the transaction": (
        lambda: attribute(JournalStore, "_existing", _Guard.forgotten),
        both_look_then_one_is_through_before_the_other_creates,
    ),
    "no idempotency key": (
        lambda: sql(
            ("idempotency_key TEXT NOT NULL UNIQUE", "idempotency_key TEXT NOT NULL"),
            ("FROM launch_key WHERE idempotency_key = ?1", "FROM launch_key WHERE idempotency_key = ?1 AND 1 = 0"),
        ),
        a_retry_comes_when_all_is_long_over,
    ),
    "joined keys are not answered": (
        lambda: sql(("INSERT INTO launch_key VALUES (?1, ?2, ?3)", ANSWERED_BY_NONE)),
        a_joined_key_is_retried_when_all_is_long_over,
    ),
    "no recency": (
        lambda: sql(("created_clock > ?3", "created_clock > ?3 + 1e9")),
        both_look_then_one_is_through_before_the_other_creates,
    ),
    "dispatch without compare": (
        lambda: sql(("AND status = 'started' AND dispatched_clock IS NULL", "")),
        both_dispatch,
    ),
    "claim without compare": (
        lambda: sql(("WHERE id = ?1 AND target = ?2 AND status = 'started'", "WHERE id = ?1 AND target = ?2")),
        a_message_comes_again_after_the_end,
    ),
    "two may receive": (
        lambda: sql(("WHERE id = ?1 AND target = ?2 AND status = 'started'", "WHERE id = ?1 AND target = ?2")),
        both_claim,
    ),
    "host not in the claim": (
        lambda: sql(("(source_host IS NULL OR source_host = ?9)", "?9 <> ''")),
        a_host_without_the_source_claims_first,
    ),
    "no fence": (
        lambda: sql(
            ("RETURNING status", "RETURNING 'in_progress' AS status"),
            (
                "fence = ?2 AND status IN ('in_progress', 'cancelling')",
                "CAST(?2 AS BIGINT) >= 0 AND status = 'in_progress'",
            ),
        ),
        a_thawed_worker_commits_before_its_successor,
    ),
    "no fence in the catalog": (
        lambda: _both(
            sql(("task_id = ?2 AND fence > ?3", "task_id = ?2 AND fence > ?3 AND 1 = 0")),
            # The successor is gone, and with it what the journal could say.
            attribute(JournalStore, "beat", lambda *_: _status()),
        ),
        a_thawed_worker_commits_after_its_successor,
    ),
    "no fence bump by the claim": (
        lambda: sql(("SET status = 'in_progress', fence = fence + 1", "SET status = 'in_progress'")),
        a_reaper_gives_up_a_session_that_is_claimed_meanwhile,
    ),
    "no fence bump by the claim, seen by the launcher": (
        lambda: sql(("SET status = 'in_progress', fence = fence + 1", "SET status = 'in_progress'")),
        a_launcher_fails_to_start_a_worker_that_came_all_the_same,
    ),
    "no fence bump by the reaper": (
        lambda: sql(("SET status = 'started', fence = fence + 1", "SET status = 'started'")),
        a_thawed_worker_finishes_what_was_started_again,
    ),
    "reaper without its guard": (
        lambda: sql(
            ("AND fence = ?2 AND status IN ('started', 'in_progress', 'cancelling')", "AND CAST(?2 AS BIGINT) >= 0"),
        ),
        a_reaper_acts_on_what_it_read_before_the_worker_finished,
    ),
    "sent again without a guard": (
        lambda: sql(("AND dispatches = ?2 AND dispatched_clock IS NOT NULL", "AND CAST(?2 AS BIGINT) > 0")),
        two_reapers_send_the_same_lost_session,
    ),
    "release without compare": (
        lambda: sql(("DELETE FROM lock WHERE key = ?1 AND token = ?2", "DELETE FROM lock WHERE key = ?1 AND ?2 <> ''")),
        a_slow_holder_lets_go_of_anothers_lock,
    ),
    "release without compare on Redis": (
        lambda: attribute(redis_lock, "_RELEASE", "return redis.call('del', KEYS[1])"),
        a_slow_holder_lets_go_of_anothers_lock_on_redis,
    ),
    "no release after a cancellation": (
        lambda: attribute(RedisLock, "release", no_release),
        a_launcher_is_cancelled_while_it_waits_for_redis,
    ),
    "no gate, no index": (
        lambda: _both(
            sql((INDEXES, "CREATE INDEX one_active")),
            attribute(PostgresDatabase, "transaction", _Gate.left_open),
        ),
        both_look_in_their_transactions_then_both_create,
    ),
}  # fmt: skip
ALWAYS_ON_A_SERVER = ("no gate, no index",)


async def _status() -> Status:
    return Status.IN_PROGRESS


@contextmanager
def _both(one: Any, other: Any) -> Iterator[None]:
    with one, other:
        yield


def on_each_engine() -> list[Any]:
    on_files = [
        pytest.param("sqlite", name, id=name) for name, (_m, by) in MUTANTS.items() if by in INTERLEAVINGS
    ]
    return on_files + [
        pytest.param(
            "postgres",
            name,
            id=f"postgres-{name}",
            marks=[] if name in ALWAYS_ON_A_SERVER else [pytest.mark.chaos],
        )
        for name in MUTANTS
    ]


@pytest.mark.parametrize(("engine", "name"), on_each_engine())
async def test_mutant_is_killed(
    tmp_path: Path, redis: RedisServer, make_hand: Callable[[str], Hand], name: str
) -> None:
    mutate, interleaving = MUTANTS[name]
    with mutate():
        async with laboratory(tmp_path, redis, make_hand) as lab:
            with pytest.raises((AssertionError, pytest.fail.Exception, lab.stage.hand.refused)):
                await interleaving(lab)


@pytest.mark.chaos
@pytest.mark.parametrize("engine", ["postgres"])
@pytest.mark.parametrize("name", [name for name, (_mutate, by) in MUTANTS.items() if by in THROUGH_CELERY])
async def test_mutant_is_killed_through_celery(
    tmp_path: Path, redis: RedisServer, make_hand: Callable[[str], Hand], name: str
) -> None:
    mutate, interleaving = MUTANTS[name]
    with mutate(), redis_server() as broker:
        async with laboratory(tmp_path, redis, make_hand, broker) as lab:
            with pytest.raises((AssertionError, lab.stage.hand.refused)):
                await interleaving(lab)
