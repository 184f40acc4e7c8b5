"""Single stories of goods, prices and stocks, told in every layout of files, against the model of the shop."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_of_files import ALL, Compare, Model, Session, Thing, as_model
from package_files import write_source
from packages import (
    BAD,
    FOLDERS,
    LAYOUTS,
    NUMBERED,
    Good,
    Layout,
    Offered,
    Package,
    Reference,
    Said,
)
from shops import Shop

from importers.commerceml import open_export

EVERY_LAYOUT = pytest.mark.parametrize(
    ("engine", "layout"),
    [
        *(pytest.param("sqlite", layout, id=layout.name) for layout in LAYOUTS),
        *(pytest.param("postgres", layout, id=f"{layout.name}-postgres") for layout in LAYOUTS[:1]),
    ],
    indirect=["engine"],
)
"""How files are cut is nothing to a catalog on a server."""
CHANGES: dict[str, Any] = {"goods_said": True, "offers_said": True, "classifier_said": True}
A, B = Good("a"), Good("b")


@EVERY_LAYOUT
async def test_a_move_between_warehouses_is_told_by_changes(compare: Compare, layout: Layout) -> None:
    """Количество beside the stocks, and their sum: they are all. Without it the old warehouse would keep its own."""
    before = Package(layout, goods=(A,), offers=(Offered("a", stocks={"w1": "2", "w2": "1"}),))
    for total, left in (("3", {("a", "w2"): "3"}), ("4", {("a", "w1"): "2", ("a", "w2"): "3"})):
        moved = Package(layout, 2, offers=(Offered("a", stocks={"w2": "3"}, total=total),), **CHANGES)
        assert (await compare([Session((before,)), Session((moved,))])).stocks == left


def everything(layout: Layout, **rest: Any) -> tuple[Package, Package]:
    """Two full packages: one with two of everything, and one with one of it."""
    facts: list[dict[str, Any]] = [
        {"prices": dict.fromkeys(types, "1"), "stocks": {"w1": "1"}} for types in (("t1", "t2"), ("t1",))
    ]
    two = Package(
        layout, 1, goods=(A, B), offers=tuple(Offered(ident, "x", "whole", **facts[0]) for ident in ("a", "b")),
        groups=(Reference("g1"), Reference("g2")),
        properties=(Reference("p1", values=(("v1", "1"), ("v2", "2"))), Reference("p2")),
        price_types=(Reference("t1"), Reference("t2")),
        warehouses=(Reference("w1"), Reference("w2")),
        **rest,
    )  # fmt: skip
    one = replace(
        two, day=3, goods=two.goods[:1], offers=(Offered("a", "x", "whole", **facts[1]),), groups=two.groups[:1],
        properties=(Reference("p1", values=(("v1", "1"),)),), price_types=two.price_types[:1],
        warehouses=two.warehouses[:1],
    )  # fmt: skip
    return two, one


def removed(shop: Model) -> set[str]:
    things = {ident for held in shop.things.values() for ident, thing in held.items() if thing.removed}
    return things | {ident for (_of, ident), thing in shop.values.items() if thing.removed}


@EVERY_LAYOUT
async def test_a_price_type_goes_and_returns(compare: Compare, layout: Layout) -> None:
    """And so does all else."""
    two, one = everything(layout)
    shop = await compare([Session((two,)), Session((one,))])
    assert removed(shop) == {"b", "g2", "p2", "t2", "w2", "v2"}
    assert (len(shop.prices), len(shop.stocks)) == (1, 1)
    shop = await compare([Session((two,)), Session((one,)), Session((replace(two, day=4, **CHANGES),))])
    assert removed(shop) == set()
    assert (len(shop.prices), len(shop.stocks)) == (4, 2)


@EVERY_LAYOUT
async def test_nothing_goes_where_one_of_two_sets_is_not_full(compare: Compare, layout: Layout) -> None:
    two, one = everything(layout)
    for changes_first in (True, False):
        changes = replace(one, day=2 if changes_first else 4, **CHANGES)
        shop = await compare([Session((two,)), Session((one, changes))])
        assert removed(shop) == set()
        assert {ident for ident, _of in shop.prices} == {ident for ident, _of in shop.stocks} == {"a", "b"}


@pytest.mark.parametrize("layout", [NUMBERED, FOLDERS], ids=["numbered", "folders"])
async def test_nothing_goes_where_a_part_is_missing(compare: Compare, layout: Layout) -> None:
    two, one = everything(layout, parts=3)
    shop = await compare([Session((two,)), Session((replace(one, lost=True),))])
    assert removed(shop) == set()
    assert {ident for ident, _of in shop.prices} == {"a", "b"}


@EVERY_LAYOUT
async def test_a_list_of_prices_is_whole_among_changes(compare: Compare, layout: Layout) -> None:
    both = Package(layout, goods=(A,), offers=(Offered("a", prices={"t1": "1", "t2": "2"}),))
    for prices, left in (({"t2": "3"}, {("a", "t2"): "3"}), ({"t1": None}, {})):
        changes = Package(layout, 2, offers=(Offered("a", prices=prices),), **CHANGES)
        assert (await compare([Session((both,)), Session((changes,))])).prices == left


@EVERY_LAYOUT
@pytest.mark.parametrize("changes", [{}, CHANGES], ids=["full", "changes"])
async def test_a_number_that_cannot_be_read_takes_nothing_away(
    compare: Compare, layout: Layout, changes: dict[str, Any]
) -> None:
    """Neither its own old one nor those that were not told; in the sum of Количество it is missing."""
    offer = Offered("a", "x", "whole", {"t1": "1", "t2": "2"}, {"w1": "1", "w2": "2", "w3": "3"})
    before = Package(layout, goods=(A,), offers=(offer,))
    bad = replace(offer, prices={"t1": "3", "t3": BAD}, stocks={"w1": "4", "w2": BAD}, total="4")
    shop = await compare([Session((before,)), Session((Package(layout, 2, offers=(bad,), **changes),))])
    assert shop.rejects == 2
    assert shop.prices == {("a", "t1"): "3", ("a", "t2"): "2"}
    assert shop.stocks == {("a", "w1"): "4", ("a", "w2"): "2", ("a", "w3"): "3"}


@EVERY_LAYOUT
async def test_an_offer_goes_and_returns_by_its_facts_alone(compare: Compare, layout: Layout) -> None:
    facts: dict[str, Any] = {"prices": {"t1": "1"}, "stocks": {"w1": "2"}}
    both = Package(layout, goods=(A, B), offers=(Offered("a", "A", **facts), Offered("b", "B", **facts)))
    one = replace(both, day=2, goods=(A,), offers=both.offers[:1])
    gone = await compare([Session((both,)), Session((one,))])
    assert gone.things["product"]["b"].removed
    assert (gone.things["offer"]["b"].removed, len(gone.prices), len(gone.stocks)) == (True, 1, 1)
    back = Package(layout, 3, offers=(Offered("b", how="facts", **facts),), **CHANGES)
    there = await compare([Session((package,)) for package in (both, one, back)])
    assert there.things["offer"]["b"] == Thing("B", "c1", more=("b",))
    assert (len(there.prices), len(there.stocks)) == (2, 2)


@EVERY_LAYOUT
@pytest.mark.parametrize("how", ["dated", "undated", "whole", "each"])
async def test_two_sets_in_one_folder_out_of_order(compare: Compare, layout: Layout, how: str) -> None:
    old = Package(
        layout, 1, "c1", goods=(Good("a", "old"), B), price_types=(Reference("t1", "old"),),
        offers=(Offered("a", "old", "whole", {"t1": "1", "t2": "1"}, {"w1": "1", "w2": "1"}), Offered("b")),
        parts=2, dated=how != "undated", zipped=how if how in ("whole", "each") else "",
    )  # fmt: skip
    new = replace(
        old, day=2, goods=(Good("a", "new"),), price_types=(Reference("t1", "new"),),
        offers=(Offered("a", "new", "whole", {"t1": "2"}, {"w2": "2"}),),
    )  # fmt: skip
    shop = await compare([Session((new, old))])
    assert (shop.prices, shop.stocks) == ({("a", "t1"): "2"}, {("a", "w2"): "2"})
    names = [
        shop.things[table][ident].name
        for table, ident in (("product", "a"), ("offer", "a"), ("price_type", "t1"))
    ]
    assert names == ["new"] * 3


async def test_a_part_that_was_written_over_that_of_an_older_set_is_newer_than_the_others(
    shop: Shop, tmp_path: Path
) -> None:
    old, new = (
        Package(
            NUMBERED, day, goods=(B, Good("a", name)), parts=parts,
            offers=(Offered("b"), Offered("a", name, "whole", dict.fromkeys(types, "1"), {"w1": "1"})),
        )
        for day, name, types, parts in ((1, "old", ("t1", "t2"), 3), (2, "new", ("t1",), 1))
    )  # fmt: skip
    folder = write_source(tmp_path / "1c", [old])
    shutil.copytree(write_source(tmp_path / "new", [new]), folder, dirs_exist_ok=True)
    assert len([*folder.iterdir()]) == 6
    await shop.take(open_export(folder), *ALL)
    found = as_model(shop)
    assert {found.things[table]["a"].name for table in ("product", "offer")} == {"new"}
    assert found.prices == {("a", "t1"): "1"}


@pytest.mark.parametrize("layout", [NUMBERED, FOLDERS], ids=["numbered", "folders"])
async def test_what_two_parts_of_a_set_tell_of_an_offer_is_one_list(compare: Compare, layout: Layout) -> None:
    offer = Offered("a", "x", "whole", {"t1": "1", "t2": "2"}, {"w1": "1", "w2": "2"}, in_pieces=True)
    whole = Package(layout, goods=(A,), offers=(offer,), parts=2)
    shop = await compare([Session((whole,)), Session((replace(whole, day=2, **CHANGES),))])
    assert (len(shop.prices), len(shop.stocks)) == (2, 2)


@EVERY_LAYOUT
@pytest.mark.parametrize("kind", ["prices", "stocks"])
async def test_an_offer_that_is_told_without_facts_keeps_them(
    compare: Compare, layout: Layout, kind: str
) -> None:
    """Also where the files of this kind do not tell it, but those of the offers or of other facts do."""
    facts: dict[str, Any] = {"prices": {"t1": "1"}, "stocks": {"w1": "2"}}
    full = Package(
        layout, goods=(A, B), offers=tuple(Offered(ident, "x", **facts) for ident in ("a", "b", "a#1", "c"))
    )
    half = {"prices": None} if kind == "prices" else {"stocks": None}
    less = replace(full, day=2, offers=(
        Offered("a", "x", "whole", **facts), Offered("b", "x"), Offered("a#1", "x", "apart", **facts | half),
    ))  # fmt: skip
    shop = await compare([Session((full,)), Session((less,), (kind,))])
    assert {ident for ident, _of in getattr(shop, kind)} == {"a", "b", "a#1"}


@EVERY_LAYOUT
@pytest.mark.parametrize(
    ("kind", "table", "name"), [("prices", "price_type", "Retail"), ("stocks", "warehouse", "Main")]
)
async def test_facts_alone_find_what_their_package_defines(
    compare: Compare, layout: Layout, kind: str, table: str, name: str
) -> None:
    offer = Offered("a", "x", "whole", {"t1": "1"}, {"w1": "1"})
    lists: dict[str, Any] = {
        "price_types": (Reference("t1", "Retail"),),
        "warehouses": (Reference("w1", "Main"),),
    }
    full = Package(layout, goods=(A,), offers=(offer,), typeless=True, **lists)
    shop = await compare([Session((full,), (kind,))])
    assert [thing.name for thing in shop.things[table].values()] == [name]


@EVERY_LAYOUT
@pytest.mark.parametrize("goods_said", [False, True, None])
async def test_lists_are_as_full_as_the_catalog_where_only_that_says_so(
    compare: Compare, layout: Layout, goods_said: Said
) -> None:
    """1C 2.0x writes СодержитТолькоИзменения on the Каталог alone."""
    silent = Package(
        layout, 1, "c1", goods_said, None, None, (A,), (Offered("a"),),
        price_types=(Reference("t1"), Reference("t2")), warehouses=(Reference("w1"), Reference("w2")),
        groups=(Reference("g1"), Reference("g2")),
    )  # fmt: skip
    less = replace(
        silent,
        day=2,
        price_types=silent.price_types[:1],
        warehouses=silent.warehouses[1:],
        groups=silent.groups[1:],
    )
    shop = await compare([Session((silent,)), Session((less,))])
    assert removed(shop) == ({"t2", "w1", "g1"} if goods_said is False else set())
