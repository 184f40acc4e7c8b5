"""The shop's tables as the importers fill them, and how each type of record lies in them.

The DDL is in schema/; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    Record,
    Unit,
    Warehouse,
)

Cell = str | int | None
Row = tuple[Cell, ...]
"""The cells of a row without its first column, which is the key of the record."""
Rows = tuple[tuple[Row, ...], ...]
"""What a record says: for each table of its shape its rows."""

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
"""How 1C writes an empty reference: not set."""


@dataclass(frozen=True)
class Table:
    """A table. `columns`: those that an import writes; the first one is the key of the record."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """How records of one type lie in the tables.

    An *entity* (product, customer, …) has one row in `table` and replaces its rows in `parts` as a whole.
    *Facts* (prices, stocks, values of a property) are rows with two key columns: each is taken by itself, and
    what a record does not tell stays as it was.
    """

    record: type[Record]
    table: Table
    rows: Callable[[Any], Rows]
    parts: tuple[Table, ...] = ()
    facts: bool = False
    scope: str | None = None
    """The last column of `table`: the catalog or classifier that the record came in. Rows are only removed by
    absence within the scope that was exported in full."""
    parents: tuple[tuple[str, str], ...] = ()
    """(table, own column): a record is an orphan while no parent holds the id in that column."""
    or_total: bool = False
    """Facts of which the second key "" is a total: it replaces the single ones and they replace it."""

    @property
    def tables(self) -> tuple[Table, ...]:
        return (self.table, *self.parts)

    @property
    def removed_at(self) -> int | None:
        """Where a Row of `table` says that it is removed; None: it has no such column."""
        columns = self.table.columns
        return columns.index("removed") - 1 if "removed" in columns else None


def _distinct(pairs: tuple[tuple[str, str], ...]) -> tuple[Row, ...]:
    return tuple(dict.fromkeys(pairs))


def _numbered(paths: tuple[str, ...]) -> tuple[Row, ...]:
    return tuple(enumerate(dict.fromkeys(paths)))


def _group(r: Group) -> Rows:
    return (((r.parent_id, r.name, int(r.removed)),),)


def _property(r: Property) -> Rows:
    return (((r.name, r.type, int(r.removed)),),)


def _property_value(r: PropertyValue) -> Rows:
    return (((r.property_id, r.value),),)


def _unit(r: Unit) -> Rows:
    return (((r.short_name, r.full_name),),)


def _warehouse(r: Warehouse) -> Rows:
    return (((r.name, int(r.removed)),),)


def _price_type(r: PriceType) -> Rows:
    tax = None if r.tax_included is None else int(r.tax_included)
    return (((r.name, r.currency, tax, int(r.removed)),),)


def _product(r: Product) -> Rows:
    return (
        (
            (r.article, r.barcode, r.name, r.description, r.unit, r.vat_rate, int(r.removed), r.brand),
        ),
        tuple((group,) for group in dict.fromkeys(r.groups)),
        _distinct(tuple(pair for pair in r.properties if pair[1] != ZERO_GUID)),
        _distinct(r.requisites),
        _numbered(r.images),
    )  # fmt: skip


def _offer(r: Offer) -> Rows:
    return (
        ((r.product_id, r.characteristic_id, r.name, r.article, r.barcode, int(r.removed)),),
        _distinct(r.characteristics),
        _numbered(r.images),
    )


def _prices(r: OfferPrices) -> Rows:
    return (r.prices,)


def _stocks(r: OfferStocks) -> Rows:
    return (r.stocks,)


def _customer(r: Customer) -> Rows:
    return (
        ((r.name, r.full_name, r.role, r.inn, r.kpp, int(r.removed)),),
        _distinct(r.contacts),
        _distinct(r.addresses),
    )


CATEGORY = Shape(
    Group,
    Table("category", ("id", "parent_id", "name", "removed", "classifier_id")),
    _group,
    scope="classifier_id",
)
PROPERTY = Shape(Property, Table("property", ("id", "name", "type", "removed")), _property)
PROPERTY_VALUE = Shape(
    PropertyValue, Table("property_value", ("id", "property_id", "value")), _property_value, facts=True
)
UNIT = Shape(Unit, Table("unit", ("code", "short_name", "full_name")), _unit)
WAREHOUSE = Shape(Warehouse, Table("warehouse", ("id", "name", "removed")), _warehouse)
PRICE_TYPE = Shape(
    PriceType, Table("price_type", ("id", "name", "currency", "tax_included", "removed")), _price_type
)
PRODUCT = Shape(
    Product,
    Table(
        "product",
        (
            "id", "article", "barcode", "name", "description", "unit", "vat_rate", "removed", "manufacturer",
            "catalog_id",
        ),
    ),
    _product,
    parts=(
        Table("product_category", ("product_id", "category_id")),
        Table("product_property", ("product_id", "property_id", "value")),
        Table("product_requisite", ("product_id", "name", "value")),
        Table("product_image", ("product_id", "position", "path")),
    ),
    scope="catalog_id",
)  # fmt: skip
OFFER = Shape(
    Offer,
    Table(
        "offer",
        ("id", "product_id", "characteristic_id", "name", "article", "barcode", "removed", "catalog_id"),
    ),
    _offer,
    parts=(
        Table("offer_characteristic", ("offer_id", "name", "value")),
        Table("offer_image", ("offer_id", "position", "path")),
    ),
    scope="catalog_id",
    parents=(("product", "product_id"),),
)
PRICE = Shape(
    OfferPrices,
    Table("price", ("offer_id", "price_type_id", "value", "currency", "unit", "coefficient")),
    _prices,
    facts=True,
    parents=(("offer", "offer_id"), ("product", "offer_id")),
)
STOCK = Shape(
    OfferStocks,
    Table("stock", ("offer_id", "warehouse_id", "quantity")),
    _stocks,
    facts=True,
    parents=(("offer", "offer_id"), ("product", "offer_id")),
    or_total=True,
)
CUSTOMER = Shape(
    Customer,
    Table("customer", ("id", "name", "full_name", "role", "inn", "kpp", "removed")),
    _customer,
    parts=(
        Table("customer_contact", ("customer_id", "type", "value")),
        Table("customer_address", ("customer_id", "type", "value")),
    ),
)

SHAPES = (
    CATEGORY, PROPERTY, PROPERTY_VALUE, UNIT, WAREHOUSE, PRICE_TYPE, PRODUCT, OFFER, PRICE, STOCK, CUSTOMER,
)  # fmt: skip

BRAND_PROPERTIES = ("Бренд", "Производитель", "Изготовитель")
"""Names of the property that tells a product's brand, the first found counts."""
