"""Staged records on SQLite: a temporary table, read back in the order of keys and merged batch by batch.

Comparing happens here and not in SQL: it costs less, tells created from updated from unchanged exactly, gives the
old values for the session's summary, and writes no page when nothing differs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from importers.catalog import Change, Merged, sql
from importers.catalog.tables import Cell, Row, Rows, Shape, Table
from importers.commerceml.records import Record
from importers.kinds import Counts

if TYPE_CHECKING:
    from importers.catalog.sqlite import SqliteTransaction

BATCH_KEYS = 500
BATCH_BYTES = 1_000_000
FIRST_FEW = 5

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Rows).decode


class SqliteStage:
    """See `Stage`."""

    def __init__(self, transaction: SqliteTransaction, shape: Shape) -> None:
        self._tx = transaction
        self._shape = shape
        self._sql = sql.StageSql(shape.table)
        self.scopes: set[str] = set()

    @classmethod
    async def open(cls, transaction: SqliteTransaction, shape: Shape) -> SqliteStage:
        stage = cls(transaction, shape)
        await transaction.run(stage._sql.create)
        return stage

    async def close(self) -> None:
        await self._tx.run(self._sql.drop)

    async def add(self, records: Iterable[Record], section_id: str = "") -> int:
        shape = self._shape
        identity = shape.record.__struct_fields__[0]
        scope_at = shape.at(shape.scope) if shape.scope else None
        count = 0
        packed: list[tuple[str, bytes | None]] = []
        for record in records:
            rows = shape.rows(record, section_id)
            if not rows[0]:
                continue
            count += len(rows[0])
            if scope_at is not None:
                self.scopes.add(str(rows[0][0][scope_at]))
            packed.append((getattr(record, identity), _encode(rows)))
        await self._put(packed)
        return count

    async def keep(self, keys: Iterable[str]) -> None:
        await self._put([(key, None) for key in keys])

    async def _put(self, packed: list[tuple[str, bytes | None]]) -> None:
        await self._tx.run_many(self._sql.insert, packed)

    async def merge(self) -> AsyncIterator[Merged]:
        merge = self._merge_facts if self._shape.facts else self._merge_entities
        async for batch in self._batches():
            yield await merge(batch)

    async def remove_absent(self, scope: str | None) -> tuple[int, list[str]]:
        column = self._shape.scope if scope is not None else None
        parameters = () if scope is None else (scope,)
        first = await self._tx.fetch(self._sql.first_absent(column, FIRST_FEW), *parameters)
        if not first:
            return 0, []
        removed = await self._tx.execute(self._sql.remove_absent(column), *parameters)
        return removed, [str(found) for (found,) in first]

    async def _batches(self) -> AsyncIterator[dict[str, list[bytes]]]:
        """Payloads by key, in the order of keys; those of one key in the order in which they came."""
        batch: dict[str, list[bytes]] = defaultdict(list)
        size = 0
        async for key, payload in self._tx.rows(self._sql.in_order):
            if (len(batch) >= BATCH_KEYS or size >= BATCH_BYTES) and key not in batch:
                yield batch
                batch, size = defaultdict(list), 0
            batch[key].append(payload)
            size += len(payload)
        if batch:
            yield batch

    async def _merge_entities(self, batch: dict[str, list[bytes]]) -> Merged:
        """Created, updated or marked as removed: an entity counts once, whatever changed in its parts."""
        shape = self._shape
        counts = Counts()
        merged = Merged(counts, [], [])
        told: dict[str, Rows] = {}
        for key, payloads in batch.items():
            told[key] = _decode(payloads[-1])
            counts.unchanged += len(payloads) - 1
            merged.differing += sum(payload != payloads[-1] for payload in payloads)

        held = await self._held(told)
        writes = _Writes(self._tx)
        for key, new in told.items():
            old = held.get(key)
            removed = _is_removed(shape, new)
            if old and removed:
                # A deletion mark often comes alone: what the shop knows of the thing stays.
                new = (_removed(shape, old), *old[1:])
            changed = old is None
            for table, was, now in zip(shape.tables, old or [()] * len(new), new, strict=True):
                if set(was) != set(now):
                    changed = True
                    writes.replace(table, key, was, now)
            if not changed:
                counts.unchanged += 1
            elif removed:
                counts.removed += 1
                merged.hidden += old is not None
            elif old is None:
                counts.created += 1
            else:
                counts.updated += 1
            if old and changed:
                merged.changes.append(Change(key, old, new))
        await writes.flush()

        if shape.parent_column:
            at = shape.at(shape.parent_column)
            parents = {key: str(new[0][0][at]) for key, new in told.items() if not _is_removed(shape, new)}
            await self._count_orphans(merged, parents, dict.fromkeys(told, 1))
        return merged

    async def _merge_facts(self, batch: dict[str, list[bytes]]) -> Merged:
        """Each fact is created or updated by itself; those that were not told stay."""
        shape = self._shape
        counts = Counts()
        merged = Merged(counts, [], [])
        told: dict[str, dict[Cell, Row]] = {}
        for key, payloads in batch.items():
            facts, read, merged.differing = _fold(payloads, shape.or_total, merged.differing)
            told[key] = facts
            counts.unchanged += read - len(facts)

        held = await self._held(told)
        writes = _Writes(self._tx)
        for key, facts in told.items():
            if key not in held:
                counts.created += len(facts)
                writes.add(shape.table, key, facts.values())
                continue
            old = {row[0]: row for row in held[key][0]}
            new = [row for row in facts.values() if old.get(row[0]) != row]
            gone = [row for row in old.values() if (row[0] == "") != ("" in facts)] if shape.or_total else []
            created = sum(row[0] not in old for row in new)
            counts.created += created
            counts.updated += len(new) - created
            counts.unchanged += len(facts) - len(new)
            counts.read += len(gone)
            counts.removed += len(gone)
            if new or gone:
                writes.replace(shape.table, key, gone, new)
                after = old | facts
                for row in gone:
                    del after[row[0]]
                merged.changes.append(Change(key, held[key], (tuple(after.values()),)))
        await writes.flush()

        if shape.parents:
            await self._count_orphans(
                merged, {key: key for key in told}, {k: len(f) for k, f in told.items()}
            )
        return merged

    async def _held(self, keys: Collection[str]) -> dict[str, Rows]:
        """What the catalog holds of these keys, by table of the shape; a key without a row in the first is left out."""
        found: dict[str, list[list[Row]]] = {}
        for n, table in enumerate(self._shape.tables):
            if not keys:
                break
            for key, *row in await self._tx.fetch(sql.select(table, table.columns, keys), *keys):
                found.setdefault(key, [[] for _ in self._shape.tables])[n].append(tuple(row))
            keys = found
        return {key: tuple(map(tuple, rows)) for key, rows in found.items()}

    async def _count_orphans(self, merged: Merged, parents: dict[str, str], weight: dict[str, int]) -> None:
        missing = list(dict.fromkeys(parents.values()))
        for table in self._shape.parents:
            missing = await self._tx.missing(table, missing)
        lost = set(missing)
        merged.orphans = [key for key, parent in parents.items() if parent in lost]
        merged.counts.orphans = sum(weight[key] for key in merged.orphans)


class _Writes:
    """The rows that a batch deletes and writes, sent together: one statement a table."""

    def __init__(self, transaction: SqliteTransaction) -> None:
        self._tx = transaction
        self._gone: dict[Table, list[tuple[Cell, ...]]] = defaultdict(list)
        self._new: dict[Table, list[tuple[Cell, ...]]] = defaultdict(list)

    def add(self, table: Table, key: str, rows: Iterable[Row]) -> None:
        self._new[table].extend((key, *row) for row in rows)

    def replace(self, table: Table, key: str, was: Sequence[Row], now: Sequence[Row]) -> None:
        """Delete what is only in `was`, write what is only in `now`; rows of one primary key are updated."""
        old, new = set(was), set(now)
        rest = table.keys - 1
        stays = {row[:rest] for row in now}
        self._gone[table].extend(
            (key, *row[:rest]) for row in was if row not in new and row[:rest] not in stays
        )
        self.add(table, key, (row for row in now if row not in old))

    async def flush(self) -> None:
        for table, rows in self._gone.items():
            await self._tx.write(sql.delete(table), rows)
        for table, rows in self._new.items():
            await self._tx.write(sql.upsert(table), rows)


def _fold(payloads: list[bytes], or_total: bool, differing: int) -> tuple[dict[Cell, Row], int, int]:
    """The facts that count among those told of one key, how many were told, and `differing` plus those replaced by
    something else."""
    facts: dict[Cell, Row] = {}
    read = 0
    for payload in payloads:
        for row in _decode(payload)[0]:
            read += 1
            if or_total and facts and (row[0] == "") != ("" in facts):
                differing += len(facts)
                facts.clear()
            differing += facts.get(row[0], row) != row
            facts[row[0]] = row
    return facts, read, differing


def _is_removed(shape: Shape, rows: Rows) -> bool:
    return shape.removed_at is not None and bool(rows[0][0][shape.removed_at])


def _removed(shape: Shape, rows: Rows) -> tuple[Row, ...]:
    at = shape.at("removed")
    (row,) = rows[0]
    return ((*row[:at], 1, *row[at + 1 :]),)
