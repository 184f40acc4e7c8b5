"""Records of one shape, put aside until all are read, then merged into the catalog in the order of their keys.

Comparing happens here and not in SQL: it costs less, tells created from updated from unchanged exactly, gives the
old values for the session's summary, and writes no page when nothing differs. The database is behind `RowStore`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from importers.catalog.absence import Elsewhere, remove_absent
from importers.catalog.aside import Aside
from importers.catalog.columns import Cell, Rows
from importers.catalog.fold import (
    Facts,
    Settled,
    in_full,
    is_removed,
    settle,
    with_codes,
)
from importers.catalog.links import Links
from importers.catalog.payloads import UNREADABLE, decode_facts, is_plain
from importers.catalog.plain import Plain
from importers.catalog.protocol import EVERYTHING, FIRST_FEW, Change, Merged
from importers.catalog.rows import BATCH_KEYS, Absent, RowStore
from importers.catalog.tables import Shape
from importers.catalog.writes import Writes
from importers.errors import ObmenError
from importers.events import Counts
from importers.texts import N_

BATCH_BYTES = 1_000_000
MAX_KEY_BYTES = 8 << 20
"""More than this told of one key is no export of 1C, and memory is not endless."""
OBJECT = 64
"""Bytes that a payload takes besides its own."""
MAX_REFERENCES = 4 << 20
"""Characters of the different ids that facts refer to, as prices to their types; no shop has so many."""


class Stage:
    """Records of one shape on their way into the catalog."""

    def __init__(self, store: RowStore, shape: Shape) -> None:
        self._store = store
        self._shape = shape
        self.aside = Aside(shape)
        self.references: set[str] = set()
        """The second keys of merged facts: what their prices, stocks, values refer to."""
        self.links = Links(table for _n, table in shape.links)
        self.units: Mapping[str, str] = {}
        """What to write in place of the name of a unit: set before merging."""
        self.protected: Collection[str] = ()
        """Second keys of facts that stay though a whole list does not tell them: set before merging."""
        self.elsewhere: Elsewhere | None = None
        """Set before merging."""
        self.repeats = True
        """Whether what was merged, merged once more, would change nothing and be told the same."""
        self._reference_size = 0
        self._by_key = False
        """Most of the last batch was neither new nor the same: it is not sought any more."""
        self._next_held: str | None = ""
        """Before this key the catalog holds nothing behind the last batch; None: nor to its end."""

    def close(self) -> None:
        self.aside.close()
        if self.elsewhere:
            self.elsewhere.close()

    async def merge(self, full: Collection[str | None] = ()) -> AsyncIterator[Merged]:
        """Write what differs from the catalog; of records with the same key the last one counts. What the catalog
        holds in the `full` scopes (None: anywhere) but was not put aside is marked as removed."""
        merge = self._merge_facts if self._shape.facts else self._merge_entities
        last: str | None = None
        for batch in self._batches():
            until = next(reversed(batch))
            lying = 0
            if full and self._may_hold(until):
                lying = await self._store.count(self._shape.table, last, until)
            merged = await merge({key: payloads for key, payloads in batch.items() if payloads}, full)
            if lying > merged.held:
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
        for key, payload in self.aside:
            if key not in batch:
                if len(batch) >= BATCH_KEYS or size >= BATCH_BYTES:
                    yield batch
                    batch, size = {}, 0
                batch[key] = []
                of_key = 0
            if payload != UNREADABLE:
                batch[key].append(payload)
                size += len(payload)
                of_key += len(payload) + OBJECT
                if of_key > MAX_KEY_BYTES:
                    raise ObmenError(
                        N_(
                            "{table}: {id} is told so often that it cannot be read; let 1C write the export again"
                        ),
                        table=self._shape.table.name,
                        id=key,
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
        if self.protected is not EVERYTHING:
            absent = Absent(full, present, after, until, self.protected)
            await remove_absent(self._store, self._shape, absent, self.elsewhere, merged)

    async def _sort_out(self, batch: dict[str, list[bytes]], merged: Merged) -> tuple[Plain, Plain]:
        """Take out of a batch what is new as a whole, and what is the same as before."""
        shape, store = self._shape, self._store
        fresh = same = Plain(shape, {}, {})
        filled = await self._filled(batch)
        if not (self._by_key and any(filled)):
            plain = Plain(shape, batch, self.units)
            if plain.settled and not any(filled):
                fresh = plain
            elif plain.settled and plain:
                of_fresh, of_same = await plain.compare(store, filled)
                fresh, same = plain.only(of_fresh), plain.only(of_same)
                self._by_key = len(of_fresh) + len(of_same) < len(plain.keys) // 2
        for key in (*fresh.keys, *same.keys):
            del batch[key]
        merged.held = len(same.column(0))
        return fresh, same

    def _may_hold(self, until: str) -> bool:
        """Whether the catalog may hold anything of a key behind the last batch, up to this one."""
        return self._next_held is not None and self._next_held <= until

    async def _filled(self, batch: dict[str, list[bytes]]) -> Sequence[bool]:
        """For each table whether it has rows in the range of these keys. Where all is new, as in a first import, one
        answer holds for many batches."""
        if not batch:
            return ()
        tables = self._shape.tables
        first, last = next(iter(batch)), next(reversed(batch))
        if not self._may_hold(last):
            return (False,) * len(tables)
        filled = await self._store.filled(tables, first, last)
        if not any(filled):
            self._next_held = await self._store.next_key(tables, last)
        return filled

    async def _merge_entities(self, batch: dict[str, list[bytes]], full: Collection[str | None]) -> Merged:
        """Created, updated or marked as removed: an entity counts once, whatever changed in its parts."""
        shape = self._shape
        counts = Counts()
        merged = Merged(counts, [], [])
        parents: dict[str, str] = {}
        removed_at = shape.removed_at
        parent_at = shape.at(shape.parent_column) if shape.parent_column else None
        weight = dict.fromkeys(batch, 1)
        fresh, same = await self._sort_out(batch, merged)
        active = fresh.active()
        counts.created, counts.removed = len(active.keys), len(fresh.keys) - len(active.keys)
        counts.unchanged = len(same.keys)
        for plain in (active, same.active()):
            if shape.links:
                self._observe_plain(merged, plain)
            if parent_at is not None:
                parents.update(zip(plain.keys, map(str, plain.column(parent_at + 1)), strict=True))
        held = await self._store.held(shape.tables, batch)
        merged.held += sum(len(rows[0]) for rows in held.values())
        writes = Writes(self._store, shape.tables, fresh.cells)
        for key, payloads in batch.items():
            was = held.get(key)
            old = was if was and was[0] else None
            settled = settle(shape, old, full, payloads)
            merged.differing += settled.differing
            merged.differing_first += [key] * bool(settled.differing)
            merged.rejected += [(key, *place) for place in settled.unknown]
            counts.unchanged += len(payloads) - len(settled.unknown)
            if settled.rows is None or len(payloads) == len(settled.unknown):
                continue
            new = settled.rows
            if self.units:
                new = with_codes(shape, self.units, new)
            counts.unchanged -= 1
            removed = removed_at is not None and bool(new[0][0][removed_at])
            if shape.links and not removed:
                self._observe(merged, key, new)
            changed = writes.change(shape.tables, key, was, new)
            if changed and self.repeats and (len(payloads) > 1 or not is_plain(payloads[0])):
                self.repeats = self._repeats(settled, new, full, payloads)
            if not changed:
                counts.unchanged += 1
            elif removed and not (old and is_removed(shape, old)):
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
        if parents:
            await self._count_orphans(merged, parents, weight)
        await writes.flush()
        merged.ungrouped_first = sorted(merged.ungrouped_first)[:FIRST_FEW]
        return merged

    def _repeats(
        self, settled: Settled, new: Rows, full: Collection[str | None], payloads: Sequence[bytes]
    ) -> bool:
        """Of an entity that became `new`, told by several records or in parts: of one told as a whole it is plain."""
        again = settle(self._shape, new, full, payloads)
        rows = with_codes(self._shape, self.units, again.rows or ())
        if again.differing != settled.differing:
            return False
        return [set(of_table) for of_table in rows] == [set(of_table) for of_table in new]

    def _observe_plain(self, merged: Merged, plain: Plain) -> None:
        """As `_observe`, of many."""
        for n, table in self._shape.links:
            self.links.add(table, list(map(str, plain.column(1, n))))
        if self._shape.links[0][1].name == "category":
            grouped = set(plain.column(0, self._shape.links[0][0]))
            ungrouped = [key for key in plain.keys if key not in grouped]
            merged.ungrouped += len(ungrouped)
            merged.ungrouped_first += ungrouped

    def _observe(self, merged: Merged, key: str, rows: Rows) -> None:
        """Count what links lead to, and what has none where it should have one."""
        for n, table in self._shape.links:
            self.links.add(table, [str(row[0]) for row in rows[n]])
        if self._shape.links[0][1].name == "category" and not rows[self._shape.links[0][0]]:
            merged.ungrouped += 1
            merged.ungrouped_first.append(key)

    async def _merge_facts(self, batch: dict[str, list[bytes]], full: Collection[str | None]) -> Merged:
        """Each fact is created or updated by itself; those that were not told stay, unless the list is whole."""
        shape = self._shape
        counts = Counts()
        merged = Merged(counts, [], [])
        fresh, same = await self._sort_out(batch, merged)
        counts.created = len(fresh.column(0))
        counts.unchanged = len(same.column(0))
        weight = Counter[str]()
        for plain in (fresh, same):
            self._refer(set(plain.column(1)))
            weight.update(Counter(map(str, plain.column(0))))
        held = await self._store.held(shape.tables, batch)
        merged.held += sum(len(rows[0]) for rows in held.values())
        writes = Writes(self._store, shape.tables, fresh.cells)
        for key, payloads in batch.items():
            settled = Facts(shape, decode_facts(shape, payloads), self.units)
            self._change_facts(merged, writes, key, held.get(key), settled, full)
            self._refer(settled.facts.keys())
            if settled.facts:
                weight[key] = len(settled.facts)
        if shape.parents:
            await self._count_orphans(merged, {key: key for key in weight}, weight)
        await writes.flush()
        return merged

    def _change_facts(
        self,
        merged: Merged,
        writes: Writes,
        key: str,
        was: Rows | None,
        settled: Facts,
        full: Collection[str | None],
    ) -> None:
        """Of one key: from what `was` to what is settled, where it is not plainly new or the same."""
        shape, counts = self._shape, merged.counts
        facts, beside = settled.facts, settled.beside
        mark_at = shape.removed_at
        if settled.differing:
            merged.differing += settled.differing
            merged.differing_first.append(key)
        if beside:
            merged.beside += len(beside)
            merged.beside_first.append(key)
        if was is None:
            counts.created += len(facts) + len(beside)
            counts.unchanged += settled.count - len(facts) - len(beside)
            writes.add(shape.table, key, facts.values())
            if beside:
                writes.add(shape.parts[0], key, beside)
            return
        old = {row[0]: row for row in was[0]}
        gone: list[Cell] = [second for second in settled.unset if second in old]
        for second in old:
            if second in facts or second in settled.unset:
                continue
            if (shape.or_total and facts and (second == "" or settled.total)) or (
                settled.whole and not self._is_protected(second)
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
                if second not in facts and not row[mark_at] and in_full(shape, row, full):
                    after[second] = (*row[:mark_at], 1, *row[mark_at + 1 :])
                    marked += 1
            merged.absent += marked
            merged.hidden += marked
            merged.absent_first += [key] * bool(marked)
        if len(shape.tables) > 1:
            staying = [
                row for row in was[1]
                if row not in beside and (not settled.whole or (self._is_protected(row[0]) and row[0] not in facts))
            ]  # fmt: skip
            fresh = len(beside.keys() - was[1])
            lost = len(was[1]) - len(staying) - (len(beside) - fresh)
        else:
            staying, fresh, lost = [], 0, 0
        removed = len(gone) + lost + marked
        counts.created += created + fresh
        counts.updated += len(new) - created
        counts.unchanged += settled.count - len(new) - fresh
        counts.read += removed
        counts.removed += removed
        if not new and not removed and not fresh:
            return
        writes.replace(shape.table, key, was[0], tuple(after.values()))
        if fresh or lost:
            writes.replace(shape.parts[0], key, was[1], (*staying, *beside))
        merged.changes.append(Change(key, was, (tuple(after.values()),)))

    def _refer(self, seconds: AbstractSet[Cell]) -> None:
        second: Cell = ""
        for second in seconds - self.references:
            self._reference_size += len(str(second))
            self.references.add(str(second))
        if self._reference_size > MAX_REFERENCES:
            raise ObmenError(
                N_(
                    "{table}: there are more {column} than any 1C has, {id} is one; let 1C write the export again"
                ),
                table=self._shape.table.name,
                column=self._shape.table.columns[1],
                id=str(second)[:100],
            )

    def _is_protected(self, second: Cell) -> bool:
        return second in self.protected or self.protected is EVERYTHING

    async def _count_orphans(self, merged: Merged, parents: dict[str, str], weight: dict[str, int]) -> None:
        # Before anything of the batch is written, which a server may do while the next one is prepared.
        missing = list(dict.fromkeys(parents.values()))
        for table in self._shape.parents:
            missing = await self._store.missing(table, missing)
        lost = set(missing)
        merged.orphans = sorted(key for key, parent in parents.items() if parent in lost)
        merged.counts.orphans = sum(weight[key] for key in merged.orphans)
