"""Exports of any size, as 1C's newer exchange writes them: import0_1.xml, offers0_1.xml, prices0_1.xml, rests0_1.xml, …

A product follows from its number (`bench/goods.py`), so the same numbers give the same bytes, memory stays flat at a
million products, and a package of changes is written without the export that it changes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from bench.goods import (
    GOODS_PROPERTIES,
    GROUP_IDS,
    OFFER_PROPERTIES,
    PRICE_TYPE_IDS,
    WAREHOUSE_IDS,
    Offer,
    Product,
    Property,
    guid,
)
from importers.sample.shop import GROUPS, UNITS

PART = 2500
"""Products a file."""
LISTS = ("import", "offers", "prices", "rests")
TABLES = {"import": "product", "offers": "offer", "prices": "price", "rests": "stock"}
"""The facts of each list as rows of a table, in csv/: what the floor writes into a database."""
CATALOG = guid("catalog")


def write_export(
    folder: Path,
    numbers: range,
    *,
    lists: Sequence[str] = LISTS,
    raised: int = 0,
    changes_only: bool = False,
) -> None:
    """The products of these numbers with their offers: xml/ what 1C writes, csv/ the same facts as rows.

    One offer of each `raised` costs more than in an export without it.
    """
    for below in ("xml", "csv"):
        (folder / below).mkdir(parents=True)
    for part, start in enumerate(range(0, len(numbers), PART), 1):
        goods = [Product(number) for number in numbers[start : start + PART]]
        for name in lists:
            with (folder / "xml" / f"{name}0_{part}.xml").open(
                "w", encoding="utf-8-sig", newline="\n"
            ) as file:
                file.writelines(_file(name, goods, raised, changes_only, first=part == 1))
            with (folder / "csv" / f"{TABLES[name]}.csv").open("a", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(_rows(name, goods, raised))


def _rows(name: str, goods: Iterable[Product], raised: int) -> Iterator[Sequence[str]]:
    for product in goods:
        if name == "import":
            yield (
                product.id, product.article, product.barcode, product.name, product.description, product.unit,
                product.brand, "22",
            )  # fmt: skip
        for offer in product.offers if name != "import" else ():
            if name == "offers":
                yield offer.id, product.id, offer.characteristic, offer.name, offer.article, offer.barcode
            elif name == "prices":
                yield from ((offer.id, type_id, value, "RUB") for type_id, value in offer.prices(raised))
            else:
                yield from ((offer.id, *stock) for stock in offer.stocks())


def _file(name: str, goods: Iterable[Product], raised: int, changes_only: bool, first: bool) -> Iterator[str]:
    changes = f'СодержитТолькоИзменения="{str(changes_only).lower()}"'
    yield """\
<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_3" xmlns:xs="http://www.w3.org/2001/XMLSchema" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ВерсияСхемы="3.1" ДатаФормирования="2026-11-20T07:30:00" \
Ид="Обмен с сайтом">
"""
    if name == "import":
        if first:
            yield from _classifier(changes)
        yield f"""\
	<Каталог {changes}>
		<Ид>{CATALOG}</Ид>
		<ИдКлассификатора>{CATALOG}</ИдКлассификатора>
		<Наименование>Товары 1С</Наименование>
		<Товары>
"""
        yield from map(_product, goods)
        yield "\t\t</Товары>\n\t</Каталог>\n"
    else:
        yield f"""\
	<ПакетПредложений {changes}>
		<Ид>#{CATALOG}</Ид>
		<Наименование>Пакет предложений (Товары 1С)</Наименование>
		<ИдКаталога>{CATALOG}</ИдКаталога>
		<ИдКлассификатора>{CATALOG}</ИдКлассификатора>
		<Предложения>
"""
        for product in goods:
            for offer in product.offers:
                told = {"offers": _offer, "rests": _stocks}.get(name)
                yield told(offer) if told else _prices(offer, raised)
        yield "\t\t</Предложения>\n\t</ПакетПредложений>\n"
    yield "</КоммерческаяИнформация>\n"


def _classifier(changes: str) -> Iterator[str]:
    yield f"""\
	<Классификатор {changes}>
		<Ид>{CATALOG}</Ид>
		<Наименование>Товары 1С</Наименование>
		<Группы>
"""
    for top, subs in GROUPS.items():
        nested = "".join(_reference("Группа", GROUP_IDS[sub], sub) for sub in subs)
        yield _reference("Группа", GROUP_IDS[top], top, f"\t\t\t\t<Группы>\n{nested}\t\t\t\t</Группы>\n")
    yield "\t\t</Группы>\n\t\t<Свойства>\n"
    yield from map(_property, (*GOODS_PROPERTIES, *OFFER_PROPERTIES))
    yield "\t\t</Свойства>\n\t\t<ТипыЦен>\n"
    for name, type_id in PRICE_TYPE_IDS.items():
        yield _reference("ТипЦены", type_id, name, "\t\t\t\t<Валюта>RUB</Валюта>\n")
    yield "\t\t</ТипыЦен>\n\t\t<Склады>\n"
    for name, warehouse_id in WAREHOUSE_IDS.items():
        yield _reference("Склад", warehouse_id, name)
    yield "\t\t</Склады>\n\t\t<ЕдиницыИзмерения>\n"
    for code, short, full in UNITS:
        yield f"""\
			<ЕдиницаИзмерения>
				<Ид>{code:4}</Ид>
				<НомерВерсии>AAAAAAAAAAE=</НомерВерсии>
				<ПометкаУдаления>false</ПометкаУдаления>
				<НаименованиеКраткое>{short}</НаименованиеКраткое>
				<Код>{code:4}</Код>
				<НаименованиеПолное>{full:50}</НаименованиеПолное>
				<МеждународноеСокращение/>
			</ЕдиницаИзмерения>
"""
    yield "\t\t</ЕдиницыИзмерения>\n\t</Классификатор>\n"


def _reference(element: str, ref_id: str, name: str, more: str = "") -> str:
    return f"""\
			<{element}>
				<Ид>{ref_id}</Ид>
				<НомерВерсии>AAAAAAAAAAE=</НомерВерсии>
				<ПометкаУдаления>false</ПометкаУдаления>
				<Наименование>{escape(name)}</Наименование>
{more}			</{element}>
"""


def _property(each: Property) -> str:
    variants = "".join(
        f"""\
					<Справочник>
						<ИдЗначения>{value_id}</ИдЗначения>
						<Значение>{value}</Значение>
					</Справочник>
"""
        for value_id, value in each.values
    )
    if variants:
        variants = f"\t\t\t\t<ВариантыЗначений>\n{variants}\t\t\t\t</ВариантыЗначений>\n"
    kind = "Справочник" if each.values else "Строка"
    return _reference(
        "Свойство", each.id, each.name, f"\t\t\t\t<ТипЗначений>{kind}</ТипЗначений>\n{variants}"
    )


def _product(product: Product) -> str:
    number, drawn = product.number, product.drawn
    groups = "".join(f"\t\t\t\t\t<Ид>{GROUP_IDS[group]}</Ид>\n" for group in product.groups)
    pictures = "".join(f"\t\t\t\t<Картинка>{path}</Картинка>\n" for path in product.pictures)
    requisites = {
        "ВидНоменклатуры": product.group,
        "ТипНоменклатуры": "Товар",
        "Полное наименование": f"{product.name}, артикул {product.article}",
        "Код": f"УТ-{number:08d}",
        "Планируемая дата поступления": "" if drawn[8] % 3 else f"2026-12-{1 + drawn[9] % 28:02d}T00:00:00",
        "Бренд": product.brand,
        "Упаковка": f"шт ({1 + drawn[10] % 12} шт)",
    }
    told = "".join(
        f"""\
					<ЗначениеРеквизита>
						<Наименование>{name}</Наименование>
						{_element("Значение", value)}
					</ЗначениеРеквизита>
"""
        for name, value in requisites.items()
    )
    return f"""\
			<Товар>
				<Ид>{product.id}</Ид>
				<НомерВерсии>AAAAAAAA{number % 4096:03x}=</НомерВерсии>
				<ПометкаУдаления>false</ПометкаУдаления>
				{_element("Штрихкод", product.barcode)}
				<Артикул>{product.article}</Артикул>
				<Наименование>{product.name}</Наименование>
				<БазоваяЕдиница>{product.unit} </БазоваяЕдиница>
				<Группы>
{groups}				</Группы>
				{_element("Описание", product.description)}
{pictures}				<Страна>{("РОССИЯ", "КИТАЙ", "ВЬЕТНАМ")[drawn[11] % 3]}</Страна>
				<Изготовитель>
					<Ид>{guid("manufacturer", product.brand)}</Ид>
					<Наименование>{product.brand}</Наименование>
					<ОфициальноеНаименование>{product.brand} ООО</ОфициальноеНаименование>
				</Изготовитель>
{_given(GOODS_PROPERTIES, drawn[12:])}				<СтавкиНалогов>
					<СтавкаНалога>
						<Наименование>НДС</Наименование>
						<Ставка>22</Ставка>
					</СтавкаНалога>
				</СтавкиНалогов>
				<ЗначенияРеквизитов>
{told}				</ЗначенияРеквизитов>
				<Вес>{drawn[10] / 10}</Вес>
				<Ширина>{drawn[11]}</Ширина>
				<Длина>{drawn[12]}</Длина>
				<Высота>0</Высота>
			</Товар>
"""


def _offer(offer: Offer) -> str:
    characteristics = ""
    if offer.characteristic:
        pairs = (("Размер", offer.size), ("Цвет", offer.colour), ("Рост", "-999 999 999,9"))
        characteristics = "".join(
            f"""\
					<ХарактеристикаТовара>
						<Наименование>{name}</Наименование>
						<Значение>{value}</Значение>
					</ХарактеристикаТовара>
"""
            for name, value in pairs
        )
        characteristics = (
            f"\t\t\t\t<ХарактеристикиТовара>\n{characteristics}\t\t\t\t</ХарактеристикиТовара>\n"
            + _given(OFFER_PROPERTIES, offer.drawn[6:])
        )
    return f"""\
			<Предложение>
				<Ид>{offer.id}</Ид>
				<НомерВерсии>AAAAAAAAAAE=</НомерВерсии>
				<ПометкаУдаления>false</ПометкаУдаления>
				<Штрихкод>{offer.barcode}</Штрихкод>
				<Артикул>{offer.article}</Артикул>
				<Наименование>{offer.name}</Наименование>
{characteristics}			</Предложение>
"""


def _prices(offer: Offer, raised: int) -> str:
    told = "".join(
        f"""\
					<Цена>
						<Представление>{value} руб</Представление>
						<ИдТипаЦены>{type_id}</ИдТипаЦены>
						<ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу>
						<Валюта>руб</Валюта>
						<Налог>
							<Наименование>НДС</Наименование>
							<УчтеноВСумме>true</УчтеноВСумме>
						</Налог>
					</Цена>
"""
        for type_id, value in offer.prices(raised)
    )
    return f"""\
			<Предложение>
				<Ид>{offer.id}</Ид>
				<Цены>
{told}				</Цены>
			</Предложение>
"""


def _stocks(offer: Offer) -> str:
    told = "".join(
        f"""\
					<Остаток>
						<Склад>
							<Ид>{warehouse_id}</Ид>
							<Количество>{quantity}</Количество>
						</Склад>
					</Остаток>
"""
        for warehouse_id, quantity in offer.stocks()
    )
    return f"""\
			<Предложение>
				<Ид>{offer.id}</Ид>
				<Остатки>
{told}				</Остатки>
			</Предложение>
"""


def _given(properties: Sequence[Property], drawn: bytes) -> str:
    told = "".join(
        f"""\
					<ЗначенияСвойства>
						<Ид>{each.id}</Ид>
						{_element("Значение", each.given(drawn[place]))}
					</ЗначенияСвойства>
"""
        for place, each in enumerate(properties)
    )
    return f"\t\t\t\t<ЗначенияСвойств>\n{told}\t\t\t\t</ЗначенияСвойств>\n"


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else f"<{name}/>"
