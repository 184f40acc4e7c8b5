"""`make bench`: speed and memory as ratios to a floor that is measured in the same run, since machines are noisy.

python -m bench [--quick]      exit 1 when a ratio is over its limit
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench import launching, reading, screen
from bench.measure import Ratio


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size, one run each")
    quick = parser.parse_args().quick
    found: list[Ratio] = []
    with tempfile.TemporaryDirectory(prefix="obmen-bench-") as folder:
        found += reading.run(Path(folder), quick=quick)
        found += screen.run(Path(folder), quick=quick)
        found += launching.run(Path(folder), quick=quick)
    print(f"\n{'what':58} {'ours':>10} {'floor':>10} {'ratio':>7} {'limit':>7}")
    for ratio in found:
        print(ratio)
    return 0 if all(ratio.holds for ratio in found) else 1


sys.exit(main())
