"""docs/tables.md is that of the schema, its statements answer what they promise, and the views keep their contract."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from docs.table_queries import QUERIES
from docs.table_words import COLUMNS, NO, OURS, TABLES
from docs.tables import page, schema
from importers.catalog.columns import Table, Type
from importers.catalog.opening import SCHEMA as CATALOG
from importers.catalog.tables import SHAPES
from importers.commerceml.normalise import number
from importers.database.migrations import MADE, WHOLE, made_by_steps, whole_script
from importers.sessions.opening import SCHEMA as JOURNAL
from tests.conftest import Obmen, make_obmen

TOP = Path(__file__).parents[1]

SMALL = """<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация ВерсияСхемы="2.08">
<Классификатор><Ид>cl</Ид>
<Группы>
<Группа><Ид>b</Ид><Наименование>Б</Наименование><Сортировка>20</Сортировка></Группа>
<Группа><Ид>a</Ид><Наименование>А</Наименование><Сортировка>100</Сортировка><Группы>
  <Группа><Ид>a2</Ид><Наименование>А-2</Наименование></Группа>
  <Группа><Ид>a1</Ид><Наименование>А-1</Наименование></Группа></Группы></Группа>
<Группа><Ид>none</Ид><Наименование>Без порядка</Наименование></Группа>
<Группа><Ид>old</Ид><Наименование>Старая</Наименование><ПометкаУдаления>true</ПометкаУдаления><Группы>
  <Группа><Ид>old1</Ид><Наименование>Под старой</Наименование></Группа></Группы></Группа>
</Группы>
<Свойства>
<Свойство><Ид>size</Ид><Наименование>Размер</Наименование><ТипЗначений>Справочник</ТипЗначений>
  <Сортировка>1</Сортировка><ВариантыЗначений>
  <Вариант><Ид>l</Ид><Значение>L</Значение><Сортировка>2</Сортировка></Вариант>
  <Вариант><Ид>s</Ид><Значение>S</Значение><Сортировка>1</Сортировка></Вариант></ВариантыЗначений></Свойство>
<Свойство><Ид>text</Ид><Наименование>Материал</Наименование></Свойство></Свойства>
<ЕдиницыИзмерения><ЕдиницаИзмерения><Код>778</Код><НаименованиеКраткое>упак</НаименованиеКраткое></ЕдиницаИзмерения>
</ЕдиницыИзмерения>
<Склады><Склад><Ид>w</Ид><Наименование>Основной</Наименование></Склад>
<Склад><Ид>gone</Ид><Наименование>Закрытый</Наименование><ПометкаУдаления>true</ПометкаУдаления></Склад></Склады>
<ТипыЦен><ТипЦены><Ид>t</Ид><Наименование>Розничная</Наименование></ТипЦены>
<ТипЦены><Ид>x</Ид><Наименование>Старая</Наименование><ПометкаУдаления>true</ПометкаУдаления></ТипЦены></ТипыЦен>
</Классификатор>
<Каталог><Ид>cat</Ид><ИдКлассификатора>cl</ИдКлассификатора><Товары>
<Товар><Ид>p</Ид><Наименование>Палатка</Наименование><Артикул>P-1</Артикул><Группы><Ид>old</Ид><Ид>a1</Ид></Группы>
  <Картинка>2.jpg</Картинка><Картинка>1.jpg</Картинка>
  <БазоваяЕдиница Код="796">шт<Пересчет><Единица>778</Единица><Коэффициент>10</Коэффициент></Пересчет>
  <Пересчет><Единица>кор</Единица><Коэффициент>9</Коэффициент></Пересчет></БазоваяЕдиница>
  <ЗначенияСвойств><ЗначенияСвойства><Ид>text</Ид><Значение>нейлон</Значение></ЗначенияСвойства></ЗначенияСвойств>
  <Комплектующие><Комплектующее><Ид>peg</Ид><Количество>8</Количество></Комплектующее>
  <Комплектующее><Ид>unknown</Ид></Комплектующее></Комплектующие>
  <ХарактеристикиТовара><ХарактеристикаТовара><Ид>l</Ид><Наименование>Цвет</Наименование><Значение>хаки</Значение>
  </ХарактеристикаТовара></ХарактеристикиТовара></Товар>
<Товар><Ид>q</Ид><Наименование>Котелок</Наименование><Группы><Ид>a</Ид></Группы></Товар>
<Товар><Ид>peg</Ид><Наименование>Колышек</Наименование><Цены><Цена><ИдТипаЦены>t</ИдТипаЦены>
  <ЦенаЗаЕдиницу>3</ЦенаЗаЕдиницу></Цена></Цены><Количество>40</Количество></Товар>
<Товар Статус="Удален"><Ид>dead</Ид><Наименование>Снято</Наименование></Товар>
</Товары></Каталог>
<ПакетПредложений><Ид>cat#</Ид><ИдКаталога>cat</ИдКаталога><Предложения>
<Предложение><Ид>p#s</Ид><Наименование>Палатка S</Наименование><Картинка>https://shop.example/s.jpg</Картинка>
  <ХарактеристикиТовара><ХарактеристикаТовара><Наименование>Размер</Наименование><Значение>S</Значение>
  </ХарактеристикаТовара></ХарактеристикиТовара>
  <ЗначенияСвойств><ЗначенияСвойства><Ид>size</Ид><Значение>s</Значение></ЗначенияСвойства></ЗначенияСвойств>
  <Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>1000</ЦенаЗаЕдиницу></Цена>
  <Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>9000</ЦенаЗаЕдиницу><Единица>778</Единица>
    <Коэффициент>10</Коэффициент></Цена>
  <Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>900</ЦенаЗаЕдиницу><МинКоличество>20</МинКоличество></Цена>
  <Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>950</ЦенаЗаЕдиницу><МинКоличество>5</МинКоличество></Цена>
  <Цена><ИдТипаЦены>x</ИдТипаЦены><ЦенаЗаЕдиницу>1</ЦенаЗаЕдиницу></Цена></Цены>
  <Склад ИдСклада="w" КоличествоНаСкладе="0,1"/><Склад ИдСклада="gone" КоличествоНаСкладе="50"/></Предложение>
<Предложение><Ид>p#l</Ид><Наименование>Палатка L</Наименование>
  <ЗначенияСвойств><ЗначенияСвойства><Ид>size</Ид><Значение>l</Значение></ЗначенияСвойства></ЗначенияСвойств>
  <Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>990.5</ЦенаЗаЕдиницу></Цена></Цены></Предложение>
<Предложение Статус="Удален"><Ид>p#d</Ид><Наименование>Палатка D</Наименование></Предложение>
<Предложение><Ид>q</Ид><Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>99</ЦенаЗаЕдиницу></Цена></Цены>
  <Артикул>Q</Артикул><Наименование>Котелок</Наименование><Количество>7</Количество></Предложение>
<Предложение><Ид>dead</Ид><Наименование>Снято</Наименование></Предложение>
</Предложения></ПакетПредложений></КоммерческаяИнформация>"""


class Answers:
    """The statements of the page, asked of one catalog."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path)

    def ask(self, name: str, **parameters: str) -> list[tuple[Any, ...]]:
        return self.db.execute(QUERIES[name][2], parameters).fetchall()

    def rows(self, sql: str, *parameters: str) -> list[tuple[Any, ...]]:
        return self.db.execute(sql, parameters).fetchall()


def _imported(obmen: Obmen, *source: str) -> Answers:
    done = obmen.call("import", "catalog", "stocks", "prices", *source)
    assert done.returncode == 0, done.stdout + done.stderr
    return Answers(obmen.catalog)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    answers = _imported(make_obmen(tmp_path_factory.mktemp("sample")))
    yield answers
    answers.db.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    folder = tmp_path_factory.mktemp("small")
    (folder / "1c").mkdir()
    (folder / "1c" / "import.xml").write_text(SMALL, encoding="utf-8")
    answers = _imported(make_obmen(folder), "--source", str(folder / "1c"))
    yield answers
    answers.db.close()


def test_the_page_is_that_of_the_schema() -> None:
    text = (TOP / "docs" / "tables.md").read_text(encoding="utf-8")
    assert text == page(), "run: PYTHONPATH=. python docs/tables.py"


def test_every_column_has_a_meaning_and_every_meaning_a_column() -> None:
    found = {name: columns for name, columns in schema().items() if name not in OURS}
    assert set(found) == set(TABLES)
    told = [(table, column) for table, column, *_rest in COLUMNS]
    assert sorted(told) == sorted((table, column) for table, columns in found.items() for column in columns)


def test_the_meaning_of_null_is_told_where_a_column_may_be_null() -> None:
    told = {(table, column): none for table, column, _element, _meaning, none in COLUMNS}
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript((CATALOG / WHOLE).read_text(encoding="utf-8"))
        for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            for _n, column, _type, never, _default, key in db.execute(f"PRAGMA table_info({table})"):
                if table in TABLES and not never and not key:
                    assert told[table, column] not in ("", NO), (table, column)


def test_every_statement_is_asked_by_a_test_of_this_file() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in QUERIES if f'.ask("{name}"' not in source] == []


# the views

VIEWS = {
    "offer_price": ["offer_id", "price_type_id", "price_type", "value", "currency", "amount"],
    "offer_stock": ["offer_id", "quantity"],
    "visible_offer": ["offer_id", "product_id", "product_name", "name", "article", "barcode", "unit", "quantity"],
}  # fmt: skip


def test_the_views_are_a_contract(sample: Answers) -> None:
    names = sorted(name for (name,) in sample.rows("SELECT name FROM sqlite_schema WHERE type = 'view'"))
    assert names == sorted(VIEWS)
    for name, columns in VIEWS.items():
        assert [row[1] for row in sample.rows(f"PRAGMA table_info({name})")] == columns


@pytest.mark.parametrize(
    "question",
    [
        "SELECT * FROM visible_offer WHERE product_id = 'p'",
        "SELECT * FROM visible_offer WHERE offer_id = 'o'",
        "SELECT * FROM offer_price WHERE offer_id = 'o'",
        "SELECT * FROM offer_stock WHERE offer_id = 'o'",
    ],
)
def test_a_view_is_asked_by_indexes(sample: Answers, question: str) -> None:
    plan = [row[3] for row in sample.rows(f"EXPLAIN QUERY PLAN {question}")]
    scans = [
        step for step in plan if step.startswith("SCAN") and step != "SCAN offer_stock"
    ]  # of its one row
    assert not scans, plan
    assert not any("AUTOMATIC" in step for step in plan), plan


def test_numbers_of_views_sort_as_numbers_and_tables_have_them_exactly(small: Answers) -> None:
    rows = small.rows("SELECT offer_id, value FROM offer_price WHERE price_type_id = 't' ORDER BY amount")
    assert rows == [("peg", "3"), ("q", "99"), ("p#l", "990.5"), ("p#s", "1000")]
    assert small.rows("SELECT offer_id FROM visible_offer ORDER BY quantity, offer_id") == [
        ("p#l",),
        ("p#s",),
        ("q",),
    ]
    assert small.rows("SELECT quantity, typeof(quantity) FROM offer_stock WHERE offer_id = 'p#s'") == [
        (0.1, "real")
    ]


# the statements of the page


def test_what_is_visible(sample: Answers, small: Answers) -> None:
    assert small.ask("visible", product="p") == [
        ("p#l", "Палатка L", "P-1", 0),
        ("p#s", "Палатка S", "P-1", 0.1),
    ], "without the removed offer; what lies in a closed warehouse is not for sale"
    assert small.ask("visible", product="dead") == []
    ((product, offers),) = sample.rows(
        "SELECT product_id, count(*) FROM visible_offer GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
    )
    shown = sample.ask("visible", product=product)
    assert len(shown) == offers > 1
    for offer, _name, _article, quantity in shown:
        exact = sum(
            Decimal(q) for (q,) in sample.rows("SELECT quantity FROM stock WHERE offer_id = ?", offer)
        )
        assert Decimal(str(quantity)) == exact


def test_the_products_of_a_group(sample: Answers, small: Answers) -> None:
    assert small.ask("listing", category="a", price_type="t") == [
        ("q", "Котелок", "99", None, 99.0, 1),
        ("p", "Палатка", "990.5", None, 990.5, 1),
    ], "with the groups below it, the cheapest offer of each"
    assert small.ask("listing", category="old", price_type="t") == []
    ((root,),) = sample.rows(
        "SELECT id FROM category WHERE parent_id IS NULL AND removed = 0 ORDER BY id LIMIT 1"
    )
    ((retail,),) = sample.rows("SELECT id FROM price_type ORDER BY id LIMIT 1")
    listed = sample.ask("listing", category=root, price_type=retail)
    amounts = [row[4] for row in listed]
    assert len(amounts) > 10
    assert amounts == sorted(amounts)


def test_goods_without_offers(sample: Answers, small: Answers) -> None:
    assert small.ask("without offers", price_type="t") == [("peg", "Колышек", "3", None, 40)]
    assert sample.ask("without offers", price_type="x") == []


def test_what_a_variant_is_called(sample: Answers, small: Answers) -> None:
    assert small.ask("variants", product="p") == [
        ("p#l", "Палатка L", "Цвет", "хаки"),
        ("p#s", "Палатка S", "Размер", "S"),
    ]
    ((product,),) = sample.rows(
        "SELECT product_id FROM visible_offer GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    for _offer, name, _characteristic, value in sample.ask("variants", product=product):
        assert value in name


def test_the_price_of_a_type(sample: Answers, small: Answers) -> None:
    assert small.ask("price", offer="p#s", price_type="Розничная") == [("p#s", "1000", None)]
    assert small.ask("price", offer="p#s", price_type="Старая") == [], "the type is removed"
    ((offer, kind, value),) = sample.rows(
        "SELECT offer_id, price_type, value FROM offer_price ORDER BY 1, 2 LIMIT 1"
    )
    assert sample.ask("price", offer=offer, price_type=kind) == [(offer, value, "RUB")]


def test_stock_by_warehouse(sample: Answers, small: Answers) -> None:
    assert small.ask("stock", offer="p#s") == [("w", "Основной", None, "0.1")]
    assert small.ask("stock", offer="q") == [("", None, None, "7")]
    ((offer,),) = sample.rows("SELECT offer_id FROM stock ORDER BY 1 LIMIT 1")
    assert [row[1] for row in sample.ask("stock", offer=offer)] == ["Магазин на Речной", "Основной склад"]


def test_filters(sample: Answers, small: Answers) -> None:
    assert small.ask("filters") == [("Размер", "S", 1), ("Размер", "L", 1), ("Материал", "нейлон", 1)]
    found = sample.ask("filters")
    assert {name for name, _value, _count in found} == {"Бренд", "Сезон"}
    ((visible,),) = sample.rows("SELECT count(DISTINCT product_id) FROM visible_offer")
    assert sum(count for name, _value, count in found if name == "Сезон") == visible
    assert not any(len(value) == 36 for _name, value, _count in found), "values, not their ids"


def test_the_tree_of_groups(sample: Answers, small: Answers) -> None:
    assert [(row[0], row[2]) for row in small.ask("tree")] == [
        ("b", 0),
        ("a", 0),
        ("a1", 1),
        ("a2", 1),
        ("none", 0),
    ]
    tree = sample.ask("tree")
    assert len(tree) == 19
    parents = dict(sample.rows("SELECT id, parent_id FROM category"))
    path: list[str] = []
    for group, _name, depth in tree:
        path[depth:] = [group]
        assert parents[group] == (path[depth - 1] if depth else None), "each stands below its parent"


def test_the_main_group(sample: Answers, small: Answers) -> None:
    assert small.ask("main group", product="p") == [("a1", "А-1")], "the first one is removed"
    ((product, group),) = sample.rows(
        "SELECT product_id, category_id FROM product_category ORDER BY 1 LIMIT 1"
    )
    assert [row[0] for row in sample.ask("main group", product=product)] == [group]


def test_pictures(sample: Answers, small: Answers) -> None:
    assert small.ask("pictures", offer="p#s") == [("https://shop.example/s.jpg", 1)]
    assert small.ask("pictures", offer="p#l") == [("2.jpg", 0), ("1.jpg", 0)], "of the product, in 1C's order"
    ((offer, path),) = sample.rows(
        "SELECT o.id, i.path FROM product_image i JOIN offer o ON o.product_id = i.product_id "
        "WHERE position = 0 ORDER BY 1 LIMIT 1"
    )
    assert sample.ask("pictures", offer=offer)[0] == (path, 0)


def test_packs_and_prices_by_quantity(small: Answers) -> None:
    assert small.ask("packs", offer="p#s", price_type="t") == [
        ("кор", "9", None, None),
        ("упак", "10", "9000", ""),
    ]
    assert small.ask("quantity prices", offer="p#s", price_type="t") == [
        ("0", "1000", None),
        ("5", "950", None),
        ("20", "900", None),
    ]


def test_sets(small: Answers) -> None:
    assert small.ask("sets", product="p") == [("unknown", None, "", None), ("peg", "Колышек", "8", 0)]


@pytest.mark.parametrize("folder", [CATALOG, JOURNAL], ids=["catalog", "journal"])
def test_what_a_schema_makes_is_written_beside_it(folder: Path) -> None:
    """Else: PYTHONPATH=. python docs/tables.py"""
    number, *lines = (folder / MADE).read_text(encoding="utf-8").splitlines()
    newest = max(int(step.name[:3]) for step in folder.glob("[0-9]*_*.sql"))
    assert int(number) == newest
    assert {tuple(line.split("\t")) for line in lines} == made_by_steps(folder, newest)


@pytest.mark.parametrize("folder", [CATALOG, JOURNAL], ids=["catalog", "journal"])
def test_a_new_database_is_as_one_brought_up_step_by_step(folder: Path) -> None:
    def made(*scripts: str) -> tuple[list[str], list[tuple[str, int]]]:
        with closing(sqlite3.connect(":memory:")) as db:
            for script in scripts:
                db.executescript(script)
            parts = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
            tables = [name for type_, name, _of, _sql in parts if type_ == "table"]
            return sorted(map(str, parts)), [
                (name, *db.execute(f"SELECT count(*) FROM {name}").fetchone()) for name in sorted(tables)
            ]

    steps = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("[0-9]*_*.sql"))]
    whole = (folder / WHOLE).read_text(encoding="utf-8")
    assert whole == f"-- {len(steps)}\n{whole_script(folder)}", "PYTHONPATH=. python docs/tables.py"
    assert made(whole) == made(*steps)


COLUMNS_OF_IMPORTS = [
    (table, column) for shape in SHAPES for table in shape.tables for column in table.columns
]


@pytest.mark.parametrize(
    ("table", "column"), COLUMNS_OF_IMPORTS, ids=lambda value: getattr(value, "name", value)
)
def test_columns_have_the_type_that_the_schema_gives_them(table: Table, column: str) -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript((CATALOG / WHOLE).read_text(encoding="utf-8"))
        ((declared,),) = db.execute(
            "SELECT type FROM pragma_table_info(?) WHERE name = ?", (table.name, column)
        )
        ((sql,),) = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table.name,))
    is_flag = re.search(rf"\b{column} INTEGER [^,]*CHECK \({column} IN \(0, 1\)\)", " ".join(sql.split()))
    expected = {"INTEGER": Type.BOOLEAN if is_flag else Type.INTEGER, "TEXT": Type.TEXT}[declared]
    assert table.type_of(column) in ((Type.TEXT, Type.DECIMAL) if expected is Type.TEXT else (expected,))


def test_decimals_are_exact_numbers_and_nothing_else(sample: Answers, small: Answers) -> None:
    found = 0
    for table, column in COLUMNS_OF_IMPORTS:
        if table.type_of(column) is Type.DECIMAL:
            for (value,) in [
                row for shop in (sample, small) for row in shop.rows(f"SELECT {column} FROM {table.name}")
            ]:
                if value:  # '' and NULL: not told
                    assert value == number(value), (table.name, column)
                    found += 1
    assert found > 1000
