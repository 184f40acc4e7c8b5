"""Sets of files: of two that tell the same thing, the newer has the last word."""

from __future__ import annotations

import os
import random
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from importers.commerceml import open_export
from importers.commerceml.records import OfferPrices, OfferStocks
from importers.commerceml.sets import made_in
from importers.kinds.inspect import inspect_export
from tests.commerceml.exports import goods, package, read, xml

GOODS = goods("<Товар><Ид>p</Ид><Наименование>x</Наименование></Товар>")
A, B = "872a8dd1-f81c-4b5e-9d11-aa0000000001", "15c08675-7615-4b5e-9d11-aa0000000002"


def text(made: str, body: str = GOODS) -> str:
    whole = xml(body)
    return (
        whole.replace(' ВерсияСхемы="3.1"', f' ВерсияСхемы="3.1" ДатаФормирования="{made}"')
        if made
        else whole
    )


def lay(source: Path, *files: tuple[str, str], times: Sequence[str] = ()) -> list[str]:
    """Write (name, ДатаФормирования) in any order; the names in the order of reading."""
    for name, made in files:
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(made), encoding="utf-8")
        os.utime(path, (1_700_000_000, 1_700_000_000))
    for (name, _made), at in zip(files, times, strict=bool(times)):
        seconds = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
        os.utime(source / name, (seconds, seconds))
    export = open_export(source)
    assert [part.set for part in export.parts] == sorted(part.set for part in export.parts)
    return [part.name for part in export.parts]


ORDERS = {
    "packages of the module for Bitrix": [
        (f"prices___{A}.xml", "2024-05-01T08:00:00"),
        (f"prices___{B}.xml", "2024-05-02T08:00:00"),
    ],
    "two packages of folders": [
        (f"goods/goods_1_1_{A}.xml", "2024-05-01T08:00:00"),
        (f"goods/goods_1_2_{B}.xml", "2024-05-01T08:00:07"),
        (f"goods/goods_1_10_{A}.xml", "2024-05-01T08:01:00"),
        (f"goods/goods_1_1_{B}.xml", "2024-05-02T08:00:00"),
        (f"goods/goods_1_2_{A}.xml", "2024-05-02T08:00:06"),
    ],
    "parts made at once": [
        (f"rests/rests_1_1_{A}.xml", "2024-05-01T08:00:09"),
        (f"rests/rests_1_9_{B}.xml", "2024-05-01T08:00:02"),
        (f"rests/rests_1_10_{A}.xml", "2024-05-01T08:00:00"),
    ],
    "parts without a guid": [("rests_1_9.xml", ""), ("rests_1_10.xml", "")],
    "a first part that was written over the one of yesterday": [
        ("import0_2.xml", "2024-05-01T08:00:05"),
        ("import0_3.xml", "2024-05-01T08:00:10"),
        ("import0_1.xml", "2024-05-02T08:00:00"),
    ],
    "parts of a bare date": [("import0_9.xml", "2024-05-01"), ("import0_10.xml", "2024-05-01")],
    "catalogs": [("import0_1.xml", "2024-05-01"), ("import1_1.xml", "2024-05-01"), ("offers0_1.xml", "2024-05-01")],
    "goods before offers": [("import.xml", "2024-05-01T08:00:00"), ("Offers.xml", "2024-05-01T08:00:00")],
    "but the newer last": [("offers.xml", "2024-05-01T08:00:00"), ("import.xml", "2024-05-01T09:00:00")],
    "names that mean nothing": [("z/new.xml", "2024-05-01"), ("a/old.xml", "2024-05-02")],
    "dates in many forms": [
        ("a5.xml", "01.04.2024 7:30:00"),
        ("a4.xml", "2024-04-01T8:00:00"),
        ("a2.xml", "20240501"),
        ("a1.xml", "2024-05-02T08:00:00.123+03:00"),
        ("a3.xml", "2024-05-02UTC09:00:00"),
        ("a0.xml", "٢٠٢٤-٠٥-٠٣"),
    ],
    "names of days": [("offers_31_12.xml", "2023-12-31"), ("offers_05_01.xml", "2024-01-05")],
}  # fmt: skip


@pytest.mark.parametrize("how", ORDERS)
def test_the_order_of_reading(tmp_path: Path, how: str) -> None:
    if how == "dates in many forms":  # "a5" and so on would be parts of a set
        files = [(name.replace("a", "a-"), made) for name, made in ORDERS[how]]
    else:
        files = ORDERS[how]
    shuffled = files.copy()
    for seed in range(3):
        random.Random(seed).shuffle(shuffled)
        assert lay(tmp_path / str(seed), *shuffled) == [name for name, _made in files]


@pytest.mark.parametrize("made", ["", "2024-05-01", "0001-01-01T00:00:00", "2024-13-45", "soon"])
def test_where_the_date_does_not_tell_the_time_of_the_file_does(tmp_path: Path, made: str) -> None:
    files = [(f"prices___{name}.xml", made) for name in (A, B, "0000")]
    times = ["2024-05-02", "2024-05-03", "2024-05-01"]
    assert lay(tmp_path, *files, times=times) == [files[at][0] for at in (2, 0, 1)]


def test_two_sets_of_a_bare_date(tmp_path: Path) -> None:
    """The same numbers twice: which belong together, the times of the files tell."""
    files = [(f"goods_1_{part}_{guid}.xml", "2024-05-01") for guid in (A, B) for part in (1, 2)]
    times = ["2024-05-01T10:00", "2024-05-01T10:01", "2024-05-01T08:00", "2024-05-01T08:01"]
    assert lay(tmp_path, *files, times=times) == [files[at][0] for at in (2, 3, 0, 1)]


def test_a_set_in_several_archives(tmp_path: Path) -> None:
    """Of each archive only the names inside count; archives without numbers inside count by their own."""

    def pack(archive: str, name: str, made: str) -> None:
        with zipfile.ZipFile(tmp_path / archive, "w") as file:
            file.writestr(name, text(made))

    pack("v8_1A2B_a.zip", f"goods/goods_1_10_{A}.xml", "2024-05-01T08:00:30")
    pack("v8_1A2B_9.zip", f"goods/goods_1_9_{B}.xml", "2024-05-01T08:00:20")
    pack("v8_1A2B_b.zip", f"goods/goods_1_1_{A}.xml", "2024-05-02T08:00:00")
    pack("v8_0001_f.zip", "import.xml", "2024-05-03T08:00:00")
    pack("v8_0001_10.zip", "import.xml", "2024-05-03T08:00:00")
    assert [part.name.split("/")[0] for part in open_export(tmp_path).parts] == [
        "v8_1A2B_9.zip", "v8_1A2B_a.zip", "v8_1A2B_b.zip", "v8_0001_f.zip", "v8_0001_10.zip",
    ]  # fmt: skip


def test_the_newer_package_wins(tmp_path: Path) -> None:
    price = "<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>{}</ЦенаЗаЕдиницу></Цена></Цены>"
    rest = "<Остатки><Остаток><Количество>{}</Количество></Остаток></Остатки>"
    for guid, made, value in ((A, "2024-05-01T08:00:00", 100), (B, "2024-05-02T08:00:00", 200)):
        for name, facts in (("prices", price), ("rests", rest)):
            body = package(f"<Предложение><Ид>p</Ид>{facts.format(value)}</Предложение>")
            (tmp_path / f"{name}___{guid}.xml").write_text(text(made, body), encoding="utf-8")
    prices = [r.prices[0][1] for r in read(tmp_path, OfferPrices) if isinstance(r, OfferPrices)]
    stocks = [r.stocks[0][1] for r in read(tmp_path, OfferStocks) if isinstance(r, OfferStocks)]
    assert (prices, stocks) == (["100", "200"], ["100", "200"])


def test_inspect_tells_sets_and_dates_in_the_order_of_reading(tmp_path: Path) -> None:
    lay(tmp_path, *ORDERS["two packages of folders"])
    told = [(file.made, file.set) for file in inspect_export(tmp_path).files]
    assert told == [(made, 1 + (made > "2024-05-02")) for _name, made in ORDERS["two packages of folders"]]


def test_a_gap_in_the_newest_set_is_told(tmp_path: Path) -> None:
    """Though an older set has that number."""
    old = [(f"goods_1_{part}_{A}.xml", f"2024-05-01T08:00:0{part}") for part in (1, 2, 3)]
    new = [(f"goods_1_{part}_{B}.xml", f"2024-05-02T08:00:0{part}") for part in (1, 3)]
    lay(tmp_path, *old, *new)
    assert list(map(str, open_export(tmp_path).gaps)) == ["goods_1_2: this part is missing"]


def test_a_set_in_folders_of_its_parts_has_no_gaps(tmp_path: Path) -> None:
    """1C may send every part in a session of its own."""
    files = [(f"{part * 7}/goods_1_{part}_{A}.xml", f"2024-05-01T08:00:0{part}") for part in (1, 2, 3)]
    assert lay(tmp_path, *files) == [name for name, _made in files]
    assert open_export(tmp_path).gaps == ()


@pytest.mark.parametrize(
    ("told", "made"),
    [
        ('<КоммерческаяИнформация ДатаФормирования="2024-05-01T08:00:00">', "2024-05-01T08:00:00"),
        ("<c:КоммерческаяИнформация\n xmlns:c='c'\n ДатаФормирования = '2024-05-01'>", "2024-05-01T00:00:00"),
        ('<КоммерческаяИнформация><Документ ДатаФормирования="2024-05-01">', ""),
        ('<КоммерческаяИнформация ДатаФормирования="">', ""),
    ],
)
def test_the_date_is_the_root_s(told: str, made: str) -> None:
    assert made_in(told) == made


def test_as_many_sets_as_a_year_of_exchanges_leaves(tmp_path: Path) -> None:
    """Every one of them has a part 1."""
    files = [
        (f"{n}/goods_1_1_{n:x}a.xml", f"2024-{n % 12 + 1:02}-{n % 28 + 1:02}T{n % 24:02}:00:00") for n in range(2000)
    ]  # fmt: skip
    made = dict(files)
    found = lay(tmp_path, *files)
    assert [made[name] for name in found] == sorted(made.values())
