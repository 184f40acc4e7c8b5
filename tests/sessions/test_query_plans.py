"""Whatever the journal says to its database finds what it looks for by an index, of a million as of a dozen: read from
the plans of all its statements."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, product

import pytest
from support.engines import PostgresHand
from support.many_sessions import INSERT, fill
from support.many_sessions import rows as sessions_of

from importers.sessions import By, Order, Place, SessionFilter, Status, Word, open_journal, place_of, queries
from importers.sessions import statements as sql
from importers.sessions.finding import NEWEST, AttemptFilter
from importers.sessions.models import Outcome
from importers.sessions.opening import SCHEMA
from importers.sessions.queries import Query, Walk

GROWING = "(session|event|reject|attempt)"
WALKED = "the first that match, in the order of an index that holds all that is asked"
READ_WHOLE = {
    "MADE": "when there is something to prune, in an index",
    "OUTCOMES": "counts all attempts for metrics, in an index of nothing else",
    "page": WALKED,
    "step": WALKED,
    "attempts": WALKED,
    "count: all": "how many there are at all, in the smallest index",
    "count: attempts": "how many attempts match, in an index that holds all that is asked; words in the last step",
    "count: word": "the last step of many, behind which there are no others",
}
IN_STEPS = ("page: word", "count: ", "attempts: word", "attempts: session")
"""What words, and what the session of an attempt tells, are sought in: so many rows at a time."""
SORTED = {
    "ANY_ACTIVE": "a target has one",
    "ACTIVE_OR_RECENT": "a target has one, and few in five seconds",
    "FORGET_OLD": "a target has eight",
    "NAMES": "these are few",
    "REASONS": "of one session",
    "page: request": "a request has one session; only its beginning may have many",
    "page: id": "the same",
    "page: few": "they are few",
}
"""What else may stand in a plan than a search by index, by the beginning of the statement's name; and why."""
FILTERS = {
    "all": SessionFilter(),
    "statuses": SessionFilter(frozenset((Status.FAILED, Status.CANCELLED))),
    "kinds": SessionFilter(kinds=frozenset(("images", "prices"))),
    "operator and shop": SessionFilter(operator="anna", shop="main"),
    "dry run with rejects": SessionFilter(dry_run=True, with_rejects=True),
    "dates": SessionFilter(since="2020-01-02", until="2020-01-03"),
    "request": SessionFilter(request_prefix="ab"),
    "id": SessionFilter(id_prefix="12"),
    "word": SessionFilter(words=(Word("anna", frozenset(("images",)), frozenset(("x",))),)),
    "status and dates": SessionFilter(frozenset((Status.FAILED,)), since="2020-01-02"),
}
ATTEMPT_FILTERS = {
    "all": AttemptFilter(),
    "outcomes": AttemptFilter(frozenset((Outcome.JOINED, Outcome.REFUSED))),
    "kinds": AttemptFilter(kinds=frozenset(("images", "prices"))),
    "operator and shop": AttemptFilter(operator="anna", shop="main"),
    "shop and outcome": AttemptFilter(frozenset((Outcome.JOINED,)), shop="main"),
    "dates": AttemptFilter(since="2020-01-02", until="2020-01-03"),
    "request": AttemptFilter(request_id="0123abcd"),
    "session": AttemptFilter(dry_run=True, with_rejects=True),
    "word": AttemptFilter(words=(Word("12", frozenset(("images",)), frozenset(("x",))),)),
}
BOUNDS = {
    "": (None, None),
    "behind": (Place("1", 1), None),
    "to": (None, Place("1", 1)),
    "between": (Place("1", 1), Place("9", 9)),
}
"""The columns have types of their own."""


def constants() -> dict[str, str]:
    found = {
        name: value
        for name, value in vars(sql).items()
        if not name.startswith("_")
        and isinstance(value, str)
        and re.match("(SELECT|INSERT|UPDATE|DELETE|WITH) ", value)
    }
    found["delete"] = sql.delete(3)
    found["tell dry runs"] = sql.tell_dry_runs(3)
    found["prune event"], found["prune reject"], found["prune detail"] = sql.prune(3)
    for least, backwards in product(("info", "warning", "error"), (False, True)):
        found[f"events {least} {backwards}"] = sql.events(least, backwards=backwards)
        found[f"line behind {least}"] = sql.line_behind(least)
    return found


def searches() -> Iterator[tuple[str, Query]]:
    for (what, wanted), by, down, (bounds, (behind, to)), back in product(
        FILTERS.items(), By, (True, False), BOUNDS.items(), (False, True)
    ):
        walk = Walk(Order(by, down), behind, to, back)
        name = f"{what} by {by} {'down' if down else 'up'} {bounds} {'back' if back else ''}"
        yield f"page: {name}", queries.page(wanted, walk, 200)
        yield f"count: {name}", queries.count(wanted, walk)
        yield f"step: {name}", queries.step(walk, 1000)
        for condition in queries.narrowing(wanted):
            number = f"{len(condition.values)} {name}"
            yield f"more: {number}", queries.are_more(condition, 1000)
            yield f"page: few: {number}", queries.page(wanted, walk, 200, condition)
            yield f"count: few: {number}", queries.count(wanted, walk, condition)


def searches_for_attempts() -> Iterator[tuple[str, Query]]:
    for (what, wanted), (bounds, (behind, to)), back in product(
        ATTEMPT_FILTERS.items(), BOUNDS.items(), (False, True)
    ):
        walk = Walk(NEWEST, behind, to, back)
        name = f"{what} {bounds} {'back' if back else ''}"
        yield f"attempts: {name}", queries.attempts(wanted, walk, 200)
        yield f"count: attempts: {name}", queries.count_attempts(wanted, walk)
        yield f"step of attempts: {name}", queries.step(walk, 1000, "attempt")


@pytest.fixture(scope="module")
def journal() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript((SCHEMA / "whole.sql").read_text(encoding="utf-8"))
        db.executemany(INSERT, sessions_of(300))
        yield db


def plan(db: sqlite3.Connection, statement: str) -> list[str]:
    numbers = [int(number) for number in re.findall(r"\?(\d+)", statement)]
    values = [None] * (max(numbers) if numbers else statement.count("?"))
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


def is_allowed(name: str, among: dict[str, str]) -> bool:
    return any(name.startswith(beginning) for beginning in among)


def faults(name: str, steps: list[str]) -> list[str]:
    found = [step for step in steps if step.startswith("USE TEMP B-TREE") and not is_allowed(name, SORTED)]
    for step in steps:
        if re.match(f"SCAN {GROWING}( |$)", step):
            in_index = "USING" in step or name.startswith(IN_STEPS)
            if not (in_index and is_allowed(name, READ_WHOLE)):
                found.append(step)
    return found


def test_every_statement_finds_by_an_index_what_it_looks_for(journal: sqlite3.Connection) -> None:
    found = chain(searches(), searches_for_attempts())
    statements = constants() | {name: query.sql for name, query in found}
    assert len(statements) > 2000
    wrong = {name: found for name, sql in statements.items() if (found := faults(name, plan(journal, sql)))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (sql.ACTIVE_OF, "one_active"),
        (sql.ACTIVE_SESSIONS_OF, "one_active"),
        (sql.ACTIVE_OR_RECENT, "session_of_target"),
        (sql.events("warning", backwards=False), "event_that_warns"),
        (sql.events("error", backwards=True), "event_that_warns"),
        (sql.line_behind("info"), "COVERING INDEX event_of_session"),
        (sql.line_behind("warning"), "event_that_warns"),
        (sql.REJECTS_FOR, "reject_by_reason"),
        (sql.REASONS, "COVERING INDEX reject_by_reason"),
    ],
)
def test_an_index_of_its_own(journal: sqlite3.Connection, statement: str, index: str) -> None:
    assert index in " ".join(plan(journal, statement))


def test_filters_are_answered_by_the_index_of_the_order(journal: sqlite3.Connection) -> None:
    """No row of a session is read that does not match."""
    asked = ("all", "statuses", "kinds", "operator and shop", "dry run with rejects")
    for name, query in searches():
        if name.split(" by ")[0].removeprefix("page: ") in asked:
            (walk,) = [step for step in plan(journal, query.sql) if "session_by_" in step]
            assert "USING COVERING INDEX" in walk, name


def test_filters_of_attempts_are_answered_by_an_index_as_well(journal: sqlite3.Connection) -> None:
    for name, query in searches_for_attempts():
        if not any(looked_up in name for looked_up in ("word", "session", "request")):
            (walk,) = [
                step
                for step in plan(journal, query.sql)
                if re.match(f"(SCAN|SEARCH) {GROWING} USING COVERING", step)
            ]
            assert "attempt_by_id" in walk or name.startswith(("count", "step")), name


def test_a_list_that_nobody_asks_any_more_is_shorter() -> None:
    """Each exception is needed."""
    names = [*constants(), *(name for name, _query in chain(searches(), searches_for_attempts()))]
    for beginning in (*READ_WHOLE, *SORTED):
        assert any(name.startswith(beginning) for name in names), beginning


async def test_postgresql_finds_by_them_as_well(hand: PostgresHand) -> None:
    """Where whole tables are no cheaper way."""
    journal = await open_journal(hand.url)
    try:
        await fill(journal.database, 1000)
        hand.change("ANALYZE session")
        (session,) = await journal.sessions(limit=1)
        for wanted, by, down in product(FILTERS.values(), By, (True, False)):
            order = Order(by, down)
            for behind in (None, place_of(session, order)):
                query = queries.page(wanted, Walk(order, behind), 50)
                async with journal.database.transaction() as db:
                    await db.execute("SET LOCAL enable_seqscan = off")
                    rows = await db.fetch(f"EXPLAIN {query.sql}", *query.values)
                steps = "\n".join(row[0] for row in rows)
                assert not re.search(f"Seq Scan on {GROWING}", steps), (wanted, order, steps)
    finally:
        await journal.close()
