"""In which order the import types of a session read and merge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from importers.events import AllRead, Event, Log
from importers.kinds import KINDS, Job
from importers.kinds.in_turn import in_turn
from importers.kinds.registry import load, reads_first
from importers.kinds.staged import Reads


class Kind:
    """Reads, then merges."""

    def __init__(self, name: str, told: list[str], *, reads: bool = True, fails: bool = False) -> None:
        self._name = name
        self._told = told
        self._fails = fails
        if reads:
            self.READS = Reads(())

    async def run(self, _job: Job) -> AsyncIterator[Event]:
        try:
            self._told.append(f"read {self._name}")
            yield Log("info", "read")
            yield AllRead()
            self._told.append(f"merge {self._name}")
            if self._fails:
                raise ZeroDivisionError
            yield Log("info", "merged")
        finally:
            self._told.append(f"end {self._name}")


async def run(told: list[str], kinds: dict[str, Any], *, read_first: bool) -> list[tuple[str, Event]]:
    async def job_of(kind: str) -> Any:
        told.append(f"begin {kind}")

    async with aclosing(in_turn(kinds, job_of, read_first=read_first)) as events:
        return [each async for each in events]


@pytest.mark.parametrize("read_first", [False, True])
async def test_all_is_read_first_but_by_who_may_ask_the_catalog_before(read_first: bool) -> None:
    """What another package brings may, unless it says what it reads."""
    assert not {"weights", "sizes"} & set(KINDS)
    told: list[str] = []
    names = ("catalog", "images", "sizes", "weights")
    kinds = {name: Kind(name, told, reads=name != "sizes") for name in names}
    events = await run(told, kinds, read_first=read_first)
    before, after = ("begin", "read"), ("merge", "end")
    first = ("catalog", "images", "weights") if read_first else ()
    expected = [f"{step} {kind}" for kind in first for step in before]
    for kind in kinds:
        expected += [f"{step} {kind}" for step in (after if kind in first else (*before, *after))]
    assert told == expected
    lines = [(kind, event.message) for kind, event in events if isinstance(event, Log)]
    assert sorted(lines) == sorted((kind, line) for kind in kinds for line in ("read", "merged"))
    assert len(events) == len(lines), "what is said to the session alone goes no further"


def test_every_kind_of_obmen_reads_first() -> None:
    assert all(reads_first(load(kind)) for kind in KINDS)


async def test_an_error_ends_those_that_wait_for_their_turn() -> None:
    told: list[str] = []
    kinds = {name: Kind(name, told, fails=name == "catalog") for name in ("catalog", "prices", "stocks")}
    with pytest.raises(ZeroDivisionError):
        await run(told, kinds, read_first=True)
    assert "merge prices" not in told
    assert sorted(told[-3:]) == ["end catalog", "end prices", "end stocks"]
