"""A catalog on a server, where others work: a session keeps it no longer than it merges, be it one type or all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plug_ins import EXAMPLE, Install
from record_exports import GOODS, export
from shops import Shop
from support.again import Place
from support.engines import PostgresHand
from test_all_or_nothing import ALL_KINDS, EVERYTHING

from importers.catalog.store import SessionTransaction
from importers.commerceml import Export, open_export
from importers.commerceml.records import Product
from importers.errors import DatabaseError
from importers.kinds import KINDS, image_folder
from importers.sample import EXPORT
from importers.sessions import Status
from importers.worker.run import _Run

OPEN = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND (xact_start IS NOT NULL OR backend_xid IS NOT NULL)
"""
LOST = r"lost|ends connections"
END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
"""


@pytest.fixture
def shop(hand: PostgresHand, tmp_path: Path) -> Shop:
    return Shop(hand, tmp_path)


@pytest.mark.parametrize("kinds", [("catalog",), (*KINDS, "weights")], ids=["one type", "all types"])
async def test_no_transaction_is_open_while_files_are_read(
    hand: PostgresHand,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    install: Install,
    kinds: tuple[str, ...],
) -> None:
    """By the worker itself, of its first import and of the same once more; files of XML, pictures, and what a plug-in
    reads."""
    install("weights = shop_weights", shop_weights=EXAMPLE)
    while_reading: list[int] = []
    while_copying: list[int] = []
    at_the_end: list[int] = []
    read, compared, check = Export.records_in, image_folder.compared, _Run._may_commit

    def records_in(self: Export, *args: Any, **rest: Any) -> Iterator[Any]:
        for batch in read(self, *args, **rest):
            while_reading.append(hand.rows(OPEN)[0][0])
            yield batch

    def comparing(*args: Any) -> tuple[int, str, bool]:
        while_copying.append(hand.rows(OPEN)[0][0])
        return compared(*args)

    async def may_commit(self: _Run) -> None:
        at_the_end.append(hand.rows(OPEN)[0][0])
        await check(self)

    monkeypatch.setattr(Export, "records_in", records_in)
    monkeypatch.setattr(image_folder, "compared", comparing)
    monkeypatch.setattr(_Run, "_may_commit", may_commit)
    sections = {"catalog": {"url": hand.url}, "images": {"path": str(tmp_path / "images")}}
    place = Place(tmp_path / "shop", EXPORT, sections)
    for imported in (1, 2):
        seen = await place.take(*kinds)
        assert (seen.status, list(seen.by_kind)) == (Status.COMPLETED, list(kinds))
        assert at_the_end == [1] * imported, "else nothing would be proven of the time before"
    xml = [kind for kind in kinds if kind != "images"]
    assert len(while_reading) >= 2 * len(xml)
    assert len(while_copying) == 2 * len(open_export(EXPORT).images()) * ("images" in kinds)
    assert {*while_reading, *while_copying} == {0}


@pytest.mark.parametrize("write", [1, 8, 15])
async def test_a_connection_that_is_lost_leaves_nothing_half_written(
    shop: Shop, hand: PostgresHand, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    await shop.take(export(GOODS, Product("p", "old")), "catalog")
    before = shop.content()
    writes, insert = [0], SessionTransaction.insert_cells

    async def insert_cells(self: SessionTransaction, *args: Any) -> None:
        writes[0] += 1
        if writes[0] == write:
            assert hand.rows(END_OTHERS) == [(True,)]
        await insert(self, *args)

    monkeypatch.setattr(SessionTransaction, "insert_cells", insert_cells)
    with pytest.raises(DatabaseError, match=LOST):
        await shop.take(EVERYTHING, *ALL_KINDS)
    assert shop.content() == before
    await shop.take(EVERYTHING, *ALL_KINDS)
    assert writes[0] > 15, "all of these were in the middle"
    assert shop.rows("SELECT name FROM product WHERE id = 'p'") == ["Палатка"]


async def test_a_connection_that_is_lost_before_the_commit_leaves_nothing(
    shop: Shop, hand: PostgresHand
) -> None:
    await shop.take(export(GOODS, Product("p", "old")), "catalog")
    before = shop.content()
    with pytest.raises(DatabaseError, match=LOST):
        await shop.take(
            EVERYTHING, *ALL_KINDS, before_end=lambda _transaction: hand.rows(END_OTHERS) and None
        )
    assert shop.content() == before
