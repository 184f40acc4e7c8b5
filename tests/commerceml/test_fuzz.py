"""Whatever the bytes of a source are, there are only records and errors that an operator can read (guarantee 10)."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest

from importers.commerceml import open_export
from importers.commerceml.records import OfferPrices, OfferStocks, Record
from importers.errors import SourceError
from importers.kinds.inspect import COUNTED
from tests.commerceml.exports import classifier, goods, package, xml

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
    for seed in range(1000):
        fuzz(tmp_path, seed)


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("start", range(1, 11))
def test_fuzz_for_long(tmp_path: Path, start: int) -> None:
    for seed in range(start * 100_000, start * 100_000 + 10_000):
        fuzz(tmp_path, seed)
