"""Racing processes: exactly one session a target, whatever Redis does; the naive way must fail the same harness."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.celery_worker import CeleryWorker
from support.engine_stage import PEOPLE, RedisServer
from support.engines import PostgresHand
from support.races import race, write_config

SMALL = (8, 25)


def empty(redis: RedisServer) -> None:
    redis.ask("FLUSHALL")


def assert_exact(found: Any, processes: int, targets: int) -> None:
    """One session a target, one outcome an attempt, no error shown, nothing left behind."""
    attempts = processes * targets
    assert found["sessions"] == found["targets"] == found["dispatches"] == targets
    assert found["outcomes"]["created"] == targets
    assert set(found["outcomes"]) <= {"created", "joined", "replayed"}
    assert found["attempts"] == found["outcomes"]
    assert sum(found["outcomes"].values()) == found["request_ids"] == attempts
    assert found["locks_left"] == 0


def test_racing_processes_make_one_session_a_target(tmp_path: Path) -> None:
    assert_exact(race(tmp_path, *SMALL), *SMALL)


@pytest.mark.chaos
def test_the_naive_way_fails_the_same_harness(tmp_path: Path) -> None:
    found = race(tmp_path, *SMALL, naive=True)
    assert found["sessions"] > SMALL[1] * 1.2, "else the race is none"
    with pytest.raises(AssertionError):
        assert_exact(found, *SMALL)


def test_racing_with_redis(tmp_path: Path, redis: RedisServer) -> None:
    assert_exact(race(tmp_path, 6, 20, redis.url), 6, 20)
    assert redis.keys() == 0


@pytest.mark.parametrize("size", [(4, 10), pytest.param((6, 20), marks=pytest.mark.chaos)])
def test_racing_while_redis_is_emptied(tmp_path: Path, redis: RedisServer, size: tuple[int, int]) -> None:
    assert_exact(race(tmp_path, *size, redis.url, during=lambda: empty(redis)), *size)


def test_racing_with_a_redis_that_is_not_there(tmp_path: Path) -> None:
    assert_exact(race(tmp_path, 6, 10, f"unix://{tmp_path}/nobody"), 6, 10)


@pytest.fixture
def journal(hand: PostgresHand) -> str:
    """On a server."""
    return hand.url


def test_racing_for_a_journal_on_a_server(tmp_path: Path, journal: str) -> None:
    assert_exact(race(tmp_path, *SMALL, journal=journal), *SMALL)


@pytest.mark.parametrize("size", [(4, 10), pytest.param(SMALL, marks=pytest.mark.chaos)])
def test_racing_for_one_on_a_server_with_redis(
    tmp_path: Path, redis: RedisServer, journal: str, size: tuple[int, int]
) -> None:
    assert_exact(race(tmp_path, *size, redis.url, journal=journal), *size)
    assert redis.keys() == 0


@pytest.mark.parametrize(
    ("processes", "targets"), [(6, 4), pytest.param(32, 60, marks=pytest.mark.chaos)], ids=["small", "full"]
)
def test_racing_for_sessions_that_go_through_celery(
    tmp_path: Path, redis: RedisServer, journal: str, postgres: str, processes: int, targets: int
) -> None:
    """Each session's message is received once, and claims once."""
    with ExitStack() as stack:
        hands = [PostgresHand(postgres) for _target in range(targets)]
        for hand in hands:
            stack.callback(hand.drop)
        catalogs = [hand.url for hand in hands]
        worker = CeleryWorker(write_config(tmp_path, targets, redis.url, journal, catalogs))
        stack.callback(worker.end)
        assert_exact(
            race(tmp_path, processes, targets, redis.url, journal=journal, catalogs=catalogs),
            processes,
            targets,
        )
        of_journal = PostgresHand(*journal.split("&schema="))
        worker.said(r" ready\.")
        for (task,) in of_journal.rows("SELECT task_id FROM session"):
            worker.said(rf"Task obmen\.work\[{task}\] succeeded", 120)
            assert worker.count(rf"Task obmen\.work\[{task}\] received") == 1
        statuses = of_journal.rows("SELECT status, count(*) FROM session GROUP BY status")
        assert statuses == [("completed", targets)]
        received = of_journal.rows("SELECT session_id FROM event WHERE type = 'received'")
        assert len(received) == len(set(received)) == targets
        for hand in hands:
            assert dict(hand.rows("SELECT id, name FROM customer")) == PEOPLE
            assert len(hand.rows("SELECT 1 FROM applied")) == 1
    assert redis.ask("LLEN", f"obmen.obmen@{socket.gethostname()}") == ":0"


@pytest.mark.chaos
def test_10_000_attempts_by_64_processes_on_a_server(
    tmp_path: Path, redis: RedisServer, journal: str
) -> None:
    assert_exact(race(tmp_path, 64, 156, redis.url, journal=journal), 64, 156)


@pytest.mark.chaos
def test_racing_16_processes_for_625_targets(tmp_path: Path) -> None:
    assert_exact(race(tmp_path, 16, 625), 16, 625)


@pytest.mark.chaos
def test_10_000_attempts_by_64_processes(tmp_path: Path) -> None:
    assert_exact(race(tmp_path, 64, 156), 64, 156)


@pytest.mark.chaos
def test_10_000_attempts_with_redis_restarting(tmp_path: Path, redis: RedisServer) -> None:
    assert_exact(race(tmp_path, 64, 156, redis.url, during=redis.restart), 64, 156)


@pytest.mark.chaos
def test_racing_with_a_frozen_redis(tmp_path: Path, redis: RedisServer) -> None:
    with redis.frozen():
        assert_exact(race(tmp_path, 16, 20, redis.url), 16, 20)


@pytest.mark.chaos
def test_the_naive_way_fails_at_length(tmp_path: Path) -> None:
    assert race(tmp_path, 16, 625, naive=True)["sessions"] > 625 * 1.5
