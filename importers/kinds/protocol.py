"""What an import type is given, and what it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

import msgspec

from importers.events import Event, Options
from importers.settings import Limits

if TYPE_CHECKING:
    from importers.catalog.protocol import CatalogTransaction
    from importers.commerceml import Export
    from importers.kinds.beside import Beside


class Job(msgspec.Struct, frozen=True):
    """One kind's share of a session."""

    session_id: int
    kind: str
    export: Export
    catalog: CatalogTransaction
    options: Options = Options()
    images_path: str = ""
    """Folder that the `images` kind fills."""
    keep_unlisted: str = ""
    """Price types whose prices stay where an offer's list leaves them out (settings.Prices)."""
    beside: Beside | None = None
    """A process that reads some of the parts."""
    limits: Limits = Limits()
    """What a run may reject and remove at most, unless `options.force` (guarantee 9)."""


class Kind(Protocol):
    """What an import type is: this much, whether it ships with obmen or comes from a plug-in, which may also have
    `RECORDS`, see `registry.records_of`.

    One with `READS` (importers/kinds/staged.py: what it reads of XML, perhaps nothing) has two phases: it reads, and
    asks nothing of the catalog (but a `look`), yields `AllRead`, then merges. So it can read before the transaction
    begins. One without reads in it, when its turn comes."""

    def run(self, job: Job) -> AsyncIterator[Event]:
        """An async generator that reads the export, changes the catalog and reports: events as they come, one Counted.

        Changes the database through `job.catalog` alone, and leaves the commit to the session: kinds of one session
        run one after the other in one transaction. What is not in the database waits in `job.catalog.on_commit`, and
        is cleared away by `job.catalog.on_rollback`. Lets the event loop run between batches; may be cancelled or
        closed wherever it awaits or yields, and nothing of it stays then.

        Raises ObmenError when nothing of the session may stay; LimitExceeded after the Counted, so that the operator
        sees what would have happened. Any other exception undoes the session as well, as an error of the program.
        """
        ...
