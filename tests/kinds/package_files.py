"""Packages of 1C as files, in every layout that 1C gives them (docs/commerceml.md, 1.2)."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from packages import CATALOGS, FOLDERS, FOUR, PAIR, Good, Offered, Package, Reference, Said


def write_source(folder: Path, packages: Sequence[Package]) -> Path:
    """The files of the packages, where the names of the newer ones sort before those of the older ones. What to import:
    the folder, or the .zip where there is nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for number, package in enumerate(sorted(packages, key=lambda package: -package.day)):
        letter = "abcdef"[number]
        files = dict(_files(package, letter))
        # A date that is told counts; the time of the file must not.
        days = -package.day if package.dated else package.day - 1
        time = datetime(2026, 3, 1, 8, tzinfo=UTC) + timedelta(days=days)
        if package.zipped in ("each", "nested"):
            files = {f"{letter}{n}.zip": _zip({name: files[name]}, time) for n, name in enumerate(files, 1)}
        if package.zipped in ("whole", "nested"):
            files = {f"{letter}.zip": _zip(files, time)}
        own_folder = package.layout.own_folder and len(packages) > 1 and not package.zipped
        for name, data in files.items():
            path = folder / letter / name if own_folder else folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (time.timestamp(),) * 2)
    return folder / "a.zip" if {path.name for path in folder.iterdir()} == {"a.zip"} else folder


def _zip(files: Mapping[str, bytes], time: datetime) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, time.timetuple()[:6]), data)
    return packed.getvalue()


def _files(package: Package, letter: str) -> Iterator[tuple[str, bytes]]:
    layout, parts = package.layout, package.in_parts
    goods = [_catalog(package, _share(map(_good, package.goods), part, parts)) for part in range(parts)]
    lists = _lists(package)
    with_offers = "".join(lists[name] for name in ("price_type", "warehouse") if layout.lists_with_offers)
    in_classifier = {name: text for name, text in lists.items() if not layout.lists_with_offers or name not in (
        "price_type", "warehouse")}  # fmt: skip

    listed, prices, rests = _offers_in_parts(package)
    contents: dict[str, list[str]] = {
        "import": goods,
        "offers": [_package(package, with_offers if not n else "", text) for n, text in enumerate(listed)],
    }
    if layout.facts_apart:
        for name, told in (("prices", prices), ("rests", rests)):
            if any(told):
                contents[name] = [_package(package, "", text) for text in told]
    if layout is FOLDERS:
        stub = _catalog(package, "")
        for name, folder in IN_FOLDERS.items():
            if in_classifier[name]:
                contents[folder] = [stub + _classifier(package, in_classifier[name])]
        contents["goods"] = contents.pop("import")
    else:
        goods[0] = _classifier(package, "".join(in_classifier.values())) + goods[0]
    for name, texts in contents.items():
        for n, text in enumerate(texts, 1):
            if not (package.has_gap and texts is goods and n == 2):
                yield _name(package, name, n, letter), _document(package, text)


IN_FOLDERS = {
    "category": "groups",
    "property": "propertiesGoods",
    "price_type": "priceLists",
    "warehouse": "storages",
}


def _name(package: Package, name: str, part: int, letter: str) -> str:
    number = CATALOGS.index(package.catalog)
    guid = f"{letter}{part:07}-81f8-4771-ac37-{len(name):012}"
    match package.layout.name:
        case "numbered":
            return f"{name}{number}_{part}.xml"
        case "module":
            return f"{name}___{guid}.xml"
        case "folders":
            return f"{name}/{name}_{number + 1}_{part}_{guid}.xml"
        case _:
            return f"{name}.xml"


def _document(package: Package, inside: str) -> bytes:
    layout = package.layout
    made = f' ДатаФормирования="2026-03-{package.day:02}T08:00:00"' if package.dated else ""
    version = "2.08" if layout.lists_with_offers else "3.1"
    encoding = layout.encoding.removesuffix("-sig")
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>\n'
        f'<КоммерческаяИнформация ВерсияСхемы="{version}"{made}>\n{inside}\n</КоммерческаяИнформация>'
    ).encode(layout.encoding)


def _section(package: Package, name: str, said: Said, head: str, inside: str) -> str:
    """Whether it tells only changes stands in an attribute, in the four files in an element."""
    attribute = element = ""
    if said is not None:
        attribute = f' СодержитТолькоИзменения="{str(said).lower()}"'
        element = f"<СодержитТолькоИзменения>{str(said).lower()}</СодержитТолькоИзменения>"
    if package.layout is FOUR:
        return f"<{name}>{head}{element}{inside}</{name}>"
    return f"<{name}{attribute}>{head}{inside}</{name}>"


def _classifier(package: Package, inside: str) -> str:
    head = f"<Ид>{package.classifier}</Ид><Наименование>к</Наименование>"
    return _section(package, "Классификатор", package.classifier_said, head, inside)


def _catalog(package: Package, goods: str) -> str:
    head = f"<Ид>{package.catalog}</Ид><ИдКлассификатора>{package.classifier}</ИдКлассификатора>"
    return _section(
        package, "Каталог", package.goods_said, head, f"<Товары>\n{goods}</Товары>" if goods else ""
    )


def _package(package: Package, lists: str, offers: str) -> str:
    head = (
        f"<Ид>{package.catalog}#</Ид><ИдКаталога>{package.catalog}</ИдКаталога>"
        f"<ИдКлассификатора>{package.classifier}</ИдКлассификатора>{lists}"
    )
    inside = f"<Предложения>\n{offers}</Предложения>"
    if package.layout is PAIR and package.offers_said:
        return _section(package, "ИзмененияПакетаПредложений", None, head, inside)
    return _section(package, "ПакетПредложений", package.offers_said, head, inside)


def _lists(package: Package) -> dict[str, str]:
    """The lists of reference data that have anything in them."""
    first, *others = package.groups or (None,)
    nested = "".join(_reference("Группа", other) for other in others if other)
    groups = ""
    if first:
        inside = f"<Группы>{nested}</Группы>" if package.nested else ""
        groups = _reference("Группа", first, inside) + ("" if package.nested else nested)
    lists = {
        "category": ("Группы", groups),
        "property": (
            "Свойства", "".join(_reference("Свойство", p, _values(p.values)) for p in package.properties),
        ),
        "price_type": ("ТипыЦен", "".join(_reference("ТипЦены", t) for t in package.price_types)),
        "warehouse": ("Склады", "".join(_reference("Склад", w) for w in package.warehouses)),
    }  # fmt: skip
    return {table: f"<{name}>{inside}</{name}>" if inside else "" for table, (name, inside) in lists.items()}


def _values(values: Iterable[tuple[str, str]]) -> str:
    told = "".join(
        f"<Справочник><ИдЗначения>{ident}</ИдЗначения><Значение>{value}</Значение></Справочник>"
        for ident, value in values
    )
    return f"<ВариантыЗначений>{told}</ВариантыЗначений>" if told else ""


def _field(name: str, text: str | None) -> str:
    return "" if text is None else f"<{name}>{text}</{name}>"


def _reference(element: str, told: Reference, inside: str = "") -> str:
    mark = "<ПометкаУдаления>true</ПометкаУдаления>" if told.removed else ""
    return f"<{element}><Ид>{told.id}</Ид>{_field('Наименование', told.name)}{mark}{inside}</{element}>"


def _good(good: Good) -> str:
    name = None if good.how == "part" else good.name
    groups = (
        f"<Группы>{''.join(_field('Ид', group) for group in good.groups)}</Группы>" if good.groups else ""
    )
    mark = ' Статус="Удален"' if good.how == "removed" else ""
    inside = _field("Наименование", name) + _field("Артикул", good.article) + groups
    return f"<Товар{mark}><Ид>{good.id}</Ид>{inside}</Товар>\n"


def _share(texts: Iterable[str], part: int, parts: int) -> str:
    return "".join(text for at, text in enumerate(texts) if at % parts == part)


def _offers_in_parts(package: Package) -> tuple[list[str], list[str], list[str]]:
    """What each part of the offers, of the prices and of the rests holds; of 2.0x the first of these holds all."""
    apart, parts = package.layout.facts_apart, package.in_parts
    listed, prices, rests = ([""] * parts for _ in range(3))
    for at, offer in enumerate(package.offers):
        first, then = at % parts, (at + 1) % parts
        pieces = _pieces(package, offer, parts > 1)
        name = _field("Наименование", offer.name if offer.how in ("whole", "removed") else None)
        mark = "<Статус>Удален</Статус>" if offer.how == "removed" else ""
        if not apart:
            listed[first] += _offer(offer, name + mark + "".join(pieces[0]))
            if any(pieces[1]):
                listed[then] += _offer(offer, "".join(pieces[1]))
            continue
        if offer.how != "apart":
            listed[first] += _offer(offer, name + mark)
        for part, (priced, stocked) in zip((first, then), pieces, strict=True):
            prices[part] += _offer(offer, priced) if priced else ""
            rests[part] += _offer(offer, stocked) if stocked else ""
    return listed, prices, rests


def _offer(offer: Offered, inside: str) -> str:
    return f"<Предложение><Ид>{offer.id}</Ид>{inside}</Предложение>\n"


def _pieces(package: Package, offer: Offered, split: bool) -> list[tuple[str, str]]:
    """(prices, stocks) of an offer, in two pieces: of the second there may be nothing. A second piece would revive
    an offer that the first one marks as removed, and be whole where the first one cannot be read."""
    split = (
        split and offer.in_pieces and offer.how != "removed" and not offer.bad_prices and not offer.bad_stocks
    )
    priced, stocked = list((offer.prices or {}).items()), list(offer.written_stocks.items())
    cut = 1 if split else len(priced)
    stocks_cut = 1 if split and offer.total is None else len(stocked)
    return [
        (_prices(package, priced[:cut]), _stocks(package, offer, stocked[:stocks_cut], offer.total)),
        (_prices(package, priced[cut:]), _stocks(package, offer, stocked[stocks_cut:], None)),
    ]


def _prices(package: Package, prices: Iterable[tuple[str, str | None]]) -> str:
    only = package.price_types[0].id if package.typeless and len(package.price_types) == 1 else None
    told = ""
    for of, value in prices:
        of_type = "" if value and of == only else _field("ИдТипаЦены", of)
        told += f"<Цена>{of_type}{_field('ЦенаЗаЕдиницу', value or '')}</Цена>"
    return f"<Цены>{told}</Цены>" if told else ""


def _stocks(package: Package, offer: Offered, stocks: Iterable[tuple[str, str]], total: str | None) -> str:
    """A total stands before warehouses; 3.x has Остатки around both where it can."""
    by_warehouse = [(of, quantity) for of, quantity in stocks if of]
    if not package.layout.facts_apart:
        return _field("Количество", total) + "".join(
            f'<Склад ИдСклада="{of}" КоличествоНаСкладе="{quantity}"/>' for of, quantity in by_warehouse
        )
    rests = "".join(
        f"<Остаток><Склад><Ид>{of}</Ид><Количество>{quantity}</Количество></Склад></Остаток>"
        for of, quantity in by_warehouse
    )
    if total is not None and not rests:
        return f"<Остатки><Остаток><Количество>{total}</Количество></Остаток></Остатки>"
    return _field("Количество", total) + (f"<Остатки>{rests}</Остатки>" if rests else "")
