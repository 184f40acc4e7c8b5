"""Made-up exports, one after the other, compared with a model of the shop in dictionaries that knows no SQL."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_exports import RecordExport, RecordPart
from shops import Shop

from importers.commerceml.records import (
    Offer,
    OfferPrices,
    OfferStocks,
    Product,
    Record,
    Rejected,
    Section,
    Seen,
)
from importers.kinds import Options

IDS = st.sampled_from(["a", "b", "c", "d"])
CATALOGS = ("c1", "c2")


@st.composite
def products(draw: st.DrawFn, catalog: str) -> Record:
    ident = draw(IDS)
    if draw(st.integers(0, 9)) == 0:
        return Rejected(draw(st.sampled_from([ident, ""])), "f.xml", 1, "Product", "bad")
    return Product(
        ident,
        draw(st.sampled_from(["x", "y", None])),
        removed=draw(st.booleans()) and draw(st.booleans()),
        catalog_id=catalog,
        groups=tuple(draw(st.lists(IDS, max_size=3))),
        images=tuple(draw(st.lists(st.sampled_from(["1.jpg", "2.jpg"]), max_size=3))),
    )


@st.composite
def offers(draw: st.DrawFn, catalog: str) -> Record:
    product = draw(IDS)
    characteristic = draw(st.sampled_from([None, "1", "2"]))
    ident = f"{product}#{characteristic}" if characteristic else product
    if draw(st.integers(0, 9)) == 0:
        return Seen(ident, "Offer")
    return Offer(
        ident,
        product,
        characteristic,
        draw(st.sampled_from(["x", "y"])),
        removed=draw(st.booleans()),
        catalog_id=catalog,
        characteristics=draw(st.sampled_from([None, (), (("k", "v"),), (("k", "w"), ("l", "w"))])),
    )


NUMBERS = st.sampled_from(["0", "1", "2.5", "-1"])
PRICES = st.builds(
    lambda ident, prices: OfferPrices(ident, tuple((of, value, "RUB", None, "1") for of, value in prices)),
    st.sampled_from(["a", "a#1", "b#1"]),
    st.lists(st.tuples(st.sampled_from(["t1", "t2"]), NUMBERS), max_size=3),
)
STOCKS = st.builds(
    lambda ident, stocks: OfferStocks(ident, tuple(stocks)),
    st.sampled_from(["a", "a#1", "b#1"]),
    st.one_of(
        st.lists(st.tuples(st.sampled_from(["w1", "w2"]), NUMBERS), min_size=1, max_size=3),
        NUMBERS.map(lambda number: [("", number)]),
    ),
)


@st.composite
def exports(draw: st.DrawFn) -> RecordExport:
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        catalog = draw(st.sampled_from(CATALOGS))
        full = draw(st.booleans())
        goods = draw(st.lists(products(catalog), max_size=5))
        package = draw(st.lists(st.one_of(offers(catalog), PRICES, STOCKS), max_size=8))
        records = [
            Section(catalog, "Каталог", not full, catalog), *goods,
            Section(f"{catalog}#", "ПакетПредложений", not full, catalog), *package,
        ]  # fmt: skip
        parts.append(RecordPart(records))
    gaps = draw(st.sampled_from([(), (), ("part 2",)]))
    return RecordExport(tuple(parts), gaps=gaps, batch=draw(st.integers(1, 4)))


READS = {"catalog": (Product, Offer), "prices": (OfferPrices,), "stocks": (OfferStocks,)}


@dataclass
class Model:
    products: dict[str, tuple[str | None, bool, str, frozenset[str], tuple[str, ...]]] = field(
        default_factory=dict
    )
    offers: dict[str, tuple[str | None, bool, str, frozenset[tuple[str, str]]]] = field(default_factory=dict)
    prices: dict[tuple[str, str], str] = field(default_factory=dict)
    stocks: dict[tuple[str, str], str] = field(default_factory=dict)

    def take(self, export: RecordExport, kind: str) -> None:
        records = [record for part in export.parts for record in part.records]
        match kind:
            case "catalog":
                self._entities(self.products, Product, "Каталог", records, export.gaps)
                self._entities(self.offers, Offer, "ПакетПредложений", records, export.gaps)
            case "prices":
                for record in records:
                    if isinstance(record, OfferPrices):
                        self.prices |= {(record.id, of): value for of, value, *_ in record.prices}
            case "stocks":
                for record in records:
                    if isinstance(record, OfferStocks):
                        for warehouse, quantity in record.stocks:
                            for offer, other in list(self.stocks):
                                if offer == record.id and (other == "") != (warehouse == ""):
                                    del self.stocks[offer, other]
                            self.stocks[record.id, warehouse] = quantity

    def _entities(self, held: Any, of: Any, section: str, records: list[Record], gaps: Any) -> None:
        mine = [record for record in records if isinstance(record, of)]
        for record in mine:
            if record.removed and record.id in held:
                held[record.id] = (held[record.id][0], True, *held[record.id][2:])
            else:
                rest: tuple[Any, ...]
                if of is Product:
                    rest = (frozenset(record.groups), tuple(dict.fromkeys(record.images)))
                elif record.characteristics is not None:
                    rest = (frozenset(record.characteristics),)
                else:
                    rest = held[record.id][3:] if record.id in held else (frozenset(),)
                held[record.id] = (record.name, record.removed, record.catalog_id, *rest)
        rejected = [record for record in records if isinstance(record, Rejected) and of is Product]
        if gaps or any(reject.id == "" for reject in rejected):
            return
        seen = [record.id for record in records if isinstance(record, Seen) and record.record == of.__name__]
        present = {*(record.id for record in mine), *(reject.id for reject in rejected), *seen}
        for catalog in {record.catalog_id for record in mine}:
            said = [
                r.changes_only
                for r in records
                if isinstance(r, Section) and (r.name, r.catalog_id) == (section, catalog)
            ]
            if not any(said):
                for ident, row in held.items():
                    if row[2] == catalog and ident not in present:
                        held[ident] = (row[0], True, *row[2:])


def as_model(shop: Shop) -> Model:
    groups: dict[str, set[str]] = {}
    for product, group in shop.rows("SELECT product_id, category_id FROM product_category"):
        groups.setdefault(product, set()).add(group)
    images: dict[str, list[str]] = {}
    for product, path in shop.rows(
        "SELECT product_id, path FROM product_image ORDER BY product_id, position"
    ):
        images.setdefault(product, []).append(path)
    characteristics: dict[str, set[tuple[str, str]]] = {}
    for offer, name, value in shop.rows("SELECT offer_id, name, value FROM offer_characteristic"):
        characteristics.setdefault(offer, set()).add((name, value))
    return Model(
        {
            ident: (
                name,
                bool(removed),
                catalog,
                frozenset(groups.get(ident, ())),
                tuple(images.get(ident, ())),
            )
            for ident, name, removed, catalog in shop.rows(
                "SELECT id, name, removed, catalog_id FROM product"
            )
        },
        {
            ident: (name, bool(removed), catalog, frozenset(characteristics.get(ident, ())))
            for ident, name, removed, catalog in shop.rows("SELECT id, name, removed, catalog_id FROM offer")
        },
        {
            (offer, of): value
            for offer, of, value in shop.rows("SELECT offer_id, price_type_id, value FROM price")
        },
        {(offer, at): quantity for offer, at, quantity in shop.rows("SELECT * FROM stock")},
    )


SESSIONS = st.lists(
    st.tuples(exports(), st.sampled_from(["catalog", "prices", "stocks"])), min_size=1, max_size=5
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SESSIONS)
async def test_the_catalog_is_what_the_model_says(sessions: list[tuple[RecordExport, str]]) -> None:
    await compare(sessions)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SESSIONS)
async def test_the_catalog_is_what_the_model_says_for_long(sessions: list[tuple[RecordExport, str]]) -> None:
    await compare(sessions)


async def compare(sessions: list[tuple[RecordExport, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder) / "catalog.sqlite3", Path(folder))
        model = Model()
        for export, kind in sessions:
            read = [
                r for part in export.parts for r in part.records if isinstance(r, (*READS[kind], Rejected))
            ]
            if not any(getattr(record, "prices", True) for record in read):
                continue  # refused: nothing of this kind in it
            told = await shop.take(export, kind, options=Options(force=True))
            model.take(export, kind)
            assert as_model(shop) == model
            assert told.counts.rejected == sum(isinstance(record, Rejected) for record in read)
            before = shop.checksum()
            again = (await shop.take(export, kind, options=Options(force=True))).counts
            assert (again.created, again.updated, again.removed) == (0, 0, 0)
            assert shop.checksum() == before
