"""What an export says, one struct per kind of record, already normalised (docs/commerceml.md 1.6).

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
    Контрагенты). `id`: its Ид or "". `changes_only`: СодержитТолькоИзменения, None where it says nothing.
    `catalog_id`: ИдКаталога of a ПакетПредложений (else its own Ид without "#"), the own Ид of a Каталог.
    `classifier_id`: the own Id of a Классификатор, ИдКлассификатора of the others. `set`, `file`: what it is part of.
    `again`: it says of itself behind its records what it had not said in front of them; this is in place of that.
    """

    id: str
    name: str
    changes_only: bool | None
    catalog_id: str = ""
    classifier_id: str = ""
    set: int = 0
    file: str = ""
    again: bool = False

    @property
    def full(self) -> bool:
        """Whether it says of itself that it tells everything."""
        return self.changes_only is False and not self.name.startswith("Изменения")

    @property
    def scope(self) -> str:
        """What its reference data belong to: the classifier, else the catalog."""
        return self.classifier_id or self.catalog_id


class Seen(Record, frozen=True, gc=False):
    """A record that the export names without telling anything of it, such as the product of a characteristic that is
    marked as removed: it is not absent.

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
    description: str | None = None
    image: str | None = None
    sort_order: str | None = None


class Property(Record, frozen=True, gc=False):
    """Свойство. `type`: ТипЗначений as written, or None. The flags are None where 1C does not tell them."""

    id: str
    name: str | None
    type: str | None
    removed: bool = False
    for_products: bool | None = None
    for_offers: bool | None = None
    multiple: bool | None = None
    required: bool | None = None
    sort_order: str | None = None
    default_value: str | None = None


class PropertyValue(Record, frozen=True, gc=False):
    """One allowed value of a Свойство. `id`: ИдЗначения; for a bare <Значение>, the value itself."""

    id: str
    property_id: str
    value: str
    sort_order: str | None = None
    is_default: bool | None = None


class Unit(Record, frozen=True, gc=False):
    """ЕдиницаИзмерения. `code`: Код; the short name or the Ид where Код is empty."""

    code: str
    short_name: str | None
    full_name: str | None
    international: str | None = None


class UnitUse(Record, frozen=True, gc=False):
    """What a БазоваяЕдиница tells of its unit: it defines the unit where no ЕдиницаИзмерения does. Once per file."""

    code: str
    short_name: str | None
    full_name: str | None
    international: str | None = None


class ProductType(Record, frozen=True, gc=False):
    """Категория: the kind of goods that 1C calls ВидНоменклатуры, with the ids of its properties."""

    id: str
    name: str | None
    removed: bool = False
    properties: tuple[str, ...] = ()


class Warehouse(Record, frozen=True, gc=False):
    """Склад as reference data. `address`: Представление or the joined fields; `telephone`: those of Контакты."""

    id: str
    name: str | None
    removed: bool = False
    address: str | None = None
    telephone: str | None = None
    hours: str | None = None


class PriceType(Record, frozen=True, gc=False):
    """ТипЦены. `currency` as ISO letters where known. `tax_included`: Налог/УчтеноВСумме; `tax`: its Наименование."""

    id: str
    name: str | None
    currency: str | None
    tax_included: bool | None
    removed: bool = False
    tax: str | None = None


class CatalogInfo(Record, frozen=True, gc=False):
    """What a Каталог says of itself, and of whom the goods are (Владелец)."""

    id: str
    name: str | None = None
    classifier_id: str | None = None
    description: str | None = None
    owner_id: str | None = None
    owner_name: str | None = None
    owner_inn: str | None = None
    owner_kpp: str | None = None


class Partial(msgspec.Struct, frozen=True, gc=False):
    """That a Товар or Предложение is not told as a whole, and where.

    `how`: "part" (without Наименование: it changes what it tells), "facts" (prices and stocks alone: it is there, and
    that is all), "variant" (a Товар of one characteristic, which stands in for a product that no record tells).
    """

    how: str
    file: str
    line: int | None


class Product(Record, frozen=True, gc=False):
    """Товар. Its content is complete whenever it is sent, also in changes-only exports, unless it is `partial`."""

    id: str
    name: str | None
    article: str | None = None
    barcode: str | None = None
    description: str | None = None
    unit: str | None = None
    """Unit code, or the short name where 1C gives no code; merging finds the code that the name stands for."""
    brand: str | None = None
    vat_rate: str | None = None
    """Percent as canonical decimal text; None = without VAT or not given."""
    removed: bool = False
    catalog_id: str = ""
    groups: tuple[str, ...] | None = ()
    """The first is the main one. None, here and below: not told, so what is known of them stays."""
    properties: tuple[tuple[str, str], ...] | None = ()
    """(property id, value as written: an id of a PropertyValue or free text)."""
    requisites: tuple[tuple[str, str], ...] | None = ()
    """(Наименование, Значение) of ЗначенияРеквизитов."""
    characteristics: tuple[tuple[str, str, str], ...] | None = ()
    """(Ид or "", Наименование, Значение) of ХарактеристикиТовара that stand with the product: those of its offers."""
    images: tuple[str, ...] | None = ()
    """Paths with `/`, relative to the folder of the file, never absolute, never with `..`; or http(s) addresses."""
    units: tuple[tuple[str, str], ...] | None = ()
    """(unit, coefficient) of Пересчет: how many base units one of it has."""
    components: tuple[tuple[str, str], ...] | None = ()
    """(product id, quantity or "") of Комплектующие and НаборыТоваров."""
    code: str | None = None
    full_name: str | None = None
    country: str | None = None
    manufacturer_id: str | None = None
    type_id: str | None = None
    weight: str | None = None
    length: str | None = None
    width: str | None = None
    height: str | None = None
    volume: str | None = None
    partial: Partial | None = None


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
    units: tuple[tuple[str, str], ...] | None = ()
    components: tuple[tuple[str, str], ...] | None = ()
    code: str | None = None
    unit: str | None = None
    weight: str | None = None
    length: str | None = None
    width: str | None = None
    height: str | None = None
    volume: str | None = None
    partial: Partial | None = None


Price = tuple[str, str, str | None, str | None, str, str | None]
"""(price type id, value, currency, unit, coefficient, tax)"""


class OfferPrices(Record, frozen=True, gc=False):
    """The Цены of one Предложение: one price a type, and what is told beside it.

    `whole`: it is the offer's whole list, so that others go; not where one of it could not be read. `beside`: further
    prices of the same types: (price type id, value, currency or "", unit or "", coefficient, МинКоличество or "").
    `unset`: ids of price types that are told with an empty price.
    """

    id: str
    prices: tuple[Price, ...]
    beside: tuple[tuple[str, str, str, str, str, str], ...] = ()
    whole: bool = True
    unset: tuple[str, ...] = ()


class OfferStocks(Record, frozen=True, gc=False):
    """All stocks of one Предложение; `stocks`: (warehouse id, quantity).

    The warehouse id is "" where the export gives one number without a warehouse. Where it gives both the
    total and the warehouses, only the warehouses are here, and they are `whole` if they add up to it. `unequal`: they
    do not. `readable`: none of it was rejected; else nothing goes for not being here.
    """

    id: str
    stocks: tuple[tuple[str, str], ...]
    whole: bool = False
    unequal: bool = False
    readable: bool = True


class Customer(Record, frozen=True, gc=False):
    """Контрагент. `role`: its Роль, several joined with ", "."""

    id: str
    name: str | None
    full_name: str | None = None
    role: str | None = None
    inn: str | None = None
    kpp: str | None = None
    removed: bool = False
    okpo: str | None = None
    contacts: tuple[tuple[str, str], ...] = ()
    """(Тип, Значение) of Контакты."""
    addresses: tuple[tuple[str, str], ...] = ()
    """(element name such as АдресРегистрации, Представление or the joined fields)."""
    address_fields: tuple[tuple[str, str, str], ...] = ()
    """(element name, Тип, Значение) of АдресноеПоле."""
    accounts: tuple[tuple[str, str, str, str], ...] = ()
    """(НомерСчета, name of the bank, its БИК, its correspondent account) of РасчетныеСчета; "" for what is not told."""
    representatives: tuple[tuple[str, str, str], ...] = ()
    """(Ид, Наименование, Отношение) of Представители; "" for what is not told."""


class Rejected(Record, frozen=True, gc=False):
    """A record, or one fact of it (a price, a stock), that cannot be taken. The rest goes on.

    `reason` is an English message for `texts.render` with `args`. `fragment`: the element, see
    `extract/fragment.py`.
    """

    id: str
    file: str
    line: int | None
    record: str
    """The name of the record or fact: "Product", "Price", "Stock", …"""
    reason: str
    args: dict[str, str] = {}
    fragment: str = ""
