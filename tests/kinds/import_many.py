"""Import a large made-up export in a process of its own, to be killed, watched or weighed:
`import_many.py URL FOLDER KIND NUMBER VERSION`. Prints "begun", then "done" and the peak of its memory in KiB.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

from record_exports import GOODS, PACKAGE, RecordExport, RecordPart
from shops import Shop, hand_at

from importers.commerceml.earlier import PriceTypes
from importers.commerceml.records import Offer, OfferPrices, Product, Property, Record, Rejected

BRAND = Property("p", "Бренд", None)
PRICE_TYPES = ("retail", "bulk", "cost", "partner", "sale")


class ManyExport(RecordExport):
    """`number` products with an offer each, or the prices of as many offers, made while they are read."""

    def __init__(self, number: int, version: str) -> None:
        super().__init__((RecordPart(()),))
        self.number = number
        self.version = version

    def records_in(
        self,
        span: range,
        *wanted: type[Record],
        price_types: PriceTypes,
        on_progress: Callable[[int, int], None],
    ) -> Iterator[list[Record | Rejected]]:
        make = self._prices if OfferPrices in wanted else self._goods
        yield [GOODS, PACKAGE] if OfferPrices in wanted else [BRAND, GOODS, PACKAGE]
        shuffled = random.Random(1)  # ids in no order, as 1C writes them
        for start in range(0, self.number, 200):
            batch: list[Record | Rejected] = []
            for n in range(start, min(start + 200, self.number)):
                batch += make(n, str(UUID(int=shuffled.getrandbits(128))))
            yield batch

    def _goods(self, n: int, ident: str) -> list[Record]:
        name = f"{self.version} {n}"
        images = (f"import_files/{ident[:2]}/{ident}.jpg",)
        goods = Product(ident, name, groups=("g",), properties=(("p", name),), images=images)
        return [goods, Offer(f"{ident}#1", ident, "1", name)]

    def _prices(self, n: int, ident: str) -> list[Record]:
        value = f"{n}.{len(self.version)}"
        return [OfferPrices(f"{ident}#1", tuple((of, value, "RUB", "796", "1", None) for of in PRICE_TYPES))]


async def main(url: str, folder: str, kind: str, number: str, version: str) -> None:
    shop = Shop(hand_at(url), Path(folder))
    print("begun", flush=True)  # noqa: T201 (what the parent waits for)
    told = await shop.take(
        ManyExport(int(number), version),
        kind,
        before_end=lambda _tx: print("committing", flush=True),  # noqa: T201
    )
    assert told.counts.read > 0
    print("done", peak_kib(), flush=True)  # noqa: T201


def peak_kib() -> int:
    """Of this program alone: ru_maxrss would begin with what the parent had when it started us."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
