"""What is made of one thing after the other, the next one while the last is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import TypeVar

from importers.shielding import to_the_end

T = TypeVar("T")


async def ahead(items: Iterator[T]) -> AsyncGenerator[T]:
    """The items, each made in a thread: while a database is busy with one, the processor makes the next. When this is
    left no thread works on any more."""

    def make() -> list[T]:
        return [item for item in [next(items, None)] if item is not None]

    making = asyncio.ensure_future(asyncio.to_thread(make))
    try:
        while made := await asyncio.shield(making):
            making = asyncio.ensure_future(asyncio.to_thread(make))
            yield made[0]
    finally:
        with suppress(Exception):  # of what nobody asks for any more
            await to_the_end(making)
