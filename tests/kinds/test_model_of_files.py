"""Packages that 1C might make, in files of every layout, imported one after the other, against a model of the shop."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_of_files import ALL, Session, compare
from packages import (
    BAD,
    CATALOGS,
    LAYOUTS,
    Good,
    Layout,
    Offered,
    Package,
    Reference,
    Said,
)
from shops import NewShop
from support.engines import ON_A_FILE, ON_A_SERVER

NAMES = st.sampled_from(["x", "y"])
PRICES = st.sampled_from(["1", "2.5", "10", "1", "2.5", "10", None, None, BAD])
QUANTITIES = st.sampled_from(["0", "1", "2.5", "-1", BAD])
SAID: st.SearchStrategy[tuple[Said, Said, Said]] = st.sampled_from(
    [
        *[(False, False, False)] * 3, *[(True, True, True)] * 2, (False, False, None), (False, None, None),
        (True, True, None), (True, True, False), (False, True, None), (True, False, True), (None, None, None),
    ]
)  # fmt: skip
"""Of the goods, the offers and the classifier."""


@st.composite
def references(draw: st.DrawFn, *ids: str, values: Collection[str] = ()) -> tuple[Reference, ...]:
    told = []
    for ident in draw(st.lists(st.sampled_from(ids), unique=True, max_size=len(ids))):
        removed = draw(st.integers(0, 5)) == 0
        name = draw(st.sampled_from([None, "x"]) if removed else NAMES)
        some = (
            draw(st.lists(st.tuples(st.sampled_from([*values]), NAMES), unique_by=lambda v: v[0]))
            if values
            else ()
        )
        told.append(Reference(ident, name, removed, tuple(some)))
    return tuple(told)


@st.composite
def goods(draw: st.DrawFn, hows: Collection[str]) -> Good:
    how = draw(st.sampled_from([*hows]))
    return Good(
        draw(st.sampled_from("abc")),
        draw(st.sampled_from([None, "x"]) if how == "removed" else NAMES),
        how,
        draw(st.sampled_from([None, "A", "B"])),
        tuple(draw(st.lists(st.sampled_from(["g1", "g2", "g9"]), unique=True, max_size=2))),
    )


@st.composite
def offers(draw: st.DrawFn) -> Offered:
    how = draw(st.sampled_from(["whole", "whole", "whole", "facts", "apart", "removed"]))
    prices = st.dictionaries(st.sampled_from(["t1", "t2", "t9"]), PRICES, min_size=1, max_size=2)
    quantities = st.dictionaries(st.sampled_from(["w1", "w2", "w9"]), QUANTITIES, min_size=1, max_size=2)
    stocks = draw(st.one_of(st.none(), st.just({}), quantities, quantities, quantities))
    total = None
    if stocks is not None:
        the_sum = f"{sum(float(number) for number in stocks.values() if number != BAD):g}"
        total = draw(st.sampled_from([None, the_sum, the_sum, "7"] if stocks else ["0", "7"]))
    priced = draw(st.one_of(st.none(), prices, prices))
    return Offered(
        draw(st.sampled_from(["a", "a#1", "b#1", "c"])),
        draw(st.sampled_from([None, "x"]) if how == "removed" else NAMES),
        how,
        priced,
        stocks,
        total,
        draw(st.booleans()),
    )


@st.composite
def packages(draw: st.DrawFn, day: int, alone: bool, newest: bool) -> Package:
    """Parts of goods stand in the newest package only: the model takes one after the other, and does not know that a
    later one makes known what an earlier one tells a part of."""
    layout: Layout = draw(st.sampled_from(LAYOUTS))
    lost = alone and layout.in_parts and draw(st.booleans())
    goods_said, offers_said, classifier_said = (False, False, False) if lost else draw(SAID)
    if not alone and layout.lists_with_offers and offers_said is None:
        offers_said = True  # which Каталог of several speaks for the lists?
    few = draw(st.sampled_from([0, 2, 2]))
    hows = ("whole", "whole", "whole", "removed", "part") if newest else ("whole", "whole", "removed")
    price_types = draw(references("t1", "t2"))
    return Package(
        layout,
        day,
        draw(st.sampled_from(("c1", "c1", *CATALOGS))),
        goods_said,
        offers_said,
        classifier_said,
        tuple(draw(st.lists(goods(hows), min_size=few, max_size=3, unique_by=lambda good: good.id))),
        tuple(draw(st.lists(offers(), min_size=few, max_size=4, unique_by=lambda offer: offer.id))),
        draw(references("g1", "g2")),
        draw(references("p1", "p2", values=("v1", "v2"))),
        price_types,
        draw(references("w1", "w2")),
        nested=draw(st.booleans()),
        parts=3 if lost else draw(st.integers(1, 3)),
        dated=draw(st.integers(0, 4)) > 0,
        zipped=draw(st.sampled_from(["", "", "", "", "", "whole", "each", "nested"])),
        typeless=alone and draw(st.booleans()),
        lost=lost,
    )


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    number = draw(st.sampled_from([1, 1, 2]))
    days = draw(st.permutations(range(1, number + 1)))
    told = tuple(draw(packages(day, alone=number == 1, newest=day == number)) for day in days)
    return Session(told, draw(st.sampled_from([ALL, ALL, ALL, ALL, *((kind,) for kind in ALL)])))


SESSIONS = st.lists(sessions(), min_size=2, max_size=4)
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@ON_A_FILE
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=QUIET)
@given(told=SESSIONS)
async def test_the_shop_is_what_the_packages_say(new_shop: NewShop, told: list[Session]) -> None:
    await compare(new_shop, told)


@ON_A_SERVER
@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=QUIET)
@given(told=SESSIONS)
async def test_the_shop_on_a_server_is_what_the_packages_say(new_shop: NewShop, told: list[Session]) -> None:
    await compare(new_shop, told)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@settings(max_examples=2000, deadline=None, suppress_health_check=QUIET)
@given(told=SESSIONS)
async def test_the_shop_is_what_the_packages_say_for_long(new_shop: NewShop, told: list[Session]) -> None:
    await compare(new_shop, told)
