"""The export of the bench: the same bytes each time, and what it tells arrives in the shop's tables."""

from __future__ import annotations

import csv
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from bench import export
from bench.export import TABLES, write_export
from tests.conftest import Obmen

BYTES = "e9d9f60f2bae0b5c7ecc39dba90adf3e3e22f8c0458013cb5531a8a408d3ac6c"
"""Of five products. With other ones the ratios in bench/results.json are of another export: record them anew."""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*.*"))}


def test_the_same_numbers_give_the_same_bytes(tmp_path: Path) -> None:
    write_export(tmp_path / "one", range(5))
    write_export(tmp_path / "other", range(5))
    assert contents(tmp_path / "one") == contents(tmp_path / "other")
    assert sha256(b"".join(contents(tmp_path / "one").values())).hexdigest() == BYTES


def test_a_product_is_the_same_in_an_export_of_any_size(tmp_path: Path) -> None:
    write_export(tmp_path / "small", range(7, 8))
    write_export(tmp_path / "large", range(10))
    (small,) = rows_of(tmp_path / "small", "product")
    assert small in rows_of(tmp_path / "large", "product")


def test_every_part_is_well_formed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PART", 5)
    write_export(tmp_path / "all", range(12))
    names = [file.name for file in (tmp_path / "all" / "xml").iterdir()]
    assert sorted(names) == sorted(f"{name}0_{part}.xml" for name in TABLES for part in (1, 2, 3))
    for name in names:
        etree.parse(tmp_path / "all" / "xml" / name)


def test_an_import_brings_the_facts_of_the_export(
    obmen: Obmen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: Callable[..., list[tuple[Any, ...]]]
) -> None:
    monkeypatch.setattr(export, "PART", 20)
    write_export(tmp_path / "all", range(50))
    source, asked = str(tmp_path / "all" / "xml"), ("import", "catalog", "prices", "stocks", "--source")
    obmen.json(*asked, source)
    for table, count in {"product": 50, "offer": 100, "price": 300, "stock": 300}.items():
        assert len(rows_of(tmp_path / "all", table)) == count
        assert rows(obmen.catalog, f"SELECT count(*) FROM {table}") == [(count,)]
    prices = rows(obmen.catalog, "SELECT offer_id, price_type_id, value, currency FROM price")
    assert sorted((*key, Decimal(value), currency) for *key, value, currency in prices) == sorted(
        (*key, Decimal(value), currency) for *key, value, currency in rows_of(tmp_path / "all", "price")
    )
    again = obmen.json(*asked, source, OBMEN_LAUNCH__RECENCY_SECONDS="0")
    for counts in again["by_kind"].values():
        assert counts["unchanged"] == counts["read"] > 0


def test_of_twenty_offers_one_costs_more(tmp_path: Path) -> None:
    write_export(tmp_path / "all", range(500))
    write_export(tmp_path / "raised", range(500), lists=["prices"], raised=20)
    before, after = (rows_of(tmp_path / name, "price") for name in ("all", "raised"))
    changed = sum(old != new for old, new in zip(before, after, strict=True))
    assert len(before) == len(after)
    assert 0.04 < changed / len(after) < 0.06


def rows_of(folder: Path, table: str) -> list[list[str]]:
    with (folder / "csv" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))
