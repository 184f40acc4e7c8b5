"""Tiny exports for the tests of the reader."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from importers.commerceml import open_export
from importers.commerceml.records import Record, Rejected, Section

NAMESPACE = ' xmlns="urn:1C.ru:commerceml_3"'


def xml(
    body: str, *, namespace: str = NAMESPACE, declaration: str = '<?xml version="1.0" encoding="UTF-8"?>\n'
) -> str:
    return (
        f'{declaration}<КоммерческаяИнформация{namespace} ВерсияСхемы="3.1">{body}</КоммерческаяИнформация>'
    )


def goods(products: str, attributes: str = "") -> str:
    return f"<Каталог{attributes}><Ид>cat</Ид><Товары>{products}</Товары></Каталог>"


def classifier(body: str) -> str:
    return f"<Классификатор><Ид>cls</Ид>{body}</Классификатор>"


def package(offers: str, attributes: str = "") -> str:
    return (
        f"<ПакетПредложений{attributes}><Ид>cat#</Ид><ИдКаталога>cat</ИдКаталога>"
        f"<Предложения>{offers}</Предложения></ПакетПредложений>"
    )


PRODUCT = "<Товар><Ид>{}</Ид><Наименование>x</Наименование></Товар>"
OFFER = "<Предложение><Ид>o</Ид><Наименование>x</Наименование>{}</Предложение>"
IMPORT = xml(goods(PRODUCT.format("p")))
PRICES = package(
    OFFER.format("<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>")
)


def write(folder: Path, text: str | bytes, name: str = "import.xml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def zipped(path: Path, members: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def read(source: Path, *wanted: type[Record]) -> list[Record]:
    """All records of the wanted types, without their sections unless these are wanted."""
    return list(stream(source, *wanted))


def read_body(folder: Path, body: str, *wanted: type[Record]) -> list[Record]:
    """Of an export of one file."""
    return read(write(folder, xml(body)), *wanted)


def stream(source: Path, *wanted: type[Record]) -> Iterator[Record]:
    for batch in open_export(source).records(*wanted):
        for record in batch:
            if not isinstance(record, Section) or Section in wanted:
                yield record


def rejects(records: list[Record]) -> list[Rejected]:
    return [record for record in records if isinstance(record, Rejected)]
