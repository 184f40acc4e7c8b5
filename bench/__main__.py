"""`make bench`: speed and memory as ratios to a floor that is measured in the same run, since machines are noisy.

Without arguments: imports of 5,000 and of 20,000 products, launches and the screen, in less than five minutes.

Exit 1 when a ratio is more than 10 % worse than the recorded one, or over what is allowed where it was not; with
--record (one measurement, as it is), over what is allowed at all. What looks so else is measured once more, and the
better of both counts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from bench import cluster, floor, importing, launching, screen
from bench.ratios import Ratio, better, read_recorded, record, table

Group = Callable[[Path], Iterable[Ratio]]
GROUPS: dict[str, list[Group]] = {
    "imports": [
        partial(importing.run, products=5_000, seconds=45),
        partial(importing.run, products=20_000, seconds=75),
    ],
    "launches": [partial(launching.first_events, products=5_000, launches=5), launching.run],
    "screen": [screen.run],
    "cluster": [cluster.run],
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what", nargs="*", metavar="WHAT", help=f"{', '.join(GROUPS)}; without any, all of them"
    )
    parser.add_argument("--size", type=int, metavar="PRODUCTS", help="one round of imports of another size")
    parser.add_argument("--first", action="store_true", help="and of that size only the first import")
    parser.add_argument("--record", action="store_true", help="write the ratios of this run to results.json")
    options = parser.parse_args()
    if missing := floor.missing_tools():
        print(
            f"bench: the floor is measured with tools that are not here: apt-get install {' '.join(missing)}"
        )
        return 1
    if unknown := set(options.what) - GROUPS.keys():
        parser.error(f"{', '.join(unknown)}: choose from {', '.join(GROUPS)}")
    if options.size:
        groups: list[Group] = [
            partial(importing.run, products=options.size, seconds=0, first_only=options.first)
        ]
    else:
        groups = [group for what in options.what or GROUPS for group in GROUPS[what]]
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
        return int(any(ratio.is_over for ratio in measured))
    return int(any(ratio.fails(recorded.get(ratio.what)) for ratio in measured))


def attempt(group: Group) -> list[Ratio]:
    with tempfile.TemporaryDirectory(prefix="obmen-bench-") as folder:
        return list(group(Path(folder)))


sys.exit(main())
