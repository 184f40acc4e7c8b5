"""The order of keys: that of their code points, in Python, in the sorted file and in every range of the database.

Absence is judged range by range: where the database had another order, things that are in an export would be removed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from importers.catalog import open_catalog
from importers.catalog.absence import remove_absent
from importers.catalog.external_sort import ExternalSort
from importers.catalog.protocol import Merged
from importers.catalog.rows import Absent
from importers.catalog.tables import PRODUCT, SHAPES
from importers.commerceml.records import Product
from importers.events import Counts

SPECIAL = [
    "a", "A", "b", "B", "ё", "Ё", "е", "я", "z", "a#1", "a-1", "a 1", "a1", "é", "e\u0301", "ß", "ss", "\ufeffa",
    "\U0001f600", "\ue000", "\uffff", "9", "10", "-", "_",
]  # fmt: skip
"""What collations of languages and UTF-16 put elsewhere."""
KEYS = st.lists(
    st.one_of(
        st.sampled_from(SPECIAL),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4),
    ),
    unique=True,
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=40)
@given(KEYS, st.data())
async def test_a_range_of_the_database_is_one_of_python(keys: list[str], data: st.DataObject) -> None:
    bounds = st.one_of(st.none(), st.sampled_from([*keys, *SPECIAL]))
    after, until = data.draw(bounds), data.draw(bounds)
    present = data.draw(st.lists(st.sampled_from(keys), unique=True, max_size=5))
    with tempfile.TemporaryDirectory() as folder:
        catalog = await open_catalog(f"sqlite:///{Path(folder) / 'catalog.sqlite3'}")
        try:
            async with catalog.transaction(journal_id="j", session_id=1, task_id="t", fence=1) as transaction:
                rows = [(key, *main) for key in keys for main in PRODUCT.rows(Product(key, "P"), "")[0] or ()]
                await transaction.insert(PRODUCT.table, rows)
                assert [
                    row[0] async for row in transaction.rows("SELECT id FROM product ORDER BY id")
                ] == sorted(keys)
                merged = Merged(Counts(), [], [])
                await remove_absent(
                    transaction, PRODUCT, Absent((None,), present, after, until), None, merged
                )
                marked = [
                    row[0] async for row in transaction.rows("SELECT id FROM product WHERE removed = 1")
                ]
        finally:
            await catalog.close()
    expected = [
        key
        for key in keys
        if (after is None or key > after) and (until is None or key <= until) and key not in present
    ]
    assert sorted(marked) == sorted(expected)
    assert (merged.absent, merged.hidden, merged.absent_first) == (
        len(expected),
        len(expected),
        sorted(expected)[:5],
    )


@given(KEYS)
def test_the_sorted_file_has_the_same_order(keys: list[str]) -> None:
    sorting = ExternalSort(run_bytes=400)
    for key in keys:
        sorting.add(key, key.encode())
    assert [key for key, _payload in sorting] == sorted(keys)
    sorting.close()


async def test_no_key_of_a_table_is_compared_by_a_collation(tmp_path: Path) -> None:
    catalog = await open_catalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    async with catalog.transaction(journal_id="j", session_id=1, task_id="t", fence=1) as transaction:
        for table in (table for shape in SHAPES for table in shape.tables):
            used = [
                row
                async for row in transaction.rows(
                    "SELECT i.name, x.coll FROM pragma_index_list(?) i JOIN pragma_index_xinfo(i.name) x WHERE x.key",
                    table.name,
                )
            ]
            assert {collation for _index, collation in used} <= {"BINARY"}, table.name
    await catalog.close()
