"""How each type of record lies in its tables: what it tells, as rows. A row of a part may come twice."""

from __future__ import annotations

from decimal import Decimal

from importers.catalog.columns import Row, Rows, RowsOfRecord
from importers.commerceml.normalise import ZERO_GUID
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
    Unit,
    Warehouse,
)


def _numbered(paths: tuple[str, ...] | None) -> tuple[Row, ...] | None:
    return tuple(enumerate(dict.fromkeys(paths))) if paths else None if paths is None else ()


def _ranked(groups: tuple[str, ...] | None) -> tuple[Row, ...] | None:
    if groups and len(groups) > 1:
        return tuple((group, at) for at, group in enumerate(dict.fromkeys(groups)))
    return ((groups[0], 0),) if groups else None if groups is None else ()


def _set_properties(properties: tuple[tuple[str, str], ...] | None) -> tuple[Row, ...] | None:
    return tuple([pair for pair in properties if pair[1] != ZERO_GUID]) if properties else properties


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _order(value: str | None) -> int | None:
    """A sort order as a number of the database; 1C writes small ones."""
    return int(Decimal(value)) if value and len(value) < 10 else None


def group_rows(r: Group, section_id: str) -> Rows:
    order = _order(r.sort_order)
    return (((r.parent_id, r.name, int(r.removed), section_id, r.description, r.image, order),),)


def property_rows(r: Property, section_id: str) -> Rows:
    flags = map(_flag, (r.for_products, r.for_offers, r.multiple, r.required))
    row = (r.name, r.type, int(r.removed), section_id, *flags, _order(r.sort_order), r.default_value)
    return ((row,),)


def property_value_rows(r: PropertyValue, section_id: str) -> Rows:
    return (((r.property_id, r.value, 0, section_id, _order(r.sort_order), _flag(r.is_default)),),)


def unit_rows(r: Unit, section_id: str) -> Rows:
    return (((r.short_name, r.full_name, r.international),),)


def product_type_rows(r: ProductType, section_id: str) -> Rows:
    return ((r.name, int(r.removed), section_id),), tuple((prop,) for prop in r.properties)


def warehouse_rows(r: Warehouse, section_id: str) -> Rows:
    return (((r.name, int(r.removed), section_id, r.address, r.telephone, r.hours),),)


def price_type_rows(r: PriceType, section_id: str) -> Rows:
    return (((r.name, r.currency, _flag(r.tax_included), int(r.removed), section_id, r.tax),),)


def catalog_info_rows(r: CatalogInfo, section_id: str) -> Rows:
    owner = (r.owner_id, r.owner_name, r.owner_inn, r.owner_kpp)
    return (((r.name, r.classifier_id, r.description, *owner),),)


def product_rows(r: Product, section_id: str) -> RowsOfRecord:
    stands_in = 0 if r.partial is None else 1 if r.partial.how == "variant" else None
    return (
        (
            (
                r.article, r.barcode, r.name, r.description, r.unit, r.vat_rate, int(r.removed), r.brand, r.catalog_id,
                r.code, r.full_name, r.country, r.manufacturer_id, r.type_id, r.weight, r.length, r.width, r.height,
                r.volume, stands_in,
            ),
        ),
        _ranked(r.groups),
        _set_properties(r.properties),
        r.requisites,
        r.characteristics,
        _numbered(r.images),
        r.units,
        r.components,
    )  # fmt: skip


def offer_rows(r: Offer, section_id: str) -> RowsOfRecord:
    return (
        (
            (
                r.product_id, r.characteristic_id, r.name, r.article, r.barcode, int(r.removed), r.catalog_id, r.code,
                r.unit, r.weight, r.length, r.width, r.height, r.volume,
            ),
        ),
        r.characteristics,
        _set_properties(r.properties),
        _numbered(r.images),
        r.units,
        r.components,
    )  # fmt: skip


def prices_rows(r: OfferPrices, section_id: str) -> Rows:
    return r.prices, r.beside


def stocks_rows(r: OfferStocks, section_id: str) -> Rows:
    return (r.stocks,)


def customer_rows(r: Customer, section_id: str) -> RowsOfRecord:
    return (
        ((r.name, r.full_name, r.role, r.inn, r.kpp, int(r.removed), r.okpo),),
        r.contacts,
        r.addresses,
        r.address_fields,
        r.accounts,
        r.representatives,
    )
