"""Whole files through the real reader: full and changes-only exports, parts, deletion marks, rejects."""

from __future__ import annotations

from pathlib import Path

import pytest
from shops import Shop

from importers.commerceml import open_export
from importers.errors import BadFile
from importers.kinds import Options

IMPORT = """<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация ВерсияСхемы="2.07">
<Классификатор СодержитТолькоИзменения="{changes}"><Ид>cl</Ид><Группы>{groups}</Группы></Классификатор>
<Каталог СодержитТолькоИзменения="{changes}"><Ид>cat</Ид><Товары>{goods}</Товары></Каталог>
</КоммерческаяИнформация>"""
OFFERS = """<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация ВерсияСхемы="2.07"><ПакетПредложений СодержитТолькоИзменения="{changes}">
<Ид>cat#</Ид><ИдКаталога>cat</ИдКаталога><Предложения>{offers}</Предложения></ПакетПредложений>
</КоммерческаяИнформация>"""


def named(element: str, ids: str, inside: str = "") -> str:
    return "".join(
        f"<{element}><Ид>{i}</Ид><Наименование>{i}</Наименование>{inside}</{element}>" for i in ids.split()
    )


def write(
    folder: Path, *, full: bool, groups: str = "", goods: str = "", offers: str = "", part: int = 1
) -> Path:
    folder.mkdir(exist_ok=True)
    changes = str(not full).lower()
    xml = IMPORT.format(changes=changes, groups=named("Группа", groups), goods=named("Товар", goods))
    (folder / f"import0_{part}.xml").write_text(xml, encoding="utf-8")
    price = "<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>"
    xml = OFFERS.format(changes=changes, offers=named("Предложение", offers, price))
    (folder / f"offers0_{part}.xml").write_text(xml, encoding="utf-8")
    return folder


def removed(shop: Shop) -> dict[str, list[str]]:
    return {
        table: shop.rows(f"SELECT id FROM {table} WHERE removed = 1 ORDER BY id")
        for table in ("category", "product", "offer")
    }


async def test_a_full_export_removes_and_changes_only_do_not(shop: Shop, tmp_path: Path) -> None:
    source = tmp_path / "1c"
    write(source, full=True, groups="g h", goods="a b c", offers="a#1 a#2 b")
    await shop.take(open_export(source), "catalog", "prices")
    write(source, full=False, groups="g", goods="a", offers="a#1")
    await shop.take(open_export(source), "catalog", "prices")
    assert removed(shop) == {"category": [], "product": [], "offer": []}
    write(source, full=True, groups="g", goods="a", offers="a#1")
    await shop.take(open_export(source), "prices")
    assert removed(shop) == {"category": [], "product": [], "offer": []}, "prices remove nothing"
    told = await shop.take(open_export(source), "catalog")
    assert removed(shop) == {"category": ["h"], "product": ["b", "c"], "offer": ["a#2", "b"]}
    assert told.counts.removed == 5
    assert shop.rows("SELECT count(*) FROM price") == [3]


async def test_variants_remove_offers_alone(shop: Shop, tmp_path: Path) -> None:
    source = tmp_path / "1c"
    await shop.take(open_export(write(source, full=True, goods="a b", offers="a#1 b")), "catalog")
    await shop.take(open_export(write(source, full=True, goods="a", offers="a#1")), "variants")
    assert removed(shop) == {"category": [], "product": [], "offer": ["b"]}


async def test_all_parts_together_are_the_full_export(shop: Shop, tmp_path: Path) -> None:
    source = tmp_path / "1c"
    await shop.take(open_export(write(source, full=True, goods="a b c d")), "catalog")
    write(source, full=True, goods="a", part=1)
    write(source, full=True, goods="c", part=2)
    await shop.take(open_export(source), "catalog")
    assert removed(shop)["product"] == ["b", "d"]
    (source / "import0_1.xml").unlink()
    told = await shop.take(open_export(source), "catalog")
    assert removed(shop)["product"] == ["b", "d"], "part 1 is missing: nothing is certain"
    assert told.logs("parts of the export are missing")


@pytest.mark.parametrize(
    "mark", ['Статус="Удален"', "<Статус>Удален</Статус>", "<ПометкаУдаления>true</ПометкаУдаления>"]
)
async def test_every_deletion_mark_hides(shop: Shop, tmp_path: Path, mark: str) -> None:
    source = write(tmp_path / "1c", full=False, goods="a b")
    await shop.take(open_export(source), "catalog")
    attribute, element = (f" {mark}", "") if mark.startswith("Статус=") else ("", mark)
    goods = f"<Товар{attribute}><Ид>a</Ид><Наименование>a</Наименование>{element}</Товар>"
    (source / "import0_1.xml").write_text(
        IMPORT.format(changes="true", groups="", goods=goods), encoding="utf-8"
    )
    told = await shop.take(open_export(source), "catalog")
    assert removed(shop)["product"] == ["a"]
    assert told.table("product").removed == 1


async def test_a_bad_record_is_rejected_with_its_line_and_the_rest_goes_on(
    shop: Shop, tmp_path: Path
) -> None:
    source = write(tmp_path / "1c", full=True, goods="a b")
    await shop.take(open_export(source), "catalog")
    goods = (
        named("Товар", "a") + "\n<Товар><Наименование>no id</Наименование></Товар>\n" + named("Товар", "c")
    )
    (source / "import0_1.xml").write_text(
        IMPORT.format(changes="false", groups="", goods=goods), encoding="utf-8"
    )
    told = await shop.take(open_export(source), "catalog")
    (reject,) = told.rejects
    assert (reject.file, reject.line) == ("import0_1.xml", 5)
    assert "no id" in reject.fragment
    assert shop.rows("SELECT id FROM product WHERE removed = 0") == ["a", "b", "c"], (
        "who knows whom it was about"
    )


async def test_a_bad_file_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    source = write(tmp_path / "1c", full=True, goods="a b")
    await shop.take(open_export(source), "catalog")
    before = shop.checksum()
    write(source, full=True, goods="c", part=2)
    whole = (source / "import0_2.xml").read_text(encoding="utf-8")
    (source / "import0_2.xml").write_text(whole[:-40], encoding="utf-8")
    with pytest.raises(BadFile, match=r"import0_2\.xml:\d+: "):
        await shop.take(open_export(source), "catalog", options=Options(force=True))
    assert shop.checksum() == before
