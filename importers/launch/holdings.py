"""What a source holds in records, as `obmen inspect` counts them, for who is about to launch.

    counts = RecordCounts()                        one for as long as answers should be known again
    async for view in counts.views(source):        at once by names and heads, then with what was counted
        for held in view.kinds:
            held.records, why_not(held, chosen, has_products=True, source=source)

What the first view says the last one does not take back: "none" stays none, and sizes come with the records. Files are
read by another process, at the lowest priority, which ends when the generator is closed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Collection
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from importers.errors import UsageError
from importers.events import NO_RECORD
from importers.kinds.registry import files_of, names
from importers.launch.counting import Told
from importers.launch.survey import NO_FILE, NO_PRODUCTS, lacks_products
from importers.texts import N_, Message

if TYPE_CHECKING:
    from importers.commerceml import Export
    from importers.kinds.inspect import KindSummary

MOST_KNOWN = 20
"""Sources of which the answer is kept."""


class Held(msgspec.Struct, frozen=True):
    """What a source holds for one import type; None where that is not known yet."""

    kind: str
    records: int | None = None
    """Never known of plug-ins."""
    files: int | None = None
    bytes: int | None = None
    """Of the files that hold these records."""
    newest: str | None = None
    """When the newest of them was written, UTC."""
    served: bool = True
    """Whether there is a file that may hold them, so that a launch does not refuse."""

    @property
    def holds(self) -> bool | None:
        return None if self.records is None else self.records > 0


class View(msgspec.Struct, frozen=True):
    kinds: tuple[Held, ...]
    counted: bool = False
    """Whether this is the last view."""
    error: Message | None = None
    """Why nothing could be counted: an import would meet it as well."""


class RecordCounts:
    """Remembers what it counted by the identity of the files (importers/identity.py)."""

    def __init__(self) -> None:
        self._known: dict[str, View] = {}

    async def views(self, source: str) -> AsyncGenerator[View]:
        """Raises SourceError."""
        export, view = await asyncio.to_thread(_look, source)
        key = repr((str(export.path), sorted(export.identities.items()), len(export.pictures)))
        if known := self._known.get(key):
            yield known
            return
        yield view
        if any(held.records is None for held in view.kinds):
            told = await _count(source)
            view = View(tuple(_counted(held, told.kinds) for held in view.kinds), True, told.error)
        else:
            view = msgspec.structs.replace(view, counted=True)
        if view.error is None:
            self._known[key] = view
            for oldest in list(self._known)[:-MOST_KNOWN]:
                del self._known[oldest]
        yield view


def why_not(held: Held, chosen: Collection[str], *, has_products: bool, source: str) -> Message | None:
    """Why an import type cannot be imported now, in the words of a launch or of the session that would fail."""
    if not held.served:
        return Message.of(NO_FILE, kinds=held.kind, source=source)
    if held.records == 0:
        return Message.of(NO_RECORD, kinds=held.kind, source=source)
    if lacks_products(held.kind, chosen, has_products=has_products):
        return Message.of(NO_PRODUCTS, kind=held.kind)
    return None


def _look(source: str) -> tuple[Export, View]:
    from importers.commerceml import open_export

    export = open_export(source)
    return export, View(tuple(_held(export, kind) for kind in names()))


def _held(export: Export, kind: str) -> Held:
    try:
        there = files_of(export, kind)
    except UsageError:  # a plug-in that cannot be loaded: a launch says why
        return Held(kind)
    return Held(kind) if there else Held(kind, 0, 0, 0, served=False)


def _counted(held: Held, kinds: dict[str, KindSummary]) -> Held:
    found = kinds.get(held.kind)
    if found is None:
        return held
    return Held(held.kind, found.records, found.files, found.bytes, found.newest, held.served)


async def _count(source: str) -> Told:
    """By another process: the screen stays quick, and a cancellation ends it at once."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "importers.launch.counting", source,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        out, _err = await child.communicate()
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(out, type=Told)
    text = N_("{source}: nothing could be counted; obmen inspect {source} tells why")
    return Told({}, Message.of(text, source=source))
