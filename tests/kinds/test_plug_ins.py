"""Import types of other packages: what docs/writing-a-kind.md promises."""

from __future__ import annotations

from pathlib import Path

import pytest
from plug_ins import EXAMPLE, Install
from shops import Shop

from importers import kinds
from importers.commerceml import open_export
from importers.errors import LimitExceeded, UsageError
from importers.kinds.registry import files_of
from importers.launch.holdings import RecordCounts

XML = """<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация ВерсияСхемы="2.05"><Каталог СодержитТолькоИзменения="true"><Ид>c</Ид><Товары>{goods}</Товары>
</Каталог></КоммерческаяИнформация>"""
GOODS = """<Товар><Ид>{id}</Ид><Наименование>{id}</Наименование><ЗначенияРеквизитов><ЗначениеРеквизита>
<Наименование>Вес</Наименование><Значение>{weight}</Значение></ЗначениеРеквизита></ЗначенияРеквизитов></Товар>"""


def write(folder: Path, **weights: str) -> Path:
    folder.mkdir(exist_ok=True)
    goods = "".join(GOODS.format(id=ident, weight=weight) for ident, weight in weights.items())
    (folder / "import.xml").write_text(XML.format(goods=goods), encoding="utf-8")
    return folder


async def test_the_documented_kind_works(install: Install, shop: Shop, tmp_path: Path) -> None:
    install("weights = shop_weights", shop_weights=EXAMPLE)
    assert kinds.names() == (*kinds.KINDS, "weights")
    source = write(tmp_path / "1c", tent="4,5", boat="42", lamp="light")
    told = await shop.take(open_export(source), "catalog", "weights")
    assert (told.counts.read, told.counts.created) == (2, 2)
    assert shop.rows("SELECT * FROM shop_weight") == [("boat", "42"), ("tent", "4.5")]
    assert told.logs("weigh more")[0].args == {"count": 1}

    before = shop.checksum()
    told = await shop.take(open_export(source), "weights")
    assert told.counts.unchanged == 2
    told = await shop.take(open_export(write(source, tent="4.6")), "weights")
    assert told.counts.updated == 1
    assert shop.checksum() != before


async def test_it_is_all_or_nothing_with_the_rest(install: Install, shop: Shop, tmp_path: Path) -> None:
    install("weights = shop_weights", shop_weights=EXAMPLE)
    source = open_export(write(tmp_path / "1c", tent="4,5"))
    await shop.take(source, "catalog")
    before = shop.checksum()

    def fail(_transaction: object) -> None:
        raise LimitExceeded

    with pytest.raises(LimitExceeded):
        await shop.take(source, "weights", before_end=fail)
    assert shop.checksum() == before


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.splitlines()) < 60


def test_obmens_own_names_cannot_be_taken(install: Install) -> None:
    install("prices = shop_weights", shop_weights=EXAMPLE)
    assert kinds.names() == kinds.KINDS
    assert kinds.load("prices").__name__ == "importers.kinds.prices"  # type: ignore[attr-defined]


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown import type price; known: catalog, .*images"):
        kinds.load("price")


def test_a_broken_plug_in_is_told_plainly(install: Install) -> None:
    install("bad = broken_kind\nempty = empty_kind", broken_kind="import nowhere_at_all", empty_kind="")
    with pytest.raises(UsageError, match=r"import type bad: broken_kind cannot be loaded: No module named"):
        kinds.load("bad")
    with pytest.raises(UsageError, match=r"import type empty: empty_kind has no function run\(job\)"):
        kinds.load("empty")


async def test_a_kind_says_what_it_is_worth_running_for(install: Install, tmp_path: Path) -> None:
    records = "from importers.commerceml.records import Customer\nRECORDS = {Customer}\n"
    install(
        "people = shop_people\nall = shop_all\nbad = broken",
        shop_people=f"{records}run = print", shop_all="run = print", broken="import nowhere_at_all",
    )  # fmt: skip
    write(tmp_path / "1c", tent="4,5")
    (tmp_path / "1c" / "rests.xml").write_text(XML.format(goods=""), encoding="utf-8")
    export = open_export(tmp_path / "1c")
    assert [part.name for part in files_of(export, "people")] == ["import.xml"], "which may hold everything"
    assert [part.name for part in files_of(export, "all")] == ["import.xml", "rests.xml"]
    views = RecordCounts().views(str(tmp_path / "1c"))
    first = await anext(views)
    await views.aclose()
    assert {held.kind: held.served for held in first.kinds}["bad"], "a launch says why not"


def test_every_kind_of_obmen_can_be_loaded() -> None:
    assert all(callable(kinds.load(name).run) for name in kinds.KINDS)
