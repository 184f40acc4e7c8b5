"""The contract of the journal (`Journal`): finding sessions. What it finds is what a filter in Python leaves of all of
them, in the order of Python, from whichever place and in whichever direction."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from support.engine_stage import Stage
from support.engines import Hand
from support.many_sessions import BEGAN, ERRORS, KINDS, OPERATORS, SHOPS, fill

from importers.addresses import JOURNAL_SCHEMA
from importers.clock import utc_text
from importers.database.migrations import write_made
from importers.database.opening import open_database
from importers.errors import UnknownSession
from importers.events import Counts
from importers.processes import this_process
from importers.sessions import (
    By,
    Journal,
    Order,
    Place,
    Session,
    SessionFilter,
    Status,
    Word,
    looking,
    open_journal,
    place_of,
)
from importers.sessions.opening import SCHEMAS

SESSIONS = 300
WORDS = ("", "ANNA", "льга", "ИВАН П", "webDATA", "выгрузка 1", "import7_", "ОШИБКА", "SHOP1", "nothing", "prices",
         "%_", "[a-z]", "^", "\\", "*?", "-", "outlet", "let 1c")  # fmt: skip


@pytest.fixture
async def journal(hand: Hand) -> AsyncIterator[Journal]:
    made = await open_journal(hand.url)
    await fill(made.database, SESSIONS)
    yield made
    await made.close()


def matches(session: Session, wanted: SessionFilter) -> bool:
    return (
        (not wanted.statuses or session.status in wanted.statuses)
        and (not wanted.kinds or bool(wanted.kinds.intersection(session.kinds)))
        and wanted.operator in (None, session.operator)
        and wanted.shop in (None, session.shop)
        and wanted.dry_run in (None, session.options.dry_run)
        and wanted.with_rejects in (None, session.counts.rejected > 0)
        and (wanted.since is None or session.created_at >= wanted.since)
        and (wanted.until is None or session.created_at < wanted.until)
        and str(session.id).startswith(wanted.id_prefix)
        and session.request_id.startswith(wanted.request_prefix)
        and all(has_word(session, word) for word in wanted.words)
    )


def has_word(session: Session, word: Word) -> bool:
    texts = [session.operator, session.host, session.shop, session.source, *session.kinds]
    if session.error:
        texts += [session.error.text, *map(str, session.error.args.values())]
    return (
        any(word.text.casefold() in text.casefold() for text in texts)
        or not word.kinds.isdisjoint(session.kinds)
        or (session.error is not None and session.error.text in word.errors)
        or word.text == str(session.id)
        or (len(word.text) >= 4 and session.request_id.startswith(word.text.lower()))
    )


def any_filter(chance: random.Random, sessions: list[Session]) -> SessionFilter:
    """Of some of its parts, each as likely to match as not."""

    def maybe(value: Any, otherwise: Any) -> Any:
        return value if chance.random() < 0.25 else otherwise

    one = chance.choice(sessions)
    word = Word(
        chance.choice([*WORDS, str(one.id), one.request_id[:5].upper()]),
        frozenset(maybe(chance.choice(KINDS)[:1], ())),
        frozenset(maybe((chance.choice(ERRORS),), ())),
    )
    return SessionFilter(
        frozenset(maybe(chance.sample([*Status], chance.randint(1, 3)), [])),
        frozenset(maybe(chance.choice([*KINDS, ("price_",)]), ())),
        maybe(chance.choice([*OPERATORS, "ann"]), None),
        maybe(chance.choice(SHOPS), None),
        maybe(chance.random() < 0.5, None),
        maybe(chance.random() < 0.5, None),
        maybe(one.created_at[: chance.randint(8, 24)], None),
        maybe(chance.choice(sessions).created_at, None),
        maybe(str(one.id)[: chance.randint(1, 3)], ""),
        maybe(one.request_id[: chance.randint(1, 8)], ""),
        (word,) if chance.random() < 0.6 else (),
    )


async def test_what_is_found_is_what_matches(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = await journal.sessions(limit=SESSIONS + 1)
    assert [session.id for session in sessions] == [*range(SESSIONS, 0, -1)]
    monkeypatch.setattr(looking, "STEP_ROWS", 70)
    for seed in range(40):
        chance = random.Random(seed)
        monkeypatch.setattr(looking, "FEW", chance.choice((0, 20, 1000)))
        wanted, order = any_filter(chance, sessions), Order(chance.choice([*By]), chance.random() < 0.5)
        ordered = sorted(sessions, key=lambda session: place_of(session, order), reverse=order.descending)
        expected = [session.id for session in ordered if matches(session, wanted)]
        assert await ids_of_all_pages(journal, wanted, order, chance) == expected, (seed, wanted, order)
        assert await journal.count(wanted) == len(expected), (seed, wanted)
        at = chance.randrange(SESSIONS)
        place = place_of(ordered[at], order)
        in_front = [session.id for session in ordered[:at] if matches(session, wanted)]
        assert await journal.count(wanted, order, before=place) == len(in_front), (seed, wanted, order)
        before = await journal.find(wanted, order, before=place, limit=7, seconds=60)
        assert [session.id for session in before.sessions] == in_front[-7:], (seed, wanted, order)
        behind = [session.id for session in ordered[at + 1 :] if matches(session, wanted)]
        around = [session.id for session in await journal.around(ordered[at].id, wanted, order, limit=14)]
        here = around.index(ordered[at].id)
        least = 0 if wanted.words else 7  # a search for words gives up its turn
        for told, there in ((around[:here][::-1], in_front[::-1]), (around[here + 1 :], behind)):
            assert told == there[: len(told)]
            assert len(told) >= min(least, len(there))


async def ids_of_all_pages(
    journal: Journal, wanted: SessionFilter, order: Order, chance: random.Random
) -> list[int]:
    """Page by page; with words in steps so short that they may bring nothing."""
    found: list[int] = []
    rest: Place | None = None
    while True:
        page = await journal.find(wanted, order, after=rest, limit=chance.choice((3, 50, 1000)), seconds=0)
        found += [session.id for session in page.sessions]
        rest = page.rest
        if rest is None:
            return found


@pytest.mark.parametrize("text", ["Иван П.", "/SRV/1c/вЫГРУЗКА 1", "ошибка.XML", "The File Is Cut"])
async def test_a_word_is_found_in_any_case(journal: Journal, text: str) -> None:
    hand_made = [text, text.lower(), text.upper(), text.swapcase()]
    expected = [s for s in await journal.sessions(limit=SESSIONS) if has_word(s, Word(text))]
    assert expected or text == OPERATORS[-1]
    for one in hand_made:
        assert await journal.sessions(SessionFilter(words=(Word(one),)), SESSIONS) == expected, one


async def test_no_session_is_lost_between_two_steps(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "STEP_ROWS", 10)
    every = SessionFilter(words=(Word("shop1"),))
    for order in (Order(), Order(By.KINDS, False)):
        page = await journal.find(every, order, limit=SESSIONS, seconds=60)
        assert page.sessions == (await journal.find(order=order, limit=SESSIONS)).sessions
    assert await journal.count(every) == SESSIONS


async def test_a_search_gives_up_its_turn_and_goes_on(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "STEP_ROWS", 100)
    first = await journal.find(SessionFilter(words=(Word("nowhere"),)), seconds=0)
    assert (first.sessions, first.rest) == ([], Place(201, 201))
    assert (await journal.find(SessionFilter(words=(Word("nowhere"),)), seconds=60)).rest is None
    once = SessionFilter(words=(Word("ВЫГРУЗКА"),))
    assert await journal.sessions(once, 1) == (await journal.sessions(once))[:1] != []


async def test_names_to_filter_by(journal: Journal) -> None:
    names = await journal.names()
    assert set(names.operators) <= set(OPERATORS)
    assert names.operators == sorted(names.operators) != []
    assert names.shops == sorted(SHOPS)
    assert names.kinds == sorted({kind for kinds in KINDS for kind in kinds})
    assert names.errors == sorted(ERRORS)


async def test_what_is_found_follows_what_happens_to_a_session(stage: Stage) -> None:
    """Also while it runs, and whatever program writes: what filters and orders ask is kept by the tables."""
    journal = stage.journal
    result = await stage.launch()
    assert result.session
    session = result.session

    async def found(wanted: SessionFilter) -> bool:
        assert await journal.count(wanted) == len(await journal.sessions(wanted))
        return bool(await journal.sessions(wanted))

    async def status_found() -> list[Status]:
        return [status for status in Status if await found(SessionFilter(frozenset((status,))))]

    assert await status_found() == [Status.STARTED]
    held = await journal.claim(session.id, session.target, this_process(), 30)
    assert held
    assert await status_found() == [Status.IN_PROGRESS]
    assert not await found(SessionFilter(with_rejects=True))
    counts = {"customers": Counts(read=9, rejected=3), "prices": Counts(read=4, rejected=4)}
    assert await journal.write(
        session.id, held.fence, [], [], done=1, total=2, running_kind="customers", by_kind=counts
    )
    assert await found(SessionFilter(with_rejects=True))
    assert await journal.finish(session.id, held.fence, Status.COMPLETED, counts)
    assert await status_found() == [Status.COMPLETED]
    ended = await journal.session(session.id)
    for by, descending in product(By, (True, False)):  # nothing stands between it and its own place
        order = Order(by, descending)
        place = place_of(ended, order)
        assert (await journal.find(order=order, after=place)).sessions == []
        assert (await journal.find(order=order, before=place)).sessions == []
    assert await journal.delete([session.id]) == [session.id]
    assert await journal.count() == 0
    assert await status_found() == []
    with pytest.raises(UnknownSession):
        await journal.around(session.id)


async def test_a_clock_that_was_set_back_hides_no_session(journal: Journal, hand: Hand) -> None:
    hand.change("UPDATE session SET created_at = ?1 WHERE id = 200", utc_text(BEGAN.replace(year=2019)))
    old = SessionFilter(until="2020")
    for by in By:
        assert 200 in [session.id for session in (await journal.find(old, Order(by))).sessions]


async def test_sessions_of_an_older_schema_are_found(hand: Hand, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(SCHEMAS, older)
    for step in (
        *older.glob("*/*_finding.sql"),
        *older.glob("*/*_details.sql"),
        *older.glob("*/*_attempts.sql"),
    ):
        step.unlink()
    write_made(older / "sqlite")
    database = await open_database(hand.url, older, JOURNAL_SCHEMA)
    await fill(database, 50)
    await database.close()
    journal = await open_journal(hand.url)
    try:
        sessions = await journal.sessions()
        for wanted in (SessionFilter(frozenset((Status.FAILED,))), SessionFilter(with_rejects=True)):
            expected = [session for session in sessions if matches(session, wanted)]
            assert await journal.sessions(wanted) == expected != []
        order = Order(By.DURATION)
        assert (await journal.find(order=order)).sessions == sorted(
            sessions, key=lambda session: place_of(session, order), reverse=True
        )
    finally:
        await journal.close()


async def test_one_of_several_kinds_is_found(stage: Stage) -> None:
    kinds = ("customers", "catalog")
    await stage.launch(*kinds)
    for kind in kinds:
        wanted = SessionFilter(kinds=frozenset((kind,)))
        assert [session.kinds for session in await stage.journal.sessions(wanted)] == [kinds]
        assert [attempt.kinds for attempt in await stage.journal.attempts(kind=kind)] == [kinds]
