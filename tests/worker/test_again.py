"""The same export again: what is told is what a full pass tells, and nothing is written."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from support.again import Place, again_both_ways, settle

from bench.export import write_export
from importers.catalog.protocol import CatalogTransaction
from importers.commerceml.records import UnitUse
from importers.events import Options
from importers.kinds.units import Units
from importers.sample import EXPORT

ALL = ("catalog", "stocks", "prices", "customers")
ODD = """\
<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация ВерсияСхемы="2.08">
<Классификатор СодержитТолькоИзменения="false"><Ид>cl</Ид></Классификатор>
<Каталог СодержитТолькоИзменения="false"><Ид>cat</Ид><ИдКлассификатора>cl</ИдКлассификатора><Товары>
  <Товар><Ид>a</Ид><Наименование>A</Наименование>
    <БазоваяЕдиница Код="796" НаименованиеПолное="Штука">шт</БазоваяЕдиница></Товар>
  <Товар><Ид>a</Ид><Наименование>A</Наименование><Артикул>2</Артикул></Товар>
  <Товар><Ид>b</Ид><Наименование>B</Наименование><Группы><Ид>nowhere</Ид></Группы></Товар>
  <Товар><Наименование>x</Наименование></Товар>
  <Товар><Ид>c#1</Ид><Артикул>3</Артикул></Товар>
  <Товар><Ид>d</Ид><Наименование>D</Наименование><ПометкаУдаления>true</ПометкаУдаления></Товар>
</Товары></Каталог>
<ПакетПредложений СодержитТолькоИзменения="false"><Ид>cat#</Ид><ИдКаталога>cat</ИдКаталога>
<ИдКлассификатора>cl</ИдКлассификатора>
<ТипыЦен><ТипЦены><Ид>retail</Ид><Наименование>Розница</Наименование><Валюта>ХХХ</Валюта></ТипЦены></ТипыЦен>
<Склады><Склад><Ид>w</Ид><Наименование>W</Наименование></Склад></Склады>
<Предложения>
  <Предложение><Ид>a</Ид><Наименование>A</Наименование></Предложение>
  <Предложение><Ид>lost#1</Ид><Наименование>L</Наименование></Предложение>
  <Предложение><Ид>a</Ид><Цены>
    <Цена><ИдТипаЦены>retail</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена>
    <Цена><ИдТипаЦены>retail</ИдТипаЦены><ЦенаЗаЕдиницу>6</ЦенаЗаЕдиницу><Единица>шт</Единица></Цена></Цены>
  </Предложение>
  <Предложение><Ид>lost#2</Ид><Цены>
    <Цена><ИдТипаЦены>retail</ИдТипаЦены><ЦенаЗаЕдиницу>7</ЦенаЗаЕдиницу></Цена></Цены></Предложение>
  <Предложение><Ид>a</Ид><Количество>9</Количество><Склад ИдСклада="w" КоличествоНаСкладе="2"/></Предложение>
  <Предложение><Ид>b</Ид><Количество>3</Количество></Предложение>
  <Предложение><Ид>b</Ид><Цены>
    <Цена><ИдТипаЦены>retail</ИдТипаЦены><ЦенаЗаЕдиницу>x</ЦенаЗаЕдиницу></Цена></Цены></Предложение>
</Предложения></ПакетПредложений>
</КоммерческаяИнформация>
"""
"""Rejects, orphans, things told twice and otherwise, in parts, not equal in total, without a group."""


def odd(folder: Path) -> Path:
    folder.mkdir()
    (folder / "import.xml").write_text(ODD, encoding="utf-8")
    return folder


def generated(folder: Path) -> Path:
    write_export(folder, range(120))
    return folder / "xml"


def sample(folder: Path) -> Path:
    shutil.copytree(EXPORT, folder)
    return folder


def zipped(folder: Path) -> Path:
    """A .zip in a .zip."""
    source = odd(folder)
    inner = folder / "inner.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(source / "import.xml", "import.xml")
    outer = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(inner, "inner.zip")
    return outer


@pytest.mark.parametrize(
    ("write", "options"),
    [
        pytest.param(
            write, options, marks=[] if options == Options() or write is odd else [pytest.mark.chaos]
        )
        for write in (sample, generated, odd, zipped)
        for options in (Options(), Options(force=True), Options(dry_run=True), Options(strict=True))
    ],
)
async def test_it_is_told_as_by_a_full_pass(
    tmp_path: Path, write: Callable[[Path], Path], options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path / "shop", write(tmp_path / "1c"))
    kinds = ALL if write is sample else ALL[:3]
    settle(place.source)
    first = await place.take(*kinds, options=options)
    assert not first.recognised
    foretold = place.known()
    seen = await again_both_ways(place, *kinds, options=options, monkeypatch=monkeypatch)
    assert seen.recognised == bool(foretold)
    assert seen.recognised or write in (odd, zipped)
    seen = await again_both_ways(place, *kinds, options=options, monkeypatch=monkeypatch)
    assert seen.recognised


@pytest.mark.parametrize("kind", ["catalog", "attributes", "variants", "stocks", "prices", "customers"])
async def test_each_kind_alone(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path / "shop", sample(tmp_path / "1c"))
    if kind not in ("catalog", "attributes", "customers"):
        await place.take("catalog")
    settle(place.source)
    await place.take(kind)
    seen = await again_both_ways(place, kind, monkeypatch=monkeypatch)
    assert seen.recognised


async def test_several_sessions_are_known_while_nothing_changes(tmp_path: Path) -> None:
    place = Place(tmp_path / "shop", sample(tmp_path / "1c"))
    settle(place.source)
    for _round in range(2):
        for kind in ALL:
            await place.take(kind)
    for kind in ALL:
        assert (await place.take(kind)).recognised
    assert place.known() == len(ALL)


def goods(folder: Path, *products: str) -> Place:
    """A full catalog of products, some without a name."""
    folder.mkdir()
    told = "".join(f"<Товар>{product}</Товар>" for product in products)
    (folder / "import.xml").write_text(
        "<КоммерческаяИнформация><Каталог СодержитТолькоИзменения='false'><Ид>cat</Ид>"
        f"<Товары>{told}</Товары></Каталог></КоммерческаяИнформация>",
        encoding="utf-8",
    )
    settle(folder)
    limits = {"max_reject_share": 0.2, "max_removed_share": 1.0}
    return Place(folder.parent / "shop", folder, {"limits": limits})


@pytest.mark.parametrize("force", [False, True])
async def test_what_is_absent_is_read_once(
    tmp_path: Path, force: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the rejects are a larger share: what was within the limits is beyond them the next time."""
    named = [f"<Ид>{n:03}</Ид><Наименование>{n}</Наименование>" for n in range(70)]
    bad = [f"<Ид>x{n}</Ид>" for n in range(11)]
    options = Options(force=force)
    await goods(tmp_path / "before", *named).take("catalog", options=options)
    place = goods(tmp_path / "now", *named[:20], *bad)
    first = await place.take("catalog", options=options)
    assert (first.exit_code, first.by_kind["catalog"]["read"]) == (0, 81)
    seen = await again_both_ways(place, "catalog", options=options, monkeypatch=monkeypatch)
    assert (seen.exit_code, seen.recognised, seen.by_kind["catalog"]["read"]) == (1 - force, force, 31)


async def test_a_session_that_reads_little_does_not_look_at_all_products(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that took many stocks away has read these; the next one reads one of hundreds."""
    named = [f"<Ид>{n:03}</Ид><Наименование>{n}</Наименование>" for n in range(300)]
    place = goods(tmp_path / "1c", *named)
    await place.take("catalog")
    package = (
        "<КоммерческаяИнформация><ПакетПредложений СодержитТолькоИзменения='false'><Ид>cat#</Ид>"
        "<ИдКаталога>cat</ИдКаталога><Предложения>{}</Предложения></ПакетПредложений></КоммерческаяИнформация>"
    )
    for ids in (range(300), range(1)):
        offers = (f"<Предложение><Ид>{n:03}</Ид><Количество>1</Количество></Предложение>" for n in ids)
        (place.source / "import.xml").write_text(package.format("".join(offers)), encoding="utf-8")
        settle(place.source)
        seen = await place.take("stocks")
    assert "without a stock in this shop" in str(seen.lines)
    seen = await again_both_ways(place, "stocks", monkeypatch=monkeypatch)
    assert seen.recognised
    assert "without a stock in this shop" not in str(seen.lines)


async def test_a_mark_before_the_thing_itself_is_told_otherwise_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a new thing the two differ, of one that is there the mark says nothing of its content."""
    told = "<Ид>a</Ид><Наименование>a</Наименование>"
    place = goods(tmp_path / "1c", f"{told}<ПометкаУдаления>true</ПометкаУдаления>", f"{told}<Код>1</Код>")
    first = await place.take("catalog")
    assert "with other content" in str(first.lines)
    seen = await again_both_ways(place, "catalog", monkeypatch=monkeypatch)
    assert not seen.recognised
    assert "with other content" not in str(seen.lines)


GAPS = """\
<КоммерческаяИнформация><Классификатор><Ид>cl</Ид><ЕдиницыИзмерения><ЕдиницаИзмерения><Ид>u</Ид><Код>796</Код>
<НаименованиеКраткое>шт</НаименованиеКраткое></ЕдиницаИзмерения></ЕдиницыИзмерения></Классификатор>
<Каталог><Ид>cat</Ид><Товары><Товар><Ид>a</Ид><Наименование>A</Наименование>
<БазоваяЕдиница Код="796" НаименованиеПолное="Штука" МеждународноеСокращение="PCE">шт</БазоваяЕдиница></Товар></Товары>
</Каталог></КоммерческаяИнформация>
"""


async def test_what_a_product_adds_to_a_unit_is_taken_away_and_added_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the next import changes something, and is not recognised."""
    place = Place(tmp_path / "shop", tmp_path / "1c")
    place.source.mkdir()
    (place.source / "import.xml").write_text(GAPS, encoding="utf-8")
    settle(place.source)
    await place.take("catalog")
    seen = await again_both_ways(place, "catalog", monkeypatch=monkeypatch)
    assert (seen.recognised, seen.by_kind["catalog"]["updated"]) == (False, 1)


@pytest.mark.parametrize(
    ("uses", "repeats"),
    [
        ((UnitUse("796", "шт", "Штука"), UnitUse("112", "л", None)), True),
        ((UnitUse("796", "шт", None), UnitUse("шт", None, "Штука")), False),
    ],
)
async def test_codes_of_codes_are_not_sure_to_stay(uses: tuple[UnitUse, ...], repeats: bool) -> None:
    """«Штука» is written as «шт» now, and that as 796 the next time."""

    async def rows(_statement: str) -> AsyncIterator[tuple[str, ...]]:
        for row in ():
            yield row

    async def write(*_args: object) -> None:
        pass

    units = Units()
    for use in uses:
        units.add(use)
    await units.define(cast("CatalogTransaction", SimpleNamespace(rows=rows, insert=write, update=write)))
    assert units.repeats is repeats


async def test_units_that_prices_bring_are_met_by_the_catalog_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next time: whether these change what it makes of a unit only another pass tells."""
    place = Place(tmp_path / "shop", tmp_path / "1c")
    place.source.mkdir()
    text = ODD.replace("<Единица>шт</Единица>", "<Единица>упак</Единица>").replace(
        "<Товар><Ид>c#1", "<Товар><Ид>c"
    )
    (place.source / "import.xml").write_text(text, encoding="utf-8")
    settle(place.source)
    await place.take("catalog", "prices")
    for recognised in (False, True):
        seen = await again_both_ways(place, "catalog", "prices", monkeypatch=monkeypatch)
        assert seen.recognised is recognised
    other = Place(tmp_path / "other", place.source)
    for kind in ("catalog", "prices"):
        await other.take(kind)
    assert (await again_both_ways(other, "prices", monkeypatch=monkeypatch)).recognised
