"""A journal with fixed sessions, and a clock that stands: what snapshots are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from importers.errors import UnknownSession
from importers.kinds import Counts, Options
from importers.sessions.finding import (
    ALL,
    ALL_ATTEMPTS,
    NEWEST,
    AttemptFilter,
    AttemptPage,
    Names,
    Order,
    Page,
    Place,
    SessionFilter,
    Word,
    place_of,
    place_of_attempt,
)
from importers.sessions.models import (
    FINAL,
    Attempt,
    LogLine,
    Outcome,
    Session,
    Status,
    StoredReject,
)
from importers.texts import Message

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
SOURCE = "/srv/1c/webdata"
TARGET = "sqlite:////srv/shop/catalog.sqlite3"
LEVELS = ("info", "warning", "error")


def at(minutes: float) -> str:
    """A journal time, so many minutes before NOW."""
    return (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def session(number: int, status: Status, *kinds: str, **fields: object) -> Session:
    values: dict[str, object] = {
        "request_id": f"{number * 0x1A2B3C4D % 2**32:08x}",
        "task_id": f"{number:08d}-0000-4000-8000-000000000000",
        "source": SOURCE,
        "target": TARGET,
        "operator": ("anna", "boris", "olga")[number % 3],
        "host": "shop1",
        "created_at": at(60 * (20 - number)),
    }
    values["started_at"] = values["created_at"]
    if status in FINAL:
        values["finished_at"] = at(60 * (20 - number) - 3)
    return Session(number, kinds=kinds, status=status, **(values | fields))  # type: ignore[arg-type]


RUNNING = session(
    16, Status.IN_PROGRESS, "prices", "stocks", created_at=at(2), started_at=at(1.5), done=43, total=100,
    running_kind="stocks", owner="shop1:4711", operator="anna",
)  # fmt: skip
SESSIONS = (
    RUNNING,
    session(15, Status.COMPLETED, "stocks", by_kind={"stocks": Counts(640, 0, 25, 612, 0, 3, 0)}),
    session(14, Status.FAILED, "catalog", "prices",
            error=Message.of("not well-formed XML: {error}; let 1C write the file again", error="import.xml:77")),
    session(13, Status.CANCELLED, "customers", by_kind={}),
    session(12, Status.COMPLETED, "customers", by_kind={"customers": Counts(60, 2, 0, 58, 0, 0, 0)}),
    session(11, Status.COMPLETED, "catalog", options=Options(dry_run=True),
            by_kind={"catalog": Counts(1314, 1302, 0, 0, 12, 0, 0)}),
    *(session(number, Status.COMPLETED, "prices", by_kind={"prices": Counts(1200, 40, 60, 1100, 0, 0, 0)})
      for number in range(10, 0, -1)),
)  # fmt: skip

LOG = (
    (
        "info",
        "[Request {request_id}] Import attempt: {kinds}",
        {"request_id": RUNNING.request_id, "kinds": "['prices', 'stocks']"},
    ),
    ("info", "Worker {owner} took the session", {"owner": "shop1:4711"}),
    ("info", "prices: {count} files, 4.1 MB", {"count": 12}),
    (
        "warning",
        "offers0_1.xml:2113: unknown price type {id}, left out",
        {"id": "bd72d913-55bc-11d9-848a-00112f43529a"},
    ),
    ("info", "prices: 1 200 read, 40 created, 60 updated, 1 100 unchanged", {}),
    ("error", "rests0_1.xml:77: quantity {value} is not a number", {"value": "1e999"}),
    *(("info", "stocks: {count} records", {"count": count}) for count in range(100, 3000, 100)),
)  # fmt: skip


def matches(row: Session, wanted: SessionFilter) -> bool:
    """As the journal's own statements, over rows in memory."""
    return (
        (not wanted.statuses or row.status in wanted.statuses)
        and (not wanted.kinds or bool(wanted.kinds & set(row.kinds)))
        and wanted.operator in {None, row.operator}
        and wanted.shop in {None, row.shop}
        and wanted.dry_run in {None, row.options.dry_run}
        and wanted.with_rejects in {None, row.counts.rejected > 0}
        and (wanted.since is None or row.created_at >= wanted.since)
        and (wanted.until is None or row.created_at < wanted.until)
        and row.request_id.startswith(wanted.request_prefix)
        and all(_has(row, word) for word in wanted.words)
    )


def _has(row: Session, word: Word) -> bool:
    texts = (row.operator, row.host, row.shop, row.source, " ".join(row.kinds), str(row.error or ""))
    return (
        any(word.text in text.casefold() for text in texts)
        or bool(word.kinds & set(row.kinds))
        or word.text == str(row.id)
        or row.request_id.startswith(word.text)
    )


def _is_wanted(attempt: Attempt, wanted: AttemptFilter) -> bool:
    texts = (attempt.request_id, attempt.operator, attempt.shop, " ".join(attempt.kinds), attempt.source)
    return (
        (not wanted.outcomes or attempt.outcome in wanted.outcomes)
        and (not wanted.kinds or bool(wanted.kinds & set(attempt.kinds)))
        and wanted.operator in {None, attempt.operator}
        and wanted.shop in {None, attempt.shop}
        and wanted.request_id in {None, attempt.request_id}
        and wanted.dry_run in {None, attempt.dry_run}
        and all(any(word.text in text for text in texts) for word in wanted.words)
    )


class FixedJournal:
    """Answers like a journal in which nothing happens, and like the database that it is in."""

    lost_since = None

    def __init__(self, sessions: Sequence[Session] = SESSIONS) -> None:
        self.rows = {row.id: row for row in sessions}
        self.log = {
            RUNNING.id: [
                LogLine(number + 1, RUNNING.id, at(1.4 - number / 60), "log", level, message, dict(args))
                for number, (level, message, args) in enumerate(LOG)
            ]
        }

    async def find(
        self,
        wanted: SessionFilter = ALL,
        order: Order = NEWEST,
        *,
        after: Place | None = None,
        before: Place | None = None,
        limit: int = 200,
        seconds: float = 1,
    ) -> Page:
        found = sorted(
            (row for row in self.rows.values() if matches(row, wanted)),
            key=lambda row: place_of(row, order),
            reverse=order.descending,
        )
        sign = -1 if order.descending else 1

        def behind(row: Session, place: Place) -> bool:
            here = place_of(row, order)
            return (here > place) if sign > 0 else (here < place)

        if before is not None:
            front = [row for row in found if not behind(row, before) and place_of(row, order) != before]
            return Page(front[-limit:], place_of(front[-limit], order) if len(front) > limit else None)
        rest = [row for row in found if after is None or behind(row, after)]
        return Page(rest[:limit], place_of(rest[limit - 1], order) if len(rest) > limit else None)

    async def sessions(self, wanted: SessionFilter = ALL, limit: int = 200) -> list[Session]:
        return (await self.find(wanted, limit=limit)).sessions

    async def count(
        self, wanted: SessionFilter = ALL, order: Order = NEWEST, *, before: Place | None = None
    ) -> int:
        return sum(matches(row, wanted) for row in self.rows.values())

    async def names(self) -> Names:
        rows = self.rows.values()
        return Names(
            sorted({row.operator for row in rows}),
            sorted({row.shop for row in rows}),
            sorted({kind for row in rows for kind in row.kinds}),
            sorted({row.error.text for row in rows if row.error}),
        )

    async def session(self, session_id: int) -> Session:
        try:
            return self.rows[session_id]
        except KeyError:
            raise UnknownSession(f"no session {session_id}") from None

    async def active(self, target: str) -> Session | None:
        return next((row for row in self.rows.values() if row.status not in FINAL), None)

    async def events(
        self,
        session_id: int,
        *,
        after: int = 0,
        before: int | None = None,
        least: str = "info",
        limit: int = 1000,
    ) -> list[LogLine]:
        told = [
            line for line in self.log.get(session_id, []) if LEVELS.index(line.level) >= LEVELS.index(least)
        ]
        return [line for line in told if line.id > after][:limit]

    async def line_behind(
        self, session_id: int, *, after: int, count: int, least: str = "info"
    ) -> int | None:
        behind = await self.events(session_id, after=after, limit=count)
        return behind[-1].id if len(behind) == count else None

    async def detail(self, session_id: int, of: type) -> None:
        return None

    async def reasons(self, session_id: int) -> list[tuple[str, int]]:
        count = self.rows[session_id].counts.rejected
        return [("quantity {value} is not a number", count)] if count else []

    async def rejects(
        self, session_id: int, *, after: int = 0, reason: str | None = None, limit: int = 1000
    ) -> list[StoredReject]:
        count = self.rows[session_id].counts.rejected
        return [
            StoredReject(
                number, session_id, self.rows[session_id].type, "webdata/rests0_1.xml", 77 + number,
                f"bd72d913-55bc-11d9-848a-00112f43529{number}", "quantity {value} is not a number",
                {"value": "1e999"}, "<Остаток><Количество>1e999</Количество></Остаток>",
            )
            for number in range(after + 1, count + 1)
        ][:limit]  # fmt: skip

    async def _attempts(self) -> list[Attempt]:
        made = [
            Attempt(
                row.request_id, f"key{row.id}", row.kinds, row.source, row.target, row.operator, row.host,
                4000 + row.id, row.created_at, Outcome.CREATED, row.id, "off", shop=row.shop,
                dry_run=row.options.dry_run,
            )
            for row in await self.sessions(limit=1000)
        ]  # fmt: skip
        joined = msgspec.structs.replace(
            made[0], request_id="0badf00d", operator="boris", outcome=Outcome.JOINED, at=at(1),
            reason=Message.of("this confirm had already led to session {id}", id=16),
        )  # fmt: skip
        refused = msgspec.structs.replace(
            made[0], request_id="deadbeef", outcome=Outcome.REFUSED, session_id=None, at=at(400), kinds=("images",),
            reason=Message.of("{kinds}: the export at {source} has no file for it", kinds="images", source=SOURCE),
        )  # fmt: skip
        died = msgspec.structs.replace(
            made[3], request_id="00c0ffee", outcome=None, session_id=None, at=at(500)
        )
        all_of_them = [joined, *made[:6], refused, died, *made[6:]]
        return [
            msgspec.structs.replace(attempt, id=len(all_of_them) - number)
            for number, attempt in enumerate(all_of_them)
        ]

    async def find_attempts(
        self,
        wanted: AttemptFilter = ALL_ATTEMPTS,
        *,
        after: Place | None = None,
        before: Place | None = None,
        limit: int = 200,
        seconds: float = 1,
    ) -> AttemptPage:
        found = [attempt for attempt in await self._attempts() if _is_wanted(attempt, wanted)]
        if before is not None:
            return AttemptPage([attempt for attempt in found if attempt.id > before.id][-limit:], None)
        rest = [attempt for attempt in found if after is None or attempt.id < after.id]
        return AttemptPage(rest[:limit], place_of_attempt(rest[limit - 1]) if len(rest) > limit else None)

    async def count_attempts(self, wanted: AttemptFilter = ALL_ATTEMPTS) -> int:
        return len((await self.find_attempts(wanted, limit=10_000)).attempts)

    async def cancel(self, session_id: int, operator: str) -> Session:
        self.rows[session_id] = msgspec.structs.replace(self.rows[session_id], status=Status.CANCELLING)
        return self.rows[session_id]

    async def delete(self, session_ids: Sequence[int]) -> list[int]:
        gone = [number for number in session_ids if self.rows[number].status in FINAL]
        for number in gone:
            del self.rows[number]
        return gone

    @property
    def database(self) -> FixedJournal:
        return self

    def watch(self) -> FixedJournal:
        return self

    async def changed(self, seconds: float = 0) -> bool:
        return False

    async def close(self) -> None:
        pass
