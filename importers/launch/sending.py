"""The source that is sent along with a launch: it lies beside the journal before there is a session that needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from importers.kinds.registry import repeats
from importers.sessions.uploads import Uploads
from importers.shielding import to_the_end
from importers.upload import Parcel, send

if TYPE_CHECKING:
    from importers.sessions import Journal, NewSession
    from importers.upload import Report


async def parcel_of(source: str, kinds: Sequence[str]) -> Parcel:
    """With pictures only where one of the import types may read them. Raises SourceError."""
    return await asyncio.to_thread(Parcel, source, pictures=not all(map(repeats, kinds)))


@asynccontextmanager
async def sent_along(
    parcel: Parcel | None, new: NewSession, journal: Journal, report: Report | None
) -> AsyncIterator[None]:
    """It lies in the journal meanwhile, and stays there if a session was made that came with it. No parcel: nothing.
    Raises SourceError, DatabaseError."""
    if parcel is None or new.upload is None:
        yield
        return
    uploads = Uploads(journal.database)
    try:
        await send(parcel, uploads, new.upload, report)
        yield
    finally:
        await to_the_end(uploads.drop(new.upload))
