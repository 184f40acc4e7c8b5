"""`make bench`: speed and memory as ratios to a floor that is measured in the same run, since machines are noisy.

python -m bench                    5,000 and 20,000 products, launches, the screen: less than five minutes
python -m bench --size 100000      imports of another size alone (--rounds: how often; --first: nothing but the first)
python -m bench … --record         write the ratios of this run to results.json

Exit 1 when a ratio is more than 10 % worse than the recorded one, or over what is allowed where it was not. What looks
so is measured once more, and the better of both counts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import floor, importing, launching, screen
from bench.ratios import Ratio, better, read_recorded, record, table

Group = Callable[[Path], Sequence[Ratio]]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, action="append", metavar="PRODUCTS")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    if missing := floor.missing_tools():
        print(
            f"bench: the floor is measured with tools that are not here: apt-get install {' '.join(missing)}"
        )
        return 1
    if options.size:
        groups = [imports(size, options.rounds, options.first) for size in options.size]
    else:
        groups = [imports(5_000, 3), imports(20_000, 2), launches, control_room]
    recorded = read_recorded()
    measured: list[Ratio] = []
    for group in groups:
        found = attempt(group)
        if not options.record and any(ratio.fails(recorded.get(ratio.what)) for ratio in found):
            found = better(found, attempt(group))
        measured += found
    print(table(measured, recorded))
    if options.record:
        record(measured)
        return 0
    return int(any(ratio.fails(recorded.get(ratio.what)) for ratio in measured))


def imports(products: int, rounds: int, first_only: bool = False) -> Group:
    return lambda folder: importing.run(folder, products, rounds, first_only=first_only)


def launches(folder: Path) -> list[Ratio]:
    return launching.first_events(folder, 5_000, 5)


def control_room(folder: Path) -> list[Ratio]:
    return [*screen.run(folder), *launching.run(folder)]


def attempt(group: Group) -> Sequence[Ratio]:
    with tempfile.TemporaryDirectory(prefix="obmen-bench-") as folder:
        return group(Path(folder))


sys.exit(main())
