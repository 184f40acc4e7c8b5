"""The contract of the journal (`Journal`): finding attempts, in all of them, as a filter in Python would."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.engines import Hand

from importers.sessions import Attempt, Journal, Outcome, Word, looking, open_journal
from importers.sessions.finding import AttemptFilter, Place, place_of_attempt
from importers.texts import Message

OUTCOMES = (Outcome.CREATED, Outcome.JOINED, Outcome.REFUSED, Outcome.ERROR, None)
KINDS = (("catalog", "prices"), ("images",), ("prices",))
OPERATORS = ("anna", "Ольга", "иван")
NUMBER = 60


def attempt(number: int) -> Attempt:
    return Attempt(
        request_id=f"{number * 0x01A2B3C4 % 2**32:08x}",
        idempotency_key=f"key {number}",
        kinds=KINDS[number % 3],
        source=f"/srv/1c/{number % 7}",
        target="catalog.sqlite3",
        operator=OPERATORS[number % 3],
        host=f"shop{number % 2}",
        pid=number,
        shop=("main", "outlet")[number % 2],
    )


@pytest.fixture
async def journal(hand: Hand) -> AsyncIterator[Journal]:
    made = await open_journal(hand.url)
    for number in range(1, NUMBER + 1):
        one = attempt(number)
        await made.begin_attempt(one)
        if outcome := OUTCOMES[number % 5]:
            reason = (
                Message.of("the source has no files for {kind}", kind="images") if number % 5 == 2 else None
            )
            session = 100 + number if outcome is Outcome.CREATED else None
            await made.end_attempt(one.request_id, outcome, session, "off", reason)
    yield made
    await made.close()


def matches(one: Attempt, wanted: AttemptFilter) -> bool:
    reason = (one.reason.text, *map(str, one.reason.args.values())) if one.reason else ()
    texts = " ".join((*one.kinds, one.operator, one.host, one.source, one.shop, *reason)).casefold()
    return (
        (not wanted.outcomes or one.outcome in wanted.outcomes)
        and (not wanted.kinds or bool(wanted.kinds.intersection(one.kinds)))
        and wanted.operator in (None, one.operator)
        and wanted.shop in (None, one.shop)
        and wanted.request_id in (None, one.request_id)
        and (wanted.since is None or one.at >= wanted.since)
        and (wanted.until is None or one.at < wanted.until)
        and all(
            word.text.casefold() in texts
            or bool(word.kinds.intersection(one.kinds))
            or bool(one.reason and one.reason.text in word.errors)
            or word.text == str(one.session_id)
            or (len(word.text) >= 4 and one.request_id.startswith(word.text))
            for word in wanted.words
        )
    )


FILTERS = (
    AttemptFilter(),
    AttemptFilter(frozenset((Outcome.JOINED, Outcome.ERROR))),
    AttemptFilter(frozenset((Outcome.REFUSED,)), kinds=frozenset(("images", "customers"))),
    AttemptFilter(kinds=frozenset(("price",))),
    AttemptFilter(operator="Ольга", shop="outlet"),
    AttemptFilter(request_id=attempt(7).request_id),
    AttemptFilter(since="2020", until="2999"),
    AttemptFilter(until="2020"),
    *(
        AttemptFilter(words=(Word(text),))
        for text in ("ольга", "ИВАН", "1C/3", "shop1", "110", attempt(9).request_id[:5], "%", "nothing", "files FOR")
    ),
    AttemptFilter(words=(Word("картинки", frozenset(("images",))), Word("anna"))),
    AttemptFilter(words=(Word("нет файлов", errors=frozenset(("the source has no files for {kind}",))),)),
)  # fmt: skip


async def test_what_is_found_is_what_a_filter_of_all_leaves(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "STEP_ROWS", 7)  # words over several steps
    everything = (await journal.find_attempts(limit=1000)).attempts
    assert [one.pid for one in everything] == list(range(NUMBER, 0, -1))
    for wanted in FILTERS:
        expected = [one for one in everything if matches(one, wanted)]
        assert (await journal.find_attempts(wanted, limit=1000, seconds=60)).attempts == expected, wanted
        assert await journal.count_attempts(wanted) == len(expected), wanted


async def test_pages_lead_through_all_and_back(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "STEP_ROWS", 7)
    for wanted in FILTERS:
        expected = (await journal.find_attempts(wanted, limit=1000, seconds=60)).attempts
        found: list[Attempt] = []
        rest: Place | None = None
        while not found or rest:
            page = await journal.find_attempts(wanted, after=rest, limit=4, seconds=60)
            found, rest = found + page.attempts, page.rest
            if not page.attempts:
                break
        assert found == expected, wanted
        for at in range(0, len(expected), 5):
            front = await journal.find_attempts(
                wanted, before=place_of_attempt(expected[at]), limit=4, seconds=60
            )
            assert front.attempts == expected[max(0, at - 4) : at], wanted
