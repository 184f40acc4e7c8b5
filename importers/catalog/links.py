"""What merged entities refer to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from importers.catalog.columns import Table

MAX_LINKED = 4 << 20
"""Characters of the different ids that links lead to; links to further ones are not counted."""


class Links(dict[Table, Counter[str]]):
    """How often they refer to each thing of these tables."""

    def __init__(self, tables: Iterable[Table]) -> None:
        super().__init__((table, Counter()) for table in tables)
        self._size = 0

    def add(self, table: Table, keys: Sequence[str]) -> None:
        counter = self[table]
        for key in sorted(set(keys) - counter.keys()):
            if self._size > MAX_LINKED:
                keys = [key for key in keys if key in counter]
                break
            self._size += len(key)
            counter[key] = 0
        counter.update(keys)
