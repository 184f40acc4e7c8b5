"""Made-up exports, one after the other, compared with a model of the shop in dictionaries that knows no SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_exports import RecordExport, RecordPart
from shops import NewShop, Shop
from support.engines import ON_A_FILE, ON_A_SERVER

from importers.commerceml.records import (
    Offer,
    OfferPrices,
    OfferStocks,
    Partial,
    Product,
    Record,
    Rejected,
    Section,
    Seen,
)
from importers.kinds import Options
from importers.texts import Message

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
        facts = Partial("facts", "f.xml", 1)
        return Offer(
            ident, product, characteristic, catalog_id=catalog, characteristics=None, properties=None,
            images=None, units=None, components=None, partial=facts,
        )  # fmt: skip
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
    lambda ident, prices, whole: OfferPrices(
        ident,
        tuple((of, value, "RUB", None, "1", None) for of, value in prices.items() if value is not None),
        whole=whole,
        unset=tuple(of for of, value in prices.items() if value is None),
    ),
    st.sampled_from(["a", "a#1", "b#1"]),
    st.dictionaries(st.sampled_from(["t1", "t2"]), st.one_of(NUMBERS, st.none()), min_size=1, max_size=2),
    st.integers(0, 4).map(bool),
)
STOCKS = st.builds(
    lambda ident, stocks, whole, readable: OfferStocks(
        ident, tuple(stocks.items()), whole and readable and "" not in stocks, readable=readable
    ),
    st.sampled_from(["a", "a#1", "b#1"]),
    st.one_of(
        st.dictionaries(st.sampled_from(["w1", "w2"]), NUMBERS, min_size=1, max_size=2),
        NUMBERS.map(lambda number: {"": number}),
    ),
    st.booleans(),
    st.integers(0, 4).map(bool),
)


@st.composite
def exports(draw: st.DrawFn) -> RecordExport:
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        catalog = draw(st.sampled_from(("c1", *CATALOGS)))
        full = draw(st.integers(0, 2)) > 0
        goods = draw(st.lists(products(catalog), max_size=5))
        package = draw(st.lists(st.one_of(offers(catalog), PRICES, STOCKS), max_size=8))
        number = draw(st.integers(1, 2)) if not parts else parts[-1].records[0].set + draw(st.integers(0, 1))  # type: ignore[attr-defined]
        records = [
            Section(catalog, "Каталог", not full, catalog, set=number), *goods,
            Section(f"{catalog}#", "ПакетПредложений", not full, catalog, set=number), *package,
        ]  # fmt: skip
        parts.append(RecordPart(records))
    gaps = draw(st.sampled_from([(), (), (), (), (Message("part 2"),)]))
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
                self._facts(
                    self.prices,
                    export,
                    OfferPrices,
                    lambda record: [
                        *(row[:2] for row in record.prices),
                        *((of, None) for of in record.unset),
                    ],
                )
            case "stocks":
                self._facts(self.stocks, export, OfferStocks, lambda record: record.stocks)

    def _facts(self, held: dict[Any, str], export: RecordExport, of: Any, rows: Any) -> None:
        """Set by set: the union of what a set tells of an offer is its whole list, where each of it is."""
        told: dict[str, dict[int, tuple[list[Any], bool]]] = {}
        said: dict[str, list[bool]] = {}
        for part in export.parts:
            for record in part.records:
                if isinstance(record, Section):
                    section = record
                elif isinstance(record, of):
                    said.setdefault(section.catalog_id, [])
                    whole = record.whole or (section.full and getattr(record, "readable", False))
                    so_far, all_whole = told.setdefault(record.id, {}).get(section.set, ([], True))
                    told[record.id][section.set] = so_far + list(rows(record)), all_whole and whole
        for offer, sets in told.items():
            for facts, whole in sets.values():
                if whole:
                    for key in [key for key in held if key[0] == offer]:
                        del held[key]
                for second, value in facts:
                    if of is OfferStocks:
                        for key in [
                            key for key in held if key[0] == offer and (key[1] == "") != (second == "")
                        ]:
                            del held[key]
                    held.pop((offer, second), None)
                    if value is not None:
                        held[offer, second] = value
        self._absent_facts(held, export, of, told)

    def _absent_facts(self, held: dict[Any, str], export: RecordExport, of: Any, told: Any) -> None:
        """What a full package does not tell at all costs nothing and is nowhere."""
        rejects = [r for part in export.parts for r in part.records if isinstance(r, Rejected)]
        if export.gaps or any(reject.id == "" for reject in rejects):
            return
        sections: dict[str, list[Section]] = {}
        with_facts: set[str] = set()
        for part in export.parts:
            section = None
            for record in part.records:
                if isinstance(record, Section):
                    section = record
                elif isinstance(record, of) and section:
                    sections.setdefault(section.catalog_id, []).append(section)
                    if of is OfferStocks or record.prices:
                        with_facts.add(section.catalog_id)
        full = {
            catalog
            for catalog, those in sections.items()
            if catalog in with_facts and all(section.full for section in those)
        }
        named = {record.id for part in export.parts for record in part.records if isinstance(record, of)}
        for key in list(held):
            owner = self.offers.get(key[0]) or self.products.get(key[0])
            if key[0] not in named and owner and owner[2] in full:
                del held[key]

    def _entities(self, held: Any, of: Any, section: str, records: list[Record], gaps: Any) -> None:
        mine = [record for record in records if isinstance(record, of)]
        for record in mine:
            if record.partial and record.id in held:
                held[record.id] = (held[record.id][0], False, *held[record.id][2:])
            elif record.removed and record.id in held:
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
            if all(only is False for only in said):
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


ALL = ("catalog", "stocks", "prices")
SESSIONS = st.lists(
    st.tuples(exports(), st.sampled_from([ALL, ALL, ALL, *((kind,) for kind in ALL)])), min_size=2, max_size=4
)


Sessions = list[tuple[RecordExport, tuple[str, ...]]]


@ON_A_FILE
@settings(max_examples=14, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sessions=SESSIONS)
async def test_the_catalog_is_what_the_model_says(new_shop: NewShop, sessions: Sessions) -> None:
    await compare(new_shop, sessions)


@ON_A_SERVER
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sessions=SESSIONS)
async def test_the_catalog_on_a_server_is_what_the_model_says(new_shop: NewShop, sessions: Sessions) -> None:
    await compare(new_shop, sessions)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sessions=SESSIONS)
async def test_the_catalog_is_what_the_model_says_for_long(new_shop: NewShop, sessions: Sessions) -> None:
    await compare(new_shop, sessions)


async def compare(new_shop: NewShop, sessions: Sessions) -> None:
    with new_shop() as shop:
        model = Model()
        for export, kind in ((export, kind) for export, kinds in sessions for kind in kinds):
            read = [
                r for part in export.parts for r in part.records if isinstance(r, (*READS[kind], Rejected))
            ]
            if not read:
                continue  # refused: nothing of this kind in it
            told = await shop.take(export, kind, options=Options(force=True))
            model.take(export, kind)
            assert as_model(shop) == model
            assert told.counts.rejected == sum(isinstance(record, Rejected) for record in read)
            before = shop.checksum()
            again = (await shop.take(export, kind, options=Options(force=True))).counts
            assert (again.created, again.updated, again.removed) == (0, 0, 0)
            assert shop.checksum() == before
