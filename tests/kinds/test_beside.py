"""What is read in pieces, apart from each other, is what is read in one go: every row, count, line and reject."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_of_files import Session
from package_files import write_source
from pieces import Pieces
from shops import Shop
from support.engines import SqliteHand
from test_model_of_files import QUIET, SESSIONS

from importers.commerceml import open_export
from importers.errors import ObmenError
from importers.events import Event, Log, Options, Progress
from importers.kinds import fullness, summary, units
from importers.sample import EXPORT
from tests.commerceml.exports import goods, package, xml
from tests.conftest import EXPORTS
from tests.real.test_exports import sources

ALL = ("catalog", "stocks", "prices")
FULL = ' СодержитТолькоИзменения="false"'
CUTS = st.lists(st.floats(0, 1), min_size=1, max_size=4)


async def same(
    folder: Path, sources: Sequence[tuple[Path, Sequence[str]]], *cuts: float, first_too: bool = False
) -> int:
    """Import them one after another, in one go and in pieces; how many pieces could be read apart."""
    whole, pieced = (Shop(SqliteHand(folder / f"{name}.sqlite3"), folder) for name in ("whole", "pieced"))
    apart = 0
    for source, kinds in sources:
        expected = await told(whole, source, kinds)
        export = open_export(source)
        pieces = Pieces(export, cuts, first_too=first_too)
        found = await told(pieced, source, kinds, pieces)
        assert found == expected
        assert pieced.checksum() == whole.checksum()
        apart += sum(piece.apart is not None for piece in pieces.pieces)
    return apart


async def told(
    shop: Shop, source: Path, kinds: Sequence[str], pieces: Pieces | None = None
) -> tuple[dict[str, list[Event]], str]:
    """All events of each kind without progress, and the error."""
    error = ""
    try:
        await shop.take(open_export(source), *kinds, options=Options(force=True), beside=pieces)
    except ObmenError as raised:
        error = str(raised)
    return {
        kind: [event for event in of.events if not isinstance(event, Progress)]
        for kind, of in shop.by_kind.items()
    }, error


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=QUIET)
@given(SESSIONS, CUTS, st.booleans())
async def test_packages_of_every_layout(sessions: list[Session], cuts: list[float], first_too: bool) -> None:
    await same_packages(sessions, cuts, first_too)


@pytest.mark.chaos
@settings(max_examples=300, deadline=None, suppress_health_check=QUIET)
@given(SESSIONS, CUTS, st.booleans())
async def test_many_packages_of_every_layout(
    sessions: list[Session], cuts: list[float], first_too: bool
) -> None:
    await same_packages(sessions, cuts, first_too)


async def same_packages(sessions: list[Session], cuts: list[float], first_too: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = [
            (write_source(Path(folder) / str(number), session.packages), session.kinds)
            for number, session in enumerate(sessions)
        ]
        await same(Path(folder), written, *cuts, first_too=first_too)


@pytest.mark.parametrize("cuts", [(0.5,), (0.2, 0.4, 0.6, 0.8)])
async def test_the_sample(tmp_path: Path, cuts: tuple[float, ...]) -> None:
    assert await same(tmp_path, [(EXPORT, (*ALL, "customers"))] * 2, *cuts) > 2


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="no real exports here")
@pytest.mark.parametrize("source", sources() or [EXPORTS], ids=lambda path: str(path.relative_to(EXPORTS)))
async def test_real_exports(tmp_path: Path, source: Path) -> None:
    await same(tmp_path, [(source, (*ALL, "customers"))] * 2, 0.3, 0.5, 0.8)


PRICE_TYPES = "<ТипыЦен><ТипЦены><Ид>{}</Ид><Наименование>x</Наименование></ТипЦены></ТипыЦен>"


def offer(ident: str, inside: str) -> str:
    return f"<Предложение><Ид>{ident}</Ид><Наименование>x</Наименование>{inside}</Предложение>"


def price(of: str = "", value: str = "5") -> str:
    of = of and f"<ИдТипаЦены>{of}</ИдТипаЦены>"
    return f"<Цены><Цена>{of}<ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу></Цена></Цены>"


def product(ident: str, inside: str = "", name: str = "x") -> str:
    return f"<Товар><Ид>{ident}</Ид><Наименование>{name}</Наименование>{inside}</Товар>"


SETS = (
    "<НаборыТоваров><НаборТоваров><Ид>a</Ид><ТоварНабора><Ид>b</Ид><Количество>2</Количество></ТоварНабора>"
    "</НаборТоваров></НаборыТоваров>"
)
TYPELESS = {
    "offers0_1.xml": package(offer("a", price())).replace(
        "<Предложения>", PRICE_TYPES.format("t") + "<Предложения>"
    ),
    "offers0_2.xml": package(offer("b", price())),
}


async def test_a_price_without_a_type_is_of_the_one_that_a_file_before_defines(tmp_path: Path) -> None:
    source = export(tmp_path, TYPELESS)
    assert await same(tmp_path / "shops", [(source, ("catalog", "prices"))], 0.5) == 1, "the catalog alone"


async def test_the_file_that_defines_it_may_be_read_apart_itself(tmp_path: Path) -> None:
    files = {
        "offers0_1.xml": package(offer("c", price("t"))),
        "offers0_2.xml": TYPELESS["offers0_1.xml"].replace(price(), price("t")),
        "offers0_3.xml": TYPELESS["offers0_2.xml"],
    }
    assert await same(tmp_path / "shops", [(export(tmp_path, files), ("catalog", "prices"))], 0.3, 0.6) == 3


async def test_of_several_types_it_is_of_none(tmp_path: Path) -> None:
    files = TYPELESS | {
        "offers0_2.xml": TYPELESS["offers0_2.xml"].replace(
            "<Предложения>", PRICE_TYPES.format("u") + "<Предложения>"
        )
    }
    await same(tmp_path / "shops", [(export(tmp_path, files), ("catalog", "prices"))], 0.5)


async def test_what_stands_outside_of_all_belongs_to_the_file_before(tmp_path: Path) -> None:
    files = {"import0_1.xml": goods(product("a")), "import0_2.xml": SETS}
    assert await same(tmp_path / "shops", [(export(tmp_path, files), ("catalog",))], 0.5) == 0


async def test_a_gap_of_a_unit_is_filled_by_whichever_file_does_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it comes behind more units than are remembered."""
    monkeypatch.setattr(units, "MANY_UNITS", 3)
    used = "<БазоваяЕдиница Код='{}'>шт</БазоваяЕдиница>"
    filled = used.format("1' НаименованиеПолное='x")
    files = {
        "import0_1.xml": goods(product("a", used.format(1))),
        "import0_2.xml": goods("".join(product(f"b{n}", used.format(n)) for n in (2, 3, 4)) + product("c", filled)),
    }  # fmt: skip
    assert await same(tmp_path / "shops", [(export(tmp_path, files), ("catalog",))], 0.5) == 1
    shop = Shop(SqliteHand(tmp_path / "shops" / "pieced.sqlite3"), tmp_path)
    assert shop.rows("SELECT full_name FROM unit WHERE code = '1'") == ["x"]


async def test_the_last_record_of_a_key_counts_and_the_first_word_on_a_unit(tmp_path: Path) -> None:
    unit = '<БазоваяЕдиница Код="796" {}>шт</БазоваяЕдиница>'
    files = {
        f"import0_{n}.xml": goods(
            product("a", unit.format(f'НаименованиеПолное="{n}"' if n > 1 else ""), name=f"name {n}")
            + product("", name="rejected") * n + product(f"only {n}")
        )
        for n in (1, 2, 3)
    }  # fmt: skip
    source = export(tmp_path, files)
    assert await same(tmp_path / "shops", [(source, ("catalog",))] * 2, 0.3, 0.6) == 4
    shop = Shop(SqliteHand(tmp_path / "shops" / "pieced.sqlite3"), tmp_path)
    assert shop.rows("SELECT name FROM product WHERE id = 'a'") == ["name 3"]
    assert shop.rows("SELECT full_name FROM unit WHERE code = '796'") == ["2"]


async def test_a_record_without_an_id_in_any_piece_may_be_what_is_absent(tmp_path: Path) -> None:
    before = export(tmp_path / "1", {"import0_1.xml": goods(product("a") + product("b"), FULL)})
    now = {"import0_1.xml": goods(product("a"), FULL), "import0_2.xml": goods(product(""), FULL)}
    sources = [(source, ("catalog",)) for source in (before, export(tmp_path / "2", now))]
    assert await same(tmp_path / "shops", sources, 0.5) == 1
    shop = Shop(SqliteHand(tmp_path / "shops" / "pieced.sqlite3"), tmp_path)
    assert shop.rows("SELECT id FROM product WHERE removed") == []


@pytest.mark.parametrize("bad", [("1",), ("2",), ("3",), ("1", "3"), ("2", "3")])
async def test_a_bad_file_is_told_as_in_one_go_with_the_rejects_before_it(
    tmp_path: Path, bad: tuple[str, ...]
) -> None:
    files = {
        f"import0_{n}.xml": goods(product("") * 2 + (f"<{n}" if n in bad else "") + product(""))
        for n in ("1", "2", "3")
    }
    source = export(tmp_path, files)
    await same(tmp_path / "shops", [(source, ("catalog",))], 0.3, 0.6)


@pytest.mark.parametrize(
    ("module", "limit"), [(units, "MANY_UNITS"), (summary, "MANY"), (fullness, "MANY_SCOPES")]
)
async def test_what_is_limited_over_all_files_is_read_in_one_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, limit: str
) -> None:
    """Which of very many units or currencies are remembered, and where there are too many catalogs."""
    monkeypatch.setattr(module, limit, 3)
    files = {
        f"import0_{n}.xml": goods(
            "".join(product(f"{n}{m}", f'<БазоваяЕдиница Код="{m}{n % 2}">x</БазоваяЕдиница>') for m in range(3))
        ).replace("cat", f"cat{n}")
        for n in range(4)
    } | {
        f"offers0_{n}.xml": package(
            "".join(
                offer(f"{n}{m}", price("t", "1").replace("</Цена>", f"<Валюта>X{n}{m}</Валюта></Цена>"))
                for m in range(3)
            )
        )
        for n in range(4)
    }  # fmt: skip
    await same(tmp_path / "shops", [(export(tmp_path, files), ("catalog", "prices"))], 0.3, 0.6)


async def test_more_catalogs_than_any_export_has_are_counted_over_all_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fullness, "MANY_SCOPES", 3)
    files = {f"import0_{n}.xml": goods(product(f"{n}")).replace("cat", f"cat {n}") for n in range(1, 4)}
    source = export(tmp_path, files)
    await same(tmp_path / "shops", [(source, ("catalog",))], 0.3, 0.6)
    _events, error = await told(Shop(SqliteHand(tmp_path / "shop.sqlite3"), tmp_path), source, ("catalog",))
    assert error.startswith("import0_3.xml: has more catalogs")


async def test_odd_totals_are_counted_over_all_pieces(tmp_path: Path) -> None:
    stocks = '<Склад ИдСклада="w" КоличествоНаСкладе="1"/>'
    files = {
        f"offers0_{n}.xml": package(
            "".join(offer(f"{n}{m}", f"<Количество>{m}</Количество>{stocks}") for m in range(3))
        )
        for n in range(1, 4)
    }
    source = export(tmp_path, files)
    await same(tmp_path / "shops", [(source, ("catalog", "stocks"))], 0.3, 0.6)
    events, _error = await told(
        Shop(SqliteHand(tmp_path / "shop.sqlite3"), tmp_path), source, ("catalog", "stocks")
    )
    logs = [event for event in events["stocks"] if isinstance(event, Log)]
    assert [log.args["count"] for log in logs if "Количество" in log.message] == [6]


async def test_prices_that_are_not_set_are_something_and_full_is_what_any_piece_tells(tmp_path: Path) -> None:
    """In a piece that is not the first one alone."""
    first = {
        "offers0_1.xml": package(offer("a", price("t"))),
        "offers0_2.xml": package(offer("b", price("t"))).replace("cat", "dog"),
    }
    unset, other = (
        package(offer(*told), FULL).replace("cat", "dog")
        for told in (("b", price("t", "")), ("c", price("t")))
    )
    second = {"offers0_1.xml": package(offer("a", "")), "offers0_2.xml": unset}
    third = {"offers0_1.xml": package(offer("a", "")), "offers0_2.xml": other}
    sources = [export(tmp_path / f"{n}", files) for n, files in enumerate((first, second, third))]
    await same(tmp_path / "shops", [(source, ("catalog", "prices")) for source in sources], 0.5)


@pytest.mark.chaos
async def test_mutated_files(tmp_path: Path) -> None:
    from random import Random

    from tests.commerceml.test_fuzz import SEED, mutated

    for seed in range(150):
        random = Random(seed)
        folder = tmp_path / f"{seed}"
        folder.mkdir()
        for number in range(1, 4):
            data = mutated(random) if random.random() < 0.3 else SEED.replace("Тёплый", f"{number}").encode()
            (folder / f"import0_{number}.xml").write_bytes(data)
        await same(tmp_path / f"shops {seed}", [(folder, ALL)], random.random(), random.random())


def export(folder: Path, files: dict[str, str]) -> Path:
    source = folder / "1c"
    source.mkdir(parents=True)
    for name, body in files.items():
        (source / name).write_text(xml(body), encoding="utf-8")
    return source
