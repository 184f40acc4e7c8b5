"""The statements that find sessions, made of a filter, an order and the bounds of a page.

Each walks one index in its order and takes the first that match. All that filters ask often stands in that index itself
(`facet`), so that also a filter that matches a dozen of a million reads no other row. A sign or an empty text before a
column keeps SQLite from another index, which would have to sort what it finds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from importers.sessions.finding import AttemptFilter, By, Order, Place, SessionFilter, Word
from importers.sessions.rows import json
from importers.sessions.statements import ATTEMPT_COLUMNS, COLUMNS, DRY_ATTEMPT

LONGEST_ID = 19
"""Digits."""
ALL_ROWS = 2**63 - 1
LAST = "\U0010ffff"
"""No text of the journal has a character behind it."""


class Query(NamedTuple):
    """A piece of SQL, and what is bound to its `?`."""

    sql: str
    values: tuple[object, ...] = ()


class Walk(NamedTuple):
    """A part of an order, and the way through it: from behind a place, or the first session, …"""

    order: Order
    behind: Place | None = None
    to: Place | None = None
    """… to this one, which belongs to it, or the last one."""
    backwards: bool = False

    @property
    def descends(self) -> bool:
        return self.order.descending != self.backwards


def narrowing(wanted: SessionFilter) -> list[Query]:
    """Conditions of it, each of which has an index."""
    facets, times = _facets(wanted), _times(wanted)
    return [*([_of_facets(facets)] if facets else []), *([_joined(" AND ", times)] if times else [])]


def are_more(condition: Query, number: int) -> Query:
    """A row where more sessions than that meet the condition."""
    return Query(f"SELECT 1 FROM session WHERE {condition.sql} LIMIT 1 OFFSET ?", (*condition.values, number))


def page(wanted: SessionFilter, walk: Walk, limit: int, few: Query | None = None) -> Query:
    """The first sessions on the way that match; they come in no order. `few`: those of this condition are better looked
    at and sorted than found by a walk along all others."""
    ids = _walked("id", walk, _such(wanted, walk, few), limit)
    return Query(f"SELECT {COLUMNS} FROM session WHERE id IN ({ids.sql})", ids.values)


def step(walk: Walk, rows: int, table: str = "session") -> Query:
    """The place of the row so many rows on, whether it matches or not; none when there are not so many."""
    every = _Such(Query(table), [])
    found = _walked(f"{walk.order.by} AS key, id", walk, every, 1)
    return Query(f"{found.sql} OFFSET ?", (*found.values, rows - 1))


def count(wanted: SessionFilter, walk: Walk, few: Query | None = None) -> Query:
    """How many match on the way."""
    if not walk.behind and not walk.to and not few:  # any index will do
        if (facets := _facets(wanted)) and not _beside_facets(wanted):
            return Query(f"SELECT count(*) FROM session WHERE {_of_facets(facets).sql}", _values(facets))
        walk = Walk(Order(By.CREATED))
    such = _such(wanted, walk, few)
    where = _all_of([*_bounds(walk), *such.where])
    return Query(f"SELECT count(*) FROM {such.found.sql}{where.sql}", (*such.found.values, *where.values))


def attempts(wanted: AttemptFilter, walk: Walk, limit: int) -> Query:
    """The first attempts on the way that match, in no order; those in the order of their ids are the only ones."""
    ids = _walked("id", walk, _Such(Query("attempt"), _of_attempts(wanted)), limit)
    return Query(f"SELECT {ATTEMPT_COLUMNS} FROM attempt WHERE id IN ({ids.sql})", ids.values)


def count_attempts(wanted: AttemptFilter, walk: Walk) -> Query:
    where = _all_of([*_bounds(walk), *_of_attempts(wanted)])
    return Query(f"SELECT count(*) FROM attempt{where.sql}", where.values)


def _of_attempts(wanted: AttemptFilter) -> list[Query]:
    """An empty text behind a column keeps SQLite from an index that has another order."""
    found = []
    if wanted.request_id is not None:
        found.append(Query("request_id = ?", (wanted.request_id,)))
    if wanted.outcomes:
        found.append(_is_one_of("outcome || ''", sorted(wanted.outcomes)))
    if wanted.kinds:
        found.append(_has_kind(wanted.kinds))
    for column in ("operator", "shop"):
        if (value := getattr(wanted, column)) is not None:
            found.append(Query(f"{column} || '' = ?", (value,)))
    for sign, time in ((">=", wanted.since), ("<", wanted.until)):
        if time is not None:
            found.append(Query(f"at {sign} ?", (time,)))
    if wanted.dry_run is not None:
        found.append(Query(f"{DRY_ATTEMPT} = ?", (int(wanted.dry_run),)))
    if wanted.with_rejects is not None:
        of_session = "session JOIN facet ON facet.id = session.facet WHERE session.id = attempt.session_id"
        rejects = int(wanted.with_rejects)
        found.append(Query(f"EXISTS (SELECT 1 FROM {of_session} AND facet.with_rejects = ?)", (rejects,)))
    return [*found, *map(_word_of_attempts, wanted.words)]


def _word_of_attempts(word: Word) -> Query:
    mark = pattern(word.text)
    columns = ("operator", "shop", "kinds", "host", "source", "reason", "reason_args")
    found = [Query(f"glob(?, {column})", (mark,)) for column in columns]
    if word.kinds:
        found.append(_has_kind(word.kinds))
    if word.errors:
        found.append(_is_one_of("reason", sorted(word.errors)))
    if re.fullmatch("[0-9]{1,18}", word.text):
        found.append(Query("session_id = ?", (int(word.text),)))
    if re.fullmatch("[0-9a-f]{4,}", word.text.lower()):
        request = _begins("request_id", word.text.lower())
        found.append(Query(f"({request.sql})", request.values))
    return _any_of(found)


class _Such(NamedTuple):
    """Rows that match: out of what, and on which conditions."""

    found: Query
    where: list[Query]


def _such(wanted: SessionFilter, walk: Walk, few: Query | None) -> _Such:
    conditions = _conditions(wanted, walk.order, bounded=few is None)
    if few is None:
        return _Such(Query("session"), conditions)
    # With a limit no engine makes one search of both, which would walk again.
    columns = ", ".join(_columns(walk.order))
    where = _all_of([few, *conditions])
    sql = f"(SELECT {columns} FROM session{where.sql} LIMIT {ALL_ROWS}) AS few"
    return _Such(Query(sql, where.values), [])


def _walked(columns: str, walk: Walk, such: _Such, limit: int) -> Query:
    where = _all_of([*_bounds(walk), *such.where])
    direction = "DESC" if walk.descends else "ASC"
    by = ", ".join(f"{column} {direction}" for column in _columns(walk.order))
    return Query(
        f"SELECT {columns} FROM {such.found.sql}{where.sql} ORDER BY {by} LIMIT ?",
        (*such.found.values, *where.values, limit),
    )


def _columns(order: Order) -> list[str]:
    """Of its index."""
    return [*dict.fromkeys((order.by.value, "id"))]


def _bounds(walk: Walk) -> list[Query]:
    behind, to = ("<", ">=") if walk.descends else (">", "<=")
    found = []
    for place, compare in ((walk.behind, behind), (walk.to, to)):
        if place is not None and walk.order.by is By.ID:
            found.append(Query(f"id {compare} ?", (place.id,)))
        elif place is not None:
            found.append(Query(f"({walk.order.by}, id) {compare} (?, ?)", (*place,)))
    return found


def _conditions(wanted: SessionFilter, order: Order, *, bounded: bool) -> list[Query]:
    found = []
    if facets := _facets(wanted):
        such = _of_facets(facets)
        found.append(such._replace(sql=f"+{such.sql}"))
    found += _dates(wanted, order, bounded=bounded)
    if wanted.request_prefix:
        found.append(_ids(_begins("request_id", wanted.request_prefix)))
    if wanted.id_prefix:
        found.append(_ids(_id_prefix(wanted.id_prefix)))
    return [*found, *map(_word, wanted.words)]


def _of_facets(conditions: Sequence[Query]) -> Query:
    where = _all_of(conditions)
    return Query(f"facet IN (SELECT id FROM facet{where.sql})", where.values)


def _ids(condition: Query) -> Query:
    """The same, to be looked up in its own index."""
    return Query(f"id IN (SELECT id FROM session WHERE {condition.sql})", condition.values)


def _begins(column: str, prefix: str) -> Query:
    return Query(f"{column} >= ? AND {column} < ?", (prefix, prefix + LAST))


def _beside_facets(wanted: SessionFilter) -> bool:
    """Whether it asks what facets do not tell."""
    return bool(wanted.since or wanted.until or wanted.id_prefix or wanted.request_prefix or wanted.words)


def _facets(wanted: SessionFilter) -> list[Query]:
    found = []
    if wanted.statuses:
        found.append(_is_one_of("status", sorted(wanted.statuses)))
    if wanted.kinds:
        found.append(_has_kind(wanted.kinds))
    for column in ("operator", "shop"):
        if (value := getattr(wanted, column)) is not None:
            found.append(Query(f"{column} = ?", (value,)))
    for column in ("dry_run", "with_rejects"):
        if (value := getattr(wanted, column)) is not None:
            found.append(Query(f"{column} = ?", (int(value),)))
    return found


def _times(wanted: SessionFilter) -> list[Query]:
    return [
        Query(f"created_at {sign} ?", (time,))
        for sign, time in ((">=", wanted.since), ("<", wanted.until))
        if time is not None
    ]


def _dates(wanted: SessionFilter, order: Order, *, bounded: bool) -> list[Query]:
    """`bounded`: where the order has not the time itself, by the first and the last session of that time."""
    times = _times(wanted)
    if not times or (order.by is By.CREATED and bounded):
        return times
    found = [Query(f"created_at || '' {time.sql.removeprefix('created_at ')}", time.values) for time in times]
    where = _all_of(times)
    column = "id" if order.by is By.ID else "+id"
    for time, sign, bound in ((wanted.since, ">=", "min"), (wanted.until, "<=", "max")):
        if time is not None and bounded:
            sql = f"{column} {sign} (SELECT {bound}(+id) FROM session{where.sql})"
            found.append(Query(sql, where.values))
    return found


def _id_prefix(digits: str) -> Query:
    """Numbers that begin with 12 are 12, 120 to 129, 1200 to 1299 …"""
    if not (digits.isascii() and digits.isdecimal()) or digits.startswith("0") or len(digits) >= LONGEST_ID:
        return Query("1 = 0")
    number = int(digits)
    ranges = [(number * 10**more, (number + 1) * 10**more - 1) for more in range(LONGEST_ID - len(digits))]
    return _any_of([Query("id BETWEEN ? AND ?", both) for both in ranges])


def _word(word: Word) -> Query:
    mark = pattern(word.text)
    facets = [Query(f"glob(?, {column})", (mark,)) for column in ("operator", "host", "shop", "kinds")]
    if word.kinds:
        facets.append(_has_kind(word.kinds))
    where = _any_of(facets)
    errors = [Query("glob(?, error)", (mark,)), Query("glob(?, error_args)", (mark,))]
    if word.errors:
        errors.append(_is_one_of("error", sorted(word.errors)))
    error = _any_of(errors)
    found = [
        Query(f"+facet IN (SELECT id FROM facet WHERE {where.sql})", where.values),
        Query("glob(?, source)", (mark,)),
        Query(f"(error IS NOT NULL AND {error.sql})", error.values),
    ]
    if re.fullmatch("[0-9]{1,18}", word.text):
        found.append(Query("+id = ?", (int(word.text),)))
    if re.fullmatch("[0-9a-f]{4,}", word.text.lower()):
        request = _begins("request_id", word.text.lower())
        found.append(Query(f"({request.sql})", request.values))
    return _any_of(found)


def pattern(text: str) -> str:
    """What `glob` finds `text` with, whichever its case: SQLite's own folding knows ASCII only, that of PostgreSQL
    what its locale does."""
    return f"*{''.join(f'[{_cases(char)}]' for char in text)}*"


def _cases(char: str) -> str:
    """All cases of a character, for brackets of a pattern."""
    lower, upper = char.lower(), char.upper()
    cases = dict.fromkeys(case for case in (char, lower, upper, upper.lower()) if len(case) == 1)
    # Alone, or first, it would say "none of these"; behind a character that no text has it says itself.
    return "".join(cases).replace("\\", "\\\\").replace("^", f"{LAST}^")


def _has_kind(kinds: frozenset[str]) -> Query:
    """A kind as JSON stands in `kinds` where taking it out makes a difference."""
    return _any_of([Query("replace(kinds, ?, '') <> kinds", (json(kind),)) for kind in sorted(kinds)])


def _is_one_of(column: str, values: Sequence[str]) -> Query:
    return Query(f"{column} IN ({', '.join('?' * len(values))})", tuple(values))


def _any_of(pieces: Sequence[Query]) -> Query:
    joined = _joined(" OR ", pieces)
    return joined._replace(sql=f"({joined.sql})")


def _all_of(pieces: Sequence[Query]) -> Query:
    """A WHERE; nothing where there is no condition."""
    joined = _joined(" AND ", pieces)
    return joined._replace(sql=f" WHERE {joined.sql}" if pieces else "")


def _joined(word: str, pieces: Sequence[Query]) -> Query:
    return Query(word.join(piece.sql for piece in pieces), _values(pieces))


def _values(pieces: Sequence[Query]) -> tuple[object, ...]:
    return tuple(value for piece in pieces for value in piece.values)
