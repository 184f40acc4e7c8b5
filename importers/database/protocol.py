"""What rooms may ask of a database, whichever engine it is: one adaptor an engine, one set of statements for all.

Statements are written in what SQLite and PostgreSQL both take, with `?1 ?2` for what is bound to them, or `?` for one
after the other; no list in them is empty. Whatever keeps the database from being opened, read or written is a
DatabaseError that names it and the cure; a ConnectionLost where a server was lost before a commit.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, overload

if TYPE_CHECKING:
    from datetime import datetime

    from importers.clock import Now


class Row(Protocol):
    """What a statement returned: its columns by their names or their places, or all of them one after the other."""

    @overload
    def __getitem__(self, column: str | int, /) -> Any: ...
    @overload
    def __getitem__(self, columns: slice, /) -> tuple[Any, ...]: ...

    def __iter__(self) -> Iterator[Any]: ...

    def keys(self) -> Sequence[str]:
        """The names, in the order in which they were asked for."""
        ...


class Reader(Protocol):
    """A database, or a transaction on it."""

    async def fetch(self, sql: str, *parameters: object) -> Sequence[Row]:
        """All rows of one statement, on one state of the database. Outside of a transaction it must not write."""
        ...

    async def now(self) -> Now:
        """The database's own clock, the same for all who use it: what one of them wrote by it another may judge."""
        ...


class Transaction(Reader, Protocol):
    """Sees its own writes; nobody else does before it is over."""

    @property
    def committed(self) -> bool:
        """Whether it is, once it is left: also when a cancellation came while it was committed."""
        ...

    @property
    def changes(self) -> int:
        """How many rows were inserted, updated or deleted so far; those that triggers wrote may count as well."""
        ...

    def stream(self, sql: str, *parameters: object) -> AsyncGenerator[Row]:
        """As `fetch`, for more rows than memory should hold. What it reads must not be written before its end."""
        ...

    async def select(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """As `fetch`, in plain tuples: the fastest way for many."""
        ...

    async def execute(self, sql: str, *parameters: object) -> int:
        """How many rows it changed. A condition in the statement holds at the moment of its write, whoever wrote
        meanwhile."""
        ...

    async def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """The statement once for each of the rows."""
        ...

    async def insert(self, table: str, columns: tuple[str, ...], cells: Sequence[object]) -> None:
        """Add the rows that the cells make up, one after the other: the fastest way for many. Where they cannot be
        added, that may be told by what is asked next, at the latest before the commit."""
        ...

    async def update(
        self, table: str, key: tuple[str, ...], columns: tuple[str, ...], rows: Sequence[Sequence[object]]
    ) -> None:
        """Set these columns in rows that are there: of each its primary key, which these columns are, then what to
        set."""
        ...

    async def delete(self, table: str, key: tuple[str, ...], rows: Sequence[Sequence[object]]) -> None:
        """Take the rows of these primary keys away."""
        ...

    async def state(self) -> str | None:
        """What tells what the database held when this began from all that it held or will hold at other times: as
        `Database.state` told it then. None: that cannot be told now."""
        ...

    async def mark(self) -> int:
        """For `Database.state`, after this is over."""
        ...

    async def has_triggers(self) -> bool:
        """Whether what is written may become something else."""
        ...

    async def commit(self) -> None:
        """Before one leaves it, which does so anyway. Nothing may be asked of it any more. Raises DatabaseError,
        Unsure."""
        ...

    async def rollback(self) -> None:
        """Nothing of it is kept. Nothing may be asked of it any more."""
        ...


class Watch(Protocol):
    """One who waits for changes. Each has a memory of its own: none takes another's changes away."""

    async def changed(self, seconds: float = 0) -> bool:
        """Whether anybody, this process included, wrote since this was last asked; at first True. Cheap; may be True
        without a change. With 0 never False after one; else it is waited for, so many seconds at most."""
        ...


class Database(Reader, Protocol):
    """Of one process and event loop, whose tasks may all use it at once."""

    place: str
    """What tells where it is, for one who compares; nothing secret."""
    shared: bool
    """Whether others work in it all the time, so that a transaction should be open no longer than it must."""

    @property
    def lost_since(self) -> datetime | None:
        """Since when the server cannot be reached, which is tried again meanwhile; None: nothing is known of that."""
        ...

    def transaction(self, gate: str | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Committed when it is left; rolled back, whole, when it is left by an exception or a cancellation.

        Transactions of one `gate` run one after the other: what such a one has looked up holds until its commit.
        """
        ...

    async def state(self, mark: int) -> str | None:
        """What tells what the database holds since the transaction that gave the mark was over, whoever writes to it by
        whatever means. The same is told again only while it holds the same, and need not be. None: somebody else wrote
        since, or it cannot be told."""
        ...

    async def end_others(self, name: str) -> int:
        """End what others, who opened this database under that name, do in it, and wait until it is over: nothing of it
        can be committed any more. How many; none of a file, whose processes can be ended themselves."""
        ...

    def watch(self) -> Watch:
        """As many as one likes; none needs to be closed."""
        ...

    async def close(self) -> None:
        """Nothing may be asked of it any more, nor of its watches."""
        ...
