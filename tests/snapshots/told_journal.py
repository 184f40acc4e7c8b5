"""Journals for pictures: with sessions that tell all there is, with long names, of several shops, and broken ones."""

from __future__ import annotations

import asyncio

import msgspec
from fixed_journal import RUNNING, SESSIONS, FixedJournal, at, session

from importers.errors import DatabaseError
from importers.events import Changes, Counts, FileRead, Gone, Options, PriceChange, StockLoss
from importers.sessions.details import Detail, Files, FileTold, Gains, KindStanding, Standing
from importers.sessions.finding import Page
from importers.sessions.models import Attempt, LogLine, Session, Status, StoredReject
from importers.texts import Message

STANDING = Standing(
    0.43, "stocks", "merge", "webdata/rests0_1.xml", 5_160, 1_280.0, 74.0,
    {"prices": KindStanding(1, 1, 1_200), "stocks": KindStanding(1, 0.37, 3_960)},
    (310, 620, 900, 1_280, 1_100, 1_420, 1_280), 10,
)  # fmt: skip
FILES = Files(
    (
        FileTold("webdata/prices0_1.xml", 42_000_000, "2026-03-14T07:15:00Z",
                 {"prices": FileRead("webdata/prices0_1.xml", {"prices": 120_400}, 12, 31.4)}),
        FileTold("webdata/Остатки на складах (основной)/rests0_1.xml", 812, "2026-03-14T07:15:00Z",
                 {"stocks": FileRead("rests0_1.xml", {"stocks": 640}, 3, 0.02)}),
    )
)  # fmt: skip
GAINS = Gains(
    {
        "prices": Changes(
            "prices",
            {"prices": Counts(1_200, 40, 60, 1_098, 2, 0, 0)},
            prices=(
                PriceChange("o1", "Кресло «Престиж», кожа, бук", "Розничная", "10000", "25000", "руб", 150.0),
                PriceChange("o2", "Table lamp", "Оптовая", "0", "1200", "USD", None),
                PriceChange("o3", "Шкаф", "Розничная", "4000", "1000", "руб", -75.0),
            ),
            raised=41,
            lowered=19,
        ),
        "stocks": Changes(
            "stocks",
            {"stocks": Counts(640, 0, 25, 612, 0, 3, 0)},
            stocks=(StockLoss("o1", "Кресло «Престиж», кожа, бук", 120, 0),),
            emptied=7,
            gone={"stocks": (Gone("bd72d913-55bc-11d9-848a-00112f43529a", "Table lamp"),)},
        ),
    }
)
NO_NUMBER = "{field} is not a number: {value}"
NAMELESS = "has no Наименование, and nothing is known of it that it could be a part of"
STORED = {
    15: (
        (NO_NUMBER, {"field": "Количество", "value": "1e999"}),
        (NO_NUMBER, {"field": "Количество", "value": "много"}),
        (NAMELESS, {}),
    )
}
"""Rejects of more than one reason."""
TOLD_LOG = (
    ("info", "[Request {request_id}] Import launch attempt: {kinds}",
     {"request_id": RUNNING.request_id, "kinds": "['prices', 'stocks']"}),
    ("info", "Received by worker {owner}", {"owner": "shop1:4711"}),
    ("warning", "Offers whose Количество is not the sum of their warehouses, which counts ({count}): {ids}",
     {"count": 2, "ids": "bd72d913-55bc-11d9-848a-00112f43529a, bd72d913-55bc-11d9-848a-00112f43529b"}),
    ("error", "{kind}: {rejected} of {read} records are rejected, more than {share}",
     {"kind": "stocks", "rejected": 120, "read": 640, "share": "10%"}),
    *(("info", "{count} records were rejected; the first {kept} are kept", {"count": count, "kept": 100})
      for count in range(100, 3000, 100)),
)  # fmt: skip


class ToldJournal(FixedJournal):
    """Each session tells its details; number 15 has two sorts of rejects, 14 a log of its own."""

    def __init__(self, *more: Session) -> None:
        super().__init__((*more, *SESSIONS))
        self.log = {
            session_id: [
                LogLine(number, session_id, at(minutes - number / 60), "log", level, message, dict(args))
                for number, (level, message, args) in enumerate(told, 1)
            ]
            for session_id, minutes, told in ((16, 1.4, TOLD_LOG), (14, 359, TOLD_LOG[:4]))
        }

    async def detail(self, session_id: int, of: type) -> Detail | None:
        row = self.rows[session_id]
        if of is Standing:
            return STANDING if row.status is Status.IN_PROGRESS else None
        if row.status is not Status.COMPLETED:
            return None
        return (
            FILES
            if of is Files
            else Gains({kind: GAINS.kinds[kind] for kind in row.kinds if kind in GAINS.kinds})
        )

    async def reasons(self, session_id: int) -> list[tuple[str, int]]:
        if session_id not in STORED:
            return await super().reasons(session_id)
        reasons = [reason for reason, _args in STORED[session_id]]
        return [(reason, reasons.count(reason)) for reason in dict.fromkeys(reasons)]

    async def rejects(
        self, session_id: int, *, after: int = 0, reason: str | None = None, limit: int = 1000
    ) -> list[StoredReject]:
        found = await super().rejects(session_id)
        if session_id in STORED:
            told = zip(found, STORED[session_id], strict=True)
            found = [msgspec.structs.replace(one, reason=why, args=args) for one, (why, args) in told]
        return [one for one in found if one.id > after and reason in {None, one.reason}][:limit]


LONG = session(
    1_234_567,
    Status.COMPLETED,
    "stocks",
    "prices",
    operator="Константинопольская Александра Владимировна",
    source="/srv/1c/Обмен с сайтом (основная торговая площадка)/webdata",
    host="server-with-a-long-name.example.internal",
    options=Options(dry_run=True),
    created_at=at(5),
    started_at=at(5),
    finished_at=at(3),
    by_kind={"stocks": Counts(1_234_567, 0, 25, 1_232_084, 0, 2_458, 0)},
)
WAITING = session(
    17, Status.STARTED, "catalog", created_at=at(1), started_at=None, operator="boris",
    waiting=Message.of("waiting for the broker: {error}", error="redis://cache:6379"),
)  # fmt: skip
NORTH = tuple(
    session(number, Status.COMPLETED, "prices", shop="north", created_at=at(number), started_at=at(number),
            finished_at=at(number - 1), by_kind={"prices": Counts(1200, 40, 60, 1100, 0, 0, 0)})
    for number in (18, 17)
)  # fmt: skip


class EmptyJournal(FixedJournal):
    def __init__(self) -> None:
        super().__init__(())

    async def _attempts(self) -> list[Attempt]:
        return []


class SlowJournal(FixedJournal):
    """Does not answer yet."""

    async def find(self, *_wanted: object, **_page: object) -> Page:
        await asyncio.Event().wait()
        raise AssertionError


class LockedJournal(FixedJournal):
    async def find(self, *_wanted: object, **_page: object) -> Page:
        raise DatabaseError("/srv/obmen/journal.sqlite3: locked by another program; close it")
