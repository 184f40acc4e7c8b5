"""Staged records on SQLite: merged into the catalog in the order of their keys, batch by batch.

Comparing happens here and not in SQL: it costs less, tells created from updated from unchanged exactly, gives the
old values for the session's summary, and writes no page when nothing differs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

from importers.catalog import EVERYTHING, FIRST_FEW, Change, Merged, sql
from importers.catalog.spool import Spool
from importers.catalog.tables import Cell, Row, Rows, Shape, Table, Told
from importers.commerceml.records import Record
from importers.errors import ObmenError
from importers.kinds import Counts
from importers.texts import _

if TYPE_CHECKING:
    from importers.catalog.sqlite import SqliteTransaction

BATCH_KEYS = 1000
BATCH_BYTES = 1_000_000
MAX_KEY_BYTES = 8 << 20
"""More than this told of one key is no export of 1C, and memory is not endless."""
OBJECT = 64
"""Bytes that a payload takes besides its own."""
MAX_LINKED = 4 << 20
"""Characters of the different ids that links lead to; links to further ones are not counted."""
MAX_REFERENCES = 4 << 20
"""Characters of the different ids that facts refer to, as prices to their types; no shop has so many."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Told).decode
_decode_partial = msgspec.msgpack.Decoder(tuple[Told, str, str, int | None]).decode
_decode_facts = msgspec.msgpack.Decoder(tuple[Rows, bool, int, tuple[str, ...]]).decode
"""Rows, whether they are all, the number of their set, the second keys of what is told as not set."""
_UNREADABLE = b""
"""The payload of what was in the export but could not be read."""
_PARTIAL = b"\xc1"
"""Begins the payload of a record that is not told as a whole; no MessagePack begins so."""


class SqliteStage:
    """See `Stage`."""

    def __init__(self, transaction: SqliteTransaction, shape: Shape) -> None:
        self._tx = transaction
        self._shape = shape
        self._spool = Spool()
        self.told = False
        self.scopes: set[str] = set()
        self.references: set[str] = set()
        self._reference_size = self._linked_size = 0
        self.links: dict[Table, Counter[str]] = {table: Counter() for _n, table in shape.links}
        self.units: Mapping[str, str] = {}
        self.kept_keys: Collection[str] = ()

    def close(self) -> None:
        self._spool.close()

    def add(
        self, records: Iterable[Record], section_id: str = "", *, full: bool = False, of_set: int = 0
    ) -> int:
        if self._shape.facts:
            return self._add_facts(records, section_id, full, of_set)
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
            payload = _encode(rows)
            if (partial := getattr(record, "partial", None)) is not None:
                payload = _PARTIAL + _encode((rows, partial.how, partial.file, partial.line))
            elif shape.overlays:
                payload = _PARTIAL + _encode((rows, "overlay", "", None))
            self._spool.add(getattr(record, identity), payload)
        return count

    def _add_facts(self, records: Iterable[Record], section_id: str, full: bool, set_number: int) -> int:
        shape = self._shape
        identity, *fields = shape.record.__struct_fields__
        says_whole, full, says_unset = "whole" in fields, full and "readable" in fields, "unset" in fields
        add, rows_of = self._spool.add, shape.rows
        count = 0
        for record in records:
            self.told = True
            rows = rows_of(record, section_id)
            whole = (says_whole and record.whole) or (full and record.readable)  # type: ignore[attr-defined]
            unset = record.unset if says_unset else ()  # type: ignore[attr-defined]
            for told in rows:
                count += len(told)  # type: ignore[arg-type]  # of facts, all are told
            add(getattr(record, identity), _encode((rows, whole, set_number, unset)))
        if count:
            self.scopes.add(section_id)
        return count

    def keep(self, key: str) -> None:
        self._spool.add(key, _UNREADABLE)

    async def merge(self, full: Collection[str | None] = ()) -> AsyncIterator[Merged]:
        merge = self._merge_facts if self._shape.facts else self._merge_entities
        last: str | None = None
        for batch in self._batches():
            merged = await merge({key: payloads for key, payloads in batch.items() if payloads}, full)
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
        size = of_key = 0
        for key, payload in self._spool:
            if key not in batch:
                if len(batch) >= BATCH_KEYS or size >= BATCH_BYTES:
                    yield batch
                    batch, size = {}, 0
                batch[key] = []
                of_key = 0
            if payload != _UNREADABLE:
                batch[key].append(payload)
                size += len(payload)
                of_key += len(payload) + OBJECT
                if of_key > MAX_KEY_BYTES:
                    raise ObmenError(
                        _(
                            "{table}: {id} is told so often that it cannot be read; let 1C write the export again"
                        ).format(table=_(self._shape.table.name), id=key)
                    )
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
        """Take away what lies between two keys in the order of keys, in the full scopes, and is not present: things are
        marked as removed, prices and stocks go."""
        shape = self._shape
        deleted = shape.facts and shape.removed_at is None
        if self.kept_keys is EVERYTHING:
            return
        kept = self.kept_keys
        where, parameters = sql.absent(shape, shape.table, full, present, after, until, kept)
        first = await self._tx.fetch(sql.first(shape.table, where, FIRST_FEW), *parameters)
        if not first:
            return
        if deleted:
            ((keys,),) = await self._tx.fetch(sql.count_keys(shape.table, where), *parameters)
            absent = 0
            for table in reversed(shape.tables):
                where, parameters = sql.absent(shape, table, full, present, after, until, kept)
                absent += await self._tx.execute(sql.delete_where(table, where), *parameters)
        else:
            absent = keys = await self._tx.execute(sql.remove(shape.table, where), *parameters)
        merged.absent += absent
        merged.absent_first += [row[0] for row in first]
        merged.hidden += int(keys)
        merged.counts.read += absent
        merged.counts.removed += absent

    async def _merge_entities(self, batch: dict[str, list[bytes]], full: Collection[str | None]) -> Merged:
        """Created, updated or marked as removed: an entity counts once, whatever changed in its parts."""
        shape = self._shape
        counts = Counts()
        merged = Merged(counts, [], [])
        held = await self._held(batch)
        writes = _Writes(self._tx)
        parents: dict[str, str] = {}
        removed_at = shape.removed_at
        parent_at = shape.at(shape.parent_column) if shape.parent_column else None
        for key, payloads in batch.items():
            was = held.get(key)
            old = was if was and was[0] else None
            if len(payloads) == 1 and not payloads[0].startswith(_PARTIAL):
                new = _told_once(shape, old, _decode(payloads[0]))
                counts.unchanged += 1
            else:
                settled = _settled(shape, old, full, payloads)
                merged.differing += settled.differing
                merged.differing_first += [key] * bool(settled.differing)
                merged.rejected += [(key, *place) for place in settled.unknown]
                counts.unchanged += len(payloads) - len(settled.unknown)
                if settled.rows is None or len(payloads) == len(settled.unknown):
                    continue
                new = settled.rows
            if self.units:
                new = _with_codes(shape, self.units, new)
            counts.unchanged -= 1
            removed = removed_at is not None and bool(new[0][0][removed_at])
            if shape.links and not removed:
                self._observe(merged, key, new)
            changed = writes.change(shape.tables, key, was, new)
            if not changed:
                counts.unchanged += 1
            elif removed and not (old and _is_removed(shape, old)):
                counts.removed += 1
                merged.hidden += old is not None
            elif old is None:
                counts.created += 1
            else:
                counts.updated += 1
            if old and changed:
                merged.changes.append(Change(key, old, new))
            if parent_at is not None and not removed:
                parents[key] = str(new[0][0][parent_at])
        await writes.flush()
        if parents:
            await self._count_orphans(merged, parents, dict.fromkeys(batch, 1))
        return merged

    def _observe(self, merged: Merged, key: str, rows: Rows) -> None:
        """Count what links lead to, and what has none where it should have one."""
        shape = self._shape
        for n, table in shape.links:
            counter = self.links[table]
            for row in rows[n]:
                key_of_other = str(row[0])
                if key_of_other not in counter:
                    if self._linked_size > MAX_LINKED:
                        continue
                    self._linked_size += len(key_of_other)
                counter[key_of_other] += 1
        if shape.links[0][1].name == "category" and not rows[shape.links[0][0]]:
            merged.ungrouped += 1
            merged.ungrouped_first += [key][: FIRST_FEW - len(merged.ungrouped_first)]

    async def _merge_facts(self, batch: dict[str, list[bytes]], full: Collection[str | None]) -> Merged:
        """Each fact is created or updated by itself; those that were not told stay, unless the list is whole."""
        shape = self._shape
        counts = Counts()
        merged = Merged(counts, [], [])
        held = await self._held(batch)
        writes = _Writes(self._tx)
        told: dict[str, int] = {}
        mark_at = shape.removed_at
        for key, payloads in batch.items():
            folded = _Folded(shape, payloads, self.units)
            facts, beside = folded.facts, folded.beside
            if folded.differing:
                merged.differing += folded.differing
                merged.differing_first.append(key)
            if beside:
                merged.beside += len(beside)
                merged.beside_first.append(key)
            if not facts.keys() <= self.references:
                self._refer(facts)
            if facts:
                told[key] = len(facts)
            was = held.get(key)
            if was is None:
                counts.created += len(facts) + len(beside)
                counts.unchanged += folded.count - len(facts) - len(beside)
                writes.add(shape.table, key, facts.values())
                if beside:
                    writes.add(shape.parts[0], key, beside)
                continue
            old = {row[0]: row for row in was[0]}
            if old == facts and not beside and not any(was[1:]):  # nearly all of a second import
                counts.unchanged += folded.count
                continue
            gone: list[Cell] = [second for second in folded.unset if second in old]
            for second in old:
                if second in facts or second in folded.unset:
                    continue
                if (shape.or_total and facts and (second == "" or folded.total)) or (
                    folded.whole and not self._is_kept(second)
                ):
                    gone.append(second)
            new = [row for row in facts.values() if old.get(row[0]) != row]
            created = sum(row[0] not in old for row in new)
            after = old | facts
            for second in gone:
                del after[second]
            marked = 0
            if mark_at is not None and full:
                for second, row in after.items():
                    if second not in facts and not row[mark_at] and _in_full(shape, row, full):
                        after[second] = (*row[:mark_at], 1, *row[mark_at + 1 :])
                        marked += 1
                merged.absent += marked
                merged.hidden += marked
                merged.absent_first += [key] * bool(marked)
            if len(shape.tables) > 1:
                kept = [
                    row for row in was[1]
                    if row not in beside and (not folded.whole or (self._is_kept(row[0]) and row[0] not in facts))
                ]  # fmt: skip
                fresh = len(beside.keys() - was[1])
                lost = len(was[1]) - len(kept) - (len(beside) - fresh)
            else:
                kept, fresh, lost = [], 0, 0
            removed = len(gone) + lost + marked
            counts.created += created + fresh
            counts.updated += len(new) - created
            counts.unchanged += folded.count - len(new) - fresh
            counts.read += removed
            counts.removed += removed
            if not new and not removed and not fresh:
                continue
            writes.replace(shape.table, key, was[0], tuple(after.values()))
            if fresh or lost:
                writes.replace(shape.parts[0], key, was[1], (*kept, *beside))
            merged.changes.append(Change(key, was, (tuple(after.values()),)))
        await writes.flush()

        if shape.parents:
            await self._count_orphans(merged, {key: key for key in told}, told)
        return merged

    def _refer(self, facts: Mapping[Cell, Row]) -> None:
        for second in facts:
            self._reference_size += 0 if second in self.references else len(str(second))
            self.references.add(str(second))
        if self._reference_size > MAX_REFERENCES:
            raise ObmenError(
                _(
                    "{table}: there are more {column} than any 1C has, {id} is one; let 1C write the export again"
                ).format(
                    table=_(self._shape.table.name), column=self._shape.table.columns[1], id=str(second)[:100]
                )
            )

    def _is_kept(self, second: Cell) -> bool:
        return second in self.kept_keys or self.kept_keys is EVERYTHING

    async def _held(self, keys: Collection[str]) -> dict[str, Rows]:
        """What the catalog holds of these keys, by table of the shape; nothing of a key that it does not hold. The shop
        may have deleted a row and left its parts: they are looked for all the same."""
        found: dict[str, list[list[Row]]] = {}
        if not keys:
            return {}
        tables = self._shape.tables
        (filled,) = await self._tx.fetch(sql.any_between(tables), min(keys), max(keys))
        for n, table in enumerate(tables):
            if not filled[n]:  # all of them in a first import, some of them always
                continue
            for row in await self._tx.fetch(sql.select(table, table.columns, keys), *keys):
                if row[0] not in found:
                    found[row[0]] = [[] for _ in tables]
                found[row[0]][n].append(row[1:])
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

    def change(self, tables: Sequence[Table], key: str, was: Rows | None, now: Rows) -> bool:
        """Make of what there `was` of a key, in these tables, what there is now; whether that is another thing."""
        if was is None:
            for table, rows in zip(tables, now, strict=True):
                if rows:
                    self.add(table, key, rows)
            return True
        changed = False
        for table, before, after in zip(tables, was, now, strict=True):
            if before != after and set(before) != set(after):
                self.replace(table, key, before, after)
                changed = True
        return changed

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


def _told_once(shape: Shape, old: Rows | None, told: Told) -> Rows:
    """An entity that one record tells as a whole, or marks as removed."""
    if old is not None and _is_removed(shape, told):
        # A deletion mark often comes alone: what the shop knows of the thing stays.
        return _marked(shape, old, 1)
    return _completed(told, old)


def _settled(
    shape: Shape, held: Rows | None, full: Collection[str | None], payloads: Sequence[bytes]
) -> _Settled:
    """All that is told of one key. A part of something that a later record makes known is a part of that, as it will be
    when the same is imported again."""
    settled = _Settled(shape, held, full)
    for payload in payloads:
        settled.take(payload)
    if settled.unknown and settled.rows is not None:
        return _settled(shape, settled.rows, full, payloads)
    return settled


class _Settled:
    """One entity while its records are taken in the order in which they came: what it is after them, from what the
    catalog holds on. `unknown`: (file, line) of parts of something that nobody knows."""

    def __init__(self, shape: Shape, held: Rows | None, full: Collection[str | None]) -> None:
        self._shape = shape
        self._full = full
        self.rows: Rows | None = held
        self.unknown: list[tuple[str, int | None]] = []
        self.differing = 0
        self._whole: bytes | None = None
        """The payload of the last record that told it as a whole."""
        self._stood_in = False

    def take(self, payload: bytes) -> None:
        if payload.startswith(_PARTIAL):
            self._take_partial(*_decode_partial(memoryview(payload)[1:]))
            return
        told = _decode(payload)
        if self.rows is None or not _is_removed(self._shape, told):
            self.differing += self._whole is not None and payload != self._whole
            self._whole = payload
        self.rows = _told_once(self._shape, self.rows, told)

    def _take_partial(self, told: Told, how: str, file: str, line: int | None) -> None:
        shape, known = self._shape, self.rows
        if how == "variant":
            self.rows = self._stand_in(told)
        elif known is None:
            if how == "part" or (how == "facts" and shape.parent_column is None):
                self.unknown += [(file, line)] if how == "part" else []
                return
            self.rows = _completed(told, None)
        elif how == "facts":
            self.rows = _marked(shape, known, 0)
        else:
            self.rows = _overlaid(shape, known, told)

    def _stand_in(self, told: Told) -> Rows:
        """A Товар of one characteristic: the product is its first one, with the pictures and properties of all. It
        replaces neither what a record of the product itself told, nor, in changes alone, what others of it told."""
        shape, known = self._shape, self.rows
        if self._whole is not None and known is not None:
            return _marked(shape, known, 0)
        first, self._stood_in = not self._stood_in, True
        if known is None or (first and _in_full(shape, _main(told)[0], self._full)):
            return _completed(told, None)
        if not known[0][0][shape.at("by_characteristic")]:
            return _marked(shape, known, 0)
        over, under = (known, told) if not first else (told, known)
        row = tuple(b if a is None else a for a, b in zip(_main(over)[0], _main(under)[0], strict=True))
        united = [
            _united(table, was or (), now or ())
            for table, was, now in zip(shape.parts, known[1:], told[1:], strict=True)
        ]
        return _marked(shape, ((row,), *united), 0)


class _Folded:
    """The facts of one key, with the codes of units in place of their names: within a set of files their union counts,
    of two sets the later one.

    `facts`: by their second key. `unset`: the second keys of those that are told as not set. `whole`: they are all that
    there are. `total`: one without a warehouse was told, so single ones go. `count`: how many were told, one by one.
    """

    __slots__ = ("beside", "count", "differing", "facts", "total", "unset", "whole")

    def __init__(self, shape: Shape, payloads: Sequence[bytes], units: Mapping[str, str]) -> None:
        rows, self.whole, _set, unset = _decode_facts(payloads[0])
        self.facts = {row[0]: row for row in rows[0]}
        self.beside = dict.fromkeys(rows[1]) if len(rows) > 1 and rows[1] else {}
        self.unset: set[Cell] = set(unset)
        self.total = shape.or_total and "" in self.facts
        self.count, self.differing = len(rows[0]) + len(self.beside), 0
        if len(payloads) > 1 or len(self.facts) < len(rows[0]) or (self.total and len(self.facts) > 1):
            self._take_all(shape, payloads)
        if units and shape.units:
            main, beside = _with_codes(shape, units, (tuple(self.facts.values()), tuple(self.beside)))
            self.facts, self.beside = {row[0]: row for row in main}, dict.fromkeys(beside)

    def _take_all(self, shape: Shape, payloads: Sequence[bytes]) -> None:
        self.facts, self.beside, self.unset = {}, {}, set()
        self.whole = self.total = False
        self.count = 0
        decoded = map(_decode_facts, payloads)
        for _set, of_set in groupby(decoded, key=itemgetter(2)):
            self._take_set(shape, list(of_set))

    def _take_set(self, shape: Shape, told: list[tuple[Rows, bool, int, tuple[str, ...]]]) -> None:
        if all(whole for _rows, whole, _set, _unset in told):
            self.whole = True
            self.facts, self.beside, self.unset = {}, {}, set()
        own: set[Cell] = set()
        """What this set has told: a later set corrects an earlier one, but to tell a thing twice is odd."""
        for rows, _whole, _set, unset in told:
            facts = self.facts
            for row in rows[0]:
                second = row[0]
                if shape.or_total:
                    self.total = self.total or second == ""
                    if facts and (second == "") != ("" in facts):
                        self.differing += len(own)
                        own.clear()
                        facts.clear()
                if second in own:
                    self.differing += facts.get(second) != row
                own.add(second)
                facts[second] = row
                self.unset.discard(second)
            for second in unset:
                self.differing += second in own
                facts.pop(second, None)
            self.unset.update(unset)
            self.count += sum(map(len, rows))
            for part in rows[1:]:
                self.beside.update(dict.fromkeys(part))


def _with_codes(shape: Shape, units: Mapping[str, str], rows: Rows) -> Rows:
    """With the codes of units in place of their names."""
    for n, at in shape.units:
        for row in rows[n]:
            if row[at] in units:
                coded = tuple(
                    dict.fromkeys(
                        (*row[:at], units.get(row[at], row[at]), *row[at + 1 :])  # type: ignore[arg-type]
                        for row in rows[n]
                    )
                )
                rows = (*rows[:n], coded, *rows[n + 1 :])
                break
    return rows


def _main(rows: Told) -> tuple[Row, ...]:
    """The rows of the main table."""
    return rows[0] or ()


def _is_removed(shape: Shape, rows: Told) -> bool:
    return shape.removed_at is not None and bool(_main(rows)[0][shape.removed_at])


def _marked(shape: Shape, rows: Rows, removed: int) -> Rows:
    """With the mark of removal set to 1 or 0."""
    at = shape.at("removed")
    row = rows[0][0]
    return rows if row[at] == removed else (((*row[:at], removed, *row[at + 1 :]),), *rows[1:])


def _completed(told: Told, old: Rows | None) -> Rows:
    """With what was there before, where nothing is told of a part."""
    if None not in told:
        return told  # type: ignore[return-value]
    if old is None:
        return tuple(now or () for now in told)
    return tuple(was if now is None else now for now, was in zip(told, old, strict=True))


def _overlaid(shape: Shape, known: Rows, told: Told) -> Rows:
    """With each cell and part that is told."""
    row = tuple(was if now is None else now for now, was in zip(_main(told)[0], known[0][0], strict=True))
    if shape.scope and not row[shape.at(shape.scope)]:
        at = shape.at(shape.scope)
        row = (*row[:at], known[0][0][at], *row[at + 1 :])
    return (row,), *_completed(told, known)[1:]


def _united(table: Table, rows: Sequence[Row], more: Sequence[Row]) -> tuple[Row, ...]:
    """Rows of a part, and more of them that are not there yet; their positions go on."""
    rest = table.columns[1:]
    if "position" not in rest:
        return tuple(dict.fromkeys((*rows, *more)))
    at = rest.index("position")
    ordered = sorted(rows, key=itemgetter(at))
    found = {(*row[:at], *row[at + 1 :]): None for row in (*ordered, *more)}
    return tuple((*row[:at], position, *row[at:]) for position, row in enumerate(found))


def _in_full(shape: Shape, row: Row, full: Collection[str | None]) -> bool:
    return bool(full) and (None in full or (shape.scope is not None and row[shape.at(shape.scope)] in full))
