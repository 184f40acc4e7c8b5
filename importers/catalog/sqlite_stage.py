"""Staged records on SQLite: merged into the catalog in the order of their keys, batch by batch.

Comparing happens here and not in SQL: it costs less, tells created from updated from unchanged exactly, gives the
old values for the session's summary, and writes no page when nothing differs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from importers.catalog import FIRST_FEW, Change, Merged, sql
from importers.catalog.spool import Spool
from importers.catalog.tables import Cell, Row, Rows, Shape, Table, Told
from importers.commerceml.records import Record
from importers.kinds import Counts

if TYPE_CHECKING:
    from importers.catalog.sqlite import SqliteTransaction

BATCH_KEYS = 1000
BATCH_BYTES = 1_000_000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Told).decode
_UNREADABLE = b""
"""The payload of what was in the export but could not be read."""


class SqliteStage:
    """See `Stage`."""

    def __init__(self, transaction: SqliteTransaction, shape: Shape) -> None:
        self._tx = transaction
        self._shape = shape
        self._spool = Spool()
        self.scopes: set[str] = set()
        self.references: set[str] = set()

    def close(self) -> None:
        self._spool.close()

    def add(self, records: Iterable[Record], section_id: str = "") -> int:
        shape = self._shape
        identity = shape.record.__struct_fields__[0]
        scope_at = shape.at(shape.scope) if shape.scope else None
        count = 0
        for record in records:
            rows = shape.rows(record, section_id)
            main = _main(rows)
            if not main:
                continue
            count += len(main)
            if scope_at is not None:
                self.scopes.add(str(main[0][scope_at]))
            self._spool.add(getattr(record, identity), _encode(rows))
        return count

    def keep(self, key: str) -> None:
        self._spool.add(key, _UNREADABLE)

    async def merge(self, full: Collection[str | None] = ()) -> AsyncIterator[Merged]:
        merge = self._merge_facts if self._shape.facts else self._merge_entities
        last: str | None = None
        for batch in self._batches():
            merged = await merge({key: payloads for key, payloads in batch.items() if payloads})
            if full:
                (*_before, until) = batch
                await self._remove_absent(merged, full, batch, last, until)
                last = until
            yield merged
        if full:
            merged = Merged(Counts(), [], [])
            await self._remove_absent(merged, full, (), last, None)
            yield merged

    def _batches(self) -> Iterator[dict[str, list[bytes]]]:
        """Payloads by key, in the order of keys; those of one key in the order in which they came."""
        batch: dict[str, list[bytes]] = {}
        size = 0
        for key, payload in self._spool:
            if key not in batch:
                if len(batch) >= BATCH_KEYS or size >= BATCH_BYTES:
                    yield batch
                    batch, size = {}, 0
                batch[key] = []
            if payload != _UNREADABLE:
                batch[key].append(payload)
                size += len(payload)
        if batch:
            yield batch

    async def _remove_absent(
        self,
        merged: Merged,
        full: Collection[str | None],
        present: Collection[str],
        after: str | None,
        until: str | None,
    ) -> None:
        """Mark as removed what lies between two keys in the order of keys, in the full scopes, and is not present."""
        where, parameters = sql.absent(self._shape, full, present, after, until)
        first = await self._tx.fetch(sql.first(self._shape.table, where, FIRST_FEW), *parameters)
        if first:
            merged.absent = await self._tx.execute(sql.remove(self._shape.table, where), *parameters)
            merged.absent_first = [row[0] for row in first]
            merged.hidden += merged.absent
            merged.counts.read += merged.absent
            merged.counts.removed += merged.absent

    async def _merge_entities(self, batch: dict[str, list[bytes]]) -> Merged:
        """Created, updated or marked as removed: an entity counts once, whatever changed in its parts."""
        shape = self._shape
        counts = Counts()
        merged = Merged(counts, [], [])
        told: dict[str, Told] = {}
        marks: set[str] = set()
        for key, payloads in batch.items():
            told[key], only_marks = _last(shape, payloads)
            if only_marks:
                marks.add(key)
            counts.unchanged += len(payloads) - 1
            merged.differing += sum(payload != payloads[-1] for payload in payloads)

        held = await self._held(told)
        writes = _Writes(self._tx)
        for key, said in told.items():
            old = held.get(key)
            nothing: Rows = ((),) * len(shape.tables)
            if old and key in marks:
                # A deletion mark often comes alone: what the shop knows of the thing stays.
                said = _removed(shape, old)
            new = _completed(said, old or nothing)
            changed = old is None
            for table, was, now in zip(shape.tables, old or nothing, new, strict=True):
                if set(was) != set(now):
                    changed = True
                    writes.replace(table, key, was, now)
            if not changed:
                counts.unchanged += 1
            elif _is_removed(shape, new) and not (old and _is_removed(shape, old)):
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
            parents = {
                key: str(_main(said)[0][at]) for key, said in told.items() if not _is_removed(shape, said)
            }
            await self._count_orphans(merged, parents, dict.fromkeys(told, 1))
        return merged

    async def _merge_facts(self, batch: dict[str, list[bytes]]) -> Merged:
        """Each fact is created or updated by itself; those that were not told stay."""
        shape = self._shape
        counts = Counts()
        merged = Merged(counts, [], [])
        told: dict[str, dict[Cell, Row]] = {}
        totals: set[str] = set()
        for key, payloads in batch.items():
            rows = _main(_decode(payloads[0]))
            for payload in payloads[1:]:
                rows += _main(_decode(payload))
            facts = {row[0]: row for row in rows}
            if shape.or_total and "" in facts:
                totals.add(key)
            if len(facts) < len(rows) or (key in totals and len(facts) > 1):
                facts, differing = _fold(rows, shape.or_total)
                counts.unchanged += len(rows) - len(facts)
                merged.differing += differing
            told[key] = facts
            self.references.update(facts)  # type: ignore[arg-type]

        held = await self._held(told)
        writes = _Writes(self._tx)
        for key, facts in told.items():
            if key not in held:
                counts.created += len(facts)
                writes.add(shape.table, key, facts.values())
                continue
            old = {row[0]: row for row in held[key][0]}
            new = [row for row in facts.values() if old.get(row[0]) != row]
            # Also a total that was told in between, though it does not count itself any more, replaces all.
            gone = [s for s in old if s not in facts and (s == "" or key in totals)] if shape.or_total else []
            created = sum(row[0] not in old for row in new)
            counts.created += created
            counts.updated += len(new) - created
            counts.unchanged += len(facts) - len(new)
            counts.read += len(gone)
            counts.removed += len(gone)
            if new or gone:
                after = old | facts
                for second in gone:
                    del after[second]
                change = Change(key, held[key], (tuple(after.values()),))
                writes.replace(shape.table, key, change.old[0], change.new[0])
                merged.changes.append(change)
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
            for row in await self._tx.fetch(sql.select(table, table.columns, keys), *keys):
                if row[0] not in found:
                    found[row[0]] = [[] for _ in self._shape.tables]
                found[row[0]][n].append(row[1:])
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
    """The rows that a batch deletes, updates and inserts, sent together."""

    def __init__(self, transaction: SqliteTransaction) -> None:
        self._tx = transaction
        self._gone: dict[Table, list[tuple[Cell, ...]]] = defaultdict(list)
        self._updated: dict[Table, list[tuple[Cell, ...]]] = defaultdict(list)
        self._new: dict[Table, list[Cell]] = defaultdict(list)
        """Cell by cell, as INSERTs of many rows take them."""

    def add(self, table: Table, key: str, rows: Iterable[Row]) -> None:
        cells = self._new[table]
        for row in rows:
            cells += (key, *row)

    def replace(self, table: Table, key: str, was: Sequence[Row], now: Sequence[Row]) -> None:
        """Delete what is only in `was`, write what is only in `now`; rows of the same primary key are updated."""
        rest = table.keys - 1
        before, after = {row[:rest]: row for row in was}, {row[:rest]: row for row in now}
        self._gone[table].extend((key, *ident) for ident in before if ident not in after)
        for ident, row in after.items():
            if ident not in before:
                self._new[table] += (key, *row)
            elif before[ident] != row:
                self._updated[table].append((key, *row))

    async def flush(self) -> None:
        for table, rows in self._gone.items():
            await self._tx.write(sql.delete(table), rows)
        for table, rows in self._updated.items():
            await self._tx.write(sql.update(table), rows)
        for table, cells in self._new.items():
            await self._tx.insert_cells(table, cells)


def _fold(rows: Sequence[Row], or_total: bool) -> tuple[dict[Cell, Row], int]:
    """The facts that count among those told of one key, and how many were replaced by something else."""
    facts: dict[Cell, Row] = {}
    differing = 0
    for row in rows:
        if or_total and facts and (row[0] == "") != ("" in facts):
            differing += len(facts)
            facts.clear()
        differing += facts.get(row[0], row) != row
        facts[row[0]] = row
    return facts, differing


def _main(rows: Told) -> tuple[Row, ...]:
    """The rows of the main table."""
    return rows[0] or ()


def _is_removed(shape: Shape, rows: Told) -> bool:
    return shape.removed_at is not None and bool(_main(rows)[0][shape.removed_at])


def _removed(shape: Shape, rows: Told) -> Told:
    at = shape.at("removed")
    (row,) = _main(rows)
    return (((*row[:at], 1, *row[at + 1 :]),), *rows[1:])


def _completed(told: Told, old: Rows) -> Rows:
    """With what was there before, where nothing is told."""
    return tuple(was if now is None else now for now, was in zip(told, old, strict=True))


def _last(shape: Shape, payloads: list[bytes]) -> tuple[Told, bool]:
    """What counts of an entity that was told several times, as if each came in a session of its own; and whether
    nothing but deletion marks came."""
    told = _decode(payloads[0])
    only_marks = _is_removed(shape, told)
    for payload in payloads[1:]:
        now = _decode(payload)
        if not _is_removed(shape, now):
            told = tuple(was if new is None else new for new, was in zip(now, told, strict=True))
            only_marks = False
        elif not only_marks:
            told = _removed(shape, told)
    return told, only_marks
