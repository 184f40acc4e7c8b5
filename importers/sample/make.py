"""Write a synthetic CommerceML 3.1 export: the folders and part files that 1C makes, filled with an invented shop.

    python -m importers.sample.make [FOLDER]     (without FOLDER: the sample that ships with the package)

A folder that holds anything but an earlier sample is left as it is.
The same arguments always give the same bytes. Nobody in it is real: names, tax numbers, telephones (no operator has
the code 000) and addresses are made up. Tests and benchmarks write larger ones with `write_export(products=…)`.
"""

from __future__ import annotations

import argparse
import shutil
import struct
import zlib
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from xml.sax.saxutils import escape

from importers.sample import EXPORT
from importers.sample.shop import GROUPS, MARKUPS, UNITS, Offer, Product, Shop

FORMED = "2026-11-20T07:30:00"
HEAD = 400
"""Bytes of a file in which that stands."""
PNG_HEADER = 33
"""Bytes of a picture that tell its size, the same for all."""


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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m importers.sample.make",
        description="Write the sample export, a whole one of an invented shop.",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=EXPORT,
        help="made, or emptied first if it holds a sample (%(default)s)",
    )
    folder: Path = parser.parse_args(arguments).folder
    if not _may_be_emptied(folder):
        parser.error(f"{folder} holds other things than a sample export; name a new or an empty folder")
    write_export(folder)


def _may_be_emptied(folder: Path) -> bool:
    """Nothing is in it but what an earlier run wrote: exports of 1C have the same folders."""
    if not folder.is_dir():
        return not folder.exists()
    return all(path.is_dir() or _is_of_a_sample(path) for path in folder.rglob("*"))


def _is_of_a_sample(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(HEAD)
    return FORMED.encode() in head or head.startswith(png((0, 0, 0))[:PNG_HEADER])


if __name__ == "__main__":
    main()
