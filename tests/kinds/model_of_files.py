"""A model of the shop in dictionaries, and the comparison of a shop that imported files with it.

The model knows neither SQL nor XML nor the code under test: it says what the rules say (docs/commerceml.md, 1.1-1.4).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from package_files import write_source
from packages import CATALOGS, REFERENCES, Good, Offered, Package, Said
from shops import NewShop, Shop

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


Compare = Callable[[Iterable[Session]], Awaitable[Model]]
"""`compare` with shops of some engine."""


async def compare(new_shop: NewShop, sessions: Iterable[Session]) -> Model:
    """Import all of them, each a second time as well. The shop at the end."""
    model = Model()
    with new_shop() as shop:
        for session in sessions:
            source = write_source(shop.images.parent / "1c", session.packages)
            await shop.take(open_export(source), *session.kinds, options=Options(force=True))
            model.take(session)
            found = as_model(shop)
            assert found == replace(model, rejects=0)
            assert sum(len(told.rejects) for told in shop.by_kind.values()) == model.rejects

            before = shop.checksum(), shop.hand.stored()
            await shop.take(open_export(source), *session.kinds, options=Options(force=True))
            for told in shop.by_kind.values():
                assert (told.counts.created, told.counts.updated, told.counts.removed) == (0, 0, 0)
            assert (shop.checksum(), shop.hand.stored()) == before
    return model
