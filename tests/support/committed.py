"""A catalog of which only commits are known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from importers.errors import DatabaseError


class CommittedCatalog:
    """`commits`: (session, task, fence) of each; `lock_holder`: whoever keeps it locked."""

    def __init__(
        self, commits: Iterable[tuple[int, str, int]], lock_holder: Callable[[], object | None]
    ) -> None:
        self._commits = commits
        self._lock_holder = lock_holder

    @asynccontextmanager
    async def transaction(self, **_: object) -> AsyncIterator[Any]:
        yield self

    async def begin(self) -> None:
        if self._lock_holder():
            raise DatabaseError("locked by another program")

    async def applied(self, *, journal_id: str, task_id: str) -> bytes | None:
        return b"{}" if any(task == task_id for _done, task, _fence in self._commits) else None

    async def end_others(self, name: str) -> int:
        return 0

    async def waiting_images(self) -> list[tuple[str, str]]:
        return []

    async def close(self) -> None:
        pass
