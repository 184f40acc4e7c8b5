"""What is merged by columns comes out as what is merged key by key: rows, counts, changes and findings."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importers.catalog import merge, open_catalog
from importers.catalog.merge import Stage
from importers.catalog.plain import Plain
from importers.catalog.protocol import CatalogTransaction, Merged
from importers.catalog.tables import OFFER, PRICE, PRODUCT, PROPERTY_VALUE, STOCK, Shape
from importers.commerceml.records import (
    Offer,
    OfferPrices,
    OfferStocks,
    Partial,
    Product,
    PropertyValue,
    Record,
)
from importers.events import Counts

KEYS = st.sampled_from("abcdefgh")
FEW = st.sampled_from("xyz")
UNITS = {"шт": "796", "м": "006"}
CHAIN = {"шт": "м", "м": "006"}
"""A code that is the name of another unit, too."""
unit = st.sampled_from(["796", "шт", "м", None])
PAIRS = st.lists(st.tuples(FEW, FEW), max_size=3).map(tuple)
UNIT_PAIRS = st.lists(st.tuples(st.sampled_from(["796", "шт", "кг"]), st.just("1")), max_size=2).map(tuple)
TOLD_PAIRS = st.none() | PAIRS
LINKS = st.lists(FEW, max_size=2).map(tuple)
partial = st.sampled_from(
    [None, None, None, Partial("part", "f", 1), Partial("facts", "f", 2), Partial("variant", "f", 3)]
)
removed = st.sampled_from([False, False, False, True])
PRODUCTS = st.builds(
    Product, KEYS, FEW, removed=removed, catalog_id=st.just("c"), unit=unit, groups=st.none() | LINKS,
    properties=TOLD_PAIRS, images=st.none() | LINKS, units=UNIT_PAIRS, partial=partial,
)  # fmt: skip
OFFERS = st.builds(
    Offer, KEYS, KEYS, st.none(), name=FEW, removed=removed, catalog_id=st.just("c"), characteristics=TOLD_PAIRS,
    properties=PAIRS, units=st.none() | UNIT_PAIRS, unit=unit,
    partial=partial.filter(lambda of: of is None or of.how != "variant"),
)  # fmt: skip
PRICE_ROW = st.tuples(
    st.sampled_from(["x", "y", "unset"]), FEW, st.just("RUB"), unit, st.just("1"), st.none()
)
BESIDE = st.lists(st.tuples(FEW, FEW, st.just("RUB"), st.just("шт"), st.just("1"), st.just("")), max_size=1)


def told_prices(ident: str, prices: Any, beside: Any, whole: bool, unset: tuple[str, ...]) -> OfferPrices:
    types = [price[0] for price in prices]
    return OfferPrices(ident, prices, beside, whole, tuple(of for of in unset if of not in types))


PRICES = st.builds(
    told_prices, KEYS, st.lists(PRICE_ROW, max_size=3).map(tuple), BESIDE.map(tuple), st.booleans(),
    st.sampled_from([(), ("unset",)]),
)  # fmt: skip
STOCKS = st.builds(
    OfferStocks, KEYS, st.lists(st.tuples(st.sampled_from(["", "x", "y"]), FEW), max_size=3).map(tuple), st.booleans()
)  # fmt: skip
VALUES = st.builds(PropertyValue, KEYS, FEW, FEW)
CASES = [(PRODUCT, PRODUCTS), (OFFER, OFFERS), (PRICE, PRICES), (STOCK, STOCKS), (PROPERTY_VALUE, VALUES)]


class Export(NamedTuple):
    records: list[Record]
    full: bool
    units: dict[str, str]
    unreadable: list[str]


def exports(records: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Export]]:
    export = st.builds(
        Export,
        st.lists(records, max_size=12),
        st.booleans(),
        st.sampled_from([{}, UNITS, CHAIN]),
        st.lists(KEYS, max_size=1),
    )
    again = st.lists(export, min_size=1, max_size=3)
    return again.map(lambda told: [*told, told[-1]])


async def imported(
    transaction: CatalogTransaction, shape: Shape, export: Export
) -> tuple[list[Merged], dict[str, Any]]:
    stage = transaction.stage(shape)
    stage.units = export.units
    stage.aside.add(export.records, "c", full=export.full)
    for key in export.unreadable:
        stage.aside.mark_present(key)
    merged = [part async for part in stage.merge({"c"} if export.full else ())]
    rows: dict[str, Any] = {
        table.name: [row async for row in transaction.rows(f"SELECT * FROM {table.name} ORDER BY 1, 2, 3")]
        for table in shape.tables
    }
    rows["links"] = {table.name: sorted(links.items()) for table, links in stage.links.items()}
    rows["references"] = stage.references
    stage.close()
    return merged, rows


def alike(merged: Sequence[Merged]) -> list[Any]:
    """In an order of their own are only the rows of one key."""
    changes = [
        [(change.key, *[[sorted(of, key=repr) for of in rows] for rows in (change.old, change.new)])
         for change in part.changes]
        for part in merged
    ]  # fmt: skip
    return [msgspec.to_builtins(msgspec.structs.replace(part, changes=[])) for part in merged] + changes


async def by_key(self: Stage, batch: dict[str, list[bytes]], merged: Merged) -> tuple[Plain, Plain]:
    nothing = Plain(self._shape, {}, {})
    return nothing, nothing


@pytest.mark.parametrize(("shape", "records"), CASES, ids=[shape.table.name for shape, _records in CASES])
@settings(deadline=None, max_examples=18)
@given(st.data())
async def test_both_ways_say_the_same(
    shape: Shape, records: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    told = data.draw(exports(records))
    outcomes = []
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(merge, "BATCH_KEYS", data.draw(st.integers(2, 9)))
        for name in ("columns", "keys"):
            catalog = await open_catalog(f"sqlite:///{Path(folder) / name}")
            async with catalog.transaction(
                journal_id="j", session_id=1, task_id="t", fence=1, dry_run=True
            ) as transaction:
                outcomes.append([await imported(transaction, shape, export) for export in told])
            await catalog.close()
            patch.setattr(Stage, "_sort_out", by_key)
    for (merged, rows), (expected, expected_rows) in zip(*outcomes, strict=True):
        assert rows == expected_rows
        assert alike(merged) == alike(expected)


@pytest.mark.parametrize("held", ["b", "c", "cc", "d", "e", "f", "g"])
async def test_what_lies_behind_batches_of_new_ones_is_found(
    tmp_path: Path, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer for many batches: the catalog holds nothing there, up to this key."""
    monkeypatch.setattr(merge, "BATCH_KEYS", 2)
    told: list[Record] = [Product(key, key, catalog_id="c") for key in "abcdef"]
    catalog = await open_catalog(f"sqlite:///{tmp_path / 'catalog'}")
    async with catalog.transaction(
        journal_id="j", session_id=1, task_id="t", fence=1, dry_run=True
    ) as transaction:
        await imported(transaction, PRODUCT, Export([Product(held, held, catalog_id="c")], False, {}, []))
        merged, rows = await imported(transaction, PRODUCT, Export(told, True, {}, []))
    await catalog.close()
    counts = sum((part.counts for part in merged), Counts())
    is_told = held in "abcdef"
    assert (counts.created, counts.unchanged, counts.removed) == (6 - is_told, int(is_told), int(not is_told))
    assert [row[0] for row in rows["product"]] == sorted({*"abcdef", held})


async def test_a_part_of_another_one_between_stands_for_none_of_a_batch(tmp_path: Path) -> None:
    """There are as many rows in the range of keys as are told, of a key that is not told."""
    before = [Product(key, key, properties=(("p", "v"),) * (key == "b")) for key in "abc"]
    now = [Product("a", "a", properties=(("p", "v"),)), Product("c", "c")]
    catalog = await open_catalog(f"sqlite:///{tmp_path / 'catalog'}")
    async with catalog.transaction(
        journal_id="j", session_id=1, task_id="t", fence=1, dry_run=True
    ) as transaction:
        await imported(transaction, PRODUCT, Export([*before], False, {}, []))
        (merged,), rows = await imported(transaction, PRODUCT, Export([*now], False, {}, []))
    await catalog.close()
    assert rows["product_property"] == [("a", "p", "v"), ("b", "p", "v")]
    assert (merged.counts.updated, merged.counts.unchanged) == (1, 1)


async def test_parts_that_were_left_of_another_one_of_the_key_go(tmp_path: Path) -> None:
    """The shop deleted an offer and left its parts, of which the new one, in a batch of such, tells nothing."""
    catalog = await open_catalog(f"sqlite:///{tmp_path / 'catalog'}")
    told = OFFER.parts[0]
    offer = Offer("a", "p", None, name="x", catalog_id="c", characteristics=None)
    async with catalog.transaction(
        journal_id="j", session_id=1, task_id="t", fence=1, dry_run=True
    ) as transaction:
        await transaction.insert(told, [("a", *("x" for _column in told.columns[1:]))])
        _merged, rows = await imported(transaction, OFFER, Export([offer], False, {}, []))
    await catalog.close()
    assert rows[told.name] == []


@pytest.mark.parametrize("columns", [True, False])
@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (
            Export([Offer("a", "a", None, units=(("шт", "10"),))], False, {}, []),
            Offer("a", "a", None, units=None),
            "796",
        ),
        (Export([Offer("a", "a", None, unit="шт", removed=True)], False, CHAIN, []), None, "006"),
    ],
    ids=["of a part that is not told", "of what is removed"],
)
async def test_a_name_that_stays_is_written_by_its_code(
    tmp_path: Path,
    before: Export,
    after: Offer | None,
    code: str,
    columns: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not columns:
        monkeypatch.setattr(Stage, "_sort_out", by_key)
    again = Export([after] if after else before.records, False, before.units or UNITS, [])
    catalog = await open_catalog(f"sqlite:///{tmp_path / 'catalog'}")
    async with catalog.transaction(
        journal_id="j", session_id=1, task_id="t", fence=1, dry_run=True
    ) as transaction:
        await imported(transaction, OFFER, before)
        _merged, rows = await imported(transaction, OFFER, again)
    await catalog.close()
    assert code in str(rows)
