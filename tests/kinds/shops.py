"""A shop to import into: runs kinds as the worker does, and reads its catalog as a stranger would."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.engines import Hand, PostgresHand, SqliteHand

from importers import kinds
from importers.catalog import open_catalog
from importers.catalog.protocol import Catalog, CatalogTransaction
from importers.kinds import Counted, Counts, Event, Job, Log, Options, Reject
from importers.kinds.beside import Beside
from importers.kinds.in_turn import in_turn
from importers.kinds.registry import repeats
from importers.kinds.waiting_images import put_waiting_in_place
from importers.settings import Limits

DEFAULTS, LIMITS = Options(), Limits()
Content = dict[str, list[tuple[Any, ...]]]
"""Rows by table, the same from every engine."""


@dataclass
class Told:
    """The events of one kind's run."""

    events: list[Event] = field(default_factory=list)

    @property
    def counted(self) -> Counted:
        """The only Counted. Asserts that the accounts are right (guarantee 9)."""
        (counted,) = (event for event in self.events if isinstance(event, Counted))
        total = Counts()
        for counts in counted.tables.values():
            assert_adds_up(counts)
            total += counts
        assert counted.counts == total
        assert total.rejected == len(self.rejects)
        return counted

    @property
    def counts(self) -> Counts:
        return self.counted.counts

    def table(self, name: str) -> Counts:
        return self.counted.tables[name]

    @property
    def rejects(self) -> list[Reject]:
        return [event for event in self.events if isinstance(event, Reject)]

    def logs(self, *words: str, level: str | None = None) -> list[Log]:
        """The lines that have all the words in their message."""
        return [
            event
            for event in self.events
            if isinstance(event, Log)
            and all(word in event.message for word in words)
            and level in (None, event.level)
        ]


def assert_adds_up(c: Counts) -> None:
    assert c.read == c.created + c.updated + c.unchanged + c.removed + c.rejected


@dataclass
class Shop:
    hand: Hand
    """On its catalog."""
    images: Path
    sessions: int = 0
    told: Told = field(default_factory=Told)
    """Of the kind that ran last, also when it failed."""
    by_kind: dict[str, Told] = field(default_factory=dict)
    """Of every kind of the session that ran last."""
    after: list[Log] = field(default_factory=list)
    """What was told after the commit."""
    looks_ahead: bool = False
    """Whether each session is tried once more, undone, to see that it would tell what was foretold."""
    foretold: int = 0
    """Sessions that changed something and foretold what the next one would tell."""

    @property
    def url(self) -> str:
        return self.hand.url

    @property
    def path(self) -> Path:
        """Of a catalog that is a file."""
        assert isinstance(self.hand, SqliteHand)
        return self.hand.path

    async def take(
        self,
        export: Any,
        *names: str,
        options: Options = DEFAULTS,
        limits: Limits = LIMITS,
        keep_unlisted: str = "",
        beside: Beside | None = None,
        before_end: Callable[[CatalogTransaction], None] | None = None,
        put_in_place: bool = True,
    ) -> Told:
        """One session that imports these kinds, in the order given. What the last of them told. `put_in_place` False:
        the worker dies right after its commit."""
        self.sessions += 1
        self.by_kind = {}
        catalog = await open_catalog(self.url)

        def job_of(name: str, transaction: CatalogTransaction, beside: Beside | None = None) -> Job:
            return Job(
                self.sessions,
                name,
                export,
                transaction,
                options,
                images_path=str(self.images),
                limits=limits,
                keep_unlisted=keep_unlisted,
                beside=beside,
            )

        try:
            async with catalog.transaction(
                journal_id="test",
                session_id=self.sessions,
                task_id=f"t{self.sessions}",
                fence=1,
                dry_run=options.dry_run,
            ) as transaction:

                async def begin(name: str) -> Job:
                    self.told = self.by_kind[name] = Told()
                    return job_of(name, transaction, beside)

                modules = {name: kinds.load(name) for name in names}
                async with aclosing(in_turn(modules, begin, read_first=catalog.shared)) as events:
                    async for name, event in events:
                        self.told = self.by_kind[name]
                        self.told.events.append(event)
                assert all(isinstance(told.events[-1], Counted) for told in self.by_kind.values())
                transaction.note = b"{}"
                if before_end:
                    before_end(transaction)
                changed = transaction.changed and not options.dry_run
            if put_in_place and not options.dry_run:
                self.after = await put_waiting_in_place(catalog)
            if self.looks_ahead and all(map(repeats, names)):
                await self._look_ahead(catalog, job_of, changed)
        finally:
            await catalog.close()
        return self.told

    async def _look_ahead(
        self, catalog: Catalog, job_of: Callable[[str, CatalogTransaction], Job], changed: bool
    ) -> None:
        """Where the session foretold what it would tell again: does it, and does it change nothing?"""
        from support.again import foretold, plain  # here: import_many.py runs without the helpers of tests

        told = foretold([event for told in self.by_kind.values() for event in told.events], changed=changed)
        if told is None:
            return
        self.foretold += changed
        async with catalog.transaction(
            journal_id="ahead", session_id=0, task_id="ahead", fence=1, dry_run=True
        ) as transaction:
            events = [event for name in self.by_kind async for event in events_of(job_of(name, transaction))]
            if changed:
                assert not transaction.changed
        assert plain(foretold(events, changed=False)) == plain(told)

    def rows(self, sql: str, *parameters: object) -> list[Any]:
        """Rows as tuples; of one column, its values."""
        rows = self.hand.rows(sql, *parameters)
        return [row[0] if len(row) == 1 else row for row in rows]

    def content(self) -> Content:
        """Every row of every table of the shop."""
        return content(self.hand)

    def checksum(self) -> str:
        return hashlib.sha256(repr(self.content()).encode()).hexdigest()


NewShop = Callable[[], AbstractContextManager[Shop]]
"""Makes one with an empty catalog, for as long as it is needed."""


async def events_of(job: Job) -> AsyncIterator[Event]:
    async with aclosing(kinds.load(job.kind).run(job)) as events:  # type: ignore[type-var]
        async for event in events:
            yield event


NOT_ITS_OWN = ("applied", "obmen_schema", "identity", "images_waiting", "sqlite_sequence")


def content(hand: Hand) -> Content:
    """By table, in an order of its own."""
    return {
        table: sorted(rows, key=repr) for table, rows in hand.content().items() if table not in NOT_ITS_OWN
    }


def hand_at(url: str) -> Hand:
    server, _, schema = url.partition("&schema=")
    return PostgresHand(server, schema) if schema else SqliteHand(Path(url.removeprefix("sqlite:///")))
