"""Tiny exports for the tests of the reader."""

from __future__ import annotations

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


def write(folder: Path, text: str | bytes, name: str = "import.xml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def read(source: Path, *wanted: type[Record]) -> list[Record]:
    """All records of the wanted types, without their sections unless these are wanted."""
    return list(stream(source, *wanted))


def stream(source: Path, *wanted: type[Record]) -> Iterator[Record]:
    for batch in open_export(source).records(*wanted):
        for record in batch:
            if not isinstance(record, Section) or Section in wanted:
                yield record


def rejects(records: list[Record]) -> list[Rejected]:
    return [record for record in records if isinstance(record, Rejected)]
