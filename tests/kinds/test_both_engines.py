"""What an import leaves and tells is the same on every engine, row by row; what changes nothing writes nothing."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from shops import Shop
from support.engines import ON_A_SERVER, PostgresHand, SqliteHand

from importers.catalog.merge import Stage
from importers.catalog.protocol import Merged
from importers.commerceml import open_export
from importers.errors import ObmenError
from importers.events import Event, Options, Progress
from importers.kinds import KINDS
from importers.sample import EXPORT
from tests.conftest import EXPORTS
from tests.real.test_exports import sources

VIEWS = {
    "offer_stock": "offer_id, CAST(quantity AS DOUBLE PRECISION)",
    "offer_price": "offer_id, price_type_id, price_type, value, currency, CAST(amount AS DOUBLE PRECISION)",
    "visible_offer": "offer_id, product_id, product_name, name, article, barcode, unit, "
    "CAST(quantity AS DOUBLE PRECISION)",
}
"""A file sums up in floating point."""
MOST_WAL = 100_000
"""Bytes."""


@pytest.fixture
def shops(hand: PostgresHand, tmp_path: Path) -> tuple[Shop, Shop]:
    """One of each engine."""
    return (
        Shop(SqliteHand(tmp_path / "catalog.sqlite3"), tmp_path / "images of files"),
        Shop(hand, tmp_path / "images of a server"),
    )


async def test_the_sample_is_the_same_on_both(shops: tuple[Shop, Shop], tmp_path: Path) -> None:
    await same(shops, EXPORT, tmp_path)


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="no real exports here")
@pytest.mark.parametrize("source", sources() or [EXPORTS], ids=lambda path: str(path.relative_to(EXPORTS)))
async def test_real_exports_are_the_same_on_both(
    shops: tuple[Shop, Shop], source: Path, tmp_path: Path
) -> None:
    await same(shops, source, tmp_path)


async def same(shops: tuple[Shop, Shop], source: Path, folder: Path) -> None:
    """Imports it, imports it again, and once more as somebody changed it; a dry run before each."""
    changed = shutil.copytree(source, folder / "changed")
    assert change(changed)
    contents = []
    for each in (source, source, changed):
        for options in (Options(force=True, dry_run=True), Options(force=True)):
            (on_file, of_file), (on_server, of_server) = [await seen(shop, each, options) for shop in shops]
            assert of_server == of_file
            for table, rows in on_file.items():
                assert on_server[table] == rows, table
            assert on_server.keys() == on_file.keys()
        contents.append(on_server)
    first, again, after = contents
    assert again == {**first, "changes": []}
    assert after["changes"]
    assert after != first, "else nothing was changed, removed or updated"


async def seen(
    shop: Shop, source: Path, options: Options
) -> tuple[dict[str, list[Any]], tuple[dict[str, list[Event]], str]]:
    """All rows of tables and views; all events of each kind without progress, and the error; every change that was
    told to who may want to undo it."""
    error, changes, merge = "", list[Any](), Stage.merge

    async def watched_merge(self: Stage, *args: Any) -> AsyncIterator[Merged]:
        async for merged in merge(self, *args):
            for key, *sides in map(msgspec.structs.astuple, merged.changes):
                changes.append((key, [[sorted(rows, key=repr) for rows in side] for side in sides]))
            yield merged

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stage, "merge", watched_merge)
        try:
            await shop.take(open_export(source), *KINDS, options=options)
        except ObmenError as raised:
            error = str(raised)
    events = {
        kind: [event for event in told.events if not isinstance(event, Progress)]
        for kind, told in shop.by_kind.items()
    }
    views = {
        view: sorted(shop.rows(f"SELECT {columns} FROM {view}"), key=repr) for view, columns in VIEWS.items()
    }
    return {**shop.content(), **views, "changes": changes}, (events, error)


def change(folder: Path) -> bool:
    """Make other names, prices and quantities of some, and take some away; whether there were any."""
    changed = False
    for file in folder.rglob("*.xml"):
        data = file.read_bytes()
        encoding = "cp1251" if b"windows-1251" in data[:200].lower() else "utf-8"
        text = was = data.decode(encoding)
        text = _some(3, r"</Наименование>", " иначе</Наименование>", text)
        text = _some(3, r"<ЦенаЗаЕдиницу>", "<ЦенаЗаЕдиницу>9", text)
        text = _some(4, r"<Количество>", "<Количество>7", text)
        text = _some(9, r"(?s)<Предложение>.*?</Предложение>", "", text)
        text = _some(9, r"(?s)<Товар>.*?</Товар>", "", text)
        text = re.sub(r'(СодержитТолькоИзменения(?:>|="))true', r"\1false", text)  # what is not told goes
        file.write_bytes(text.encode(encoding))
        changed |= text != was
    return changed


def _some(nth: int, pattern: str, new: str, text: str) -> str:
    numbers = itertools.count(1)
    return re.sub(pattern, lambda found: found[0] if next(numbers) % nth else new, text)


@ON_A_SERVER
async def test_the_same_export_again_writes_no_row_and_hardly_any_log(shop: Shop) -> None:
    """Neither versions of rows (xmin) nor locks on them (xmax), which a write that changes nothing leaves as well."""
    assert isinstance(shop.hand, PostgresHand)
    shop.looks_ahead = False
    await shop.take(open_export(EXPORT), *KINDS)
    versions = shop.hand.versions()
    written = []
    for _time in range(3):  # what the server does besides, as to vacuum tables, is in its log, too
        before = shop.hand.log_position()
        told = await shop.take(open_export(EXPORT), *KINDS)
        written.append(shop.hand.log_position() - before)
        assert told.counts.unchanged == told.counts.read > 0
        assert shop.hand.versions() == versions
    assert min(written) < MOST_WAL
