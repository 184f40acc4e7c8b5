"""Real exports made by 1C: what arrives in the catalog is what an independent reading of the XML finds.

Skipped where the folder of real exports is absent; they are nobody's to publish with the project.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.counts import COUNTS, balanced

from importers.kinds import KINDS
from tests.conftest import EXPORTS, Obmen, make_obmen

NUMBER = re.compile(r"-?\d+(\.\d+)?")


def sources() -> list[Path]:
    """Folders with XML in them; the whole package where 1C made one folder per kind of file."""
    packages = [path.parent for path in EXPORTS.glob("**/goods") if path.is_dir()]
    folders = {path.parent for path in EXPORTS.glob("**/*.xml")}
    return sorted(
        packages + [path for path in folders if not any(package in path.parents for package in packages)]
    )


def roots(source: Path) -> Iterator[tuple[Path, ElementTree.Element]]:
    """Every file parsed whole, by the standard library, names without their namespace."""
    for path in sorted(source.glob("**/*.xml" if (source / "goods").is_dir() else "*.xml")):
        data = path.read_bytes()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1251")
        root = ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        yield path, root


def text(element: ElementTree.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def offer_id(offer: ElementTree.Element) -> str:
    ident, trait = text(offer, "Ид"), text(offer, "ИдХарактеристики")
    return f"{ident}#{trait}" if trait and "#" not in ident else ident


def expected(source: Path) -> dict[str, int]:
    """Distinct ids by kind of thing."""
    found: dict[str, set[Any]] = {
        name: set() for name in ("category", "product", "offer", "price", "customer")
    }
    for path, root in roots(source):
        facts_file = path.stem.lower().startswith(("prices", "rests"))
        for group in root.iter("Группа"):
            if text(group, "Ид") and text(group, "Наименование"):
                found["category"].add(text(group, "Ид"))
        for goods in root.iter("Товары"):
            for product in goods.findall("Товар"):
                ident = text(product, "Ид")
                found["product"].add(ident.partition("#")[0])
                if "#" in ident:
                    found["offer"].add(ident)
                for price in product.findall("Цены/Цена"):
                    add_price(found, ident, price)
        for offers in root.iter("Предложения"):
            for offer in offers.findall("Предложение"):
                if text(offer, "Ид") and not facts_file:
                    found["offer"].add(offer_id(offer))
                for price in offer.findall("Цены/Цена"):
                    add_price(found, offer_id(offer), price)
        for customer in root.iter("Контрагент"):
            if text(customer, "Ид"):
                found["customer"].add(text(customer, "Ид"))
    return {name: len(ids) for name, ids in found.items()}


def add_price(found: dict[str, set[Any]], offer: str, price: ElementTree.Element) -> None:
    value = re.sub(r"\s", "", text(price, "ЦенаЗаЕдиницу")).replace(",", ".")
    if NUMBER.fullmatch(value) and text(price, "ИдТипаЦены"):
        found["price"].add((offer, text(price, "ИдТипаЦены")))


def kinds_of(obmen: Obmen, source: Path) -> list[str]:
    """The import types that the export has something for, the catalog always first."""
    found = obmen.json("inspect", str(source))["kinds"]
    return [kind for kind in KINDS if kind in found and found[kind]["records"] and kind != "images"]


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="no real exports here")
@pytest.mark.parametrize("source", sources() or [EXPORTS], ids=lambda path: str(path.relative_to(EXPORTS)))
def test_catalog_holds_what_the_export_says(
    tmp_path: Path, source: Path, rows: Callable[..., list[tuple[Any, ...]]]
) -> None:
    obmen = make_obmen(tmp_path)
    kinds = kinds_of(obmen, source)
    assert kinds
    if "catalog" not in kinds:  # stocks and prices alone are refused before any catalog
        obmen.json("import", "catalog")
    before = {name: rows(obmen.catalog, f"SELECT count(*) FROM {name}")[0][0] if obmen.catalog.exists() else 0
              for name in expected(source)}  # fmt: skip
    done = obmen.json("import", *kinds, "--source", str(source))
    assert done["status"] == "completed", done["error"]
    assert all(balanced(counts) for counts in done["by_kind"].values())
    want = expected(source)
    have = {name: rows(obmen.catalog, f"SELECT count(*) FROM {name}")[0][0] - before[name] for name in want}
    assert have == want

    again = obmen.json("import", *kinds, "--source", str(source), OBMEN_LAUNCH__RECENCY_SECONDS="0")
    changed = {name: again["counts"][name] for name in COUNTS[1:5] if name != "unchanged"}
    assert changed == {"created": 0, "updated": 0, "removed": 0}
