"""The import types of a session, one after the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import cast

from importers.events import AllRead, Event
from importers.kinds.protocol import Job, Kind
from importers.kinds.registry import reads_first


async def in_turn(
    kinds: Mapping[str, Kind], job_of: Callable[[str], Awaitable[Job]], *, read_first: bool
) -> AsyncGenerator[tuple[str, Event]]:
    """Run them; what each tells. `job_of`: asked for when a kind begins.

    `read_first`: all files are read before the first kind asks anything of the catalog, which then is busy no longer
    than its merges take. Otherwise kinds are read while those before them are merged, which is sooner done with two
    processes."""
    async with AsyncExitStack() as stack:

        async def begin(kind: str) -> AsyncGenerator[Event]:
            run = cast("AsyncGenerator[Event]", kinds[kind].run(await job_of(kind)))
            return await stack.enter_async_context(aclosing(run))

        begun: dict[str, AsyncGenerator[Event]] = {}
        for kind in kinds:
            if read_first and reads_first(kinds[kind]):
                begun[kind] = await begin(kind)
                async for event in begun[kind]:
                    if isinstance(event, AllRead):
                        break
                    yield kind, event
        for kind in kinds:
            async for event in begun.get(kind) or await begin(kind):
                if not isinstance(event, AllRead):
                    yield kind, event
