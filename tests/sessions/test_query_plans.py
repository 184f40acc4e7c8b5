"""Whatever the journal says to its database finds what it looks for by an index, of a million as of a dozen: read from
the plans of all its statements."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import product

import pytest
from support.many_sessions import INSERT
from support.many_sessions import rows as sessions_of

from importers.sessions import By, Order, Place, SessionFilter, Status, Word, queries
from importers.sessions import statements as sql
from importers.sessions.opening import SCHEMA
from importers.sessions.queries import Query, Walk

GROWING = ("session", "event", "reject", "attempt")
READ_WHOLE = {
    "MADE": "asked only when there is something to prune, of an index, and given up at the first session that is older",
    "OUTCOMES": "counts all attempts for metrics, in an index of nothing else",
    "ORPHANS": "",
}
SORTED = {
    "ANY_ACTIVE": "a target has one",
    "ACTIVE_OR_RECENT": "a target has one, and few in five seconds",
    "NAMES": "these are few",
    "REASONS": "of one session",
    "ENDED": "a row for each shop, type and status",
}
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
    found["prune event"], found["prune reject"] = sql.prune(3)
    for least, backwards in product(("info", "warning", "error"), (False, True)):
        found[f"events {least} {backwards}"] = sql.events(least, backwards=backwards)
    for columns, of_kind in product(
        ([], ["request_id"], ["operator"], ["shop"], ["operator", "shop"]), (False, True)
    ):
        found[f"attempts {columns} {of_kind}"] = sql.attempts(columns, of_kind=of_kind)
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
