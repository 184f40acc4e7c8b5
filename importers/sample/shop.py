"""The invented shop of the sample export: what it sells, to whom, and for how much."""

from __future__ import annotations

import random
from dataclasses import dataclass
from uuid import UUID

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
        values = tuple((k, v) for k, v in (("Размер", size), ("Цвет", colour)) if v)
        if not values:
            return Offer(product, name, (), retail)
        label = ", ".join(value for _name, value in values)
        step = self.random.randrange(0, 900, 50)
        return Offer(f"{product}#{self.new_id()}", f"{name} ({label})", values, retail + step)

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


def ean13(digits: str) -> str:
    """The 12 digits with their check digit. Codes from 200 on are for use inside one shop."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)
