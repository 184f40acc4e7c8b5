"""Guarantees 7 and 8: one session changes the shop all or nothing, and the second time nothing."""

from __future__ import annotations

import itertools
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from record_exports import GOODS, PACKAGE, RecordExport, RecordPart, export
from shops import NewShop, Shop

from importers.commerceml.records import (
    Customer,
    Group,
    Offer,
    OfferPrices,
    OfferStocks,
    PriceType,
    Product,
    Property,
    PropertyValue,
    Section,
    Unit,
    Warehouse,
)
from importers.errors import BadFile
from importers.kinds import KINDS, Options

ALL_KINDS = tuple(kind for kind in KINDS if kind != "images")
RECORDS = {
    "reference": [
        Section("cl", "Классификатор", True, "cl", "cl"), Group("g", None, "Туризм"), Unit("796", "шт", None),
        Warehouse("w1", "Основной"), PriceType("retail", "Розничная", "RUB", True),
    ],
    "properties": [
        Section("cl", "Классификатор", True, "cl", "cl"),
        Property("b", "Бренд", "Справочник"), PropertyValue("v", "b", "Кедр"),
    ],
    "goods": [
        GOODS, Product("p", "Палатка", groups=("g",), properties=(("b", "v"),), images=("1.jpg",)),
        Product("q", "Котелок", removed=True),
    ],
    "offers": [PACKAGE, Offer("p#1", "p", "1", characteristics=(("Цвет", "синий"),)), Offer("q", "q", None)],
    "prices": [
        PACKAGE,
        OfferPrices("p#1", (("retail", "10", "RUB", None, "1", None), ("x", "9", None, None, "1", None))),
    ],
    "stocks": [PACKAGE, OfferStocks("p#1", (("w1", "5"), ("w9", "1"))), OfferStocks("q", (("", "3"),))],
    "customers": [Section("", "Контрагенты", True), Customer("c", "Иванов", contacts=(("Почта", "i@example.org"),))],
}  # fmt: skip
EVERYTHING = RecordExport(tuple(RecordPart(records, f"{name}.xml") for name, records in RECORDS.items()))


async def test_any_order_of_kinds_and_parts_ends_in_the_same_catalog(new_shop: NewShop) -> None:
    ends = set()
    shuffled = random.Random(4)
    orders = shuffled.sample(list(itertools.permutations(ALL_KINDS)), 12)
    for n, order in enumerate(orders):
        parts = list(EVERYTHING.parts)
        shuffled.shuffle(parts)
        mixed = RecordExport(tuple(parts), batch=shuffled.randint(1, 5))
        with new_shop() as shop:
            if n % 2:
                await shop.take(mixed, *order)
            else:
                for kind in order:
                    await shop.take(mixed, kind)
            ends.add(shop.checksum())
            assert shop.rows("SELECT count(*) FROM price") == [2]
    assert len(ends) == 1


async def test_the_second_import_writes_nothing(shop: Shop) -> None:
    await shop.take(EVERYTHING, *ALL_KINDS)
    before = shop.hand.stored()
    told = await shop.take(EVERYTHING, *ALL_KINDS)
    assert (told.counts.created, told.counts.updated, told.counts.removed) == (0, 0, 0)
    assert shop.hand.stored() == before
    await shop.take(export(GOODS, Product("p", "Другая")), "catalog")
    assert shop.hand.stored() != before, "else this test would prove nothing"


async def test_no_connection_notices_the_second_import(file_shop: Shop) -> None:
    shop = file_shop
    await shop.take(EVERYTHING, *ALL_KINDS)
    with closing(sqlite3.connect(shop.path)) as other:
        version = other.execute("PRAGMA data_version").fetchone()
        await shop.take(EVERYTHING, *ALL_KINDS)
        assert other.execute("PRAGMA data_version").fetchone() == version
        await shop.take(export(GOODS, Product("p", "Другая")), "catalog")
        assert other.execute("PRAGMA data_version").fetchone() != version, (
            "else this test would prove nothing"
        )


async def test_an_error_in_a_later_kind_undoes_the_whole_session(shop: Shop) -> None:
    await shop.take(export(GOODS, Product("p", "alt")), "catalog")
    before = shop.checksum()

    def changed() -> None:
        raise BadFile("the file was changed while it was read", "prices.xml", 3)

    bad = RecordExport(EVERYTHING.parts)
    calls = itertools.count()
    bad.after = lambda: changed() if next(calls) == 4 else None
    with pytest.raises(BadFile):
        await shop.take(bad, *ALL_KINDS)
    assert next(calls) == 5, "four kinds had been merged"
    assert shop.checksum() == before


async def test_a_dry_run_tells_what_would_change_and_changes_nothing(shop: Shop) -> None:
    await shop.take(export(GOODS, Product("p", "alt"), Product("z", "Z")), "catalog")
    before = shop.hand.stored(), shop.checksum()
    dry = await shop.take(EVERYTHING, "catalog", options=Options(dry_run=True))
    assert (shop.hand.stored(), shop.checksum()) == before
    real = await shop.take(EVERYTHING, "catalog")
    assert dry.counted == real.counted
    assert real.counts.updated == 1


async def test_a_reader_sees_only_the_old_state_until_the_commit(shop: Shop) -> None:
    await shop.take(export(GOODS, Product("p", "old")), "catalog")
    seen: list[object] = []

    def look(_transaction: object) -> None:
        seen.extend(shop.rows("SELECT (SELECT count(*) FROM product), (SELECT count(*) FROM price)"))

    await shop.take(EVERYTHING, "catalog", "prices", before_end=look)
    look(None)
    assert seen == [(1, 0), (2, 2)]


def test_a_reader_in_another_process_sees_only_whole_states(shop: Shop) -> None:
    """While one version after the other is imported, all rows are always of the same one."""
    start(shop, 2000, "A").communicate()
    states = {state(shop)}
    for version in "BA":
        import_ = start(shop, 2000, version)
        while import_.poll() is None:
            states.add(state(shop))
        import_.communicate()
        assert import_.returncode == 0
    assert states == {(*"AAAA", 2000, 2000), (*"BBBB", 2000, 2000)}


def state(shop: Shop) -> tuple[object, ...]:
    """In one statement, so of one moment."""
    columns = (
        f"(SELECT {which}(substr(name, 1, 1)) FROM {table})"
        for table in ("product", "offer")
        for which in ("min", "max")
    )
    counts = (f"(SELECT count(*) FROM {table})" for table in ("product_image", "product_property"))
    (row,) = shop.rows(f"SELECT {', '.join((*columns, *counts))}")
    return tuple(row)


def test_kill_9_leaves_the_old_state(shop: Shop, new_shop: NewShop) -> None:
    kill_at_random_moments(shop, new_shop, products=800, kills=3)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
def test_kill_9_at_30_moments_of_50_000_products(shop: Shop, new_shop: NewShop) -> None:
    kill_at_random_moments(shop, new_shop, products=50_000, kills=30)


def kill_at_random_moments(shop: Shop, new_shop: NewShop, products: int, kills: int) -> None:
    start(shop, products, "A").communicate()
    old = shop.checksum()
    with new_shop() as trial:
        began = time.monotonic()
        start(trial, products, "B").communicate()
        seconds = time.monotonic() - began
    moments = random.Random(products)
    killed = 0
    for n in range(kills):
        import_ = start(shop, products, "B")
        assert import_.stdout
        assert import_.stdout.readline() == "begun\n"
        # The later the kill, the more has been written; one at each share of the time, by chance in it.
        time.sleep(seconds * 0.8 * (n + moments.random()) / kills)
        import_.kill()
        rest, _errors = import_.communicate()
        if "committing" in rest:  # too late to tell on which side of the commit it was: back to the old state
            start(shop, products, "A").communicate()
        else:
            killed += 1
        assert shop.checksum() == old
    assert killed, "no kill came before the commit"
    done, _errors = start(shop, products, "B").communicate()
    assert "done" in done, "nothing is left that blocks the next import"
    assert shop.checksum() != old


@pytest.mark.parametrize("kind", ["catalog", "prices"])
@pytest.mark.chaos
def test_memory_does_not_grow_with_the_export(new_shop: NewShop, kind: str) -> None:
    small, large = (peak(new_shop, kind, number) for number in (16_000, 48_000))
    assert large <= small * 1.1
    assert large < 80 * 1024


def peak(new_shop: NewShop, kind: str, number: int) -> int:
    """KiB at the most."""
    with new_shop() as shop:
        done, _errors = start(shop, number, "A", kind).communicate()
        return int(done.split()[-1])


def start(shop: Shop, products: int, version: str, kind: str = "catalog") -> subprocess.Popen[str]:
    script = Path(__file__).with_name("import_many.py")
    return subprocess.Popen(
        [sys.executable, script, shop.url, shop.images, kind, str(products), version],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
