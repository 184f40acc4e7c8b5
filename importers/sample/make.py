"""Write a synthetic CommerceML 3.1 export: the folders and part files that 1C makes, filled with an invented shop.

    python -m importers.sample.make [FOLDER]     (without FOLDER: the sample that ships with the package)

The same arguments always give the same bytes. Nobody in it is real: names, tax numbers, telephones (no operator has
the code 000) and addresses are made up. Tests and benchmarks write larger ones with `write_export(products=…)`.
"""

from __future__ import annotations

import random
import shutil
import struct
import sys
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from uuid import UUID
from xml.sax.saxutils import escape

from importers.sample import EXPORT

FORMED = "2026-11-20T07:30:00"
UNITS = (("796", "шт", "Штука"), ("839", "компл", "Комплект"), ("715", "пар", "Пара"))
WAREHOUSES = ("Основной склад", "Магазин на Речной")
PRICE_TYPES = ("Розничная", "Мелкий опт", "Опт", "Закупочная", "Партнёрская", "Акция")
MARKUPS = (1.0, 0.9, 0.8, 0.62, 0.74, 0.7)
COLOURS = ("чёрный", "хаки", "синий", "оранжевый", "серый", "бордовый")
BRANDS = ("Таёжник", "Северный Ветер", "Кедр", "Ладога Тур", "Перевал", "Белый Соболь")


@dataclass(frozen=True)
class Line:
    """A line of goods: `noun model`, sold in `sizes`, retail from `low` to `high` roubles."""

    noun: str
    models: tuple[str, ...]
    sizes: tuple[str, ...]
    low: int
    high: int
    unit: int = 0


GROUPS: dict[str, dict[str, tuple[Line, ...]]] = {
    "Палатки и тенты": {
        "Палатки": (Line("Палатка", ("Привал", "Хибины", "Онега", "Алтай", "Байкал"), (), 6900, 38900),),
        "Тенты и шатры": (Line("Тент", ("Навес", "Кочевник", "Дача"), ("3×3 м", "4×4 м"), 1900, 9900),),
    },
    "Спальники и коврики": {
        "Спальные мешки": (
            Line("Спальник", ("Зимовье", "Полярис", "Пихта", "Сон"), ("до 175 см", "до 195 см"), 2900, 21900),
        ),
        "Коврики": (Line("Коврик", ("Лайт", "Комфорт", "Самонадувной"), (), 690, 5900),),
    },
    "Рюкзаки и сумки": {
        "Рюкзаки": (
            Line("Рюкзак", ("Марш", "Траверс", "Ермак", "Город"), ("45 л", "60 л", "80 л"), 2490, 15900),
        ),
        "Гермомешки": (Line("Гермомешок", ("Сплав", "Порог"), ("20 л", "40 л", "80 л"), 490, 2900),),
    },
    "Кухня и костёр": {
        "Посуда": (
            Line("Котелок", ("Артель", "Костровой", "Набор"), ("1,5 л", "3 л", "5 л"), 790, 4900, 1),
            Line("Термос", ("Морозко", "Дорожный", "Сибирь"), ("0,5 л", "1 л"), 1190, 4290),
        ),
        "Горелки": (Line("Горелка газовая", ("Искра", "Пламя", "Экспедиция"), (), 1290, 8900),),
    },
    "Свет и приборы": {
        "Фонари": (Line("Фонарь", ("Луч", "Маяк", "Светлячок", "Кемпинг"), (), 590, 6900),),
        "Навигация": (Line("Компас", ("Азимут", "Следопыт"), (), 390, 2900),),
    },
    "Одежда и обувь": {
        "Куртки": (Line("Куртка", ("Буран", "Штормовка", "Пуховая"), ("46", "48", "50", "52"), 3900, 18900),),
        "Ботинки": (Line("Ботинки", ("Кряж", "Тропа", "Вездеход"), ("40", "41", "42", "43"), 4900, 16900, 2),),
        "Термобельё": (Line("Термобельё", ("Тепло", "Спорт"), ("S", "M", "L", "XL"), 1490, 4900, 1),),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Offer:
    id: str
    name: str
    characteristics: tuple[tuple[str, str], ...]
    retail: int


@dataclass(frozen=True)
class Product:
    id: str
    article: str
    barcode: str
    name: str
    description: str
    unit: str
    group: str
    brand: str
    removed: bool
    picture: str | None
    colour: tuple[int, int, int]
    offers: tuple[Offer, ...]


class Shop:
    """The invented shop, drawn once from a seed; `write_export` puts it into files."""

    def __init__(self, products: int, price_types: int, customers: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.catalog = self.new_id()
        self.price_types = [(self.new_id(), PRICE_TYPES[n]) for n in range(price_types)]
        self.warehouses = [(self.new_id(), name) for name in WAREHOUSES]
        self.brand_property, self.season_property = self.new_id(), self.new_id()
        self.brands = [(self.new_id(), name) for name in BRANDS]
        self.seasons = [(self.new_id(), name) for name in ("Лето", "Зима", "Всесезон")]
        self.groups = {name: self.new_id() for top, subs in GROUPS.items() for name in (top, *subs)}
        self.lines = [
            (group, line) for subs in GROUPS.values() for group, lines in subs.items() for line in lines
        ]
        self.products = [self.product(number) for number in range(products)]
        self.customers = [self.customer(number) for number in range(customers)]

    def new_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def product(self, number: int) -> Product:
        group, line = self.lines[number % len(self.lines)]
        brand_id, brand = self.random.choice(self.brands)
        model = f"{self.random.choice(line.models)} {self.random.randint(1, 9)}{self.random.choice('0МПТ')}"
        product_id = self.new_id()
        name = f"{line.noun} «{model}», {brand}"
        retail = self.random.randrange(line.low, line.high, 10)
        colours = self.random.sample(COLOURS, 2) if line.sizes and number % 4 == 0 else [None]
        variants = [(size, colour) for size in line.sizes or [None] for colour in colours]
        offers = [self.offer(product_id, name, size, colour, retail) for size, colour in variants]
        picture = (
            f"import_files/{product_id[:2]}/{product_id}_{self.new_id()}.png" if number % 7 == 0 else None
        )
        return Product(
            id=product_id,
            article=f"{'ПСКРФОГТ'[number % 8]}-{10000 + number}",
            barcode=ean13(f"200{number:09d}"),
            name=name,
            description=f"{line.noun} «{model}» из раздела «{group}». Гарантия 12 месяцев.<br>Производство: Россия.",
            unit=UNITS[line.unit][0],
            group=self.groups[group],
            brand=brand_id,
            removed=number % 97 == 96,
            picture=picture,
            colour=(self.random.randrange(256), self.random.randrange(256), self.random.randrange(256)),
            offers=tuple(offers),
        )

    def offer(self, product: str, name: str, size: str | None, colour: str | None, retail: int) -> Offer:
        """Without size and colour the product is its own offer, as 1C writes goods without characteristics."""
        traits = tuple((k, v) for k, v in (("Размер", size), ("Цвет", colour)) if v)
        if not traits:
            return Offer(product, name, (), retail)
        label = ", ".join(value for _trait, value in traits)
        step = self.random.randrange(0, 900, 50)
        return Offer(f"{product}#{self.new_id()}", f"{name} ({label})", traits, retail + step)

    def customer(self, number: int) -> str:
        customer_id, person = self.new_id(), number % 3 == 2
        first = self.random.choice(("Семён", "Глеб", "Лидия", "Фаина", "Тимур", "Варвара"))
        last = self.random.choice(("Тропинин", "Берегов", "Котелков", "Привалов", "Костров", "Лыжников"))
        if person:
            last += "а" if first in ("Лидия", "Фаина", "Варвара") else ""
            name, full, inn, kpp = f"{last} {first}", f"ИП {last} {first}", f"{990000000000 + number}", ""
        else:
            firm = f"{self.random.choice(('Поход', 'Бивак', 'Ориентир', 'Маршрут'))}-{number + 1}"
            name, full = f"{firm} ООО", f"Общество с ограниченной ответственностью «{firm}»"
            inn, kpp = f"{9900000000 + number}", f"{990001000 + number}"
        street = self.random.choice(("Речная", "Лесная", "Заводская", "Полевая"))
        address = f"000000, Примерная обл., г. Образцов, ул. {street}, д. {self.random.randint(1, 99)}"
        return f"""\
		<Контрагент>
			<Ид>{customer_id}</Ид>
			<ПометкаУдаления>{"true" if number % 23 == 22 else "false"}</ПометкаУдаления>
			<Наименование>{name}</Наименование>
			<ПолноеНаименование>{full}</ПолноеНаименование>
			<Роль>Покупатель</Роль>
			<ИНН>{inn}</ИНН>
			{f"<КПП>{kpp}</КПП>" if kpp else "<КПП/>"}
			<АдресРегистрации>
				<Представление>{address}</Представление>
			</АдресРегистрации>
			<Контакты>
				<Контакт>
					<Тип>Телефон рабочий</Тип>
					<Значение>+7 000 {100 + number:03d}-00-{number % 100:02d}</Значение>
				</Контакт>
				<Контакт>
					<Тип>Электронная почта</Тип>
					<Значение>zakaz{number + 1}@{"ip" if person else "firma"}.example</Значение>
				</Контакт>
			</Контакты>
		</Контрагент>
"""


def write_export(
    folder: Path,
    *,
    products: int = 300,
    price_types: int = 4,
    customers: int = 40,
    parts: int = 2,
    seed: int = 2026,
    changes_only: bool = True,
) -> Shop:
    """Write the export below `folder` (made, and emptied first); `parts`: files per goods, offers, prices, rests."""
    if folder.exists():
        shutil.rmtree(folder)
    shop = Shop(products, price_types, customers, seed)
    files = Files(folder, shop, changes_only)
    files.classifier("groups", "Группы", (_group(shop, name, subs) for name, subs in GROUPS.items()))
    files.classifier("units", "ЕдиницыИзмерения", (_unit(*row) for row in UNITS))
    files.classifier("storages", "Склады", (_reference("Склад", *row) for row in shop.warehouses))
    files.classifier("priceLists", "ТипыЦен", (_price_type(*row) for row in shop.price_types))
    files.classifier(
        "propertiesGoods",
        "Свойства",
        (
            _property(shop.brand_property, "Бренд", shop.brands),
            _property(shop.season_property, "Сезон", shop.seasons),
        ),
    )
    for part, chunk in enumerate(_split(shop.products, parts), 1):
        offers = [offer for product in chunk for offer in product.offers]
        files.goods(part, chunk)
        files.offers("offers", part, (_offer(offer) for offer in offers))
        files.offers("prices", part, (_prices(shop, offer) for offer in offers))
        files.offers("rests", part, (_rests(shop, offer) for offer in offers))
    if customers:
        files.write(
            "contragents",
            1,
            chain(('\t<Контрагенты СодержитТолькоИзменения="false">\n',), shop.customers),
            "Контрагенты",
        )
    for product in shop.products:
        if product.picture:
            picture = folder / "goods" / product.picture
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.write_bytes(png(product.colour))
    return shop


class Files:
    """The envelope around the records: one method per root section, one file per call."""

    def __init__(self, folder: Path, shop: Shop, changes_only: bool) -> None:
        self.folder, self.shop = folder, shop
        self.changes = f'СодержитТолькоИзменения="{"true" if changes_only else "false"}"'

    def write(self, name: str, part: int, body: Iterable[str], *closing: str) -> None:
        path = self.folder / name / f"{name}_1_{part}_{self.shop.new_id()}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8-sig", newline="\n") as file:
            file.write(
                '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_3"'
                f' ВерсияСхемы="3.1" ДатаФормирования="{FORMED}" Ид="Обмен с сайтом">\n'
            )
            file.writelines(body)
            for depth, element in zip(range(len(closing), 0, -1), closing, strict=True):
                file.write("\t" * depth + f"</{element}>\n")
            file.write("</КоммерческаяИнформация>\n")

    def classifier(self, name: str, element: str, body: Iterable[str]) -> None:
        catalog = self.shop.catalog
        stub = f"""\
	<Каталог {self.changes}>
		<Ид>{catalog}</Ид>
		<ИдКлассификатора>{catalog}</ИдКлассификатора>
		<Наименование>Товары 1С</Наименование>
	</Каталог>
	<Классификатор {self.changes}>
		<Ид>{catalog}</Ид>
		<Наименование>Товары 1С</Наименование>
		<{element}>
"""
        self.write(name, 1, chain((stub,), body), element, "Классификатор")

    def goods(self, part: int, products: Sequence[Product]) -> None:
        catalog = self.shop.catalog
        head = f"""\
	<Каталог {self.changes}>
		<Ид>{catalog}</Ид>
		<ИдКлассификатора>{catalog}</ИдКлассификатора>
		<Наименование>Товары 1С</Наименование>
		<Товары>
"""
        self.write(
            "goods", part, chain((head,), (_product(self.shop, p) for p in products)), "Товары", "Каталог"
        )

    def offers(self, name: str, part: int, body: Iterable[str]) -> None:
        catalog = self.shop.catalog
        head = f"""\
	<ПакетПредложений {self.changes}>
		<Ид>#{catalog}</Ид>
		<Наименование>Пакет предложений (Товары 1С)</Наименование>
		<ИдКаталога>{catalog}</ИдКаталога>
		<ИдКлассификатора>{catalog}</ИдКлассификатора>
		<Предложения>
"""
        self.write(name, part, chain((head,), body), "Предложения", "ПакетПредложений")


def _reference(element: str, ref_id: str, name: str, more: str = "") -> str:
    return f"""\
			<{element}>
				<Ид>{ref_id}</Ид>
				<ПометкаУдаления>false</ПометкаУдаления>
				<Наименование>{escape(name)}</Наименование>
{more}			</{element}>
"""


def _group(shop: Shop, name: str, subgroups: Iterable[str]) -> str:
    nested = "".join(_reference("Группа", shop.groups[sub], sub) for sub in subgroups)
    return _reference("Группа", shop.groups[name], name, f"\t\t\t\t<Группы>\n{nested}\t\t\t\t</Группы>\n")


def _unit(code: str, short: str, full: str) -> str:
    """Codes and names are padded, as 1C pads its fixed-length strings."""
    return f"""\
			<ЕдиницаИзмерения>
				<Ид>{code:4}</Ид>
				<ПометкаУдаления>false</ПометкаУдаления>
				<НаименованиеКраткое>{short}</НаименованиеКраткое>
				<Код>{code:4}</Код>
				<НаименованиеПолное>{full:50}</НаименованиеПолное>
			</ЕдиницаИзмерения>
"""


def _price_type(type_id: str, name: str) -> str:
    tax = """\
				<Валюта>RUB</Валюта>
				<Налог>
					<Наименование>НДС</Наименование>
					<УчтеноВСумме>true</УчтеноВСумме>
					<Акциз>false</Акциз>
				</Налог>
"""
    return _reference("ТипЦены", type_id, name, tax)


def _property(property_id: str, name: str, values: Iterable[tuple[str, str]]) -> str:
    variants = "".join(
        f"""\
					<Справочник>
						<ИдЗначения>{value_id}</ИдЗначения>
						<Значение>{value}</Значение>
					</Справочник>
"""
        for value_id, value in values
    )
    more = f"""\
				<ТипЗначений>Справочник</ТипЗначений>
				<ВариантыЗначений>
{variants}				</ВариантыЗначений>
"""
    return _reference("Свойство", property_id, name, more)


def _product(shop: Shop, product: Product) -> str:
    season, _name = shop.seasons[len(product.name) % 3]
    picture = f"\t\t\t\t<Картинка>{product.picture}</Картинка>\n" if product.picture else ""
    return f"""\
			<Товар>
				<Ид>{product.id}</Ид>
				<ПометкаУдаления>{str(product.removed).lower()}</ПометкаУдаления>
				<Штрихкод>{product.barcode}</Штрихкод>
				<Артикул>{product.article}</Артикул>
				<Наименование>{product.name}</Наименование>
				<БазоваяЕдиница>{product.unit} </БазоваяЕдиница>
				<Группы>
					<Ид>{product.group}</Ид>
				</Группы>
				<Описание>{escape(product.description)}</Описание>
{picture}				<ЗначенияСвойств>
					<ЗначенияСвойства>
						<Ид>{shop.brand_property}</Ид>
						<Значение>{product.brand}</Значение>
					</ЗначенияСвойства>
					<ЗначенияСвойства>
						<Ид>{shop.season_property}</Ид>
						<Значение>{season}</Значение>
					</ЗначенияСвойства>
				</ЗначенияСвойств>
				<СтавкиНалогов>
					<СтавкаНалога>
						<Наименование>НДС</Наименование>
						<Ставка>22</Ставка>
					</СтавкаНалога>
				</СтавкиНалогов>
				<ЗначенияРеквизитов>
					<ЗначениеРеквизита>
						<Наименование>ТипНоменклатуры</Наименование>
						<Значение>Товар</Значение>
					</ЗначениеРеквизита>
				</ЗначенияРеквизитов>
			</Товар>
"""


def _offer(offer: Offer) -> str:
    traits = "".join(
        f"""\
					<ХарактеристикаТовара>
						<Наименование>{name}</Наименование>
						<Значение>{value}</Значение>
					</ХарактеристикаТовара>
"""
        for name, value in offer.characteristics
    )
    if traits:
        traits = f"\t\t\t\t<ХарактеристикиТовара>\n{traits}\t\t\t\t</ХарактеристикиТовара>\n"
    return f"""\
			<Предложение>
				<Ид>{offer.id}</Ид>
				<ПометкаУдаления>false</ПометкаУдаления>
				<Наименование>{offer.name}</Наименование>
{traits}			</Предложение>
"""


def _prices(shop: Shop, offer: Offer) -> str:
    rows = "".join(
        f"""\
					<Цена>
						<Представление>{value:,.2f} руб.</Представление>
						<ИдТипаЦены>{type_id}</ИдТипаЦены>
						<ЦенаЗаЕдиницу>{value:.2f}</ЦенаЗаЕдиницу>
						<Валюта>руб</Валюта>
						<Налог>
							<Наименование>НДС</Наименование>
							<УчтеноВСумме>true</УчтеноВСумме>
						</Налог>
					</Цена>
"""
        for (type_id, _name), markup in zip(shop.price_types, MARKUPS, strict=False)
        for value in (offer.retail * markup,)
    )
    return f"""\
			<Предложение>
				<Ид>{offer.id}</Ид>
				<Цены>
{rows}				</Цены>
			</Предложение>
"""


def _rests(shop: Shop, offer: Offer) -> str:
    rows = "".join(
        f"""\
					<Остаток>
						<Склад>
							<Ид>{warehouse}</Ид>
							<Количество>{shop.random.choice((0, 0, 1, 2, 3, 5, 8, 13, 40))}</Количество>
						</Склад>
					</Остаток>
"""
        for warehouse, _name in shop.warehouses
    )
    return f"""\
			<Предложение>
				<Ид>{offer.id}</Ид>
				<Остатки>
{rows}				</Остатки>
			</Предложение>
"""


def _split(products: Sequence[Product], parts: int) -> list[Sequence[Product]]:
    size = -(-len(products) // parts)
    return [products[start : start + size] for start in range(0, len(products), size)]


def ean13(digits: str) -> str:
    """The 12 digits with their check digit. Codes from 200 on are for use inside one shop."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)


def png(colour: tuple[int, int, int], side: int = 16) -> bytes:
    """A square of one colour as a PNG file."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = (b"\0" + bytes(colour) * side) * side
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b"")
    )


if __name__ == "__main__":
    write_export(Path(sys.argv[1]) if len(sys.argv) > 1 else EXPORT)
