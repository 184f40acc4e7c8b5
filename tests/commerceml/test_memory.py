"""However long a file or one element of it is, reading takes little memory and time (guarantee 10)."""

from __future__ import annotations

import gc
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lxml import etree

from importers.commerceml import open_export, reader
from importers.commerceml.records import Group, OfferPrices, Product, Rejected
from importers.commerceml.tree_guard import TreeGuard
from importers.errors import BadFile
from tests.commerceml.exports import classifier, goods, package, read, write, xml

MEMORY_MB = 150
SPACE = " " * (1 << 20)
ATTRIBUTES = "<x" + "".join(f" a{n}='u'" for n in range(300)) + "/>"
NAMES = "".join(f"<n{{:x}}{n:x}/>" for n in range(5000))
NAMED = "".join(f" n{{:x}}{n:x} = ''" for n in range(300))
WRITERS = {
    "a text": ("<Товар><Ид>1</Ид><Описание>", "x" * (1 << 20), "goods", 200),
    "a text of an offer": ("<Предложение><Ид>", "x" * (1 << 20), "prices", 200),
    "spaces between offers": ("", SPACE, "prices", 200),
    "an attribute": ("<Товар a='", "x" * (1 << 20), "goods", 200),
    "a comment": ("<!--", "x" * (1 << 20), "goods", 200),
    "elements of no record": ("<Прочее>", "<a/>" * (1 << 18), "goods", 50),
    "lists": ("", "<Группы/>" * (1 << 16), "goods", 50),
    "one product": ("<Товар><Ид>1</Ид>", "<Картинка>x</Картинка>" * (1 << 15), "goods", 50),
    "attributes": ("<Товар><Ид>1</Ид>", ATTRIBUTES * 500, "goods", 50),
    "attributes of one tag": ("<Товар", "".join(f" a{n}=''" for n in range(100_000)), "goods", 50),
    "namespaces": ("<Товар><Ид>1</Ид>", ATTRIBUTES.replace(" a", " xmlns:a") * 500, "goods", 50),
    "names of elements": ("", f"<Товар><Ид>1</Ид>{NAMES}</Товар>", "goods", 300),
    "names of attributes": ("", f"<Товар{NAMED}/>", "goods", 5000),
    "names of irregular offers": ("", f"<Предложение><Ид a='1'>1</Ид>{NAMES}</Предложение>", "prices", 300),
    "long names": (
        "",
        "".join(f"<Товар><{'n' * 40_000}{{:x}}{n:x}/></Товар>" for n in range(20)),
        "goods",
        100,
    ),
    "addresses of namespaces": (
        "",
        "".join(f"<Товар xmlns='{'u' * 90}{{:x}}{n:x}'/>" for n in range(5000)),
        "goods",
        100,
    ),
    "long attributes": ("", "".join(f"<a b='{'x' * (1 << 16)}'/>" for _ in range(16)), "goods", 200),
}
READ = r"""
import re, sys
from pathlib import Path
from importers.commerceml import open_export
from importers.commerceml.places import name_of
from importers.commerceml.records import OfferPrices, Product
from importers.errors import BadFile
wanted = (OfferPrices,) if sys.argv[2] == "prices" else (Product,)
records = 0
try:
    export = open_export(Path(sys.argv[1]))
    for batch in export.records(*wanted):
        records += len(batch)
    if sys.argv[2] == "pictures":
        images = export.images()
        assert len({hash(part.name) for part in images.values()}) == sum(name_of(place) in images for place in export.pictures)
except BadFile as error:
    print(error, file=sys.stderr)
print(records, int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def read_apart(source: Path, kind: str) -> tuple[int, int, str]:
    """(records, largest memory in MB, the error) of a process that reads the source."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(source), kind], capture_output=True, text=True, check=True
    )
    records, memory = done.stdout.split()
    return int(records), int(memory), done.stderr.strip()


@pytest.mark.parametrize("name", WRITERS)
def test_what_never_ends_is_an_error_in_little_memory(tmp_path: Path, name: str) -> None:
    """More than may be held at once, of each kind of thing that a parser holds."""
    opening, filling, kind, megabytes = WRITERS[name]
    place = goods("|") if kind == "goods" else package("|")
    with (tmp_path / f"{kind}.xml").open("w", encoding="utf-8") as file:
        file.write(xml(place).partition("|")[0] + opening)
        for number in range(megabytes):
            file.write(filling.replace("{:x}", f"{number:x}_"))
    _records, memory, error = read_apart(tmp_path, kind)
    (tmp_path / f"{kind}.xml").unlink()
    assert error.startswith(f"{kind}.xml:")
    assert "ends in the middle" not in error
    assert memory < MEMORY_MB


@pytest.mark.parametrize("form", [" a{}=''", " a{}\n=\n'>'"])
@pytest.mark.parametrize("place", ["root", "product"])
def test_attributes_of_a_tag_have_an_end(tmp_path: Path, place: str, form: str) -> None:
    """However they are written, and though the tag ends before the parser itself has had enough."""
    attributes = "".join(form.format(n) for n in range(600_000))
    if place == "root":
        write(tmp_path, xml(goods(""), namespace=attributes), "goods.xml")
    else:
        write(tmp_path, xml(goods(f"<Товар{attributes}/>")), "goods.xml")
    _records, memory, error = read_apart(tmp_path, "goods")
    assert "one element holds more" in error
    assert memory < MEMORY_MB


@pytest.mark.parametrize("form", ["folder", pytest.param("zip", marks=pytest.mark.chaos)])
def test_very_many_pictures_take_little_memory(tmp_path: Path, form: str) -> None:
    """As many as 1C has in a full export; also when all of them are asked for."""
    write(tmp_path, xml(goods("<Товар><Ид>p</Ид></Товар>")), "goods.xml")
    count = 60_000 if form == "folder" else 200_000
    names = [f"import_files/{n % 64:02x}/{n:016x}.jpg" for n in range(count)]
    if form == "zip":
        deep = "webdata/000000001/goods/1/a_folder_with_a_long_name/another_folder_with_a_long_name/"
        write_zip(tmp_path / "pictures.zip", [f"{deep}{name[:-4]}_{'0' * 40}.jpg" for name in names])
    else:
        for number in range(64):
            (tmp_path / f"import_files/{number:02x}").mkdir(parents=True)
        for name in names:
            (tmp_path / name).touch()
    _records, memory, error = read_apart(tmp_path, "pictures")
    assert error == ""
    assert memory < (70 if form == "folder" else 125)


def write_zip(path: Path, names: list[str]) -> None:
    """An archive of empty files, in a tenth of the time that zipfile takes."""
    local, listed, at = [], [], 0
    for name in map(str.encode, names):
        local.append(struct.pack("<4s22xHH", b"PK\3\4", len(name), 0) + name)
        listed.append(struct.pack("<4s24xH12xI", b"PK\1\2", len(name), at) + name)
        at += len(local[-1])
    size = sum(map(len, listed))
    # So many that their number does not fit: zip64.
    end = struct.pack("<4sQ20xQQQ", b"PK\6\6", 44, len(names), size, at) + struct.pack(
        "<4s4xQI", b"PK\6\7", at + size, 1
    )
    last = struct.pack("<4s8xIIH", b"PK\5\6", size, at, 0)
    path.write_bytes(b"".join([*local, *listed, end, last]))


def test_a_product_of_very_many_pictures_is_read_in_no_time(tmp_path: Path) -> None:
    pictures = "".join(f"<Картинка>{n}.jpg</Картинка>" for n in range(90_000))
    write(tmp_path, xml(goods(f"<Товар><Ид>p</Ид>{pictures}</Товар>")))
    start = time.process_time()
    (product,) = read(tmp_path, Product)
    assert isinstance(product, Product)
    assert len(product.images) == 90_000
    assert time.process_time() - start < 10, "each compared with all before it, they take minutes"


def test_the_largest_product_takes_little_memory(tmp_path: Path) -> None:
    pictures = "".join(f"<Картинка>{n}{'ж' * 24}</Картинка>" for n in range(95_000))
    write(
        tmp_path,
        xml(goods(f"<Товар><Ид>p</Ид><Наименование>P</Наименование>{pictures}</Товар>")),
        "goods.xml",
    )
    records, memory, error = read_apart(tmp_path, "goods")
    assert (records, error) == (1, "")
    assert memory < 140
    write(tmp_path, xml("\n" + goods(f"<Товар><Ид>p</Ид>{pictures * 3}</Товар>")), "goods.xml")
    _records, memory, error = read_apart(tmp_path, "goods")
    assert error.startswith("goods.xml:3: one element holds more than any that 1C writes")
    assert memory < 140


def test_the_largest_lists_of_1c_are_read(tmp_path: Path) -> None:
    group = (
        "<Группа><Ид>{:036}</Ид><НомерВерсии>AAAAAAABAAA=</НомерВерсии><ПометкаУдаления>false</ПометкаУдаления>"
        "<Наименование>Группа товаров с длинным именем</Наименование></Группа>\n"
    )
    groups = "".join(map(group.format, range(20_000)))
    write(tmp_path, xml(classifier(f"<Группы>{groups}</Группы>")))
    assert len(read(tmp_path, Group)) == 20_000


BAD = {
    "pictures": ("<Товар><Ид>p</Ид>{}</Товар>", "<Картинка>../{}.jpg</Картинка>"),
    "prices": (
        "<Товар><Ид>p</Ид><Цены>{}</Цены></Товар>",
        "<Цена><ИдТипаЦены>{}</ИдТипаЦены><ЦенаЗаЕдиницу>x</ЦенаЗаЕдиницу></Цена>",
    ),
    "groups": ("", "<Группа><Ид>{}</Ид></Группа>"),
}


@pytest.mark.parametrize("what", BAD)
def test_very_many_rejects_of_one_element_are_handed_on_in_batches(tmp_path: Path, what: str) -> None:
    count = 20_000
    holder, bad = BAD[what]
    many = "".join(bad.format(n) for n in range(count))
    body = goods(holder.format(many)) if holder else classifier(f"<Группы>{many}</Группы>")
    write(tmp_path, xml(body))
    batches = list(open_export(tmp_path).records(Product, OfferPrices, Group))
    assert max(map(len, batches)) < 2 * reader.BATCH
    told = [record.fragment for batch in batches for record in batch if isinstance(record, Rejected)]
    assert [int(re.search(r"\d+", fragment.partition(">")[2])[0]) for fragment in told] == list(range(count))  # type: ignore[index]


@pytest.mark.parametrize("kind", ["prices", "goods", "irregular"])
@pytest.mark.chaos
def test_memory_does_not_grow_with_the_export(tmp_path: Path, kind: str) -> None:
    price = "<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>"
    forms = {
        "prices": f"\n<Предложение><Ид>{{}}</Ид>{price}</Предложение>",
        "irregular": f"\n<Предложение><Ид >{{}}</Ид>{price}</Предложение>",
        "goods": f"\n<Товар><Ид>{{}}</Ид><Наименование>x</Наименование><Описание>{'x' * 200}</Описание></Товар>",
    }
    used = []
    for count in (10_000, 40_000):
        body = "".join(map(forms[kind].format, range(count)))
        write(tmp_path, xml(goods(body) if kind == "goods" else package(body)))
        records, memory, error = read_apart(tmp_path, "goods" if kind == "goods" else "prices")
        assert (records, error) == (count, "")
        used.append(memory)
    assert used[1] - used[0] <= 4, used


TRASH = "\nж" * 100_000


@pytest.mark.parametrize("kind", ["goods", "prices", "orders"])
def test_text_where_none_belongs_is_no_danger(tmp_path: Path, kind: str) -> None:
    """The parser is in the middle of such a text whenever records before it are cut off: it must not lose its place."""
    records = {
        "goods": "<Товар><Ид>{}</Ид></Товар>",
        "prices": "<Предложение ><Ид>{}</Ид><Цены><Цена><ИдТипаЦены>t</ИдТипаЦены>"
        "<ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены></Предложение>",
        "orders": "<Документ><Ид>{}</Ид></Документ>",
    }
    body = "before" + "".join(records[kind].format(n) + TRASH for n in range(10))
    text = {
        "goods": goods(body),
        "prices": package(body),
        "orders": body + goods("<Товар><Ид>g</Ид></Товар>"),
    }
    write(tmp_path, xml(text[kind]), f"{kind}.xml")
    records_read, _memory, error = read_apart(tmp_path, kind)
    assert (records_read, error) == (1 if kind == "orders" else 10, "")


@pytest.mark.parametrize("place", [0, 5])
def test_line_breaks_in_place_of_taken_offers_do_not_pile_up(tmp_path: Path, place: int) -> None:
    """A text of the parser ends at ten million characters, also behind an offer that it has read itself."""
    price = "<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>"
    offers = [f"<Предложение><Ид>{n}</Ид>{price}</Предложение>" + "\n" * 60_000 for n in range(300)]
    offers[place] = offers[place].replace("<Ид>", "<Ид >")
    write(tmp_path, xml(package("".join(offers))), "prices.xml")
    assert [r.id for r in read(tmp_path, OfferPrices) if isinstance(r, OfferPrices)] == list(
        map(str, range(300))
    )


def test_small_pieces_do_not_hide_the_names_in_large_ones() -> None:
    guard = TreeGuard("a.xml")

    def feed() -> None:
        for number in range(500):
            guard.before_feeding("".join(f"<я{number}_{n}/>" for n in range(3000)).encode(), 1)
            guard.before_feeding(b"\n", 1)

    with pytest.raises(BadFile, match="more names of elements than any file of 1C"):
        feed()


@pytest.mark.chaos
def test_parsers_do_not_pile_up(tmp_path: Path) -> None:
    """They refer to themselves, and in an import hardly anything else does that would call the collector."""
    for number in range(100):
        write(tmp_path, xml(goods("<Товар><Ид>1</Ид></Товар>")), f"import{number}.xml")
    gc.disable()
    try:
        parsers = 0
        for _batch in open_export(tmp_path).records(Product):
            parsers = max(parsers, sum(isinstance(thing, etree.XMLPullParser) for thing in gc.get_objects()))
    finally:
        gc.enable()
    assert 0 < parsers < 40
