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
from importers.texts import N_

Cell = str | int | None
Row = tuple[Cell, ...]
"""The cells of a row without its first column, which is the key of the record."""
Rows = tuple[tuple[Row, ...], ...]
"""What the catalog holds of a record: for each table of its shape its rows."""
Told = tuple[tuple[Row, ...] | None, ...]
"""What a record says of itself, alike; None: nothing, so what the catalog holds stays. Of its main table it always
says something."""

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
"""How 1C writes an empty reference: not set."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table. `columns`: those that an import writes; the first `keys` of them are its primary key.

    Names that operators read in the log are marked for translation.
    """

    name: str
    columns: tuple[str, ...]
    keys: int = 1


@dataclass(frozen=True, eq=False)
class Shape:
    """How records of one type lie in the tables.

    An *entity* (product, customer, …) has one row in `table` and replaces its rows in `parts` as a whole.
    *Facts* (prices, stocks, values of a property) are rows with two key columns: each is taken by itself, and
    what a record does not tell stays as it was.
    """

    record: type[Record]
    table: Table
    rows: Callable[[Any, str], Told]
    """What a record says, given the id of the section that it stands in."""
    parts: tuple[Table, ...] = ()
    facts: bool = False
    sections: tuple[str, ...] = ()
    """Elements that hold these records and say whether they hold all of them (СодержитТолькоИзменения)."""
    scope: str | None = None
    """The column of `table` with the catalog or classifier that the record came in. Rows are only removed by
    absence within the scope that was exported in full."""
    parents: tuple[Table, ...] = ()
    """A record is an orphan while none of these tables holds its parent."""
    parent_column: str | None = None
    """The column of `table` with the parent's id; None: the parent has the record's own id."""
    or_total: bool = False
    """Facts of which the second key "" is a total: it replaces the single ones and they replace it."""

    @property
    def record_name(self) -> str:
        """What Rejected.record calls one of them."""
        return {OfferPrices: "Price", OfferStocks: "Stock"}.get(self.record, self.record.__name__)

    @property
    def tables(self) -> tuple[Table, ...]:
        return (self.table, *self.parts)

    def at(self, column: str) -> int:
        """Where a Row of `table` has this column."""
        return self.table.columns.index(column) - 1

    @property
    def removed_at(self) -> int | None:
        return self.at("removed") if "removed" in self.table.columns else None


def _distinct(pairs: tuple[tuple[str, str], ...]) -> tuple[Row, ...]:
    return tuple(dict.fromkeys(pairs))


def _numbered(paths: tuple[str, ...]) -> tuple[Row, ...]:
    return tuple(enumerate(dict.fromkeys(paths)))


def _set_properties(properties: tuple[tuple[str, str], ...]) -> tuple[Row, ...]:
    return _distinct(tuple(pair for pair in properties if pair[1] != ZERO_GUID))


def _group(r: Group, section_id: str) -> Rows:
    return (((r.parent_id, r.name, int(r.removed), section_id),),)


def _property(r: Property, section_id: str) -> Rows:
    return (((r.name, r.type, int(r.removed)),),)


def _property_value(r: PropertyValue, section_id: str) -> Rows:
    return (((r.property_id, r.value),),)


def _unit(r: Unit, section_id: str) -> Rows:
    return (((r.short_name, r.full_name),),)


def _warehouse(r: Warehouse, section_id: str) -> Rows:
    return (((r.name, int(r.removed)),),)


def _price_type(r: PriceType, section_id: str) -> Rows:
    tax = None if r.tax_included is None else int(r.tax_included)
    return (((r.name, r.currency, tax, int(r.removed)),),)


def _product(r: Product, section_id: str) -> Rows:
    return (
        (
            (r.article, r.barcode, r.name, r.description, r.unit, r.vat_rate, int(r.removed), r.brand, r.catalog_id),
        ),
        tuple((group,) for group in dict.fromkeys(r.groups)),
        _set_properties(r.properties),
        _distinct(r.requisites),
        tuple(dict.fromkeys(r.characteristics)),
        _numbered(r.images),
    )  # fmt: skip


def _offer(r: Offer, section_id: str) -> Told:
    return (
        ((r.product_id, r.characteristic_id, r.name, r.article, r.barcode, int(r.removed), r.catalog_id),),
        None if r.characteristics is None else _distinct(r.characteristics),
        None if r.properties is None else _set_properties(r.properties),
        None if r.images is None else _numbered(r.images),
    )


def _prices(r: OfferPrices, section_id: str) -> Rows:
    return (r.prices,)


def _stocks(r: OfferStocks, section_id: str) -> Rows:
    return (r.stocks,)


def _customer(r: Customer, section_id: str) -> Rows:
    return (
        ((r.name, r.full_name, r.role, r.inn, r.kpp, int(r.removed)),),
        _distinct(r.contacts),
        _distinct(r.addresses),
    )


CATEGORY = Shape(
    Group,
    Table(N_("category"), ("id", "parent_id", "name", "removed", "classifier_id")),
    _group,
    sections=("Классификатор",),
    scope="classifier_id",
)
PROPERTY = Shape(Property, Table(N_("property"), ("id", "name", "type", "removed")), _property)
PROPERTY_VALUE = Shape(
    PropertyValue, Table(N_("property_value"), ("id", "property_id", "value"), 2), _property_value, facts=True
)
UNIT = Shape(Unit, Table(N_("unit"), ("code", "short_name", "full_name")), _unit)
WAREHOUSE = Shape(Warehouse, Table(N_("warehouse"), ("id", "name", "removed")), _warehouse)
PRICE_TYPE = Shape(
    PriceType, Table(N_("price_type"), ("id", "name", "currency", "tax_included", "removed")), _price_type
)
PRODUCT = Shape(
    Product,
    Table(
        N_("product"),
        (
            "id", "article", "barcode", "name", "description", "unit", "vat_rate", "removed", "manufacturer",
            "catalog_id",
        ),
    ),
    _product,
    parts=(
        Table("product_category", ("product_id", "category_id"), 2),
        Table("product_property", ("product_id", "property_id", "value"), 3),
        Table("product_requisite", ("product_id", "name", "value"), 3),
        Table("product_characteristic", ("product_id", "characteristic_id", "name", "value"), 4),
        Table("product_image", ("product_id", "position", "path"), 2),
    ),
    sections=("Каталог",),
    scope="catalog_id",
)  # fmt: skip
OFFER = Shape(
    Offer,
    Table(
        N_("offer"),
        ("id", "product_id", "characteristic_id", "name", "article", "barcode", "removed", "catalog_id"),
    ),
    _offer,
    parts=(
        Table("offer_characteristic", ("offer_id", "name", "value"), 3),
        Table("offer_property", ("offer_id", "property_id", "value"), 3),
        Table("offer_image", ("offer_id", "position", "path"), 2),
    ),
    sections=("ПакетПредложений", "ИзмененияПакетаПредложений"),
    scope="catalog_id",
    parents=(PRODUCT.table,),
    parent_column="product_id",
)
PRICE = Shape(
    OfferPrices,
    Table(N_("price"), ("offer_id", "price_type_id", "value", "currency", "unit", "coefficient"), 2),
    _prices,
    facts=True,
    parents=(OFFER.table, PRODUCT.table),
)
STOCK = Shape(
    OfferStocks,
    Table(N_("stock"), ("offer_id", "warehouse_id", "quantity"), 2),
    _stocks,
    facts=True,
    parents=(OFFER.table, PRODUCT.table),
    or_total=True,
)
CUSTOMER = Shape(
    Customer,
    Table(N_("customer"), ("id", "name", "full_name", "role", "inn", "kpp", "removed")),
    _customer,
    parts=(
        Table("customer_contact", ("customer_id", "type", "value"), 3),
        Table("customer_address", ("customer_id", "type", "value"), 3),
    ),
    sections=("Контрагенты",),
)


class ImageFile(Record, frozen=True, gc=False):
    """A picture in the folder of images, by its path in it."""

    path: str
    size: int
    sha256: str


IMAGE = Shape(
    ImageFile,
    Table(N_("image"), ("path", "size", "sha256")),
    lambda r, _section_id: (((r.size, r.sha256),),),
)

SHAPES = (
    CATEGORY, PROPERTY, PROPERTY_VALUE, UNIT, WAREHOUSE, PRICE_TYPE, PRODUCT, OFFER, PRICE, STOCK, CUSTOMER,
    IMAGE,
)  # fmt: skip

BRAND_PROPERTIES = ("Бренд", "Производитель", "Изготовитель")
"""Names of the property that tells a product's brand, the first found counts."""
