"""Writes docs/tables.md: what the shop's tables mean, and how to build a shop from them. `python docs/tables.py`.

Tables and columns come from a database that the migrations make; what they mean stands here, and a test holds both
together.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from importers.catalog import open_catalog
from importers.catalog.columns import Type
from importers.catalog.store import SCHEMA as CATALOG
from importers.catalog.tables import SHAPES
from importers.database.migrations import write_made
from importers.sessions.store import SCHEMA as JOURNAL

PAGE = Path(__file__).with_name("tables.md")

TABLES = {
    "catalog": "Each Каталог that was exported, and whose goods they are.",
    "category": "Groups of the shop's tree (Группа).",
    "product": "Goods (Товар). What is sold are their offers.",
    "product_category": "The groups of a product (Группы/Ид).",
    "product_type": "Категория: the kind of goods (ВидНоменклатуры), no group of the tree.",
    "product_type_property": "The properties that goods of a kind have.",
    "property": "Properties (Свойство): what filters are made of.",
    "property_value": "The values that a property of type Справочник may have.",
    "product_property": "Values of properties of a product (ЗначенияСвойств). Unset ones (zero GUID) are left out.",
    "product_requisite": "ЗначенияРеквизитов of a product: free pairs.",
    "product_characteristic": "ХарактеристикиТовара that stand with a product and are those of its offers (1C 2.04).",
    "product_image": "Pictures of a product (Картинка).",
    "product_unit": "Other units of a product, such as packs (БазоваяЕдиница/Пересчет).",
    "product_component": "What a product that is sold as a set consists of (Комплектующие, НаборыТоваров).",
    "offer": "What is sold (Предложение): a product, or one of its variants.",
    "offer_characteristic": "What a variant differs by (ХарактеристикиТовара).",
    "offer_property": "Values of properties of an offer alone (its ЗначенияСвойств).",
    "offer_image": "Pictures of an offer alone (its Картинка).",
    "offer_unit": "Other units of an offer (its БазоваяЕдиница/Пересчет).",
    "offer_component": "What an offer that is sold as a set consists of.",
    "unit": "Units (ЕдиницаИзмерения); those that are used and not defined are made from what goods and prices tell.",
    "warehouse": "Warehouses (Склад). One that stocks name and nobody defines is made, with its id as name.",
    "stock": "Quantities (Количество) by warehouse.",
    "price_type": "Kinds of prices (ТипЦены). One that prices name and nobody defines is made, with its id as name.",
    "price": "One price (Цена) of each type.",
    "price_beside": "Further prices of a type that `price` has for the offer: of a pack, or from a quantity on.",
    "customer": "Контрагент.",
    "customer_contact": "Its Контакты.",
    "customer_address": "Its addresses as text.",
    "customer_address_field": "Its addresses, part by part (АдресноеПоле).",
    "customer_account": "Its bank accounts (РасчетныйСчет).",
    "customer_representative": "Its people (Представитель).",
    "offer_price": "What an offer costs, a row for each price type that is still there.",
    "offer_stock": "What an offer has in stock, over all warehouses that are still there.",
    "visible_offer": "What a shop shows: offers that are there, of products that are there.",
}
"""Tables for shops, and views, in the order of the page."""

OURS = {
    "image": "the files of the images' folder",
    "identity": "which catalog this is",
    "images_waiting": "copies of pictures on their way",
    "applied": "the last session of each journal",
    "obmen_schema": "the version of the tables",
}
"""Not for shops. Not each must be there."""

NONE = "not told"
NO = "–"
REMOVED = ("ПометкаУдаления, Статус, or absence in a full export", "1: not in the shop any more", NO)
SCOPE = ("Классификатор/Ид", "the classifier that it came in; within it, absence removes", "'': none is told")
NUMBER = "exact decimal text"


def _sizes(table: str) -> list[tuple[str, str, str, str, str]]:
    return [
        (table, "weight", "Вес", f"{NUMBER}, in the unit of 1C (mostly kg)", NONE),
        (table, "length", "Длина", NUMBER, NONE),
        (table, "width", "Ширина", NUMBER, NONE),
        (table, "height", "Высота", NUMBER, NONE),
        (table, "volume", "Объем", NUMBER, NONE),
    ]


def _owned(owner: str) -> list[tuple[str, str, str, str, str]]:
    """The parts that products and offers have alike."""
    key = f"{owner}_id"
    return [
        (f"{owner}_property", key, "Ид", f"`{owner}.id`", NO),
        (f"{owner}_property", "property_id", "ЗначенияСвойства/Ид", "`property.id`; it may be unknown", NO),
        (f"{owner}_property", "value", "ЗначенияСвойства/Значение", "`property_value.id`, or free text", NO),
        (f"{owner}_image", key, "Ид", f"`{owner}.id`", NO),
        (f"{owner}_image", "position", "the order of Картинка", "0: the main picture", NO),
        (
            f"{owner}_image",
            "path",
            "Картинка",
            "path in the folder of images, with `/`; or an http(s) address",
            NO,
        ),
        (f"{owner}_unit", key, "Ид", f"`{owner}.id`", NO),
        (f"{owner}_unit", "unit", "Пересчет/Единица", "`unit.code`", NO),
        (f"{owner}_unit", "coefficient", "Пересчет/Коэффициент", f"base units in one of these; {NUMBER}", NO),
        (f"{owner}_component", key, "Ид", f"`{owner}.id` of the set", NO),
        (f"{owner}_component", "component_id", "Комплектующее/Ид", "`product.id` or `offer.id` in it", NO),
        (f"{owner}_component", "quantity", "Комплектующее/Количество", NUMBER, "'': not told"),
    ]


COLUMNS = [
    ("catalog", "id", "Каталог/Ид", "", NO),
    ("catalog", "name", "Наименование", "", NONE),
    ("catalog", "classifier_id", "ИдКлассификатора", "the classifier of its groups and properties", NONE),
    ("catalog", "description", "Описание", "", NONE),
    ("catalog", "owner_id", "Владелец/Ид", "", NONE),
    ("catalog", "owner_name", "Владелец/Наименование", "", NONE),
    ("catalog", "owner_inn", "Владелец/ИНН", "", NONE),
    ("catalog", "owner_kpp", "Владелец/КПП", "", NONE),
    ("category", "id", "Ид", "", NO),
    ("category", "parent_id", "Группа that it stands in", "`category.id`", "a root"),
    ("category", "name", "Наименование", "", "marked as removed before it was known"),
    ("category", "removed", *REMOVED),
    ("category", "classifier_id", *SCOPE),
    ("category", "description", "Описание", "", NONE),
    ("category", "image", "Картинка", "path or address, as in `product_image`", "none"),
    ("category", "sort_order", "Сортировка", "smaller is earlier", NONE),
    ("product", "id", "Ид", "what stands before a `#`", NO),
    ("product", "article", "Артикул", "", NONE),
    ("product", "barcode", "Штрихкод", "", NONE),
    ("product", "name", "Наименование", "", "marked as removed before it was known"),
    ("product", "description", "Описание", "may be HTML: clean it", NONE),
    ("product", "unit", "БазоваяЕдиница", "`unit.code`", NONE),
    (
        "product",
        "brand",
        "",
        "`manufacturer`, else the property named Бренд, Производитель or Изготовитель",
        "none",
    ),
    ("product", "vat_rate", "СтавкаНалога/Ставка", f"percent; {NUMBER}", "without VAT, or not told"),
    ("product", "removed", *REMOVED),
    (
        "product",
        "catalog_id",
        "Каталог/Ид",
        "the catalog that it came in; within it, absence removes",
        "'': none",
    ),
    ("product", "manufacturer", "Изготовитель/Наименование", "", NONE),
    ("product", "code", "Код", "", NONE),
    ("product", "full_name", "ПолноеНаименование", "or the requisite Полное наименование", NONE),
    ("product", "country", "Страна", "", NONE),
    ("product", "manufacturer_id", "Изготовитель/Ид", "", NONE),
    ("product", "type_id", "Категория", "`product_type.id`", NONE),
    *_sizes("product"),
    (
        "product",
        "by_characteristic",
        "",
        "1: made up from records of its variants, as no record told it itself",
        NO,
    ),
    ("product_category", "product_id", "Ид", "`product.id`", NO),
    ("product_category", "category_id", "Группы/Ид", "`category.id`; it may be unknown", NO),
    ("product_category", "position", "the order of Группы/Ид", "0: the main group", NO),
    ("product_type", "id", "Ид", "", NO),
    ("product_type", "name", "Наименование", "", "marked as removed before it was known"),
    ("product_type", "removed", *REMOVED),
    ("product_type", "classifier_id", *SCOPE),
    ("product_type_property", "type_id", "Ид", "`product_type.id`", NO),
    ("product_type_property", "property_id", "Свойства/Ид", "`property.id`", NO),
    ("property", "id", "Ид", "", NO),
    ("property", "name", "Наименование", "", "marked as removed before it was known"),
    ("property", "type", "ТипЗначений", "as written: Справочник, Число, Строка, Время", NONE),
    ("property", "removed", *REMOVED),
    ("property", "classifier_id", *SCOPE),
    ("property", "for_products", "ДляТоваров", "1 or 0", NONE),
    ("property", "for_offers", "ДляПредложений", "1 or 0", NONE),
    ("property", "multiple", "Множественное", "1: several values at once", NONE),
    ("property", "required", "Обязательное", "1 or 0", NONE),
    ("property", "sort_order", "Сортировка", "smaller is earlier", NONE),
    ("property", "default_value", "ЗначениеПоУмолчанию", "", NONE),
    ("property_value", "id", "ИдЗначения, Вариант/Ид", "or the value itself", NO),
    (
        "property_value",
        "property_id",
        "Свойство/Ид",
        "`property.id`; the same value id may stand in several",
        NO,
    ),
    ("property_value", "value", "Значение", "", "'': not told"),
    ("property_value", "removed", "absence in a full export", "1: not in the shop any more", NO),
    ("property_value", "classifier_id", *SCOPE),
    ("property_value", "sort_order", "Сортировка", "smaller is earlier", NONE),
    ("property_value", "is_default", "ПоУмолчанию", "1 or 0", NONE),
    *_owned("product"),
    ("product_requisite", "product_id", "Ид", "`product.id`", NO),
    ("product_requisite", "name", "ЗначениеРеквизита/Наименование", "", NO),
    ("product_requisite", "value", "ЗначениеРеквизита/Значение", "", NO),
    ("product_characteristic", "product_id", "Ид", "`product.id`", NO),
    (
        "product_characteristic",
        "characteristic_id",
        "ХарактеристикаТовара/Ид",
        "`offer.characteristic_id`",
        "'': not told",
    ),
    ("product_characteristic", "name", "ХарактеристикаТовара/Наименование", "", NO),
    ("product_characteristic", "value", "ХарактеристикаТовара/Значение", "", NO),
    ("offer", "id", "Ид", "the product's id, or `product#characteristic`", NO),
    ("offer", "product_id", "Ид before `#`", "`product.id`; it may not have arrived yet", NO),
    ("offer", "characteristic_id", "Ид behind `#`, ИдХарактеристики", "", "no variant: the product itself"),
    ("offer", "name", "Наименование", "", "not told: take the product's"),
    ("offer", "article", "Артикул", "", "not told: take the product's"),
    ("offer", "barcode", "Штрихкод", "", "not told: take the product's"),
    ("offer", "removed", *REMOVED),
    (
        "offer",
        "catalog_id",
        "ИдКаталога",
        "the catalog that it came in; within it, absence removes",
        "'': none",
    ),
    ("offer", "code", "Код", "", NONE),
    ("offer", "unit", "БазоваяЕдиница", "`unit.code`", "not told: take the product's"),
    *_sizes("offer"),
    ("offer_characteristic", "offer_id", "Ид", "`offer.id`", NO),
    ("offer_characteristic", "name", "ХарактеристикаТовара/Наименование", "", NO),
    ("offer_characteristic", "value", "ХарактеристикаТовара/Значение", "free text", NO),
    *_owned("offer"),
    ("unit", "code", "Код", "else the short name, else Ид", NO),
    ("unit", "short_name", "НаименованиеКраткое", "", NONE),
    ("unit", "full_name", "НаименованиеПолное", "", NONE),
    ("unit", "international", "МеждународноеСокращение", "", NONE),
    ("warehouse", "id", "Ид", "", NO),
    ("warehouse", "name", "Наименование", "", "marked as removed before it was known"),
    ("warehouse", "removed", *REMOVED),
    ("warehouse", "classifier_id", *SCOPE),
    ("warehouse", "address", "Адрес", "", NONE),
    ("warehouse", "telephone", "Контакт of a type with телефон", "several with a comma", NONE),
    ("warehouse", "hours", "ГрафикРаботы", "", NONE),
    ("stock", "offer_id", "Ид", "`offer.id`; it may not have arrived yet", NO),
    ("stock", "warehouse_id", "ИдСклада", "`warehouse.id`", "'': a total, as warehouses are not told apart"),
    ("stock", "quantity", "Количество", f"{NUMBER}; may be negative", NO),
    ("price_type", "id", "Ид", "", NO),
    ("price_type", "name", "Наименование", "", "marked as removed before it was known"),
    ("price_type", "currency", "Валюта", "ISO 4217 where known, else as written", NONE),
    ("price_type", "tax_included", "Налог/УчтеноВСумме", "1 or 0", NONE),
    ("price_type", "removed", *REMOVED),
    ("price_type", "classifier_id", *SCOPE),
    ("price_type", "tax", "Налог/Наименование", "", NONE),
    ("price", "offer_id", "Ид", "`offer.id`; it may not have arrived yet", NO),
    ("price", "price_type_id", "ИдТипаЦены", "`price_type.id`", NO),
    ("price", "value", "ЦенаЗаЕдиницу", NUMBER, NO),
    ("price", "currency", "Валюта", "ISO 4217 where known, else as written", "not told: the type's"),
    ("price", "unit", "Единица", "`unit.code`", "not told: the base unit"),
    ("price", "coefficient", "Коэффициент", f"base units that it is for, 1 where not told; {NUMBER}", NO),
    ("price", "tax", "Налог/Наименование", "", "not told: the type's"),
    ("price_beside", "offer_id", "Ид", "`offer.id`", NO),
    ("price_beside", "price_type_id", "ИдТипаЦены", "`price_type.id`", NO),
    ("price_beside", "value", "ЦенаЗаЕдиницу", NUMBER, NO),
    ("price_beside", "currency", "Валюта", "as in `price`", "'': not told"),
    ("price_beside", "unit", "Единица", "`unit.code`", "'': not told"),
    ("price_beside", "coefficient", "Коэффициент", f"base units that it is for; {NUMBER}", NO),
    (
        "price_beside",
        "min_quantity",
        "МинКоличество",
        f"it holds from this quantity on; {NUMBER}",
        "'': from the first",
    ),
    ("customer", "id", "Ид", "", NO),
    ("customer", "name", "Наименование", "or Фамилия Имя Отчество", "marked as removed before it was known"),
    ("customer", "full_name", "ПолноеНаименование, ОфициальноеНаименование", "", NONE),
    ("customer", "role", "Роль", "several with a comma", NONE),
    ("customer", "inn", "ИНН", "", NONE),
    ("customer", "kpp", "КПП", "", NONE),
    ("customer", "removed", *REMOVED),
    ("customer", "okpo", "КодПоОКПО, ОКПО", "", NONE),
    ("customer_contact", "customer_id", "Ид", "`customer.id`", NO),
    ("customer_contact", "type", "Контакт/Тип", "as written", "'': not told"),
    ("customer_contact", "value", "Контакт/Значение", "", NO),
    ("customer_address", "customer_id", "Ид", "`customer.id`", NO),
    ("customer_address", "type", "the element's name", "АдресРегистрации, ЮридическийАдрес, …", NO),
    ("customer_address", "value", "Представление", "or its fields, with commas", NO),
    ("customer_address_field", "customer_id", "Ид", "`customer.id`", NO),
    ("customer_address_field", "address", "the address element's name", "`customer_address.type`", NO),
    ("customer_address_field", "type", "АдресноеПоле/Тип", "", "'': not told"),
    ("customer_address_field", "value", "АдресноеПоле/Значение", "", NO),
    ("customer_account", "customer_id", "Ид", "`customer.id`", NO),
    ("customer_account", "number", "НомерСчета", "", NO),
    ("customer_account", "bank", "Банк/Наименование", "", "'': not told"),
    ("customer_account", "bank_code", "Банк/БИК", "", "'': not told"),
    ("customer_account", "correspondent_account", "Банк/СчетКорреспондентский", "", "'': not told"),
    ("customer_representative", "customer_id", "Ид", "`customer.id`", NO),
    ("customer_representative", "representative_id", "Представитель/Ид", "", "'': not told"),
    ("customer_representative", "name", "Представитель/Наименование", "", "'': not told"),
    ("customer_representative", "relation", "Отношение", "", "'': not told"),
    ("offer_price", "offer_id", "", "`offer.id`", NO),
    ("offer_price", "price_type_id", "", "`price_type.id`", NO),
    ("offer_price", "price_type", "", "its name", NO),
    ("offer_price", "value", "", f"`price.value`: {NUMBER}", NO),
    ("offer_price", "currency", "", "`price.currency`", NONE),
    ("offer_price", "amount", "", "the value as a number, to sort and compare by", NO),
    ("offer_stock", "offer_id", "", "`offer.id`", NO),
    ("offer_stock", "quantity", "", "a number; offers of which no stock is known have no row", NO),
    ("visible_offer", "offer_id", "", "`offer.id`", NO),
    ("visible_offer", "product_id", "", "`product.id`", NO),
    ("visible_offer", "product_name", "", "", NO),
    ("visible_offer", "name", "", "the offer's, else the product's", NO),
    ("visible_offer", "article", "", "the offer's, else the product's", NONE),
    ("visible_offer", "barcode", "", "the offer's, else the product's", NONE),
    ("visible_offer", "unit", "", "`unit.code`: the offer's, else the product's", NONE),
    ("visible_offer", "quantity", "", "a number: what `offer_stock` has of it, 0 where nothing is known", NO),
]
"""(table, column, its element in 1C's file, what it means, what NULL or '' means)."""

HEAD = """\
# The shop's tables

What an import leaves in the catalog, for those who build a shop on it. This page is written by `docs/tables.py`; the
names of tables, columns and views are a contract.

- Ids are 1C's `Ид`: opaque text, case kept.
- Money, quantities, rates and sizes are exact decimals as text: `1234.5`, never an exponent, no trailing zeros. As text
  they do not sort as numbers: sort and compare by the numbers of the views, or by `CAST(… AS REAL)`.
- Nothing that 1C takes away is deleted but prices and stocks: the rest is marked `removed`, and may come again.
- There are no foreign keys. 1C sends a change only once and in any order, so a price may be there before its offer, an
  offer before its product: always join.
- Read with a connection of its own; an import changes everything at once, when it commits.

## Building a shop

`:name` are parameters. Every statement of this page is run by the tests.
"""

QUERIES = {
    "visible": ("What is visible", "Offers whose product is there too. `quantity` sums up all warehouses.", """\
SELECT offer_id, name, article, quantity
FROM visible_offer
WHERE product_id = :product
ORDER BY name"""),
    "listing": (
        "The products of a group, by price",
        ("One row a product, with the lowest price of a type, in this group and all below it. `amount` is a number, "
        "`value` the exact text of the same row."), """\
WITH RECURSIVE below(id) AS (
    SELECT id FROM category WHERE id = :category AND removed = 0
    UNION
    SELECT c.id FROM category c JOIN below b ON c.parent_id = b.id WHERE c.removed = 0
)
SELECT product_id, product_name, value, currency, amount, in_stock
FROM (
    SELECT v.product_id, v.product_name, p.value, p.currency, p.amount,
           max(v.quantity) OVER (PARTITION BY v.product_id) > 0 AS in_stock,
           row_number() OVER (PARTITION BY v.product_id ORDER BY p.amount, v.offer_id) AS place
    FROM visible_offer v
    JOIN offer_price p ON p.offer_id = v.offer_id AND p.price_type_id = :price_type
    WHERE v.product_id IN (SELECT product_id FROM product_category WHERE category_id IN (SELECT id FROM below))
)
WHERE place = 1
ORDER BY amount, product_id"""),
    "without offers": (
        "Goods without offers",
        "Some exports write prices and stocks with the goods and no offers: then they have the product's id.", """\
SELECT p.id, p.name, o.value, o.currency, coalesce(s.quantity, 0) AS quantity
FROM product p
JOIN offer_price o ON o.offer_id = p.id AND o.price_type_id = :price_type
LEFT JOIN offer_stock s ON s.offer_id = p.id
WHERE p.removed = 0 AND NOT EXISTS (SELECT 1 FROM offer WHERE product_id = p.id)
ORDER BY o.amount, p.id"""),
    "variants": (
        "What a variant is called",
        "What it differs by. Exports of 1C 2.04 tell it with the product instead.", """\
SELECT o.offer_id, o.name, c.name AS characteristic, c.value
FROM visible_offer o
JOIN offer_characteristic c ON c.offer_id = o.offer_id
WHERE o.product_id = :product
UNION
SELECT o.id, coalesce(o.name, p.name), c.name, c.value
FROM product_characteristic c
JOIN offer o ON o.product_id = c.product_id AND o.characteristic_id = c.characteristic_id
JOIN product p ON p.id = o.product_id
WHERE o.product_id = :product AND o.removed = 0 AND p.removed = 0
ORDER BY 1, 3, 4"""),
    "price": ("The price of a type", "By the type's name, as people know it; its id never changes.", """\
SELECT offer_id, value, currency
FROM offer_price
WHERE offer_id = :offer AND price_type = :price_type"""),
    "stock": (
        "Stock by warehouse",
        "A total without warehouses has the id '' and so no name. `offer_stock` has the sum.", """\
SELECT s.warehouse_id, w.name, w.address, s.quantity
FROM stock s
LEFT JOIN warehouse w ON w.id = s.warehouse_id
WHERE s.offer_id = :offer AND coalesce(w.removed, 0) = 0
ORDER BY w.name"""),
    "filters": (
        "Filters",
        "Properties with their values and how many visible products have each; those of offers count too.",
        """\
WITH told(product_id, property_id, value) AS (
    SELECT product_id, property_id, value FROM product_property
    UNION
    SELECT o.product_id, p.property_id, p.value
    FROM offer_property p JOIN offer o ON o.id = p.offer_id
    WHERE o.removed = 0
)
SELECT p.name AS property, coalesce(v.value, t.value) AS value, count(*) AS products
FROM told t
JOIN property p ON p.id = t.property_id AND p.removed = 0
LEFT JOIN property_value v ON v.property_id = t.property_id AND v.id = t.value
WHERE coalesce(v.removed, 0) = 0
  AND EXISTS (SELECT 1 FROM product g JOIN offer o ON o.product_id = g.id
              WHERE g.id = t.product_id AND g.removed = 0 AND o.removed = 0)
GROUP BY p.id, t.value
ORDER BY p.sort_order IS NULL, p.sort_order, p.name, v.sort_order IS NULL, v.sort_order, 2"""),
    "tree": (
        "The tree of groups",
        "From the roots on, in the order of 1C, then by name. A removed group hides all that is below it.", """\
WITH RECURSIVE tree(id, name, depth, place) AS (
    SELECT id, name, 0, printf('%010d %s', coalesce(sort_order, 9999999999), name)
    FROM category
    WHERE parent_id IS NULL AND removed = 0
    UNION ALL
    SELECT c.id, c.name, t.depth + 1,
           t.place || char(1) || printf('%010d %s', coalesce(c.sort_order, 9999999999), c.name)
    FROM category c
    JOIN tree t ON c.parent_id = t.id
    WHERE c.removed = 0 AND t.depth < 100
)
SELECT id, name, depth
FROM tree
ORDER BY place"""),
    "main group": ("The main group of a product", "The first that 1C names; the next one where it is gone.", """\
SELECT c.id, c.name
FROM product_category pc
JOIN category c ON c.id = pc.category_id AND c.removed = 0
WHERE pc.product_id = :product
ORDER BY pc.position
LIMIT 1"""),
    "pictures": (
        "Pictures",
        ("Those of the variant, else of the product; the first is the main one. A path lies in the folder of images, "
        "an address goes to the page as it is."), """\
SELECT path, path LIKE 'http://%' OR path LIKE 'https://%' AS is_address
FROM (SELECT position, path, 0 AS rank FROM offer_image WHERE offer_id = :offer
      UNION ALL
      SELECT i.position, i.path, 1
      FROM product_image i JOIN offer o ON o.product_id = i.product_id
      WHERE o.id = :offer AND NOT EXISTS (SELECT 1 FROM offer_image WHERE offer_id = o.id))
ORDER BY rank, position"""),
    "packs": (
        "Units and packs",
        ("What an offer is sold in: `coefficient` base units each. `price_beside` has the price of a pack, "
        "or of a quantity."), """\
SELECT coalesce(u.short_name, u.full_name, packs.unit) AS unit, packs.coefficient, b.value AS price, b.min_quantity
FROM (SELECT o.id AS offer_id, pu.unit, pu.coefficient
      FROM offer o JOIN product_unit pu ON pu.product_id = o.product_id
      WHERE o.id = :offer AND NOT EXISTS (SELECT 1 FROM offer_unit WHERE offer_id = o.id)
      UNION ALL
      SELECT offer_id, unit, coefficient FROM offer_unit WHERE offer_id = :offer) packs
LEFT JOIN unit u ON u.code = packs.unit
LEFT JOIN price_beside b ON b.offer_id = packs.offer_id AND b.unit = packs.unit AND b.price_type_id = :price_type
ORDER BY CAST(packs.coefficient AS REAL)"""),
    "quantity prices": (
        "Prices by quantity",
        "The price of one base unit from a quantity on, the smallest first.", """\
SELECT min_quantity, value, currency
FROM (
    SELECT '0' AS min_quantity, value, currency
    FROM price
    WHERE offer_id = :offer AND price_type_id = :price_type
    UNION ALL
    SELECT min_quantity, value, nullif(currency, '')
    FROM price_beside
    WHERE offer_id = :offer AND price_type_id = :price_type AND min_quantity <> '' AND coefficient = '1'
)
ORDER BY CAST(min_quantity AS REAL)"""),
    "sets": ("Sets", "What a set consists of, and whether that can be sold.", """\
SELECT c.component_id, p.name, c.quantity, p.removed
FROM product_component c
LEFT JOIN product p ON p.id = c.component_id
WHERE c.product_id = :product
ORDER BY p.name, c.component_id"""),
}  # fmt: skip
"""(heading, what it is for, statement) by a short name."""

AFTER = """
## What means what

In the third column the element below that of the table, as 1C writes it.
"""


def schema() -> dict[str, list[str]]:
    """Tables and views with their columns, of a database that the migrations have just made."""

    async def make(path: Path) -> None:
        await (await open_catalog(f"sqlite:///{path}")).close()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.sqlite3"
        asyncio.run(make(path))
        with closing(sqlite3.connect(path)) as connection:
            names = connection.execute(
                "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')"
            ).fetchall()
            return {
                name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
                for (name,) in names
            }


def page() -> str:
    found = schema()
    known = {(table, column): (element, meaning, none) for table, column, element, meaning, none in COLUMNS}
    types = {
        (table.name, column): table.type_of(column)
        for shape in SHAPES for table in shape.tables for column in table.columns
    }  # fmt: skip
    out = [HEAD]
    for heading, purpose, statement in QUERIES.values():
        out.append(f"\n### {heading}\n\n{purpose}\n\n```sql\n{statement}\n```\n")
    out.append(AFTER)
    for table, purpose in TABLES.items():
        out.append(
            f"\n### {table}\n\n{purpose}\n\n| column | type | in 1C's file | meaning | NULL or '' |\n"
            "|---|---|---|---|---|\n"
        )
        for column in found[table]:
            out.append(
                f"| `{column}` | {' | '.join((types.get((table, column), Type.TEXT), *known[table, column]))} |\n"
            )
    ours = ", ".join(f"`{name}` ({what})" for name, what in OURS.items() if name in found)
    out.append(f"\n## Not for shops\n\nobmen's own, and they may change: {ours}.\n")
    return "".join(out)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    for folder in (CATALOG, JOURNAL):
        write_made(folder)
