"""Packages of 1C as text, and a shop that takes them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shops import Shop, Told

from importers.commerceml import open_export

FULL, CHANGES = "false", "true"


@dataclass
class Exchange:
    """1C on one side, the shop on the other: each package takes the place of the one before."""

    shop: Shop
    folder: Path

    async def take(self, files: str | dict[str, str], *kinds: str, **rest: Any) -> Told:
        """Import these kinds of a package: one file with sections, or several by name. What the last kind told."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, sections in ({"import.xml": files} if isinstance(files, str) else files).items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                '<КоммерческаяИнформация ВерсияСхемы="2.08" ДатаФормирования="2026-11-26T09:00:00">'
                f"\n{sections}\n</КоммерческаяИнформация>",
                encoding="utf-8",
            )
        told = Told()
        for kind in kinds:
            told = await self.shop.take(open_export(self.folder), kind, **rest)
            assert told.counted.kind == kind
        return told

    def rows(self, sql: str, *parameters: object) -> list[Any]:
        return self.shop.rows(sql, *parameters)

    def removed(self, table: str) -> list[str]:
        return self.rows(f"SELECT id FROM {table} WHERE removed ORDER BY id")


def section(name: str, head: str, only_changes: str | None, inside: str) -> str:
    said = "" if only_changes is None else f' СодержитТолькоИзменения="{only_changes}"'
    return f"<{name}{said}>{head}{inside}</{name}>"


def classifier(inside: str, only_changes: str | None = FULL, ident: str = "cl") -> str:
    return section("Классификатор", f"<Ид>{ident}</Ид>", only_changes, inside)


def catalog(goods: str, only_changes: str | None = FULL, ident: str = "cat", of: str = "cl") -> str:
    head = f"<Ид>{ident}</Ид><ИдКлассификатора>{of}</ИдКлассификатора>"
    return section("Каталог", head, only_changes, f"<Товары>\n{goods}\n</Товары>")


def package(offers: str, only_changes: str | None = FULL, ident: str = "cat", before: str = "") -> str:
    head = f"<Ид>{ident}#</Ид><ИдКаталога>{ident}</ИдКаталога><ИдКлассификатора>cl</ИдКлассификатора>{before}"
    return section("ПакетПредложений", head, only_changes, f"<Предложения>\n{offers}\n</Предложения>")


def element(name: str, ident: str, inside: str = "", called: str | None = "") -> str:
    """`called` "": by its id; None: without a name."""
    title = "" if called is None else f"<Наименование>{called or ident}</Наименование>"
    return f"<{name}><Ид>{ident}</Ид>{title}{inside}</{name}>"


def product(ident: str, inside: str = "", called: str | None = "") -> str:
    return element("Товар", ident, inside, called)


def offer(ident: str, inside: str = "", called: str | None = "") -> str:
    return element("Предложение", ident, inside, called)


def price(value: str, of_type: str = "retail", more: str = "") -> str:
    told = f"<ИдТипаЦены>{of_type}</ИдТипаЦены>" if of_type else ""
    return f"<Цена>{told}<ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу><Валюта>руб</Валюта>{more}</Цена>"


def priced(ident: str, *prices: str) -> str:
    return offer(ident, f"<Цены>{''.join(prices)}</Цены>")


def stocked(ident: str, total: str | None = None, **at: str) -> str:
    rows = "".join(
        f'<Склад ИдСклада="{warehouse}" КоличествоНаСкладе="{number}"/>' for warehouse, number in at.items()
    )
    return offer(ident, (f"<Количество>{total}</Количество>" if total is not None else "") + rows)


PRICES = "SELECT offer_id, price_type_id, value FROM price ORDER BY 1, 2"
STOCKS = "SELECT offer_id, warehouse_id, quantity FROM stock ORDER BY 1, 2"
UNITS = (
    "<ЕдиницыИзмерения><ЕдиницаИзмерения><Ид>u1</Ид><Код>796</Код><НаименованиеКраткое>шт</НаименованиеКраткое>"
    "<НаименованиеПолное>Штука</НаименованиеПолное></ЕдиницаИзмерения></ЕдиницыИзмерения>"
)
WHOLE = product(
    "a",
    "<Артикул>A-1</Артикул><Описание>Текст</Описание><Группы><Ид>g</Ид></Группы><Картинка>1.jpg</Картинка>",
)
