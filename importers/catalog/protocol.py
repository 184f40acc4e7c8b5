"""What the program asks of a catalog on any engine, and what a merge tells."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from importers.catalog.rows import RowStore

if TYPE_CHECKING:
    from importers.catalog.columns import Cell, Rows, Table
    from importers.catalog.merge import Stage
    from importers.catalog.tables import Shape
    from importers.events import Counts

FIRST_FEW = 5
"""So many keys are told of a larger number, in messages."""


EVERYTHING = frozenset(("*",))
"""As `Stage.protected`: all of them stay."""


class Change(msgspec.Struct, frozen=True):
    """What a merge changed in one entity, or in the facts of one offer, that the catalog held before: rows per
    table of the shape, without the first cell (the key)."""

    key: str
    old: Rows
    new: Rows


class Merged(msgspec.Struct):
    """What came of one batch of staged records."""

    counts: Counts
    changes: list[Change]
    orphans: list[str]
    """Keys without a parent; `counts.orphans` counts their records."""
    held: int = 0
    """Rows of these keys that the main table had before."""
    hidden: int = 0
    """Rows that were active and are marked as removed now: less than `counts.removed`, as 1C also sends deletion
    marks of things that the shop never had."""
    absent: int = 0
    """Rows marked as removed because a full export does not hold them any more; they count as read and removed."""
    absent_first: list[str] = []
    differing: int = 0
    """Records that a later one of the same key replaced with something else; `unchanged` counts them."""
    differing_first: list[str] = []
    rejected: list[tuple[str, str, int | None]] = []
    """(key, file, line) of records that tell a part of something that nobody knows."""
    ungrouped: int = 0
    """Products that are there and belong to no group."""
    ungrouped_first: list[str] = []
    beside: int = 0
    """Prices of a type that the offer has another, base one of."""
    beside_first: list[str] = []


class CatalogTransaction(RowStore, Protocol):
    """One session's changes: all of them or none (guarantee 7).

    It begins on the database with what is first asked of it, or written: while a session reads its files, nobody waits
    for it, and on a server it holds up nobody's vacuum.
    """

    note: bytes
    """What `Catalog.applied` will answer: set before the end."""
    before_commit: Callable[[], Awaitable[None]] | None
    """Awaited right before COMMIT, under the write lock; when it raises, nothing is changed."""
    on_commit: list[Callable[[], None]]
    """Called in order after the commit, also when no row had changed; not in a dry run."""
    on_rollback: list[Callable[[], None]]
    """Called in order when nothing is kept: after an error, or a dry run."""

    @property
    def changed(self) -> bool:
        """Whether a row of the shop was written."""
        ...

    async def begin(self) -> object:
        """Now, if it has not. From then on no other session commits. Raises LeaseLost, DatabaseError."""
        ...

    def look(self) -> AbstractAsyncContextManager[CatalogTransaction]:
        """To ask what is committed while this has not begun, without beginning it; else it is this. No other session
        commits meanwhile, so it should be short, and must not write. Raises as `begin`."""
        ...

    async def state(self) -> str | None:
        """What the catalog held when this transaction began: see `importers.database.protocol.Transaction.state`."""
        ...

    async def mark(self) -> int | None:
        """For `Catalog.state`, right before the end. None: what was written need not be what is there now."""
        ...

    async def has_products(self) -> bool:
        """Whether there is any, with what this session has added."""
        ...

    def stage(self, shape: Shape) -> Stage:
        """An empty stage for records of this shape."""
        ...

    async def active(self, shape: Shape, most: int | None = None) -> int:
        """How many things are not marked as removed; of prices and stocks, how many offers have any. No more than
        `most` are counted: in a large shop that takes long."""
        ...

    async def names(self, table: Table, keys: Sequence[str]) -> dict[str, str]:
        """What to call these rows in a message: the name, or the key where there is none."""
        ...

    async def out_of_stock(self, products: Sequence[str]) -> list[str]:
        """Those of `products` of which no offer has a quantity above zero."""
        ...

    async def insert(self, table: Table, rows: Sequence[tuple[Cell, ...]]) -> None:
        """Add rows, `table.columns` each."""
        ...

    def referred_images(self) -> AsyncGenerator[tuple[str]]:
        """(path,) of every image that a product or offer has, in order."""
        ...

    def staged_images(self) -> AsyncGenerator[str]:
        """The path of every image that a record tells that is staged but not merged yet, in any order, perhaps
        several times."""
        ...

    def orphaned_images(self) -> AsyncGenerator[tuple[str, int, str]]:
        """(path, size, sha256) of image files that no product or offer refers to any more, in order."""
        ...

    async def images_differ(self, paths: Sequence[str]) -> None:
        """The folder does not hold what the catalog says of these: to merge them is to update them."""
        ...

    async def identity(self) -> tuple[str, str]:
        """What tells this catalog from any other for ever, and where it is now."""
        ...

    async def waiting_images(self) -> list[tuple[str, str]]:
        """As `Catalog.waiting_images`, and what this transaction adds."""
        ...

    async def leave_images_waiting(self, token: str, folder: str) -> None:
        """With the commit, the copies of this token in this folder become those to be put in place."""
        ...

    async def resolve_brands(self) -> int:
        """Derive product.brand again from manufacturer and properties; how many products changed."""
        ...

    def rows(self, sql: str, *parameters: Cell) -> AsyncGenerator[Any]:
        """Tuples, by a SELECT of one's own, `?1 ?2` or `?` for its parameters. Nothing that it reads may be written
        before its end."""
        ...


class Catalog(Protocol):
    """The shop's tables, for one process and event loop. One transaction at a time: a second one waits for the first,
    in whatever process, and after a while gives up with DatabaseError that names who holds it."""

    @property
    def shared(self) -> bool:
        """See `importers.database.protocol.Database`."""
        ...

    async def has_products(self) -> bool:
        """Whether the committed catalog holds any product (guarantee 4)."""
        ...

    async def identity(self) -> str:
        """Random, made with the catalog; a copy of it has the same."""
        ...

    def transaction(
        self, *, journal_id: str, session_id: int, task_id: str, fence: int, dry_run: bool = False
    ) -> AbstractAsyncContextManager[CatalogTransaction]:
        """It begins with what is first asked of it, at the latest at the end; unless dry_run, that is refused with
        LeaseLost when a later fence of this task was here. On a clean exit write the mark that `applied` reads and
        commit; roll back if dry_run, on any exception, and when no row of the shop changed: importing the same export
        twice writes nothing. `session_id` is for people only."""
        ...

    async def state(self, mark: int) -> str | None:
        """What the catalog holds since that session: see `importers.database.protocol.Database.state`."""
        ...

    async def applied(self, *, journal_id: str, task_id: str) -> bytes | None:
        """The note that the transaction of this very task left with its commit (by_kind counts as JSON); None if it
        never committed or had nothing to change, which leaves the same catalog."""
        ...

    async def end_others(self, name: str) -> int:
        """End what a session's worker does in it, on whatever host: see `importers.database.protocol.Database`. `name`:
        that of `session_name`."""
        ...

    async def waiting_images(self) -> list[tuple[str, str]]:
        """(token, folder) of committed sessions whose pictures may still have to be put in place."""
        ...

    async def images_in_place(self, token: str) -> None:
        """They are; may be said again."""
        ...

    async def close(self) -> None:
        """Let its database go; what was committed is kept. Nothing may be asked of it any more."""
        ...
