"""How far a share is that the process beside reads, as progress tells it."""

from __future__ import annotations

import socket
from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest

from importers.commerceml import open_export
from importers.kinds import load
from importers.kinds.beside import Apart
from importers.kinds.customers import READS
from importers.sample import EXPORT
from importers.worker import sharing
from importers.worker.reader_process import ReaderProcess
from importers.worker.sharing import ShareBeside, Sharing


@pytest.mark.parametrize(
    ("apart", "at_end", "taken"),
    [(Apart(READS, from_start=False), (500, 7), (500, 0)), (None, (0, 0), (0, 0))],
)
def test_what_was_read_stays_read(
    apart: Apart | None, at_end: tuple[int, int], taken: tuple[int, int]
) -> None:
    """Its records count until they are taken; what the process could not read is not read."""
    if apart:
        apart.staged.counts[READS.shapes[0]] = 7
    of = 3
    process = SimpleNamespace(at=lambda number: (500, 6) if number == of else (0, 0))
    share = ShareBeside(cast("ReaderProcess", process), 3, READS, range(1, 2))
    assert share.at() == (500, 6)
    share.end(apart)
    of = 4  # it goes on with the next one
    assert share.at() == at_end
    assert share.taken() is apart
    assert share.at() == taken


async def test_what_a_plug_in_calls_reads_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its records are read by the worker, whatever a READS of it may mean."""
    monkeypatch.setattr(sharing, "LEAST_BYTES", 1)
    export = open_export(EXPORT)
    for kind, shared in (("catalog", True), ("weights", False)):
        ours, theirs = socket.socketpair()
        process = SimpleNamespace(pid=1, fileno=ours.fileno, send=list[object]().append)
        process.close = partial(setattr, process, "pid", None)
        with ours, theirs:
            of_session = Sharing(cast("ReaderProcess", process), export, {kind: load("catalog")}, "")
            assert bool(of_session.shares(kind)) is shared
            of_session.close()
