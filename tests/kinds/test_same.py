"""The same exports into SQLite and into PostgreSQL: the same is told, and every row is the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from same import FEWEST, change, import_both, tables
from shops import Shop
from support.engines import PostgresHand, SqliteHand

from importers.events import Counted
from importers.kinds import KINDS
from importers.sample import EXPORT
from tests.conftest import EXPORTS
from tests.real.test_exports import sources

ALL_KINDS = tuple(kind for kind in KINDS if kind != "images")


@pytest.fixture
def shops(tmp_path: Path, postgres: str) -> Iterator[tuple[Shop, Shop]]:
    hand = PostgresHand(postgres)
    yield Shop(SqliteHand(tmp_path / "catalog.sqlite3"), tmp_path), Shop(hand, tmp_path)
    hand.drop()


@pytest.mark.parametrize("together", [True, False], ids=["one session", "a session each"])
async def test_the_sample(shops: tuple[Shop, Shop], tmp_path: Path, together: bool) -> None:
    sessions = [ALL_KINDS] if together else [(kind,) for kind in ALL_KINDS]
    for kinds in sessions:
        await import_both(EXPORT, kinds, *shops)
    filled = tables(shops[0].hand)
    assert all(len(filled[table]) >= FEWEST for table in ("product", "offer", "price", "stock", "customer"))

    before = shops[1].hand.stored()
    for kinds in sessions:
        for counted in filter(_is_counted, await import_both(EXPORT, kinds, *shops)):
            assert counted.counts.unchanged == counted.counts.read, "else nothing is told of the second time"
    if not together:
        assert shops[1].hand.stored() == before

    changed = change(EXPORT, tmp_path / "changed")
    counts = [
        counted.counts
        for kinds in sessions
        for counted in filter(_is_counted, await import_both(changed, kinds, *shops))
    ]
    for outcome in ("updated", "removed", "unchanged"):
        assert any(getattr(each, outcome) for each in counts), outcome
    for kinds in sessions:  # and back
        await import_both(EXPORT, kinds, *shops)


def _is_counted(event: object) -> bool:
    return isinstance(event, Counted)


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="no real exports here")
@pytest.mark.parametrize("source", sources() or [EXPORTS], ids=lambda path: str(path.relative_to(EXPORTS)))
async def test_real_exports(shops: tuple[Shop, Shop], tmp_path: Path, source: Path) -> None:
    for each in (source, source, change(source, tmp_path / "changed"), source):
        await import_both(each, ALL_KINDS, *shops)
