"""Importing prices against `xmllint --stream --noout` on the same files (40,000 offers × 5 price types)."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import measure as bench
from bench.measure import Ratio, Usage
from importers.sample.make import write_export

OBMEN = (sys.executable, "-m", "tui")
PRODUCTS = 14_740
"""So many products of the sample shop have 40,000 offers."""


def compare(folder: Path, size: int, runs: int) -> tuple[Usage, Usage]:
    """(import of the prices, xmllint on the same files) for an export of `size` products."""
    export = folder / f"export{size}"
    write_export(export, products=size, price_types=5, customers=0, parts=1)
    env = environment(folder / f"shop{size}", export)
    bench.run([*OBMEN, "import", "catalog"], env)
    files = [str(path) for path in sorted((export / "prices").glob("*.xml"))]
    imports, floors = [], []
    for _ in range(runs):
        keep = folder / "catalog.sqlite3"
        shutil.copy(folder / f"shop{size}" / "catalog.sqlite3", keep)
        floors.append(bench.run(["xmllint", "--stream", "--noout", *files]))
        imports.append(bench.run([*OBMEN, "import", "prices", "--detach"], env))
        shutil.move(keep, folder / f"shop{size}" / "catalog.sqlite3")
    shutil.rmtree(export)
    return bench.best(imports), bench.best(floors)


def run(folder: Path, *, quick: bool) -> Iterator[Ratio]:
    size, runs = (PRODUCTS // 10, 1) if quick else (PRODUCTS, 3)
    once, floor = compare(folder, size, runs)
    yield Ratio("prices, worker: CPU over xmllint --stream --noout", once.worker_cpu, floor.cpu, 3.0, "s")
    yield Ratio("prices, command and worker: CPU over xmllint", once.cpu, floor.cpu, 4.0, "s")
    yield Ratio("prices, worker: peak memory over 80 MB", once.peak_mb, 80, 1.0, "MB")
    four, floor = compare(folder, size * 4, 1)
    yield Ratio("prices × 4, worker: CPU over xmllint", four.worker_cpu, floor.cpu, 3.0, "s")
    yield Ratio("prices × 4, worker: peak memory over that of × 1", four.peak_mb, once.peak_mb, 1.1, "MB")


def environment(folder: Path, export: Path) -> dict[str, str]:
    return {
        "OBMEN_CATALOG__URL": f"sqlite:///{folder}/catalog.sqlite3",
        "OBMEN_JOURNAL__URL": f"sqlite:///{folder}/journal.sqlite3",
        "OBMEN_LOG__PATH": f"{folder}/obmen.log",
        "OBMEN_SOURCE__PATH": str(export),
        "OBMEN_LAUNCH__RECENCY_SECONDS": "0",
    }
