"""What the journal's rows mean, rule by rule: no database."""

from __future__ import annotations

import pytest

from importers.clock import Now
from importers.events import Options
from importers.sessions import rules
from importers.sessions.models import ActiveSession, NewSession, Outcome, Session, Status
from importers.sessions.rules import Due, is_due

NEW = NewSession("r", "key", "hash", "t", ("prices",), "/1c", Options(), "sqlite:////c", "op", "host")


@pytest.mark.parametrize(
    ("params_hash", "made_by", "outcome"),
    [
        ("hash", "key", Outcome.REPLAYED),
        ("hash", "another", Outcome.JOINED),
        ("other", "key", Outcome.MISMATCH),
        ("other", "another", Outcome.MISMATCH),
    ],
)
def test_a_key_that_comes_again(params_hash: str, made_by: str, outcome: Outcome) -> None:
    assert rules.answer_to_key(NEW, params_hash, made_by) is outcome


@pytest.mark.parametrize(
    ("until", "epoch", "over"),
    [
        (100.0, "b", False),
        (99.9, "b", True),
        (None, "b", True),
        (100.0, "before", True),
        (100.0, "", False),
        (100.0, None, False),
    ],
)
def test_a_lease(until: float | None, epoch: str | None, over: bool) -> None:
    """At the second 100 of epoch "b"; where the system tells none, the seconds count."""
    assert rules.is_lease_over(until, epoch, Now(100.0, "b", "")) is over


def test_seconds_that_cannot_be_counted_have_no_end() -> None:
    now = Now(100, "b", "")
    assert rules.seconds_since(90, "b", now) == 10
    assert rules.seconds_since(90, "before", now) == float("inf")
    assert rules.seconds_since(101, "b", now) == float("inf")


@pytest.mark.parametrize(
    ("dispatches", "dispatched", "age", "dead", "due"),
    [
        (0, False, 2.9, False, Due.NOTHING),
        (0, False, 2.9, True, Due.NOTHING),
        (0, False, 3.0, False, Due.SEND),
        (1, True, 59.9, False, Due.NOTHING),
        (1, True, 0.0, True, Due.SEND_AGAIN),
        (2, True, 60.0, False, Due.SEND_AGAIN),
        (3, True, 60.0, False, Due.GIVE_UP),
        (3, True, 0.0, True, Due.GIVE_UP),
        (3, True, 59.9, False, Due.NOTHING),
    ],
)
def test_a_session_that_waits_for_a_worker(
    dispatches: int, dispatched: bool, age: float, dead: bool, due: Due
) -> None:
    session = Session(
        1,
        "r",
        "t",
        ("prices",),
        Status.STARTED,
        "/1c",
        "sqlite:////c",
        "op",
        "host",
        "2026-01-01T00:00:00.000Z",
    )
    held = ActiveSession(session, None, False, dispatched, age, dispatches, 0)
    assert is_due(held, is_lost=dead) is due


def at(day: int) -> str:
    return f"2026-03-{day:02}T00:00:00.000Z"


@pytest.mark.parametrize(
    ("made", "newest"),
    [
        ([], 0),
        ([1], 0),
        ([5, 7, 9, 11], 0),  # 8 days and no more: of 31 - 11 but 2 count
        ([4, 5, 7, 9, 11], 1),
        ([3, 4, 5, 7, 9, 11], 2),
        ([20, 5, 7, 9, 11], 0),  # a step back counts for nothing
    ],
)
def test_what_is_old_by_the_journals_own_count(made: list[int], newest: int) -> None:
    """Older than 8 days, on the 31st; steps of more than 2 days count as 2."""
    sessions = [(number, at(day)) for number, day in enumerate(made, 1)]
    assert rules.newest_outlived(reversed(sessions), at(31), 8) == newest


def test_days_before() -> None:
    assert rules.days_before(at(11), 10) == at(1)
    assert rules.days_before(at(1), 36500) == "1926-03-26T00:00:00.000Z"
