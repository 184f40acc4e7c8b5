"""What an export says, one struct per kind of record, already normalised (docs/format.md, COMMERCEML 1.6).

Text is stripped, `None` means "not given". Ids are 1C's `Ид`, opaque text, case kept.
Numbers are canonical decimal text ("1234.5": no exponent, no trailing zeros, never a float).
"""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True, gc=False):
    """Base of all records. The first field of each is its identity."""


class Section(Record, frozen=True, gc=False):
    """The envelope that the following records of the same file belong to.

    `name`: the local element name (Классификатор, Каталог, ПакетПредложений, ИзмененияПакетаПредложений,
    Контрагенты). `id`: its Ид or "". `changes_only`: СодержитТолькоИзменения; a missing attribute counts as True.
    `catalog_id`: ИдКаталога of a ПакетПредложений (else its own Ид without "#"), the own Ид of a Каталог.
    """

    id: str
    name: str
    changes_only: bool
    catalog_id: str = ""


class Seen(Record, frozen=True, gc=False):
    """A record of which the export tells nothing but facts, such as an offer with a quantity alone: it is not absent.

    `record`: the name of its type, "Product" or "Offer".
    """

    id: str
    record: str


class Group(Record, frozen=True, gc=False):
    """Группа. `parent_id` None = a root. A group is a record of its own, parents come before children.

    As with other reference data, the name is None in a deletion mark that came alone.
    """

    id: str
    parent_id: str | None
    name: str | None
    removed: bool = False


class Property(Record, frozen=True, gc=False):
    """Свойство. `type`: ТипЗначений as written, or None."""

    id: str
    name: str | None
    type: str | None
    removed: bool = False


class PropertyValue(Record, frozen=True, gc=False):
    """One allowed value of a Свойство. `id`: ИдЗначения; for a bare <Значение>, the value itself."""

    id: str
    property_id: str
    value: str


class Unit(Record, frozen=True, gc=False):
    """ЕдиницаИзмерения. `code`: Код; the Ид or the short name where Код is empty."""

    code: str
    short_name: str | None
    full_name: str | None


class Warehouse(Record, frozen=True, gc=False):
    id: str
    name: str | None
    removed: bool = False


class PriceType(Record, frozen=True, gc=False):
    """ТипЦены. `currency` as ISO letters where known. `tax_included`: Налог/УчтеноВСумме."""

    id: str
    name: str | None
    currency: str | None
    tax_included: bool | None
    removed: bool = False


class Product(Record, frozen=True, gc=False):
    """Товар. Its content is complete whenever it is sent, also in changes-only exports."""

    id: str
    name: str | None
    article: str | None = None
    barcode: str | None = None
    description: str | None = None
    unit: str | None = None
    brand: str | None = None
    vat_rate: str | None = None
    """Percent as canonical decimal text; None = without VAT or not given."""
    removed: bool = False
    catalog_id: str = ""
    groups: tuple[str, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()
    """(property id, value as written: an id of a PropertyValue or free text)."""
    requisites: tuple[tuple[str, str], ...] = ()
    """(Наименование, Значение) of ЗначенияРеквизитов."""
    characteristics: tuple[tuple[str, str, str], ...] = ()
    """(Ид or "", Наименование, Значение) of ХарактеристикиТовара that stand with the product: those of its offers."""
    images: tuple[str, ...] = ()
    """Paths with `/`, relative to the folder of the file; never absolute, never with `..`."""


class Offer(Record, frozen=True, gc=False):
    """Предложение without its prices and stocks. `id` = product id, or `product#characteristic`."""

    id: str
    product_id: str
    characteristic_id: str | None
    name: str | None = None
    article: str | None = None
    barcode: str | None = None
    removed: bool = False
    catalog_id: str = ""
    characteristics: tuple[tuple[str, str], ...] | None = ()
    """(Наименование, Значение). None: not told, so what is known of them stays; the same for what follows."""
    properties: tuple[tuple[str, str], ...] | None = ()
    images: tuple[str, ...] | None = ()


class OfferPrices(Record, frozen=True, gc=False):
    """All prices of one Предложение; `prices`: (price type id, value, currency, unit, coefficient)."""

    id: str
    prices: tuple[tuple[str, str, str | None, str | None, str], ...]


class OfferStocks(Record, frozen=True, gc=False):
    """All stocks of one Предложение; `stocks`: (warehouse id, quantity).

    The warehouse id is "" where the export gives one number without a warehouse. Where it gives both the
    total and the warehouses, only the warehouses are here.
    """

    id: str
    stocks: tuple[tuple[str, str], ...]


class Customer(Record, frozen=True, gc=False):
    """Контрагент. `role`: its Роль, several joined with ", "."""

    id: str
    name: str | None
    full_name: str | None = None
    role: str | None = None
    inn: str | None = None
    kpp: str | None = None
    removed: bool = False
    contacts: tuple[tuple[str, str], ...] = ()
    """(Тип, Значение) of Контакты."""
    addresses: tuple[tuple[str, str], ...] = ()
    """(element name such as АдресРегистрации, Представление or the joined fields)."""


class Rejected(Record, frozen=True, gc=False):
    """A record, or one fact of it (a price, a stock), that cannot be taken. The rest goes on.

    `reason` is an English message for `texts.render` with `args`. `fragment`: the XML, at most 500 characters.
    """

    id: str
    file: str
    line: int | None
    record: str
    """The name of the record or fact: "Product", "Price", "Stock", …"""
    reason: str
    args: dict[str, str] = {}
    fragment: str = ""
