"""What 1C tells at one time, in the abstract, and the layouts of files that it comes in (docs/commerceml.md, 1.2).

A `Package` says what 1C tells, not how: all layouts of one package must make the same shop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypeVar


class Layout(NamedTuple):
    """`lists_with_offers`: price types and warehouses stand in the ПакетПредложений (2.0x), else in the Классификатор;
    `facts_apart`: prices and rests have files of their own (3.x); `in_parts`: by numbers; `own_folder`: two packages
    cannot lie in one folder, as their files have the same names."""

    name: str
    lists_with_offers: bool = False
    facts_apart: bool = False
    in_parts: bool = False
    own_folder: bool = False
    encoding: str = "utf-8"


PAIR = Layout("pair", lists_with_offers=True, own_folder=True, encoding="windows-1251")
NUMBERED = Layout("numbered", lists_with_offers=True, in_parts=True, own_folder=True)
MODULE = Layout("module", facts_apart=True, encoding="utf-8-sig")
FOUR = Layout("four files", facts_apart=True, own_folder=True)
FOLDERS = Layout("folders", facts_apart=True, in_parts=True)
LAYOUTS = (PAIR, NUMBERED, MODULE, FOUR, FOLDERS)

CATALOGS = ("c1", "c2")
REFERENCES = ("category", "property", "price_type", "warehouse")


@dataclass(frozen=True)
class Reference:
    """A group, property, price type or warehouse. `values`: the allowed ones of a property, (id, value)."""

    id: str
    name: str | None = "x"
    removed: bool = False
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Good:
    """A Товар. `how`: "whole", "part" (without a name), "removed" (by a mark)."""

    id: str
    name: str | None = "x"
    how: str = "whole"
    article: str | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offered:
    """A Предложение. `how`: "whole", "facts" (an Ид, prices and stocks), "removed", or "apart": as facts, but where
    prices and rests have files of their own it stands in these alone and is no offer.

    A price None is written empty, a number BAD cannot be read. `total`: Количество, beside the stocks or without any.
    `in_pieces`: one part of the set has some of the facts, the next one has the others.
    """

    id: str
    name: str | None = "x"
    how: str = "whole"
    prices: Mapping[str, str | None] | None = None
    stocks: Mapping[str, str] | None = None
    total: str | None = None
    in_pieces: bool = False

    @property
    def product(self) -> str:
        return self.id.partition("#")[0]

    @property
    def written_stocks(self) -> Mapping[str, str]:
        """By warehouse; a total alone is that of the warehouse ""."""
        return self.stocks or ({} if self.total is None else {"": self.total})

    @property
    def told_stocks(self) -> Mapping[str, str]:
        return _readable(self.written_stocks)

    @property
    def told_prices(self) -> Mapping[str, str | None]:
        return _readable(self.prices or {})

    @property
    def bad_stocks(self) -> int:
        return len(self.written_stocks) - len(self.told_stocks)

    @property
    def bad_prices(self) -> int:
        return len(self.prices or {}) - len(self.told_prices)

    @property
    def total_is_the_sum(self) -> bool:
        numbers = map(Decimal, self.told_stocks.values())
        return bool(self.stocks and self.total) and Decimal(self.total or 0) == sum(numbers)


Number = TypeVar("Number", str, str | None)
BAD = "many"


def _readable(numbers: Mapping[str, Number]) -> Mapping[str, Number]:
    return {of: number for of, number in numbers.items() if number != BAD}


Said = bool | None
"""СодержитТолькоИзменения, None where a section says nothing."""


@dataclass(frozen=True)
class Package:
    """What 1C tells at one time. `day`: when it was made; `dated`: ДатаФормирования says so, else the files' time does.

    `goods_said`, `offers_said`, `classifier_said`: only changes? `nested`: the groups stand in the first one.
    `zipped`: "whole" in one archive, "each" file in one of its own, "nested": these in one.
    `typeless`: where one price type is defined, prices do not name it (but empty
    ones, which would be elements with nothing in them). `lost`: the second part of the goods is missing.
    """

    layout: Layout
    day: int = 1
    catalog: str = "c1"
    goods_said: Said = False
    offers_said: Said = False
    classifier_said: Said = False
    goods: tuple[Good, ...] = ()
    offers: tuple[Offered, ...] = ()
    groups: tuple[Reference, ...] = ()
    properties: tuple[Reference, ...] = ()
    price_types: tuple[Reference, ...] = ()
    warehouses: tuple[Reference, ...] = ()
    nested: bool = False
    parts: int = 1
    dated: bool = True
    zipped: str = ""
    typeless: bool = False
    lost: bool = False

    @property
    def classifier(self) -> str:
        return self.catalog.replace("c", "cl")

    def references(self, table: str) -> tuple[Reference, ...]:
        lists = (self.groups, self.properties, self.price_types, self.warehouses)
        return dict(zip(REFERENCES, lists, strict=True))[table]

    @property
    def in_parts(self) -> int:
        return self.parts if self.layout.in_parts else 1

    @property
    def has_gap(self) -> bool:
        return self.lost and self.in_parts > 2

    @property
    def goods_there(self) -> tuple[Good, ...]:
        """Without those of a part that is missing."""
        there = (good for at, good in enumerate(self.goods) if not (self.has_gap and at % self.in_parts == 1))
        return tuple(there)

    @property
    def offers_there(self) -> Iterator[tuple[Offered, bool]]:
        """(offer, whether it stands in a list of offers)."""
        for offer in self.offers:
            if offer.how != "apart" or not self.layout.facts_apart:
                yield offer, True
            elif offer.prices or offer.written_stocks:
                yield offer, False
