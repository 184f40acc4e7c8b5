"""Who reads what of an export, and how far the process beside is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from mmap import mmap
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from importers.commerceml import Export, open_export
from importers.kinds import load, prices
from importers.kinds.beside import Apart
from importers.kinds.customers import READS
from importers.kinds.staged import At
from importers.sample import EXPORT
from importers.worker import sharing
from importers.worker.reader_process import ReaderProcess, Task, _reply_to
from importers.worker.sharing import ShareAhead, ShareBeside, Sharing
from tests.commerceml.exports import PRODUCT, goods, package, xml


@pytest.mark.parametrize("can", [True, False])
def test_what_was_read_stays_read(can: bool) -> None:
    """Its records count until they are taken; what the process could not read is no further until it is read here."""
    apart = Apart(READS, from_start=False) if can else None
    if apart:
        apart.staged.counts[READS.shapes[0]] = 7
    of = 3
    process = SimpleNamespace(at=lambda number: At(1, 500, 6) if number == of else None)
    share = ShareBeside(cast("ReaderProcess", process), 3, READS, range(1, 2))
    assert share.at() == (1, 500, 6)
    share.end(apart)
    of = 4  # it goes on with the next one
    assert share.at() == ((2, 0, 7) if can else (1, 500, 0))
    assert share.taken() is apart
    assert share.at() == ((2, 0, 0) if can else (1, 500, 0))
    share.progressed(1, 10)
    share.progressed(1, 600)
    assert share.at() == ((2, 0, 0) if can else (1, 600, 0))


@contextmanager
def sharing_of(export: Export, kind: str) -> Iterator[Sharing]:
    """Of a session that reads a catalog, as an import type of this name; its process does nothing."""
    ours, theirs = socket.socketpair()
    process = SimpleNamespace(pid=1, fileno=ours.fileno, send=list[object]().append)
    process.close = partial(setattr, process, "pid", None)
    with ours, theirs:
        of_session = Sharing(cast("ReaderProcess", process), export, {kind: load("catalog")}, "")
        yield of_session
        of_session.close()


async def test_what_a_plug_in_calls_reads_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its records are read by the worker, whatever a READS of it may mean."""
    monkeypatch.setattr(sharing, "LEAST_BYTES", 1)
    for kind, shared in (("catalog", True), ("weights", False)):
        with sharing_of(open_export(EXPORT), kind) as of_session:
            assert bool(of_session.shares(kind)) is shared


@pytest.mark.parametrize(
    ("sizes", "spans"),
    [
        ((1, 1, 1, 1), [(0, 2), (2, 4)]),
        ((2, 3, 2), [(0, 1), (1, 2), (2, 3)]),
        ((1, 9), [(0, 1), (1, 2)]),
        ((5,), []),
    ],
)
async def test_shares_come_in_the_order_of_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, ...], spans: list[tuple[int, int]]
) -> None:
    """The process has the second half, or the middle of few uneven files."""
    monkeypatch.setattr(sharing, "LEAST_BYTES", 1)
    for number, size in enumerate(sizes, 1):
        body = goods(PRODUCT.format(number) + "<!-- -->" * 500 * size)
        (tmp_path / f"import0_{number}.xml").write_text(xml(body), encoding="utf-8")
    with sharing_of(open_export(tmp_path), "catalog") as of_session:
        shares = of_session.shares("catalog")
    assert [(share.span.start, share.span.stop) for share in shares] == spans
    assert [at for at, share in enumerate(shares) if isinstance(share, ShareBeside)] == [1][: len(spans)]


def typeless_prices(folder: Path) -> Export:
    """Two files: of which price type is a price without one?"""
    typeless = (
        "<Предложение><Ид>a</Ид><Цены><Цена><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены></Предложение>"
    )
    for number in (1, 2):
        (folder / f"offers0_{number}.xml").write_text(xml(package(typeless)), encoding="utf-8")
    return open_export(folder)


@pytest.mark.parametrize("start", [0, 1])
def test_the_process_does_not_guess_what_files_before_its_share_tell(tmp_path: Path, start: int) -> None:
    task = Task(1, None, {}, prices.READS, range(start, start + 1))
    _message, spool = _reply_to(task, typeless_prices(tmp_path), mmap(-1, 32))
    assert bool(spool) == (start == 0)


async def test_who_reads_ahead_does_not_guess_either(tmp_path: Path) -> None:
    share = ShareAhead(typeless_prices(tmp_path), prices.READS, range(1, 2))
    while not await share.wait(1):
        pass
    assert share.taken() is None


async def test_what_is_read_before_its_turn_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "LEAST_BYTES", 1)
    with sharing_of(open_export(EXPORT), "catalog") as of_session:
        assert of_session.ahead() == {}
        of_session._process.at = lambda _number: None  # type: ignore[method-assign]
        of_session.read_ahead("another")
        assert of_session.ahead() == {"catalog": (0.0, 0)}
        shares = of_session._ahead["catalog"]
        apart = Apart(READS, from_start=False)
        apart.staged.counts[READS.shapes[0]] = 7
        cast("ShareBeside", shares[-1]).end(apart)
        share, records = of_session.ahead()["catalog"]
        assert (0 < share < 1) == (len(shares) > 1)
        assert records == 7
        for each in shares:
            cast("ShareBeside", each).end(apart)
        assert of_session.ahead()["catalog"][0] == 1.0
