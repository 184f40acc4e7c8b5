"""The contract of the port through which a merge reads and writes the shop's tables (`RowStore`), and what is written
through it beside a merge: brands, pictures, what is absent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from catalog_bench import CatalogBench

from importers.catalog.absence import remove_absent
from importers.catalog.columns import Cell, Table
from importers.catalog.protocol import CatalogTransaction, Merged
from importers.catalog.rows import BATCH_KEYS, Absent
from importers.catalog.tables import CUSTOMER, IMAGE, PRICE, PRODUCT, PROPERTY, PROPERTY_VALUE, STOCK, Shape
from importers.events import Counts

MANY = 2 * BATCH_KEYS + 500
CONTACT, PARTS = CUSTOMER.parts[0], CUSTOMER.tables


@pytest.fixture
async def rows(shop: CatalogBench) -> AsyncIterator[CatalogTransaction]:
    async with shop.catalog.transaction(journal_id="j", session_id=1, task_id="t", fence=1) as transaction:
        yield transaction


def row(table: Table, **cells: Cell) -> tuple[Cell, ...]:
    return tuple(
        cells.get(
            column,
            0
            if column in ("removed", "by_characteristic")
            else ""
            if column in ("catalog_id", "classifier_id")
            else None,
        )
        for column in table.columns
    )


async def customers(rows: CatalogTransaction, *idents: str) -> None:
    await rows.insert(CUSTOMER.table, [row(CUSTOMER.table, id=ident, name=ident.upper()) for ident in idents])


async def all_of(rows: CatalogTransaction, columns: str, table: Table) -> list[tuple[Cell, ...]]:
    return [found async for found in rows.rows(f"SELECT {columns} FROM {table.name} ORDER BY 1")]


async def test_what_is_held_comes_by_key_and_table_without_the_key(rows: CatalogTransaction) -> None:
    await customers(rows, "a", "b", "c")
    await rows.insert(CONTACT, [("a", "mail", "a@x"), ("a", "fax", "1"), ("lost", "mail", "l@x")])
    held = await rows.held(PARTS, ["a", "b", "lost", "nobody"])
    assert set(held) == {"a", "b", "lost"}
    assert held["b"] == ((("B", None, None, None, None, 0, None),), (), (), (), (), ())
    assert sorted(held["a"][1]) == [("fax", "1"), ("mail", "a@x")]
    assert held["lost"][:2] == ((), (("mail", "l@x"),)), "a row is gone and its parts are not"
    assert await rows.held(PARTS, []) == {}
    assert await rows.held(PARTS, ["nobody"]) == {}


async def test_rows_near_their_keys_are_found_among_few_others_and_among_many(
    rows: CatalogTransaction,
) -> None:
    keys = [f"{n:05}" for n in range(MANY)]
    await customers(rows, *keys)
    await rows.insert(CONTACT, [(keys[2], "mail", "b"), (keys[2], "fax", "1"), (keys[9], "mail", "a")])
    assert await rows.filled(PARTS[:3], keys[3], keys[8]) == [True, False, False]
    assert await rows.filled(PARTS[:3], keys[3], keys[9]) == [True, True, False]
    dense = keys[5:500]
    assert [row[0] for row in await rows.near(CUSTOMER.table, dense, len(dense))] == dense
    assert await rows.near(CONTACT, keys[:4], 2) == [(keys[2], "fax", "1"), (keys[2], "mail", "b")]
    sparse = [keys[0], "nobody", keys[-1]]
    assert sorted(row[0] for row in await rows.near(CUSTOMER.table, sorted(sparse), 1)) == [keys[0], keys[-1]]


async def test_the_columns_named_are_updated_and_no_others(rows: CatalogTransaction) -> None:
    await customers(rows, "a", "b", "c")
    await rows.insert(CONTACT, [("a", "mail", "x"), ("a", "fax", "1")])
    await rows.update(
        CUSTOMER.table, ("removed", "role"), [("a", 1, "buyer"), ("nobody", 1, None), ("c", 1, None)]
    )
    await rows.update(CUSTOMER.table, ("role",), [])
    assert await all_of(rows, "id, name, role, removed", CUSTOMER.table) == [
        ("a", "A", "buyer", 1), ("b", "B", None, 0), ("c", "C", None, 1),
    ]  # fmt: skip


async def test_rows_are_deleted_by_their_whole_key(rows: CatalogTransaction) -> None:
    await rows.insert(CONTACT, [("a", "mail", "x"), ("a", "mail", "y"), ("b", "mail", "x")])
    await rows.delete(CONTACT, [("a", "mail", "x"), ("b", "mail", "nothing")])
    await rows.delete(CONTACT, [])
    assert await all_of(rows, "customer_id, value", CONTACT) == [("a", "y"), ("b", "x")]


ODD = (
    "tab\tand\nline\r\nand \\", "\\N", "\\.", "", " ", "\\t", '"quoted", {json} [0]', "☂ 𝄞 \u2028", "NULL", "'; --",
)  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
async def test_texts_with_signs_of_every_kind_stay_what_they_are(rows: CatalogTransaction, odd: str) -> None:
    await rows.insert(
        CUSTOMER.table, [row(CUSTOMER.table, id=odd), row(CUSTOMER.table, id="plain", role=odd)]
    )
    assert await all_of(rows, "name", CUSTOMER.table) == [(None,), (None,)]
    await rows.update(CUSTOMER.table, ("name", "full_name"), [(odd, odd, None), ("plain", "", odd)])
    told = await rows.held((CUSTOMER.table,), [odd, "plain"])
    assert told[odd] == (((odd, None, None, None, None, 0, None),),)
    assert told["plain"] == ((("", odd, odd, None, None, 0, None),),)
    await rows.delete(CUSTOMER.table, [(odd,)])
    assert await all_of(rows, "id", CUSTOMER.table) == [("plain",)]


async def test_the_next_key_is_that_of_any_of_the_tables(rows: CatalogTransaction) -> None:
    await customers(rows, "a", "c")
    await rows.insert(CONTACT, [("b", "mail", "x"), ("Ы", "mail", "x")])
    assert [await rows.next_key(PARTS, key) for key in ("", "a", "aa", "b", "c")] == ["a", "b", "b", "c", "Ы"]
    assert await rows.next_key(PARTS, "Ы") is None
    assert await rows.next_key((CUSTOMER.table,), "a") == "c"


async def test_what_is_missing_of_many_keys(rows: CatalogTransaction) -> None:
    keys = [f"{n:05}" for n in range(MANY)]
    await customers(rows, *keys[::2])
    assert await rows.missing(CUSTOMER.table, keys) == keys[1::2]
    assert await rows.count(CUSTOMER.table, None, keys[10]) == 6
    assert await rows.count(CUSTOMER.table, keys[2], keys[10]) == 4
    names = await rows.names(CUSTOMER.table, keys[:2])
    assert names == {keys[0]: keys[0].upper(), keys[1]: keys[1]}


async def removed(rows: CatalogTransaction, shape: Shape, absent: Absent) -> Merged:
    merged = Merged(Counts(), [], [])
    await remove_absent(rows, shape, absent, None, merged)
    return merged


async def test_no_more_are_counted_than_asked_for(rows: CatalogTransaction) -> None:
    for table in (PRODUCT.table, CUSTOMER.table):
        await rows.insert(table, [row(table, id=f"{n}", removed=n % 2) for n in range(10)])
    await rows.insert(
        PRICE.table,
        [
            row(PRICE.table, offer_id=f"{n // 2}", price_type_id=f"{n}", value="1", coefficient="1")
            for n in range(10)
        ],
    )
    for shape in (PRODUCT, CUSTOMER, PRICE):
        assert [await rows.active(shape, most) for most in (None, 0, 3, 5, 6)] == [5, 0, 3, 5, 5]


async def test_more_than_a_batch_of_things_is_absent(rows: CatalogTransaction) -> None:
    keys = [f"{n:05}" for n in range(MANY)]
    await customers(rows, *keys)
    await rows.update(CUSTOMER.table, ("removed",), [(keys[7], 1)])
    merged = await removed(rows, CUSTOMER, Absent((None,), keys[:3], None, None))
    assert (merged.absent, merged.hidden, merged.counts.removed) == (MANY - 4,) * 3
    assert merged.absent_first[:5] == [*keys[3:7], keys[8]]
    assert [ident for (ident,) in await all_of(rows, "id", CUSTOMER.table)] == keys
    assert [one async for one in rows.rows("SELECT id FROM customer WHERE removed = FALSE ORDER BY id")] == [
        (key,) for key in keys[:3]
    ]
    assert (await removed(rows, CUSTOMER, Absent((None,), keys[:3], None, None))).absent == 0


async def test_prices_and_stocks_go_but_for_the_protected_ones(rows: CatalogTransaction) -> None:
    offers = [f"{n:05}" for n in range(MANY)]
    for table, second, value in (
        (PRICE.table, "price_type_id", "value"),
        (STOCK.table, "warehouse_id", "quantity"),
    ):
        await rows.insert(
            table,
            [
                row(table, offer_id=offer, coefficient="1", **{second: of, value: "5"})
                for offer in offers
                for of in ("one", "two")
            ],
        )
    await rows.insert(PRICE.parts[0], [("00001", of, "4", "", "", "1", "10") for of in ("one", "two")])
    await rows.insert(PRODUCT.table, [row(PRODUCT.table, id=offers[0], catalog_id="mine")])
    absent = Absent(("mine",), (), None, None, ("two",))
    assert (await removed(rows, PRICE, absent)).absent_first == offers[:1], "the others are of no catalog"
    merged = await removed(rows, PRICE, absent._replace(scopes=(None,), after=offers[0]))
    assert (merged.absent, merged.hidden) == (MANY - 1 + 1, MANY - 1), "one of them has another price beside"
    assert await all_of(rows, "count(*), min(price_type_id)", PRICE.table) == [(MANY, "two")]
    assert await all_of(rows, "price_type_id", PRICE.parts[0]) == [("two",)]
    await removed(rows, STOCK, Absent((None,), offers[:1], None, offers[1]))
    assert await all_of(rows, "count(*), 0", STOCK.table) == [(2 * MANY - 2, 0)]


async def test_values_of_another_classifier_stay(rows: CatalogTransaction) -> None:
    table = PROPERTY_VALUE.table
    await rows.insert(
        table,
        [
            row(table, id="p", property_id=value, value=value, classifier_id=of)
            for value, of in (("a", "mine"), ("b", "other"))
        ],
    )
    merged = await removed(rows, PROPERTY_VALUE, Absent(("mine",), (), None, None))
    assert (merged.absent, merged.absent_first) == (1, ["p"])
    assert await all_of(rows, "property_id, removed", table) == [("a", 1), ("b", 0)]


async def test_brands_are_resolved_through_all_pages(rows: CatalogTransaction) -> None:
    keys = [f"{n:05}" for n in range(MANY)]
    await rows.insert(
        PRODUCT.table,
        [row(PRODUCT.table, id=key, manufacturer="M" if n % 2 else None) for n, key in enumerate(keys)],
    )
    await rows.insert(PROPERTY.table, [row(PROPERTY.table, id="p", name="Бренд")])
    await rows.insert(
        PRODUCT.parts[1], [(keys[0], "p", "Brand"), (keys[1], "p", "Other"), (keys[-1], "p", "Last")]
    )
    born = [one async for one in rows.rows("SELECT id FROM product WHERE brand = 'M' AND manufacturer = 'M'")]
    assert len(born) == MANY // 2, "what a product's own record tells of its brand is there with the product"
    assert await rows.resolve_brands() == 2 - (MANY - 1) % 2
    brands = [one async for one in rows.rows("SELECT id, brand FROM product WHERE brand <> 'M' ORDER BY id")]
    assert brands == [(keys[0], "Brand")]
    assert await rows.resolve_brands() == 0
    await rows.update(PRODUCT.table, ("manufacturer",), [(key, None) for key in keys])
    assert await rows.resolve_brands() == MANY // 2
    assert [one async for one in rows.rows("SELECT id FROM product WHERE brand IS NOT NULL ORDER BY id")] == [
        (keys[0],), (keys[1],), (keys[-1],),
    ]  # fmt: skip


async def test_pictures_that_differ_are_to_be_merged_again(rows: CatalogTransaction) -> None:
    await rows.insert(IMAGE.table, [("a.jpg", 1, "x"), ("b.jpg", 2, "y")])
    await rows.images_differ(["b.jpg", "c.jpg"])
    assert await all_of(rows, "path, sha256", IMAGE.table) == [("a.jpg", "x"), ("b.jpg", "")]


async def test_only_goods_with_more_than_nothing_are_in_stock(rows: CatalogTransaction) -> None:
    stocks = {
        "zero": "0",
        "less": "-3",
        "tiny": "0.001",
        "many": "12",
        "huge": "123456789012345678901234567890",
    }
    await rows.insert(STOCK.table, [(product, "w", quantity) for product, quantity in stocks.items()])
    assert await rows.out_of_stock([*stocks, "none"]) == ["zero", "less", "none"]
