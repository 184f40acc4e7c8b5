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
    limits: Limits = Limits()
    """What a run may reject and remove at most, unless `options.force` (guarantee 9)."""


class Kind(Protocol):
    """What an import type is: this much, whether it ships with obmen or comes from a plug-in."""

    def run(self, job: Job) -> AsyncIterator[Event]:
        """Read, change, tell. Raises ObmenError when nothing of the session may be kept; a LimitExceeded comes after
        the Counted, so that the operator sees what would have happened."""
        ...
