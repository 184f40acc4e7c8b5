"""What rooms may ask of a database, whichever engine it is: one adaptor an engine, one set of statements for all.

Statements are written in what SQLite and PostgreSQL both take, with `?1 ?2` for what is bound to them. Whatever keeps
the database from being opened, read or written is a DatabaseError that names it and the cure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from importers.clock import Now


class Row(Protocol):
    """What a statement returned: its columns by their names."""

    def __getitem__(self, column: str, /) -> Any:
        """Raises IndexError for a name that was not asked for."""
        ...

    def keys(self) -> Sequence[str]:
        """The names, in the order in which they were asked for."""
        ...


class Reader(Protocol):
    async def fetch(self, sql: str, *parameters: object) -> Sequence[Row]:
        """All rows of one statement, on one state of the database. Outside of a transaction it must not write."""
        ...

    async def now(self) -> Now:
        """The database's own clock, the same for all who use it: what one of them wrote by it another may judge."""
        ...


class Transaction(Reader, Protocol):
    """Sees its own writes; nobody else does before it is over."""

    async def execute(self, sql: str, *parameters: object) -> int:
        """How many rows it changed. A condition in the statement holds at the moment of its write, whoever wrote
        meanwhile."""
        ...

    async def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """The statement once for each of the rows."""
        ...


class Watch(Protocol):
    """One who waits for changes. Each has a memory of its own: none takes another's changes away."""

    async def changed(self) -> bool:
        """Whether anybody, this process included, wrote since this was last asked; at first True. Cheap; may be True
        without a change, never False after one."""
        ...


class Database(Reader, Protocol):
    """Of one process and event loop, whose tasks may all use it at once."""

    def transaction(self, gate: str | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Committed when it is left; rolled back, whole, when it is left by an exception or a cancellation.

        Transactions of one `gate` run one after the other: what such a one has looked up holds until its commit.
        """
        ...

    def watch(self) -> Watch:
        """As many as one likes; none needs to be closed."""
        ...

    async def close(self) -> None:
        """Nothing may be asked of it any more, nor of its watches."""
        ...
