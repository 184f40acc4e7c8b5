"""No input makes the reader open other files, fill the memory or show a traceback (guarantee 10)."""

from __future__ import annotations

import os
import random
import re
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from importers.commerceml import normalise, open_export, reader
from importers.commerceml.records import Group, Offer, OfferPrices, OfferStocks, Product, Record, Rejected
from importers.errors import BadFile, SourceError
from importers.kinds.inspect import COUNTED
from tests.commerceml.exports import classifier, goods, package, read, rejects, write, xml

MEMORY_MB = 150

ROOT = "КоммерческаяИнформация"
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
DOCTYPES = {
    "external entity": f'<!DOCTYPE {ROOT} [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    "external DTD": f'<!DOCTYPE {ROOT} SYSTEM "http://127.0.0.1:9/x.dtd">',
    "billion laughs": f'<!DOCTYPE {ROOT} [<!ENTITY a0 "ha">{LAUGHS}]>',
    "defaults of attributes": f"<!DOCTYPE {ROOT} [<!ATTLIST Товар Статус CDATA 'Удален'>]>",
}
BEFORE = {
    "at once": "",
    "behind a comment": "<!-- <КоммерческаяИнформация> -->",
    "behind a long comment": f"<!-- {'x' * 300_000} -->",
    "behind an instruction like the root": f"<?x <{ROOT}> {'x' * 300_000}?>",
}


@pytest.mark.parametrize("doctype", DOCTYPES)
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_a_doctype_is_refused(tmp_path: Path, doctype: str, before: str, encoding: str) -> None:
    body = goods("<Товар><Ид>p</Ид><Наименование>&x;&a9;</Наименование></Товар>")
    text = xml(body, declaration=BEFORE[before] + DOCTYPES[doctype])
    write(tmp_path, text.encode(encoding))
    with pytest.raises(BadFile, match=r"^import\.xml:1: (has a DOCTYPE|the root element is \?)"):
        read(tmp_path, Product)


@pytest.mark.parametrize(
    ("wanted", "body"),
    [
        (Product, goods("<Товар>" + "<a>" * 10_000 + "</a>" * 10_000 + "</Товар>")),
        (Group, classifier("<Группы><Группа><Ид>1</Ид><Наименование>x</Наименование>" * 10_000)),
        (OfferPrices, package("<Предложение>" * 10_000)),
    ],
)
def test_deep_nesting_is_an_error_with_its_line(tmp_path: Path, wanted: type[Record], body: str) -> None:
    write(tmp_path, xml(body))
    with pytest.raises(BadFile, match=r"import\.xml:2: .*[Dd]epth"):
        read(tmp_path, wanted)


@pytest.mark.parametrize("value", ["1e999", "NaN", "inf", "-inf", "0x10", "1" * 31, "٣", "--1", "1.2.3"])
@pytest.mark.parametrize("kind", ["prices", "stocks"])
def test_what_is_no_number_is_rejected_alone(tmp_path: Path, value: str, kind: str) -> None:
    facts = (
        "<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>{}</ЦенаЗаЕдиницу></Цена></Цены>"
        "<Остатки><Остаток><Склад><Ид>w</Ид><Количество>{}</Количество></Склад></Остаток></Остатки>"
    )
    offers = "".join(
        f"\n<Предложение><Ид>{ident}</Ид>{facts.format(told, told)}</Предложение>"
        for ident, told in (("a", "1"), ("b", value), ("c", "1"))
    )
    write(tmp_path, xml(package(offers)))
    found = read(tmp_path, OfferPrices if kind == "prices" else OfferStocks)
    (reject,) = rejects(found)
    assert (reject.id, reject.file, reject.line) == ("b", "import.xml", 4)
    taken = [
        r
        for r in found
        if (isinstance(r, OfferPrices) and r.prices) or (isinstance(r, OfferStocks) and r.stocks)
    ]
    assert [record.id for record in taken] == ["a", "c"]


def test_an_endless_id_is_rejected_and_shown_short(tmp_path: Path) -> None:
    ids = ("a" * normalise.MAX_ID, "x" * (normalise.MAX_ID + 1), "c")
    write(
        tmp_path,
        xml(package("".join(f"\n<Предложение><Ид>{i}</Ид><Артикул>1</Артикул></Предложение>" for i in ids))),
    )
    found = read(tmp_path, Offer)
    (reject,) = rejects(found)
    assert reject.line == 4
    assert len(reject.fragment) <= 500
    assert len(reject.args["value"]) < 100
    assert [r.id for r in found if isinstance(r, Offer)] == [ids[0], "c"]


@pytest.mark.parametrize(
    "data", [b"\0", b"\x0b", b"\xff", b"&unknown;", b"&#0;", b"]]>", b"<", b"<!DOCTYPE x>", b"a&nbsp;b"]
)
def test_bytes_that_xml_forbids_are_an_error(tmp_path: Path, data: bytes) -> None:
    text = xml(goods("<Товар><Ид>p</Ид><Наименование>HERE</Наименование></Товар>")).encode()
    write(tmp_path, text.replace(b"HERE", data))
    with pytest.raises(BadFile, match=r"import\.xml:2: "):
        read(tmp_path, Product)


@pytest.mark.parametrize(
    "encoding", ["zlib", "base64", "rot13", "undefined", "unicode_escape", "utf-7", "idna"]
)
def test_a_codec_that_is_no_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    write(tmp_path, xml("", declaration=f'<?xml version="1.0" encoding="{encoding}"?>').encode() + b"\xff")
    with pytest.raises(BadFile, match=encoding):
        read(tmp_path, Product)


# Sources


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return write(tmp_path / "source", xml(goods("")), "goods.xml")


def test_links_and_pipes_are_refused(source: Path) -> None:
    odd: dict[str, Callable[[Path], None]] = {
        "loop.xml": lambda path: path.symlink_to(path.name),
        "dangling.xml": lambda path: path.symlink_to("nothing.xml"),
        "pipe.xml": os.mkfifo,
        "folder": lambda path: path.symlink_to("/etc"),
        "out.zip": lambda path: path.symlink_to("/etc/passwd"),
    }
    for name, make in odd.items():
        make(source / name)
        with pytest.raises(SourceError, match=name):
            open_export(source)
        (source / name).unlink()


@pytest.mark.parametrize(
    "name", ["import²1.xml", f"prices_1_{'9' * 50}.xml", "prices_1_20260101.xml", "rests_0_0_.xml"]
)
def test_odd_names_are_no_trouble(source: Path, name: str) -> None:
    write(source, xml(package("")), name)
    export = open_export(source)
    assert (name in [part.name for part in export.parts], export.gaps) == (True, ())


def test_a_name_in_another_encoding_can_be_shown(source: Path) -> None:
    (source / os.fsdecode(b"goods_\xff.xml")).write_text(xml(goods("")), encoding="utf-8")
    assert [part.name for part in open_export(source).parts] == ["goods.xml", "goods_\ufffd.xml"]


def test_an_archive_that_is_encrypted_or_packed_otherwise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    for method, flag in ((zipfile.ZIP_LZMA, 0), (zipfile.ZIP_BZIP2, 0), (zipfile.ZIP_DEFLATED, 1)):
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("import.xml", xml(goods("")))
        data = bytearray(path.read_bytes())
        data[data.index(b"PK\x01\x02") + 8] |= flag
        path.write_bytes(data)
        with pytest.raises(SourceError, match=r"a\.zip: import\.xml is encrypted or packed"):
            open_export(path)


def test_an_archive_that_lies_about_places_is_damaged(tmp_path: Path) -> None:
    """The directory is said to lie further on than it does: its files would begin before the archive."""
    source = tmp_path / "export.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("import.xml", xml(goods("")))
    packed = bytearray(source.read_bytes())
    packed[-6:-2] = (int.from_bytes(packed[-6:-2], "little") + 1000).to_bytes(4, "little")
    source.write_bytes(packed)
    with pytest.raises(SourceError, match=r"import\.xml: the archive is damaged.*; copy it again"):
        open_export(source)


def test_a_pipe_is_no_archive(tmp_path: Path) -> None:
    """Opening it would wait for a writer."""
    os.mkfifo(tmp_path / "export.zip")
    with pytest.raises(SourceError, match=r"export\.zip: is no regular file; remove it"):
        open_export(tmp_path)


def test_an_archive_that_lies_about_a_size_is_read_no_further(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("import.xml", xml(goods("")) + " " * 50_000_000)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(BadFile, match=r"^import\.xml: the archive is damaged"):
        read(path, Product)


# Memory


PRODUCT_OF_ALL = "<Товар><Ид>p</Ид><Наименование>x</Наименование></Товар>"
OFFER_OF_ALL = "<Предложение><Ид>p</Ид><Наименование>x</Наименование></Предложение>"
SPACE = " " * (1 << 20)
ATTRIBUTES = "<x" + "".join(f" a{n}='u'" for n in range(300)) + "/>"
NAMES = "".join(f"<n{{:x}}{n:x}/>" for n in range(5000))
NAMED = "".join(f" n{{:x}}{n:x} = ''" for n in range(5000))
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
    "names of attributes": ("", f"<Товар{NAMED}/>", "goods", 300),
    "names of irregular offers": ("", f"<Предложение><Ид >1</Ид>{NAMES}</Предложение>", "prices", 300),
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


@pytest.mark.parametrize("name", ["Каталог", "ПакетПредложений"])
def test_an_endless_id_of_a_section_is_refused(tmp_path: Path, name: str) -> None:
    """Every product and offer keeps the id of its catalog."""
    body = {"Каталог": goods(PRODUCT_OF_ALL), "ПакетПредложений": package(OFFER_OF_ALL)}[name]
    most = normalise.MAX_ID
    for length in (most, most + 1):
        write(tmp_path, xml("\n" + body.replace(">cat<", f">{'c' * length}<").replace(">cat#<", ">cat<")))
        if length > most:
            with pytest.raises(BadFile, match=rf"import\.xml:3: the Ид of {name} is longer than any"):
                read(tmp_path, Product, Offer)
        else:
            assert read(tmp_path, Product, Offer)


@pytest.mark.parametrize("form", ["folder", "zip"])
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


# Anything


SEED = xml(
    classifier("<Группы><Группа><Ид>г</Ид><Наименование>г</Наименование></Группа></Группы>")
    + goods(
        "\n<Товар><Ид>т</Ид><Наименование>Тёплый</Наименование><Картинка>import_files/a.jpg</Картинка></Товар>"
        * 2
    )
    + package(
        "\n<Предложение><Ид>т#1</Ид><Цены><Цена><ИдТипаЦены>р</ИдТипаЦены><ЦенаЗаЕдиницу>5.5</ЦенаЗаЕдиницу></Цена></Цены>"
        "<Остатки><Остаток><Склад><Ид>с</Ид><Количество>3</Количество></Склад></Остаток></Остатки></Предложение>"
        * 2
    )
)
PIECES = [b"", b"\0", b"\xff", b"<", b">", b"&", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?", b"<!DOCTYPE x [", b'"', b"9" * 40,
          b"\xef\xbb\xbf", b"\r", "</Предложения>".encode(), "<Предложения>".encode(), "Склад".encode(), b"../", b"utf-16"]  # fmt: skip


def mutated(random: random.Random) -> bytes:
    data = bytearray(SEED.encode(random.choice(("utf-8", "utf-8", "cp1251", "utf-16"))))
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data))
        match random.randrange(4):
            case 0:
                data[at : at + random.randrange(1, 30)] = random.choice(PIECES)
            case 1:
                data[at:at] = random.choice(PIECES)
            case 2:
                data[at] = random.randrange(256)
            case _:
                other = random.randrange(len(data))
                data[at:at] = data[other : other + random.randrange(1, 300)]
    return bytes(data[: random.choice((len(data), random.randrange(len(data) + 1)))])


def fuzz(folder: Path, seed: int) -> None:
    """Whatever the bytes are, there are only records and errors that an operator can read."""
    data = mutated(random.Random(seed))
    source = folder / "goods.xml"
    if seed % 4 == 0:
        source = folder / "export.zip"
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("goods.xml", SEED if seed % 8 else data)
        if seed % 8:
            packed = bytearray(source.read_bytes())
            packed[random.Random(seed).randrange(len(packed))] ^= 0xFF
            source.write_bytes(packed)
    else:
        source.write_bytes(data)
    for wanted in (COUNTED, {OfferPrices}, {OfferStocks}):
        try:
            for batch in open_export(folder).records(*wanted):
                assert all(isinstance(record, Record) for record in batch)
        except SourceError as error:
            told = str(error)
            assert len(told.splitlines()) == 1, told
    source.unlink()


def test_fuzz(tmp_path: Path) -> None:
    for seed in range(1500):
        fuzz(tmp_path, seed)


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("start", range(1, 11))
def test_fuzz_for_long(tmp_path: Path, start: int) -> None:
    for seed in range(start * 100_000, start * 100_000 + 10_000):
        fuzz(tmp_path, seed)
