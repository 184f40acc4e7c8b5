"""One thing is made while the one before is worked on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from importers.catalog.ahead import ahead


async def test_the_next_is_made_while_one_is_worked_on() -> None:
    made, loop = asyncio.Queue[int](), asyncio.get_running_loop()

    def numbers() -> Iterator[int]:
        for number in range(3):
            loop.call_soon_threadsafe(made.put_nowait, number)
            yield number

    worked = []
    async with aclosing(ahead(numbers())) as found:
        async for number in found:
            worked.append(number)
            if number < 2:
                async with asyncio.timeout(5):
                    while await made.get() != number + 1:
                        pass
    assert worked == [0, 1, 2]


async def test_what_goes_wrong_with_one_comes_after_those_before() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError("two")

    worked = []
    with pytest.raises(ValueError, match="two"):
        async for number in ahead(numbers()):
            worked.append(number)
    assert worked == [1]


@pytest.mark.parametrize("how", ["left", "cancelled"])
async def test_nothing_is_made_any_more_once_it_is_left(how: str) -> None:
    began, go_on = threading.Event(), threading.Event()
    ended = []

    def numbers() -> Iterator[int]:
        yield 1
        began.set()
        go_on.wait(5)
        ended.append(True)
        yield 2

    async def work() -> None:
        async with aclosing(ahead(numbers())) as found:
            async for _number in found:
                await asyncio.to_thread(began.wait, 5)
                if how == "left":
                    return
                await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.to_thread(began.wait, 5)
    if how == "cancelled":
        task.cancel()
    asyncio.get_running_loop().call_later(0.05, go_on.set)
    await asyncio.wait([task])
    assert ended == [True]
