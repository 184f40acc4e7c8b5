"""Whole imports, command and worker, against the floor."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import floor, measure
from bench.export import write_export
from bench.measure import KINDS, OBMEN, Usage, environment, median
from bench.ratios import Ratio

ALLOWED = {5_000: (2.3, 1.7), 20_000: (1.8, 1.2), 100_000: (1.6, 1.0)}
"""Products: (CPU, time) of a first import, as multiples of the floor."""
AGAIN = 0.3
PRICES = 1.5
MEMORY = 120
"""MB of all processes."""
TEN_OFFERS = 0.35
"""Seconds of CPU of a session that brings ten offers."""


@dataclass
class Runs:
    """The usages of each thing; floors are measured before and after what they are the floor of."""

    floor: list[Usage] = field(default_factory=list)
    first: list[Usage] = field(default_factory=list)
    again: list[Usage] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    price_floor: list[Usage] = field(default_factory=list)
    prices: list[Usage] = field(default_factory=list)
    ten: list[Usage] = field(default_factory=list)


def run(folder: Path, products: int, seconds: float, *, first_only: bool = False) -> list[Ratio]:
    """First import, the same again, changed prices and ten offers of an export of so many products, in rounds.

    A new round begins for so many seconds.
    """
    export, prices, ten, shop = (folder / name for name in ("export", "prices", "ten", "shop"))
    write_export(export, range(products))
    if not first_only:
        write_export(prices, range(products), lists=["prices"], raised=20)
        write_export(ten, range(5), lists=["offers", "prices", "rests"], raised=1, changes_only=True)
    runs, end = Runs(), time.monotonic() + seconds
    while not runs.first or time.monotonic() < end:
        shutil.rmtree(shop, ignore_errors=True)
        runs.floor.append(floor.run(export))
        runs.first.append(_import(shop, export, *KINDS))
        if first_only:
            continue
        with _commits(shop) as commits:
            runs.again.append(_import(shop, export, *KINDS))
        runs.commits += commits
        runs.floor.append(floor.run(export))
        runs.price_floor.append(floor.run(prices, ["prices"]))
        runs.prices.append(_import(shop, prices, "prices"))
        runs.price_floor.append(floor.run(prices, ["prices"]))
        runs.ten.append(_import(shop, ten, *KINDS))
    print(f"{_name(products)}: {_mb(export / 'xml')} MB of XML make a catalog of {_mb(shop)} MB", flush=True)
    return list(_ratios(products, runs))


def _ratios(products: int, runs: Runs) -> Iterator[Ratio]:
    name = _name(products)
    cpu, wall = next((limits for size, limits in ALLOWED.items() if products <= size), ALLOWED[100_000])
    base, first = median(runs.floor), median(runs.first)
    yield Ratio(f"{name}: first import, CPU", first.cpu, base.cpu, cpu, "s")
    yield Ratio(f"{name}: first import, time", first.wall, base.wall, wall, "s")
    peak = max(usage.peak_mb for usage in runs.first + runs.again + runs.prices)
    yield Ratio(f"{name}: memory of all processes over {MEMORY} MB", peak, MEMORY, 1, "MB")
    if not runs.again:
        return
    again = median(runs.again)
    yield Ratio(f"{name}: the same again, CPU over the first", again.cpu, first.cpu, AGAIN, "s")
    yield Ratio(f"{name}: the same again, time over the first", again.wall, first.wall, AGAIN, "s")
    yield Ratio(f"{name}: the same again, commits to the catalog", max(runs.commits), 1, 0, "")
    yield Ratio(
        f"{name}: 5 % of prices changed, CPU",
        median(runs.prices).cpu,
        median(runs.price_floor).cpu,
        PRICES,
        "s",
    )
    yield Ratio(
        f"{name}: ten offers, CPU over {TEN_OFFERS} s", median(runs.ten).cpu, TEN_OFFERS, 1, "s", noise=1.5
    )


def _name(products: int) -> str:
    return f"{products:,} products".replace(",", " ")


def _mb(folder: Path) -> int:
    return round(sum(file.stat().st_size for file in folder.glob("*.*")) / 1e6)


def _import(shop: Path, export: Path, *kinds: str) -> Usage:
    return measure.run([*OBMEN, "import", *kinds, "--force"], environment(shop, export / "xml"))


@contextmanager
def _commits(shop: Path) -> Iterator[list[int]]:
    """Fills the list with 1 if anybody committed to the catalog meanwhile, else with 0."""
    commits: list[int] = []
    with closing(sqlite3.connect(shop / "catalog.sqlite3")) as db:
        (before,) = db.execute("PRAGMA data_version").fetchone()
        yield commits
        (after,) = db.execute("PRAGMA data_version").fetchone()
        commits.append(int(after != before))
