"""What a source holds for each import type, as who is about to launch sees it: nothing else than `obmen inspect`."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from pathlib import Path

import pytest
from support.engine_stage import write_export

from importers.errors import SourceError
from importers.kinds.inspect import inspect_export
from importers.launch import holdings
from importers.launch.holdings import Held, RecordCounts, View, why_not
from importers.sample import EXPORT
from tests.commerceml.exports import PRODUCT, classifier, goods, xml
from tests.conftest import EXPORTS
from tests.real.test_exports import sources


async def views(counts: RecordCounts, source: Path) -> list[View]:
    async with aclosing(counts.views(str(source))) as coming:
        return [view async for view in coming]


def by_kind(view: View) -> dict[str, Held]:
    return {held.kind: held for held in view.kinds}


async def agree(source: Path) -> dict[str, Held]:
    """The first view says nothing that the last one takes back, and that is what `inspect` says."""
    *first, last = await views(RecordCounts(), source)
    assert last.counted
    assert last.error is None
    counted = by_kind(last)
    for view in first:
        for kind, held in by_kind(view).items():
            assert held.holds in (None, counted[kind].holds)
            assert held.bytes in (None, counted[kind].bytes)
    for kind, told in inspect_export(source).kinds.items():
        assert counted[kind] == Held(
            kind, told.records, told.files, told.bytes, told.newest, counted[kind].served
        )
    return counted


async def test_of_the_sample() -> None:
    counted = await agree(EXPORT)
    assert all(held.records for held in counted.values())


async def test_none_where_there_are_none(tmp_path: Path) -> None:
    """A file of any name may hold everything, and one with goods may have properties in front of them."""
    properties = "<Свойства><Свойство><Ид>p</Ид><Наименование>x</Наименование></Свойство></Свойства>"
    (tmp_path / "import0_1.xml").write_text(xml(classifier(properties)), encoding="utf-8")
    (tmp_path / "import0_2.xml").write_text(xml(goods(PRODUCT.format(1) * 500)), encoding="utf-8")
    counted = await agree(tmp_path)
    assert counted["customers"] == Held("customers", 0, 0, 0)
    assert counted["attributes"].records == 1
    assert counted["attributes"].bytes == (tmp_path / "import0_1.xml").stat().st_size


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="no real exports here")
@pytest.mark.parametrize("source", sources() or [EXPORTS], ids=lambda path: str(path.relative_to(EXPORTS)))
async def test_real_exports(source: Path) -> None:
    await agree(source)


async def test_the_same_files_are_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_export(tmp_path)
    counts = RecordCounts()
    counted = (await views(counts, source))[-1]
    monkeypatch.setattr(holdings, "_count", None)
    assert await views(counts, source) == [counted]
    monkeypatch.undo()
    os.utime(source / "contragents_1_1.xml", (1, 1))
    first, again = await views(counts, source)
    assert not first.counted
    assert by_kind(again)["customers"].newest == "1970-01-01T00:00:01Z"


async def test_who_leaves_ends_the_counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the dialog is closed while a large source is read."""
    children = []
    start = asyncio.create_subprocess_exec

    async def stuck(*_args: str, **rest: int) -> asyncio.subprocess.Process:
        children.append(await start("sleep", "600", **rest))
        begun.set()
        return children[0]

    begun = asyncio.Event()
    monkeypatch.setattr(holdings.asyncio, "create_subprocess_exec", stuck)
    looking = asyncio.create_task(views(RecordCounts(), write_export(tmp_path)))
    await asyncio.wait_for(begun.wait(), 10)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert children[0].returncode is not None


async def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no export of 1C"):
        await views(RecordCounts(), tmp_path)
    source = write_export(tmp_path)
    with (source / "contragents_1_1.xml").open("a") as file:
        file.write("<")
    last = (await views(RecordCounts(), source))[-1]
    assert "contragents_1_1.xml:1" in str(last.error)
    assert by_kind(last)["customers"].holds is None


async def test_a_counting_that_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdings.sys, "executable", "/bin/false")
    last = (await views(RecordCounts(), write_export(tmp_path)))[-1]
    assert "nothing could be counted" in str(last.error)


@pytest.mark.parametrize(
    ("held", "why"),
    [
        (Held("customers", 0, 0, 0, served=False), "customers: the export at /1c has no file for it"),
        (
            Held("customers", 0, 0, 0),
            "customers: the export holds no record of it; check what 1C writes to /1c",
        ),
        (Held("prices"), "prices: the catalog holds no product yet; import the catalog first"),
        (Held("prices", 5, 1, 9), "prices: the catalog holds no product yet; import the catalog first"),
        (Held("customers"), None),
        (Held("customers", 5, 1, 9), None),
    ],
)
def test_why_not(held: Held, why: str | None) -> None:
    found = why_not(held, (), has_products=False, source="/1c")
    assert (str(found) if found else None) == why
    if held.kind == "prices":
        for chosen, there_are in ((("catalog",), False), ((), True)):
            assert why_not(held, chosen, has_products=there_are, source="/1c") is None
