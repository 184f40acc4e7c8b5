"""Whole files through the real reader: full and changes-only exports, parts, deletion marks, rejects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from shops import Shop

from importers.catalog import merge
from importers.commerceml import Export, open_export
from importers.commerceml.records import OfferPrices, Record, Rejected
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
        table: shop.rows(f"SELECT id FROM {table} WHERE removed ORDER BY id")
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
    assert removed(shop) == {"category": [], "product": [], "offer": []}, "prices mark nothing"
    assert shop.rows("SELECT DISTINCT offer_id FROM price") == ["a#1"], (
        "but what is not offered costs nothing"
    )
    told = await shop.take(open_export(source), "catalog")
    assert removed(shop) == {"category": ["h"], "product": ["b", "c"], "offer": ["a#2", "b"]}
    assert told.counts.removed == 5


async def test_what_lies_between_what_is_told_is_removed(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whichever range of keys: here each of a range is told by itself."""
    monkeypatch.setattr(merge, "BATCH_KEYS", 1)
    source = tmp_path / "1c"
    everything = "a b c d e"
    write(source, full=True, groups=everything, goods=everything, offers=everything)
    await shop.take(open_export(source), "catalog", "prices")
    await shop.take(open_export(write(source, full=True, groups="b d", goods="b d", offers="b d")), "catalog")
    assert removed(shop) == {table: ["a", "c", "e"] for table in ("category", "product", "offer")}
    await shop.take(open_export(source), "prices")
    assert shop.rows("SELECT offer_id FROM price ORDER BY 1") == ["b", "d"]


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
    assert shop.rows("SELECT id FROM product WHERE NOT removed") == ["a", "b", "c"], (
        "who knows whom it was about"
    )


async def test_an_offer_that_is_only_priced_is_there(shop: Shop, tmp_path: Path) -> None:
    source = write(tmp_path / "1c", full=True, goods="a b", offers="a b")
    await shop.take(open_export(source), "catalog")
    write(source, full=True, goods="a b", offers="a")
    bare = "<Предложение><Ид>b</Ид><Количество>5</Количество></Предложение></Предложения>"
    text = (source / "offers0_1.xml").read_text(encoding="utf-8").replace("</Предложения>", bare)
    (source / "offers0_1.xml").write_text(text, encoding="utf-8")
    await shop.take(open_export(source), "catalog", "stocks")
    assert removed(shop)["offer"] == []
    assert shop.rows("SELECT name FROM offer ORDER BY id") == ["a", "b"]
    assert shop.rows("SELECT quantity FROM stock") == ["5"]


async def test_what_goods_tell_of_an_offer_stays_when_its_package_tells_less(
    shop: Shop, tmp_path: Path
) -> None:
    """2.04: characteristics stand with the goods, prices in the package."""
    pair = "<Наименование>Цвет</Наименование><Значение>{}</Значение>"
    trait = (
        f"<ХарактеристикиТовара><ХарактеристикаТовара>{pair}</ХарактеристикаТовара></ХарактеристикиТовара>"
    )
    source = write(tmp_path / "1c", full=False, offers="a#1")
    goods = named("Товар", "a#1", trait.format("хаки"))
    (source / "import0_1.xml").write_text(
        IMPORT.format(changes="true", groups="", goods=goods), encoding="utf-8"
    )
    for _ in range(2):
        await shop.take(open_export(source), "catalog")
        assert shop.rows("SELECT value FROM offer_characteristic") == ["хаки"]
    await shop.take(open_export(source), "variants")
    assert shop.rows("SELECT value FROM offer_characteristic") == ["хаки"]
    write(source, full=False)
    (source / "offers0_1.xml").write_text(
        OFFERS.format(changes="true", offers=named("Предложение", "a#1", trait.format("синий"))),
        encoding="utf-8",
    )
    await shop.take(open_export(source), "variants")
    assert shop.rows("SELECT value FROM offer_characteristic") == ["синий"]


async def test_properties_of_an_offer_are_kept(shop: Shop, tmp_path: Path) -> None:
    source = write(tmp_path / "1c", full=False, goods="a")
    values = "<ЗначенияСвойств><ЗначенияСвойства><Ид>c</Ид><Значение>v</Значение></ЗначенияСвойства></ЗначенияСвойств>"
    (source / "offers0_1.xml").write_text(
        OFFERS.format(changes="true", offers=named("Предложение", "a", values)), encoding="utf-8"
    )
    await shop.take(open_export(source), "catalog")
    assert shop.rows("SELECT offer_id || property_id || value FROM offer_property") == ["acv"]


async def test_a_deletion_mark_without_a_name_leaves_the_name(shop: Shop, tmp_path: Path) -> None:
    source = write(tmp_path / "1c", full=False, groups="g", goods="a")
    await shop.take(open_export(source), "catalog")
    mark = "<Группа><Ид>g</Ид><ПометкаУдаления>true</ПометкаУдаления></Группа>"
    text = IMPORT.format(changes="true", groups=mark, goods=named("Товар", "a"))
    (source / "import0_1.xml").write_text(text, encoding="utf-8")
    await shop.take(open_export(source), "catalog")
    assert shop.rows("SELECT name FROM category WHERE removed") == ["g"]


async def test_missing_parts_are_told_by_every_kind(shop: Shop, tmp_path: Path) -> None:
    source = write(tmp_path / "1c", full=False, goods="a", offers="a")
    write(source, full=False, goods="b", offers="b", part=3)
    for kind in ("catalog", "prices"):
        told = await shop.take(open_export(source), kind)
        (gap, *_others) = told.logs("The export is not whole", level="warning")
        assert "import0_2" in str(gap.args["gaps"])


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


async def test_offers_of_other_files_are_read_only_where_something_would_go(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3.x tells offers in one file and their prices in another: an offer that has no price any more is not absent."""
    shop.looks_ahead = False  # that would read, too
    read: list[tuple[type[Record], ...]] = []
    offers_elsewhere = Export.offers_elsewhere

    def note(export: Export, *wanted: type[Record]) -> Iterator[list[Record | Rejected]]:
        read.append(wanted)
        return offers_elsewhere(export, *wanted)

    monkeypatch.setattr(Export, "offers_elsewhere", note)
    price = "<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>"

    def written(*, offers: str, prices: str) -> Export:
        write(tmp_path / "1c", full=True, goods="a b c")
        for stem, ids, inside in (("offers", offers, ""), ("prices", prices, price)):
            (tmp_path / "1c" / f"{stem}0_1.xml").write_text(
                OFFERS.format(changes="false", offers=named("Предложение", ids, inside)), encoding="utf-8"
            )
        return open_export(tmp_path / "1c")

    def priced() -> list[str]:
        return shop.rows("SELECT offer_id FROM price ORDER BY 1")

    for _time in range(2):
        await shop.take(written(offers="a b c", prices="a b c"), "catalog", "variants", "prices")
    assert (priced(), read) == (["a", "b", "c"], [])
    await shop.take(written(offers="a b", prices="b"), "prices")
    assert priced() == ["a", "b"]
    ((*_others, wanted),) = read
    assert wanted is OfferPrices
