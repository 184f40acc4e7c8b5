"""What a full export does not tell any more goes, range of keys by range of keys while a merge proceeds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

from importers.catalog.external_sort import ExternalSort
from importers.catalog.fold import in_full
from importers.catalog.protocol import FIRST_FEW, Merged
from importers.catalog.rows import BATCH_KEYS, Absent, RowStore
from importers.catalog.tables import Shape


class Elsewhere:
    """Keys that other files tell, which are therefore not absent. To read these files costs as much as the rest of the
    import: it is done when something would go, which is rare, and only then."""

    def __init__(self, read: Callable[[], AsyncIterator[str]]) -> None:
        self._read = read
        self._sorted = ExternalSort()
        self._keys: Iterator[str] | None = None
        self._ahead: str | None = None

    async def without(self, absent: Absent) -> AsyncIterator[Absent]:
        """`absent` in pieces, without the keys that are told here. Ranges must come in order."""
        if self._keys is None:
            async for key in self._read():
                self._sorted.add(key, b"")
            self._keys = (key for key, _payload in self._sorted)
            self._ahead = next(self._keys, None)
        after, here = absent.after, list[str]()
        while self._ahead is not None and (absent.until is None or self._ahead <= absent.until):
            if absent.after is None or self._ahead > absent.after:
                here.append(self._ahead)
            if len(here) >= BATCH_KEYS:
                yield absent._replace(present=(*absent.present, *here), after=after, until=here[-1])
                after, here = here[-1], []
            self._ahead = next(self._keys, None)
        yield absent._replace(present=(*absent.present, *here), after=after)

    def close(self) -> None:
        self._sorted.close()


async def remove_absent(
    store: RowStore, shape: Shape, absent: Absent, elsewhere: Elsewhere | None, merged: Merged
) -> None:
    """Take away what is absent and not told elsewhere, and add it to what was merged."""
    if elsewhere is None:
        await _remove(store, shape, absent, merged)
    elif await store.absent(shape, absent):
        async for piece in elsewhere.without(absent):
            await _remove(store, shape, piece, merged)


async def _remove(store: RowStore, shape: Shape, absent: Absent, merged: Merged) -> None:
    """Things are marked as removed; prices and stocks, which have no such mark, go."""
    remove = _delete if shape.removed_at is None else _mark
    while keys := await store.absent(shape, absent):
        rows = await remove(store, shape, absent, keys)
        merged.absent += rows
        merged.absent_first += keys[:FIRST_FEW]
        merged.hidden += len(keys) if shape.removed_at is None else rows
        merged.counts.read += rows
        merged.counts.removed += rows
        if len(keys) < BATCH_KEYS:
            return
        absent = absent._replace(after=keys[-1])


async def _mark(store: RowStore, shape: Shape, absent: Absent, keys: list[str]) -> int:
    table, mark_at = shape.table, shape.at("removed")
    held = await store.held((table,), keys)
    gone = [
        (key, *row[: table.keys - 1], 1)
        for key, (rows,) in held.items()
        for row in rows
        if not row[mark_at] and in_full(shape, row, absent.scopes)
    ]
    await store.update(table, ("removed",), gone)
    return len(gone)


async def _delete(store: RowStore, shape: Shape, absent: Absent, keys: list[str]) -> int:
    held = await store.held(shape.tables, keys)
    count = 0
    for n, table in enumerate(shape.tables):
        gone = [
            (key, *row[: table.keys - 1])
            for key, rows in held.items()
            for row in rows[n]
            if row[0] not in absent.protected
        ]
        await store.delete(table, gone)
        count += len(gone)
    return count
