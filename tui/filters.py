"""What the filter line means: words that name a status, a type, an operator or a day, and words to find anywhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Self

import msgspec

from importers import words
from importers.clock import utc_text
from importers.kinds.registry import names as kind_names
from importers.sessions.finding import ALL, AttemptFilter, SessionFilter, Word
from importers.sessions.models import Outcome, Status
from importers.texts import _
from tui import present

SHOP = "shop:"
OPERATOR = "by:"
REQUEST_ID = re.compile("[0-9a-f]{8}")
DAY = r"\d{4}-\d{2}(?:-\d{2})?|\d{1,2}\.\d{1,2}\.\d{4}"
"""2026-03-14 or 14.03.2026, a month as 2026-03."""
DAYS = re.compile(rf"(?P<first>{DAY})?(?P<dots>\.\.)?(?P<last>{DAY})?")
"""Both of them, that is from one to the other, or one: from it on, until it, or it alone."""


@dataclass(frozen=True)
class Names:
    """What words may name: shops and operators of the journal, its errors; and which day it is."""

    shops: Collection[str] = ()
    operators: Mapping[str, str] = field(default_factory=dict)
    """As they are written, by how they are typed: in small letters."""
    errors: Collection[str] = ()
    today: date = field(default_factory=lambda: datetime.now().astimezone().date())


@dataclass(frozen=True)
class Filter:
    """What an operator typed: what the journal is asked for, and the same for attempts."""

    sessions: SessionFilter = ALL

    @classmethod
    def parse(cls, text: str, names: Names | None = None) -> Self:
        """`failed prices anna 2026-03`, or the same in the reader's language; order and case do not matter, several of
        one sort mean any of them. One of several shops by its name, or as `shop:name` where that means something else
        as well, and so with operators, `by:name`. Anything else is looked for in all that a row tells."""
        names = names or Names()
        kinds = kind_names()
        statuses: set[Status] = set()
        chosen: set[str] = set()
        wanted = SessionFilter()
        sought: list[Word] = []
        for word in text.casefold().split():
            if word.startswith(SHOP):
                wanted = msgspec.structs.replace(wanted, shop=word.removeprefix(SHOP))
            elif word.startswith(OPERATOR):
                operator = _operator(word.removeprefix(OPERATOR), names.operators)
                wanted = msgspec.structs.replace(wanted, operator=operator)
            elif len(names.shops) > 1 and word in names.shops and word not in kinds:
                wanted = msgspec.structs.replace(wanted, shop=word)
            elif word in names.operators and word not in kinds:
                wanted = msgspec.structs.replace(wanted, operator=names.operators[word])
            elif found := _status(word):
                statuses.add(found)
            elif word in kinds:
                chosen.add(word)
            elif _means(word, _("rejects"), "rejects"):
                wanted = msgspec.structs.replace(wanted, with_rejects=True)
            elif _means(word, _("dry"), "dry"):
                wanted = msgspec.structs.replace(wanted, dry_run=True)
            elif days := _days(word, names.today):
                since, until = days
                wanted = msgspec.structs.replace(
                    wanted, since=since or wanted.since, until=until or wanted.until
                )
            elif REQUEST_ID.fullmatch(word) and not word.isdecimal():
                wanted = msgspec.structs.replace(wanted, request_prefix=word)
            else:
                sought.append(_word(word, kinds, names.errors))
        return cls(
            msgspec.structs.replace(
                wanted, statuses=frozenset(statuses), kinds=frozenset(chosen), words=tuple(sought)
            )
        )

    def __bool__(self) -> bool:
        return self != Filter()

    @property
    def shop(self) -> str | None:
        return self.sessions.shop

    @property
    def request_id(self) -> str | None:
        """The word that can only be one, for what is found by that alone; it may be a number as well."""
        numbers = (word.text for word in self.sessions.words if REQUEST_ID.fullmatch(word.text))
        return self.sessions.request_prefix or next(numbers, None)

    @property
    def attempts(self) -> AttemptFilter:
        """The same for attempts, which have outcomes. What only sessions have is looked for as a word."""
        wanted = self.sessions
        outcomes = {word: found for word in wanted.words if (found := _outcome(word.text))}
        sought = [word for word in wanted.words if word not in outcomes and word.text != self.request_id]
        sought += [Word(status.value) for status in wanted.statuses]
        return AttemptFilter(
            outcomes=frozenset(outcomes.values()),
            kinds=wanted.kinds,
            operator=wanted.operator,
            shop=wanted.shop,
            since=wanted.since,
            until=wanted.until,
            request_id=self.request_id,
            words=tuple(sought),
            dry_run=wanted.dry_run,
            with_rejects=wanted.with_rejects,
        )


def _operator(typed: str, operators: Mapping[str, str]) -> str:
    """The one of this name, or the only one whose name begins so: names of several words cannot be typed here."""
    begin = [name for low, name in operators.items() if low.startswith(typed)]
    return operators.get(typed) or (begin[0] if len(begin) == 1 else typed)


def _word(word: str, kinds: Collection[str], errors: Collection[str]) -> Word:
    """With the types and errors that are told by it in the reader's language."""
    return Word(
        word,
        frozenset(kind for kind in kinds if word in present.kind(kind).casefold()),
        frozenset(error for error in errors if word in _(error).casefold()),
    )


def _means(word: str, *names: str) -> bool:
    return len(word) >= 3 and any(name.casefold().startswith(word) for name in names)


def _status(word: str) -> Status | None:
    """The status whose word, in English or as shown, starts with `word` (three letters or more)."""
    for status in Status:
        if _means(word, status.value, words.status(status)):
            return status
    return None


def _outcome(word: str) -> Outcome | None:
    for outcome in Outcome:
        if _means(word, outcome.value, words.outcome(outcome)):
            return outcome
    return None


def _days(word: str, today: date) -> tuple[str | None, str | None] | None:
    """The first moment of the days that are named, and the first one after them; None when no day is named."""
    if word in {"today", _("today")}:
        return _moment(today), None
    if word in {"yesterday", _("yesterday")}:
        return _moment(today - timedelta(days=1)), _moment(today)
    found = DAYS.fullmatch(word)
    if not found or not (found["first"] or found["last"]) or (found["last"] and not found["dots"]):
        return None
    try:
        first = _day(found["first"])[0] if found["first"] else None
        last = found["last"] or (None if found["dots"] else found["first"])
        following = _day(last)[1] if last else None
    except ValueError:
        return None
    return _moment(first) if first else None, _moment(following) if following else None


def _day(text: str) -> tuple[date, date]:
    """The first day that is named, and the one after the last."""
    if "." in text:
        day, month, year = map(int, text.split("."))
        first = date(year, month, day)
    else:
        first = date.fromisoformat(text if len(text) > 7 else f"{text}-01")
    if "." not in text and len(text) == 7:
        return first, (first + timedelta(days=31)).replace(day=1)
    return first, first + timedelta(days=1)


def _moment(day: date) -> str:
    """Its beginning in the reader's time zone, as the journal writes times."""
    return utc_text(datetime(day.year, day.month, day.day).astimezone())
