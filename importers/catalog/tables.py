"""The shop's tables as the importers fill them, and how each type of record lies in them.

The DDL is in schema/; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import msgspec

from importers.catalog.columns import RowsOfRecord, Table
from importers.catalog.record_rows import (
    catalog_info_rows,
    customer_rows,
    group_rows,
    offer_rows,
    price_type_rows,
    prices_rows,
    product_rows,
    product_type_rows,
    property_rows,
    property_value_rows,
    stocks_rows,
    unit_rows,
    warehouse_rows,
)
from importers.commerceml.records import (
    CatalogInfo,
    Customer,
    Group,
    Offer,
    OfferPrices,
    OfferStocks,
    PriceType,
    Product,
    ProductType,
    Property,
    PropertyValue,
    Record,
    Unit,
    Warehouse,
)


class Shape(msgspec.Struct, frozen=True, eq=False, dict=True):
    """How records of one type lie in the tables.

    An *entity* (product, customer, …) has one row in `table` and replaces its rows in `parts` as a whole.
    *Facts* (prices, stocks, values of a property) are rows with two key columns: each is taken by itself, and what a
    record does not tell stays as it was, unless the record is the `whole` list.
    """

    record: type[Record]
    table: Table
    rows: Callable[[Any, str], RowsOfRecord]
    """What a record says, given the id of the section that it stands in."""
    parts: tuple[Table, ...] = ()
    facts: bool = False
    overlays: bool = False
    """Every record changes what it tells and leaves the rest. These tell of the export itself and are not counted."""
    sections: tuple[str, ...] = ()
    """Elements that hold these records and say whether they hold all of them (СодержитТолькоИзменения). None: reference
    data stand in several."""
    scope: str | None = None
    """The column of `table` with the catalog or classifier that the record came in; those of facts are their parents'.
    Rows are only removed by absence within the scope that was exported in full."""
    parents: tuple[Table, ...] = ()
    """A record is an orphan while none of these tables holds its parent."""
    parent_column: str | None = None
    """The column of `table` with the parent's id; None: the parent has the record's own id."""
    or_total: bool = False
    """Facts of which the second key "" is a total: it replaces the single ones and they replace it."""
    units: tuple[tuple[int, int], ...] = ()
    """Where a Row holds a unit: (number of the table, place in the Row)."""
    links: tuple[tuple[int, Table], ...] = ()
    """(number of a part, what its second column refers to)."""

    @property
    def record_name(self) -> str:
        """What Rejected.record calls one of them."""
        return {OfferPrices: "Price", OfferStocks: "Stock"}.get(self.record, self.record.__name__)

    @property
    def is_reference(self) -> bool:
        return not self.sections and self.scope is not None

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        return (self.table, *self.parts)

    def at(self, column: str) -> int:
        """Where a Row of `table` has this column."""
        return self.table.columns.index(column) - 1

    @cached_property
    def removed_at(self) -> int | None:
        return self.at("removed") if "removed" in self.table.columns else None


CATEGORY = Shape(
    Group,
    Table(
        "category",
        ("id", "parent_id", "name", "removed", "classifier_id", "description", "image", "sort_order"),
    ),
    group_rows,
    scope="classifier_id",
)
PROPERTY = Shape(
    Property,
    Table(
        "property",
        (
            "id", "name", "type", "removed", "classifier_id", "for_products", "for_offers", "multiple", "required",
            "sort_order", "default_value",
        ),
    ),
    property_rows,
    scope="classifier_id",
)  # fmt: skip
PROPERTY_VALUE = Shape(
    PropertyValue,
    Table(
        "property_value",
        ("id", "property_id", "value", "removed", "classifier_id", "sort_order", "is_default"),
        2,
    ),
    property_value_rows,
    facts=True,
    scope="classifier_id",
)
UNIT = Shape(Unit, Table("unit", ("code", "short_name", "full_name", "international")), unit_rows)
PRODUCT_TYPE = Shape(
    ProductType,
    Table("product_type", ("id", "name", "removed", "classifier_id")),
    product_type_rows,
    parts=(Table("product_type_property", ("type_id", "property_id"), 2),),
    scope="classifier_id",
)
WAREHOUSE = Shape(
    Warehouse,
    Table("warehouse", ("id", "name", "removed", "classifier_id", "address", "telephone", "hours")),
    warehouse_rows,
    scope="classifier_id",
)
PRICE_TYPE = Shape(
    PriceType,
    Table(
        "price_type",
        ("id", "name", "currency", "tax_included", "removed", "classifier_id", "tax"),
    ),
    price_type_rows,
    scope="classifier_id",
)
CATALOG = Shape(
    CatalogInfo,
    Table(
        "catalog",
        (
            "id", "name", "classifier_id", "description", "owner_id", "owner_name", "owner_inn", "owner_kpp",
        ),
    ),
    catalog_info_rows,
    overlays=True,
)  # fmt: skip
PRODUCT = Shape(
    Product,
    Table(
        "product",
        (
            "id", "article", "barcode", "name", "description", "unit", "vat_rate", "removed", "manufacturer",
            "catalog_id", "code", "full_name", "country", "manufacturer_id", "type_id", "weight", "length", "width",
            "height", "volume", "by_characteristic",
        ),
        begins_as=(("brand", "manufacturer"),),
    ),
    product_rows,
    parts=(
        Table("product_category", ("product_id", "category_id", "position"), 2),
        Table("product_property", ("product_id", "property_id", "value"), 3),
        Table("product_requisite", ("product_id", "name", "value"), 3),
        Table("product_characteristic", ("product_id", "characteristic_id", "name", "value"), 4),
        Table("product_image", ("product_id", "position", "path"), 2),
        Table("product_unit", ("product_id", "unit", "coefficient"), 3),
        Table("product_component", ("product_id", "component_id", "quantity"), 3),
    ),
    sections=("Каталог",),
    scope="catalog_id",
    units=((0, 4), (6, 0)),
    links=((1, CATEGORY.table), (2, PROPERTY.table)),
)  # fmt: skip
OFFER = Shape(
    Offer,
    Table(
        "offer",
        (
            "id", "product_id", "characteristic_id", "name", "article", "barcode", "removed", "catalog_id", "code",
            "unit", "weight", "length", "width", "height", "volume",
        ),
    ),
    offer_rows,
    parts=(
        Table("offer_characteristic", ("offer_id", "name", "value"), 3),
        Table("offer_property", ("offer_id", "property_id", "value"), 3),
        Table("offer_image", ("offer_id", "position", "path"), 2),
        Table("offer_unit", ("offer_id", "unit", "coefficient"), 3),
        Table("offer_component", ("offer_id", "component_id", "quantity"), 3),
    ),
    sections=("ПакетПредложений", "ИзмененияПакетаПредложений"),
    scope="catalog_id",
    parents=(PRODUCT.table,),
    parent_column="product_id",
    units=((0, 8), (4, 0)),
    links=((2, PROPERTY.table),),
)  # fmt: skip
PRICE = Shape(
    OfferPrices,
    Table(
        "price",
        ("offer_id", "price_type_id", "value", "currency", "unit", "coefficient", "tax"),
        2,
        ("value",),
    ),
    prices_rows,
    parts=(
        Table(
            "price_beside",
            ("offer_id", "price_type_id", "value", "currency", "unit", "coefficient", "min_quantity"),
            7,
            ("value",),
        ),
    ),
    facts=True,
    sections=("ПакетПредложений", "ИзмененияПакетаПредложений", "Каталог"),
    parents=(OFFER.table, PRODUCT.table),
    units=((0, 3), (1, 3)),
)
STOCK = Shape(
    OfferStocks,
    Table("stock", ("offer_id", "warehouse_id", "quantity"), 2),
    stocks_rows,
    facts=True,
    sections=("ПакетПредложений", "ИзмененияПакетаПредложений", "Каталог"),
    parents=(OFFER.table, PRODUCT.table),
    or_total=True,
)
CUSTOMER = Shape(
    Customer,
    Table("customer", ("id", "name", "full_name", "role", "inn", "kpp", "removed", "okpo")),
    customer_rows,
    parts=(
        Table("customer_contact", ("customer_id", "type", "value"), 3),
        Table("customer_address", ("customer_id", "type", "value"), 3),
        Table("customer_address_field", ("customer_id", "address", "type", "value"), 4),
        Table("customer_account", ("customer_id", "number", "bank", "bank_code", "correspondent_account"), 5),
        Table("customer_representative", ("customer_id", "representative_id", "name", "relation"), 4),
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
    Table("image", ("path", "size", "sha256")),
    lambda r, _section_id: (((r.size, r.sha256),),),
)

SHAPES = (
    CATALOG, CATEGORY, PROPERTY, PROPERTY_VALUE, UNIT, PRODUCT_TYPE, WAREHOUSE, PRICE_TYPE, PRODUCT, OFFER, PRICE,
    STOCK, CUSTOMER, IMAGE,
)  # fmt: skip

BRAND_PROPERTIES = ("Бренд", "Производитель", "Изготовитель")
"""Names of the property that tells a product's brand, the first found counts."""
