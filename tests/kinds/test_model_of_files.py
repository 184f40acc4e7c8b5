"""Packages of 1C in files of every layout, imported one after the other, and a model of the shop in dictionaries.

The model knows neither SQL nor XML nor the code under test: it says what the rules say (docs/commerceml.md, 1.1-1.4).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packages import (
    BAD,
    CATALOGS,
    FOLDERS,
    LAYOUTS,
    NUMBERED,
    REFERENCES,
    Good,
    Layout,
    Offered,
    Package,
    Reference,
    Said,
    write_source,
)
from shops import Shop

from importers.commerceml import open_export
from importers.kinds import Options

ALL = ("catalog", "stocks", "prices")


@dataclass(frozen=True)
class Session:
    """One import of what lies in one folder."""

    packages: tuple[Package, ...]
    kinds: tuple[str, ...] = ALL

    @property
    def in_order(self) -> list[Package]:
        return sorted(self.packages, key=lambda package: package.day)

    @property
    def has_gap(self) -> bool:
        return any(package.has_gap for package in self.packages)


# the model


@dataclass(frozen=True)
class Thing:
    """A row of something that may be removed. `of`: the catalog or classifier that told it."""

    name: str | None
    of: str
    removed: bool = False
    more: tuple[Any, ...] = ()


@dataclass
class Model:
    things: dict[str, dict[str, Thing]] = field(
        default_factory=lambda: {table: {} for table in ("product", "offer", *REFERENCES)}
    )
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of products, the main one first."""
    values: dict[tuple[str, str], Thing] = field(default_factory=dict)
    """Of properties: (property, value)."""
    prices: dict[tuple[str, str], str] = field(default_factory=dict)
    stocks: dict[tuple[str, str], str] = field(default_factory=dict)
    rejects: int = 0
    """In the session that was taken last."""

    def take(self, session: Session) -> None:
        self.rejects = 0
        for kind in session.kinds:
            {"catalog": self._catalog, "prices": self._prices, "stocks": self._stocks}[kind](session)

    def _catalog(self, session: Session) -> None:
        for table in REFERENCES:
            self._references(table, session)
        for package in session.in_order:
            for good in package.goods_there:
                self._good(good, package)
            for offer, is_listed in package.offers_there:
                if is_listed:
                    self._offer(offer, package)
        for catalog in CATALOGS:
            those = [package for package in session.packages if package.catalog == catalog]
            goods = {good.id for package in session.packages for good in package.goods_there}
            if any(package.goods_there for package in those) and _full(p.goods_said for p in those):
                self._absent("product", catalog, goods, session)
            listed = {
                o.id for package in session.packages for o, is_listed in package.offers_there if is_listed
            }
            if any(is_listed for p in those for _o, is_listed in p.offers_there) and _full(
                package.offers_said for package in those
            ):
                self._absent("offer", catalog, listed, session)

    def _good(self, good: Good, package: Package) -> None:
        known = self.things["product"].get(good.id)
        if good.how == "part" and known is None:
            self.rejects += 1
        elif good.how == "part" and known:
            more = (good.article or known.more[0],)
            self.things["product"][good.id] = Thing(known.name, package.catalog, more=more)
            self.groups[good.id] = good.groups or self.groups[good.id]
        else:
            self._tell("product", good.id, good.name, package.catalog, good.how == "removed", (good.article,))
            if not (good.how == "removed" and known):
                self.groups[good.id] = good.groups

    def _offer(self, offer: Offered, package: Package) -> None:
        known = self.things["offer"].get(offer.id)
        if offer.how in ("facts", "apart"):
            known = known or Thing(None, package.catalog, more=(offer.product,))
            self.things["offer"][offer.id] = replace(known, removed=False)
        else:
            self._tell(
                "offer", offer.id, offer.name, package.catalog, offer.how == "removed", (offer.product,)
            )

    def _tell(
        self, table: str, ident: str, name: str | None, of: str, removed: bool, more: tuple[Any, ...]
    ) -> None:
        """What is told as a whole replaces what was known; a mark of removal leaves it."""
        held = self.things[table]
        if removed and ident in held:
            held[ident] = replace(held[ident], removed=True)
        else:
            held[ident] = Thing(name, of, removed, more)

    def _absent(self, table: str, of: str, present: Collection[str], session: Session) -> None:
        held = self.things[table]
        for ident, thing in held.items():
            if thing.of == of and ident not in present and not session.has_gap:
                held[ident] = replace(thing, removed=True)

    def _references(self, table: str, session: Session) -> None:
        told: dict[str, list[Package]] = {}
        for package in session.in_order:
            for at, reference in enumerate(package.references(table)):
                more: tuple[str | None, ...] = ()
                if table == "category":
                    more = (package.groups[0].id if package.nested and at else None,)
                self._tell(table, reference.id, reference.name, package.classifier, reference.removed, more)
                told.setdefault(package.classifier, []).append(package)
                for ident, value in reference.values:
                    self.values[reference.id, ident] = Thing(value, package.classifier)
        present = {r.id for package in session.packages for r in package.references(table)}
        for classifier, those in told.items():
            if _full(_list_said(table, package) for package in those):
                self._absent(table, classifier, present, session)
        if table == "property":
            self._absent_values(session)

    def _absent_values(self, session: Session) -> None:
        told = [
            (p, (r.id, ident)) for p in session.packages for r in p.properties for ident, _value in r.values
        ]
        present = {key for _package, key in told}
        for classifier in {package.classifier for package, _key in told}:
            those = [package for package, _key in told if package.classifier == classifier]
            if _full(_list_said("property", package) for package in those) and not session.has_gap:
                for key, thing in self.values.items():
                    if thing.of == classifier and key not in present:
                        self.values[key] = replace(thing, removed=True)

    def _prices(self, session: Session) -> None:
        """Цены is the whole list of an offer's prices, also among changes, where all of it can be read."""
        written = [
            (p, offer) for p in session.in_order for offer, _is_listed in p.offers_there if offer.prices
        ]
        self.rejects += sum(offer.bad_prices for _package, offer in written)
        if not written:
            return
        self._references("price_type", session)
        for _package, offer in written:
            told = offer.told_prices
            if not offer.bad_prices:
                _forget(self.prices, offer.id)
            for of, value in told.items():
                self.prices.pop((offer.id, of), None)
                if value is not None:
                    self.prices[offer.id, of] = value
        told_of = [(package, any(offer.told_prices.values())) for package, offer in written]
        self._absent_facts(self.prices, told_of, session)
        self._made_up("price_type", self.prices)

    def _stocks(self, session: Session) -> None:
        """Whole in a full package, and where Количество is their sum, if all can be read; else merged."""
        written = [
            (p, offer)
            for p in session.in_order
            for offer, _is_listed in p.offers_there
            if offer.written_stocks
        ]
        self.rejects += sum(offer.bad_stocks for _package, offer in written)
        if not written:
            return
        self._references("warehouse", session)
        for package, offer in written:
            told = offer.told_stocks
            if told and not offer.bad_stocks and (package.offers_said is False or offer.total_is_the_sum):
                _forget(self.stocks, offer.id)
            for of in told:  # a total, and quantities by warehouse, replace each other
                for key in [
                    key for key in self.stocks if key[0] == offer.id and (key[1] == "") != (of == "")
                ]:
                    del self.stocks[key]
            self.stocks.update({(offer.id, of): quantity for of, quantity in told.items()})
        told_of = [(package, bool(offer.told_stocks)) for package, offer in written]
        self._absent_facts(self.stocks, told_of, session)
        self._made_up("warehouse", self.stocks)

    def _absent_facts(
        self, held: dict[tuple[str, str], str], told: Iterable[tuple[Package, bool]], session: Session
    ) -> None:
        """An offer that a full package does not tell at all has none. `told`: (package, whether it says a number that
        can be read): one of which nothing can be read has a say in whether all are full."""
        if session.has_gap:
            return
        present = {offer.id for package in session.packages for offer, _is_listed in package.offers_there}
        told = list(told)
        for catalog in CATALOGS:
            those = [(package, number) for package, number in told if package.catalog == catalog]
            if any(number for _package, number in those) and _full(p.offers_said for p, _number in those):
                for ident in {ident for ident, _of in held if ident not in present}:
                    owner = self.things["offer"].get(ident) or self.things["product"].get(ident)
                    if owner and owner.of == catalog:
                        _forget(held, ident)

    def _made_up(self, table: str, facts: Iterable[tuple[str, str]]) -> None:
        for _offer, of in facts:
            if of:
                self.things[table].setdefault(of, Thing(of, ""))


def _full(said: Iterable[Said]) -> bool:
    return all(only_changes is False for only_changes in said)


def _list_said(table: str, package: Package) -> Said:
    """A list of reference data is as full as the section that it stands in; where that says nothing, as the Каталог."""
    with_offers = package.layout.lists_with_offers and table in ("price_type", "warehouse")
    said = package.offers_said if with_offers else package.classifier_said
    return package.goods_said if said is None else said


def _forget(facts: dict[tuple[str, str], str], ident: str) -> None:
    for key in [key for key in facts if key[0] == ident]:
        del facts[key]


# the shop, as the model would tell it

MORE = {
    "product": ("article", "catalog_id"),
    "offer": ("product_id", "catalog_id"),
    "category": ("parent_id", "classifier_id"),
    **dict.fromkeys(("property", "price_type", "warehouse"), ("classifier_id",)),
}


def as_model(shop: Shop) -> Model:
    model = Model()
    for table, columns in MORE.items():
        for ident, name, removed, *more, of in shop.rows(
            f"SELECT id, name, removed, {', '.join(columns)} FROM {table}"
        ):
            model.things[table][ident] = Thing(name, of, bool(removed), tuple(more))
            if table == "product":
                model.groups[ident] = ()
    for product, group in shop.rows("SELECT product_id, category_id FROM product_category ORDER BY position"):
        model.groups[product] = (*model.groups.get(product, ()), group)
    for of, ident, *row in shop.rows(
        "SELECT property_id, id, value, classifier_id, removed FROM property_value"
    ):
        model.values[of, ident] = Thing(row[0], row[1], bool(row[2]))
    for offer, of, value in shop.rows("SELECT offer_id, price_type_id, value FROM price"):
        model.prices[offer, of] = value
    for offer, of, quantity in shop.rows("SELECT offer_id, warehouse_id, quantity FROM stock"):
        model.stocks[offer, of] = quantity
    return model


async def compare(sessions: Iterable[Session]) -> Model:
    """Import all of them, each a second time as well. The shop at the end."""
    model = Model()
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder) / "catalog.sqlite3", Path(folder))
        for session in sessions:
            source = write_source(Path(folder) / "1c", session.packages)
            await shop.take(open_export(source), *session.kinds, options=Options(force=True))
            model.take(session)
            found = as_model(shop)
            assert found == replace(model, rejects=0)
            assert sum(len(told.rejects) for told in shop.by_kind.values()) == model.rejects

            before = shop.checksum(), _bytes(shop.path)
            await shop.take(open_export(source), *session.kinds, options=Options(force=True))
            for told in shop.by_kind.values():
                assert (told.counts.created, told.counts.updated, told.counts.removed) == (0, 0, 0)
            assert (shop.checksum(), _bytes(shop.path)) == before
    return model


def _bytes(path: Path) -> list[bytes]:
    """Of the database and its log."""
    return [file.read_bytes() for file in (path, path.with_name(path.name + "-wal")) if file.exists()]


# packages that 1C might make

NAMES = st.sampled_from(["x", "y"])
PRICES = st.sampled_from(["1", "2.5", "10", "1", "2.5", "10", None, None, BAD])
QUANTITIES = st.sampled_from(["0", "1", "2.5", "-1", BAD])
SAID: st.SearchStrategy[tuple[Said, Said, Said]] = st.sampled_from(
    [
        *[(False, False, False)] * 3, *[(True, True, True)] * 2, (False, False, None), (False, None, None),
        (True, True, None), (True, True, False), (False, True, None), (True, False, True), (None, None, None),
    ]
)  # fmt: skip
"""Of the goods, the offers and the classifier."""


@st.composite
def references(draw: st.DrawFn, *ids: str, values: Collection[str] = ()) -> tuple[Reference, ...]:
    told = []
    for ident in draw(st.lists(st.sampled_from(ids), unique=True, max_size=len(ids))):
        removed = draw(st.integers(0, 5)) == 0
        name = draw(st.sampled_from([None, "x"]) if removed else NAMES)
        some = (
            draw(st.lists(st.tuples(st.sampled_from([*values]), NAMES), unique_by=lambda v: v[0]))
            if values
            else ()
        )
        told.append(Reference(ident, name, removed, tuple(some)))
    return tuple(told)


@st.composite
def goods(draw: st.DrawFn, hows: Collection[str]) -> Good:
    how = draw(st.sampled_from([*hows]))
    return Good(
        draw(st.sampled_from("abc")),
        draw(st.sampled_from([None, "x"]) if how == "removed" else NAMES),
        how,
        draw(st.sampled_from([None, "A", "B"])),
        tuple(draw(st.lists(st.sampled_from(["g1", "g2", "g9"]), unique=True, max_size=2))),
    )


@st.composite
def offers(draw: st.DrawFn) -> Offered:
    how = draw(st.sampled_from(["whole", "whole", "whole", "facts", "apart", "removed"]))
    prices = st.dictionaries(st.sampled_from(["t1", "t2", "t9"]), PRICES, min_size=1, max_size=2)
    quantities = st.dictionaries(st.sampled_from(["w1", "w2", "w9"]), QUANTITIES, min_size=1, max_size=2)
    stocks = draw(st.one_of(st.none(), st.just({}), quantities, quantities, quantities))
    total = None
    if stocks is not None:
        the_sum = f"{sum(float(number) for number in stocks.values() if number != BAD):g}"
        total = draw(st.sampled_from([None, the_sum, the_sum, "7"] if stocks else ["0", "7"]))
    priced = draw(st.one_of(st.none(), prices, prices))
    return Offered(
        draw(st.sampled_from(["a", "a#1", "b#1", "c"])),
        draw(st.sampled_from([None, "x"]) if how == "removed" else NAMES),
        how,
        priced,
        stocks,
        total,
        draw(st.booleans()),
    )


@st.composite
def packages(draw: st.DrawFn, day: int, alone: bool, newest: bool) -> Package:
    """Parts of goods stand in the newest package only: the model takes one after the other, and does not know that a
    later one makes known what an earlier one tells a part of."""
    layout: Layout = draw(st.sampled_from(LAYOUTS))
    lost = alone and layout.in_parts and draw(st.booleans())
    goods_said, offers_said, classifier_said = (False, False, False) if lost else draw(SAID)
    if not alone and layout.lists_with_offers and offers_said is None:
        offers_said = True  # which Каталог of several speaks for the lists?
    few = draw(st.sampled_from([0, 2, 2]))
    hows = ("whole", "whole", "whole", "removed", "part") if newest else ("whole", "whole", "removed")
    price_types = draw(references("t1", "t2"))
    return Package(
        layout,
        day,
        draw(st.sampled_from(("c1", "c1", *CATALOGS))),
        goods_said,
        offers_said,
        classifier_said,
        tuple(draw(st.lists(goods(hows), min_size=few, max_size=3, unique_by=lambda good: good.id))),
        tuple(draw(st.lists(offers(), min_size=few, max_size=4, unique_by=lambda offer: offer.id))),
        draw(references("g1", "g2")),
        draw(references("p1", "p2", values=("v1", "v2"))),
        price_types,
        draw(references("w1", "w2")),
        nested=draw(st.booleans()),
        parts=3 if lost else draw(st.integers(1, 3)),
        dated=draw(st.integers(0, 4)) > 0,
        zipped=draw(st.sampled_from(["", "", "", "", "", "whole", "each", "nested"])),
        typeless=alone and draw(st.booleans()),
        lost=lost,
    )


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    number = draw(st.sampled_from([1, 1, 2]))
    days = draw(st.permutations(range(1, number + 1)))
    told = tuple(draw(packages(day, alone=number == 1, newest=day == number)) for day in days)
    return Session(told, draw(st.sampled_from([ALL, ALL, ALL, ALL, *((kind,) for kind in ALL)])))


SESSIONS = st.lists(sessions(), min_size=2, max_size=4)
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=QUIET)
@given(SESSIONS)
async def test_the_shop_is_what_the_packages_say(told: list[Session]) -> None:
    await compare(told)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@settings(max_examples=2000, deadline=None, suppress_health_check=QUIET)
@given(SESSIONS)
async def test_the_shop_is_what_the_packages_say_for_long(told: list[Session]) -> None:
    await compare(told)


# single stories, told in every layout

EVERY_LAYOUT = pytest.mark.parametrize("layout", LAYOUTS, ids=[layout.name for layout in LAYOUTS])
CHANGES: dict[str, Any] = {"goods_said": True, "offers_said": True, "classifier_said": True}
A, B = Good("a"), Good("b")


@EVERY_LAYOUT
async def test_a_move_between_warehouses_is_told_by_changes(layout: Layout) -> None:
    """Количество beside the stocks, and their sum: they are all. Without it the old warehouse would keep its own."""
    before = Package(layout, goods=(A,), offers=(Offered("a", stocks={"w1": "2", "w2": "1"}),))
    for total, left in (("3", {("a", "w2"): "3"}), ("4", {("a", "w1"): "2", ("a", "w2"): "3"})):
        moved = Package(layout, 2, offers=(Offered("a", stocks={"w2": "3"}, total=total),), **CHANGES)
        assert (await compare([Session((before,)), Session((moved,))])).stocks == left


def everything(layout: Layout, **rest: Any) -> tuple[Package, Package]:
    """Two full packages: one with two of everything, and one with one of it."""
    facts: list[dict[str, Any]] = [
        {"prices": dict.fromkeys(types, "1"), "stocks": {"w1": "1"}} for types in (("t1", "t2"), ("t1",))
    ]
    two = Package(
        layout, 1, goods=(A, B), offers=tuple(Offered(ident, "x", "whole", **facts[0]) for ident in ("a", "b")),
        groups=(Reference("g1"), Reference("g2")),
        properties=(Reference("p1", values=(("v1", "1"), ("v2", "2"))), Reference("p2")),
        price_types=(Reference("t1"), Reference("t2")),
        warehouses=(Reference("w1"), Reference("w2")),
        **rest,
    )  # fmt: skip
    one = replace(
        two, day=3, goods=two.goods[:1], offers=(Offered("a", "x", "whole", **facts[1]),), groups=two.groups[:1],
        properties=(Reference("p1", values=(("v1", "1"),)),), price_types=two.price_types[:1],
        warehouses=two.warehouses[:1],
    )  # fmt: skip
    return two, one


def removed(shop: Model) -> set[str]:
    things = {ident for held in shop.things.values() for ident, thing in held.items() if thing.removed}
    return things | {ident for (_of, ident), thing in shop.values.items() if thing.removed}


@EVERY_LAYOUT
async def test_a_price_type_goes_and_returns(layout: Layout) -> None:
    """And so does all else."""
    two, one = everything(layout)
    shop = await compare([Session((two,)), Session((one,))])
    assert removed(shop) == {"b", "g2", "p2", "t2", "w2", "v2"}
    assert (len(shop.prices), len(shop.stocks)) == (1, 1)
    shop = await compare([Session((two,)), Session((one,)), Session((replace(two, day=4, **CHANGES),))])
    assert removed(shop) == set()
    assert (len(shop.prices), len(shop.stocks)) == (4, 2)


@EVERY_LAYOUT
async def test_nothing_goes_where_one_of_two_sets_is_not_full(layout: Layout) -> None:
    two, one = everything(layout)
    for changes_first in (True, False):
        changes = replace(one, day=2 if changes_first else 4, **CHANGES)
        shop = await compare([Session((two,)), Session((one, changes))])
        assert removed(shop) == set()
        assert {ident for ident, _of in shop.prices} == {ident for ident, _of in shop.stocks} == {"a", "b"}


@pytest.mark.parametrize("layout", [NUMBERED, FOLDERS], ids=["numbered", "folders"])
async def test_nothing_goes_where_a_part_is_missing(layout: Layout) -> None:
    two, one = everything(layout, parts=3)
    shop = await compare([Session((two,)), Session((replace(one, lost=True),))])
    assert removed(shop) == set()
    assert {ident for ident, _of in shop.prices} == {"a", "b"}


@EVERY_LAYOUT
async def test_a_list_of_prices_is_whole_among_changes(layout: Layout) -> None:
    both = Package(layout, goods=(A,), offers=(Offered("a", prices={"t1": "1", "t2": "2"}),))
    for prices, left in (({"t2": "3"}, {("a", "t2"): "3"}), ({"t1": None}, {})):
        changes = Package(layout, 2, offers=(Offered("a", prices=prices),), **CHANGES)
        assert (await compare([Session((both,)), Session((changes,))])).prices == left


@EVERY_LAYOUT
@pytest.mark.parametrize("changes", [{}, CHANGES], ids=["full", "changes"])
async def test_a_number_that_cannot_be_read_takes_nothing_away(
    layout: Layout, changes: dict[str, Any]
) -> None:
    """Neither its own old one nor those that were not told; in the sum of Количество it is missing."""
    offer = Offered("a", "x", "whole", {"t1": "1", "t2": "2"}, {"w1": "1", "w2": "2", "w3": "3"})
    before = Package(layout, goods=(A,), offers=(offer,))
    bad = replace(offer, prices={"t1": "3", "t3": BAD}, stocks={"w1": "4", "w2": BAD}, total="4")
    shop = await compare([Session((before,)), Session((Package(layout, 2, offers=(bad,), **changes),))])
    assert shop.rejects == 2
    assert shop.prices == {("a", "t1"): "3", ("a", "t2"): "2"}
    assert shop.stocks == {("a", "w1"): "4", ("a", "w2"): "2", ("a", "w3"): "3"}


@EVERY_LAYOUT
async def test_an_offer_goes_and_returns_by_its_facts_alone(layout: Layout) -> None:
    facts: dict[str, Any] = {"prices": {"t1": "1"}, "stocks": {"w1": "2"}}
    both = Package(layout, goods=(A, B), offers=(Offered("a", "A", **facts), Offered("b", "B", **facts)))
    one = replace(both, day=2, goods=(A,), offers=both.offers[:1])
    gone = await compare([Session((both,)), Session((one,))])
    assert gone.things["product"]["b"].removed
    assert (gone.things["offer"]["b"].removed, len(gone.prices), len(gone.stocks)) == (True, 1, 1)
    back = Package(layout, 3, offers=(Offered("b", how="facts", **facts),), **CHANGES)
    there = await compare([Session((package,)) for package in (both, one, back)])
    assert there.things["offer"]["b"] == Thing("B", "c1", more=("b",))
    assert (len(there.prices), len(there.stocks)) == (2, 2)


@EVERY_LAYOUT
@pytest.mark.parametrize("how", ["dated", "undated", "whole", "each"])
async def test_two_sets_in_one_folder_out_of_order(layout: Layout, how: str) -> None:
    old = Package(
        layout, 1, "c1", goods=(Good("a", "old"), B), price_types=(Reference("t1", "old"),),
        offers=(Offered("a", "old", "whole", {"t1": "1", "t2": "1"}, {"w1": "1", "w2": "1"}), Offered("b")),
        parts=2, dated=how != "undated", zipped=how if how in ("whole", "each") else "",
    )  # fmt: skip
    new = replace(
        old, day=2, goods=(Good("a", "new"),), price_types=(Reference("t1", "new"),),
        offers=(Offered("a", "new", "whole", {"t1": "2"}, {"w2": "2"}),),
    )  # fmt: skip
    shop = await compare([Session((new, old))])
    assert (shop.prices, shop.stocks) == ({("a", "t1"): "2"}, {("a", "w2"): "2"})
    names = [
        shop.things[table][ident].name
        for table, ident in (("product", "a"), ("offer", "a"), ("price_type", "t1"))
    ]
    assert names == ["new"] * 3


async def test_a_part_that_was_written_over_that_of_an_older_set_is_newer_than_the_others(
    shop: Shop, tmp_path: Path
) -> None:
    old, new = (
        Package(
            NUMBERED, day, goods=(B, Good("a", name)), parts=parts,
            offers=(Offered("b"), Offered("a", name, "whole", dict.fromkeys(types, "1"), {"w1": "1"})),
        )
        for day, name, types, parts in ((1, "old", ("t1", "t2"), 3), (2, "new", ("t1",), 1))
    )  # fmt: skip
    folder = write_source(tmp_path / "1c", [old])
    shutil.copytree(write_source(tmp_path / "new", [new]), folder, dirs_exist_ok=True)
    assert len([*folder.iterdir()]) == 6
    await shop.take(open_export(folder), *ALL)
    found = as_model(shop)
    assert {found.things[table]["a"].name for table in ("product", "offer")} == {"new"}
    assert found.prices == {("a", "t1"): "1"}


@pytest.mark.parametrize("layout", [NUMBERED, FOLDERS], ids=["numbered", "folders"])
async def test_what_two_parts_of_a_set_tell_of_an_offer_is_one_list(layout: Layout) -> None:
    offer = Offered("a", "x", "whole", {"t1": "1", "t2": "2"}, {"w1": "1", "w2": "2"}, in_pieces=True)
    whole = Package(layout, goods=(A,), offers=(offer,), parts=2)
    shop = await compare([Session((whole,)), Session((replace(whole, day=2, **CHANGES),))])
    assert (len(shop.prices), len(shop.stocks)) == (2, 2)


@EVERY_LAYOUT
@pytest.mark.parametrize("kind", ["prices", "stocks"])
async def test_an_offer_that_is_told_without_facts_keeps_them(layout: Layout, kind: str) -> None:
    """Also where the files of this kind do not tell it, but those of the offers or of other facts do."""
    facts: dict[str, Any] = {"prices": {"t1": "1"}, "stocks": {"w1": "2"}}
    full = Package(
        layout, goods=(A, B), offers=tuple(Offered(ident, "x", **facts) for ident in ("a", "b", "a#1", "c"))
    )
    half = {"prices": None} if kind == "prices" else {"stocks": None}
    less = replace(full, day=2, offers=(
        Offered("a", "x", "whole", **facts), Offered("b", "x"), Offered("a#1", "x", "apart", **facts | half),
    ))  # fmt: skip
    shop = await compare([Session((full,)), Session((less,), (kind,))])
    assert {ident for ident, _of in getattr(shop, kind)} == {"a", "b", "a#1"}


@EVERY_LAYOUT
@pytest.mark.parametrize(
    ("kind", "table", "name"), [("prices", "price_type", "Retail"), ("stocks", "warehouse", "Main")]
)
async def test_facts_alone_find_what_their_package_defines(
    layout: Layout, kind: str, table: str, name: str
) -> None:
    offer = Offered("a", "x", "whole", {"t1": "1"}, {"w1": "1"})
    lists: dict[str, Any] = {
        "price_types": (Reference("t1", "Retail"),),
        "warehouses": (Reference("w1", "Main"),),
    }
    full = Package(layout, goods=(A,), offers=(offer,), typeless=True, **lists)
    shop = await compare([Session((full,), (kind,))])
    assert [thing.name for thing in shop.things[table].values()] == [name]


@EVERY_LAYOUT
@pytest.mark.parametrize("goods_said", [False, True, None])
async def test_lists_are_as_full_as_the_catalog_where_only_that_says_so(
    layout: Layout, goods_said: Said
) -> None:
    """1C 2.0x writes СодержитТолькоИзменения on the Каталог alone."""
    silent = Package(
        layout, 1, "c1", goods_said, None, None, (A,), (Offered("a"),),
        price_types=(Reference("t1"), Reference("t2")), warehouses=(Reference("w1"), Reference("w2")),
        groups=(Reference("g1"), Reference("g2")),
    )  # fmt: skip
    less = replace(
        silent,
        day=2,
        price_types=silent.price_types[:1],
        warehouses=silent.warehouses[1:],
        groups=silent.groups[1:],
    )
    shop = await compare([Session((silent,)), Session((less,))])
    assert removed(shop) == ({"t2", "w1", "g1"} if goods_said is False else set())
