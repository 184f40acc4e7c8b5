"""How far files are looked into before they are read: the launch at few heads, whoever reads at each file once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import msgspec
import pytest
from support.looks import Looks

from importers.commerceml import open_export, open_overview
from importers.commerceml.contents import EVERYTHING
from importers.commerceml.encoding import Search
from importers.commerceml.parts import HEAD, open_part
from importers.commerceml.records import (
    Offer,
    OfferPrices,
    OfferStocks,
    Product,
    Record,
    Warehouse,
)
from importers.commerceml.work import CHEAPER_TO_SEEK
from importers.errors import BadFile, SourceError
from importers.kinds.registry import KINDS, has_files
from tests.commerceml.exports import IMPORT, OFFER, PRICES, goods, package, write, xml, zipped

OFFERS = xml(package(OFFER.format("") * 9000))
"""More than a head."""
SIZE = len(OFFERS.encode())


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """Offers whose prices and stocks have files of their own."""
    source = write(tmp_path / "1c", OFFERS, "offers.xml")
    write(source, xml(PRICES), "prices.xml")
    return write(source, xml(package("")), "rests.xml")


# The launch


def has(source: Path, *wanted: type[Record]) -> bool:
    with open_overview(source) as overview:
        return overview.has(*wanted)


def test_a_name_that_1c_gives_tells_enough(split: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(split, "no XML at all", "prices_1_1_a.xml")
    looks = Looks(monkeypatch)
    assert has(split, OfferPrices)
    assert has(split, Product)
    assert looks.pop() == {}


def test_another_name_needs_heads_until_one_of_them_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        write(tmp_path, OFFERS, f"{name}.xml")
    looks = Looks(monkeypatch)
    with open_overview(tmp_path) as overview:
        assert overview.has(Offer)
        assert overview.has(OfferPrices)
    assert looks.pop() == {"a.xml": [HEAD]}


FILES: dict[str, str | dict[str, str | bytes]] = {
    "import.xml": IMPORT,
    "offers.xml": OFFERS,
    "goods/goods_1_1_a.xml": IMPORT.replace("</Товар>", "<Цены/></Товар>"),
    "prices.xml": xml(PRICES),
    "rests_1_1_a.xml": xml(package("")),
    "contragents.xml": xml("<Контрагенты/>"),
    "any.xml": xml(goods("<Товар><Ид>p</Ид></Товар>" * 9)),
    "prices/a.xml": xml(package("")),
    "yml.xml": "<yml_catalog/>",
    "cut.xml": "",
    "1.zip": {"storages.xml": xml(package(""))},
}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_it_says_what_the_heads_of_all_files_say(tmp_path: Path, number: int) -> None:
    for at, names in enumerate(combinations(FILES, number)):
        source = tmp_path / str(at)
        for name in names:
            text = FILES[name]
            if isinstance(text, str):
                write(source / Path(name).parent, text, Path(name).name)
            else:
                source.mkdir(exist_ok=True)
                zipped(source / name, text)
        if set(names) <= {"yml.xml", "cut.xml"}:
            for opened in (open_export, lambda path: open_overview(path).__enter__()):
                with pytest.raises(SourceError, match="holds no export of 1C"):
                    opened(source)
            continue
        export = open_export(source)
        with open_overview(source) as overview:
            for record in EVERYTHING | {Warehouse}:
                assert overview.has(record) is bool(export.files_shown(record)), (names, record)


def bytes_read() -> int:
    """By this process so far, as the system counts them."""
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts them")
def test_of_huge_files_heads_are_read(tmp_path: Path) -> None:
    names = [f"goods_1_{number}_a.xml" for number in range(1, 5)]
    for name in names:
        with (write(tmp_path, OFFERS, name) / name).open("r+b") as file:
            file.truncate(2 << 30)
    has(tmp_path, Product)  # with all imports
    before = bytes_read()
    assert has(tmp_path, Product)
    assert bytes_read() - before < HEAD
    assert not has(tmp_path, OfferPrices)
    assert len(open_export(tmp_path).files_shown(Product)) == 4
    assert bytes_read() - before < (4 + 4 + 1) * HEAD


def test_a_file_that_cannot_be_read_is_an_error_before_it_is_looked_into(
    split: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, _mode: not str(path).endswith("offers.xml"))  # root may
    with pytest.raises(BadFile, match=r"offers\.xml: cannot be read: Permission denied; give this account"):
        has(split, OfferPrices)


# The worker


def test_the_rest_of_a_file_is_searched_once_and_only_for_what_is_read(
    split: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    export = open_export(split)
    heads = {part.name: [min(HEAD, part.size)] for part in export.parts}
    assert looks.pop() == heads
    assert [part.name for part in export.files_shown(OfferPrices)] == ["prices.xml"]
    assert looks.pop() == {}
    for _time in range(2):
        assert [part.name for part in export.files_for(OfferPrices)] == ["prices.xml"]
    assert looks.pop() == {"offers.xml": [SIZE]}


def test_what_is_wanted_later_is_sought_along(split: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = open_export(split, {OfferPrices, OfferStocks})
    looks = Looks(monkeypatch)
    assert [part.name for part in export.files_for(OfferStocks)] == ["rests.xml"]
    assert looks.pop() == {"offers.xml": [SIZE]}
    assert [part.name for part in export.files_for(OfferPrices)] == ["prices.xml"]
    assert looks.pop() == {}


def test_a_file_that_was_read_is_not_searched(split: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is going to be read of it was sought meanwhile; anything else was not."""
    export = open_export(split, {Offer, OfferPrices})
    assert list(export.records(Offer))
    looks = Looks(monkeypatch)
    assert list(export.records(OfferPrices))
    assert set(looks.pop()) == {"prices.xml"}
    assert [part.name for part in export.files_for(OfferStocks)] == ["rests.xml"]
    assert looks.pop() == {"offers.xml": [SIZE]}


def test_a_file_that_was_left_half_way_was_not_searched(split: Path) -> None:
    write(split, OFFERS.replace("</Предложения>", f"{LATE}</Предложения>"), "offers.xml")
    export = open_export(split, {Offer, OfferPrices})
    next(records := export.records(Offer))
    records.close()  # type: ignore[attr-defined]
    assert [part.name for part in export.files_for(OfferPrices)] == ["offers.xml", "prices.xml"]


def test_what_a_search_did_not_get_to_is_not_known(split: Path) -> None:
    """It stops at the first record that is asked for."""
    stock = OFFER.format("<Количество>5</Количество>")
    begins = OFFER.format("") * 900  # the head
    write(split, xml(package(begins + LATE + begins * 9 + stock)), "offers.xml")
    export = open_export(split, {OfferPrices, OfferStocks})
    assert [part.name for part in export.files_for(OfferPrices)] == ["offers.xml", "prices.xml"]
    assert [part.name for part in export.files_for(OfferStocks)] == ["offers.xml", "rests.xml"]


LATE = OFFER.format("<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>7</ЦенаЗаЕдиницу></Цена></Цены>")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "utf-16"])
@pytest.mark.parametrize("wanted", [(), (Offer, OfferPrices)])
def test_what_was_met_while_a_file_was_read_is_read(
    tmp_path: Path, encoding: str, wanted: Iterable[type[Record]]
) -> None:
    text = xml(
        package(OFFER.format("") * 9000 + LATE), declaration=f'<?xml version="1.0" encoding="{encoding}"?>'
    )
    write(tmp_path, text.encode(encoding), "offers.xml")
    write(tmp_path, xml(PRICES), "prices.xml")
    export = open_export(tmp_path, set(wanted))
    assert list(export.records(Offer))
    found = [record for batch in export.records(OfferPrices) for record in batch]
    assert len([record for record in found if isinstance(record, OfferPrices)]) == 2


def test_offers_elsewhere_are_sought_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full lists of prices and of stocks ask which offers there are; goods tell none."""
    many = xml(goods("<Товар><Ид>p</Ид><Наименование>x</Наименование></Товар>" * 9000))
    write(tmp_path, many, "import.xml")
    write(tmp_path, xml(PRICES), "prices.xml")
    write(tmp_path, xml(package("")), "rests.xml")
    export = open_export(tmp_path, {OfferPrices, OfferStocks})
    assert not list(export.offers_elsewhere(OfferPrices))
    looks = Looks(monkeypatch)
    assert list(export.offers_elsewhere(OfferStocks))
    assert set(looks.pop()) == {"prices.xml"}


def test_a_long_search_stops_now_and_then(split: Path) -> None:
    """Neither a cancel nor the first event waits for the end of a file."""
    progress: list[tuple[int, int]] = []
    batches = open_export(split).records(OfferPrices, on_progress=lambda *at: progress.append(at))
    total = SIZE // CHEAPER_TO_SEEK + (split / "prices.xml").stat().st_size
    assert next(batches) == []
    assert progress == [(0, total)]
    rest = list(batches)
    assert rest.count([]) > 1
    assert [record for batch in rest for record in batch]
    assert progress == sorted(progress)
    assert progress[-1] == (total, total)


# The search


@pytest.mark.parametrize(("sought", "stands"), [("<Цены", True), ("ЦенаЗаЕдиницу", True), ("x:", False)])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_what_lies_between_two_looks_is_found(sought: str, stands: bool, size: int) -> None:
    data = xml(PRICES).encode()
    search = Search({"it": {sought.strip("<:"): [sought]}}, "utf-8")
    for start in range(0, len(data), size):
        search.feed(data[start : start + size])
    assert not search.ended
    search.feed(b"")
    assert (search.ended, search.met) == (True, {"it"} if stands else set())
    search.restart()
    assert (search.ended, search.met) == (False, set())


def test_a_file_that_is_read_from_the_beginning_again_is_searched_anew(split: Path) -> None:
    search = Search({"it": {"Цены": ["<Цены"]}}, "utf-8")
    part = next(part for part in open_export(split).parts if part.name == "prices.xml")
    with open_part(msgspec.structs.replace(part, search=search)) as file:
        assert file.read()
        assert search.met == {"it"}
        file.rewind()
        assert search.met == set()


def test_where_the_encoding_tells_nothing_everything_may_stand() -> None:
    assert Search({"it": {"Цены": ["<Цены"]}}, "?").met == {"it"}


def test_pictures_alone_are_worth_no_other_type_than_theirs(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    with open_overview(tmp_path) as overview:
        assert [kind for kind in KINDS if has_files(overview, kind)] == ["images"]
