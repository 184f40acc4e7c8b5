"""Pictures of committed sessions that are not in their places yet, as a worker died in between."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from importers.errors import DatabaseError
from importers.events import Log
from importers.texts import N_, Message

if TYPE_CHECKING:
    from importers.catalog.protocol import Catalog


async def put_waiting_in_place(catalog: Catalog) -> list[Log]:
    """Rename what committed sessions left, their own worker's or a dead one's; what went wrong. Does not raise."""
    lines = []
    try:
        for token, folder in await catalog.waiting_images():
            from importers.kinds.image_folder import ImageFolder  # here: hardly any session leaves pictures

            stuck = await asyncio.to_thread(ImageFolder(Path(folder)).put_in_place, token)
            if stuck is None:
                await catalog.images_in_place(token)
            else:
                text = N_(
                    "{folder}: images that are not in their places yet: {count}, the first is {path}: {error}; "
                    "mend that, the next import tries again"
                )
                why = Message.of(text, folder=folder, path=stuck.first, error=Message(stuck.error))
                lines.append(Log("error", why.text, {**why.args, "count": stuck.count}))
    except DatabaseError as error:
        lines.append(Log.of("warning", error.message))
    return lines
