"""The invented goods of the bench: each follows from its number, so that none has to be kept in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from importers.sample.shop import BRANDS, COLOURS, GROUPS, MARKUPS, PRICE_TYPES, UNITS, Line, ean13

OFFERS = (2, 1, 3, 2, 2)
"""How many offers a product has, in turn; one alone is the product itself, without a characteristic."""
FILLING = (
    "Изделие рассчитано на долгую службу в поле, легко чистится и занимает мало места в багажнике.<br>",
    "Швы проклеены, молнии & пряжки усилены, ткань не выгорает на солнце и не боится соли.<br>",
    "Подходит для походов выходного дня, сплавов и зимней рыбалки; температура от −15 до +30 °C.<br>",
    "Производство сертифицировано; изделие проходит проверку на складе перед каждой отгрузкой покупателю.<br>",
    "Размеры и цвет могут незначительно отличаться от показанных на снимке, что не влияет на свойства.<br>",
    'В комплекте: чехол с ручкой, инструкция "на русском языке", гарантийный талон на год.',
)


def guid(*what: object) -> str:
    digest = blake2b(repr(what).encode(), digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"


@dataclass(frozen=True)
class Property:
    id: str
    name: str
    values: tuple[tuple[str, str], ...]
    """(id, text) of a Справочник; a property without them is given as text."""

    def given(self, drawn: int) -> str:
        """What stands with a product or an offer; three of eight are not set."""
        if drawn % 8 > 4:
            return ""
        if self.values:
            return self.values[drawn // 8 % len(self.values)][0]
        return ("true", "false")[drawn % 2] if self.name.endswith("?") else f"{drawn // 8},{drawn % 10}"


def properties(named: dict[str, tuple[str, ...]]) -> tuple[Property, ...]:
    return tuple(
        Property(guid(name), name, tuple((guid(name, value), value) for value in values))
        for name, values in named.items()
    )


GROUP_IDS = {name: guid("group", name) for top, subs in GROUPS.items() for name in (top, *subs)}
PRICE_TYPE_IDS = {name: guid("price type", name) for name in PRICE_TYPES[:3]}
WAREHOUSE_IDS = {name: guid("warehouse", name) for name in ("Основной склад", "Магазин", "Склад брака")}
GOODS_PROPERTIES = properties(
    {
        "Бренд": BRANDS,
        "Сезон": ("Лето", "Зима", "Всесезон"),
        "Цвет": COLOURS,
        "Материал": tuple(f"{fibre} {n}" for fibre in ("Нейлон", "Полиэстер", "Хлопок") for n in range(100, 400, 50)),
        "Назначение": ("Поход", "Рыбалка", "Охота", "Дача", "Город", "Сплав"),
        "Пол": ("Мужской", "Женский", "Детский"),
        "Коллекция": tuple(f"Коллекция {year}" for year in range(2012, 2027)),
        "Страна происхождения": ("РОССИЯ", "КИТАЙ", "ВЬЕТНАМ", "БАНГЛАДЕШ"),
        "Уход": ("Ручная стирка", "Машинная стирка", "Сухая чистка"),
        "Гарантия, мес.": (),
        "Вес брутто, кг": (),
        "Объём упаковки, л": (),
        "Водонепроницаемость, м": (),
        "Хит продаж?": (),
        "Новинка?": (),
        "Выгружать на площадки?": (),
    }
)  # fmt: skip
OFFER_PROPERTIES = properties(
    {
        "Рост": ("S", "M", "L", "XL"),
        "Длина коробки, см": (),
        "Ширина коробки, см": (),
        "Вес коробки, кг": (),
        "Кратность": (),
        "Остаток сезона?": (),
    }
)
LINES = [(group, line) for subs in GROUPS.values() for group, lines in subs.items() for line in lines]


class Product:
    def __init__(self, number: int) -> None:
        line: Line
        self.group, line = LINES[number % len(LINES)]
        self.groups = [self.group, *([LINES[(number + 5) % len(LINES)][0]] if number % 40 == 39 else [])]
        self.number = number
        self.drawn = drawn = blake2b(b"%d" % number, digest_size=64).digest()
        """What is by chance in other shops."""
        self.id = guid("product", number)
        self.unit = UNITS[line.unit][0]
        self.brand = BRANDS[drawn[0] % len(BRANDS)]
        self.article = f"{'ПСКРФОГТ'[number % 8]}-{10000 + number}"
        self.barcode = ean13(f"200{number:09d}") if drawn[1] % 5 else ""
        self.name = f"{line.noun} «{line.models[drawn[2] % len(line.models)]} {drawn[3]}», {self.brand}"
        self.retail = line.low + (drawn[4] * 256 + drawn[5]) * 10 % (line.high - line.low)
        self.description = ""
        if drawn[6] % 8:
            filling = "".join(FILLING[: drawn[6] % 8])
            self.description = f"{self.name} из раздела «{self.group}».<br>{filling}"
        self.pictures = [
            f"import_files/{self.id[:2]}/{self.id}_{guid('picture', number, place)}.jpg"
            for place in range((2, 3, 1, 2, 2, 2, 4, 0)[drawn[7] % 8])
        ]
        count = OFFERS[number % len(OFFERS)]
        self.offers = [Offer(self, place, count == 1) for place in range(count)]


class Offer:
    def __init__(self, product: Product, place: int, alone: bool) -> None:
        self.product = product
        self.drawn = drawn = product.drawn[8 + 16 * place : 24 + 16 * place]
        self.characteristic = "" if alone else guid("characteristic", product.number, place)
        self.id = product.id if alone else f"{product.id}#{self.characteristic}"
        self.size, self.colour = str(40 + drawn[0] % 20), COLOURS[place]
        self.name = product.name if alone else f"{product.name} ({self.size}, {self.colour})"
        self.article = f"{product.article}-{place}"
        self.barcode = ean13(f"21{place}{product.number:09d}")

    def prices(self, raised: int) -> Iterator[tuple[str, str]]:
        """(type, value) of each; one of so many offers costs more, 0: none does."""
        more = 10 if raised and (3 * self.product.number + self.drawn[1]) % raised == 0 else 0
        for type_id, markup in zip(PRICE_TYPE_IDS.values(), MARKUPS, strict=False):
            yield type_id, f"{(self.product.retail + self.drawn[2] + more) * markup:.2f}".removesuffix(".00")

    def stocks(self) -> Iterator[tuple[str, str]]:
        """(warehouse, quantity) of each; about half are 0."""
        for place, warehouse_id in enumerate(WAREHOUSE_IDS.values(), 3):
            yield warehouse_id, str(max(0, self.drawn[place] - 120))
